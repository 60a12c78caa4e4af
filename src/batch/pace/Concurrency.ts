/**
 * How many rows at once: a fixed number, or one that grows while the endpoint is healthy and shrinks when it is not
 * (additive increase, multiplicative decrease, after a start that doubles).
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
  /** Default 64. */
  readonly max?: number | undefined
  /** Default 4. */
  readonly initial?: number | undefined
  /** Grown too slow: so many times the best time a token took. Default 2. */
  readonly tolerance?: number | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Concurrency {
  readonly most: number
  readonly limit: () => number
  /** An answer came that took so many milliseconds a token, while so many rows were under way. */
  readonly answered: (latency: number, inFlight: number) => void
  /** The server asked for less. */
  readonly overloaded: () => void
}

/** The best latency is forgotten by so much a window, so that a batch with longer rows later is not held back for ever. */
const FORGET = 1.02
const OVERLOADED = 0.5
const SLOW = 0.8

class Adaptive implements Concurrency {
  readonly #min: number
  readonly #tolerance: number
  readonly most: number
  #limit: number
  #starting = true
  #answers = 0
  #total = 0
  #saturated = false
  #best = Number.POSITIVE_INFINITY

  constructor(bounds: Bounds) {
    this.#min = bounds.min ?? 1
    this.most = Math.max(this.#min, bounds.max ?? 64)
    this.#limit = Math.min(this.most, Math.max(this.#min, bounds.initial ?? 4))
    this.#tolerance = bounds.tolerance ?? 2
  }

  readonly limit = (): number => this.#limit

  /** One decision for each round of answers. */
  readonly answered = (latency: number, inFlight: number): void => {
    this.#total += latency
    if (inFlight >= this.#limit) this.#saturated = true
    if (++this.#answers < this.#limit) return
    const mean = this.#total / this.#answers
    const saturated = this.#saturated
    this.#best = Math.min(this.#best * FORGET, mean)
    this.#window()
    if (mean > this.#best * this.#tolerance) this.#shrink(SLOW)
    else if (saturated) this.#limit = Math.min(this.most, this.#starting ? this.#limit * 2 : this.#limit + 1)
  }

  readonly overloaded = (): void => {
    this.#shrink(OVERLOADED)
    this.#window()
  }

  #shrink(factor: number): void {
    this.#starting = false
    this.#limit = Math.max(this.#min, Math.floor(this.#limit * factor))
  }

  #window(): void {
    this.#answers = 0
    this.#total = 0
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
    ? { most: bounds, limit: () => bounds, answered: nothing, overloaded: nothing }
    : new Adaptive(bounds)
