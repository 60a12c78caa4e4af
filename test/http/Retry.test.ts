import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Random, Schema } from "effect"
import { TestClock } from "effect/testing"
import * as Retry from "../../src/http/Retry.ts"

const bare = { ...Retry.standard, quota: false }
const reset: Retry.Verdict = { tag: "Reset", message: "the connection was reset", retry: true, throttled: false }
const overloaded: Retry.Verdict = { tag: "Overloaded", message: "Model is overloaded", retry: true, throttled: true }

/** Always the same number from 0 to 1. */
const fixed = (value: number) =>
  Effect.provideService(Random.Random, { nextDoubleUnsafe: () => value, nextIntUnsafe: () => 0 })

interface Trial {
  readonly reason: Retry.Verdict
  readonly random?: number
  readonly policy?: Retry.Policy
  readonly quota?: Retry.Quota
  readonly total?: Duration.Input
  /** Succeeds at this attempt. */
  readonly succeedsAt?: number
}

/** The moments of all attempts in milliseconds, and how the call ended. */
const trial = (
  { policy = bare, quota = Retry.makeQuota(), random = 1, reason, succeedsAt, total = "10 minutes" }: Trial
) =>
  Effect.gen(function*() {
    const moments: Array<number> = []
    const start = yield* Clock.currentTimeMillis
    const attempt = (n: number) =>
      Effect.gen(function*() {
        moments.push((yield* Clock.currentTimeMillis) - start)
        return n === succeedsAt ? n : yield* Effect.fail(reason)
      })
    const deadline = start + Duration.toMillis(total)
    const fiber = yield* Effect.forkChild(
      Effect.result(
        fixed(random)(
          Retry.run(
            attempt,
            { subject: "POST /generate", policy, quota, deadline, verdict: (failure) => failure },
            (_, attempts) => attempts
          )
        )
      )
    )
    yield* TestClock.adjust("1 hour")
    return { moments, result: yield* Fiber.join(fiber) }
  })

const waits = (moments: ReadonlyArray<number>) => moments.slice(1).map((at, index) => at - (moments[index] ?? 0))

describe("how often and when", () => {
  it.effect("four attempts, with 250 ms doubled after a fault", () =>
    Effect.gen(function*() {
      const { moments, result } = yield* trial({ reason: reset })
      assert.deepStrictEqual(waits(moments), [250, 500, 1000])
      assert.strictEqual(result._tag === "Failure" ? result.failure : 0, 4)
    }))

  it.effect("one second doubled where the server is throttling", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(waits((yield* trial({ reason: overloaded })).moments), [1000, 2000, 4000])
    }))

  it.effect("no wait of our own is above 20 seconds", () =>
    Effect.gen(function*() {
      const { moments } = yield* trial({ reason: overloaded, policy: { ...bare, attempts: 8 } })
      assert.deepStrictEqual(waits(moments), [1000, 2000, 4000, 8000, 16_000, 20_000, 20_000])
    }))

  it.effect.prop(
    "full jitter: from nothing to the bound",
    [Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))],
    ([random]) =>
      Effect.gen(function*() {
        const { moments } = yield* trial({ reason: overloaded, random })
        for (const [index, wait] of waits(moments).entries()) {
          assert.isAtMost(Math.abs(wait - random * 1000 * 2 ** index), 2)
        }
      }),
    { arbitrary: { runs: 30 } }
  )

  it.effect("stops at success and says how many attempts it took", () =>
    Effect.gen(function*() {
      const { moments, result } = yield* trial({ reason: reset, succeedsAt: 3 })
      assert.deepStrictEqual([moments.length, result._tag === "Success" ? result.success : 0], [3, 3])
    }))

  it.effect("not at all after what cannot be better next time", () =>
    Effect.gen(function*() {
      const { moments } = yield* trial({ reason: { ...reset, retry: false } })
      assert.lengthOf(moments, 1)
    }))

  it.effect("once more where that is all it is worth", () =>
    Effect.gen(function*() {
      const { moments } = yield* trial({
        reason: { ...reset, retry: "once" }
      })
      assert.lengthOf(moments, 2)
    }))

  it.effect("not beyond the deadline of the whole call", () =>
    Effect.gen(function*() {
      const { moments } = yield* trial({ reason: overloaded, total: "2500 millis" })
      assert.deepStrictEqual(moments, [0, 1000])
    }))
})

const asks = (retryAfter: Duration.Input): Retry.Verdict => ({
  ...overloaded,
  retryAfter: Duration.fromInputUnsafe(retryAfter)
})

describe("the server's word", () => {
  it.effect("is a floor, lengthened by up to 10 %", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(waits((yield* trial({ reason: asks("30 seconds"), random: 0 })).moments), [
        30_000,
        30_000,
        30_000
      ])
      assert.deepStrictEqual(waits((yield* trial({ reason: asks("30 seconds"), random: 1 })).moments), [
        33_000,
        33_000,
        33_000
      ])
    }))

  it.effect("does not shorten our own wait", () =>
    Effect.gen(function*() {
      assert.isAtLeast(waits((yield* trial({ reason: asks("1 milli") })).moments)[2] ?? 0, 4000)
    }))

  it.effect("of 60 seconds is kept", () =>
    Effect.gen(function*() {
      assert.lengthOf((yield* trial({ reason: asks("60 seconds") })).moments, 4)
    }))

  it.effect("beyond 60 seconds fails at once, however much time there is", () =>
    Effect.gen(function*() {
      for (const asked of ["61 seconds", "86400 seconds"] as const) {
        assert.deepStrictEqual((yield* trial({ reason: asks(asked), total: "7 days" })).moments, [0])
      }
    }))
})

const drained = (left: number): Retry.Quota => {
  const quota = Retry.makeQuota()
  assert.isTrue(quota.take(500 - left))
  return quota
}

describe("the quota", () => {
  it.effect("a transient retry takes 14, a throttled one 5", () =>
    Effect.gen(function*() {
      const policy = Retry.standard
      assert.lengthOf((yield* trial({ reason: reset, policy, quota: drained(14) })).moments, 2)
      assert.lengthOf((yield* trial({ reason: reset, policy, quota: drained(13) })).moments, 1)
      assert.lengthOf((yield* trial({ reason: overloaded, policy, quota: drained(10) })).moments, 3)
    }))

  it.effect("is refunded by a success after retries", () =>
    Effect.gen(function*() {
      const quota = drained(28)
      yield* trial({ reason: reset, policy: Retry.standard, quota, succeedsAt: 3 })
      assert.deepStrictEqual([quota.take(28), quota.take(1)], [true, false])
    }))

  it.effect("grows by 1 with a clean success, and not above 500", () =>
    Effect.gen(function*() {
      const quota = drained(499)
      for (const _ of [1, 2, 3]) yield* trial({ reason: reset, policy: Retry.standard, quota, succeedsAt: 1 })
      assert.deepStrictEqual([quota.take(500), quota.take(1)], [true, false])
    }))
})

describe("a policy", () => {
  it("can be given in part, in any form of a duration", () =>
    assert.deepStrictEqual(
      [Retry.make({ attempts: 2, cap: "1 minute", transientBase: 5 }), Retry.make()],
      [{ ...Retry.standard, attempts: 2, cap: Duration.minutes(1), transientBase: Duration.millis(5) }, Retry.standard]
    ))

  it.effect("is replaced in part around an effect", () =>
    Effect.gen(function*() {
      const { moments } = yield* Effect.provideService(
        trial({ reason: overloaded, policy: { ...bare, attempts: 3 } }),
        Retry.CurrentPolicy,
        { throttledBase: "10 seconds" }
      )
      assert.deepStrictEqual(waits(moments), [10_000, 20_000])
    }))
})

describe("a wait", () => {
  it.effect("is told before it begins: what for, why, how long", () =>
    Effect.gen(function*() {
      const told: Array<Retry.Wait> = []
      yield* Effect.provideService(trial({ reason: overloaded, succeedsAt: 3 }), Retry.OnWait, (wait) =>
        Effect.sync(() =>
          void told.push(wait)
        ))
      assert.deepStrictEqual(
        told,
        [1, 2].map((attempt) => ({
          subject: "POST /generate",
          attempt,
          delay: Duration.seconds(attempt),
          reason: "Model is overloaded",
          next: "attempt" as const
        }))
      )
    }))
})
