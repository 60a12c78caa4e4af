import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import type * as InferenceError from "../../src/InferenceError.ts"
import * as ChatCompletion from "../../src/protocol/ChatCompletion.ts"
import type * as TgiClient from "../../src/transport/TgiClient.ts"
import { cut } from "./Pieces.ts"
import * as Wire from "./Wire.ts"

interface Outcome {
  readonly texts: ReadonlyArray<string>
  readonly error: InferenceError.InferenceError | undefined
}

/** What a reader saw, and how it ended. */
const outcome = <F>(
  stream: Stream.Stream<F, InferenceError.InferenceError>,
  text: (frame: F) => string
): Effect.Effect<Outcome> =>
  Effect.suspend(() => {
    const texts: Array<string> = []
    return Effect.matchEager(Stream.runForEach(stream, (frame) => Effect.sync(() => texts.push(text(frame)))), {
      onSuccess: () => ({ texts, error: undefined }),
      onFailure: (error) => ({ texts, error })
    })
  })

const native = (client: TgiClient.TgiClient["Service"]) =>
  outcome(client.generateStream(Wire.prompt), ({ token }) => token.text)
const chat = (client: TgiClient.TgiClient["Service"]) =>
  outcome(
    client.chatStream(Wire.conversation),
    ({ choices }) => ChatCompletion.contentText(choices?.[0]?.delta?.content) ?? ""
  )
const completion = (client: TgiClient.TgiClient["Service"]) =>
  outcome(client.completionStream({ prompt: "Say" }), ({ choices }) => choices?.[0]?.text ?? "")

const both = (client: TgiClient.TgiClient["Service"]) =>
  outcome(client.completionStream({ prompt: ["A", "B"] }), ({ choices }) => choices?.[0]?.text ?? "")

const piece = (index: number, text: string, finish: string) =>
  `data: ${JSON.stringify({ choices: [{ index, text, finish_reason: finish }] })}\n\n`

const reading = (
  read: (client: TgiClient.TgiClient["Service"]) => Effect.Effect<Outcome>,
  pieces: ReadonlyArray<string>,
  options?: Parameters<typeof Wire.events>[1]
) => Effect.flatMap(Wire.client(), read).pipe(Effect.provide(Wire.make(() => Wire.events(pieces, options)).layer))

const detailOf = ({ error }: Outcome): Record<string, unknown> => ({ ...error?.reason })

const told = ({ error, texts }: Outcome) => [texts.join(""), error?.reason._tag, error?.ending, error?.received]

describe("a stream that is complete", () => {
  it.effect("ends on the native route with the event that has the whole text", () =>
    Effect.gen(function*() {
      const seen = yield* reading(native, [Wire.token("a"), Wire.token("b"), Wire.last("ab")])
      assert.deepStrictEqual(told(seen), ["ab</s>", undefined, undefined, undefined])
    }))

  it.effect("ends although the server leaves the connection open after the last event", () =>
    Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(reading(native, [Wire.token("a"), Wire.last("a")], { end: "open" }))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(told(yield* Fiber.join(fiber)), ["a</s>", undefined, undefined, undefined])
    }))

  it.effect("ends on the chat route with [DONE]", () =>
    Effect.gen(function*() {
      const seen = yield* reading(chat, [Wire.chunk("a"), Wire.chunk("", "stop"), Wire.done])
      assert.deepStrictEqual(told(seen), ["a", undefined, undefined, undefined])
    }))

  it.effect("ends with [DONE] alone, as after a streamed tool call of TGI", () =>
    Effect.gen(function*() {
      assert.isUndefined((yield* reading(chat, [Wire.chunk("a"), Wire.done])).error)
    }))

  it.effect("ends with a finish reason alone, as before TGI 2.2", () =>
    Effect.gen(function*() {
      assert.isUndefined((yield* reading(chat, [Wire.chunk("a"), Wire.chunk("b", "eos_token")])).error)
    }))

  it.effect("delivers the usage that follows the finish reason", () =>
    Effect.gen(function*() {
      const usage = `data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n`
      const seen = yield* reading(chat, [Wire.chunk("a", "stop"), usage, Wire.done])
      assert.deepStrictEqual([seen.texts.length, seen.error], [2, undefined])
    }))

  it.effect("is not harmed by a fault after the finish reason", () =>
    Effect.gen(function*() {
      assert.isUndefined((yield* reading(chat, [Wire.chunk("a", "stop")], { end: "error" })).error)
    }))

  it.effect("may lack the last blank line", () =>
    Effect.gen(function*() {
      const seen = yield* reading(native, [Wire.token("a"), Wire.last("a").trimEnd()])
      assert.deepStrictEqual(told(seen), ["a</s>", undefined, undefined, undefined])
    }))

  it.effect("may have comments, retry fields, a byte order mark, empty events and foreign event types", () =>
    Effect.gen(function*() {
      const noise = "\uFEFFretry: 3000\n\n:\n\n: ping\n\ndata:\n\nevent: ping\ndata: {\"x\":1}\n\n"
      const seen = yield* reading(native, [noise, Wire.token("a"), "id: 1\n\n", Wire.last("a")])
      assert.deepStrictEqual(told(seen), ["a</s>", undefined, undefined, undefined])
    }))

  it.effect("may have several JSON texts in one event, or one over several lines", () =>
    Effect.gen(function*() {
      const two =
        "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\ndata: {\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n\n"
      const pretty = "data: {\ndata:  \"choices\": [{\"delta\":{\"content\":\"c\"}}]\ndata: }\n\n"
      const seen = yield* reading(chat, [two, pretty, Wire.done])
      assert.deepStrictEqual(told(seen), ["abc", undefined, undefined, undefined])
    }))

  it.effect("may have data lines without the space", () =>
    Effect.gen(function*() {
      const pieces = [Wire.token("a"), Wire.last("a")].map((piece) => piece.replace("data: ", "data:"))
      assert.isUndefined((yield* reading(native, pieces)).error)
    }))

  it.effect.prop(
    "gives the same frames wherever its bytes are cut",
    {
      texts: Schema.Array(Schema.String),
      sizes: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 200 }))).check(Schema.isMinLength(1))
    },
    ({ sizes, texts }) =>
      Effect.gen(function*() {
        const body = [...texts.map((text) => Wire.token(text)), Wire.last(texts.join(""))].join("")
        const wire = Wire.make(() => Wire.events(cut(new TextEncoder().encode(body), sizes)))
        const seen = yield* Effect.provide(Effect.flatMap(Wire.client(), native), wire.layer)
        assert.deepStrictEqual(seen, { texts: [...texts, "</s>"], error: undefined })
      }),
    { arbitrary: { runs: 50 } }
  )
})

describe("a stream that is cut", () => {
  it.effect("delivers what arrived, then says so and what that was", () =>
    Effect.gen(function*() {
      const seen = yield* reading(native, [Wire.token("a"), Wire.token("b")])
      assert.deepStrictEqual(told(seen), ["ab", "StreamInterrupted", "cut", { events: 2, text: "ab" }])
    }))

  it.effect("is cut when the connection breaks", () =>
    Effect.gen(function*() {
      const seen = yield* reading(chat, [Wire.chunk("a"), Wire.chunk("b")], { end: "error" })
      assert.deepStrictEqual(told(seen), ["ab", "Transport", "cut", { events: 2, text: "ab" }])
    }))

  it.effect("is cut inside an event as well", () =>
    Effect.gen(function*() {
      const seen = yield* reading(native, [Wire.token("a"), Wire.token("b").slice(0, 40)])
      assert.deepStrictEqual(told(seen), ["a", "StreamInterrupted", "cut", { events: 1, text: "a" }])
    }))

  it.effect("is cut where the completions route says no finish reason", () =>
    Effect.gen(function*() {
      const seen = yield* reading(completion, [`data: {"choices":[{"index":0,"text":"a","finish_reason":""}]}\n\n`])
      assert.deepStrictEqual(told(seen), ["a", "StreamInterrupted", "cut", { events: 1, text: "a" }])
    }))

  it.effect("is cut where one of several prompts has ended and another has not", () =>
    Effect.gen(function*() {
      const first = [piece(0, "a", "length"), piece(1, "b", "")]
      assert.strictEqual((yield* reading(both, first)).error?.reason._tag, "StreamInterrupted")
      assert.isUndefined((yield* reading(both, [...first, piece(1, "c", "stop")])).error)
      assert.isUndefined((yield* reading(both, [...first, Wire.done])).error)
    }))

  it.effect("without any event is cut, and nothing was received", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(told(yield* reading(native, [":\n\n"])), ["", "StreamInterrupted", "cut", undefined])
    }))
})

describe("a stream that is refused", () => {
  it.effect("by TGI's native error event, first or later, has TGI's type and status", () =>
    Effect.gen(function*() {
      const frame = `data:{"error":"Request failed during generation: Server error: x","error_type":"generation"}\n\n`
      const first = yield* reading(native, [frame])
      const later = yield* reading(native, [Wire.token("a"), frame])
      assert.deepStrictEqual(told(first), ["", "GenerationFailed", "refused", undefined])
      assert.deepStrictEqual(told(later), ["a", "GenerationFailed", "refused", { events: 1, text: "a" }])
    }))

  const inChat: ReadonlyArray<
    readonly [name: string, error: string, tag: InferenceError.Reason["_tag"], status: number]
  > = [
    ["overload, though it says 422", `{"message":"Model is overloaded","http_status_code":422}`, "Overloaded", 429],
    ["validation", `{"message":"Input validation error: x","http_status_code":422}`, "Rejected", 422],
    ["a tool error", `{"message":"Tool error: x","http_status_code":422}`, "Rejected", 422],
    [
      "a failed generation, though it says 422",
      `{"message":"Request failed during generation: x","http_status_code":422}`,
      "GenerationFailed",
      424
    ],
    [
      "an incomplete stream, though it says 422",
      `{"message":"Incomplete generation stream","http_status_code":422}`,
      "GenerationFailed",
      500
    ],
    ["vLLM's bad request", `{"message":"x","type":"BadRequestError","param":null,"code":400}`, "Rejected", 400],
    [
      "vLLM's internal error",
      `{"message":"x","type":"InternalServerError","param":null,"code":500}`,
      "GenerationFailed",
      500
    ],
    ["SGLang's error", `{"object":"error","message":"x","type":"BadRequest","param":null,"code":400}`, "Rejected", 400],
    ["llama.cpp's error", `{"code":500,"message":"x","type":"server_error"}`, "GenerationFailed", 500],
    ["llama.cpp's loading", `{"code":503,"message":"Loading model","type":"unavailable_error"}`, "Loading", 503],
    ["a text", `"Model is overloaded"`, "Overloaded", 429],
    ["something unknown", `{"message":"x"}`, "GenerationFailed", 500]
  ]
  for (const [name, error, tag, status] of inChat) {
    it.effect(`on the chat route by ${name} is ${tag}`, () =>
      Effect.gen(function*() {
        const seen = yield* reading(chat, [Wire.chunk("a"), `data: {"error":${error}}\n\n`, Wire.done])
        assert.deepStrictEqual(told(seen), ["a", tag, "refused", { events: 1, text: "a" }])
        assert.strictEqual(detailOf(seen).status, status)
      }))
  }

  it.effect("by an error field, an error event or a flat error is refused", () =>
    Effect.gen(function*() {
      for (
        const frame of [
          `error: {"code":400,"message":"x","type":"invalid_request_error"}\n\n`,
          `event: error\ndata: {"error":{"message":"x","code":400}}\n\n`,
          `data: {"object":"error","message":"x","code":400}\n\n`,
          `{"error":{"message":"x","code":400}}`
        ]
      ) {
        assert.deepStrictEqual(told(yield* reading(chat, [Wire.chunk("a"), frame])).slice(0, 3), [
          "a",
          "Rejected",
          "refused"
        ])
      }
    }))

  it.effect("an error that is null is none", () =>
    Effect.gen(function*() {
      const frame = `data: {"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}],"error":null}\n\n`
      assert.isUndefined((yield* reading(chat, [frame])).error)
    }))

  it.effect("a JSON body with status 200 is its error", () =>
    Effect.gen(function*() {
      const wire = Wire.make(() => Wire.json({ error: "Model is overloaded", error_type: "overloaded" }))
      const seen = yield* Effect.provide(Effect.flatMap(Wire.client(), native), wire.layer)
      assert.deepStrictEqual(told(seen), ["", "Overloaded", "refused", undefined])
    }))

  it.effect("a whole answer of another route where a stream was asked for is InvalidResponse", () =>
    Effect.gen(function*() {
      const wire = Wire.make(() => Wire.json({ text: "a" }))
      const seen = yield* Effect.provide(Effect.flatMap(Wire.client(), native), wire.layer)
      assert.deepStrictEqual(told(seen), ["", "InvalidResponse", "refused", undefined])
    }))

  it.effect("a page where a stream was asked for is InvalidResponse, and not asked for again", () =>
    Effect.gen(function*() {
      const wire = Wire.make(() =>
        new Response("<html><title>Sign in</title></html>", { headers: { "content-type": "text/html; charset=utf-8" } })
      )
      const seen = yield* Effect.provide(Effect.flatMap(Wire.client(), native), wire.layer)
      assert.deepStrictEqual(told(seen), ["", "InvalidResponse", "refused", undefined])
    }))

  it.effect("an event that is no JSON is InvalidResponse after what arrived", () =>
    Effect.gen(function*() {
      const seen = yield* reading(native, [Wire.token("a"), "data: {\"index\":\n\n", Wire.last("a")])
      assert.deepStrictEqual(told(seen), ["a", "InvalidResponse", "refused", { events: 1, text: "a" }])
    }))

  it.effect("an event of another shape is InvalidResponse and names the path", () =>
    Effect.gen(function*() {
      const seen = yield* reading(native, ["data: {\"token\":{\"id\":\"x\",\"text\":\"a\"}}\n\n"])
      assert.strictEqual(seen.error?.reason._tag, "InvalidResponse")
      assert.include(seen.error?.message ?? "", "[\"token\"][\"id\"]")
    }))

  it.effect("an event larger than the limit is refused", () =>
    Effect.gen(function*() {
      const wire = Wire.make(() => Wire.events([Wire.token("a"), Wire.token("x".repeat(2000)), Wire.last("a")]))
      const seen = yield* Effect.provide(Effect.flatMap(Wire.client({ limits: { event: 1000 } }), native), wire.layer)
      assert.deepStrictEqual([seen.texts, detailOf(seen).code], [["a"], "ERR_BODY_TOO_LARGE"])
    }))

  it.effect("a body larger than the limit is refused", () =>
    Effect.gen(function*() {
      const wire = Wire.make(() => Wire.events(Array.from({ length: 100 }, () => Wire.token("abc"))))
      const seen = yield* Effect.provide(Effect.flatMap(Wire.client({ limits: { body: 1000 } }), native), wire.layer)
      assert.isAbove(seen.texts.length, 0)
      assert.strictEqual(detailOf(seen).code, "ERR_BODY_TOO_LARGE")
    }))

  it.effect("a body as large as the limit is taken, and one byte more is not", () =>
    Effect.gen(function*() {
      const pieces = [Wire.token("a"), Wire.token("b"), Wire.last("ab")]
      const size = pieces.join("").length
      for (const [body, code] of [[size, undefined], [size - 1, "ERR_BODY_TOO_LARGE"]] as const) {
        const wire = Wire.make(() => Wire.events(pieces))
        const seen = yield* Effect.provide(Effect.flatMap(Wire.client({ limits: { body } }), native), wire.layer)
        assert.strictEqual(detailOf(seen).code, code)
      }
    }))

  it.effect("nothing of what follows an error is delivered, however alike the events before it were", () =>
    Effect.gen(function*() {
      const many = Wire.token("a").repeat(99)
      const seen = yield* reading(native, [`${many}data:{"error":"late","error_type":"generation"}\n\n${many}`])
      assert.deepStrictEqual(told(seen), ["a".repeat(99), "GenerationFailed", "refused", {
        events: 99,
        text: "a".repeat(99)
      }])
    }))

  it.effect("an event with an error is one, however many like it had none", () =>
    Effect.gen(function*() {
      const event = `data: {"choices":[{"delta":{"content":"a"}}],"error":null}\n\n`
      const error = event.replace("null", "\"Model is overloaded\"")
      const seen = yield* reading(chat, [event.repeat(99), error, Wire.done])
      assert.deepStrictEqual(told(seen).slice(0, 3), ["a".repeat(99), "Overloaded", "refused"])
    }))
})

describe("a compressed stream", () => {
  for (const [encoding, format] of [["gzip", "gzip"], ["deflate", "deflate"]] as const) {
    it.effect(`in ${encoding} is understood`, () =>
      Effect.gen(function*() {
        const body = Wire.events([Wire.token("a"), Wire.last("a")]).body
        const wire = Wire.make(() =>
          new Response(body?.pipeThrough(new CompressionStream(format)) ?? null, {
            headers: { "content-type": "text/event-stream", "content-encoding": encoding }
          })
        )
        assert.deepStrictEqual(
          told(yield* Effect.provide(Effect.flatMap(Wire.client(), native), wire.layer)),
          ["a</s>", undefined, undefined, undefined]
        )
      }))
  }

  it.effect("that is no such thing is InvalidResponse", () =>
    Effect.gen(function*() {
      const wire = Wire.make(() =>
        Wire.events([Uint8Array.from({ length: 64 }, (_, at) => 128 + at)], { headers: { "content-encoding": "gzip" } })
      )
      const seen = yield* Effect.provide(Effect.flatMap(Wire.client(), native), wire.layer)
      assert.strictEqual(seen.error?.reason._tag, "InvalidResponse")
    }))
})
