/**
 * Spans and metrics of generations, by OpenTelemetry's semantic conventions for generative AI (semconv 1.37, `gen_ai.*`).
 * No prompt and no answer is recorded unless asked for (`captureContent`).
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Tracer from "effect/Tracer"
import type { GenerateRequest } from "./dialect/Dialect.ts"
import type { Generation } from "./Generation.ts"
import type { GenerationOptions } from "./GenerationOptions.ts"
import * as Message from "./Message.ts"

const boundaries = Metric.exponentialBoundaries({ start: 0.01, factor: 2, count: 14 })

/** The convention's unit is the second. */
const duration = Metric.histogram("gen_ai.client.operation.duration", {
  description: "seconds from the call to its end",
  boundaries
})

const firstToken = Metric.histogram("gen_ai.client.operation.time_to_first_chunk", {
  description: "seconds from the call to the first event",
  boundaries
})

const perToken = Metric.histogram("gen_ai.client.operation.time_per_output_chunk", {
  description: "seconds for each token after the first",
  boundaries: Metric.exponentialBoundaries({ start: 0.001, factor: 2, count: 14 })
})

const queued = Metric.histogram("inference_endpoints.server.queue_time", {
  description: "seconds in the server's queue, as TGI tells in its headers",
  boundaries
})

const tokens = Metric.counter("gen_ai.client.token.usage", { description: "tokens, by type", incremental: true })

const requests = Metric.counter("inference_endpoints.client.requests", {
  description: "generations, by outcome",
  incremental: true
})

/**
 * What is known before the answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call {
  readonly operation: "chat" | "text_completion"
  readonly model: string
  readonly server: URL
  readonly options: GenerationOptions
  /** What is asked, where the caller wants it to be recorded. */
  readonly content: GenerateRequest["input"] | undefined
}

/**
 * The attributes of a call's span.
 *
 * @category conversions
 * @since 0.1.0
 */
export const attributes = ({ content, model, operation, options, server }: Call): Record<string, unknown> => {
  const all = {
    "gen_ai.operation.name": operation,
    "gen_ai.provider.name": "huggingface",
    "gen_ai.request.model": model,
    "gen_ai.request.max_tokens": options.maxNewTokens,
    "gen_ai.request.temperature": options.temperature,
    "gen_ai.request.top_p": options.topP,
    "gen_ai.request.top_k": options.topK,
    "gen_ai.request.seed": options.seed === undefined ? undefined : String(options.seed),
    "gen_ai.request.frequency_penalty": options.frequencyPenalty,
    "gen_ai.request.presence_penalty": options.presencePenalty,
    "gen_ai.request.stop_sequences": options.stopSequences,
    "gen_ai.input.messages": content === undefined ? undefined : JSON.stringify(inputMessages(content)),
    "server.address": server.hostname,
    "server.port": server.port === "" ? undefined : Number(server.port)
  }
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
}

const textMessage = (role: string, content: string) => ({ role, parts: [{ type: "text", content }] })

const inputMessages = (content: GenerateRequest["input"]) =>
  content._tag === "Prompt"
    ? [textMessage("user", content.text)]
    : content.messages.map((message) => textMessage(message.role, Message.text(message)))

/**
 * Writes what an answer told onto the span of its call.
 *
 * @category combinators
 * @since 0.1.0
 */
export const annotate = (span: Tracer.Span, call: Call, generation: Generation): void => {
  const { finishReason, model, statistics } = generation
  span.attribute("gen_ai.response.finish_reasons", [finishReason])
  if (model !== undefined) span.attribute("gen_ai.response.model", model)
  if (statistics.requestId !== undefined) span.attribute("gen_ai.response.id", statistics.requestId)
  if (statistics.inputTokens !== undefined) span.attribute("gen_ai.usage.input_tokens", statistics.inputTokens)
  if (statistics.outputTokens !== undefined) span.attribute("gen_ai.usage.output_tokens", statistics.outputTokens)
  if (call.content !== undefined) {
    const said = { ...textMessage("assistant", generation.text), finish_reason: finishReason }
    span.attribute("gen_ai.output.messages", JSON.stringify([said]))
  }
  if (statistics.server?.queue !== undefined) span.attribute("inference_endpoints.queue_time", statistics.server.queue)
}

const instruments = new Map<string, ReturnType<typeof instrumentsOf>>()

/** Metrics with their attributes; made once for a model. */
const instrumentsOf = (call: Call) => {
  const attributes = {
    "gen_ai.operation.name": call.operation,
    "gen_ai.provider.name": "huggingface",
    "gen_ai.request.model": call.model
  }
  return {
    duration: Metric.withAttributes(duration, attributes),
    firstToken: Metric.withAttributes(firstToken, attributes),
    perToken: Metric.withAttributes(perToken, attributes),
    queued: Metric.withAttributes(queued, attributes),
    input: Metric.withAttributes(tokens, { ...attributes, "gen_ai.token.type": "input" }),
    output: Metric.withAttributes(tokens, { ...attributes, "gen_ai.token.type": "output" }),
    finished: Metric.withAttributes(requests, { ...attributes, outcome: "finished" }),
    failed: Metric.withAttributes(requests, { ...attributes, outcome: "failed" }),
    interrupted: Metric.withAttributes(requests, { ...attributes, outcome: "interrupted" })
  }
}

const of = (call: Call) => {
  const key = `${call.operation} ${call.model}`
  const known = instruments.get(key)
  if (known !== undefined) return known
  const made = instrumentsOf(call)
  instruments.set(key, made)
  return made
}

/**
 * Counts a finished generation.
 *
 * @category combinators
 * @since 0.1.0
 */
export const record = (call: Call, { statistics }: Generation): Effect.Effect<void> => {
  const { duration, finished, firstToken, input, output, perToken, queued } = of(call)
  const { inputTokens, outputTokens, timeToFirstToken } = statistics
  const updates = [Metric.update(finished, 1), Metric.update(duration, statistics.duration / 1000)]
  if (inputTokens !== undefined) updates.push(Metric.update(input, inputTokens))
  if (outputTokens !== undefined) updates.push(Metric.update(output, outputTokens))
  if (statistics.server?.queue !== undefined) updates.push(Metric.update(queued, statistics.server.queue / 1000))
  if (timeToFirstToken !== undefined) {
    updates.push(Metric.update(firstToken, timeToFirstToken / 1000))
    if (outputTokens !== undefined && outputTokens > 1) {
      updates.push(Metric.update(perToken, (statistics.duration - timeToFirstToken) / 1000 / (outputTokens - 1)))
    }
  }
  return Effect.all(updates, { discard: true })
}

/**
 * Counts a generation that failed, or that was interrupted, which is no failure.
 *
 * @category combinators
 * @since 0.1.0
 */
export const recordFailure = (call: Call, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Metric.update(Cause.hasInterruptsOnly(cause) ? of(call).interrupted : of(call).failed, 1)
