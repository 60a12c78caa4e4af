import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Retry from "../../src/http/Retry.ts"
import { type InferenceError, Transport } from "../../src/InferenceError.ts"
import { verdict } from "../../src/transport/failure/Failed.ts"
import * as Wire from "./Wire.ts"

const failed = (code: string, retryable: boolean, shouldRetry?: boolean) =>
  verdict({ reason: new Transport({ description: code, code, retryable }), requestId: undefined, shouldRetry }).retry

describe("a failed attempt", () => {
  it("is worth another one where the reason says so, and the server does not say otherwise", () =>
    assert.deepStrictEqual(
      [
        failed("ECONNRESET", true),
        failed("CERT_X", false),
        failed("ECONNRESET", true, false),
        failed("CERT_X", false, true)
      ],
      [true, false, false, true]
    ))

  it("for an unknown host is worth one more, since name servers fail too", () =>
    assert.strictEqual(failed("ENOTFOUND", true), "once"))
})

describe("the quota", () => {
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
    ["an end mark before anything was generated", () => Wire.events([Wire.done])],
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

  it.effect("is asked for again where nothing but a role came before it broke off", () =>
    Effect.gen(function*() {
      for (const end of ["close", "error"] as const) {
        const wire = Wire.make((nth) =>
          nth === 1
            ? Wire.events([Wire.chunk("")], { end })
            : Wire.events([Wire.chunk(""), Wire.chunk("a", "stop"), Wire.done])
        )
        const { requests, result } = yield* Effect.gen(function*() {
          const client = yield* Wire.client({ retry: Retry.standard })
          return yield* calling(wire, Stream.runCollect(client.chatStream(Wire.conversation)))
        }).pipe(Effect.provide(wire.layer))
        assert.deepStrictEqual([requests, result._tag === "Success" ? result.success.length : 0], [2, 2])
      }
    }))

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

it.effect("a wait that the server asks for and the policy does not give fails with its figure", () => {
  const wire = Wire.make(() => new Response("", { status: 429, headers: { "retry-after": "86400" } }))
  return Effect.gen(function*() {
    const client = yield* Wire.client({ retry: Retry.standard })
    const error = yield* Effect.flip(client.generate(Wire.prompt))
    assert.include(error.message, "after 86400 s")
    assert.lengthOf(wire.requests, 1)
  }).pipe(Effect.provide(wire.layer))
})

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
