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
import type { Fault } from "../http/Decompression.ts"
import type { Scrub } from "../http/Secret.ts"
import type * as TransportLimits from "../http/TransportLimits.ts"
import {
  EmptyResponse,
  InvalidResponse,
  type Reason,
  StreamInterrupted,
  Timeout,
  Transport
} from "../InferenceError.ts"
import * as Failure from "../protocol/Failure.ts"
import type { Guard } from "../protocol/Guard.ts"
import * as EventLayout from "./EventLayout.ts"
import * as EventStream from "./EventStream.ts"
import { GrowingText } from "./GrowingText.ts"
import * as InferenceFailure from "./InferenceFailure.ts"
import type { Read, Reading } from "./Reading.ts"

/**
 * What the events of a route look like.
 *
 * @category models
 * @since 0.1.0
 */
export interface Route<F> {
  readonly guard: Guard<F>
  /** What varies in its events of a token; the first that fits is used. */
  readonly layouts: ReadonlyArray<EventLayout.Layout<F>>
  /** A second look at the payload of a frame that ends the answer, for what `JSON.parse` rounds. */
  readonly refine?: ((frame: F, data: string) => F) | undefined
  /** The text that a frame adds to the generation, to say in an error what had arrived. */
  readonly text: (frame: F) => string
  /** Whether a frame has what events of the route have. One without is passed over: a heartbeat, or a note of a proxy. */
  readonly fits: (frame: F) => boolean
  /** Whether a frame adds to the generation, as a role, usage and heartbeats do not. */
  readonly says: (frame: F) => boolean
  /**
   * Whether a frame ends the generation: `finished` when only usage or `[DONE]` may follow, `over` when nothing does. A
   * stream that ends without either, and without `[DONE]`, was cut.
   */
  readonly ends: (frame: F) => "no" | "finished" | "over"
  /** The finish reason of a frame that ends the generation, where it says that it failed. */
  readonly failure: (frame: F) => string | undefined
  /** Reads a whole response that came for a stream. */
  readonly whole?: Read<Arr.NonEmptyReadonlyArray<F>> | undefined
}

/**
 * What a reader needs to know of its call.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  readonly scrub: Scrub
  /** Maps a fault of the transport. */
  readonly reasonOf: (error: HttpClientError | Fault) => Reason
  /** What the transport does by itself, where it also keeps `idle`, `total` and `maxBodySize`. */
  readonly transport: TransportLimits.Reading | undefined
  /** Run when nothing more is read: lets go of the connection. */
  readonly closed: Effect.Effect<void>
  /** The limit between two reads. */
  readonly idle: Duration.Duration
  /** The limit of the whole call, and the moment at which it is reached, in milliseconds of the clock. */
  readonly total: Duration.Duration
  readonly deadline: number
  readonly maxEventSize: number
  readonly maxBodySize: number
}

type Bytes = Arr.NonEmptyReadonlyArray<Uint8Array>

/** A short stream never pays for learning its layout. */
const LEARN_AFTER = 32

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
   * Frames as they come, the first ones together with the first that adds to the generation. Ends when the generation is
   * complete, else fails with what the caller makes of the reason.
   */
  readonly pull: <E>(failed: (reason: Reason) => E) => Pull.Pull<Arr.NonEmptyReadonlyArray<F>, E>
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
  const state = new State(route, settings)
  // a transport that keeps limits keeps these too
  const { transport } = settings
  const next = transport === undefined ? timed(bytes, settings) : bytes
  const rest = transport === undefined ? linger(bytes) : transport.readRest(LINGER_BYTES, LINGER)
  const ended = Effect.flatMap(settings.closed, () => Cause.done())
  const lingered = Effect.flatMap(rest, () => ended)
  const pull = <E>(failed: (reason: Reason) => E): Pull.Pull<Arr.NonEmptyReadonlyArray<F>, E> => {
    const step = (): Pull.Pull<Arr.NonEmptyReadonlyArray<F>, E> => {
      const frames = state.take()
      if (Arr.isArrayNonEmpty(frames)) return Effect.succeed(frames)
      const { failure } = state
      if (failure !== undefined) return Effect.flatMap(settings.closed, () => Effect.fail(failed(failure)))
      if (state.over) return state.ended ? ended : lingered
      return fed
    }
    const fed = Pull.matchEffect(next, {
      onSuccess: (pieces) => {
        state.push(pieces)
        return step()
      },
      onFailure: (cause) => {
        const failure = Cause.findErrorOption(cause)
        // without an error it holds a defect or an interrupt, which no type speaks of
        if (failure._tag === "None") return Effect.failCause(cause as Cause.Cause<never>)
        const error = failure.value
        state.fail(
          error._tag === "HttpClientError" || error._tag === "DecompressionFault" ? settings.reasonOf(error) : error
        )
        return step()
      },
      onDone: () => {
        state.end()
        return step()
      }
    })
    return Effect.suspend(step)
  }
  return { pull, received: () => ({ events: state.events, text: state.text }) }
}

/**
 * The reader of a body that was read already.
 *
 * @category constructors
 * @since 0.2.0
 */
export const ended: Reader<never> = { pull: () => Cause.done(), received: () => ({ events: 1, text: "" }) }

/**
 * Reads an event stream that is there as a whole.
 *
 * @category reading
 * @since 0.2.0
 */
export const readText = <F extends { readonly error?: unknown }>(
  text: string,
  routeOf: () => Route<F>
): Reading<ReadonlyArray<F>> => {
  const bytes = new TextEncoder().encode(text)
  const run = (scrub: Scrub): State<F> => {
    const state = new State(routeOf(), {
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

/** Reads on to the end of the body, briefly, so that its socket goes back to the pool; whatever happens is no failure. */
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

type Limits = Pick<Settings, "scrub" | "transport" | "maxEventSize" | "maxBodySize">

class State<F extends { readonly error?: unknown }> {
  readonly #route: Route<F>
  readonly #settings: Limits
  readonly #parser: EventStream.Parser
  readonly #layout: EventLayout.Reader<F>
  #frames: Array<F> = []
  #parsed = 0
  #size = 0
  /** The answer is complete, though usage or `[DONE]` may follow. */
  #finished = false
  /** Something was generated. What came before is kept back until then, so that a failure has delivered nothing. */
  #said = false
  /** The first event that nobody understands, where none is understood. */
  #foreign: string | undefined = undefined
  /** Set while the last event of a body is parsed that had no blank line, and so may be cut. */
  #unterminated = false
  /** Nothing of interest comes any more. */
  over = false
  /** The body has ended. */
  ended = false
  failure: Reason | undefined = undefined
  events = 0
  readonly #text = new GrowingText()

  constructor(route: Route<F>, settings: Limits) {
    this.#route = route
    this.#settings = settings
    this.#layout = new EventLayout.Reader(route.layouts)
    this.#parser = EventStream.make((data, type) => this.#event(data, type), {
      maxEventSize: settings.maxEventSize,
      takeLine: (text, start, end) => this.#line(text, start, end)
    })
  }

  /** What the frames say that were handed over. */
  get text(): string {
    return this.#text.text
  }

  take(): Array<F> {
    const frames = this.#frames
    if (!this.#said) return []
    if (frames.length > 0) {
      this.#frames = []
      this.events += frames.length
      const { text } = this.#route
      for (const frame of frames) this.#text.add(text(frame))
    }
    return frames
  }

  push(pieces: Bytes): void {
    const limit = this.#settings.maxBodySize
    if (this.#settings.transport === undefined) {
      for (const piece of pieces) this.#size += piece.byteLength
      if (this.#size > limit) return this.#tooLarge("body", limit)
    }
    if (!this.#parser.push(pieces)) this.#tooLarge("event", this.#settings.maxEventSize)
  }

  end(): void {
    this.ended = true
    this.#unterminated = true
    this.#parser.end()
    this.over = true
    if (!this.#finished) {
      this.failure ??= this.#misunderstood() ??
        new StreamInterrupted({ description: "the body ended without the end mark of its route" })
    }
  }

  /** A fault of the transport; after the mark it changes nothing any more. */
  fail(reason: Reason): void {
    this.ended = true
    this.over = true
    if (!this.#finished) this.failure ??= reason
  }

  /** The end mark came. It ends a generation and is none. */
  #finish(over: boolean): void {
    this.#finished = true
    if (over) this.over = true
    if (over && !this.#said) {
      this.failure ??= this.#misunderstood() ??
        new EmptyResponse({ description: "the stream had its end mark, and nothing was generated before it" })
    }
  }

  #misunderstood(): Reason | undefined {
    return this.#said || this.#foreign === undefined ? undefined : new InvalidResponse({
      description: "no event of the stream is one of this route",
      body: InferenceFailure.shown(this.#foreign, this.#settings.scrub)
    })
  }

  #tooLarge(what: "body" | "event", limit: number): void {
    this.failure ??= new Transport({
      description: `an ${what} of the stream is larger than ${limit} bytes: raise limits.${what}`,
      code: "ERR_BODY_TOO_LARGE",
      retryable: false
    })
    this.over = true
  }

  /** Nearly every event: one of a token, like those before. It passes the check of every other event. */
  #line(text: string, start: number, end: number): boolean {
    if (this.over || this.failure !== undefined) return true
    const frame = this.#layout.read(text, start, end)
    if (frame === undefined || !this.#isFrame(frame) || this.#route.ends(frame) !== "no") return false
    if (!this.#said) this.#said = this.#route.says(frame)
    this.#frames.push(frame)
    return true
  }

  /** Whether a payload is an event of the route, and does not say that the generation failed. */
  #isFrame(payload: unknown): payload is F {
    return this.#route.guard.is(payload) && (payload.error === undefined || payload.error === null)
  }

  #event(data: string, type: string | undefined): void {
    if (this.over || this.failure !== undefined) return
    if (data === "[DONE]") return this.#finish(true)
    if (data === "") return
    let payload: unknown
    try {
      payload = JSON.parse(data)
    } catch {
      return this.#unparsable(data, type)
    }
    if (typeof payload === "object" && payload !== null) this.#payload(payload, data, type)
    else if (type === "error") this.#failed(payload, data)
    // some servers send null or a bare word as a heartbeat
    else this.#foreign ??= data
  }

  /** An event's name says nothing by itself, but for `error`: what fits the route is a frame of it. */
  #payload(payload: object, data: string, type: string | undefined): void {
    if (type === "error" || Failure.isFrame(payload)) this.#failed(payload, data)
    else if (!this.#isFrame(payload)) this.#misfit(payload, data, type)
    else if (!this.#route.fits(payload)) {
      if (!isHeartbeat(payload, type)) this.#foreign ??= data
    } else this.#frame(payload, data)
  }

  #frame(frame: F, data: string): void {
    const route = this.#route
    if (!this.#said) this.#said = route.says(frame)
    const ends = route.ends(frame)
    if (ends === "no") {
      if (++this.#parsed > LEARN_AFTER) this.#layout.learn(data, frame)
      this.#frames.push(frame)
      return
    }
    const word = route.failure(frame)
    if (word === undefined) {
      // a model may end at once: that is an empty text
      this.#said = true
      this.#frames.push(route.refine === undefined ? frame : route.refine(frame, data))
      this.#finish(ends === "over")
    } else {
      if (route.says(frame)) this.#frames.push(frame)
      this.failure = InferenceFailure.fromFinish(word, this.#settings.scrub)
    }
  }

  #misfit(payload: object, data: string, type: string | undefined): void {
    if (isHeartbeat(payload, type)) return
    if (type !== undefined) {
      this.#foreign ??= data
      return
    }
    this.failure = new InvalidResponse({
      description: `an event is not of this route: ${this.#route.guard.explain(payload).replaceAll(/\s*\n\s*/g, " ")}`,
      body: InferenceFailure.shown(data, this.#settings.scrub)
    })
  }

  #failed(payload: unknown, data: string): void {
    this.failure = InferenceFailure.fromFrame(payload, data, this.#settings.scrub)
  }

  /**
   * Some servers put several JSON texts into one event, a line each; some a comment or a word as a heartbeat; and the last
   * event of a body may be cut.
   */
  #unparsable(data: string, type: string | undefined): void {
    if (type === "error") this.#failed(undefined, data)
    else if (data.includes("\n")) {
      for (const line of data.split("\n")) this.#event(line, type)
    } else if (!this.#unterminated && !HEARTBEAT.test(data)) {
      this.failure = new InvalidResponse({
        description: "an event is not valid JSON",
        body: InferenceFailure.shown(data, this.#settings.scrub)
      })
    }
  }
}

/** A comment that was sent as data, or a bare word. */
const HEARTBEAT = /^\s*(?::|[[(]?(?:ping|pong|keep[ _-]?alive|heartbeat|processing|queued|waiting)\b[\])]?[\s.]*$)/i

const KINDS = /^(?:ping|pong|keep[ _-]?alive|heartbeat)$/i

/** An event that only keeps the connection open, by its name, its `type`, or because it is empty. */
const isHeartbeat = (payload: object, type: string | undefined): boolean => {
  if (type !== undefined && KINDS.test(type)) return true
  const keys = Object.keys(payload)
  const kind: unknown = "type" in payload ? payload.type : "object" in payload ? payload.object : undefined
  return keys.length === 0 || (typeof kind === "string" && KINDS.test(kind))
}
