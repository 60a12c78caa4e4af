/**
 * Spans and metrics of generations, by OpenTelemetry's semantic conventions for generative AI (semconv 1.37, `gen_ai.*`).
 * Prompts and generated text are recorded only with `captureContent`.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import * as Metric from "effect/Metric"
import type * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import type { GenerateRequest } from "../../dialect/Dialect.ts"
import { type Generation, isCounted } from "../../Generation.ts"
import type { GenerationOptions } from "../../GenerationOptions.ts"
import * as Message from "../../Message.ts"

/** The convention's unit is the second. */
const seconds = (id: string, description: string, attributes: Record<string, string>, start = 0.01) =>
  Metric.histogram(id, {
    description,
    attributes,
    boundaries: Metric.exponentialBoundaries({ start, factor: 2, count: 14 })
  })

const tokens = (attributes: Record<string, string>) =>
  Metric.counter("gen_ai.client.token.usage", { description: "tokens, by type", incremental: true, attributes })

const requests = (attributes: Record<string, string>) =>
  Metric.counter("inference_endpoints.client.requests", {
    description: "generations, by outcome",
    incremental: true,
    attributes
  })

/**
 * What is known before the response.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call {
  readonly operation: "chat" | "text_completion"
  readonly model: string
  readonly server: URL
  readonly options: GenerationOptions
  /** The input, if the caller wants it recorded. */
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
  const said: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(all)) if (value !== undefined) said[name] = value
  return said
}

const textMessage = (role: string, content: string) => ({ role, parts: [{ type: "text", content }] })

const inputMessages = (content: GenerateRequest["input"]) =>
  content._tag === "Prompt"
    ? [textMessage("user", content.text)]
    : content.messages.map((message) => textMessage(message.role, Message.text(message)))

/**
 * Records what is known about a response on the span of its call.
 *
 * @category combinators
 * @since 0.1.0
 */
export const annotate = (span: Tracer.Span, call: Call, generation: Generation): void => {
  const { finishReason, model, statistics } = generation
  span.attribute("gen_ai.response.finish_reasons", [finishReason])
  if (model !== undefined) span.attribute("gen_ai.response.model", model)
  if (statistics.requestId !== undefined) span.attribute("gen_ai.response.id", statistics.requestId)
  for (const [name, value] of Object.entries(toldBy(generation))) if (value !== undefined) span.attribute(name, value)
  if (!isCounted(statistics)) span.attribute("inference_endpoints.usage.unknown", true)
  if (call.content !== undefined) {
    const said = { ...textMessage("assistant", generation.text), finish_reason: finishReason }
    span.attribute("gen_ai.output.messages", JSON.stringify([said]))
  }
  if (statistics.server?.queue !== undefined) span.attribute("inference_endpoints.queue_time", statistics.server.queue)
}

const toldBy = (
  { statistics, systemFingerprint }: Generation
): Readonly<Record<string, number | string | undefined>> => ({
  "gen_ai.usage.input_tokens": statistics.inputTokens,
  "gen_ai.usage.output_tokens": statistics.outputTokens,
  "inference_endpoints.usage.cached_tokens": statistics.cachedTokens,
  "inference_endpoints.usage.reasoning_tokens": statistics.reasoningTokens,
  "inference_endpoints.usage.cost": statistics.cost,
  "inference_endpoints.provider": statistics.provider,
  "inference_endpoints.system_fingerprint": systemFingerprint
})

const instruments = new Map<string, ReturnType<typeof instrumentsOf>>()

/** Metrics with their attributes. Made once for a model, since attributes that are added later are merged each time. */
const instrumentsOf = (call: Call) => {
  const all = {
    "gen_ai.operation.name": call.operation,
    "gen_ai.provider.name": "huggingface",
    "gen_ai.request.model": call.model
  }
  return {
    duration: seconds("gen_ai.client.operation.duration", "seconds from the call to its end", all),
    firstToken: seconds("gen_ai.client.operation.time_to_first_chunk", "seconds from the call to the first event", all),
    perToken: seconds(
      "gen_ai.client.operation.time_per_output_chunk",
      "seconds for each token after the first",
      all,
      0.001
    ),
    queued: seconds(
      "inference_endpoints.server.queue_time",
      "seconds in the server's queue, as reported in TGI's headers",
      all
    ),
    uncounted: Metric.counter("inference_endpoints.client.usage_unknown", {
      description: "generations for which the server reported no token counts",
      incremental: true,
      attributes: all
    }),
    cost: Metric.counter("inference_endpoints.client.cost", {
      description: "US dollars, if the server reports what a generation cost",
      incremental: true,
      attributes: all
    }),
    input: tokens({ ...all, "gen_ai.token.type": "input" }),
    output: tokens({ ...all, "gen_ai.token.type": "output" }),
    finished: requests({ ...all, outcome: "finished" }),
    failed: requests({ ...all, outcome: "failed" }),
    interrupted: requests({ ...all, outcome: "interrupted" })
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
 * The fiber that a call runs on, as far as its telemetry needs it.
 *
 * @category models
 * @since 0.2.0
 */
export interface Fiber {
  readonly context: Context.Context<never>
  readonly getRef: <A>(ref: Context.Reference<A>) => A
}

/** Whether spans go anywhere: nobody keeps those of the default tracer. */
const isTraced = (fiber: Pick<Fiber, "getRef">): boolean => fiber.getRef(Tracer.Tracer) !== Tracer.nativeTracer

/**
 * Records a finished generation, and on the span of its call if there is one.
 *
 * @category combinators
 * @since 0.2.0
 */
export const finished = (fiber: Fiber, call: Call, generation: Generation): void => {
  const { context } = fiber
  const { cost, duration, finished, firstToken, input, output, perToken, queued, uncounted } = of(call)
  const { statistics } = generation
  const { inputTokens, outputTokens, server, timeToFirstToken } = statistics
  finished.updateUnsafe(1, context)
  duration.updateUnsafe(statistics.duration / 1000, context)
  if (!isCounted(statistics)) uncounted.updateUnsafe(1, context)
  if (statistics.cost !== undefined) cost.updateUnsafe(statistics.cost, context)
  if (inputTokens !== undefined) input.updateUnsafe(inputTokens, context)
  if (outputTokens !== undefined) output.updateUnsafe(outputTokens, context)
  if (server?.queue !== undefined) queued.updateUnsafe(server.queue / 1000, context)
  if (timeToFirstToken !== undefined) {
    firstToken.updateUnsafe(timeToFirstToken / 1000, context)
    if (outputTokens !== undefined && outputTokens > 1) {
      perToken.updateUnsafe((statistics.duration - timeToFirstToken) / 1000 / (outputTokens - 1), context)
    }
  }
  // without a span of its own, the current one is the caller's
  if (!isTraced(fiber)) return
  const span = Context.getOrUndefined(context, Tracer.ParentSpan)
  if (span?._tag === "Span") annotate(span, call, generation)
}

/** The name of a call's span. */
const spanOf = ({ model, operation }: Call): string => `${operation} ${model}`

const spanOptions = (call: Call) =>
  ({ kind: "client", attributes: attributes(call), captureStackTrace: false }) as const

/**
 * A generation with its span, if a tracer is installed, and with its failure counted.
 *
 * @category combinators
 * @since 0.2.0
 */
export const observed = <A, E>(fiber: Fiber, call: Call, self: Effect.Effect<A, E>): Effect.Effect<A, E> => {
  const counted = Effect.onExitPrimitive(
    self,
    (exit) => exit._tag === "Failure" ? recordFailure(call, exit.cause) : undefined
  )
  return isTraced(fiber) ? Effect.withSpan(counted, spanOf(call), spanOptions(call)) : counted
}

/**
 * The outcome of a stream, as reported by its reader.
 *
 * @category models
 * @since 0.2.0
 */
export interface Outcome<E> {
  readonly failed: (cause: Cause.Cause<E>) => Effect.Effect<void>
  /** It succeeded; what happens to its reader afterwards does not make it a failure. */
  readonly ended: () => void
}

/**
 * Opens a stream, and returns its pull, which is valid as long as the scope is open.
 *
 * @category models
 * @since 0.2.0
 */
export type Opening<A, E> = (
  scope: Scope.Scope,
  outcome: Outcome<E>
) => Effect.Effect<Pull.Pull<Arr.NonEmptyReadonlyArray<A>, E>, E>

/**
 * As `observed`, for a stream. It has a cost once, and none per pull.
 *
 * @category combinators
 * @since 0.2.0
 */
export const opened = <A, E>(
  fiber: Fiber,
  call: Call,
  scope: Scope.Scope,
  open: Opening<A, E>
): ReturnType<Opening<A, E>> => {
  if (!isTraced(fiber)) return counting(call, scope, open)
  return Effect.suspend(() => {
    // a stream that does not open has ended; another one may be opened in its place
    const own = Scope.forkUnsafe(scope)
    const span = Scope.provide(Effect.makeSpanScoped(spanOf(call), spanOptions(call)), own)
    const traced = Effect.flatMap(span, (span) =>
      Effect.map(
        Effect.withParentSpan(counting(call, own, open), span),
        (pull) => Effect.withParentSpan(pull, span)
      ))
    return Effect.onExit(traced, (exit) => exit._tag === "Failure" ? Scope.close(own, exit) : Effect.void)
  })
}

const counting = <A, E>(call: Call, scope: Scope.Scope, open: Opening<A, E>): ReturnType<Opening<A, E>> => {
  let over = false
  const failed = (cause: Cause.Cause<E>): Effect.Effect<void> => {
    if (over) return Effect.void
    over = true
    return recordFailure(call, cause)
  }
  const ended = () => {
    over = true
  }
  // an interrupt does not reach the handlers of a pull, only the scope; the error itself is not used
  const closed = (exit: Exit.Exit<unknown, unknown>) =>
    exit._tag === "Failure" ? failed(exit.cause as Cause.Cause<E>) : Effect.void
  return Effect.andThen(
    Scope.addFinalizerExit(scope, closed),
    Effect.onError(open(scope, { failed, ended }), failed)
  )
}

/**
 * Counts a generation that failed, or that was interrupted, which is not a failure.
 *
 * @category combinators
 * @since 0.1.0
 */
export const recordFailure = (call: Call, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Metric.update(Cause.hasInterruptsOnly(cause) ? of(call).interrupted : of(call).failed, 1)
