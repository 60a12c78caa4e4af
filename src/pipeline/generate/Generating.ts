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
import * as Scope from "effect/Scope"
import * as Dialect from "../../dialect/Dialect.ts"
import * as Frames from "../../dialect/Frames.ts"
import * as ResponseHeaders from "../../dialect/ResponseHeaders.ts"
import type * as Generation from "../../Generation.ts"
import { InferenceError } from "../../InferenceError.ts"
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
  /** The tools that are offered. */
  readonly offer: Verdict.Offer
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

const same = (delta: Generation.Delta): Generation.Delta => delta

/** Removes the prompt's tokens, if the server repeats them. */
const echoed = ({ call }: Prepared): (delta: Generation.Delta) => Generation.Delta =>
  call.route === "completion" && call.body["echo"] === true && typeof call.body.prompt === "string"
    ? Echo.make(call.body.prompt)
    : same

const incoming = <F>(
  prepared: Prepared,
  opened: Effect.Effect<Opened<F>, InferenceError, Scope.Scope>,
  delta: (frame: F, tokens: boolean) => Generation.Delta
): Effect.Effect<Incoming, InferenceError, Scope.Scope> =>
  Effect.map(opened, ({ each, meta, pull }) => {
    const { keepTokens } = prepared
    const own = keepTokens ? echoed(prepared) : same
    let count = 0
    const hearing = (add: (delta: Generation.Delta) => void) => (frames: ReadonlyArray<F>) => {
      count += frames.length
      for (const frame of frames) add(own(delta(frame, keepTokens)))
    }
    return {
      meta: () => meta,
      count: () => count,
      pull: (add) => Effect.map(pull, hearing(add)),
      each: (add) => each(hearing(add))
    }
  })

const open = (prepared: Prepared): Effect.Effect<Incoming, InferenceError, Scope.Scope> =>
  prepared.continuation === undefined
    ? openOne(prepared)
    : prepared.continuation(prepared.call, (call) => openOne({ ...prepared, call }))

const openOne = (prepared: Prepared): Effect.Effect<Incoming, InferenceError, Scope.Scope> => {
  const { call, client } = prepared
  switch (call.route) {
    case "generate":
      return incoming(prepared, client.openGenerate(call.body), Frames.native)
    case "chat":
      return incoming(prepared, client.openChat(call.body), Frames.chat)
    case "completion":
      return incoming(prepared, client.openCompletion(call.body), Frames.completion)
  }
}

/** A whole response as one delta. */
const ask = <A>(
  prepared: Prepared,
  then: (delta: Generation.Delta, meta: Meta) => Effect.Effect<A, InferenceError>
): Effect.Effect<A, InferenceError> => {
  const { call, client } = prepared
  switch (call.route) {
    case "generate":
      return Effect.flatMap(client.generate(call.body), ({ meta, value }) => then(Frames.nativeResponse(value), meta))
    case "chat":
      return Effect.flatMap(client.chat(call.body), ({ meta, value }) => then(Frames.chatResponse(value), meta))
    case "completion":
      return Effect.flatMap(
        client.completion(call.body),
        ({ meta, value }) => then(echoed(prepared)(Frames.completion(value, true)), meta)
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

interface Times {
  readonly start: number
  readonly first: number | undefined
}

/** The generation at the end of a fold, with everything else that is known. */
const finished = (
  prepared: Prepared,
  fold: Folding.Fold,
  meta: Meta,
  { first, start }: Times,
  now: number,
  events: Events
): Generation.Generation => {
  const server = ResponseHeaders.timings(meta.headers)
  const provider = ResponseHeaders.provider(meta.headers)
  return fold.finish({
    ...ResponseHeaders.usage(meta.headers),
    ...(first !== undefined && { timeToFirstToken: first - start }),
    duration: now - start,
    attempts: meta.attempts,
    ...(meta.requestId !== undefined && { requestId: meta.requestId }),
    ...(provider !== undefined && { provider }),
    ...(prepared.seed !== undefined && { seed: prepared.seed }),
    ...(server !== undefined && { server })
  }, events)
}

/** A constrained answer that the engine reported as thinking, as llama.cpp does under a regex. */
const unfiled = (prepared: Prepared, generation: Generation.Generation, events: Events): Generation.Generation => {
  const { finishReason, reasoning, text, toolCalls } = generation
  const isFiled = prepared.filedAsThinking && reasoning !== undefined && text.trim() === "" && toolCalls.length === 0 &&
    finishReason !== "length"
  if (!isFiled) return generation
  const { reasoning: answer, ...rest } = generation
  events.push({ _tag: "Text", text: reasoning })
  return { ...rest, text: answer ?? reasoning }
}

/** The finished generation, or what is wrong with it. No effect is run where nothing has to be requested or reported. */
const finishing = (
  fiber: Telemetry.Fiber,
  prepared: Prepared,
  fold: Folding.Fold,
  meta: Meta,
  times: Times,
  now: number,
  events: Events,
  count: number
): Effect.Effect<Generation.Generation, InferenceError> => {
  const told = unfiled(prepared, finished(prepared, fold, meta, times, now, events), events)
  const wrong = Verdict.of(told, prepared.offer)
  if (wrong !== undefined) {
    return Effect.fail(
      new InferenceError({
        method: `POST ${Dialect.paths[prepared.call.route]}`,
        reason: wrong,
        attempts: meta.attempts,
        ...(meta.requestId !== undefined && { requestId: meta.requestId }),
        received: { events: count, text: told.text }
      })
    )
  }
  const end = (generation: Generation.Generation): Effect.Effect<Generation.Generation> => {
    Telemetry.finished(fiber, prepared.telemetry, generation)
    return Effect.succeed(generation)
  }
  const { countInput } = prepared
  const isUncounted = told.statistics.inputTokens === undefined && countInput !== undefined
  const counted = isUncounted
    ? Effect.flatMap(
      countInput,
      (inputTokens) => end({ ...told, statistics: { ...told.statistics, inputTokens } })
    )
    : end(told)
  return prepared.keepTokens && told.tokens === undefined && told.text !== ""
    ? Effect.andThen(Effect.logWarning("log probabilities were requested, but the server sent none"), counted)
    : counted
}

/** A fold over the frames of a response that has begun. */
interface Begun {
  readonly fold: Folding.Fold
  readonly pull: Incoming["pull"]
  readonly each: Incoming["each"]
  readonly end: (events: Events) => Effect.Effect<Generation.Generation, InferenceError>
}

const begin = (prepared: Prepared): Effect.Effect<Begun, InferenceError, Scope.Scope> =>
  Effect.clockWith((clock) => {
    const start = clock.currentTimeMillisUnsafe()
    return Effect.map(open(prepared), ({ count, each, meta, pull }) => {
      const times: Times = { start, first: clock.currentTimeMillisUnsafe() }
      const fold = folding(prepared)
      const end = (events: Events) =>
        // on the fiber that pulls, which may not be the one that began
        Effect.withFiber<Generation.Generation, InferenceError>((fiber) =>
          finishing(fiber, prepared, fold, meta(), times, clock.currentTimeMillisUnsafe(), events, count())
        )
      return { fold, pull, each, end }
    })
  })

/** Applies a limit on time. */
type Within = <A, E, R>(self: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

type Opening = Telemetry.Opening<Generation.Event, InferenceError>

/** The last events of a stream, which has then ended, or the failure that ends it. */
const last = (
  end: Effect.Effect<Generation.Generation, InferenceError>,
  events: Events,
  { ended, failed }: Telemetry.Outcome<InferenceError>
): Effect.Effect<Arr.NonEmptyReadonlyArray<Generation.Event>, InferenceError> =>
  Effect.matchCauseEffect(end, {
    onSuccess: (generation) => {
      ended()
      return Effect.succeed(Arr.append(events, { _tag: "Finish", generation }))
    },
    onFailure: (cause) => Effect.andThen(failed(cause), Effect.failCause(cause))
  })

/**
 * Streams a generation. The last event is `Finish`; ending the stream early closes the socket. `within` applies the
 * time limit of the call that the generation completes.
 *
 * @category running
 * @since 0.1.0
 */
export const stream = (prepared: Prepared, within: Within): Opening => (scope, outcome) =>
  Effect.map(within(Scope.provide(begin(prepared), scope)), ({ end, fold, pull }) => {
    let events: Events = []
    let done = false
    const frames = pull((delta) => fold.add(delta, events))
    const next: Pull.Pull<Arr.NonEmptyReadonlyArray<Generation.Event>, InferenceError> = Pull.matchEffect(frames, {
      onSuccess: () => {
        const heard = events
        if (!Arr.isArrayNonEmpty(heard)) return next
        events = []
        return Effect.succeed(heard)
      },
      onFailure: (cause) => Effect.andThen(outcome.failed(cause), Effect.failCause(cause)),
      onDone: () => {
        done = true
        return last(end(events), events, outcome)
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
    Effect.flatMap(Scope.provide(begin(prepared), scope), ({ each, end, fold, pull }) => {
      // nobody reads these
      const events: Events = []
      const add = (delta: Generation.Delta) => {
        fold.add(delta, events)
        events.length = 0
      }
      if (each !== undefined) return Effect.flatMap(each(add), () => end(events))
      const frames = pull(add)
      const next: Effect.Effect<Generation.Generation, InferenceError> = Pull.matchEffect(frames, {
        onSuccess: () => next,
        onFailure: Effect.failCause,
        onDone: () => end(events)
      })
      return next
    })
  )

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
    meta: () => meta,
    count: () => 1,
    pull: (add) =>
      Effect.suspend(() => {
        if (isHeard) return Cause.done()
        isHeard = true
        for (const each of byTokens(delta)) add(each)
        return Effect.void
      })
  }
}

const openWhole = (prepared: Prepared): Effect.Effect<Incoming, InferenceError> =>
  ask(prepared, (delta, meta) => Effect.succeed(heard(delta, meta)))

/** The same from whole responses, if one does not contain all of it. */
const assembled = (
  prepared: Prepared,
  over: Continuation.Over,
  events: Events
): Effect.Effect<Generation.Generation, InferenceError> =>
  Effect.scopedWith((scope) =>
    Effect.withFiber((fiber) => {
      const clock = fiber.getRef(Clock.Clock)
      const start = clock.currentTimeMillisUnsafe()
      const opened = over(prepared.call, (call) => openWhole({ ...prepared, call }))
      return Effect.flatMap(Scope.provide(opened, scope), ({ count, meta, pull }) => {
        const fold = folding(prepared)
        const frames = pull((delta) => fold.add(delta, events))
        const next: Effect.Effect<Generation.Generation, InferenceError> = Pull.matchEffect(frames, {
          onSuccess: () => next,
          onFailure: Effect.failCause,
          onDone: () => {
            const times = { start, first: undefined }
            return finishing(fiber, prepared, fold, meta(), times, clock.currentTimeMillisUnsafe(), events, count())
          }
        })
        return next
      })
    })
  )

const answered = (prepared: Prepared, events: Events): Effect.Effect<Generation.Generation, InferenceError> =>
  prepared.continuation === undefined
    ? answeredOnce(prepared, events)
    : assembled(prepared, prepared.continuation, events)

const answeredOnce = (prepared: Prepared, events: Events): Effect.Effect<Generation.Generation, InferenceError> =>
  Effect.withFiber((fiber) => {
    const clock = fiber.getRef(Clock.Clock)
    const start = clock.currentTimeMillisUnsafe()
    return ask(prepared, (delta, meta) => {
      const fold = folding(prepared)
      fold.add(delta, events)
      return finishing(
        fiber,
        prepared,
        fold,
        meta,
        { start, first: undefined },
        clock.currentTimeMillisUnsafe(),
        events,
        1
      )
    })
  })

/**
 * Requests the whole response at once: less to parse, the server's timings, and what cannot be streamed.
 *
 * @category running
 * @since 0.1.0
 */
export const unary = (prepared: Prepared): Effect.Effect<Generation.Generation, InferenceError> =>
  answered(prepared, [])

/**
 * The events of a whole response, for what a server streams badly or not at all.
 *
 * @category running
 * @since 0.1.0
 */
export const atOnce = (prepared: Prepared, within: Within): Opening => (_scope, outcome) =>
  Effect.sync(() => {
    let done = false
    const events: Events = []
    return Effect.suspend((): Pull.Pull<Arr.NonEmptyReadonlyArray<Generation.Event>, InferenceError> => {
      if (done) return Cause.done()
      done = true
      return last(within(answered(prepared, events)), events, outcome)
    })
  })
