import * as Tei from "./embedding/Tei.ts"
import type * as Options from "./model/Options.ts"
import type { Turn } from "./model/Turn.ts"
import * as LlamaCpp from "./openai/llamacpp/LlamaCpp.ts"
import * as HfServe from "./openai/serve/HfServe.ts"
import * as TransformersServe from "./openai/serve/TransformersServe.ts"
import * as Sglang from "./openai/sglang/Sglang.ts"
import * as Vllm from "./openai/vllm/Vllm.ts"
import * as Tgi from "./tgi/Tgi.ts"
import type * as Reply from "./wire/Reply.ts"

/**
 * The router of the engine that the settings name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (settings: Options.Settings): (turn: Turn) => Reply.Reply => {
  switch (settings.engine) {
    case "tgi":
      return Tgi.make(settings)
    case "tei":
      return Tei.answer
    case "sglang":
      return Sglang.answer
    case "llamacpp":
      return LlamaCpp.answer
    case "hf-serve":
      return HfServe.make()
    case "transformers":
      return TransformersServe.answer
    case "vllm":
      return Vllm.answer
  }
}
