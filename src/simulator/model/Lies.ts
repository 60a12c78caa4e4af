/**
 * What a simulated server claims to do but does not. Real servers silently drop options, or report probabilities that they
 * never computed; a program that measures a server has to find out.
 *
 * @since 0.2.0
 */

/** The fields that each lie leaves unread, in the spellings of all engines. */
const fields = {
  maxTokens: ["max_tokens", "max_completion_tokens", "max_new_tokens", "n_predict"],
  temperature: ["temperature"],
  topP: ["top_p"],
  topK: ["top_k"],
  minP: ["min_p"],
  typicalP: ["typical_p"],
  repetitionPenalty: ["repetition_penalty", "repeat_penalty"],
  frequencyPenalty: ["frequency_penalty"],
  presencePenalty: ["presence_penalty"],
  logitBias: ["logit_bias"],
  seed: ["seed"],
  stop: ["stop", "stop_sequences"],
  doSample: ["do_sample"],
  echo: ["echo", "return_full_text"],
  watermark: ["watermark"],
  truncate: ["truncate", "truncate_prompt_tokens"],
  bestOf: ["best_of"],
  logprobs: ["logprobs", "top_logprobs", "top_n_tokens", "n_probs", "decoder_input_details"],
  n: ["n"],
  tools: ["tools"],
  toolChoice: ["tool_choice"],
  parallelToolCalls: ["parallel_tool_calls"],
  grammar: ["response_format", "structured_outputs", "grammar", "json_schema", "regex", "ebnf"],
  template: ["chat_template_kwargs"],
  continueFinalMessage: ["continue_final_message", "add_generation_prompt"],
  thinkingBudget: ["thinking_token_budget", "thinking_budget_tokens", "custom_logit_processor", "custom_params"]
} as const

/**
 * A lie: an option that is accepted but not read, log probabilities that are all the same (`fakeLogprobs`), a generation
 * that continues when its reader has left (`cancel`), or the response to a concurrent request of another caller (`mix`).
 *
 * @category models
 * @since 0.2.0
 */
export type Lie = keyof typeof fields | "fakeLogprobs" | "cancel" | "mix"

/**
 * All of them.
 *
 * @category constants
 * @since 0.2.0
 */
export const all: ReadonlyArray<Lie> = [
  // the keys of the table are its own names
  ...Object.keys(fields) as ReadonlyArray<keyof typeof fields>,
  "fakeLogprobs",
  "cancel",
  "mix"
]

const isDropping = (lie: Lie): lie is keyof typeof fields => lie in fields

/**
 * A body as read by a server with these lies. Anything but an object stays as it is.
 *
 * @category conversions
 * @since 0.2.0
 */
export const heard = (body: string, lies: ReadonlyArray<Lie>): string => {
  const dropped = new Set(lies.filter(isDropping).flatMap((lie): ReadonlyArray<string> => fields[lie]))
  if (dropped.size === 0) return body
  try {
    const json: unknown = JSON.parse(body)
    return JSON.stringify(without(json, dropped, 2))
  } catch {
    return body
  }
}

/** Options are at the top level, or one level below it. */
const without = (value: unknown, dropped: ReadonlySet<string>, depth: number): unknown =>
  typeof value !== "object" || value === null || Array.isArray(value) || depth === 0
    ? value
    : Object.fromEntries(
      Object.entries(value).filter(([name]) => !dropped.has(name)).map(([name, inner]) => [
        name,
        name === "parameters" ? without(inner, dropped, depth - 1) : inner
      ])
    )

/** The log probability of every token when they are invented. */
const FAKE = -0.5

/**
 * Tokens from a server that invents log probabilities.
 *
 * @category conversions
 * @since 0.2.0
 */
export const told = <T extends { readonly logprob: number }>(
  tokens: ReadonlyArray<T>,
  lies: ReadonlyArray<Lie>
): ReadonlyArray<T> =>
  lies.includes("fakeLogprobs") ? tokens.map((token) => ({ ...token, logprob: FAKE, top: undefined })) : tokens
