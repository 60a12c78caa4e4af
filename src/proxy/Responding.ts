/**
 * From a parsed request to its response: queued, in the requested shape, whole or as events, with its usage counted.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Stream from "effect/Stream"
import type * as Generation from "../Generation.ts"
import * as GenerationOptions from "../GenerationOptions.ts"
import type { GenerateError } from "../InferenceEndpointsLLM.ts"
import type * as Message from "../Message.ts"
import type { CallOptions } from "../Settings.ts"
import type * as Backend from "./Backend.ts"
import * as EventBody from "./EventBody.ts"
import type * as Exchange from "./Exchange.ts"
import * as Ledger from "./Ledger.ts"
import type * as ModelRequest from "./ModelRequest.ts"
import type * as Pace from "./Pace.ts"
import * as Refusal from "./Refusal.ts"
import * as Reply from "./Reply.ts"
import * as Shape from "./Shape.ts"

/**
 * A model with its queue.
 *
 * @category models
 * @since 0.2.0
 */
export interface Served extends Backend.Backend {
  readonly pace: Pace.Pace
}

/**
 * How streamed responses are kept alive.
 *
 * @category models
 * @since 0.2.0
 */
export interface Options {
  readonly hold?: Duration.Input | undefined
  readonly heartbeat?: Duration.Input | undefined
  readonly keepEvents?: boolean | undefined
}

/** One choice of a stream: a prompt with its own seed. */
interface Choice {
  readonly input: Message.Input
  readonly options: CallOptions
}

const choicesOf = (
  inputs: ReadonlyArray<Message.Input>,
  { numGenerations = 1, seed, ...rest }: CallOptions
): ReadonlyArray<Choice> =>
  inputs.flatMap((input) =>
    Array.from({ length: numGenerations }, (_, index) => ({
      input,
      options: { ...rest, seed: seed === undefined || index === 0 ? seed : GenerationOptions.seedAfter(seed, index) }
    }))
  )

/** An event of a wrapped value, without the wrapper. */
const unwrapped = (event: Generation.Event, bare: Shape.Unwrapper | undefined): ReadonlyArray<Generation.Event> => {
  if (bare === undefined) return [event]
  if (event._tag === "Text") {
    const text = bare.push(event.text)
    return text === "" ? [] : [{ _tag: "Text", text }]
  }
  if (event._tag !== "Finish") return [event]
  const text = bare.end()
  return text === "" ? [event] : [{ _tag: "Text", text }, event]
}

/** No proxy or edge server on the way may hold events back or change them. */
const eventHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no"
}

/** A failure of the service, with its consequence for other requests. */
const told = ({ pace }: Served) => (error: GenerateError) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    pace.failed(now, error)
    return Effect.fail(Refusal.fromError(error))
  })

/**
 * Makes the responses, over a shared ledger.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (ledger: Ledger.Ledger, options: Options) => {
  /** Records the usage of a finished response. */
  const settle = Effect.fnUntraced(function*(
    { llm, model, pace }: Served,
    exchange: Exchange.Open,
    generations: ReadonlyArray<Generation.Generation>
  ) {
    const pricing = yield* Effect.orElseSucceed(llm.pricing, () => undefined)
    let cost: number | undefined = 0
    let input: number | undefined = 0
    let output: number | undefined = 0
    for (const { statistics } of generations) {
      const one = Ledger.costOf(statistics, pricing)
      const { inputTokens, outputTokens } = statistics
      ledger.used(model, { usage: statistics, cost: one })
      cost = cost === undefined || one === undefined ? undefined : cost + one
      input = input === undefined || inputTokens === undefined ? undefined : input + inputTokens
      output = output === undefined || outputTokens === undefined ? undefined : output + outputTokens
    }
    pace.succeeded(yield* Clock.currentTimeMillis, output ?? 0)
    exchange.inputTokens = input
    exchange.outputTokens = output
    exchange.cost = cost
    const about = yield* Effect.orElseSucceed(llm.about, () => undefined)
    if (about !== undefined) {
      exchange.answeredBy = {
        model: about.model,
        engine: about.engine,
        ...(about.engineVersion !== undefined && { version: about.engineVersion })
      }
    }
    return cost
  })

  const whole = Effect.fnUntraced(function*(
    backend: Served,
    wanted: ModelRequest.Generating,
    head: Reply.Head,
    exchange: Exchange.Open
  ) {
    const { delivery, inputs } = wanted
    const { llm, pace } = backend
    const generations = yield* Effect.scoped(Effect.andThen(
      pace.enter,
      Effect.gen(function*() {
        const { options, unwrap } = yield* Shape.of(llm, wanted)
        const all = (yield* llm.generateMany(inputs, options)).flatMap(({ generations }) => generations)
        if (unwrap === undefined) return all
        return all.map((generation) => {
          const { end, push } = unwrap()
          return { ...generation, text: push(generation.text) + end() }
        })
      }).pipe(Effect.catch(told(backend)))
    ))
    const cost = yield* settle(backend, exchange, generations)
    const body = Reply.whole(head, generations, cost, delivery.tokens)
    exchange.body = body
    return HttpServerResponse.jsonUnsafe(body)
  })

  const streamed = Effect.fnUntraced(function*(
    backend: Served,
    wanted: ModelRequest.Generating,
    head: Reply.Head,
    exchange: Exchange.Open,
    since: number
  ) {
    const { delivery } = wanted
    const { llm, pace } = backend
    const run = (say: (data: string) => Effect.Effect<void>) =>
      Effect.gen(function*() {
        const send = Effect.fnUntraced(function*(data: string) {
          exchange.events?.push([(yield* Clock.currentTimeMillis) - since, data])
          yield* say(data)
        })
        yield* pace.enter
        const generations: Array<Generation.Generation> = []
        const one = ({ input, options }: Choice, unwrap: Shape.Shaped["unwrap"], index: number) => {
          const bare = unwrap?.()
          let silent = true
          return Stream.runForEach(llm.stream(input, options), (event) => {
            if (event._tag === "Finish") generations.push(event.generation)
            const all = [
              ...(silent ? Reply.begun(head, index) : []),
              ...unwrapped(event, bare).flatMap((event) => Reply.events(head, index, event, delivery.tokens))
            ]
            silent = false
            return Effect.forEach(all, (chunk) => send(JSON.stringify(chunk)), { discard: true })
          })
        }
        yield* Effect.catch(
          Effect.flatMap(Shape.of(llm, wanted), ({ options, unwrap }) =>
            Effect.forEach(
              choicesOf(wanted.inputs, options),
              (choice, index) => one(choice, unwrap, index),
              { concurrency: "unbounded", discard: true }
            )),
          told(backend)
        )
        const cost = yield* settle(backend, exchange, generations)
        if (delivery.usage) yield* send(JSON.stringify(Reply.counted(head, generations, cost)))
        yield* send("[DONE]")
        exchange.ending = "complete"
      }).pipe(Effect.tapError((refusal) =>
        Effect.map(Clock.currentTimeMillis, (now) => {
          exchange.failure = refusal
          exchange.ending = "cut"
          exchange.events?.push([now - since, JSON.stringify(Refusal.body(refusal))])
        })
      ))
    if (options.keepEvents === true) exchange.events = []
    const body = yield* EventBody.make(
      { hold: options.hold ?? "5 seconds", heartbeat: options.heartbeat ?? "10 seconds" },
      run
    )
    return HttpServerResponse.stream(body, { headers: eventHeaders, contentType: eventHeaders["content-type"] })
  })

  const embedded = Effect.fnUntraced(function*(
    backend: Served,
    { base64, options, texts }: ModelRequest.Embedding,
    model: string,
    exchange: Exchange.Open
  ) {
    const vectors = yield* Effect.scoped(
      Effect.andThen(backend.pace.enter, Effect.catch(backend.embed(texts, options), told(backend)))
    )
    ledger.used(backend.model, { usage: { inputTokens: vectors.inputTokens, outputTokens: 0 }, cost: undefined })
    exchange.inputTokens = vectors.inputTokens
    exchange.body = Reply.vectors(model, vectors, base64)
    return HttpServerResponse.jsonUnsafe(exchange.body)
  })

  return { whole, streamed, embedded }
}
