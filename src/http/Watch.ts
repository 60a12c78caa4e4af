/**
 * The time limits of one exchange, as moments that move while one timer waits: it checks them when the first of them may
 * have passed, and then waits for the next. So a limit that does not pass, or a chunk that arrives in time, costs no timer.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import { late } from "./TransportFault.ts"
import type { Limits } from "./TransportLimits.ts"

/** The longest time that timers can wait, 24 days. */
const LONGEST = 2 ** 31 - 1

/**
 * A limit in whole milliseconds as timers take it; 0 for none.
 *
 * @category conversions
 * @since 0.2.0
 */
export const timer = (limit: number | undefined): number =>
  limit === undefined || !Number.isFinite(limit) ? 0 : Math.min(Math.max(1, Math.ceil(limit)), LONGEST)

/** The moment at which a limit passes that starts at another moment; never if there is none. */
const after = (now: number, limit: number | undefined): number => {
  const wait = timer(limit)
  return wait === 0 ? Infinity : now + wait
}

/**
 * What to end when a limit has passed.
 *
 * @category models
 * @since 0.2.0
 */
export interface Watched {
  readonly cancel: (reason: Error) => void
}

/**
 * @category models
 * @since 0.2.0
 */
export class Watch {
  readonly #watched: Watched
  readonly #limits: Limits
  readonly #totalAt: number
  #firstEventAt: number
  #headAt = Infinity
  #silenceAt = Infinity
  #begun = false
  #stopped = false
  /** When the reader was last given something, or began to wait; nothing while it does not wait. */
  #heard: number | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(watched: Watched, limits: Limits) {
    this.#watched = watched
    this.#limits = limits
    const now = performance.now()
    this.#totalAt = after(now, limits.total)
    this.#firstEventAt = after(now, limits.firstEvent)
    this.#wait(now, Math.min(this.#totalAt, this.#firstEventAt, this.#soonest(now)))
  }

  /** The request is on the wire: the limits on the head run from here. */
  sent(): void {
    if (this.#begun || this.#headAt < Infinity) return
    const now = performance.now()
    this.#headAt = after(now, this.#limits.headers)
    this.#silenceAt = after(now, this.#limits.silence?.after)
  }

  /** The headers have arrived. */
  begun(): void {
    this.#begun = true
    this.#headAt = this.#silenceAt = Infinity
  }

  firstEventCame(): void {
    this.#firstEventAt = Infinity
  }

  /** Something arrived, or the reader begins to wait: the limit between two reads starts again. */
  heard(): void {
    this.#heard = performance.now()
  }

  /** The reader is not waiting. */
  quiet(): void {
    this.#heard = undefined
  }

  /** Nothing more will arrive. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #wait(now: number, at: number): void {
    if (at < Infinity) this.#timer = setTimeout(look, Math.min(Math.ceil(at - now), LONGEST), this)
  }

  /** Limits that are not running yet may begin to, now at the earliest. */
  #soonest(now: number): number {
    const { headers, idle, silence } = this.#limits
    const head = this.#begun ? Infinity : Math.min(after(now, headers), after(now, silence?.after))
    return Math.min(head, after(now, idle))
  }

  /** Ends the exchange if one of its limits has passed; otherwise waits on. */
  look(): void {
    const now = performance.now()
    const idleAt = this.#heard === undefined ? Infinity : after(this.#heard, this.#limits.idle)
    // timers may be early by less than a millisecond
    const passed = now + 1
    if (this.#totalAt <= passed) return this.#watched.cancel(late.total())
    if (this.#firstEventAt <= passed) return this.#watched.cancel(late.firstEvent())
    if (this.#headAt <= passed) return this.#watched.cancel(late.headers())
    if (idleAt <= passed) return this.#watched.cancel(late.idle())
    if (this.#silenceAt <= passed) this.#askForLife()
    if (this.#stopped) return
    const next = Math.min(this.#totalAt, this.#firstEventAt, this.#headAt, this.#silenceAt, idleAt)
    this.#wait(now, Math.min(next, this.#soonest(now)))
  }

  /** Asks for a sign of life when no headers arrived for a long time. */
  #askForLife(): void {
    const { silence } = this.#limits
    this.#silenceAt = Infinity
    if (silence === undefined) return
    Effect.runCallback(silence.ask, {
      onExit: (exit) => {
        if (exit._tag !== "Success" || !exit.value) this.#watched.cancel(late.silence())
        else if (!this.#begun) this.#silenceAt = after(performance.now(), silence.after)
      }
    })
  }
}

const look = (watch: Watch): void => watch.look()
