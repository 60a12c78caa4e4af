/**
 * One prepared request → the events of one generation, or the generation itself. Both go through the same fold, and a
 * whole answer is one delta of it.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as Dialect from "../dialect/Dialect.ts"
import * as Frames from "../dialect/Frames.ts"
import * as Generation from "../Generation.ts"
import type { InferenceError } from "../InferenceError.ts"
import type { Meta } from "../transport/Attempt.ts"
import type { Answer, Opened, TgiClient } from "../transport/TgiClient.ts"

/**
 * A request that is ready to be sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Prepared {
  readonly client: TgiClient["Service"]
  readonly call: Dialect.Call
  /** Keeps tokens and their log probabilities. */
  readonly keepTokens: boolean
  /** Takes `<think>…</think>` apart. */
  readonly splitReasoning: boolean
  /** The seed that is sent. */
  readonly seed: number | bigint | undefined
  /** Asks the server for the length of the prompt, where the answer did not tell it. */
  readonly countInput: Effect.Effect<number | undefined> | undefined
  /** Sees the generation before the caller does. */
  readonly onFinish: (generation: Generation.Generation) => Effect.Effect<void>
}

/** An answer on its way: how frames of any route become deltas. */
interface Incoming {
  readonly meta: Meta
  readonly deltas: Stream.Stream<Generation.Delta, InferenceError>
}

const incoming = <F>(
  opened: Effect.Effect<Opened<F>, InferenceError, Scope.Scope>,
  delta: (frame: F, tokens: boolean) => Generation.Delta,
  tokens: boolean
): Effect.Effect<Incoming, InferenceError, Scope.Scope> =>
  Effect.map(opened, ({ frames, meta }) => ({
    meta,
    deltas: Stream.mapArray(frames, (batch) => Arr.map(batch, (frame) => delta(frame, tokens)))
  }))

const open = ({ call, client, keepTokens }: Prepared): Effect.Effect<Incoming, InferenceError, Scope.Scope> => {
  switch (call.route) {
    case "generate":
      return incoming(client.openGenerate(call.body), Frames.native, keepTokens)
    case "chat":
      return incoming(client.openChat(call.body), Frames.chat, keepTokens)
    case "completion":
      return incoming(client.openCompletion(call.body), Frames.completion, keepTokens)
  }
}

const whole = <A>(answer: Effect.Effect<Answer<A>, InferenceError>, delta: (value: A) => Generation.Delta) =>
  Effect.map(answer, ({ meta, value }) => ({ meta, delta: delta(value) }))

const ask = ({ call, client }: Prepared) => {
  switch (call.route) {
    case "generate":
      return whole(client.generate(call.body), Frames.nativeResponse)
    case "chat":
      return whole(client.chat(call.body), Frames.chatResponse)
    case "completion":
      return whole(client.completion(call.body), (response) => Frames.completion(response, true))
  }
}

const finishing = Effect.fnUntraced(function*(
  prepared: Prepared,
  fold: Generation.Fold,
  meta: Meta,
  times: { readonly start: number; readonly first: number | undefined },
  events: Array<Generation.Event>
) {
  const now = yield* Clock.currentTimeMillis
  const server = Frames.serverTimings(meta.headers)
  const provider = Frames.provider(meta.headers)
  const generation = fold.finish({
    ...Frames.headerUsage(meta.headers),
    ...(times.first !== undefined && { timeToFirstToken: times.first - times.start }),
    duration: now - times.start,
    attempts: meta.attempts,
    ...(meta.requestId !== undefined && { requestId: meta.requestId }),
    ...(provider !== undefined && { provider }),
    ...(prepared.seed !== undefined && { seed: prepared.seed }),
    ...(server !== undefined && { server })
  }, events)
  const counted = generation.statistics.inputTokens !== undefined || prepared.countInput === undefined
    ? generation
    : { ...generation, statistics: { ...generation.statistics, inputTokens: yield* prepared.countInput } }
  yield* prepared.onFinish(counted)
  return counted
})

/**
 * Streams a generation. The last event is `Finish`; leaving the stream closes the socket.
 *
 * @category running
 * @since 0.1.0
 */
export const stream = (prepared: Prepared): Stream.Stream<Generation.Event, InferenceError> =>
  Stream.fromChannel(Channel.fromTransform((_upstream, scope) =>
    Effect.gen(function*() {
      const start = yield* Clock.currentTimeMillis
      const { deltas, meta } = yield* Effect.provideService(open(prepared), Scope.Scope, scope)
      const first = yield* Clock.currentTimeMillis
      const fold = Generation.fold(prepared)
      const pull = yield* Channel.toPullScoped(deltas.channel, scope)
      let done = false
      const next: Pull.Pull<Arr.NonEmptyReadonlyArray<Generation.Event>, InferenceError> = Pull.matchEffect(pull, {
        onSuccess: (batch) => {
          const events: Array<Generation.Event> = []
          for (const delta of batch) fold.add(delta, events)
          return Arr.isArrayNonEmpty(events) ? Effect.succeed(events) : next
        },
        onFailure: Effect.failCause,
        onDone: () => {
          done = true
          const events: Array<Generation.Event> = []
          return Effect.map(
            finishing(prepared, fold, meta, { start, first }, events),
            (generation) => Arr.append(events, { _tag: "Finish", generation })
          )
        }
      })
      return Effect.suspend(() => done ? Cause.done() : next)
    })
  ))

/**
 * The generation of a stream, which is its last event.
 *
 * @category running
 * @since 0.1.0
 */
export const folded = (prepared: Prepared): Effect.Effect<Generation.Generation, InferenceError> =>
  Effect.flatMap(
    Stream.runFold(stream(prepared), () =>
      undefined, (last: Generation.Generation | undefined, event) =>
      event._tag === "Finish" ? event.generation : last),
    (generation) =>
      generation === undefined ? Effect.die("a stream ended without its last event") : Effect.succeed(generation)
  )

const answered = Effect.fnUntraced(function*(prepared: Prepared, events: Array<Generation.Event>) {
  const start = yield* Clock.currentTimeMillis
  const { delta, meta } = yield* ask(prepared)
  const fold = Generation.fold(prepared)
  fold.add(delta, events)
  return yield* finishing(prepared, fold, meta, { start, first: undefined }, events)
})

/**
 * Asks for the whole answer at once: less to parse, the server's timings, and what cannot be streamed.
 *
 * @category running
 * @since 0.1.0
 */
export const unary = (prepared: Prepared): Effect.Effect<Generation.Generation, InferenceError> =>
  answered(prepared, [])

/**
 * The events of a whole answer, for what a server streams badly or not at all.
 *
 * @category running
 * @since 0.1.0
 */
export const atOnce = (prepared: Prepared): Stream.Stream<Generation.Event, InferenceError> =>
  Stream.fromArrayEffect(Effect.suspend(() => {
    const events: Array<Generation.Event> = []
    return Effect.map(answered(prepared, events), (generation) => Arr.append(events, { _tag: "Finish", generation }))
  }))
