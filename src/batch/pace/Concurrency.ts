/**
 * How many rows at once: a fixed number, or a level that is searched for.
 *
 * The level doubles while that raises the rate at which tokens are written, and then a quarter more is tried now and
 * then, since a batch wants throughput and not latency. A server that refuses a request for lack of room shows how many
 * it accepts: each refusal lowers the level by one, and a higher level is tried less and less often.
 *
 * @since 0.1.0
 */

/**
 * @category models
 * @since 0.1.0
 */
export interface Bounds {
  /** Default 1. */
  readonly min?: number | undefined
  /** Default: what the server says it accepts, else 64. */
  readonly max?: number | undefined
  /** Default: the level of the last run, else 4. */
  readonly initial?: number | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Concurrency {
  readonly most: number
  readonly limit: () => number
  /** Whether the level was found: it may still be tried a little higher, but no longer doubles. */
  readonly isSettled: () => boolean
  /** A response arrived at this time, with these tokens, while this number of rows was in flight. */
  readonly answered: (now: number, tokens: number, inFlight: number) => void
  /** The server had no room for a request that was sent at this level. */
  readonly refused: (level: number) => void
}

/** A level is better if it writes this much faster than the one before. */
const GAIN = 1.05
/** A level has broken down if it writes this much slower than the recent best. */
const BROKEN = 0.6
/** The best rate decays by this much per window, so that one fast hour does not determine the rest of a run. */
const FORGET = 0.98
const STEP = 1.25
/** Windows between two tries of a higher level, at first and at most. */
const EVERY = 3
const SELDOM = 48

class Adaptive implements Concurrency {
  readonly #min: number
  readonly most: number
  #limit: number
  #starting = true
  /** The last round at this level was not faster. */
  #missed = false
  /** The level and its rate before the one that is being tried; 0 when none is being tried. */
  #back = 0
  #rate = 0
  #best = 0
  /** A level at which the server refused. */
  #ceiling = Number.POSITIVE_INFINITY
  #every = EVERY
  #windows = 0
  #refusedFrom = 0
  #answers = 0
  #tokens = 0
  #since: number | undefined = undefined
  #saturated = false

  constructor(bounds: Bounds) {
    this.#min = bounds.min ?? 1
    this.most = Math.max(this.#min, bounds.max ?? 64)
    this.#limit = Math.min(this.most, Math.max(this.#min, bounds.initial ?? 4))
  }

  readonly limit = (): number => this.#limit

  readonly isSettled = (): boolean => !this.#starting || this.#limit === this.most

  readonly answered = (now: number, tokens: number, inFlight: number): void => {
    if (this.#since === undefined) {
      // the first response of all opens the first window
      this.#since = now
      return
    }
    this.#tokens += Math.max(1, tokens)
    if (inFlight >= this.#limit) this.#saturated = true
    if (++this.#answers < this.#limit * (this.#starting ? 1 : 2) || now <= this.#since) return
    const rate = this.#tokens / (now - this.#since)
    const saturated = this.#saturated
    this.#window(now)
    if (saturated) this.#decide(rate)
  }

  /** One decision for each round of responses. */
  #decide(rate: number): void {
    const before = this.#rate
    this.#best = Math.max(this.#best * FORGET, rate)
    this.#rate = rate
    if (this.#starting) {
      if (rate >= before * GAIN) {
        this.#missed = false
        return this.#grow(this.#limit * 2)
      }
      if (!this.#missed) {
        // one round may have had long rows: it is checked once more
        this.#missed = true
        this.#rate = before
        return
      }
      this.#starting = false
      if (rate < before / GAIN && this.#back > 0) this.#limit = this.#back
      this.#back = 0
      return
    }
    if (this.#back > 0) {
      const gained = rate >= before * (1 + (GAIN - 1) / 2)
      this.#every = gained ? EVERY : Math.min(SELDOM, this.#every * 2)
      if (!gained) {
        this.#limit = this.#back
        this.#rate = before
      }
      this.#back = 0
      return
    }
    if (rate < this.#best * BROKEN && this.#limit > this.#min) {
      this.#best = rate
      return this.#try(Math.floor(this.#limit / STEP))
    }
    if (++this.#windows < this.#every) return
    this.#windows = 0
    if (this.#limit < this.#ceiling) this.#try(Math.ceil(this.#limit * STEP))
    else if (this.#limit < this.most) {
      this.#ceiling = this.#limit + 1
      this.#try(this.#limit + 1)
    }
  }

  #grow(level: number): void {
    this.#back = this.#limit
    this.#limit = Math.min(this.most, this.#ceiling, level)
    if (this.#limit === this.#back) this.#starting = false
  }

  #try(level: number): void {
    const next = Math.max(this.#min, Math.min(this.most, this.#ceiling, level))
    if (next === this.#limit) return
    this.#back = this.#limit
    this.#limit = next
  }

  readonly refused = (level: number): void => {
    // many refusals at one level count one each; at least half of it is kept
    if (level !== this.#refusedFrom) {
      this.#refusedFrom = level
      this.#every = Math.min(SELDOM, this.#starting ? EVERY : this.#every * 2)
    }
    this.#starting = false
    this.#back = 0
    const floor = Math.max(this.#min, Math.ceil(level / 2))
    this.#limit = Math.max(Math.min(this.#limit, floor), this.#limit - 1)
    this.#ceiling = this.#limit
    this.#answers = 0
    this.#tokens = 0
    this.#since = undefined
    this.#saturated = false
  }

  #window(now: number): void {
    this.#answers = 0
    this.#tokens = 0
    this.#since = now
    this.#saturated = false
  }
}

const nothing = () => {}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (bounds: number | Bounds = {}): Concurrency =>
  typeof bounds === "number"
    ? { most: bounds, limit: () => bounds, isSettled: () => true, answered: nothing, refused: nothing }
    : new Adaptive(bounds)
