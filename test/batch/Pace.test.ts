import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Result, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Blame, Pace, Streaming } from "../../src/batch/index.ts"
import * as Concurrency from "../../src/batch/pace/Concurrency.ts"
import * as Meter from "../../src/batch/pace/Meter.ts"
import * as Pool from "../../src/batch/pace/Pool.ts"
import { InferenceError } from "../../src/index.ts"
import * as Bench from "./Bench.ts"

const fresh = (): Pace.Record => ({ strikes: 0, alone: 0, answers: undefined })

const inputs = (count: number) => Stream.map(Stream.range(0, count - 1), (n) => ({ input: `question ${n}` }))

describe("a limit a minute", () => {
  it.prop(
    "is kept in every window of 60 seconds, whatever asks when",
    [
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 500 })),
      Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2000 })))
    ],
    ([limit, gaps]) => {
      const meter = Meter.make(limit)
      let now = 0
      const starts = [...gaps, ...Array.from({ length: 600 }, () => 0)].map((gap) => {
        now += gap
        return now + meter.take(1, now)
      })
      return starts.every((start, i) =>
        starts.filter((other, j) => j >= i && other < start + 60_000 - 1e-6).length <= limit
      )
    },
    { arbitrary: { runs: 20 } }
  )

  it("of tokens is corrected by what was used", () => {
    const meter = Meter.make(60)
    assert.strictEqual(meter.take(30, 0), 0)
    meter.settle(30, 10)
    assert.strictEqual(meter.take(1, 0), 10_000)
  })

  it.effect("spreads the rows of a batch", () =>
    Effect.gen(function*() {
      const starts: Array<number> = []
      const fiber = yield* Effect.forkChild(
        Stream.runDrain(Streaming.stream(inputs(10), (input, options) =>
          Effect.clockWith((clock) => {
            starts.push(clock.currentTimeMillisUnsafe())
            return Bench.echo(input, options)
          }), { concurrency: 4, requestsPerMinute: 60 }))
      )
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(starts, Array.from({ length: 10 }, (_, i) => i * 1000))
    }))
})

/** A server that writes so many tokens a second at a level, and refuses beyond a limit, under a level that adapts to it. */
const settled = (rate: (level: number) => number, bounds: Concurrency.Bounds, rounds: number, refuse = Infinity) => {
  const concurrency = Concurrency.make(bounds)
  let now = 0
  let written = 0
  let posts = 0
  for (let round = 0; round < rounds; round++) {
    const level = concurrency.limit()
    const taken = Math.min(level, refuse)
    for (let row = 0; row < level; row++) {
      posts++
      if (row >= taken) concurrency.refused(level)
    }
    for (let row = 0; row < taken; row++) {
      now += 10_000 / rate(taken)
      written++
      concurrency.answered(now, 10, level)
    }
  }
  return { level: concurrency.limit(), rate: written * 10 / now * 1000, posts: posts / written }
}

/** Equal work for each row in flight, up to so many; more of them wait. */
const hardKnee = (knee: number) => (level: number) => Math.min(level, knee) * 10
/** Each row more gives less. */
const smoothKnee = (half: number) => (level: number) => 1000 * level / (level + half)

const best = (rate: (level: number) => number, most: number) =>
  Math.max(...Array.from({ length: most }, (_, level) => rate(level + 1)))

describe("adaptive concurrency", () => {
  it("doubles at first, up to the most, while that is faster", () => {
    const concurrency = Concurrency.make({ initial: 2, max: 16 })
    let now = 0
    const limits: Array<number> = [2]
    for (let row = 0; row < 64; row++) {
      concurrency.answered(now += 1000 / concurrency.limit(), 10, concurrency.limit())
      if (concurrency.limit() !== limits.at(-1)) limits.push(concurrency.limit())
    }
    assert.deepStrictEqual(limits, [2, 4, 8, 16])
  })

  it("is within a tenth of the best level on a hard knee, a smooth one, and a server that refuses", () => {
    for (const rate of [hardKnee(24), hardKnee(5), smoothKnee(8), smoothKnee(30)]) {
      const { level } = settled(rate, { max: 256 }, 400)
      assert.isAtLeast(rate(level), 0.9 * best(rate, 256))
    }
    const refusing = settled(hardKnee(1000), { max: 256 }, 400, 20)
    assert.isAtLeast(Math.min(refusing.level, 20), 18)
    assert.isBelow(refusing.posts, 1.1)
  })

  it("keeps half of a level at least, however often the server refuses", () => {
    const concurrency = Concurrency.make({ initial: 16 })
    for (let i = 0; i < 16; i++) concurrency.refused(16)
    assert.strictEqual(concurrency.limit(), 8)
  })

  it("does not grow where it is not used", () => {
    const concurrency = Concurrency.make({ initial: 4 })
    for (let i = 0; i < 40; i++) concurrency.answered(i * 10, 10, 2)
    assert.strictEqual(concurrency.limit(), 4)
  })

  it("never falls below its least", () => {
    const concurrency = Concurrency.make({ initial: 8, min: 3 })
    for (let i = 0; i < 10; i++) concurrency.refused(concurrency.limit())
    assert.strictEqual(concurrency.limit(), 3)
  })

  it("forgets an old best rate: a server that has become slower for good keeps its level", () => {
    const concurrency = Concurrency.make({ initial: 16, max: 16 })
    let now = 0
    const rounds = (count: number, rate: number) => {
      for (let i = 0; i < count * 16; i++) concurrency.answered(now += 10_000 / rate, 10, concurrency.limit())
    }
    rounds(4, 1000)
    rounds(200, 100)
    assert.strictEqual(concurrency.limit(), 16)
  })
})

describe("a pause", () => {
  it.effect("holds all rows for as long as the server asks, and at most a tenth more", () =>
    Effect.gen(function*() {
      const starts: Array<number> = []
      const busy = Bench.failure(
        new InferenceError.RateLimited({ status: 429, description: "", retryAfter: Duration.seconds(90) })
      )
      const fiber = yield* Effect.forkChild(
        Stream.runCollect(Streaming.stream(inputs(4), (input, options) =>
          Effect.clockWith((clock) => {
            starts.push(clock.currentTimeMillisUnsafe())
            return starts.length === 1 ? Effect.fail(busy) : Bench.echo(input, options)
          }), { concurrency: 1 }))
      )
      yield* TestClock.adjust("89 seconds")
      assert.lengthOf(starts, 1)
      yield* TestClock.adjust("10 seconds")
      const outcomes = yield* Fiber.join(fiber)
      assert.isTrue(outcomes.every(({ result }) => Result.isSuccess(result)))
    }))

  it.effect("after an outage lets one row go ahead alone", () =>
    Effect.gen(function*() {
      let calls = 0
      let inFlight = 0
      let alone = 0
      const fiber = yield* Effect.forkChild(
        Stream.runDrain(Streaming.stream(inputs(8), (input, options) =>
          Effect.suspend(() => {
            calls++
            if (calls <= 4) return Effect.delay(Effect.fail(Bench.down()), 1)
            inFlight++
            if (calls === 5) alone = inFlight
            return Effect.ensuring(
              Effect.delay(Bench.echo(input, options), "10 seconds"),
              Effect.sync(() => inFlight--)
            )
          }), { concurrency: 4 }))
      )
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual([calls, alone], [5, 1])
      yield* TestClock.adjust("2 minutes")
      yield* Fiber.join(fiber)
    }))

  it.effect("longer than the patience fails the stream at once, with the figure", () =>
    Effect.gen(function*() {
      const busy = Bench.failure(
        new InferenceError.RateLimited({ status: 429, description: "quota", retryAfter: Duration.hours(2) })
      )
      const fiber = yield* Effect.forkChild(
        Effect.flip(Stream.runDrain(Streaming.stream(inputs(4), () => Effect.fail(busy), { concurrency: 2 })))
      )
      yield* TestClock.adjust("1 minute")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error._tag, "BatchError")
      assert.include(error.message, "7200 s")
    }))

  it.effect("counts many failures of one outage once", () =>
    Effect.gen(function*() {
      const pace = Pace.make({ concurrency: 8 }, () => 1)
      const permits = yield* Effect.all(Array.from({ length: 8 }, () => pace.acquire))
      for (const permit of permits) {
        if (permit !== undefined) {
          pace.failed(permit, 0, Blame.of(Bench.down()), fresh(), { alone: false, others: true })
        }
      }
      assert.strictEqual(pace.pause(0)?.until, 1000)
    }))
})

const kinds = (reasons: ReadonlyArray<InferenceError.Reason>) =>
  new Set(reasons.map((reason) => Blame.of(Bench.failure(reason)).kind))

describe("a row", () => {
  it.effect("that breaks again and again while others succeed is the row's failure", () =>
    Effect.gen(function*() {
      const outcomes = yield* Stream.runCollect(Streaming.stream(inputs(40), (input, options) =>
        Bench.textOf(input) === "question 5"
          ? Effect.andThen(Effect.yieldNow, Effect.andThen(Effect.yieldNow, Effect.fail(Bench.cut())))
          : Bench.echo(input, options), { concurrency: 4 }))
      assert.lengthOf(outcomes, 40)
      assert.deepStrictEqual(
        outcomes.filter(({ result }) =>
          Result.isFailure(result)
        ).map(({ index }) => index),
        [5]
      )
    }))

  it("is to blame for its own faults alone, and at once", () => {
    const answer = { status: 503, description: "" }
    assert.deepStrictEqual(
      kinds([
        new InferenceError.Unauthorized(answer),
        new InferenceError.Forbidden(answer),
        new InferenceError.PaymentRequired(answer),
        new InferenceError.NotFound(answer),
        new InferenceError.Paused(answer)
      ]),
      new Set(["lasting"])
    )
    assert.deepStrictEqual(
      kinds([
        new InferenceError.Asleep(answer),
        new InferenceError.Loading(answer),
        new InferenceError.Timeout({ phase: "connect", after: Duration.seconds(1) }),
        new InferenceError.Transport({ description: "", code: "ECONNREFUSED", retryable: true })
      ]),
      new Set(["passing"])
    )
    assert.deepStrictEqual(
      kinds([
        new InferenceError.GenerationFailed({ status: 424, description: "", retryable: false }),
        new InferenceError.Overloaded({ status: 500, description: "" }),
        new InferenceError.Transport({ description: "", code: "ECONNRESET", retryable: true }),
        new InferenceError.StreamInterrupted({ description: "" })
      ]),
      new Set(["unclear"])
    )
    assert.deepStrictEqual(
      kinds([new InferenceError.RateLimited(answer), new InferenceError.Overloaded(answer)]),
      new Set(["crowded"])
    )
    assert.strictEqual(Blame.of(Bench.rejected()).kind, "row")
  })
})

const engineFailed = () =>
  Bench.failure(
    new InferenceError.GenerationFailed({ status: 424, description: "transport error", retryable: false })
  )

describe("an endpoint that fails", () => {
  const outcomes = Effect.fnUntraced(function*(
    count: number,
    generate: Bench.Generate,
    options: Streaming.Options = { concurrency: 8 }
  ) {
    const fiber = yield* Effect.forkChild(Stream.runCollect(Streaming.stream(inputs(count), generate, options)))
    yield* TestClock.adjust("10 minutes")
    const all = yield* Fiber.join(fiber)
    return {
      failed: all.filter(({ result }) => Result.isFailure(result)).map(({ index }) => index),
      count: all.length
    }
  })

  it.effect("with 424 for six seconds costs no row", () =>
    Effect.gen(function*() {
      const { count, failed } = yield* outcomes(300, (input, options) =>
        Effect.clockWith((clock) => {
          const now = clock.currentTimeMillisUnsafe()
          return Effect.delay(now > 100 && now < 6100 ? Effect.fail(engineFailed()) : Bench.echo(input, options), 50)
        }))
      assert.deepStrictEqual([count, failed], [300, []])
    }))

  it.effect.each([1, 8, 32])(
    "for all rows in flight because of one of them, at %d at once, costs that row alone",
    (concurrency) =>
      Effect.gen(function*() {
        const inFlight = new Set<{ readonly poison: boolean; fail: () => void }>()
        const { count, failed } = yield* outcomes(200, (input, options) =>
          Effect.suspend(() => {
            const poison = Bench.textOf(input) === "question 77"
            let failed = false
            const entry = { poison, fail: () => void (failed = true) }
            inFlight.add(entry)
            return Effect.andThen(
              Effect.sleep("1 second"),
              Effect.suspend(() => {
                inFlight.delete(entry)
                if (poison) { for (const other of inFlight) other.fail() }
                return poison || failed ? Effect.fail(engineFailed()) : Bench.echo(input, options)
              })
            )
          }), { concurrency })
        assert.deepStrictEqual([count, failed], [200, [77]])
      })
  )

  it.effect("alike for every row pauses the batch, and ends it with every row pending", () =>
    Effect.gen(function*() {
      let asked = 0
      const fiber = yield* Effect.forkChild(
        Effect.flip(Stream.runDrain(Streaming.stream(inputs(10_000), () => {
          asked++
          return Effect.delay(Effect.fail(engineFailed()), 10)
        }, { concurrency: 8 })))
      )
      yield* TestClock.adjust("30 minutes")
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error._tag, "BatchError")
      assert.isBelow(asked, 60)
    }))

  it.effect("in an ordered stream holds no row back for ever", () =>
    Effect.gen(function*() {
      const { count, failed } = yield* outcomes(200, (input, options) =>
        Bench.textOf(input) === "question 3"
          ? Effect.delay(Effect.fail(engineFailed()), 10)
          : Effect.delay(Bench.echo(input, options), 10), { concurrency: 4, ordered: true })
      assert.deepStrictEqual([count, failed], [200, [3]])
    }))

  it.effect.each([[429, 12], [503, 12], [503, 40]] as const)(
    "with %d for what is beyond %d at once gets fewer than 1.1 requests a row",
    ([status, room]) =>
      Effect.gen(function*() {
        let inFlight = 0
        let posts = 0
        const { count, failed } = yield* outcomes(300, (input, options) =>
          Effect.suspend(() => {
            posts++
            if (inFlight >= room) {
              return Effect.fail(Bench.failure(new InferenceError.Overloaded({ status, description: "" })))
            }
            inFlight++
            return Effect.ensuring(
              Effect.delay(Bench.echo(input, options), "1 second"),
              Effect.sync(() => inFlight--)
            )
          }), {})
        assert.deepStrictEqual([count, failed], [300, []])
        assert.isBelow(posts / 300, 1.1)
      })
  )

  it.effect("with one 429 holds the others back for about a second at most", () =>
    Effect.gen(function*() {
      const ends: Array<number> = []
      let first = true
      yield* outcomes(40, (input, options) =>
        Effect.suspend(() => {
          if (first && Bench.textOf(input) === "question 2") {
            first = false
            return Effect.fail(Bench.overloaded())
          }
          return Effect.clockWith((clock) =>
            Effect.tap(Effect.delay(Bench.echo(input, options), 100), () => {
              // the row that was refused waits by the policy
              if (Bench.textOf(input) !== "question 2") ends.push(clock.currentTimeMillisUnsafe())
              return Effect.void
            })
          )
        }), { concurrency: { initial: 4, max: 4 } })
      assert.lengthOf(ends, 39)
      const pauses = ends.toSorted((a, b) => a - b).map((end, index, all) => end - (all[index - 1] ?? 0))
      assert.isBelow(Math.max(...pauses), 1200)
    }))
})

const job = (generate: (item: number, lane: number) => Effect.Effect<number, InferenceError.InferenceError>) => {
  let next = 0
  const done: Array<number> = []
  const made: Pool.Job<number, number, InferenceError.InferenceError, never, never, never> = {
    next: Effect.sync(() => next < 100 ? next++ : undefined),
    work: generate,
    tokens: () => [1, 1],
    delivered: (item) => Effect.sync(() => void done.push(item))
  }
  return { made, done }
}

describe("several endpoints", () => {
  it.effect("share the rows, and those of a dead one go to the others", () =>
    Effect.gen(function*() {
      const lanes = [0, 0, 0]
      const { done, made } = job((item, lane) => {
        lanes[lane] = (lanes[lane] ?? 0) + 1
        return lane === 1 ? Effect.fail(Bench.down()) : Effect.delay(Effect.succeed(item), 100)
      })
      const paces = [4, 4, 4].map((concurrency) => Pace.make({ concurrency, patience: "10 seconds" }))
      const control = Pool.control<string>(paces)
      const fiber = yield* Effect.forkChild(Pool.run(made, paces, control, { drain: 0, giveUp: () => "gone" }))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(done.toSorted((a, b) => a - b), Bench.upTo(100))
      assert.isAbove(lanes[0] ?? 0, 30)
      assert.isAbove(lanes[2] ?? 0, 30)
      assert.strictEqual(control.why(), undefined)
    }))

  it.effect("that are all dead stop the batch", () =>
    Effect.gen(function*() {
      const { done, made } = job(() => Effect.fail(Bench.down()))
      const paces = [2, 2].map((concurrency) => Pace.make({ concurrency, patience: "10 seconds" }))
      const control = Pool.control<string>(paces)
      const fiber = yield* Effect.forkChild(Pool.run(made, paces, control, { drain: 0, giveUp: () => "gone" }))
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual([done, control.why()], [[], "gone"])
    }))
})
