/**
 * What a model generated: the finished value, the events of a stream, and what one frame of it adds.
 *
 * @since 0.1.0
 */
import * as Wire from "./protocol/FinishReason.ts"
import type * as ToolCalls from "./protocol/ToolCalls.ts"

/**
 * Why the model stopped. `stop` is its end token, `stop_sequence` one of the caller's stop strings where the engine tells
 * the two apart. Unknown words are kept as they are.
 *
 * @category models
 * @since 0.1.0
 */
export type FinishReason = "stop" | "length" | "stop_sequence" | "tool_calls" | "content_filter" | (string & {})

/**
 * A token with its log probability, where that was requested. Only TGI's native route gives the `id`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Token {
  readonly id?: number | undefined
  readonly text: string
  /** Natural logarithm; undefined where the server's number was not finite. */
  readonly logprob?: number | undefined
  readonly special?: boolean | undefined
  /**
   * The token's bytes in UTF-8, where the server sends them: the text of a token that is part of a character cannot show
   * them.
   */
  readonly bytes?: ReadonlyArray<number> | undefined
  /** Set where the token belongs to the thinking. */
  readonly reasoning?: boolean | undefined
  /** The most likely tokens at this position, most likely first. */
  readonly top?: ReadonlyArray<Token> | undefined
}

/**
 * A tool call of the model.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToolCall {
  readonly id: string
  readonly name: string
  /** JSON text as the model wrote it; `{}` if an engine left the arguments of a call without any open. */
  readonly arguments: string
}

/**
 * Token counts; undefined where the response does not contain them, never a made-up 0. `cachedTokens` are among the
 * input's, `reasoningTokens` among the output's.
 *
 * @category models
 * @since 0.1.0
 */
export interface Usage {
  readonly inputTokens?: number | undefined
  readonly outputTokens?: number | undefined
  readonly cachedTokens?: number | undefined
  readonly reasoningTokens?: number | undefined
  /** What the server says it cost, in US dollars (`usage.estimated_cost` or `usage.cost`). */
  readonly cost?: number | undefined
}

/**
 * Whether the server sent both counts. If it did not, no budget of tokens or dollars can be enforced.
 *
 * @category guards
 * @since 0.2.0
 */
export const isCounted = ({ inputTokens, outputTokens }: Usage): boolean =>
  inputTokens !== undefined && outputTokens !== undefined

/**
 * What the server measured, in milliseconds. Only TGI's whole responses carry these headers.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServerTimings {
  readonly total?: number | undefined
  readonly validation?: number | undefined
  readonly queue?: number | undefined
  readonly inference?: number | undefined
  readonly perToken?: number | undefined
}

/**
 * Counts and times of one generation. Times are milliseconds of this client's clock.
 *
 * @category models
 * @since 0.1.0
 */
export interface Statistics extends Usage {
  /** From the call to the first event; undefined for a whole response. */
  readonly timeToFirstToken?: number | undefined
  /** From the call to the end, waits for retries included. */
  readonly duration: number
  /** The number of attempts. */
  readonly attempts: number
  readonly requestId?: string | undefined
  /** The provider behind a router (`x-inference-provider`). */
  readonly provider?: string | undefined
  /** The seed that was sent. */
  readonly seed?: number | bigint | undefined
  readonly server?: ServerTimings | undefined
}

/**
 * A finished generation.
 *
 * @category models
 * @since 0.1.0
 */
export interface Generation {
  readonly text: string
  /** The model's thinking, where the engine or `splitReasoning` tells it apart. */
  readonly reasoning?: string | undefined
  readonly toolCalls: ReadonlyArray<ToolCall>
  /** Set where the model refused in a field of its own. */
  readonly refusal?: string | undefined
  readonly finishReason: FinishReason
  /** The server's own word. */
  readonly rawFinishReason?: string | undefined
  /** The seed that the server sampled with; a bigint above 2^53. */
  readonly seed?: number | bigint | undefined
  /** The model that the server says it used. */
  readonly model?: string | undefined
  /** The server's `system_fingerprint`, which names the engine and its version on vLLM, llama.cpp and TGI. */
  readonly systemFingerprint?: string | undefined
  /** The tokens, where details or logprobs were requested. */
  readonly tokens?: ReadonlyArray<Token> | undefined
  /** The prompt's tokens (`decoderInputDetails`). */
  readonly prefill?: ReadonlyArray<Token> | undefined
  /** The losing candidates of `bestOf`. */
  readonly bestOf?: ReadonlyArray<{ readonly text: string; readonly finishReason: FinishReason }> | undefined
  readonly statistics: Statistics
}

/**
 * A fragment of a tool call: the name comes once, the arguments in pieces. `index` is the position of the call among
 * all, whatever the server's own numbering.
 *
 * @category models
 * @since 0.1.0
 */
export interface ToolCallDelta {
  readonly index: number
  readonly id?: string | undefined
  readonly name?: string | undefined
  readonly arguments: string
}

/**
 * A fragment of a tool call as a server sends it: which call it belongs to is not known yet.
 *
 * @category models
 * @since 0.2.0
 */
export type ToolCallFragment = ToolCalls.Fragment

/**
 * What a frame, or a whole response, adds. Every dialect produces this.
 *
 * @category models
 * @since 0.1.0
 */
export interface Delta {
  readonly text?: string | undefined
  readonly reasoning?: string | undefined
  readonly refusal?: string | undefined
  readonly toolCalls?: ReadonlyArray<ToolCallFragment> | undefined
  readonly tokens?: ReadonlyArray<Token> | undefined
  /** The complete text as the server gives it, which is more exact than the sum of its tokens. */
  readonly fullText?: string | undefined
  readonly finishReason?: string | undefined
  readonly usage?: Usage | undefined
  readonly seed?: number | bigint | undefined
  readonly model?: string | undefined
  readonly systemFingerprint?: string | undefined
  readonly prefill?: ReadonlyArray<Token> | undefined
  readonly bestOf?: Generation["bestOf"]
}

/**
 * What a stream of a generation consists of. The last event is `Finish` with the whole of it; a stream that ends
 * otherwise fails.
 *
 * `TextWasReasoning` comes only with `splitReasoning`, where a closing tag shows that all text so far was thinking: the
 * server's prompt had opened it, which could not be known before.
 *
 * @category models
 * @since 0.1.0
 */
export type Event =
  | { readonly _tag: "Text"; readonly text: string }
  | { readonly _tag: "Reasoning"; readonly text: string }
  | { readonly _tag: "TextWasReasoning" }
  | ({ readonly _tag: "ToolCall" } & ToolCallDelta)
  | { readonly _tag: "Finish"; readonly generation: Generation }

/**
 * The engines' words in one vocabulary. A tool call is known by its presence: TGI never says `tool_calls`, and sends no
 * finish reason at all after a streamed one.
 *
 * @category conversions
 * @since 0.1.0
 */
export const finishReason = (raw: string | undefined, calledTool: boolean): FinishReason => {
  const meaning = raw === undefined ? undefined : Wire.read(raw)
  if (calledTool && meaning !== "length" && meaning !== "failed") return "tool_calls"
  if (raw === undefined) return "unknown"
  return meaning === undefined || meaning === "failed" ? raw : meaning
}
