/**
 * What a run looked like over time, in a limited number of points: when there are more, every second one is dropped.
 *
 * @since 0.2.0
 */

/**
 * @category models
 * @since 0.2.0
 */
export interface Point {
  /** Milliseconds since the start of the run. */
  readonly at: number
  /** Rows done in all runs. */
  readonly done: number
  readonly failed: number
  /** Rows and tokens written per second since the previous point. */
  readonly rate: number
  readonly tokenRate: number
  readonly inFlight: number
  /** Rows that might be in flight. */
  readonly limit: number
}

/**
 * @category models
 * @since 0.2.0
 */
export interface Timeline {
  /** Checks whether a point is due, and returns it. */
  readonly add: (now: Omit<Point, "rate" | "tokenRate"> & { readonly tokens: number }) => void
  readonly points: () => ReadonlyArray<Point>
}

const MOST = 600
const FIRST_STEP = 250

/**
 * @category constructors
 * @since 0.2.0
 */
export const make = (): Timeline => {
  let points: Array<Point> = []
  let step = FIRST_STEP
  let next = 0
  let last: { at: number; rows: number | undefined; tokens: number } = { at: 0, rows: undefined, tokens: 0 }
  return {
    add: ({ tokens, ...now }) => {
      if (now.at < next) return
      const rows = now.done + now.failed
      const seconds = Math.max(1, now.at - last.at) / 1000
      points.push({
        ...now,
        rate: (rows - (last.rows ?? rows)) / seconds,
        tokenRate: (tokens - last.tokens) / seconds
      })
      last = { at: now.at, rows, tokens }
      next = now.at + step
      if (points.length < MOST) return
      points = points.filter((_, at) => at % 2 === 0)
      step *= 2
    },
    points: () => points
  }
}
