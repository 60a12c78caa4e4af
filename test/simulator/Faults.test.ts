import { assert, describe, it, layer } from "@effect/vitest"
import { Effect, Fiber, Stream } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { TestClock } from "effect/testing"
import { Fault, Simulator } from "../../src/simulator/index.ts"
import { events, payloads, post, user } from "./Wire.ts"

const fail = (...faults: ReadonlyArray<Fault.Fault>) => Simulator.Simulator.use((simulator) => simulator.fail(faults))
const stream = post("/generate_stream", { inputs: "x", parameters: { max_new_tokens: 4 } })
const chat = post("/v1/chat/completions", { messages: user("x"), max_tokens: 4, stream: true })
const whole = post("/generate", { inputs: "x", parameters: { max_new_tokens: 4 } })

/** What arrives of a stream, and the error that ends it. */
const arrived = HttpClientRequest.post("http://simulator/generate_stream").pipe(
  HttpClientRequest.bodyJsonUnsafe({ inputs: "x", parameters: { max_new_tokens: 4 } }),
  HttpClient.execute,
  Effect.flatMap((response) =>
    Effect.gen(function*() {
      let text = ""
      const error = yield* response.stream.pipe(
        Stream.decodeText(),
        Stream.runForEach((part) =>
          Effect.sync(() => {
            text += part
          })
        ),
        Effect.flip
      )
      return { text, error }
    })
  )
)

layer(Simulator.layer())("a fault", (it) => {
  it.effect("hits one request and only a POST, unless told otherwise", () =>
    Effect.gen(function*() {
      yield* fail(Fault.unavailable)
      assert.strictEqual((yield* HttpClient.get("http://simulator/health")).status, 200)
      assert.strictEqual((yield* whole).status, 503)
      assert.strictEqual((yield* whole).status, 200)
    }))

  it.effect("hits as many requests as it was told, and those that it is for", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      yield* simulator.fail(Fault.overloaded, { times: 2, when: (request) => request.path === "/generate" })
      assert.strictEqual((yield* stream).status, 200)
      assert.deepStrictEqual([(yield* whole).status, (yield* whole).status, (yield* whole).status], [429, 429, 200])
    }))

  it.effect("cuts a stream after so many tokens without a word", () =>
    Effect.gen(function*() {
      yield* fail(Fault.cut(2))
      const list = events((yield* stream).text)
      assert.deepStrictEqual(list.map((event) => event.generated_text), [null, null])
      yield* fail(Fault.cut(4))
      assert.notInclude((yield* chat).text, "[DONE]")
    }))

  it.effect("cuts an answer in one piece in half", () =>
    Effect.gen(function*() {
      yield* fail(Fault.cut())
      const { status, text } = yield* whole
      assert.strictEqual(status, 200)
      assert.throws(() => JSON.parse(text))
    }))

  it.effect.each([["reset", Fault.reset(2)], ["fin", Fault.fin(2)], ["short", Fault.short(2)]] as const)(
    "breaks the connection by %s after what was let through has arrived",
    ([, fault]) =>
      Effect.gen(function*() {
        yield* fail(fault)
        const { error, text } = yield* arrived
        assert.lengthOf(events(text), 2)
        assert.strictEqual(error.reason._tag, "DecodeError")
      })
  )

  it.effect("refuses a connection before there is a status", () =>
    Effect.gen(function*() {
      yield* fail(Fault.refuse)
      const error = yield* Effect.flip(whole)
      assert.strictEqual(error.reason._tag, "TransportError")
      assert.propertyVal(error.reason.cause, "code", "ECONNREFUSED")
    }))

  it.effect("crashes the backend: an event in a stream, 424 otherwise", () =>
    Effect.gen(function*() {
      const error = { error: "Request failed during generation: Server error: boom", error_type: "generation" }
      yield* fail(Fault.crash(1, "boom"))
      assert.deepStrictEqual(events((yield* stream).text).at(-1), error)
      yield* fail(Fault.crash(1, "boom"))
      const { json, status } = yield* whole
      assert.deepStrictEqual([status, json], [424, error])
      yield* fail(Fault.crash(1, "boom"))
      const { text } = yield* chat
      assert.deepStrictEqual(events(text).at(-1), { error: { message: error.error, http_status_code: 422 } })
      assert.strictEqual(payloads(text).at(-1), "[DONE]")
    }))

  it.effect("ends the backend's stream without a last word, which the server reports", () =>
    Effect.gen(function*() {
      yield* fail(Fault.incomplete(1))
      assert.deepStrictEqual(events((yield* stream).text).at(-1), {
        error: "Incomplete generation stream",
        error_type: "incomplete_generation_stream"
      })
      yield* fail(Fault.incomplete(1))
      const { json, status } = yield* whole
      assert.deepStrictEqual([status, json.error_type], [500, "incomplete_generation"])
    }))

  it.effect("puts a frame that is no JSON among the others", () =>
    Effect.gen(function*() {
      yield* fail(Fault.invalidFrame(1))
      const list = payloads((yield* stream).text)
      assert.lengthOf(list, 5)
      assert.throws(() => JSON.parse(list[1] ?? ""))
    }))

  it.effect("decorates a stream with a byte order mark, a retry line and no last blank line, together", () =>
    Effect.gen(function*() {
      yield* fail(Fault.byteOrderMark, Fault.retryLine, Fault.noFinalBlankLine)
      const response = yield* HttpClientRequest.post("http://simulator/generate_stream").pipe(
        HttpClientRequest.bodyJsonUnsafe({ inputs: "x", parameters: { max_new_tokens: 1 } }),
        HttpClient.execute
      )
      const bytes = new Uint8Array(yield* response.arrayBuffer)
      assert.deepStrictEqual([...bytes.subarray(0, 3)], [0xef, 0xbb, 0xbf])
      const text = new TextDecoder().decode(bytes)
      assert.isTrue(text.startsWith("retry: 3000\n\ndata: "))
      assert.isTrue(text.endsWith("}"))
    }))

  it.effect("replays a stream from a cache: with a length, without times", () =>
    Effect.gen(function*() {
      yield* fail(Fault.cacheHit)
      const { headers, text } = yield* stream
      assert.strictEqual(headers["content-length"], String(text.length))
      assert.strictEqual(headers["x-compute-type"], "cache")
      yield* fail(Fault.cacheHit)
      assert.notProperty((yield* whole).headers, "x-total-time")
    }))

  it.effect("compresses a body", () =>
    Effect.gen(function*() {
      yield* fail(Fault.gzip)
      const response = yield* HttpClientRequest.post("http://simulator/generate").pipe(
        HttpClientRequest.bodyJsonUnsafe({ inputs: "x" }),
        HttpClient.execute
      )
      assert.strictEqual(response.headers["content-encoding"], "gzip")
      const bytes = yield* response.arrayBuffer
      const plain = yield* Effect.promise(() =>
        new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json()
      )
      assert.property(plain, "generated_text")
    }))
})

describe("an answer of a gateway", () => {
  it.effect.each(
    [
      ["rate limit in seconds", Fault.rateLimited({ retryAfter: 3 }), 429, "Rate limit reached"],
      ["rate limit with a date", Fault.rateLimited({ retryAfter: "Wed, 21 Oct 2026 07:28:00 GMT" }), 429, "Rate limit"],
      ["loading model", Fault.loading(12), 503, `"estimated_time":12.0`],
      ["sleeping endpoint", Fault.unavailable, 503, "SERVICE_UNAVAILABLE"],
      ["paused endpoint", Fault.paused, 400, "The endpoint is paused"],
      ["page of a proxy", Fault.badGateway, 502, "<h1>502 Bad Gateway</h1>"]
    ] as const
  )("%s", ([, fault, status, text]) =>
    Effect.gen(function*() {
      yield* fail(fault)
      const answer = yield* whole
      assert.strictEqual(answer.status, status)
      assert.include(answer.text, text)
    }).pipe(Effect.provide(Simulator.layer())))

  it.effect("may be chosen by the request", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* post("/generate", { inputs: "poison" })).status, 504)
      assert.strictEqual((yield* post("/generate", { inputs: "fine" })).status, 200)
    }).pipe(Effect.provide(Simulator.layer({
      faults: (request) => request.body.includes("poison") ? [Fault.gatewayTimeout] : []
    }))))
})

describe("time", () => {
  const slow = Simulator.layer({ latency: { headers: "1 second", firstToken: "2 seconds", perToken: "100 millis" } })

  it.effect("of an answer in one piece is that of all its tokens", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(whole)
      yield* TestClock.adjust("3299 millis")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      const { headers } = yield* Fiber.join(fiber)
      assert.strictEqual(headers["x-inference-time"], "2300")
      assert.strictEqual(headers["x-queue-time"], "1000")
      assert.strictEqual(headers["x-compute-time"], "3.3")
    }).pipe(Effect.provide(slow)))

  it.effect("of a stream is told token by token, each in a chunk of its own", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      const fiber = yield* Effect.forkChild(stream)
      yield* TestClock.adjust("3 seconds")
      assert.strictEqual((yield* simulator.journal.totals).tokens, 1)
      yield* TestClock.adjust("100 millis")
      assert.strictEqual((yield* simulator.journal.totals).tokens, 2)
      yield* TestClock.adjust("200 millis")
      assert.lengthOf(events((yield* Fiber.join(fiber)).text), 4)
    }).pipe(Effect.provide(slow)))

  it.effect("without an event is bridged by comments", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(stream)
      yield* TestClock.adjust("40 seconds")
      const { text } = yield* Fiber.join(fiber)
      assert.isTrue(text.startsWith(":\n\n:\n\ndata: "))
    }).pipe(Effect.provide(Simulator.layer({ latency: { firstToken: "40 seconds" } }))))

  it.effect("stands still when a stream stalls, with or without comments", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      yield* fail(Fault.stall(1))
      const silent = yield* Effect.forkChild(stream)
      yield* TestClock.adjust("1 hour")
      assert.isUndefined(silent.pollUnsafe())
      yield* Fiber.interrupt(silent)
      const { tokens } = yield* simulator.journal.wait((entry) => entry.outcome === "cancelled")
      assert.strictEqual(tokens, 1)
    }).pipe(Effect.provide(Simulator.layer())))

  it.effect("passes before slow headers", () =>
    Effect.gen(function*() {
      yield* fail(Fault.slowHeaders("90 seconds"))
      const fiber = yield* Effect.forkChild(whole)
      yield* TestClock.adjust("89 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
    }).pipe(Effect.provide(Simulator.layer())))
})
