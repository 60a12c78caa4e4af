import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Fiber, Random, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Retry from "../../src/http/Retry.ts"
import { type InferenceError, Overloaded, Transport } from "../../src/InferenceError.ts"
import * as Wire from "./Wire.ts"

const bare = { ...Retry.standard, quota: false }
const overloaded = new Overloaded({ status: 429, description: "Model is overloaded" })
const reset = new Transport({ description: "reset", code: "ECONNRESET", retryable: true })

const failedWith = (reason: Retry.Failed["reason"], shouldRetry?: boolean): Retry.Failed => ({
  reason,
  requestId: undefined,
  shouldRetry
})

/** Always the same number from 0 to 1. */
const fixed = (value: number) =>
  Effect.provideService(Random.Random, { nextDoubleUnsafe: () => value, nextIntUnsafe: () => 0 })

interface Trial {
  readonly reason: Retry.Failed["reason"]
  readonly random?: number
  readonly policy?: Retry.Policy
  readonly quota?: Retry.Quota
  readonly total?: Duration.Input
  readonly shouldRetry?: boolean | undefined
  /** Succeeds at this attempt. */
  readonly succeedsAt?: number
}

/** The moments of all attempts in milliseconds, and how the call ended. */
const trial = (
  { policy = bare, quota = Retry.makeQuota(), random = 1, reason, shouldRetry, succeedsAt, total = "10 minutes" }: Trial
) =>
  Effect.gen(function*() {
    const moments: Array<number> = []
    const start = yield* Clock.currentTimeMillis
    const attempt = (n: number) =>
      Effect.gen(function*() {
        moments.push((yield* Clock.currentTimeMillis) - start)
        return n === succeedsAt ? n : yield* Effect.fail(failedWith(reason, shouldRetry))
      })
    const deadline = start + Duration.toMillis(total)
    const fiber = yield* Effect.forkChild(
      Effect.result(fixed(random)(Retry.run(attempt, { method: "POST /generate", policy, quota, deadline })))
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
      assert.strictEqual(result._tag === "Failure" ? result.failure.attempts : 0, 4)
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
      const { moments } = yield* trial({ reason: new Transport({ description: "tls", retryable: false }) })
      assert.lengthOf(moments, 1)
    }))

  it.effect("an unknown host is asked for once more", () =>
    Effect.gen(function*() {
      const { moments } = yield* trial({
        reason: new Transport({ description: "dns", code: "ENOTFOUND", retryable: true })
      })
      assert.lengthOf(moments, 2)
    }))

  it.effect("not beyond the deadline of the whole call", () =>
    Effect.gen(function*() {
      const { moments } = yield* trial({ reason: overloaded, total: "2500 millis" })
      assert.deepStrictEqual(moments, [0, 1000])
    }))
})

const asks = (retryAfter: Duration.Input) =>
  new Overloaded({ status: 429, description: "", retryAfter: Duration.fromInputUnsafe(retryAfter) })

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

  it.effect("beyond 60 seconds fails at once, with the figure", () =>
    Effect.gen(function*() {
      const { moments, result } = yield* trial({ reason: asks("86400 seconds") })
      assert.deepStrictEqual(moments, [0])
      assert.include(result._tag === "Failure" ? result.failure.message : "", "after 86400 s")
    }))

  it.effect("x-should-retry decides, both ways", () =>
    Effect.gen(function*() {
      const final = new Transport({ description: "tls", retryable: false })
      assert.lengthOf((yield* trial({ reason: overloaded, shouldRetry: false })).moments, 1)
      assert.lengthOf((yield* trial({ reason: final, shouldRetry: true })).moments, 4)
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

  it.effect("lets a server that is down be asked 500 / 14 times more than once, and then fails at once", () => {
    const wire = Wire.make(() => Wire.nested("ECONNREFUSED"))
    return Effect.gen(function*() {
      const client = yield* Wire.client({ retry: Retry.standard })
      const calls = Array.from({ length: 100 }, () => Effect.flip(client.generate(Wire.prompt)))
      const fiber = yield* Effect.forkChild(Effect.all(calls, { concurrency: 1 }))
      yield* TestClock.adjust("1 hour")
      yield* Fiber.join(fiber)
      assert.lengthOf(wire.requests, 100 + Math.floor(500 / 14))
    }).pipe(Effect.provide(wire.layer))
  })
})

const frames = [Wire.token("a"), Wire.last("a")]
const busy = `data:{"error":"Model is overloaded","error_type":"overloaded"}\n\n`

/** Runs a call on a client with the standard policy, on virtual time. */
const calling = <A>(wire: Wire.Wire, call: Effect.Effect<A, InferenceError, never>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(Effect.result(call))
    yield* TestClock.adjust("1 hour")
    return { result: yield* Fiber.join(fiber), requests: wire.requests.length }
  })

const streaming = (wire: Wire.Wire, options: Parameters<typeof Wire.client>[0] = { retry: Retry.standard }) =>
  Effect.gen(function*() {
    const client = yield* Wire.client(options)
    return yield* calling(wire, Stream.runCollect(client.generateStream(Wire.prompt)))
  }).pipe(Effect.provide(wire.layer))

describe("a stream", () => {
  const again: ReadonlyArray<readonly [name: string, first: () => Wire.Answer]> = [
    ["an overloaded first event", () => Wire.events([busy])],
    ["an end before the first event", () => Wire.events([])],
    ["a reset before the first event", () => Wire.events([], { end: "error" })],
    ["no head in time", () => "silence"],
    ["no event in time", () => Wire.events([":\n\n"], { end: "open" })],
    ["a 502 page", () => new Response("<html></html>", { status: 502 })],
    ["a refused connection", () => Wire.nested("ECONNREFUSED")]
  ]
  for (const [name, first] of again) {
    it.effect(`is asked for again after ${name}, when the failed request is closed`, () =>
      Effect.gen(function*() {
        let closed: ReadonlyArray<number> = []
        const wire: Wire.Wire = Wire.make((nth) => {
          if (nth === 1) return first()
          closed = [...wire.aborted]
          return Wire.events(frames)
        })
        const { requests, result } = yield* streaming(wire)
        assert.deepStrictEqual([requests, result._tag, closed], [2, "Success", [1]])
      }))
  }

  it.effect("is never asked for again after the first delivered event", () =>
    Effect.gen(function*() {
      for (const rest of [[], [busy]]) {
        const wire = Wire.make(() => Wire.events([Wire.token("a"), ...rest]))
        const { requests, result } = yield* streaming(wire)
        assert.deepStrictEqual([requests, result._tag], [1, "Failure"])
      }
    }))

  it.effect("says in a late failure how many attempts it took", () =>
    Effect.gen(function*() {
      const wire = Wire.make((nth) => nth === 1 ? Wire.nested("ECONNRESET") : Wire.events([Wire.token("a")]))
      const { result } = yield* streaming(wire)
      assert.strictEqual(result._tag === "Failure" ? result.failure.attempts : 0, 2)
    }))
})

const down = () => Wire.make(() => Wire.nested("ECONNREFUSED"))

describe("the policy", () => {
  it.effect("is replaced by an option", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* streaming(down(), { retry: { ...Retry.standard, attempts: 2 } })).requests, 2)
    }))

  it.effect("is replaced around one call", () => {
    const wire = down()
    return Effect.gen(function*() {
      const client = yield* Wire.client({ retry: Retry.standard })
      const { requests } = yield* calling(
        wire,
        Effect.provideService(client.generate(Wire.prompt), Retry.CurrentPolicy, Retry.none)
      )
      assert.strictEqual(requests, 1)
    }).pipe(Effect.provide(wire.layer))
  })
})
