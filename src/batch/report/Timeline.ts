/**
 * What a run looked like over time, in at most so many points: when there are more, every second one is let go.
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
  /** Rows and tokens written a second, of late. */
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
  readonly add: (point: Point) => void
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
  return {
    add: (point) => {
      if (point.at < next) return
      points.push(point)
      next = point.at + step
      if (points.length < MOST) return
      points = points.filter((_, at) => at % 2 === 0)
      step *= 2
    },
    points: () => points
  }
}
