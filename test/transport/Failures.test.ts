import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted, Schema, Stream } from "effect"
import { FetchHttpClient, Headers } from "effect/http"
import { TestClock } from "effect/testing"
import { InferenceError } from "../../src/InferenceError.ts"
import * as InferenceFailure from "../../src/transport/failure/InferenceFailure.ts"
import { answered as inAnswers, type Case, cases, faults } from "./FailureTable.ts"
import * as Wire from "./Wire.ts"

const reasonOf = (error: InferenceError): Record<string, unknown> => ({ ...error.reason })

const check = (given: Case, error: InferenceError) => {
  assert.strictEqual(error.reason._tag, given.tag)
  assert.strictEqual(error.isRetryable, given.retryable)
  assert.include(error.message, given.says)
  assert.strictEqual(error.attempts, 1)
  assert.strictEqual(error.requestId, "req-1")
  const reason = reasonOf(error)
  assert.strictEqual(reason.status, given.status)
  assert.strictEqual(reason.body, given.body === "" ? undefined : given.body)
  if (given.type !== undefined) assert.strictEqual(reason.type, given.type)
  if (given.code !== undefined) assert.strictEqual(reason.code, given.code)
  assert.strictEqual(
    error.retryAfter === undefined ? undefined : Duration.toMillis(error.retryAfter),
    given.after === undefined ? undefined : Duration.toMillis(given.after)
  )
}

describe("an answer that is a failure", () => {
  for (const given of cases) {
    const wire = () =>
      Wire.make(() =>
        new Response(given.body === "" ? null : given.body, {
          status: given.status,
          headers: { "x-request-id": "req-1", ...given.headers }
        })
      )
    it.effect(`${given.name} (${given.status}) is ${given.tag}, for a whole answer and for a stream alike`, () =>
      Effect.gen(function*() {
        const client = yield* Wire.client()
        check(given, yield* Effect.flip(client.generate(Wire.prompt)))
        check(given, yield* Effect.flip(Stream.runDrain(client.chatStream(Wire.conversation))))
      }).pipe(Effect.provide(wire().layer)))
  }

  it.effect("keeps 500 characters in its message and 64 KiB of its body", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip((yield* Wire.client()).generate(Wire.prompt))
      assert.strictEqual(reasonOf(error).description, "x".repeat(500))
      assert.strictEqual(String(reasonOf(error).body).length, 64 * 1024)
    }).pipe(Effect.provide(Wire.make(() => new Response("x".repeat(200_000), { status: 400 })).layer)))

  it.effect("is one with status 200 too, whatever of a generation comes with it", () => {
    const choices = [{ index: 0, message: { role: "assistant", content: "a" }, finish_reason: "stop" }]
    const error = { message: "Model is overloaded", type: "overloaded" }
    return Effect.gen(function*() {
      const failed = yield* Effect.flip((yield* Wire.client()).chat(Wire.conversation))
      assert.strictEqual(failed.reason._tag, "Overloaded")
    }).pipe(Effect.provide(Wire.make(() => Wire.json({ choices, error })).layer))
  })

  it.effect("keeps what arrived of a body that breaks off", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip((yield* Wire.client()).generate(Wire.prompt))
      assert.strictEqual(error.reason._tag, "Overloaded")
    }).pipe(
      Effect.provide(
        Wire.make(() => new Response(Wire.events(["{\"err"], { end: "error" }).body, { status: 500 })).layer
      )
    ))

  it.effect("follows no redirect", () => {
    const wire = Wire.make(() =>
      new Response(null, { status: 307, headers: { location: "http://elsewhere/generate" } })
    )
    return Effect.gen(function*() {
      const client = yield* Wire.client()
      const calls = [client.generate(Wire.prompt), Stream.runDrain(client.generateStream(Wire.prompt))]
      for (const error of yield* Effect.forEach(calls, (call) => Effect.flip<unknown, InferenceError, never>(call))) {
        assert.strictEqual(error.reason._tag, "Transport")
        assert.include(error.message, "redirect (307)")
        assert.isFalse(error.isRetryable)
      }
      assert.lengthOf(wire.requests, 2)
    }).pipe(Effect.provide(wire.layer))
  })

  it.effect("is not read on for ever: what it says is in its first 64 KiB", () => {
    let sent = 0
    const endless = () =>
      new ReadableStream<Uint8Array>({
        pull: (controller) => {
          sent += 16 * 1024
          if (sent > 8 * 1024 * 1024) controller.close()
          else controller.enqueue(new Uint8Array(16 * 1024).fill(120))
        }
      }, { highWaterMark: 0 })
    return Effect.gen(function*() {
      const error = yield* Effect.flip((yield* Wire.client()).generate(Wire.prompt))
      assert.strictEqual(error.reason._tag, "Overloaded")
      assert.isAtMost(sent, 128 * 1024)
    }).pipe(Effect.provide(Wire.make(() => new Response(endless(), { status: 500 })).layer))
  })

  it.effect("whose body does not come is told by its status, after the limit between two reads", () =>
    Effect.gen(function*() {
      const client = yield* Wire.client({ timeouts: { idle: "5 seconds", total: "1 hour" } })
      const fiber = yield* Effect.forkChild(Effect.flip(client.generate(Wire.prompt)), { startImmediately: true })
      yield* TestClock.adjust("6 seconds")
      const exit = fiber.pollUnsafe()
      assert.strictEqual(exit?._tag === "Success" ? exit.value.reason._tag : "waiting", "RateLimited")
    }).pipe(
      Effect.provide(
        Wire.make(() => new Response(Wire.events([], { end: "open" }).body, { status: 429 })).layer
      )
    ))

  it.effect("lets the fetch client follow no redirect either", () => {
    const modes: Array<string | undefined> = []
    const fetch: typeof globalThis.fetch = (_, init) => {
      modes.push(init?.redirect)
      return Promise.resolve(new Response(null, { status: 404 }))
    }
    return Effect.gen(function*() {
      const client = yield* Wire.client()
      yield* Effect.flip(client.generate(Wire.prompt))
      yield* Effect.flip(Stream.runDrain(client.generateStream(Wire.prompt)))
      assert.deepStrictEqual(modes, ["manual", "manual"])
    }).pipe(Effect.provide(FetchHttpClient.layer), Effect.provideService(FetchHttpClient.Fetch, fetch))
  })

  it.effect("survives its own schema", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip((yield* Wire.client()).generate(Wire.prompt))
      const codec = Schema.toCodecJson(InferenceError)
      const json = JSON.stringify(yield* Schema.encodeEffect(codec)(error))
      const again = yield* Schema.decodeUnknownEffect(codec)(JSON.parse(json))
      assert.strictEqual(again.message, error.message)
    }).pipe(
      Effect.provide(Wire.make(() => new Response("{}", { status: 429, headers: { "retry-after": "9" } })).layer)
    ))
})

describe("a fault of the transport", () => {
  for (const [code, tag, retryable] of faults) {
    it.effect(`${code} is ${tag}, ${retryable ? "" : "not "}to be tried again`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip((yield* Wire.client()).generate(Wire.prompt))
        assert.deepStrictEqual([error.reason._tag, error.isRetryable], [tag, retryable])
      }).pipe(Effect.provide(Wire.make(() => Wire.nested(code)).layer)))
  }

  it.effect("names the origin and what to do, and no path, query or userinfo", () =>
    Effect.gen(function*() {
      const client = yield* Wire.client({ url: "http://user:secret@tgi:8080/deep", search: "?key=secret" })
      const error = yield* Effect.flip(client.generate(Wire.prompt))
      assert.strictEqual(
        error.message,
        "POST /generate: no response from http://tgi:8080: nothing listens there: check the base URL and that the server is running"
      )
    }).pipe(Effect.provide(Wire.make(() => Wire.nested("ECONNREFUSED")).layer)))

  it.effect("a URL that is none fails, and does not die", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip((yield* Wire.client({ url: "no url" })).generate(Wire.prompt))
      assert.deepStrictEqual([error.reason._tag, error.isRetryable], ["Transport", false])
    }).pipe(Effect.provide(Wire.make(() => Wire.json({})).layer)))
})

describe("an error that came with the status 200", () => {
  for (const [name, payload, tag, retryable] of inAnswers) {
    it.effect(`${name} is ${tag} in a stream and in a whole response alike`, () =>
      Effect.gen(function*() {
        const client = yield* Wire.client()
        const streamed = yield* Effect.flip(Stream.runDrain(client.chatStream(Wire.conversation)))
        assert.deepStrictEqual([streamed.reason._tag, streamed.isRetryable], [tag, retryable])
        const whole = yield* Effect.flip(client.chat(Wire.conversation))
        assert.deepStrictEqual([whole.reason._tag, whole.isRetryable], [tag, retryable])
      }).pipe(Effect.provide(
        Wire.make((_, request) =>
          request.headers.accept === "text/event-stream"
            ? Wire.events([`data: ${JSON.stringify(payload)}\n\n`, Wire.done])
            : Wire.json(payload)
        ).layer
      )))
  }

  it("a tool call that TGI could not read comes back as the model wrote it", () => {
    const reason = InferenceFailure.fromFrame(
      {
        error: String
          .raw`Tool error: Failed to parse generated text: EOF while parsing a string at line 2 column 4 "{\"a\": \"ü\n\\x\u{1f600}\'"`,
        error_type: "tool_error"
      },
      "",
      (text) => text
    )
    assert.strictEqual(reason._tag, "InvalidToolCall")
    assert.deepInclude(reason, { text: "{\"a\": \"ü\n\\x😀'", truncated: true })
  })

  it("advice about grammars is given where the words speak of one, and nowhere else", () => {
    for (const { body, headers = {}, status } of cases) {
      const { message } = InferenceFailure.fromAnswer({
        status,
        headers: Headers.fromInput(headers),
        body,
        retryAfter: undefined,
        scrub: (text) => text
      })
      if (/grammar|regex|schema/i.test(message.replace(body, ""))) assert.match(body, /grammar|regex|schema/i)
    }
  })
})

const answered = (response: () => Response) =>
  Effect.gen(function*() {
    return yield* Effect.flip((yield* Wire.client()).generate(Wire.prompt))
  }).pipe(Effect.provide(Wire.make(response).layer))

describe("an answer with a success status", () => {
  it.effect("that holds an error is that error", () =>
    Effect.gen(function*() {
      const error = yield* answered(() => Wire.json({ error: "Model is overloaded", error_type: "overloaded" }))
      assert.strictEqual(error.reason._tag, "Overloaded")
    }))

  it.effect("that is empty is EmptyResponse", () =>
    Effect.gen(function*() {
      const error = yield* answered(() => new Response(null, { status: 200 }))
      assert.strictEqual(error.reason._tag, "EmptyResponse")
      assert.include(error.message, "empty")
    }))

  it.effect("that is a page is InvalidResponse and keeps the page", () =>
    Effect.gen(function*() {
      const error = yield* answered(() =>
        new Response("<html>login</html>", { headers: { "content-type": "text/html" } })
      )
      assert.strictEqual(error.reason._tag, "InvalidResponse")
      assert.strictEqual(reasonOf(error).body, "<html>login</html>")
    }))

  it.effect("with a wrong type says the path and not the value", () =>
    Effect.gen(function*() {
      const error = yield* answered(() => Wire.json({ generated_text: { secret: "value" } }))
      assert.strictEqual(error.reason._tag, "InvalidResponse")
      assert.include(error.message, "generated_text")
      assert.notInclude(error.message, "value\"")
    }))

  it.effect("that breaks off is Transport and may be tried again", () =>
    Effect.gen(function*() {
      const error = yield* answered(() => new Response(Wire.events(["{\"gen"], { end: "error" }).body))
      assert.deepStrictEqual([error.reason._tag, error.isRetryable], ["Transport", true])
    }))

  it.effect("beyond the limit on size is refused", () =>
    Effect.gen(function*() {
      const client = yield* Wire.client({ limits: { body: 1000 } })
      const error = yield* Effect.flip(client.generate(Wire.prompt))
      assert.deepStrictEqual([error.reason._tag, reasonOf(error).code, error.isRetryable], [
        "Transport",
        "ERR_BODY_TOO_LARGE",
        false
      ])
    }).pipe(Effect.provide(Wire.make(() => Wire.json({ generated_text: "x".repeat(2000) })).layer)))

  it.effect("is refused by its size after decompression", () =>
    Effect.gen(function*() {
      const bomb = new Response(
        new Response("x".repeat(1_000_000)).body?.pipeThrough(new CompressionStream("gzip")),
        { headers: { "content-encoding": "gzip" } }
      )
      const wire = Wire.make(() => bomb)
      const error = yield* Effect.provide(
        Effect.flatMap(
          Wire.client({ limits: { body: 100_000 } }),
          (client) => Effect.flip(client.generate(Wire.prompt))
        ),
        wire.layer
      )
      assert.strictEqual(reasonOf(error).code, "ERR_BODY_TOO_LARGE")
    }))
})

describe("the token", () => {
  const secret = "hf_abcdefghijklmnop"
  it.effect("is scrubbed from every word that the server says", () =>
    Effect.gen(function*() {
      const client = yield* Wire.client({ token: Redacted.make(secret) })
      const error = yield* Effect.flip(client.generate(Wire.prompt))
      assert.notInclude(JSON.stringify(error), secret)
      assert.notInclude(error.message, secret)
      assert.include(error.message, "<redacted>")
    }).pipe(Effect.provide(
      Wire.make((_, request) =>
        Wire.json({
          error: {
            message: `bad ${request.headers.authorization}`,
            type: `type of ${secret}`,
            code: `code of ${secret}`
          }
        }, { status: 400 })
      ).layer
    )))

  it.effect("is scrubbed from request ids and headers that are kept", () =>
    Effect.gen(function*() {
      const client = yield* Wire.client({ token: Redacted.make(secret) })
      const error = yield* Effect.flip(client.generate(Wire.prompt))
      assert.strictEqual(error.requestId, "echo <redacted>")
      assert.notInclude(JSON.stringify(error), secret)
      const { meta } = yield* client.generate(Wire.prompt)
      assert.strictEqual(meta.requestId, "echo <redacted>")
      assert.deepStrictEqual([meta.headers["x-other"], meta.headers["x-plain"]], ["<redacted>", "plain"])
    }).pipe(Effect.provide(
      Wire.make((nth) =>
        Wire.json(nth === 1 ? { error: "no" } : { generated_text: "x" }, {
          status: nth === 1 ? 400 : 200,
          headers: { "x-request-id": `echo ${secret}`, "x-other": secret, "x-error-code": secret, "x-plain": "plain" }
        })
      ).layer
    )))
})
