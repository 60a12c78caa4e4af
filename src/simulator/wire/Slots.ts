/**
 * Places in which generations run: as many as a server has, and a queue for the rest, first come, first served.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"

/**
 * @category models
 * @since 0.2.0
 */
export interface Slots {
  /** Slots in use. */
  readonly busy: () => number
  /** Requests that wait for a slot. */
  readonly waiting: () => number
  /** Waits for a number of slots, at most all there are, and calls `taken` with their number once they are held. */
  readonly acquire: (wanted: number, taken: (held: number) => void) => Effect.Effect<void>
  readonly release: (held: number) => void
}

interface Waiter {
  readonly wanted: number
  readonly start: () => void
}

/**
 * @category constructors
 * @since 0.2.0
 */
export const make = (total: number): Slots => {
  const queue: Array<Waiter> = []
  let busy = 0

  const serve = (): void => {
    for (let next = queue[0]; next !== undefined && busy + next.wanted <= total; next = queue[0]) {
      queue.shift()
      busy += next.wanted
      next.start()
    }
  }

  return {
    busy: () => busy,
    waiting: () => queue.length,
    acquire: (wanted, taken) =>
      Effect.callback<void>((resume) => {
        const held = Math.min(wanted, total)
        const waiter: Waiter = {
          wanted: held,
          start: () => {
            taken(held)
            resume(Effect.void)
          }
        }
        queue.push(waiter)
        serve()
        return Effect.sync(() => {
          const at = queue.indexOf(waiter)
          if (at !== -1) queue.splice(at, 1)
        })
      }),
    release: (held) => {
      busy -= held
      serve()
    }
  }
}
