import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { TestClock } from "effect/testing"
import { Fault, Simulator } from "../../src/simulator/index.ts"
import { get, post } from "./Wire.ts"

const open = HttpClientRequest.post("http://simulator/generate_stream").pipe(
  HttpClientRequest.bodyJsonUnsafe({ inputs: "x", parameters: { max_new_tokens: 8 } }),
  HttpClient.execute
)
const slow = Simulator.layer({ latency: { perToken: "1 second" } })

describe("the journal", () => {
  it.effect("keeps what was received and how it ended", () =>
    Effect.gen(function*() {
      const { journal } = yield* Simulator.Simulator
      yield* post("/generate?x=1", { inputs: "hi" }, { "x-mine": "1" })
      yield* get("/nope")
      const [first, second] = yield* journal.entries
      assert.deepInclude(first, { id: 1, status: 200, outcome: "completed" })
      assert.strictEqual(first?.request.path, "/generate?x=1")
      assert.strictEqual(first?.request.headers["x-mine"], "1")
      assert.deepStrictEqual(first?.request.json, { inputs: "hi" })
      assert.deepInclude(second, { id: 2, status: 404, outcome: "failed" })
    }).pipe(Effect.provide(Simulator.layer())))

  it.effect("counts tokens, outcomes and the most requests in flight", () =>
    Effect.gen(function*() {
      const { journal } = yield* Simulator.Simulator
      const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(post("/generate", { inputs: "x" })))
      yield* TestClock.adjust("2 hours")
      yield* Effect.forEach(fibers, Fiber.join)
      const totals = yield* journal.totals
      assert.deepInclude(totals, { received: 3, completed: 3, inFlight: 0, peakInFlight: 3 })
      assert.isAbove(totals.tokens, 0)
    }).pipe(Effect.provide(slow)))

  it.effect("keeps no more than it was told", () =>
    Effect.gen(function*() {
      const { journal } = yield* Simulator.Simulator
      yield* Effect.forEach([1, 2, 3, 4, 5, 6, 7], () => get("/health"))
      assert.deepStrictEqual((yield* journal.entries).map((entry) => entry.id), [6, 7])
      assert.strictEqual((yield* journal.totals).received, 7)
    }).pipe(Effect.provide(Simulator.layer({ journalLimit: 2 }))))

  it.effect("calls a request that a fault hit failed", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      for (const fault of [Fault.crash(1), Fault.cut(1), Fault.unavailable]) {
        yield* simulator.fail(fault)
        yield* post("/generate_stream", { inputs: "x" })
      }
      const entries = yield* simulator.journal.entries
      assert.deepStrictEqual(entries.map((entry) => entry.outcome), ["failed", "failed", "failed"])
    }).pipe(Effect.provide(Simulator.layer())))

  it.effect("wakes who waits for an entry", () =>
    Effect.gen(function*() {
      const { journal } = yield* Simulator.Simulator
      const waiting = yield* Effect.forkChild(journal.wait((entry) => entry.request.path === "/info"))
      yield* get("/health")
      yield* get("/info")
      assert.strictEqual((yield* Fiber.join(waiting)).id, 2)
    }).pipe(Effect.provide(Simulator.layer())))
})

describe("a client that goes away", () => {
  it.effect("in the middle of a stream has cancelled it and freed its permit", () =>
    Effect.gen(function*() {
      const { journal, permits } = yield* Simulator.Simulator
      const reading = yield* Effect.forkChild(Effect.flatMap(open, (response) => Stream.runDrain(response.stream)))
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* permits, 1)
      yield* Fiber.interrupt(reading)
      const [entry] = yield* journal.entries
      assert.deepInclude(entry, { outcome: "cancelled", tokens: 3 })
      assert.strictEqual(yield* permits, 0)
    }).pipe(Effect.provide(slow)))

  it.effect("after the elements it wanted has cancelled the rest", () =>
    Effect.gen(function*() {
      const { journal } = yield* Simulator.Simulator
      yield* Effect.flatMap(open, (response) => Stream.runDrain(Stream.take(response.stream, 1)))
      assert.deepInclude((yield* journal.entries)[0], { outcome: "cancelled", tokens: 1 })
    }).pipe(Effect.provide(Simulator.layer({ chunking: { events: 1 } }))))

  it.effect("before the status line has cancelled the request", () =>
    Effect.gen(function*() {
      const { journal, permits } = yield* Simulator.Simulator
      const waiting = yield* Effect.forkChild(post("/generate", { inputs: "x" }))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(waiting)
      assert.deepInclude((yield* journal.entries)[0], { outcome: "cancelled", status: undefined })
      assert.strictEqual(yield* permits, 0)
    }).pipe(Effect.provide(slow)))

  it.effect("without reading the body has cancelled it when its scope closes", () =>
    Effect.gen(function*() {
      const { journal, permits } = yield* Simulator.Simulator
      const client = HttpClient.withScope(yield* HttpClient.HttpClient)
      const request = HttpClientRequest.post("http://simulator/generate_stream").pipe(
        HttpClientRequest.bodyJsonUnsafe({ inputs: "x" })
      )
      yield* Effect.scoped(Effect.asVoid(client.execute(request)))
      yield* journal.wait((entry) => entry.outcome === "cancelled")
      assert.strictEqual(yield* permits, 0)
    }).pipe(Effect.provide(slow)))
})

describe("chunk borders", () => {
  it.effect.each([[{ events: 1 }], [{ events: 3 }], [{ bytes: 1 }], [{ bytes: 7 }], [{ seed: 5 }]] as const)(
    "%j change nothing in the body",
    ([chunking]) =>
      Effect.gen(function*() {
        const expected =
          (yield* post("/generate_stream", { inputs: "é 😀 x" }).pipe(Effect.provide(Simulator.layer()))).text
        assert.strictEqual((yield* post("/generate_stream", { inputs: "é 😀 x" })).text, expected)
        assert.property((yield* post("/generate", { inputs: "é 😀 x" })).json, "generated_text")
      }).pipe(Effect.provide(Simulator.layer({ chunking })))
  )
})

describe("a script", () => {
  it.effect("answers by prompt, after what was queued", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      yield* simulator.answer({ text: "queued" })
      const texts = yield* Effect.forEach(["a", "a", "b"], (inputs) => post("/generate", { inputs }))
      assert.deepStrictEqual(texts.slice(0, 2).map(({ json }) => json.generated_text), ["queued", "scripted a"])
      assert.match(texts[2]?.json.generated_text, /[Ss]imulat/)
    }).pipe(Effect.provide(Simulator.layer({
      script: (_request, prompt) => prompt === "a" ? { text: "scripted a" } : undefined
    }))))

  it.effect.each(
    [
      ["/generate", { inputs: "x" }],
      ["/v1/chat/completions", { messages: [{ role: "user", content: "x" }] }],
      ["/v1/chat/completions", { messages: [{ role: "user", content: "x" }], tools: [], stream: true }]
    ] as const
  )("is asked once for a request to %s", ([path, body]) =>
    Effect.gen(function*() {
      let asked = 0
      const script = () => {
        asked++
        return undefined
      }
      yield* post(path, body).pipe(Effect.provide(Simulator.layer({ script })))
      assert.strictEqual(asked, 1)
    }))
})
