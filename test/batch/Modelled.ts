/** Servers of known capacity, in virtual time, and how fast a batch runs on them. */
import { Deferred, Effect, Exit, Fiber, Random, Scope } from "effect"
import { TestClock } from "effect/testing"
import { Pace } from "../../src/batch/index.ts"
import * as Pool from "../../src/batch/pace/Pool.ts"
import { InferenceError } from "../../src/index.ts"
import * as Bench from "./Bench.ts"

export interface Model {
  /** Rows a second in all, where so many are served at once. */
  readonly rate: (served: number) => number
  /** More than so many at once are refused. Default: none is. */
  readonly room?: number
  /** The status of a refusal. Default 429. */
  readonly status?: 429 | 503
  /** Milliseconds until a refusal is told. Default 20. */
  readonly refusal?: number
}

interface Served {
  left: number
  readonly done: Deferred.Deferred<void>
}

/** Rows share the server equally: each has `1/n` of what it does for `n`. */
const sharing = (rate: Model["rate"], scope: Scope.Scope) => {
  const served = new Set<Served>()
  let last = 0
  let timer: Fiber.Fiber<void> | undefined
  const advance = Effect.clockWith((clock) =>
    Effect.suspend(() => {
      const now = clock.currentTimeMillisUnsafe()
      const each = served.size === 0 ? 0 : (now - last) / 1000 * rate(served.size) / served.size
      last = now
      const ended = [...served].filter((row) => (row.left -= each) <= 1e-9)
      return Effect.forEach(ended, (row) => {
        served.delete(row)
        return Deferred.succeed(row.done, undefined)
      }, { discard: true })
    })
  )
  const next: Effect.Effect<void> = Effect.gen(function*() {
    if (timer !== undefined) yield* Effect.forkIn(Fiber.interrupt(timer), scope)
    timer = undefined
    if (served.size === 0) return
    const least = Math.min(...[...served].map(({ left }) => left))
    const millis = Math.max(1, Math.ceil(least * served.size / rate(served.size) * 1000))
    timer = yield* Effect.forkIn(Effect.andThen(Effect.sleep(millis), later), scope)
  })
  const later = Effect.andThen(advance, Effect.suspend(() => (timer = undefined, next)))
  return {
    size: () => served.size,
    serve: (work: number) =>
      Effect.gen(function*() {
        const row: Served = { left: work, done: Deferred.makeUnsafe() }
        yield* advance
        served.add(row)
        yield* next
        yield* Deferred.await(row.done)
      })
  }
}

export interface Run {
  /** Rows a second, of the whole run and of its second half. */
  readonly whole: number
  readonly settled: number
  /** Requests for each row. */
  readonly posts: number
  readonly level: number
}

const MEAN_TOKENS = 100

/** Rows of unequal length through a batch on such a server. */
export const run = (
  { rate, refusal = 20, room = Infinity, status = 429 }: Model,
  concurrency: NonNullable<Pace.Options["concurrency"]>,
  rows: number
): Effect.Effect<Run> =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const server = sharing(rate, scope)
    const pace = Pace.make({ concurrency }, () => 0.5)
    const control = Pool.control<string>([pace])
    const ends: Array<number> = []
    let next = 0
    let posts = 0
    const lengths = yield* Effect.forEach(Array.from({ length: rows }), () => Random.nextBetween(0.5, 1.5)).pipe(
      Random.withSeed("rows")
    )
    const fiber = yield* Effect.forkChild(
      Pool.run<number, number, InferenceError.InferenceError, never, never, never, string>(
        {
          next: () => Effect.succeed(next < rows ? next++ : undefined),
          work: (row) =>
            Effect.suspend(() => {
              posts++
              const length = lengths[row] ?? 1
              return server.size() >= room
                ? Effect.delay(
                  Effect.fail(Bench.failure(new InferenceError.Overloaded({ status, description: "busy" }))),
                  refusal
                )
                : Effect.as(server.serve(length), Math.round(length * MEAN_TOKENS))
            }),
          tokens: (tokens) => [tokens, tokens],
          delivered: () =>
            Effect.clockWith((clock) => Effect.sync(() => void ends.push(clock.currentTimeMillisUnsafe())))
        },
        [pace],
        control,
        { drain: 0, giveUp: ({ message }) => message }
      )
    )
    const start = yield* Effect.clockWith((clock) => Effect.sync(() => clock.currentTimeMillisUnsafe()))
    while (ends.length < rows && control.why() === undefined) yield* TestClock.adjust("1 minute")
    yield* Fiber.join(fiber)
    yield* Scope.close(scope, Exit.void)
    const half = Math.floor(rows / 2)
    const last = ends.at(-1) ?? start
    return {
      whole: rows / (last - start) * 1000,
      settled: (rows - half) / (last - (ends[half - 1] ?? start)) * 1000,
      posts: posts / rows,
      level: pace.level()
    }
  })

/** Each row is as fast as alone, up to so many; more share what there is. */
export const hardKnee = (knee: number) => (served: number) => Math.min(served, knee)

/** Each row more gives less. */
export const smoothKnee = (half: number) => (served: number) => 64 * served / (served + half)

/** What is beyond the knee costs all of them. */
export const falling = (knee: number) => (served: number) =>
  served <= knee ? served : Math.max(knee / 2, knee - (served - knee) / 2)

export const models: Readonly<Record<string, Model>> = {
  "hard knee at 24": { rate: hardKnee(24) },
  "hard knee at 5": { rate: hardKnee(5) },
  "hard knee at 200": { rate: hardKnee(200) },
  "smooth knee, half at 8": { rate: smoothKnee(8) },
  "smooth knee, half at 30": { rate: smoothKnee(30) },
  "slower beyond 32": { rate: falling(32) },
  "429 above 20": { rate: hardKnee(1000), room: 20 },
  "503 above 12": { rate: hardKnee(1000), room: 12, status: 503 },
  "503 above 100": { rate: hardKnee(1000), room: 100, status: 503 }
}
