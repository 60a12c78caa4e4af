import type { Kind } from "../endpoint/address/Engine.ts"
import type { Dialect } from "./Dialect.ts"
import * as HfServe from "./HfServe.ts"
import * as LlamaCpp from "./LlamaCpp.ts"
import * as OpenAi from "./OpenAi.ts"
import * as Router from "./Router.ts"
import * as Sglang from "./Sglang.ts"
import * as Tgi from "./Tgi.ts"
import * as Transformers from "./Transformers.ts"
import * as Vllm from "./Vllm.ts"

/**
 * The dialect of each engine.
 *
 * @category constants
 * @since 0.1.0
 */
export const all: { readonly [K in Kind]: Dialect } = {
  tgi: Tgi.dialect,
  vllm: Vllm.dialect,
  sglang: Sglang.dialect,
  llamacpp: LlamaCpp.dialect,
  "hf-serve": HfServe.dialect,
  transformers: Transformers.dialect,
  router: Router.dialect,
  openai: OpenAi.dialect
}

/**
 * The router's, for a provider that takes raw prompts on a native route.
 *
 * @category constants
 * @since 0.2.0
 */
export const native: Dialect = Router.native
