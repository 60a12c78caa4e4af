/**
 * One prepared request → the events of one generation, or the generation itself. Both go through the same fold, and a
 * whole response is one delta of it.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as Dialect from "../../dialect/Dialect.ts"
import * as Frames from "../../dialect/Frames.ts"
import * as ResponseHeaders from "../../dialect/ResponseHeaders.ts"
import type * as Generation from "../../Generation.ts"
import { InferenceError } from "../../InferenceError.ts"
import type * as Completion from "../../protocol/Completion.ts"
import type { CallForm } from "../../template/CallForm.ts"
import type { Meta } from "../../transport/Call.ts"
import type { Opened, TgiClient } from "../../transport/TgiClient.ts"
import type * as Continuation from "../continue/Continuation.ts"
import * as Folding from "../fold/Folding.ts"
import * as Echo from "./Echo.ts"
import * as Telemetry from "./Telemetry.ts"
import * as ToolText from "./ToolText.ts"
import * as Verdict from "./Verdict.ts"

/**
 * A request that is ready to be sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface Prepared extends Folding.Options {
  readonly client: TgiClient["Service"]
  readonly call: Dialect.Call
  /** What the generation must be besides complete; undefined if nothing else is required. */
  readonly offer: Verdict.Offer | undefined
  /** The seed that is sent. */
  readonly seed: number | bigint | undefined
  /** Whether a constraint is sent under which the engine may report the answer as thinking. */
  readonly filedAsThinking: boolean
  /** Asks the server for the length of the prompt, if the response did not contain it. */
  readonly countInput: Effect.Effect<number | undefined> | undefined
  /** How the response is requested in several parts, if one request does not return all of it. */
  readonly continuation: Continuation.Over | undefined
  /** How tool calls are written in the text, if they are. */
  readonly calls: CallForm | undefined
  /** What the telemetry records of the call, when it ends. */
  readonly telemetry: Telemetry.Call
}

type Events = Array<Generation.Event>

type Incoming = Continuation.Incoming

/** The frames of one response as deltas. */
class Arriving<F> implements Incoming {
  readonly #opened: Opened<F>
  readonly #deltaOf: (frame: F, tokens: boolean) => Generation.Delta
  readonly #keepTokens: boolean
  readonly meta: Meta
  count = 0

  constructor(opened: Opened<F>, deltaOf: (frame: F, tokens: boolean) => Generation.Delta, keepTokens: boolean) {
    this.#opened = opened
    this.#deltaOf = deltaOf
    this.#keepTokens = keepTokens
    this.meta = opened.meta
  }

  pull(add: (delta: Generation.Delta) => void): Pull.Pull<void, InferenceError> {
    return Effect.map(this.#opened.pull, (frames) => this.#hear(frames, add))
  }

  each(add: (delta: Generation.Delta) => void): Effect.Effect<void, InferenceError> {
    return this.#opened.each((frames) => this.#hear(frames, add))
  }

  #hear(frames: ReadonlyArray<F>, add: (delta: Generation.Delta) => void): void {
    this.count += frames.length
    for (const frame of frames) add(this.#deltaOf(frame, this.#keepTokens))
  }
}

const open = (prepared: Prepared, scope: Scope.Scope): Effect.Effect<Incoming, InferenceError> =>
  prepared.continuation === undefined
    ? openOne(prepared, prepared.call, scope)
    : prepared.continuation(prepared.call, (call) => openOne(prepared, call, scope))

const openOne = (
  { client, keepTokens }: Prepared,
  call: Dialect.Call,
  scope: Scope.Scope
): Effect.Effect<Incoming, InferenceError> => {
  switch (call.route) {
    case "generate":
      return Effect.map(
        client.openGenerate(call.body, scope),
        (opened) => new Arriving(opened, Frames.native, keepTokens)
      )
    case "chat":
      return Effect.map(client.openChat(call.body, scope), (opened) => new Arriving(opened, Frames.chat, keepTokens))
    case "completion":
      return Effect.map(
        client.openCompletion(call.body, scope),
        (opened) => new Arriving(opened, completion(call.body, keepTokens), keepTokens)
      )
  }
}

/** Removes the prompt's tokens, if the server repeats them. */
const completion = (body: Completion.Request, keepTokens: boolean): typeof Frames.completion => {
  if (!keepTokens || body["echo"] !== true || typeof body.prompt !== "string") return Frames.completion
  const generated = Echo.make(body.prompt)
  return (frame, tokens) => generated(Frames.completion(frame, tokens))
}

/** A whole response as one delta. */
const ask = <A>(
  client: Prepared["client"],
  call: Dialect.Call,
  then: (delta: Generation.Delta, meta: Meta) => Effect.Effect<A, InferenceError>
): Effect.Effect<A, InferenceError> => {
  switch (call.route) {
    case "generate":
      return Effect.flatMap(client.generate(call.body), ({ meta, value }) => then(Frames.nativeResponse(value), meta))
    case "chat":
      return Effect.flatMap(client.chat(call.body), ({ meta, value }) => then(Frames.chatResponse(value), meta))
    case "completion":
      return Effect.flatMap(
        client.completion(call.body),
        ({ meta, value }) => then(completion(call.body, true)(value, true), meta)
      )
  }
}

/** A fold of what arrives: calls that are part of the text are taken out of it. */
const folding = (prepared: Prepared): Folding.Fold => {
  const fold = Folding.make(prepared)
  if (prepared.calls === undefined) return fold
  const read = ToolText.make(prepared.calls)
  return { add: (delta, events) => fold.add(read(delta), events), finish: (...given) => fold.finish(...given) }
}

/** A constrained answer that the engine reported as thinking, as llama.cpp does under a regex. */
const unfiled = (generation: Generation.Generation, events: Events | undefined): Generation.Generation => {
  const { finishReason, reasoning, text, toolCalls, ...rest } = generation
  const isFiled = reasoning !== undefined && text.trim() === "" && toolCalls.length === 0 && finishReason !== "length"
  if (!isFiled) return generation
  events?.push({ _tag: "Text", text: reasoning })
  return { ...rest, finishReason, toolCalls, text: reasoning }
}

const now = (fiber: Telemetry.Fiber): number => fiber.getRef(Clock.Clock).currentTimeMillisUnsafe()

/** What is known about a response besides its frames: their number, and when it was requested and began. */
interface Exchanged {
  readonly meta: Meta
  readonly count: number
  readonly start: number
  readonly first?: number
}

/**
 * The finished generation with everything else that is known, or what is wrong with it. No effect is run
 * where nothing has to be requested or reported.
 */
const finishing = (
  fiber: Telemetry.Fiber,
  prepared: Prepared,
  fold: Folding.Fold,
  { count, first, meta, start }: Exchanged,
  events: Events | undefined
): Effect.Effect<Generation.Generation, InferenceError> => {
  const { call, countInput, filedAsThinking, keepTokens, offer, seed, telemetry } = prepared
  const folded = fold.finish({
    ...(first !== undefined && { timeToFirstToken: first - start }),
    duration: now(fiber) - start,
    attempts: meta.attempts,
    ...(meta.requestId !== undefined && { requestId: meta.requestId }),
    ...(seed !== undefined && { seed }),
    ...ResponseHeaders.statistics(meta.headers)
  }, events)
  const told = filedAsThinking ? unfiled(folded, events) : folded
  const wrong = offer === undefined && told.toolCalls.length === 0 ? undefined : Verdict.of(told, offer)
  if (wrong !== undefined) {
    return Effect.fail(
      new InferenceError({
        method: `POST ${Dialect.paths[call.route]}`,
        reason: wrong,
        attempts: meta.attempts,
        ...(meta.requestId !== undefined && { requestId: meta.requestId }),
        received: { events: count, text: told.text }
      })
    )
  }
  const isUnlisted = keepTokens && told.tokens === undefined && told.text !== ""
  const isUncounted = told.statistics.inputTokens === undefined && countInput !== undefined
  if (!isUnlisted && !isUncounted) {
    Telemetry.finished(fiber, telemetry, told)
    return Effect.succeed(told)
  }
  return Effect.gen(function*() {
    if (isUnlisted) yield* Effect.logWarning("log probabilities were requested, but the server sent none")
    const inputTokens = isUncounted ? yield* countInput : told.statistics.inputTokens
    const counted = isUncounted ? { ...told, statistics: { ...told.statistics, inputTokens } } : told
    Telemetry.finished(fiber, telemetry, counted)
    return counted
  })
}

/** A fold over the frames of a response that has begun. */
class Begun {
  readonly incoming: Incoming
  readonly fold: Folding.Fold
  readonly #prepared: Prepared
  readonly #start: number
  readonly #first: number

  constructor(prepared: Prepared, incoming: Incoming, start: number, first: number) {
    this.incoming = incoming
    this.fold = folding(prepared)
    this.#prepared = prepared
    this.#start = start
    this.#first = first
  }

  /** The generation, once there are no more frames. */
  end(events?: Events): Effect.Effect<Generation.Generation, InferenceError> {
    // on the fiber that pulls, which may not be the one that began
    return Effect.withFiber((fiber) => {
      const { count, meta } = this.incoming
      const exchanged = { meta, count, start: this.#start, first: this.#first }
      return finishing(fiber, this.#prepared, this.fold, exchanged, events)
    })
  }
}

const begin = (prepared: Prepared, scope: Scope.Scope): Effect.Effect<Begun, InferenceError> =>
  Effect.withFiber((fiber) => {
    const start = now(fiber)
    return Effect.map(open(prepared, scope), (incoming) => new Begun(prepared, incoming, start, now(fiber)))
  })

type Pulled = Pull.Pull<Arr.NonEmptyReadonlyArray<Generation.Event>, InferenceError>

/**
 * Opens the stream of a generation. The last event is `Finish`; closing the scope closes the socket.
 *
 * @category running
 * @since 0.1.0
 */
export const stream = (
  prepared: Prepared,
  scope: Scope.Scope,
  outcome: Telemetry.Outcome<InferenceError>
): Effect.Effect<Pulled, InferenceError> =>
  Effect.map(begin(prepared, scope), (begun) => {
    let events: Events = []
    let done = false
    const next: Pulled = Pull.matchEffect(begun.incoming.pull((delta) => begun.fold.add(delta, events)), {
      onSuccess: () => {
        const heard = events
        if (!Arr.isArrayNonEmpty(heard)) return next
        events = []
        return Effect.succeed(heard)
      },
      onFailure: (cause) => Effect.andThen(outcome.failed(cause), Effect.failCause(cause)),
      onDone: () => {
        done = true
        return Effect.matchCauseEffect(begun.end(events), {
          onSuccess: (generation) => {
            outcome.ended()
            return Effect.succeed(Arr.append(events, { _tag: "Finish", generation }))
          },
          onFailure: (cause) => Effect.andThen(outcome.failed(cause), Effect.failCause(cause))
        })
      }
    })
    return Effect.suspend(() => done ? Cause.done() : next)
  })

/**
 * The generation of a stream, folded as its frames come, without a `Stream` of its events.
 *
 * @category running
 * @since 0.1.0
 */
export const folded = (prepared: Prepared): Effect.Effect<Generation.Generation, InferenceError> =>
  Effect.scopedWith((scope) =>
    Effect.flatMap(begin(prepared, scope), (begun) => {
      const { fold, incoming } = begun
      const add = (delta: Generation.Delta) => fold.add(delta)
      return incoming.each === undefined
        ? drained(incoming, add, () => begun.end())
        : Effect.flatMap(incoming.each(add), () => begun.end())
    })
  )

/** All of a response, pull after pull, and what then becomes of it. */
const drained = <A>(
  incoming: Incoming,
  add: (delta: Generation.Delta) => void,
  end: () => Effect.Effect<A, InferenceError>
): Effect.Effect<A, InferenceError> => {
  const next: Effect.Effect<A, InferenceError> = Pull.matchEffect(incoming.pull(add), {
    onSuccess: () => next,
    onFailure: Effect.failCause,
    onDone: end
  })
  return next
}

/** What replaces the tokens of a text that comes without any. */
const PIECE = /\s?[\p{L}\p{N}]{1,6}|[^]/gu

/** A whole response as one delta per token, since it can be continued after any of them. */
const byTokens = ({ text, tokens, ...rest }: Generation.Delta): ReadonlyArray<Generation.Delta> =>
  tokens === undefined || tokens.length === 0
    ? [...(text?.match(PIECE) ?? []).map((text) => ({ text })), rest]
    : [...tokens.map((token) => ({ ...token.special !== true && { text: token.text }, tokens: [token] })), rest]

const heard = (delta: Generation.Delta, meta: Meta): Incoming => {
  let isHeard = false
  return {
    meta,
    count: 1,
    pull: (add) =>
      Effect.suspend(() => {
        if (isHeard) return Cause.done()
        isHeard = true
        for (const each of byTokens(delta)) add(each)
        return Effect.void
      })
  }
}

/** The same from whole responses, if one does not contain all of it. */
const assembled = (
  fiber: Telemetry.Fiber,
  prepared: Prepared,
  over: Continuation.Over,
  start: number,
  events: Events | undefined
): Effect.Effect<Generation.Generation, InferenceError> => {
  const openWhole: Continuation.Open = (call) =>
    ask(prepared.client, call, (delta, meta) => Effect.succeed(heard(delta, meta)))
  return Effect.flatMap(over(prepared.call, openWhole), (incoming) => {
    const fold = folding(prepared)
    return drained(
      incoming,
      (delta) => fold.add(delta, events),
      () => finishing(fiber, prepared, fold, { meta: incoming.meta, count: incoming.count, start }, events)
    )
  })
}

/**
 * Requests the whole response at once: less to parse, the server's timings, and what cannot be streamed. What a reader of
 * a stream would see of it is appended to `events`, if given.
 *
 * @category running
 * @since 0.1.0
 */
export const unary = (
  prepared: Prepared,
  events?: Events
): Effect.Effect<Generation.Generation, InferenceError> =>
  Effect.withFiber((fiber) => {
    const { call, client, continuation } = prepared
    const start = now(fiber)
    if (continuation !== undefined) return assembled(fiber, prepared, continuation, start, events)
    return ask(client, call, (delta, meta) => {
      const fold = folding(prepared)
      fold.add(delta, events)
      return finishing(fiber, prepared, fold, { meta, count: 1, start }, events)
    })
  })

/**
 * The events of a whole response, for what a server streams badly or not at all.
 *
 * @category running
 * @since 0.1.0
 */
export const atOnce = (
  prepared: Prepared,
  _scope: Scope.Scope,
  outcome: Telemetry.Outcome<InferenceError>
): Effect.Effect<Pulled, InferenceError> => {
  const events: Events = []
  return Effect.map(unary(prepared, events), (generation) => {
    outcome.ended()
    const all = Arr.append(events, { _tag: "Finish", generation } as const)
    let isTaken = false
    return Effect.suspend((): Pulled => {
      if (isTaken) return Cause.done()
      isTaken = true
      return Effect.succeed(all)
    })
  })
}
