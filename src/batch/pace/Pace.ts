/**
 * How fast rows may start: how many at once, how many a minute, and when all of them must wait.
 *
 * One value for a whole batch. Its state changes in plain code; only waiting is an effect.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Concurrency from "./Concurrency.ts"
import type { Fault } from "./Fault.ts"
import { isThrottled } from "./Fault.ts"
import * as Meter from "./Meter.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Rows at once: a fixed number, or bounds between which it adapts. Default: adaptive from 4, between 1 and 64. */
  readonly concurrency?: number | Concurrency.Bounds | undefined
  /** Rows that start in any minute. Default: no limit. */
  readonly requestsPerMinute?: number | undefined
  /** Tokens, read and written, in any minute. What a row will use is guessed from those before it. Default: no limit. */
  readonly tokensPerMinute?: number | undefined
  /** How long the endpoint may give no answer at all before the batch stops. Default 15 minutes. */
  readonly patience?: Duration.Input | undefined
}

/**
 * A row under way.
 *
 * @category models
 * @since 0.1.0
 */
export interface Permit {
  /** Pauses so far, so that many failures of one outage count once. */
  readonly epoch: number
  /** Answers so far, so that a failure can be compared with what others had meanwhile. */
  readonly answers: number
  readonly tokens: number
}

/**
 * What to do after a failure: the row failed, it is tried again when the pace allows, or the batch must stop.
 *
 * @category models
 * @since 0.1.0
 */
export type Verdict = "failed" | "again" | "stop"

/**
 * A pause of all rows.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pause {
  /** Milliseconds of the clock. */
  readonly until: number
  readonly fault: Fault
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Pace {
  /** Waits until a row may start; undefined once the pace is closed. The permit must be given back, once. */
  readonly acquire: Effect.Effect<Permit | undefined>
  readonly release: () => void
  /** An answer came after so many milliseconds, of so many tokens written and in all. */
  readonly succeeded: (permit: Permit, duration: number, outputTokens: number, tokens: number) => void
  /** A failure came; `strikes` is how often the row has failed before while others succeeded. */
  readonly failed: (permit: Permit, now: number, fault: Fault, strikes: number) => Verdict
  /** No row starts any more; those that wait are told. */
  readonly close: () => void
  readonly inFlight: () => number
  readonly limit: () => number
  /** Most rows at once. */
  readonly most: number
  readonly pause: (now: number) => Pause | undefined
}

const FIRST_WAIT = 1000
const LONGEST_WAIT = 60_000
const STRIKES = 3
const FIRST_GUESS = 256
/** How much a new observation weighs in the guess of a row's tokens. */
const WEIGHT = 0.1

class State implements Pace {
  readonly #concurrency: Concurrency.Concurrency
  readonly #requests: Meter.Meter | undefined
  readonly #tokens: Meter.Meter | undefined
  readonly #patience: number
  readonly #random: () => number
  /** Those that wait for a place, and those that wait for a time. */
  readonly #waiting = new Set<() => void>()
  readonly #sleeping = new Set<() => void>()
  #inFlight = 0
  #epoch = 0
  #answers = 0
  #guess = FIRST_GUESS
  #closed = false
  #pause: Pause | undefined = undefined
  /** Pauses since the last answer, and when the first failure since then was. */
  #pauses = 0
  #troubleSince: number | undefined = undefined
  /** After an outage one row goes ahead alone. */
  #probing = false
  readonly acquire: Effect.Effect<Permit | undefined>
  readonly most: number

  constructor(options: Options, random: () => number) {
    this.#concurrency = Concurrency.make(options.concurrency)
    this.#requests = options.requestsPerMinute === undefined ? undefined : Meter.make(options.requestsPerMinute)
    this.#tokens = options.tokensPerMinute === undefined ? undefined : Meter.make(options.tokensPerMinute)
    this.#patience = Duration.toMillis(Duration.fromInputUnsafe(options.patience ?? "15 minutes"))
    this.#random = random
    this.most = this.#concurrency.most
    this.acquire = Clock.clockWith((clock) => this.#enter(clock.currentTimeMillisUnsafe()))
  }

  #enter(now: number): Effect.Effect<Permit | undefined> {
    if (this.#closed) return Effect.undefined
    const pause = this.pause(now)
    if (pause !== undefined) return Effect.andThen(this.#park(pause.until - now), this.acquire)
    if (this.#inFlight >= this.limit()) return Effect.andThen(this.#park(undefined), this.acquire)
    this.#inFlight++
    const wait = Math.ceil(Math.max(this.#requests?.take(1, now) ?? 0, this.#tokens?.take(this.#guess, now) ?? 0))
    return wait === 0
      ? Effect.succeed(this.#permit())
      : Effect.andThen(this.#park(wait), this.#afterWait)
  }

  readonly #afterWait = Clock.clockWith((clock): Effect.Effect<Permit | undefined> => {
    if (!this.#closed && this.pause(clock.currentTimeMillisUnsafe()) === undefined) {
      return Effect.succeed(this.#permit())
    }
    this.release()
    return this.acquire
  })

  #permit(): Permit {
    return { epoch: this.#epoch, answers: this.#answers, tokens: this.#guess }
  }

  /** Waits for a place to become free, or for the time to pass; `close` ends both. */
  #park(millis: number | undefined): Effect.Effect<void> {
    const parked = Effect.callback<void>((resume) => {
      const wake = () => {
        this.#waiting.delete(wake)
        resume(Effect.void)
      }
      if (this.#closed) wake()
      else if (millis === undefined) this.#waiting.add(wake)
      else this.#sleeping.add(wake)
      return Effect.sync(() => {
        this.#waiting.delete(wake)
        this.#sleeping.delete(wake)
      })
    })
    return millis === undefined
      ? parked
      : Effect.timeoutOrElse(parked, { duration: millis, orElse: () => Effect.void })
  }

  #wake(): void {
    let free = this.limit() - this.#inFlight
    for (const wake of this.#waiting) {
      if (free-- <= 0) return
      wake()
    }
  }

  readonly release = (): void => {
    this.#inFlight--
    this.#wake()
  }

  readonly close = (): void => {
    this.#closed = true
    for (const wake of [...this.#waiting, ...this.#sleeping]) wake()
  }

  readonly succeeded = (permit: Permit, duration: number, outputTokens: number, tokens: number): void => {
    this.#answers++
    this.#pauses = 0
    this.#troubleSince = undefined
    this.#probing = false
    this.#tokens?.settle(permit.tokens, tokens)
    this.#guess += WEIGHT * (tokens - this.#guess)
    this.#concurrency.answered(duration / Math.max(1, outputTokens), this.#inFlight)
    this.#wake()
  }

  readonly failed = (permit: Permit, now: number, fault: Fault, strikes: number): Verdict => {
    this.#tokens?.settle(permit.tokens, 0)
    if (fault.kind === "row") return "failed"
    if (fault.kind === "unclear" && this.#answers > permit.answers) return strikes + 1 >= STRIKES ? "failed" : "again"
    if (fault.kind === "lasting" && this.#answers === 0) return "stop"
    return this.#trouble(permit, now, fault)
  }

  #trouble(permit: Permit, now: number, fault: Fault): Verdict {
    this.#troubleSince ??= now
    const left = this.#troubleSince + this.#patience - now
    const asked = (fault.retryAfter ?? 0) * (1 + this.#random() / 10)
    if (left <= 0 || (fault.retryAfter ?? 0) > left) return "stop"
    let own = 0
    if (permit.epoch === this.#epoch) {
      this.#epoch++
      own = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#pauses++) * (0.5 + this.#random() / 2)
      if (isThrottled(fault)) this.#concurrency.overloaded()
      else this.#probing = true
    }
    // clocks count whole milliseconds: a sleep for less would wake before its time
    const until = now + Math.ceil(Math.min(Math.max(own, asked), left))
    if (until > (this.#pause?.until ?? now)) this.#pause = { until, fault }
    return "again"
  }

  readonly pause = (now: number): Pause | undefined => {
    if (this.#pause !== undefined && this.#pause.until <= now) this.#pause = undefined
    return this.#pause
  }

  readonly inFlight = (): number => this.#inFlight

  readonly limit = (): number => this.#probing ? 1 : this.#concurrency.limit()
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}, random: () => number = Math.random): Pace => new State(options, random)
