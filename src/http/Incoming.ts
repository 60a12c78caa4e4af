/**
 * A response on its way from a transport to its reader: the chunks that have arrived, and the limits on time and size.
 *
 * The transport's callbacks do nothing but bookkeeping. The reader is woken on a microtask, once for all chunks of one read
 * of the socket, and takes them all together.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import { fault, late, tooLarge } from "./TransportFault.ts"
import type { Limits, Size } from "./TransportLimits.ts"

/** Bytes held for a slow reader before the transport stops reading. */
const HIGH_WATER = 256 * 1024

/** The longest time that timers can wait, 24 days. */
const LONGEST = 2 ** 31 - 1

/**
 * A limit in milliseconds as timers take it: whole, and 0 for none.
 *
 * @category conversions
 * @since 0.2.0
 */
export const timer = (limit: number | undefined): number =>
  limit === undefined || !Number.isFinite(limit) ? 0 : Math.min(Math.max(1, Math.ceil(limit)), LONGEST)

type Timer = ReturnType<typeof setTimeout>

/** A limit as a moment, from another one on; never where it is none. */
const after = (now: number, limit: number | undefined): number => {
  const wait = timer(limit)
  return wait === 0 ? Infinity : now + wait
}

/**
 * What a transport fills and a reader empties. A reader polls it, and leaves a callback in `wake` while it waits.
 *
 * @category models
 * @since 0.2.0
 */
export abstract class Incoming {
  readonly limits: Limits
  /** The status, 0 before the head is there. */
  status = 0
  /** The headers by their names in lower case. */
  headers: Readonly<Record<string, string | Array<string> | undefined>> = {}
  /** The whole body has arrived. */
  ended = false
  /** The whole body, where the transport gives it as a text. */
  text: string | undefined
  /** Why no more will come; what arrived before can still be taken. */
  failure: Error | undefined
  /** Called once, on a microtask, when there is news for the reader. */
  wake: (() => void) | undefined

  /** The reader wants the body in one piece. */
  protected whole = false
  /** What is above the limit is cut off, which is not a failure. */
  #cut = false
  /** Bytes that the body may have, on the wire and decoded. */
  protected limit: number
  #chunks: Array<Uint8Array> = []
  #held = 0
  #received = 0
  #paused = false
  #scheduled = false
  /**
   * The moments at which the limits pass, which move while one timer waits: it looks at them when the first of them may have
   * passed, and waits on for the next. So a limit that does not pass, and a chunk that comes in time, costs no timer.
   */
  readonly #totalAt: number
  #firstEventAt: number
  #headAt = Infinity
  #silenceAt = Infinity
  /** When the reader was last given something, or began to wait; nothing while it does not wait. */
  #heard: number | undefined
  #timer: Timer | undefined

  constructor(limits: Limits) {
    this.limits = limits
    this.limit = limits.maxBodyBytes ?? Infinity
    const now = performance.now()
    this.#totalAt = after(now, limits.total)
    this.#firstEventAt = after(now, limits.firstEvent)
    const { headers, idle, silence } = limits
    this.#watch(
      now,
      Math.min(this.#totalAt, this.#firstEventAt, after(now, headers), after(now, idle), after(now, silence?.after))
    )
  }

  #watch(now: number, at: number): void {
    if (at < Infinity) this.#timer = setTimeout(look, Math.min(Math.ceil(at - now), LONGEST), this)
  }

  /** Ends the exchange if one of its limits has passed. */
  look(): void {
    const now = performance.now()
    const idleAt = this.#heard === undefined ? Infinity : after(this.#heard, this.limits.idle)
    // timers may be early by less than a millisecond
    const passed = now + 1
    if (this.#totalAt <= passed) return this.cancel(late.total())
    if (this.#firstEventAt <= passed) return this.cancel(late.firstEvent())
    if (this.#headAt <= passed) return this.cancel(late.headers())
    if (idleAt <= passed) return this.cancel(late.idle())
    if (this.#silenceAt <= passed) this.#askForLife()
    if (this.failure !== undefined) return
    this.#watch(
      now,
      Math.min(this.#totalAt, this.#firstEventAt, this.#headAt, this.#silenceAt, idleAt, this.#next(now))
    )
  }

  /** A limit that does not run yet may begin to, at the soonest now. */
  #next(now: number): number {
    const { headers, idle, silence } = this.limits
    return Math.min(
      this.status === 0 ? Math.min(after(now, headers), after(now, silence?.after)) : Infinity,
      after(now, idle)
    )
  }

  // ---- what a transport brings ---------------------------------------------------------------------------------------

  /** Ends the exchange on the wire. */
  protected abstract close(reason: Error): void
  /** Stops reading from the wire, and so the server in the end. */
  protected abstract pause(): void
  protected abstract resume(): void

  /** The request is on the wire: the limit on the head runs from here, however slowly its bytes come. */
  protected sent(): void {
    if (this.#headAt < Infinity || this.status > 0) return
    const now = performance.now()
    this.#headAt = after(now, this.limits.headers)
    this.#silenceAt = after(now, this.limits.silence?.after)
  }

  /** Something came, or is waited for: the limit between two reads starts anew. For transports that do not keep it. */
  protected alive(): void {
    this.#heard = performance.now()
  }

  /** Nothing is waited for. */
  protected quiet(): void {
    this.#heard = undefined
  }

  /** Asks for a sign of life when no head came for long. */
  #askForLife(): void {
    const { silence } = this.limits
    this.#silenceAt = Infinity
    if (silence === undefined) return
    Effect.runCallback(silence.ask, {
      onExit: (exit) => {
        if (exit._tag !== "Success" || !exit.value) this.cancel(late.silence())
        else if (this.status === 0) this.#silenceAt = after(performance.now(), silence.after)
      }
    })
  }

  protected begin(status: number, headers: Incoming["headers"], announced: number): void {
    this.#headAt = this.#silenceAt = Infinity
    this.status = status
    this.headers = headers
    if (announced > this.limit) this.abort(tooLarge(this.limit))
    this.#notify()
  }

  protected receive(chunk: Uint8Array): void {
    if (this.ended || this.failure !== undefined) return
    this.#received += chunk.length
    if (this.#received > this.limit) return this.#beyond(chunk)
    this.#chunks.push(chunk)
    this.#held += chunk.length
    if (this.whole) return
    if (this.#held >= HIGH_WATER && !this.#paused) {
      this.#paused = true
      this.pause()
    }
    this.#notify()
  }

  /** A chunk that goes beyond the limit. */
  #beyond(chunk: Uint8Array): void {
    if (!this.#cut) return this.abort(tooLarge(this.limit))
    this.#chunks.push(chunk.subarray(0, Math.max(0, chunk.length - (this.#received - this.limit))))
    this.end()
    this.close(abandoned())
  }

  protected end(): void {
    if (this.ended || this.failure !== undefined) return
    this.ended = true
    this.settled()
    this.#notify()
  }

  protected fail(error: Error): void {
    if (this.ended || this.failure !== undefined) return
    this.failure = error
    this.settled()
    this.#notify()
  }

  /** Nothing comes any more. */
  protected settled(): void {
    clearTimeout(this.#timer)
  }

  /** Fails the exchange from this side. */
  protected abort(reason: Error): void {
    this.fail(reason)
    this.close(reason)
  }

  // ---- what a reader does --------------------------------------------------------------------------------------------

  /** All chunks that arrived since the last call, or none. */
  take(): Array<Uint8Array> {
    const chunks = this.#chunks
    if (chunks.length === 0) return chunks
    this.#chunks = []
    this.#held = 0
    if (this.#paused) {
      this.#paused = false
      this.resume()
    }
    return chunks
  }

  /** The reader begins to read: for transports that bring nothing before that. */
  read(): void {}

  /** Drops what comes until the end of the body, so many bytes or milliseconds, and calls back. Returns how to stop. */
  drain(bytes: number, milliseconds: number, then: () => void): () => void {
    let left = bytes
    const stop = () => {
      clearTimeout(limit)
      this.wake = undefined
    }
    const finish = () => {
      stop()
      then()
    }
    const limit = setTimeout(finish, milliseconds)
    const dropped = () => {
      for (const chunk of this.take()) left -= chunk.length
      if (this.ended || this.failure !== undefined || left <= 0) finish()
      else this.wake = dropped
    }
    this.wake = dropped
    return stop
  }

  /** The reader wants the body in one piece: it is woken at the end only, and the transport never stops reading. */
  collect({ cut = false, limit }: Size, _asText: boolean): void {
    if (this.whole) return
    this.whole = true
    this.#cut = cut
    this.limit = Math.min(this.limit, limit)
    if (this.#received > this.limit) this.#shorten()
    else if (this.#paused) {
      this.#paused = false
      this.resume()
    }
  }

  /** More has arrived than the limit that is known now. */
  #shorten(): void {
    const ended = this.ended
    this.ended = false
    if (!this.#cut) return this.abort(tooLarge(this.limit))
    let left = this.limit
    this.#chunks = this.#chunks.flatMap((chunk) => {
      const kept = chunk.subarray(0, left)
      left -= kept.length
      return kept.length === 0 ? [] : [kept]
    })
    this.end()
    if (!ended) this.close(abandoned())
  }

  /** Ends the exchange from outside; a reader that waits fails. */
  cancel(reason: Error = abandoned()): void {
    if (!this.ended && this.failure === undefined) this.abort(reason)
  }

  /** The reader goes, and wants to hear nothing more. */
  leave(): void {
    this.wake = undefined
    this.cancel()
  }

  /** The reader has the first event of its stream. */
  firstEventCame(): void {
    this.#firstEventAt = Infinity
  }

  #notify(): void {
    if (this.#scheduled || this.wake === undefined) return
    this.#scheduled = true
    queueMicrotask(this.#deliver)
  }

  readonly #deliver = (): void => {
    this.#scheduled = false
    const { wake } = this
    this.wake = undefined
    wake?.()
  }
}

const look = (incoming: Incoming): void => incoming.look()

const abandoned = (): Error => fault("ERR_ABANDONED", "The request was given up before its response was complete")
