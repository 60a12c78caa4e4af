/**
 * Frames → a generation: one pure fold for streams and whole answers, so that both give the same value.
 *
 * @since 0.1.0
 */
import * as ThinkTags from "./pipeline/ThinkTags.ts"
import * as Wire from "./protocol/FinishReason.ts"
import * as ToolCalls from "./protocol/ToolCalls.ts"

/**
 * Why the model stopped. `stop` is its end token, `stop_sequence` one of the caller's stop strings where the engine tells
 * the two apart. Words that are not known are kept.
 *
 * @category models
 * @since 0.1.0
 */
export type FinishReason = "stop" | "length" | "stop_sequence" | "tool_calls" | "content_filter" | (string & {})

/**
 * A token with its log probability, where it was asked for. `id` is known on TGI's native route alone.
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
  /** The most likely tokens at this place, most likely first. */
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
  /** JSON text as the model wrote it; `{}` where an engine left a call without arguments open. */
  readonly arguments: string
}

/**
 * Token counts; undefined where no source of the response told them, and never a made-up 0. `cachedTokens` are among the
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
 * Whether the server told both counts. Where it did not, no budget of tokens or dollars can be kept.
 *
 * @category guards
 * @since 0.2.0
 */
export const isCounted = ({ inputTokens, outputTokens }: Usage): boolean =>
  inputTokens !== undefined && outputTokens !== undefined

/**
 * What the server measured, in milliseconds. Only whole answers of TGI carry these headers.
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
  /** From the call to the first event; undefined for a whole answer. */
  readonly timeToFirstToken?: number | undefined
  /** From the call to the end, waits for retries included. */
  readonly duration: number
  /** Attempts that the answer took. */
  readonly attempts: number
  readonly requestId?: string | undefined
  /** Who answered behind a router (`x-inference-provider`). */
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
  /** The tokens, where details or logprobs were asked for. */
  readonly tokens?: ReadonlyArray<Token> | undefined
  /** The prompt's tokens (`decoderInputDetails`). */
  readonly prefill?: ReadonlyArray<Token> | undefined
  /** The losing candidates of `bestOf`. */
  readonly bestOf?: ReadonlyArray<{ readonly text: string; readonly finishReason: FinishReason }> | undefined
  readonly statistics: Statistics
}

/**
 * A fragment of a tool call: the name comes once, the arguments in pieces. `index` is the place of the call among all,
 * whatever the server's own counting says.
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
 * What a frame, or a whole answer, adds. Every dialect speaks this.
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
  /** The complete text, which the server knows better than the sum of its tokens. */
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
 * @category models
 * @since 0.1.0
 */
export type Event =
  | { readonly _tag: "Text"; readonly text: string }
  | { readonly _tag: "Reasoning"; readonly text: string }
  | ({ readonly _tag: "ToolCall" } & ToolCallDelta)
  | { readonly _tag: "Finish"; readonly generation: Generation }

/**
 * How frames are folded.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Takes `<think>…</think>` out of the text, for engines that leave it in. */
  readonly splitReasoning: boolean
  /** Keeps tokens and their log probabilities. */
  readonly keepTokens: boolean
}

/**
 * The fold: deltas go in, events come out, and at the end there is a generation.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fold {
  /** Adds one delta and appends what a reader should see of it. */
  readonly add: (delta: Delta, events: Array<Event>) => void
  /** The generation, once the answer is complete. */
  readonly finish: (statistics: Statistics, events?: Array<Event>) => Generation
}

/**
 * Starts a fold.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fold = (options: Options): Fold => new State(options)

class State implements Fold {
  readonly #options: Options
  readonly #think: ThinkTags.Splitter | undefined
  readonly #calls = ToolCalls.make()
  #text = ""
  #reasoning = ""
  #refusal = ""
  #tokens: Array<Token> | undefined = undefined
  #fullText: string | undefined = undefined
  #finishReason: string | undefined = undefined
  #usage: Usage = {}
  #seed: number | bigint | undefined = undefined
  #model: string | undefined = undefined
  #systemFingerprint: string | undefined = undefined
  #prefill: ReadonlyArray<Token> | undefined = undefined
  #bestOf: Generation["bestOf"] = undefined

  constructor(options: Options) {
    this.#options = options
    this.#think = options.splitReasoning ? ThinkTags.make() : undefined
  }

  add(delta: Delta, events: Array<Event>): void {
    if (delta.reasoning !== undefined && delta.reasoning !== "") this.#addReasoning(delta.reasoning, events)
    if (delta.text !== undefined && delta.text !== "") {
      if (this.#think === undefined) this.#addText(delta.text, events)
      else this.#addSplit(this.#think.push(delta.text), events)
    }
    if (delta.toolCalls !== undefined) this.#addCalls(delta.toolCalls, events)
    if (delta.finishReason !== undefined && delta.finishReason !== "") this.#finishReason = delta.finishReason
    if (delta.tokens !== undefined && this.#options.keepTokens) (this.#tokens ??= []).push(...delta.tokens)
    if (delta.usage !== undefined) this.#usage = later(this.#usage, delta.usage)
    this.#addRest(delta)
  }

  #addRest(delta: Delta): void {
    if (delta.model !== undefined) this.#model = delta.model
    if (delta.systemFingerprint !== undefined) this.#systemFingerprint = delta.systemFingerprint
    if (delta.fullText !== undefined) this.#fullText = delta.fullText
    if (delta.refusal !== undefined) this.#refusal += delta.refusal
    if (delta.seed !== undefined) this.#seed = delta.seed
    if (delta.prefill !== undefined) this.#prefill = delta.prefill
    if (delta.bestOf !== undefined) this.#bestOf = delta.bestOf
  }

  #addText(text: string, events: Array<Event>): void {
    this.#text += text
    events.push({ _tag: "Text", text })
  }

  #addReasoning(text: string, events: Array<Event>): void {
    this.#reasoning += text
    events.push({ _tag: "Reasoning", text })
  }

  #addSplit(pieces: ReadonlyArray<ThinkTags.Piece>, events: Array<Event>): void {
    for (const piece of pieces) {
      if (piece.thinking) this.#addReasoning(piece.text, events)
      else this.#addText(piece.text, events)
    }
  }

  #addCalls(fragments: ReadonlyArray<ToolCallFragment>, events: Array<Event>): void {
    const places = this.#calls.add(fragments)
    for (const [at, fragment] of fragments.entries()) {
      const index = places[at]
      if (index !== undefined && index !== ToolCalls.REPEATED) events.push({ _tag: "ToolCall", ...fragment, index })
    }
  }

  /** Nothing was generated. */
  #isSilent(toolCalls: ReadonlyArray<ToolCall>): boolean {
    return this.#text === "" && this.#reasoning === "" && this.#refusal === "" && toolCalls.length === 0
  }

  finish(statistics: Statistics, events: Array<Event> = []): Generation {
    if (this.#think !== undefined) this.#addSplit(this.#think.end(), events)
    const toolCalls = this.#calls.all().map((call): ToolCall => ({
      ...call,
      // an empty object that TGI's streaming leaves open
      arguments: /^\s*\{?\s*$/.test(call.arguments) ? "{}" : call.arguments
    }))
    const raw = this.#finishReason
    const usage = either(this.#isSilent(toolCalls) ? this.#usage : withoutZeros(this.#usage), statistics)
    return {
      text: this.#think === undefined ? this.#fullText ?? this.#text : this.#text,
      ...(this.#reasoning !== "" && { reasoning: this.#reasoning }),
      toolCalls,
      ...(this.#refusal !== "" && { refusal: this.#refusal }),
      finishReason: finishReason(raw, toolCalls.length > 0),
      ...(raw !== undefined && { rawFinishReason: raw }),
      ...(this.#seed !== undefined && { seed: this.#seed }),
      ...(this.#model !== undefined && { model: this.#model }),
      ...(this.#systemFingerprint !== undefined && { systemFingerprint: this.#systemFingerprint }),
      ...(this.#tokens !== undefined && { tokens: this.#tokens }),
      ...(this.#prefill !== undefined && { prefill: this.#prefill }),
      ...(this.#bestOf !== undefined && { bestOf: this.#bestOf }),
      statistics: { ...statistics, ...usage }
    }
  }
}

const counts = ["inputTokens", "outputTokens", "cachedTokens", "reasoningTokens", "cost"] as const

const merge = (value: (count: typeof counts[number]) => number | undefined): Usage => {
  const merged: { -readonly [K in keyof Usage]: Usage[K] } = {}
  for (const count of counts) {
    const told = value(count)
    if (told !== undefined) merged[count] = told
  }
  return merged
}

/** What is known; where two sources know, the first: a body before its headers. */
const either = (known: Usage, other: Usage): Usage => merge((count) => known[count] ?? other[count])

/**
 * In a stream the last word counts, as some servers tell with every event what it was so far. Counts only grow, so a zero
 * after one says nothing.
 */
const later = (known: Usage, told: Usage): Usage => merge((count) => (told[count] || known[count]) ?? told[count])

/** A server that counted nothing although something was generated did not count. */
const withoutZeros = (usage: Usage): Usage =>
  usage.outputTokens === 0 ? merge((count) => usage[count] || undefined) : usage

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
