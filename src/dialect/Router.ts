import type { Dialect } from "./Dialect.ts"
import { ignored, refused } from "./Dialect.ts"
import * as OpenAi from "./OpenAi.ts"
import * as Tgi from "./Tgi.ts"

const thinkingBudget = refused<number>(
  "it is not known which provider serves the second of two requests, or how it renders; use a dedicated endpoint",
  -1
)

/**
 * The serverless router: the plain dialect, of which each provider behind it supports its own subset. Prompts rendered by
 * the client are served by few providers, on the completions route.
 *
 * @category dialects
 * @since 0.1.0
 */
export const dialect: Dialect = {
  ...OpenAi.dialect,
  engine: "router",
  rules: {
    chat: {
      ...OpenAi.chat,
      thinkingBudget,
      adapterId: ignored("the router chooses by model name; name the adapter's repository as modelId")
    },
    completion: { ...OpenAi.completion, thinkingBudget }
  }
}

/**
 * The router with a provider that takes raw prompts in the form of TGI's native route, as hf-inference does.
 *
 * @category dialects
 * @since 0.2.0
 */
export const native: Dialect = {
  ...dialect,
  raw: "generate",
  rules: {
    ...dialect.rules,
    generate: {
      ...Tgi.generate,
      adapterId: ignored("the provider only serves the model of its route"),
      thinkingBudget
    }
  },
  finish: Tgi.finish
}
