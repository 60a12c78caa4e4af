/**
 * How fast rows may start at one endpoint: how many at once, how many per minute, and when all of them must wait.
 *
 * Its state changes in plain code; only waiting is an effect.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Concurrency from "./Concurrency.ts"
import type { Fault } from "./Fault.ts"
import * as Meter from "./Meter.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /**
   * Rows at once: a fixed number, or bounds between which it adapts. Default: adaptive from 4, or from what an earlier run
   * found, up to what the server says it accepts, else 64.
   */
  readonly concurrency?: number | Concurrency.Bounds | undefined
  /** Rows that start in any minute. Default: no limit. */
  readonly requestsPerMinute?: number | undefined
  /** Tokens, read and written, in any minute. What a row will use is guessed from those before it. Default: no limit. */
  readonly tokensPerMinute?: number | undefined
  /** How long the endpoint may send no response at all before the batch stops. Default 15 minutes. */
  readonly patience?: Duration.Input | undefined
}

/**
 * A row in flight.
 *
 * @category models
 * @since 0.1.0
 */
export interface Permit {
  /** Pauses so far, so that many failures of one outage count once. */
  readonly epoch: number
  /** Milliseconds of the clock. */
  readonly at: number
  /** Responses so far, so that a failure can be compared with what the other rows received meanwhile. */
  readonly answers: number
  readonly tokens: number
  /** How many rows might be in flight when it started. */
  readonly level: number
}

/**
 * What is remembered about a row that failed.
 *
 * @category models
 * @since 0.2.0
 */
export interface Record {
  /** Failures that may be the row's fault. */
  strikes: number
  /** Those of them that happened with no other row in flight. */
  alone: number
  /** Responses at that endpoint when it failed last; undefined before the first time. */
  answers: number | undefined
  /** How many times there was no room for it. */
  refused: number
}

/**
 * What to do after a failure: the row failed, it is retried when the pace allows, it is retried after some milliseconds in
 * which it keeps its place and the others continue, it is tried with no other row in flight, or the endpoint is given up.
 *
 * @category models
 * @since 0.1.0
 */
export type Verdict = "failed" | "again" | number | "suspect" | "stop"

/**
 * A pause of all rows of an endpoint.
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
  /**
   * Waits until there is room for a row, from now on; undefined once the pace is closed. Where there is room, the effect has
   * already succeeded. The permit must be given back, once.
   */
  readonly acquire: (now: number) => Effect.Effect<Permit | undefined>
  readonly release: () => void
  /**
   * Waits until the limits per minute let a row start; false if it may no longer start, since the pace was closed or
   * paused meanwhile. Undefined if there are no such limits.
   */
  readonly start: Effect.Effect<boolean> | undefined
  /** A response arrived now, with its tokens written and its tokens in all. */
  readonly succeeded: (permit: Permit, now: number, outputTokens: number, tokens: number) => void
  /** Waits this many milliseconds, or until the pace is closed. */
  readonly wait: (millis: number) => Effect.Effect<void>
  /** A row failed, which was alone at this endpoint or not. */
  readonly failed: (permit: Permit, now: number, fault: Fault, row: Record, alone: boolean) => Verdict
  /** No further row starts; those that wait are notified. */
  readonly close: () => void
  readonly inFlight: () => number
  readonly limit: () => number
  /** The level of concurrency that was found, regardless of pauses. */
  readonly level: () => number
  /** Whether that level was found. */
  readonly isSettled: () => boolean
  /** Most rows at once. */
  readonly most: number
  readonly pause: (now: number) => Pause | undefined
}

const FIRST_WAIT = 1000
const LONGEST_WAIT = 60_000
/** How many failures make a row suspect if others succeed meanwhile, and how many if none does. */
const SUSPECT = 2
const SUSPECT_ANYWAY = 3
/** After how many failures while alone a row is at fault, if no other row can show that the endpoint is healthy. */
const ALONE = 5
const FIRST_GUESS = 256
/** How much a new observation weighs in the guess of a row's tokens. */
const WEIGHT = 0.1

class State implements Pace {
  readonly #concurrency: Concurrency.Concurrency
  readonly #requests: Meter.Meter | undefined
  readonly #tokens: Meter.Meter | undefined
  readonly #patience: number
  readonly #random: () => number
  /** Those that wait for a free place, and those that wait for a time. */
  readonly #waiting = new Set<() => void>()
  readonly #sleeping = new Set<() => void>()
  #inFlight = 0
  #epoch = 0
  #answers = 0
  #guess = FIRST_GUESS
  #closed = false
  #pause: Pause | undefined = undefined
  /** Pauses since the last response, and when the first failure since then was. */
  #pauses = 0
  /** Rows that wait in their places. */
  #holding = 0
  /** When a row was asked to wait, and until when. */
  #told = { at: 0, until: 0 }
  #troubleSince: number | undefined = undefined
  /** After an outage one row goes ahead alone. */
  #probing = false
  readonly most: number

  readonly start: Effect.Effect<boolean> | undefined

  constructor(options: Options, random: () => number) {
    this.#concurrency = Concurrency.make(options.concurrency)
    this.#requests = options.requestsPerMinute === undefined ? undefined : Meter.make(options.requestsPerMinute)
    this.#tokens = options.tokensPerMinute === undefined ? undefined : Meter.make(options.tokensPerMinute)
    this.#patience = Duration.toMillis(Duration.fromInputUnsafe(options.patience ?? "15 minutes"))
    this.#random = random
    this.most = this.#concurrency.most
    this.start = this.#requests === undefined && this.#tokens === undefined ? undefined : Clock.clockWith((clock) => {
      const now = clock.currentTimeMillisUnsafe()
      const wait = Math.ceil(Math.max(this.#requests?.take(1, now) ?? 0, this.#tokens?.take(this.#guess, now) ?? 0))
      return wait === 0
        ? Effect.succeed(true)
        : Effect.map(
          this.#park(wait),
          () => !this.#closed && this.pause(clock.currentTimeMillisUnsafe()) === undefined
        )
    })
  }

  readonly acquire = (now: number): Effect.Effect<Permit | undefined> => {
    if (this.#closed) return Effect.undefined
    const pause = this.pause(now)
    if (pause !== undefined) return Effect.andThen(this.#park(pause.until - now), this.#again)
    const level = this.limit()
    if (this.#inFlight >= level) return Effect.andThen(this.#park(undefined), this.#again)
    this.#inFlight++
    return Effect.succeed({ epoch: this.#epoch, at: now, answers: this.#answers, tokens: this.#guess, level })
  }

  readonly #again = Clock.clockWith((clock) => this.acquire(clock.currentTimeMillisUnsafe()))

  readonly wait = (millis: number): Effect.Effect<void> => {
    this.#holding++
    return Effect.ensuring(this.#park(millis), Effect.sync(() => void this.#holding--))
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

  readonly succeeded = (permit: Permit, now: number, outputTokens: number, tokens: number): void => {
    this.#answers++
    this.#pauses = 0
    this.#troubleSince = undefined
    this.#probing = false
    this.#tokens?.settle(permit.tokens, tokens)
    this.#guess += WEIGHT * (tokens - this.#guess)
    this.#concurrency.answered(now, outputTokens, this.#inFlight)
    this.#wake()
  }

  readonly failed = (permit: Permit, now: number, fault: Fault, row: Record, alone: boolean): Verdict => {
    this.#tokens?.settle(permit.tokens, 0)
    switch (fault.kind) {
      case "row":
        return "failed"
      case "unclear":
        return this.#unclear(permit, now, fault, row, alone)
      case "crowded":
        return this.#crowded(permit, now, fault, row)
      case "lasting":
        return this.#answers === 0 ? "stop" : this.#trouble(permit, now, fault)
      case "passing":
        return this.#trouble(permit, now, fault)
    }
  }

  /**
   * There was no room for a row. If others are in flight, they continue, at a level that is one lower, and the row
   * waits: for one of them to end if that many fill the endpoint, otherwise for as long as the server asks. If a row
   * that was sent while another had been told to wait is told to wait too, all of them wait.
   */
  #crowded(permit: Permit, now: number, fault: Fault, row: Record): Verdict {
    const { retryAfter } = fault
    const others = this.#inFlight - this.#holding > 1
    this.#concurrency.refused(permit.level)
    if (!others || (retryAfter ?? 0) > this.#patience) return this.#trouble(permit, now, fault, true)
    if (retryAfter === undefined) {
      return this.#concurrency.limit() < this.#inFlight ? "again" : this.#own(row.refused++)
    }
    if (permit.at > this.#told.at && now < this.#told.until) return this.#trouble(permit, now, fault, true)
    const until = now + this.#asked(retryAfter)
    if (now >= this.#told.until) this.#told = { at: now, until }
    return until - now
  }

  /** A wait of ours, between half and all of a time that doubles. */
  #own(times: number): number {
    return Math.ceil(Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** times) * (0.5 + this.#random() / 2))
  }

  /** A wait that the server asked for, and at most a tenth more, so that not all come back at once. */
  #asked(retryAfter: number): number {
    return Math.ceil(retryAfter * (1 + this.#random() / 10))
  }

  #unclear(permit: Permit, now: number, fault: Fault, row: Record, alone: boolean): Verdict {
    const isWell = row.answers !== undefined && this.#answers > row.answers
    const othersSucceed = this.#answers > permit.answers
    row.strikes++
    row.answers = this.#answers
    if (alone) {
      row.alone++
      if (row.strikes >= SUSPECT && (isWell || row.alone >= ALONE)) return "failed"
    }
    const suspect = alone || row.strikes >= (othersSucceed ? SUSPECT : SUSPECT_ANYWAY)
    // if no row succeeds, the endpoint is failing: all wait, and one row goes ahead
    if (!othersSucceed && this.#trouble(permit, now, fault) === "stop") return "stop"
    return suspect ? "suspect" : "again"
  }

  #trouble(permit: Permit, now: number, fault: Fault, crowded = false): "again" | "stop" {
    this.#troubleSince ??= now
    const left = this.#troubleSince + this.#patience - now
    const asked = this.#asked(fault.retryAfter ?? 0)
    if (left <= 0 || (fault.retryAfter ?? 0) > left) return "stop"
    let own = 0
    if (permit.epoch === this.#epoch) {
      this.#epoch++
      own = this.#own(this.#pauses++)
      if (!crowded) this.#probing = true
    }
    // clocks count whole milliseconds: a shorter sleep would wake too early
    const until = now + Math.ceil(Math.min(Math.max(own, asked), left))
    if (until > (this.#pause?.until ?? now)) this.#pause = { until, fault }
    return "again"
  }

  readonly pause = (now: number): Pause | undefined => {
    if (this.#pause !== undefined && this.#pause.until <= now) this.#pause = undefined
    return this.#pause
  }

  readonly inFlight = (): number => this.#inFlight

  readonly level = (): number => this.#concurrency.limit()

  readonly isSettled = (): boolean => this.#concurrency.isSettled()

  readonly limit = (): number => this.#probing ? 1 : this.#concurrency.limit()
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}, random: () => number = Math.random): Pace => new State(options, random)
