import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Result, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Blame, Pace, Streaming } from "../../src/batch/index.ts"
import * as Concurrency from "../../src/batch/pace/Concurrency.ts"
import * as Meter from "../../src/batch/pace/Meter.ts"
import { InferenceError } from "../../src/index.ts"
import * as Bench from "./Bench.ts"

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

describe("adaptive concurrency", () => {
  it("doubles at first, up to the most, while answers keep their pace", () => {
    const concurrency = Concurrency.make({ initial: 2, max: 16 })
    const limits = [2, 4, 8, 16].map((limit) => {
      const before = concurrency.limit()
      for (let i = 0; i < limit; i++) concurrency.answered(10, limit)
      return before
    })
    assert.deepStrictEqual([...limits, concurrency.limit()], [2, 4, 8, 16, 16])
  })

  it("halves when the server asks for less, and then grows by one", () => {
    const concurrency = Concurrency.make({ initial: 16 })
    concurrency.overloaded()
    assert.strictEqual(concurrency.limit(), 8)
    for (let i = 0; i < 8; i++) concurrency.answered(10, 8)
    assert.strictEqual(concurrency.limit(), 9)
  })

  it("shrinks when tokens take more than twice as long as they did", () => {
    const concurrency = Concurrency.make({ initial: 10 })
    for (let i = 0; i < 10; i++) concurrency.answered(10, 5)
    for (let i = 0; i < 10; i++) concurrency.answered(25, 5)
    assert.strictEqual(concurrency.limit(), 8)
  })

  it("does not grow where it is not used", () => {
    const concurrency = Concurrency.make({ initial: 4 })
    for (let i = 0; i < 40; i++) concurrency.answered(10, 2)
    assert.strictEqual(concurrency.limit(), 4)
  })

  it("never falls under its least", () => {
    const concurrency = Concurrency.make({ initial: 8, min: 3 })
    for (let i = 0; i < 10; i++) concurrency.overloaded()
    assert.strictEqual(concurrency.limit(), 3)
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
      for (const permit of permits) if (permit !== undefined) pace.failed(permit, 0, Blame.of(Bench.down()), 0)
      assert.strictEqual(pace.pause(0)?.until, 1000)
    }))
})

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

  it.prop("is to blame for its own faults alone", [Schema.Literals([401, 402, 403, 404])], ([status]) => {
    const answer = { status, description: "" }
    return [
      new InferenceError.Unauthorized(answer),
      new InferenceError.Forbidden(answer),
      new InferenceError.PaymentRequired(answer),
      new InferenceError.NotFound(answer),
      new InferenceError.Paused(answer),
      new InferenceError.Asleep(answer),
      new InferenceError.Loading(answer),
      new InferenceError.RateLimited(answer),
      new InferenceError.Overloaded(answer),
      new InferenceError.Timeout({ phase: "connect", after: Duration.seconds(1) }),
      new InferenceError.Transport({ description: "", retryable: true })
    ].every((reason) => ["passing", "lasting"].includes(Blame.of(Bench.failure(reason)).kind)) &&
      Blame.of(Bench.rejected()).kind === "row"
  })
})
