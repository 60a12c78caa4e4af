/**
 * The body of a stream → checked frames, and the verdict on how it ended.
 *
 * A pull reads what the socket has, parses all events in it in one loop, and hands over the frames as one array: no
 * effect, fiber or span per token. What arrived before a failure is handed over first.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { HttpClientError } from "effect/http/HttpClientError"
import * as Pull from "effect/Pull"
import type { Fault } from "../../http/Decompression.ts"
import type { Scrub } from "../../http/Secret.ts"
import type * as TransportLimits from "../../http/TransportLimits.ts"
import { type Reason, Timeout } from "../../InferenceError.ts"
import type { Reading } from "../routes/Reading.ts"
import type { Route } from "../routes/Route.ts"
import * as FrameReader from "./FrameReader.ts"

/**
 * What a reader needs to know of its call.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings extends FrameReader.Settings {
  /** Maps a transport fault. */
  readonly reasonOf: (error: HttpClientError | Fault) => Reason
  /** What the transport does by itself, if it also applies `idle`, `total` and `maxBodySize`. */
  readonly transport: TransportLimits.Reading | undefined
  /** Run when nothing more is read: releases the connection. */
  readonly closed: Effect.Effect<void>
  /** The limit between two reads. */
  readonly idle: Duration.Duration
  /** The limit of the whole call, and the moment at which it is reached, in milliseconds of the clock. */
  readonly total: Duration.Duration
  readonly deadline: number
}

type Bytes = Arr.NonEmptyReadonlyArray<Uint8Array>

/** After the mark the rest of the body is read for this long and this far, so that the connection can be used again. */
const LINGER = 250
const LINGER_BYTES = 64 * 1024

/**
 * Reads one stream.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reader<F> {
  /**
   * Frames as they arrive, the first ones together with the first that adds to the generation. Ends when the generation is
   * complete, else fails with the caller's error for the reason.
   */
  readonly pull: <E>(failed: (reason: Reason) => E) => Pull.Pull<Arr.NonEmptyReadonlyArray<F>, E>
  /** Gives all frames to whoever hears them, and succeeds where `pull` ends. Nothing is woken for each read. */
  readonly each: <E>(
    failed: (reason: Reason) => E,
    hear: (frames: Arr.NonEmptyReadonlyArray<F>) => void
  ) => Effect.Effect<void, E>
  /** How many frames were handed over, and their text. */
  readonly received: () => { readonly events: number; readonly text: string }
}

/**
 * Starts reading a body.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = <F extends { readonly error?: unknown }>(
  bytes: Pull.Pull<Bytes, HttpClientError | Fault>,
  route: Route<F>,
  settings: Settings
): Reader<F> => {
  const state = new FrameReader.FrameReader(route, settings)
  // a transport that applies limits applies these too
  const { transport } = settings
  const next = transport === undefined ? timed(bytes, settings) : bytes
  const rest = transport === undefined ? linger(bytes) : transport.readRest(LINGER_BYTES, LINGER)
  const ended = Effect.flatMap(settings.closed, () => Cause.done())
  const lingered = Effect.flatMap(rest, () => ended)
  /** What a fault of the transport means; a defect or an interrupt, of which no type speaks, is passed on. */
  const broken = (cause: Cause.Cause<HttpClientError | Fault | Timeout>): Effect.Effect<never> | undefined => {
    const failure = Cause.findErrorOption(cause)
    // without an error it holds a defect or an interrupt
    if (failure._tag === "None") return Effect.failCause(cause as Cause.Cause<never>)
    const error = failure.value
    state.fail(
      error._tag === "HttpClientError" || error._tag === "DecompressionFault" ? settings.reasonOf(error) : error
    )
    return undefined
  }
  /** How it ends, once there are no more frames to hand over. */
  const ending = <E>(failed: (reason: Reason) => E): Pull.Pull<never, E> | undefined => {
    const { failure } = state
    if (failure !== undefined) return Effect.flatMap(settings.closed, () => Effect.fail(failed(failure)))
    return state.over ? state.ended ? ended : lingered : undefined
  }
  const pull = <E>(failed: (reason: Reason) => E): Pull.Pull<Arr.NonEmptyReadonlyArray<F>, E> => {
    const step = (): Pull.Pull<Arr.NonEmptyReadonlyArray<F>, E> => {
      const frames = state.take()
      return Arr.isArrayNonEmpty(frames) ? Effect.succeed(frames) : ending(failed) ?? fed
    }
    const fed = Pull.matchEffect(next, {
      onSuccess: (pieces) => {
        state.push(pieces)
        return step()
      },
      onFailure: (cause) => broken(cause) ?? step(),
      onDone: () => {
        state.end()
        return step()
      }
    })
    return Effect.suspend(step)
  }
  const each = <E>(
    failed: (reason: Reason) => E,
    hear: (frames: Arr.NonEmptyReadonlyArray<F>) => void
  ): Effect.Effect<void, E> => {
    if (transport === undefined) {
      const frames = pull(failed)
      const next: Effect.Effect<void, E> = Pull.matchEffect(frames, {
        onSuccess: (some) => {
          hear(some)
          return next
        },
        onFailure: Effect.failCause,
        onDone: () => Effect.void
      })
      return next
    }
    const handOver = (): void => {
      const frames = state.take()
      if (Arr.isArrayNonEmpty(frames)) hear(frames)
    }
    const last = (): Effect.Effect<void, E> => {
      handOver()
      return Pull.catchDone(ending(failed) ?? Cause.done(), () => Effect.void)
    }
    return Effect.suspend(() => {
      handOver()
      if (state.over || state.failure !== undefined) return last()
      const read = transport.each((pieces) => {
        state.push(pieces)
        handOver()
        return !state.over && state.failure === undefined
      })
      return Effect.matchCauseEffect(read, {
        onSuccess: (how) => {
          if (how === "ended") state.end()
          return last()
        },
        onFailure: (cause) => broken(cause) ?? last()
      })
    })
  }
  return { pull, each, received: () => ({ events: state.events, text: state.text }) }
}

/**
 * The reader of a body that was already read.
 *
 * @category constructors
 * @since 0.2.0
 */
export const ended: Reader<never> = {
  pull: () => Cause.done(),
  each: () => Effect.void,
  received: () => ({ events: 1, text: "" })
}

/**
 * Reads an event stream that has arrived as a whole.
 *
 * @category reading
 * @since 0.2.0
 */
export const readText = <F extends { readonly error?: unknown }>(
  text: string,
  routeOf: () => Route<F>
): Reading<ReadonlyArray<F>> => {
  const bytes = new TextEncoder().encode(text)
  const run = (scrub: Scrub): FrameReader.FrameReader<F> => {
    const state = new FrameReader.FrameReader(routeOf(), {
      scrub,
      transport: undefined,
      maxEventSize: Infinity,
      maxBodySize: Infinity
    })
    state.push([bytes])
    state.end()
    return state
  }
  const state = run((shown) => shown)
  const frames = state.take()
  const { events, failure, text: arrived } = state
  if (failure === undefined) return { _tag: "Read", value: frames }
  return {
    _tag: "Failed",
    reason: (scrub) => run(scrub).failure ?? failure,
    ...(events > 0 && { received: { events, text: arrived } })
  }
}

/** One read within the limits on time. */
const timed = (
  bytes: Pull.Pull<Bytes, HttpClientError | Fault>,
  { deadline, idle, total }: Settings
): Pull.Pull<Bytes, HttpClientError | Fault | Timeout> =>
  Effect.clockWith((clock) => {
    const left = deadline - clock.currentTimeMillisUnsafe()
    if (left <= 0) return Effect.fail(new Timeout({ phase: "total", after: total }))
    const stalled = Duration.toMillis(idle) <= left
    return Effect.timeoutOrElse(bytes, {
      duration: stalled ? idle : Duration.millis(left),
      orElse: () =>
        Effect.fail(
          stalled ? new Timeout({ phase: "idle", after: idle }) : new Timeout({ phase: "total", after: total })
        )
    })
  })

/**
 * Briefly reads on to the end of the body, so that its socket goes back to the pool; nothing that happens here is a failure.
 */
const linger = (bytes: Pull.Pull<Bytes, HttpClientError | Fault>): Effect.Effect<void> => {
  let left = LINGER_BYTES
  const rest: Effect.Effect<void> = Effect.suspend(() =>
    Effect.matchEffect(bytes, {
      onFailure: () => Effect.void,
      onSuccess: (pieces) => {
        for (const piece of pieces) left -= piece.byteLength
        return left > 0 ? rest : Effect.void
      }
    })
  )
  return Effect.asVoid(Effect.timeoutOption(rest, Duration.millis(LINGER)))
}
