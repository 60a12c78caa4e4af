/**
 * The finish reasons that servers use, as one table: those of TGI, vLLM, SGLang and llama.cpp, and of
 * the providers behind the router (Together, Fireworks, Cohere, Mistral, Anthropic, Google, Zhipu, DeepSeek).
 *
 * @since 0.2.0
 */

/**
 * What a word means. `failed`: the generation is not complete, whatever text came before it.
 *
 * @category models
 * @since 0.2.0
 */
export type Meaning = "stop" | "length" | "stop_sequence" | "tool_calls" | "content_filter" | "failed"

const words: { readonly [M in Meaning]: ReadonlyArray<string> } = {
  stop: ["stop", "eos", "eos_token", "end_turn", "end_of_turn", "stop_token", "complete", "completed", "done"],
  length: [
    "length",
    "max_tokens",
    "max_length",
    "max_output_tokens",
    "max_new_tokens",
    "model_length",
    "model_context_window_exceeded"
  ],
  stop_sequence: ["stop_sequence", "stop_str"],
  tool_calls: ["tool_calls", "tool_call", "tool_use", "function_call"],
  content_filter: [
    "content_filter",
    "content_filtered",
    "safety",
    "sensitive",
    "refusal",
    "recitation",
    "blocklist",
    "prohibited_content",
    "error_toxic"
  ],
  failed: [
    "abort",
    "aborted",
    "error",
    "cancelled",
    "canceled",
    "timeout",
    "network_error",
    "insufficient_system_resource",
    "malformed_function_call"
  ]
}

const meanings: ReadonlyMap<string, Meaning> = new Map(
  (["stop", "length", "stop_sequence", "tool_calls", "content_filter", "failed"] as const).flatMap((meaning) =>
    words[meaning].map((word) => [word, meaning] as const)
  )
)

/**
 * The meaning of a server's word, in any case; undefined for one that is not in the table.
 *
 * @category decoding
 * @since 0.2.0
 */
export const read = (raw: string): Meaning | undefined => meanings.get(raw) ?? meanings.get(raw.toLowerCase())

/**
 * Whether a finish reason is set: some servers send `""` or null in every event before the last.
 *
 * @category guards
 * @since 0.2.0
 */
export const isSet = (reason: string | null | undefined): reason is string =>
  typeof reason === "string" && reason !== ""

/**
 * The word, if it stands for a failed generation.
 *
 * @category decoding
 * @since 0.2.0
 */
export const failure = (reason: string | null | undefined): string | undefined =>
  reason !== null && reason !== undefined && read(reason) === "failed" ? reason : undefined
