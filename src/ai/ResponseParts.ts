/**
 * A generation → the parts of a response: all at once, or event by event in the order that `effect/ai` promises.
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import type * as Response from "effect/ai/Response"
import * as Result from "effect/Result"
import type * as Generation from "../Generation.ts"
import type { HuggingFaceFinishMetadata } from "./HuggingFaceOptions.ts"
import type { ToolOffer } from "./ToolOffer.ts"

/**
 * What parts need besides the generation.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The model of the request. */
  readonly modelId: string
  /** When the response began, in milliseconds. */
  readonly timestamp: number
  /** For calls without an id of their own: TGI numbers them from 0 in every response. */
  readonly callId: string
  readonly params: ToolOffer["params"]
}

type Written = Result.Result<void, AiError.AiErrorReason>

/**
 * The parts of a whole response: metadata, reasoning, text, calls, finish.
 *
 * Fails on calls whose arguments are not valid JSON. A call that the token limit cut is left out; the finish says `length`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const whole = (
  generation: Generation.Generation,
  options: Options
): Result.Result<Array<Response.PartEncoded>, AiError.AiErrorReason> => {
  const parts: Array<Response.PartEncoded> = [
    metadata({ ...options, modelId: generation.model ?? options.modelId }, generation.statistics.requestId)
  ]
  if (generation.reasoning !== undefined) parts.push({ type: "reasoning", text: generation.reasoning })
  if (generation.text !== "") parts.push({ type: "text", text: generation.text })
  for (let at = 0; at < generation.toolCalls.length; at++) {
    const call = callOf(generation, at, options)
    if (Result.isFailure(call)) return Result.fail(call.failure)
    if (call.success !== undefined) parts.push(call.success)
  }
  parts.push(finishOf(generation))
  return Result.succeed(parts)
}

/**
 * Starts writing the parts of a streamed response.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Writer => new Writer(options)

interface Call {
  readonly id: string
  name: string
  /** Arguments that arrived before the name. */
  held: string
}

type Block = "text" | "reasoning"

/**
 * Turns events into parts. Metadata comes first; a block of text or reasoning is opened, filled and closed before the next
 * begins; the parameters of calls are streamed as they arrive; at the end every call is closed and emitted whole, and
 * `finish` is the last part.
 *
 * @category models
 * @since 0.1.0
 */
class Writer {
  readonly #options: Options
  readonly #calls = new Map<number, Call>()
  #parts: Array<Response.StreamPartEncoded>
  #open: Block | undefined = undefined
  #blocks = 0
  #finished = false

  constructor(options: Options) {
    this.#options = options
    this.#parts = [metadata(options)]
  }

  /** Whether the last part was written. A response that ends before it is incomplete. */
  get isFinished(): boolean {
    return this.#finished
  }

  /** Hands over the parts of these events. */
  write(events: Iterable<Generation.Event>): Result.Result<
    ReadonlyArray<Response.StreamPartEncoded>,
    AiError.AiErrorReason
  > {
    for (const event of events) {
      const written = this.#event(event)
      if (Result.isFailure(written)) return Result.fail(written.failure)
    }
    const parts = this.#parts
    this.#parts = []
    return Result.succeed(parts)
  }

  #event(event: Generation.Event): Written {
    switch (event._tag) {
      case "Text":
        return this.#delta("text", event.text)
      case "Reasoning":
        return this.#delta("reasoning", event.text)
      case "ToolCall":
        return this.#call(event)
      case "TextWasReasoning":
        // what was handed over cannot be taken back; its part ends
        this.#close()
        return Result.void
      case "Finish":
        return this.#finish(event.generation)
    }
  }

  #delta(block: Block, delta: string): Written {
    if (this.#open !== block) {
      this.#close()
      this.#open = block
      this.#parts.push({ type: `${block}-start`, id: String(this.#blocks) })
    }
    this.#parts.push({ type: `${block}-delta`, id: String(this.#blocks), delta })
    return Result.void
  }

  #close(): void {
    if (this.#open === undefined) return
    this.#parts.push({ type: `${this.#open}-end`, id: String(this.#blocks) })
    this.#open = undefined
    this.#blocks++
  }

  #call({ arguments: delta, id, index, name = "" }: Generation.ToolCallDelta): Written {
    this.#close()
    const known = this.#calls.get(index)
    const call = known ?? { id: callId(id, this.#calls.size, this.#options), name, held: "" }
    if (known === undefined) this.#calls.set(index, call)
    if (known === undefined || call.name === "") {
      call.name = name
      call.held += delta
      if (name !== "") this.#start(call)
    } else this.#parts.push({ type: "tool-params-delta", id: call.id, delta })
    return Result.void
  }

  #start({ held, id, name }: Call): void {
    this.#parts.push({ type: "tool-params-start", id, name })
    if (held !== "") this.#parts.push({ type: "tool-params-delta", id, delta: held })
  }

  #finish(generation: Generation.Generation): Written {
    this.#close()
    // both lists are in the order in which the calls began
    const begun = [...this.#calls.values()]
    for (let at = 0; at < begun.length; at++) {
      const { id = "" } = begun[at] ?? {}
      const call = callOf(generation, at, this.#options, id)
      if (Result.isFailure(call)) return Result.fail(call.failure)
      this.#parts.push({ type: "tool-params-end", id })
      if (call.success !== undefined) this.#parts.push(call.success)
    }
    this.#parts.push(finishOf(generation))
    this.#finished = true
    return Result.void
  }
}

export type { Writer }

const metadata = (
  { modelId, timestamp }: Options,
  id?: string | undefined
): Response.ResponseMetadataPartEncoded => ({
  type: "response-metadata",
  ...(id !== undefined && { id }),
  modelId,
  timestamp: new Date(timestamp).toISOString()
})

/** An id that is unique in the conversation, so that results find their calls again. */
const callId = (id: string | undefined, at: number, options: Options): string =>
  id !== undefined && !/^\d*$/.test(id) ? id : at === 0 ? options.callId : `${options.callId}${at}`

const callOf = (
  { finishReason, toolCalls }: Generation.Generation,
  at: number,
  options: Options,
  id?: string
): Result.Result<Response.ToolCallPartEncoded | undefined, AiError.AiErrorReason> => {
  const call = toolCalls[at]
  if (call === undefined) return Result.succeed(undefined)
  const params = options.params(call.name, call.arguments)
  if (Result.isFailure(params)) {
    return finishReason === "length" ? Result.succeed(undefined) : Result.fail(params.failure)
  }
  return Result.succeed({
    type: "tool-call",
    id: id ?? callId(call.id, at, options),
    name: call.name,
    params: params.success
  })
}

/** Why the model stopped, in the words of `effect/ai`. */
const reasonOf = ({ finishReason, refusal }: Generation.Generation): Response.FinishReason => {
  if (refusal !== undefined) return "content-filter"
  switch (finishReason) {
    case "stop":
    case "stop_sequence":
      return "stop"
    case "length":
      return "length"
    case "tool_calls":
      return "tool-calls"
    case "content_filter":
    case "refusal":
      return "content-filter"
    case "abort":
    case "error":
      return "error"
    case "unknown":
      return "unknown"
    default:
      return "other"
  }
}

/**
 * A stream that ended without its last event: not a short response, but a failure.
 *
 * @category errors
 * @since 0.1.0
 */
export const cut = (): AiError.InvalidOutputError =>
  new AiError.InvalidOutputError({
    description: "the stream ended without its last event, so it may be cut: try again"
  })

/** The rest of a total: known only if both are. */
const less = (total: number | undefined, part: number | undefined): number | undefined =>
  total === undefined || part === undefined ? undefined : Math.max(0, total - part)

const finishOf = (generation: Generation.Generation): Response.FinishPartEncoded => {
  const { cachedTokens, inputTokens, outputTokens, reasoningTokens } = generation.statistics
  const thought = generation.reasoning === undefined ? reasoningTokens ?? 0 : reasoningTokens
  return {
    type: "finish",
    reason: reasonOf(generation),
    usage: {
      inputTokens: { total: inputTokens, uncached: less(inputTokens, cachedTokens), cacheRead: cachedTokens },
      outputTokens: { total: outputTokens, text: less(outputTokens, thought), reasoning: reasoningTokens }
    },
    metadata: { huggingface: finishMetadata(generation) }
  }
}

const finishMetadata = (generation: Generation.Generation): HuggingFaceFinishMetadata => {
  const { model, rawFinishReason, refusal, statistics, systemFingerprint } = generation
  const { attempts, cost, duration, provider, requestId, timeToFirstToken } = statistics
  const seed = generation.seed ?? statistics.seed
  return {
    ...(rawFinishReason !== undefined && { rawFinishReason }),
    ...(requestId !== undefined && { requestId }),
    ...(model !== undefined && { model }),
    ...(seed !== undefined && { seed: String(seed) }),
    ...(refusal !== undefined && { refusal }),
    ...(systemFingerprint !== undefined && { systemFingerprint }),
    ...(provider !== undefined && { provider }),
    ...(cost !== undefined && { cost }),
    attempts,
    duration,
    ...(timeToFirstToken !== undefined && { timeToFirstToken })
  }
}
