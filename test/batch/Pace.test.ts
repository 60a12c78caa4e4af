import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Result, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Blame, Pace, Streaming } from "../../src/batch/index.ts"
import * as Concurrency from "../../src/batch/pace/Concurrency.ts"
import * as Meter from "../../src/batch/pace/Meter.ts"
import * as Pool from "../../src/batch/pace/Pool.ts"
import { InferenceError } from "../../src/index.ts"
import * as Bench from "./Bench.ts"
import * as Modelled from "./Modelled.ts"

const fresh = (): Pace.Record => ({ strikes: 0, alone: 0, answers: undefined, refused: 0 })

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

  it("is used up by timers that fire late, as far as a hundredth of it", () => {
    for (const late of [0, 5, 15, 400]) {
      const meter = Meter.make(6000)
      let starts = 0
      for (let now = 0; now < 60_000; starts++) {
        const wait = meter.take(1, now)
        if (wait > 0) now += wait + late
      }
      assert.isAtLeast(starts, 5940)
      assert.isAtMost(starts, 6001)
    }
  })

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

/** A level of 16 at most, and the levels at which a number of responses came at some rate. */
const steady = () => {
  const concurrency = Concurrency.make({ initial: 16, max: 16 })
  let now = 0
  return (count: number, rate: number) =>
    Array.from({ length: count * 16 }, () => {
      concurrency.answered(now += 10_000 / rate, 10, concurrency.limit())
      return concurrency.limit()
    })
}

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

  it.effect.each(
    [
      ["hard knee at 24", 24],
      ["hard knee at 5", 5],
      ["smooth knee, half at 8", 64 * 256 / 264],
      ["smooth knee, half at 30", 64 * 256 / 286],
      ["slower beyond 32", 32],
      ["429 above 20", 20],
      ["503 above 12", 12]
    ] as const
  )("is within a tenth of the best level: %s", ([name, best]) =>
    Effect.gen(function*() {
      const model = Modelled.models[name]
      assert.isDefined(model)
      const { posts, settled } = yield* Modelled.run(model ?? { rate: () => 1 }, { max: 256 }, 1000)
      assert.isAtLeast(settled, 0.9 * best)
      assert.isBelow(posts, 1.1)
    }))

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

  it("tries a lower level when the rate falls far below the recent best", () => {
    const at = steady()
    assert.strictEqual(at(8, 1000).at(-1), 16)
    assert.strictEqual(at(8, 650).at(-1), 16)
    assert.include(at(4, 300), 12)
  })

  it("forgets an old best rate: a server that has become slower for good keeps its level", () => {
    const at = steady()
    at(4, 1000)
    const levels = at(200, 100)
    assert.strictEqual(levels.at(-1), 16)
    // the lower level was tried once, for one window
    assert.isAtMost(levels.filter((level) => level < 16).length, 2 * 12)
  })

  it("lets an old best rate fade: one fast hour does not rule the rest of a run", () => {
    const at = steady()
    at(4, 1000)
    at(200, 650)
    // far below the first rate, and not far below the recent one
    assert.deepStrictEqual(new Set(at(8, 450)), new Set([16]))
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
      const permits = yield* Effect.all(Array.from({ length: 8 }, () => pace.acquire(0)))
      for (const permit of permits) {
        if (permit !== undefined) {
          pace.failed(permit, 0, Blame.of(Bench.down()), fresh(), false)
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

const longestGap = (ends: ReadonlyArray<number>): number =>
  Math.max(...ends.map((end, index) => end - (ends[index - 1] ?? 0)))

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

  /** When each row but the one that is refused once ended, in order. */
  const endsWith = Effect.fnUntraced(function*(refusals: ReadonlyMap<string, Duration.Duration | undefined>) {
    const ends: Array<number> = []
    const refused = new Set<string>()
    yield* outcomes(40, (input, options) =>
      Effect.suspend(() => {
        const text = Bench.textOf(input)
        if (refusals.has(text) && !refused.has(text)) {
          refused.add(text)
          const retryAfter = refusals.get(text)
          return Effect.delay(
            Effect.fail(Bench.failure(
              new InferenceError.RateLimited({ status: 429, description: "", ...(retryAfter && { retryAfter }) })
            )),
            5
          )
        }
        return Effect.clockWith((clock) =>
          Effect.tap(
            Effect.delay(Bench.echo(input, options), 100),
            () => Effect.sync(() => void (refusals.has(text) || ends.push(clock.currentTimeMillisUnsafe())))
          )
        )
      }), { concurrency: { initial: 4, max: 4 } })
    return ends
  })

  it.effect.each([undefined, Duration.seconds(30)])(
    "with one 429 (Retry-After: %s) stops no other row",
    (retryAfter) =>
      Effect.gen(function*() {
        const ends = yield* endsWith(new Map([["question 2", retryAfter]]))
        assert.lengthOf(ends, 39)
        assert.isAtMost(longestGap(ends), 100)
      })
  )

  it.effect("that tells a row to wait, and one sent after it too, is left alone for that time", () =>
    Effect.gen(function*() {
      const ends = yield* endsWith(
        new Map([
          ["question 2", Duration.seconds(30)],
          ["question 9", Duration.seconds(30)]
        ])
      )
      assert.lengthOf(ends, 38)
      assert.isAtLeast(longestGap(ends), 29_000)
    }))

  it.effect("with 429 for every row, and no word for how long, ends the batch after the patience", () =>
    Effect.gen(function*() {
      let posts = 0
      const fiber = yield* Effect.forkChild(Effect.flip(Stream.runDrain(
        Streaming.stream(inputs(100), () => {
          posts++
          return Effect.fail(Bench.overloaded())
        }, { concurrency: 8 })
      )))
      yield* TestClock.adjust("20 minutes")
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "BatchError")
      assert.isBelow(posts, 100)
    }))
})

const job = (generate: (item: number, lane: number) => Effect.Effect<number, InferenceError.InferenceError>) => {
  let next = 0
  const done: Array<number> = []
  const made: Pool.Job<number, number, InferenceError.InferenceError, never, never, never> = {
    next: () => Effect.succeed(next < 100 ? next++ : undefined),
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
