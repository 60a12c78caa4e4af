import { type Dialect, ignored, refused, type Rules, sent, sentUnless } from "./Dialect.ts"
import * as OpenAi from "./OpenAi.ts"

/** vLLM reads a seed as an int64. */
const seed = sent<number | bigint>("seed", (value) => ({
  seed: typeof value === "bigint" ? BigInt.asIntN(64, value) : value
}))

const sampling = {
  topK: sentUnless(0, "top_k"),
  minP: sentUnless(0, "min_p"),
  typicalP: ignored("vLLM has no typical sampling", 1),
  repetitionPenalty: sentUnless(1, "repetition_penalty"),
  truncate: sent("truncate_prompt_tokens"),
  seed
} satisfies Partial<Rules>

const template = {
  continueFinalMessage: sent<boolean>(
    "continue_final_message",
    (value) => value ? { continue_final_message: true, add_generation_prompt: false } : undefined
  ),
  templateVariables: sent("chat_template_kwargs")
} satisfies Partial<Rules>

/**
 * vLLM: sampling controls on both routes, LoRA adapters by model name.
 *
 * @category dialects
 * @since 0.1.0
 */
export const dialect: Dialect = {
  ...OpenAi.dialect,
  engine: "vllm",
  rules: {
    chat: { ...OpenAi.chat, ...sampling, ...template, thinkingBudget: sentUnless(-1, "thinking_token_budget") },
    completion: {
      ...OpenAi.completion,
      ...sampling,
      bestOf: refused("current versions have no best_of; request several generations with numGenerations", 1)
    }
  }
}
