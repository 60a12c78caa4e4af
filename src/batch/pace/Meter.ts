/**
 * A limited number of units in any minute, spread evenly: a virtual clock that each unit moves forward (the generic cell
 * rate algorithm).
 *
 * Evenly, except that a hundredth of the limit may be used at once, so that late timers cost no throughput. In any 60
 * seconds no more than the limit starts.
 *
 * @since 0.1.0
 */
const MINUTE = 60_000

/**
 * @category models
 * @since 0.1.0
 */
export interface Meter {
  /** Takes units now and says how many milliseconds to wait before using them. */
  readonly take: (units: number, now: number) => number
  /** Corrects what was taken by what was actually used. */
  readonly settle: (taken: number, used: number) => void
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (perMinute: number): Meter => {
  const burst = Math.floor(perMinute / 100)
  const each = MINUTE / (perMinute - burst)
  const ahead = burst * each
  let next = Number.NEGATIVE_INFINITY
  return {
    take: (units, now) => {
      const start = Math.max(next, now - ahead)
      next = start + units * each
      return Math.max(0, start - now)
    },
    settle: (taken, used) => {
      next += (used - taken) * each
    }
  }
}
