/**
 * Which row a worker does next: one to be retried, the next of the input, or a suspect one, which is tried while no other
 * row is in flight at its endpoint.
 *
 * Suspects wait until nothing else is left to do, or there are many of them, or the input waits for them.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type * as Pace from "./Pace.ts"

/**
 * A row that is being done, with what is remembered of it.
 *
 * @category models
 * @since 0.2.0
 */
export interface Task<Item> extends Pace.Record {
  readonly item: Item
  /** Requests that were made for it. */
  attempts: number
  isSuspect: boolean
}

const fresh = <Item>(item: Item): Task<Item> => ({
  item,
  attempts: 0,
  strikes: 0,
  alone: 0,
  answers: undefined,
  refused: 0,
  isSuspect: false
})

/**
 * An endpoint with its pace, and the rows in flight there.
 *
 * @category models
 * @since 0.2.0
 */
export interface Lane {
  readonly pace: Pace.Pace
  running: number
  /** Rows started so far. */
  starts: number
  /** A suspect is in flight. */
  solo: boolean
  closed: boolean
}

/**
 * @category constructors
 * @since 0.2.0
 */
export const lane = (pace: Pace.Pace): Lane => ({ pace, running: 0, starts: 0, solo: false, closed: false })

/**
 * @category models
 * @since 0.2.0
 */
export class Desk<Item, E, R> {
  readonly #next: () => Effect.Effect<Item | undefined, E, R>
  readonly #most: number
  readonly #again: Array<Task<Item>> = []
  readonly #suspects: Array<Task<Item>> = []
  readonly #waiting = new Set<() => void>()
  #running = 0
  #pulling = 0
  #exhausted = false
  #draining = false
  #closed = false

  /** `suspects` is how many of them may wait. */
  constructor(next: () => Effect.Effect<Item | undefined, E, R>, suspects: number) {
    this.#next = next
    this.#most = suspects
  }

  /**
   * The next row for a worker of the lane, which takes it now; undefined when nothing is left, or the desk is closed. Where
   * it is known, the effect has succeeded.
   */
  take(lane: Lane): Effect.Effect<Task<Item> | undefined, E, R> {
    if (this.#closed || lane.closed) return Effect.undefined
    if (this.#suspects.length > 0 && this.#isSuspectsTurn()) {
      if (lane.running > 0) return this.#wait(lane)
      const suspect = this.#suspects.shift()
      if (suspect !== undefined) return Effect.succeed(this.#start(lane, suspect, true))
    }
    if (lane.solo) return this.#wait(lane)
    const again = this.#again.shift()
    if (again !== undefined) return Effect.succeed(this.#start(lane, again, false))
    if (!this.#exhausted) return this.#pull(lane)
    return this.#running + this.#pulling === 0 ? Effect.undefined : this.#wait(lane)
  }

  #isSuspectsTurn(): boolean {
    if (this.#suspects.length >= this.#most) this.#draining = true
    return this.#draining || (this.#exhausted && this.#again.length === 0)
  }

  #pull(lane: Lane): Effect.Effect<Task<Item> | undefined, E, R> {
    this.#pulling++
    return Effect.flatMapEager(this.#next(), (item) => {
      this.#pulling--
      if (item !== undefined) return Effect.succeed(this.#start(lane, fresh(item), false))
      this.#exhausted = true
      this.#wake()
      return this.take(lane)
    })
  }

  #start(lane: Lane, task: Task<Item>, solo: boolean): Task<Item> {
    this.#running++
    lane.running++
    lane.starts++
    lane.solo = solo
    return task
  }

  #wait(lane: Lane): Effect.Effect<Task<Item> | undefined, E, R> {
    return Effect.andThen(
      Effect.callback<void>((resume) => {
        const wake = () => {
          this.#waiting.delete(wake)
          resume(Effect.void)
        }
        this.#waiting.add(wake)
        return Effect.sync(() => this.#waiting.delete(wake))
      }),
      Effect.suspend(() => this.take(lane))
    )
  }

  #wake(): void {
    // waiters that immediately wait again are not woken twice
    const waiting = Array.from(this.#waiting)
    waiting.forEach((wake) => wake())
  }

  /** A row is no longer in flight: it comes back to be retried, alone or not, or it is done. */
  end(lane: Lane, back?: Task<Item>): void {
    this.#running--
    lane.running--
    lane.solo = false
    if (back !== undefined) (back.isSuspect ? this.#suspects : this.#again).push(back)
    if (this.#suspects.length === 0) this.#draining = false
    if (this.#waiting.size > 0) this.#wake()
  }

  /** Puts a row back that did not start after all. */
  putBack(lane: Lane, task: Task<Item>): void {
    lane.starts--
    this.#running--
    lane.running--
    lane.solo = false
    ;(task.isSuspect ? this.#suspects : this.#again).unshift(task)
  }

  /** Waits until a row has ended. */
  readonly changed: Effect.Effect<void> = Effect.callback<void>((resume) => {
    if (this.#running === 0 || this.#closed) return resume(Effect.void)
    const wake = () => {
      this.#waiting.delete(wake)
      resume(Effect.void)
    }
    this.#waiting.add(wake)
    return Effect.sync(() => this.#waiting.delete(wake))
  })

  close(): void {
    this.#closed = true
    this.#wake()
  }
}
