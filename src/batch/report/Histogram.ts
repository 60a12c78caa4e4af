/**
 * Percentiles of any number of times in 8 kB: counts in buckets that each are 2 % wider than the last, so that a
 * percentile is off by 1 % at most.
 *
 * @since 0.1.0
 */
const WIDTH = 1.02
const SMALLEST = 0.1
const BUCKETS = 1024

/**
 * What a histogram tells, in the unit of its values.
 *
 * @category models
 * @since 0.1.0
 */
export interface Summary {
  readonly count: number
  readonly mean: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Histogram {
  readonly add: (value: number) => void
  /** Undefined when nothing was added. */
  readonly summary: () => Summary | undefined
}

class Buckets implements Histogram {
  readonly #counts = new Float64Array(BUCKETS)
  #count = 0
  #sum = 0
  #max = 0

  readonly add = (value: number): void => {
    const at = value <= SMALLEST ? 0 : Math.floor(Math.log(value / SMALLEST) / Math.log(WIDTH)) + 1
    const bucket = Math.min(BUCKETS - 1, at)
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#count++
    this.#sum += value
    this.#max = Math.max(this.#max, value)
  }

  #percentile(share: number): number {
    let left = Math.max(1, Math.ceil(this.#count * share))
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      left -= this.#counts[bucket] ?? 0
      if (left <= 0) return bucket === 0 ? Math.min(SMALLEST, this.#max) : this.#middle(bucket)
    }
    return this.#max
  }

  #middle(bucket: number): number {
    return Math.min(this.#max, SMALLEST * WIDTH ** (bucket - 0.5))
  }

  readonly summary = (): Summary | undefined =>
    this.#count === 0 ? undefined : {
      count: this.#count,
      mean: this.#sum / this.#count,
      p50: this.#percentile(0.5),
      p90: this.#percentile(0.9),
      p99: this.#percentile(0.99),
      max: this.#max
    }
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (): Histogram => new Buckets()
