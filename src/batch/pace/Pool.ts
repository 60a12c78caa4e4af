/**
 * Rows through a pace: so many workers as rows may be under way, each of which takes a row, works on it and delivers.
 *
 * A worker takes its next row only after the last one is delivered, so nothing piles up anywhere, and a row costs no fiber.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Fault from "./Fault.ts"
import type { Pace, Permit } from "./Pace.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Job<Item, A, E extends Fault.Raised, E2, R, R2> {
  /** The next row; undefined when there is none. Many workers call it at once. */
  readonly next: Effect.Effect<Item | undefined, E2, R2>
  /** Asked before a row starts; false ends the worker, and the row is left alone. */
  readonly mayStart?: Effect.Effect<boolean> | undefined
  readonly work: (item: Item) => Effect.Effect<A, E, R>
  /** Tokens written, and tokens in all. */
  readonly tokens: (value: A) => readonly [output: number, all: number]
  readonly delivered: (
    item: Item,
    outcome: Result.Result<A, { readonly error: E; readonly fault: Fault.Fault }>
  ) => Effect.Effect<void, E2, R2>
  /** Sees each failure after which the row is tried again. */
  readonly retrying?: ((fault: Fault.Fault) => Effect.Effect<void>) | undefined
}

/**
 * How a pool is told to stop, and what made it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Control<Why> {
  readonly stop: (why: Why) => Effect.Effect<void>
  /** Waits until it is told to stop. */
  readonly stopped: Effect.Effect<Why>
  /** Undefined while it is not. */
  readonly why: () => Why | undefined
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const control = <Why>(pace: Pace): Control<Why> => {
  const stopped = Deferred.makeUnsafe<Why>()
  let first: Why | undefined
  return {
    stopped: Deferred.await(stopped),
    why: () => first,
    stop: (why) =>
      Effect.suspend(() => {
        first ??= why
        pace.close()
        return Effect.asVoid(Deferred.succeed(stopped, why))
      })
  }
}

/**
 * Works until there are no more rows, or it is stopped: then no row starts, rows under way have `drain` to end, and what
 * is left is interrupted.
 *
 * @category running
 * @since 0.1.0
 */
export const run = <Item, A, E extends Fault.Raised, E2, R, R2, Why>(
  job: Job<Item, A, E, E2, R, R2>,
  pace: Pace,
  { stop, stopped }: Control<Why>,
  options: { readonly drain: Duration.Input; readonly giveUp: (fault: Fault.Fault) => Why }
): Effect.Effect<void, E2, R | R2> => {
  const attempt = Effect.fnUntraced(function*(item: Item, permit: Permit, strikes: number) {
    const start = yield* Clock.currentTimeMillis
    const result = yield* Effect.result(job.work(item))
    const now = yield* Clock.currentTimeMillis
    if (Result.isSuccess(result)) {
      const [output, all] = job.tokens(result.success)
      pace.succeeded(permit, now - start, output, all)
      pace.release()
      return { verdict: "done" as const, value: result.success }
    }
    const fault = Fault.of(result.failure)
    const verdict = pace.failed(permit, now, fault, strikes)
    pace.release()
    return { verdict, error: result.failure, fault }
  })

  /** One row to its end; false when the pool stopped before. */
  const row = Effect.fnUntraced(function*(item: Item, first: Permit) {
    let permit: Permit | undefined = first
    let strikes = 0
    let attempts = 0
    while (permit !== undefined) {
      const tried = yield* attempt(item, permit, strikes)
      if (tried.verdict === "done") {
        yield* job.delivered(item, Result.succeed(tried.value))
        return true
      }
      const { error, fault, verdict } = tried
      attempts += fault.attempts
      if (verdict === "failed") {
        yield* job.delivered(item, Result.fail({ error, fault: { ...fault, attempts } }))
        return true
      }
      if (verdict === "stop") {
        yield* stop(options.giveUp(fault))
        return false
      }
      if (fault.kind === "unclear") strikes++
      if (job.retrying !== undefined) yield* job.retrying(fault)
      permit = yield* pace.acquire
    }
    return false
  })

  const worker = Effect.gen(function*() {
    while (true) {
      const item = yield* job.next
      if (item === undefined) return
      const permit = yield* pace.acquire
      if (permit === undefined) return
      if (job.mayStart !== undefined && !(yield* job.mayStart)) return pace.release()
      if (!(yield* row(item, permit))) return
    }
  })

  const all = Effect.forEach(Arr.makeBy(pace.most, () => worker), (worker) => worker, {
    concurrency: "unbounded",
    discard: true
  })
  return Effect.raceFirst(all, Effect.andThen(stopped, Effect.sleep(options.drain)))
}
