import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as Retry from "../../src/http/Retry.ts"
import * as Timeouts from "../../src/http/Timeouts.ts"
import type { InferenceError } from "../../src/InferenceError.ts"
import type * as TgiClient from "../../src/transport/TgiClient.ts"
import * as Wire from "../transport/Wire.ts"

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
    const fiber = yield* Effect.forkChild(Effect.flip(Effect.flatMap(Wire.client(options), call)), {
      startImmediately: true
    })
    yield* TestClock.adjust(elapsed)
    const exit = fiber.pollUnsafe()
    if (exit === undefined) yield* Fiber.interrupt(fiber)
    return exit?._tag === "Success" ? exit.value : undefined
  }).pipe(Effect.provide(wire.layer))

const phaseOf = (error: InferenceError | undefined) =>
  error?.reason._tag === "Timeout" ? [error.reason.phase, Duration.toMillis(error.reason.after)] : error?.reason._tag

const silent = () => Wire.make(() => "silence", { health: () => "silence" })
/** A server that has the request in its queue, and answers on its health route. */
const queueing = () => Wire.make(() => "silence")
const started = () => Wire.make(() => Wire.events([": waiting\n\n"], { end: "open" }))
const stalled = () => Wire.make(() => Wire.events([Wire.token("a")], { end: "open" }))

describe("the defaults", () => {
  it("are those of the policy", () =>
    assert.deepStrictEqual(
      Object.fromEntries(Object.entries(Timeouts.defaults).map(([phase, limit]) => [phase, Duration.toSeconds(limit)])),
      { connect: 10, headers: 300, firstEvent: 300, idle: 60, total: 600 }
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
      assert.isUndefined(yield* after("299 seconds", silent(), streamed))
      const error = yield* after("300 seconds", silent(), streamed)
      assert.deepStrictEqual([phaseOf(error), error?.isRetryable, error?.ending], [
        ["headers", 300_000],
        true,
        "stalled"
      ])
    }))

  it.effect("headers are given the time that the first event has, since some engines send them with it", () =>
    Effect.gen(function*() {
      const options = { timeouts: { firstEvent: "20 seconds" } } as const
      assert.isUndefined(yield* after("19 seconds", silent(), streamed, options))
      assert.deepStrictEqual(phaseOf(yield* after("20 seconds", silent(), streamed, options)), ["headers", 20_000])
    }))

  it.effect("headers do not bound a whole response, which sends them when it is complete", () =>
    Effect.gen(function*() {
      assert.isUndefined(yield* after("599 seconds", queueing(), whole))
    }))

  it.effect("a whole response without a head has its health route asked after 300 s, and after 300 s more", () =>
    Effect.gen(function*() {
      const wire = queueing()
      for (
        const [elapsed, times] of [["299 seconds", 0], ["300 seconds", 1], ["599 seconds", 1], [
          "600 seconds",
          2
        ]] as const
      ) {
        const before = wire.probes()
        yield* after(elapsed, wire, whole, { timeouts: { total: "1 hour" } })
        assert.strictEqual(wire.probes() - before, times)
      }
    }))

  it.effect("silence there ends the call, which is not sent again", () =>
    Effect.gen(function*() {
      const wire = silent()
      assert.isUndefined(yield* after("309 seconds", wire, whole))
      const error = yield* after("310 seconds", wire, whole, { retry: Retry.standard })
      assert.deepInclude(error?.reason, { _tag: "Transport", code: "ERR_NO_SIGN_OF_LIFE" })
      assert.strictEqual(error?.attempts, 1)
    }))

  it.effect("any answer there is a sign of life, a refusal too", () =>
    Effect.gen(function*() {
      const wire = Wire.make(() => "silence", { health: () => new Response("", { status: 404 }) })
      assert.isUndefined(yield* after("599 seconds", wire, whole))
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
      const error = yield* after("10 minutes", queueing(), whole)
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
        yield* after(Timeouts.defaults[phase], server, streamed)
        assert.deepStrictEqual(server.aborted, [1])
      }))
  }

  it.effect("total: the request of a whole answer is closed", () =>
    Effect.gen(function*() {
      const server = silent()
      yield* after("20 seconds", server, whole, { timeouts: { total: "20 seconds" } })
      assert.deepStrictEqual(server.aborted, [1])
    }))

  it.effect("idle: a failure whose body does not come is told by its status alone", () =>
    Effect.gen(function*() {
      assert.strictEqual(phaseOf(yield* after("60 seconds", refusing(), whole)), "Overloaded")
      assert.strictEqual(phaseOf(yield* after("60 seconds", refusing(), streamed)), "Overloaded")
    }))

  it.effect("says which setting to raise", () =>
    Effect.gen(function*() {
      assert.include((yield* after("300 seconds", silent(), streamed))?.message, "timeouts.headers")
    }))
})
