import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Timeouts from "../../src/http/Timeouts.ts"
import type { InferenceError } from "../../src/InferenceError.ts"
import type * as TgiClient from "../../src/transport/TgiClient.ts"
import * as Wire from "./Wire.ts"

type Client = TgiClient.TgiClient["Service"]

const streamed = (client: Client) => Stream.runDrain(client.generateStream(Wire.prompt))
const whole = (client: Client) => client.generate(Wire.prompt)

/** Runs a call for so long on the virtual clock; `undefined` while it is still waiting. */
const after = <A>(
  elapsed: Duration.Input,
  wire: Wire.Wire,
  call: (client: Client) => Effect.Effect<A, InferenceError>,
  options: Partial<TgiClient.Options> = {}
) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(Effect.flip(Effect.flatMap(Wire.client(options), call)))
    yield* TestClock.adjust(elapsed)
    const exit = fiber.pollUnsafe()
    if (exit === undefined) yield* Fiber.interrupt(fiber)
    return exit?._tag === "Success" ? exit.value : undefined
  }).pipe(Effect.provide(wire.layer))

const phaseOf = (error: InferenceError | undefined) =>
  error?.reason._tag === "Timeout" ? [error.reason.phase, Duration.toMillis(error.reason.after)] : error?.reason._tag

const silent = () => Wire.make(() => "silence")
const started = () => Wire.make(() => Wire.events([": waiting\n\n"], { end: "open" }))
const stalled = () => Wire.make(() => Wire.events([Wire.token("a")], { end: "open" }))

describe("the defaults", () => {
  it("are those of the policy", () =>
    assert.deepStrictEqual(
      Object.fromEntries(Object.entries(Timeouts.defaults).map(([phase, limit]) => [phase, Duration.toSeconds(limit)])),
      { connect: 10, headers: 60, firstEvent: 300, idle: 60, total: 600 }
    ))

  it.prop(
    "are replaced one by one",
    [Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 10_000 }))],
    ([ms]) => assert.deepStrictEqual(Timeouts.make({ idle: ms }), { ...Timeouts.defaults, idle: Duration.millis(ms) })
  )
})

const kept = () => {
  let at = 0
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at++ < 3) controller.enqueue(new TextEncoder().encode(":\n\n"))
      return at < 3 ? Promise.resolve() : new Promise(() => {})
    }
  })
  return new Response(body, { headers: { "content-type": "text/event-stream" } })
}

const slow = (client: Client) => Stream.runForEach(client.generateStream(Wire.prompt), () => Effect.sleep("10 seconds"))

const refusing = () => Wire.make(() => new Response(Wire.events([], { end: "open" }).body, { status: 503 }))

describe("each limit on time is a reason of its own", () => {
  it.effect("headers: a stream without a head", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* after("59 seconds", silent(), streamed))
      const error = yield* after("60 seconds", silent(), streamed)
      assert.deepStrictEqual([phaseOf(error), error?.isRetryable, error?.ending], [
        ["headers", 60_000],
        true,
        "stalled"
      ])
    }))

  it.effect("headers do not bound a whole answer, which sends them when it is complete", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* after("599 seconds", silent(), whole))
    }))

  it.effect("firstEvent: a head and nothing but comments", () =>
    Effect.gen(function*() {
      const options = { timeouts: { firstEvent: "20 seconds" } } as const
      assert.isUndefined(yield* after("19 seconds", Wire.make(kept), streamed, options))
      assert.deepStrictEqual(phaseOf(yield* after("20 seconds", Wire.make(kept), streamed, options)), [
        "firstEvent",
        20_000
      ])
    }))

  it.effect("idle: not a byte between two reads, and says what had arrived", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* after("59 seconds", stalled(), streamed))
      const error = yield* after("60 seconds", stalled(), streamed)
      assert.deepStrictEqual([phaseOf(error), error?.received], [["idle", 60_000], { events: 1, text: "a" }])
    }))

  it.effect("idle holds before the first event too", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(phaseOf(yield* after("60 seconds", started(), streamed)), ["idle", 60_000])
    }))

  it.effect("total: a whole answer that does not come", () =>
    Effect.gen(function*() {
      const error = yield* after("10 minutes", silent(), whole)
      assert.deepStrictEqual([phaseOf(error), error?.isRetryable], [["total", 600_000], false])
    }))

  it.effect("total: a stream that goes on and on", () =>
    Effect.gen(function*() {
      const wire = Wire.make(() =>
        Wire.events(Array.from({ length: 100 }, (_, at) => Wire.token(`${at}`)), { end: "open" })
      )
      const error = yield* after("2 minutes", wire, slow, { timeouts: { total: "45 seconds" } })
      assert.deepStrictEqual([phaseOf(error), error?.ending], [["total", 45_000], "stalled"])
    }))

  it.effect("total: an attempt is not given more time than is left", () =>
    Effect.gen(function*() {
      const error = yield* after("30 seconds", stalled(), streamed, { timeouts: { total: "30 seconds" } })
      assert.deepStrictEqual(phaseOf(error), ["total", 30_000])
    }))

  for (const [phase, wire] of [["headers", silent], ["idle", started], ["idle", stalled]] as const) {
    it.effect(`${phase}: the request is closed (${wire.name})`, () =>
      Effect.gen(function*() {
        const server = wire()
        yield* after("60 seconds", server, streamed)
        assert.deepStrictEqual(server.aborted, [1])
      }))
  }

  it.effect("total: the request of a whole answer is closed", () =>
    Effect.gen(function*() {
      const server = silent()
      yield* after("10 minutes", server, whole)
      assert.deepStrictEqual(server.aborted, [1])
    }))

  it.effect("idle: a failure whose body does not come is told by its status alone", () =>
    Effect.gen(function*() {
      assert.strictEqual(phaseOf(yield* after("60 seconds", refusing(), whole)), "Overloaded")
      assert.strictEqual(phaseOf(yield* after("60 seconds", refusing(), streamed)), "Overloaded")
    }))

  it.effect("says which setting to raise", () =>
    Effect.gen(function*() {
      assert.include((yield* after("60 seconds", silent(), streamed))?.message, "timeouts.headers")
    }))
})
