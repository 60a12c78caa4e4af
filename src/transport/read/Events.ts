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
import * as Exit from "effect/Exit"
import type { HttpClientError } from "effect/http/HttpClientError"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import type { Fault } from "../../http/Decompression.ts"
import type { Scrub } from "../../http/Secret.ts"
import type * as TransportLimits from "../../http/TransportLimits.ts"
import { type Reason, Timeout } from "../../InferenceError.ts"
import type { Reading } from "../routes/Reading.ts"
import type { Route } from "../routes/Route.ts"
import * as FrameReader from "./FrameReader.ts"

/**
 * What the readers of one client share.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings extends FrameReader.Settings {
  /** Maps a transport fault. */
  readonly reasonOf: (error: HttpClientError | Fault) => Reason
  /** The limit between two reads. */
  readonly idle: Duration.Duration
  /** The limit of the whole call. */
  readonly total: Duration.Duration
}

type Bytes = Arr.NonEmptyReadonlyArray<Uint8Array>

/**
 * The body of one stream.
 *
 * @category models
 * @since 0.2.0
 */
export interface Body {
  readonly bytes: Pull.Pull<Bytes, HttpClientError | Fault>
  /** What the transport does by itself, if it also applies `idle`, `total` and `maxBodySize`. */
  readonly transport: TransportLimits.Reading | undefined
  /** Closed when nothing more is read, which releases the connection. */
  readonly scope: Scope.Closeable
  /** The moment at which the limit of the whole call is reached, in milliseconds of the clock. */
  readonly deadline: number
}

/** After the mark the rest of the body is read for this long and this far, so that the connection can be used again. */
const LINGER = 250
const LINGER_BYTES = 64 * 1024

/**
 * Reads one stream.
 *
 * @category models
 * @since 0.2.0
 */
export interface Reader<F> {
  /** Reads until there are frames to hand over, or the end of the generation; fails where it failed before that. */
  readonly begun: <E>(failed: (reason: Reason) => E) => Effect.Effect<void, E>
  /**
   * Frames as they arrive, the first ones together with the first that adds to the generation. Ends when the generation is
   * complete, else fails with the caller's error for the reason.
   */
  readonly pull: <E>(failed: (reason: Reason) => E) => Pull.Pull<Arr.NonEmptyReadonlyArray<F>, E>
  /** Passes all frames to a listener, and succeeds when `pull` would end. No fiber is woken for each read. */
  readonly each: <E>(
    failed: (reason: Reason) => E,
    hear: (frames: Arr.NonEmptyReadonlyArray<F>) => void
  ) => Effect.Effect<void, E>
  /** How many frames were handed over, and their text. */
  readonly received: () => { readonly events: number; readonly text: string }
}

/**
 * Reads a body as it arrives.
 *
 * @category models
 * @since 0.2.0
 */
export class BodyReader<F extends { readonly error?: unknown }> implements Reader<F> {
  readonly #body: Body
  readonly #settings: Settings
  readonly #state: FrameReader.FrameReader<F>
  /** One read, however it goes. */
  readonly #fed: Effect.Effect<void>

  constructor(body: Body, route: Route<F>, settings: Settings) {
    const { bytes, transport } = body
    this.#body = body
    this.#settings = settings
    this.#state = new FrameReader.FrameReader(route, settings, transport !== undefined)
    // a transport that applies limits applies these too
    this.#fed = Pull.matchEffect(transport === undefined ? timed(body, settings) : bytes, {
      onSuccess: (pieces) => {
        this.#state.push(pieces)
        return Effect.void
      },
      onFailure: (cause) => this.#broken(cause) ?? Effect.void,
      onDone: () => {
        this.#state.end()
        return Effect.void
      }
    })
  }

  begun<E>(failed: (reason: Reason) => E): Effect.Effect<void, E> {
    const step = (): Effect.Effect<void, E> => {
      const { failure, isReady, over } = this.#state
      if (isReady || (over && failure === undefined)) return Effect.void
      return failure === undefined ? more : this.#failing(failed(failure))
    }
    const more = Effect.flatMap(this.#fed, step)
    return Effect.suspend(step)
  }

  pull<E>(failed: (reason: Reason) => E): Pull.Pull<Arr.NonEmptyReadonlyArray<F>, E> {
    const step = (): Pull.Pull<Arr.NonEmptyReadonlyArray<F>, E> => {
      const frames = this.#state.take()
      return Arr.isArrayNonEmpty(frames) ? Effect.succeed(frames) : this.#ending(failed) ?? more
    }
    const more = Effect.flatMap(this.#fed, step)
    return Effect.suspend(step)
  }

  each<E>(
    failed: (reason: Reason) => E,
    hear: (frames: Arr.NonEmptyReadonlyArray<F>) => void
  ): Effect.Effect<void, E> {
    const { transport } = this.#body
    if (transport === undefined) {
      const next: Effect.Effect<void, E> = Pull.matchEffect(this.pull(failed), {
        onSuccess: (frames) => {
          hear(frames)
          return next
        },
        onFailure: Effect.failCause,
        onDone: () => Effect.void
      })
      return next
    }
    const state = this.#state
    const handOver = (): void => {
      const frames = state.take()
      if (Arr.isArrayNonEmpty(frames)) hear(frames)
    }
    const last = (): Effect.Effect<void, E> => {
      handOver()
      return Pull.catchDone(this.#ending(failed) ?? Cause.done(), () => Effect.void)
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
        onFailure: (cause) => this.#broken(cause) ?? last()
      })
    })
  }

  received() {
    return { events: this.#state.events, text: this.#state.text }
  }

  /** What a fault of the transport means; a defect or an interrupt, which no type covers, is passed on. */
  #broken(cause: Cause.Cause<HttpClientError | Fault | Timeout>): Effect.Effect<never> | undefined {
    const failure = Cause.findErrorOption(cause)
    // without an error it holds a defect or an interrupt
    if (failure._tag === "None") return Effect.failCause(cause as Cause.Cause<never>)
    const error = failure.value
    this.#state.fail(
      error._tag === "HttpClientError" || error._tag === "DecompressionFault" ? this.#settings.reasonOf(error) : error
    )
    return undefined
  }

  /** How it ends, once there are no more frames to hand over. */
  #ending<E>(failed: (reason: Reason) => E): Pull.Pull<never, E> | undefined {
    const { ended, failure, over } = this.#state
    if (failure !== undefined) return this.#failing(failed(failure))
    if (!over) return undefined
    const closed = Effect.flatMap(Scope.close(this.#body.scope, Exit.void), () => Cause.done())
    if (ended) return closed
    const { bytes, transport } = this.#body
    return Effect.flatMap(
      transport === undefined ? linger(bytes) : transport.readRest(LINGER_BYTES, LINGER),
      () => closed
    )
  }

  #failing<E>(error: E): Effect.Effect<never, E> {
    return Effect.flatMap(Scope.close(this.#body.scope, Exit.void), () => Effect.fail(error))
  }
}

/**
 * The reader of frames that have arrived.
 *
 * @category constructors
 * @since 0.2.0
 */
export const arrived = <F>(frames: Arr.NonEmptyReadonlyArray<F>): Reader<F> => {
  let left: typeof frames | undefined = frames
  const take = () => {
    const taken = left
    left = undefined
    return taken
  }
  return {
    begun: () => Effect.void,
    pull: () =>
      Effect.suspend(() => {
        const taken = take()
        return taken === undefined ? Cause.done() : Effect.succeed(taken)
      }),
    each: (_, hear) =>
      Effect.sync(() => {
        const taken = take()
        if (taken !== undefined) hear(taken)
      }),
    received: () => ({ events: 1, text: "" })
  }
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
    const limits = { scrub, maxEventSize: Infinity, maxBodySize: Infinity }
    const state = new FrameReader.FrameReader(routeOf(), limits, true)
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
  { bytes, deadline }: Body,
  { idle, total }: Settings
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
