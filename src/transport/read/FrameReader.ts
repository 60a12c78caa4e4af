/**
 * The bytes of a stream → checked frames, and the verdict on how it ended. Plain code: it does not know the reader or
 * its limits.
 *
 * @since 0.2.0
 */
import type * as Arr from "effect/Array"
import type { Scrub } from "../../http/Secret.ts"
import { EmptyResponse, InvalidResponse, type Reason, StreamInterrupted, Transport } from "../../InferenceError.ts"
import * as Failure from "../../protocol/Failure.ts"
import * as Compressed from "../events/Compressed.ts"
import * as EventLayout from "../events/EventLayout.ts"
import * as EventStream from "../events/EventStream.ts"
import { GrowingText } from "../events/GrowingText.ts"
import * as Notes from "../events/Notes.ts"
import * as InferenceFailure from "../failure/InferenceFailure.ts"
import type { Route } from "../routes/Route.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Settings {
  readonly scrub: Scrub
  readonly maxEventSize: number
  readonly maxBodySize: number
}

/** A short stream never pays for learning its layout. */
const LEARN_AFTER = 32

/**
 * Reads one stream.
 *
 * @category models
 * @since 0.2.0
 */
export class FrameReader<F extends { readonly error?: unknown }> {
  readonly #route: Route<F>
  readonly #settings: Settings
  readonly #isBounded: boolean
  readonly #parser: EventStream.Parser
  /** Set once the stream is long enough to learn what its events share. */
  #layout: EventLayout.Reader<F> | undefined = undefined
  #frames: Array<F> = []
  #parsed = 0
  #size = 0
  #isBegun = false
  /** The generation is complete, though usage or `[DONE]` may follow. */
  #finished = false
  /** Whether something was generated. Until then everything is held back, so that a failure has delivered nothing. */
  #said = false
  /** The first event that was not understood, as long as none was. */
  #foreign: string | undefined = undefined
  /** Set while the last event of a body is parsed if it had no blank line, so that it may be cut. */
  #unterminated = false
  /** Nothing of interest can follow. */
  over = false
  /** The body has ended. */
  ended = false
  failure: Reason | undefined = undefined
  events = 0
  readonly #text = new GrowingText()

  /** `isBounded` says that the transport applies `maxBodySize` by itself. */
  constructor(route: Route<F>, settings: Settings, isBounded: boolean) {
    this.#route = route
    this.#settings = settings
    this.#isBounded = isBounded
    this.#parser = EventStream.make((data, type) => this.#event(data, type), {
      maxEventSize: settings.maxEventSize,
      takeLine: (text, start, end) => this.#line(text, start, end)
    })
  }

  /** The text of the frames that were handed over. */
  get text(): string {
    return this.#text.text
  }

  /** Whether there are frames to hand over. */
  get isReady(): boolean {
    return this.#said && this.#frames.length > 0
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

  push(pieces: Arr.NonEmptyReadonlyArray<Uint8Array>): void {
    if (!this.#isBegun) {
      this.#isBegun = true
      if (Compressed.isIn(pieces[0])) {
        this.over = true
        this.failure = new InvalidResponse({ description: Compressed.description, undecodable: true })
        return
      }
    }
    const limit = this.#settings.maxBodySize
    if (!this.#isBounded) {
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
        new StreamInterrupted({ description: "the response body ended without the end mark of its route" })
    }
  }

  /** A transport fault; after the mark it no longer matters. */
  fail(reason: Reason): void {
    this.ended = true
    this.over = true
    if (!this.#finished) this.failure ??= reason
  }

  /** The end mark arrived. It ends a generation but is not one. */
  #finish(over: boolean): void {
    this.#finished = true
    if (over) this.over = true
    if (over && !this.#said) {
      this.failure ??= this.#misunderstood() ??
        new EmptyResponse({ description: "the stream had its end mark, but nothing was generated before it" })
    }
  }

  #misunderstood(): Reason | undefined {
    return this.#said || this.#foreign === undefined ? undefined : new InvalidResponse({
      description: "no event of the stream belongs to this route",
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

  /** Nearly every event: one of a token, like those before. It passes the same checks as every other event. */
  #line(text: string, start: number, end: number): boolean {
    if (this.over || this.failure !== undefined) return true
    const frame = this.#layout?.read(text, start, end)
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

  /** The name of an event means nothing by itself, except for `error`: an event that fits the route is a frame of it. */
  #payload(payload: object, data: string, type: string | undefined): void {
    if (type === "error" || Failure.isFrame(payload)) this.#failed(payload, data)
    else if (!this.#isFrame(payload)) this.#misfit(payload, data, type)
    else if (!this.#route.fits(payload)) {
      if (!Notes.isHeartbeat(payload, type)) this.#foreign ??= data
    } else this.#frame(payload, data)
  }

  #frame(frame: F, data: string): void {
    const route = this.#route
    if (!this.#said) this.#said = route.says(frame)
    const ends = route.ends(frame)
    if (ends === "no") {
      if (++this.#parsed > LEARN_AFTER) (this.#layout ??= new EventLayout.Reader(route.layouts)).learn(data, frame)
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
    if (Notes.isHeartbeat(payload, type) || Notes.hasNoChoice(payload)) return
    if (type !== undefined) {
      this.#foreign ??= data
      return
    }
    this.failure = new InvalidResponse({
      description: `an event does not belong to this route: ${
        this.#route.guard.explain(payload).replaceAll(/\s*\n\s*/g, " ")
      }`,
      body: InferenceFailure.shown(data, this.#settings.scrub)
    })
  }

  #failed(payload: unknown, data: string): void {
    this.failure = InferenceFailure.fromFrame(payload, data, this.#settings.scrub)
  }

  /**
   * Some servers put several JSON texts into one event, one per line; some a comment or a word as a heartbeat; and the last
   * event of a body may be cut.
   */
  #unparsable(data: string, type: string | undefined): void {
    if (type === "error") this.#failed(undefined, data)
    else if (data.includes("\n")) {
      for (const line of data.split("\n")) this.#event(line, type)
    } else if (!this.#unterminated && !Notes.isWord(data)) {
      this.failure = new InvalidResponse({
        description: "an event is not valid JSON",
        body: InferenceFailure.shown(data, this.#settings.scrub)
      })
    }
  }
}
