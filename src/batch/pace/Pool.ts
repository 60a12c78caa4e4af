/**
 * Rows through endpoints: at each as many workers as rows may be in flight there, each of which takes a row, works on it
 * and delivers.
 *
 * A worker takes its next row only when there is room for it, and after the last one is delivered, so nothing piles up
 * anywhere, an endpoint that cannot be reached holds no row, and a row needs no fiber of its own.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Desk from "./Desk.ts"
import * as Fault from "./Fault.ts"
import type { Pace, Permit } from "./Pace.ts"

/**
 * How a row ended: with a value, or with its last failure, in which all its attempts are counted.
 *
 * @category models
 * @since 0.2.0
 */
export type Outcome<A, E> = Result.Result<A, { readonly error: E; readonly fault: Fault.Fault }>

/**
 * @category models
 * @since 0.1.0
 */
export interface Job<Item, A, E extends Fault.Raised, E2, R, R2> {
  /** The next row; undefined when there is none. Many workers call it at once. */
  readonly next: () => Effect.Effect<Item | undefined, E2, R2>
  /**
   * Asked before a row starts: it may start, it may start once another row has ended, or no row may start any more and
   * this one is left alone.
   */
  readonly mayStart?: ((item: Item) => Effect.Effect<"go" | "wait" | "stop">) | undefined
  /** `lane` is the endpoint, by its position in the list. */
  readonly work: (item: Item, lane: number) => Effect.Effect<A, E, R>
  /** Tokens written, and tokens in all. */
  readonly tokens: (value: A) => readonly [output: number, all: number]
  readonly delivered: (item: Item, outcome: Outcome<A, E>) => Effect.Effect<void, E2, R2>
  /** Sees each failure after which the row is tried again. */
  readonly retrying?: ((item: Item, fault: Fault.Fault, lane: number) => Effect.Effect<void>) | undefined
  /** An endpoint was given up while others continue. */
  readonly gaveUp?: ((lane: number, fault: Fault.Fault) => Effect.Effect<void>) | undefined
}

/**
 * How a pool is stopped, and why it was.
 *
 * @category models
 * @since 0.1.0
 */
export interface Control<Why> {
  readonly stop: (why: Why) => Effect.Effect<void>
  /** Waits until it is stopped. */
  readonly stopped: Effect.Effect<Why>
  /** Undefined while it is not. */
  readonly why: () => Why | undefined
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const control = <Why>(paces: ReadonlyArray<Pace>): Control<Why> => {
  const stopped = Deferred.makeUnsafe<Why>()
  let first: Why | undefined
  return {
    stopped: Deferred.await(stopped),
    why: () => first,
    stop: (why) =>
      Effect.suspend(() => {
        first ??= why
        for (const pace of paces) pace.close()
        return Effect.asVoid(Deferred.succeed(stopped, why))
      })
  }
}

/**
 * @category models
 * @since 0.2.0
 */
export interface Options<Why> {
  readonly drain: Duration.Input
  readonly giveUp: (fault: Fault.Fault) => Why
  /** How many suspect rows may wait until they are tried alone. Default 64. */
  readonly suspects?: number | undefined
}

const SUSPECTS = 64

/**
 * Works until there are no more rows, or it is stopped: then no row starts, rows in flight have `drain` to end, and what
 * is left is interrupted.
 *
 * @category running
 * @since 0.1.0
 */
export const run = <Item, A, E extends Fault.Raised, E2, R, R2, Why>(
  job: Job<Item, A, E, E2, R, R2>,
  paces: ReadonlyArray<Pace>,
  { stop, stopped }: Control<Why>,
  options: Options<Why>
): Effect.Effect<void, E2, R | R2> => {
  const desk = new Desk.Desk(job.next, options.suspects ?? SUSPECTS)
  const lanes = paces.map(Desk.lane)

  const abandon = Effect.fnUntraced(function*(at: number, lane: Desk.Lane, fault: Fault.Fault) {
    if (lane.closed) return
    lane.closed = true
    lane.pace.close()
    if (lanes.every(({ closed }) => closed)) yield* stop(options.giveUp(fault))
    else if (job.gaveUp !== undefined) yield* job.gaveUp(at, fault)
  })

  /** What follows from a failed attempt; the outcome when the row is done. */
  const failed = Effect.fnUntraced(
    function*(at: number, lane: Desk.Lane, task: Desk.Task<Item>, permit: Permit, error: E, alone: boolean) {
      const now = yield* Clock.currentTimeMillis
      const fault = Fault.of(error)
      const verdict = lane.pace.failed(permit, now, fault, task, alone)
      task.attempts += fault.attempts
      if (verdict === "failed") return Result.fail({ error, fault: { ...fault, attempts: task.attempts } })
      if (verdict === "suspect") task.isSuspect = true
      if (verdict === "stop") yield* abandon(at, lane, fault)
      else if (job.retrying !== undefined) yield* job.retrying(task.item, fault, at)
      if (typeof verdict === "number") yield* lane.pace.wait(verdict)
      return undefined
    }
  )

  /** Asks whether the row may start, and waits for the limits per minute. */
  const admitted = Effect.fnUntraced(function*(lane: Desk.Lane, task: Desk.Task<Item>) {
    const may = job.mayStart === undefined ? "go" : yield* job.mayStart(task.item)
    if (may !== "go") {
      desk.putBack(lane, task)
      lane.pace.release()
      if (may === "wait") yield* desk.changed
      return may
    }
    if (lane.pace.start === undefined || (yield* lane.pace.start)) return may
    desk.putBack(lane, task)
    lane.pace.release()
    return "wait"
  })
  const isFree = ({ pace }: Desk.Lane) => job.mayStart === undefined && pace.start === undefined

  /** Plain functions that call each other: a row costs no generator, and no effect where nothing waits. */
  const worker = (at: number, lane: Desk.Lane): Effect.Effect<void, E2, R | R2> =>
    Effect.clockWith((clock) => {
      const begin: Effect.Effect<void, E2, R | R2> = Effect.suspend(() =>
        Effect.flatMapEager(lane.pace.acquire(clock.currentTimeMillisUnsafe()), (permit) =>
          permit === undefined
            ? Effect.void
            : Effect.flatMapEager(desk.take(lane), (task) => taken(permit, task)))
      )
      const taken = (permit: Permit, task: Desk.Task<Item> | undefined) => {
        if (task === undefined) {
          lane.pace.release()
          return Effect.void
        }
        return isFree(lane)
          ? attempt(permit, task)
          : Effect.flatMap(
            admitted(lane, task),
            (may) => may === "go" ? attempt(permit, task) : may === "wait" ? begin : Effect.void
          )
      }
      const attempt = (permit: Permit, task: Desk.Task<Item>) => {
        const start = lane.starts
        const first = lane.running === 1
        return Effect.matchEffect(job.work(task.item, at), {
          onSuccess: (value) => {
            const [output, all] = job.tokens(value)
            lane.pace.succeeded(permit, clock.currentTimeMillisUnsafe(), output, all)
            return ended(task, Result.succeed(value))
          },
          onFailure: (error) =>
            Effect.flatMap(
              failed(at, lane, task, permit, error, first && lane.starts === start),
              (outcome) => ended(task, outcome)
            )
        })
      }
      const ended = (task: Desk.Task<Item>, outcome: Outcome<A, E> | undefined) => {
        lane.pace.release()
        desk.end(lane, outcome === undefined ? task : undefined)
        return outcome === undefined ? begin : Effect.flatMap(job.delivered(task.item, outcome), () => begin)
      }
      return begin
    })

  const all = Effect.forEach(
    lanes.flatMap((lane, at) => Arr.makeBy(lane.pace.most, () => worker(at, lane))),
    (worker) => worker,
    { concurrency: "unbounded", discard: true }
  )
  const closing = Effect.flatMap(
    stopped,
    () => Effect.andThen(Effect.sync(() => desk.close()), Effect.sleep(options.drain))
  )
  return Effect.raceFirst(all, closing)
}
