import { type Dialect, ignored, type Rules, sent, sentUnless } from "./Dialect.ts"
import * as OpenAi from "./OpenAi.ts"

const sampling = {
  topK: sentUnless(0, "top_k"),
  minP: sentUnless(0, "min_p"),
  typicalP: ignored("SGLang has no typical sampling", 1),
  repetitionPenalty: sentUnless(1, "repetition_penalty"),
  truncate: ignored("SGLang does not cut prompts"),
  adapterId: ignored("SGLang takes any model name; name the adapter as lora_path in `extra`")
} satisfies Partial<Rules>

const template = {
  continueFinalMessage: sent<boolean>(
    "continue_final_message",
    (value) => value ? { continue_final_message: true } : undefined
  ),
  templateVariables: sent("chat_template_kwargs")
} satisfies Partial<Rules>

/**
 * SGLang: sampling controls on both routes.
 *
 * @category dialects
 * @since 0.1.0
 */
export const dialect: Dialect = {
  ...OpenAi.dialect,
  engine: "sglang",
  rules: { chat: { ...OpenAi.chat, ...sampling, ...template }, completion: { ...OpenAi.completion, ...sampling } }
}
