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
 * What a histogram says, in the unit of its values.
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
  /** Undefined if nothing was added. */
  readonly summary: () => Summary | undefined
  /** At most this many bars of equal width on a logarithmic scale, from the smallest value to the largest. */
  readonly bars: (most: number) => ReadonlyArray<Bar>
}

/**
 * A number of values between two bounds.
 *
 * @category models
 * @since 0.2.0
 */
export interface Bar {
  readonly from: number
  readonly to: number
  readonly count: number
}

/** Where a bucket begins. */
const edge = (bucket: number): number => bucket === 0 ? 0 : SMALLEST * WIDTH ** (bucket - 1)

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

  readonly bars = (most: number): ReadonlyArray<Bar> => {
    const first = this.#counts.findIndex((count) => count > 0)
    if (first < 0) return []
    const last = this.#counts.findLastIndex((count) => count > 0)
    const step = Math.ceil((last - first + 1) / most)
    const bars: Array<Bar> = []
    for (let at = first; at <= last; at += step) {
      const count = this.#counts.subarray(at, at + step).reduce((sum, value) => sum + value, 0)
      bars.push({ from: edge(at), to: edge(at + step), count })
    }
    return bars
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
