import { type Dialect, ignored, refused, type Rules, sent, sentUnless } from "./Dialect.ts"
import * as OpenAi from "./OpenAi.ts"

const sampling = {
  topK: sent("top_k"),
  minP: sent("min_p"),
  typicalP: sentUnless(1, "typical_p"),
  repetitionPenalty: sentUnless(1, "repeat_penalty"),
  truncate: ignored("llama.cpp does not cut prompts"),
  adapterId: ignored("adapters are chosen when the server starts")
} satisfies Partial<Rules>

const template = {
  // a last message of the assistant is continued by itself
  continueFinalMessage: sent<boolean>("messages", () => undefined),
  templateVariables: sent("chat_template_kwargs")
} satisfies Partial<Rules>

const legacy = {
  returnFullText: refused<boolean>("llama.cpp does not repeat the prompt", false),
  bestOf: refused<number>("llama.cpp has no best_of; ask for several generations with numGenerations", 1)
} satisfies Partial<Rules>

/**
 * llama.cpp's server. Its own defaults sample (temperature 0.8, top_k 40), so "off" has to be said: 0 is sent.
 *
 * @category dialects
 * @since 0.1.0
 */
export const dialect: Dialect = {
  ...OpenAi.dialect,
  engine: "llamacpp",
  rules: {
    chat: { ...OpenAi.chat, ...sampling, ...template },
    completion: { ...OpenAi.completion, ...sampling, ...legacy }
  }
}
