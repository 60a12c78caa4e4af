import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Fiber, Redacted, Schema, Stream } from "effect"
import { HttpClient } from "effect/http"
import { TestClock } from "effect/testing"
import * as Deadline from "../../src/http/Deadline.ts"
import * as Retry from "../../src/http/Retry.ts"
import type { InferenceError } from "../../src/InferenceError.ts"
import * as ChatCompletion from "../../src/protocol/ChatCompletion.ts"
import { Fault, Simulator } from "../../src/simulator/index.ts"
import type * as Options from "../../src/simulator/model/Options.ts"
import type * as TgiClient from "../../src/transport/TgiClient.ts"
import * as Wire from "./Wire.ts"

type Client = TgiClient.TgiClient["Service"]

/** Runs a test with a client and the simulated server behind it. */
const served = <A, E>(
  run: (client: Client, server: Simulator.Simulator["Service"]) => Effect.Effect<A, E>,
  options: Options.Options = {},
  client: Parameters<typeof Wire.client>[0] = {}
) =>
  Effect.gen(function*() {
    return yield* run(yield* Wire.client(client), yield* Simulator.Simulator)
  }).pipe(Effect.provide(Simulator.layer({ script: () => ({ text: "one two three four" }), ...options })))

const request = { inputs: "Say something", parameters: { max_new_tokens: 20, details: true } }
const texts = (client: Client) =>
  Effect.map(
    Stream.runCollect(client.generateStream(request)),
    (frames) => frames.filter(({ token }) => token.special !== true).map(({ token }) => token.text).join("")
  )

/** What was delivered, and the failure. */
const failing = (stream: Stream.Stream<unknown, InferenceError>) =>
  Effect.suspend(() => {
    let delivered = 0
    return Effect.map(
      Effect.flip(Stream.runForEach(stream, () => Effect.sync(() => delivered++))),
      (error) => ({ error, delivered })
    )
  })

describe("every route of TGI", () => {
  it.effect("generate, root and their streams say the same", () =>
    served((client) =>
      Effect.gen(function*() {
        const whole = yield* client.generate(request)
        const root = yield* client.root({ ...request, parameters: { ...request.parameters, return_full_text: false } })
        const stream = yield* Stream.runCollect(client.generateStream(request))
        const rootStream = yield* Stream.runCollect(
          client.rootStream({ ...request, parameters: { ...request.parameters, return_full_text: false } })
        )
        assert.deepStrictEqual(
          [
            whole.value.generated_text,
            root.value.generated_text,
            stream.at(-1)?.generated_text,
            rootStream.at(-1)?.generated_text
          ],
          Array.from({ length: 4 }, () => "one two three four")
        )
        assert.strictEqual(whole.value.details?.generated_tokens, stream.at(-1)?.details?.generated_tokens)
      })
    ))

  it.effect("chat and its stream say the same, with usage when asked for", () =>
    served((client) =>
      Effect.gen(function*() {
        const whole = yield* client.chat(Wire.conversation)
        const chunks = yield* Stream.runCollect(
          client.chatStream({ ...Wire.conversation, stream_options: { include_usage: true } })
        )
        const text = chunks.map(({ choices }) => ChatCompletion.contentText(choices?.[0]?.delta?.content) ?? "").join(
          ""
        )
        assert.strictEqual(whole.value.choices?.[0]?.message?.content, text)
        assert.deepStrictEqual(chunks.at(-1)?.usage, whole.value.usage)
      })
    ))

  it.effect("completions with several prompts", () =>
    served((client) =>
      Effect.gen(function*() {
        const { value } = yield* client.completion({ prompt: ["A", "B"] })
        assert.lengthOf(value.choices ?? [], 2)
        const chunks = yield* Stream.runCollect(client.completionStream({ prompt: ["A", "B"] }))
        const ended = chunks.flatMap(({ choices }) => choices ?? []).filter(({ finish_reason }) => finish_reason !== "")
        assert.deepStrictEqual(ended.map(({ index }) => index).toSorted(), [0, 1])
      })
    ))

  it.effect("info, models, health, metrics, tokenize and chat_tokenize", () =>
    served((client) =>
      Effect.gen(function*() {
        const info = yield* client.info
        const { data } = yield* client.models
        yield* client.health
        const tokens = yield* client.tokenize("a b")
        const rendered = yield* client.chatTokenize(Wire.conversation)
        assert.deepStrictEqual([info.model_id, info.router, data[0]?.id], [
          "simulator/tgi",
          "text-generation-router",
          "simulator/tgi"
        ])
        assert.include(yield* client.metrics, "tgi_request_count")
        assert.isAbove(tokens.length, 0)
        assert.include(rendered.templated_text, "Say something")
      })
    ))

  it.effect("any other route, by a schema", () =>
    served((client) =>
      Effect.gen(function*() {
        const Predictions = Schema.Struct({ predictions: Schema.Array(Schema.String) })
        const { value } = yield* client.json(Predictions, "/vertex", { instances: [{ inputs: "a" }] })
        assert.deepStrictEqual(value, { predictions: ["one two three four"] })
      })
    ))

  it.effect("a whole answer comes with the server's headers", () =>
    served((client) =>
      Effect.gen(function*() {
        const { meta } = yield* client.generate(request)
        assert.deepStrictEqual([meta.headers["x-generated-tokens"], meta.attempts], ["8", 1])
      }), { script: () => ({ tokens: Array.from({ length: 8 }, () => ({ text: "x" })) }) }))

  it.effect("an opened stream comes with its headers before its frames", () =>
    served((client) =>
      Effect.scoped(Effect.gen(function*() {
        const { frames, meta } = yield* client.openChat(Wire.conversation)
        assert.strictEqual(meta.headers["content-type"], "text/event-stream")
        assert.isAbove((yield* Stream.runCollect(frames)).length, 0)
      }))
    ))

  for (const version of ["1.0.0", "1.4.3", "2.0.4", "2.1.0", "2.2.0", "2.3.0", "3.0.0", "3.2.0", "3.3.7"]) {
    it.effect(`is read as TGI ${version} speaks it`, () =>
      served((client) =>
        Effect.gen(function*() {
          assert.strictEqual(yield* texts(client), "one two three four")
          assert.strictEqual((yield* client.generate(request)).value.generated_text, "one two three four")
          if (version === "1.0.0") return
          const chunks = yield* Stream.runCollect(client.chatStream(Wire.conversation))
          const text = chunks.map(({ choices }) => ChatCompletion.contentText(choices?.[0]?.delta?.content) ?? "").join(
            ""
          )
          assert.strictEqual(text, "one two three four")
        }), { version }))
  }
})

describe("a fault of the server", () => {
  const harmless = [
    ["a byte order mark", Fault.byteOrderMark],
    ["a retry field", Fault.retryLine],
    ["no final blank line", Fault.noFinalBlankLine],
    ["a gzip body that nobody asked for", Fault.gzip]
  ] as const
  for (const [name, fault] of harmless) {
    it.effect(`${name} does no harm`, () =>
      served((client, server) =>
        Effect.gen(function*() {
          yield* server.fail(fault, { times: 3 })
          assert.strictEqual(yield* texts(client), "one two three four")
          assert.strictEqual((yield* client.generate(request)).value.generated_text, "one two three four")
          assert.isAbove((yield* Stream.runCollect(client.chatStream(Wire.conversation))).length, 1)
        })
      ))
  }

  const broken = [
    ["cut", Fault.cut(2), "StreamInterrupted", "cut"],
    ["reset", Fault.reset(2), "Transport", "cut"],
    ["closed", Fault.fin(2), "Transport", "cut"],
    ["shorter than promised", Fault.short(2), "Transport", "cut"],
    ["ended by a crash of the backend", Fault.crash(2), "GenerationFailed", "refused"],
    ["broken by a frame that is no JSON", Fault.invalidFrame(2), "InvalidResponse", "refused"]
  ] as const
  for (const [name, fault, tag, ending] of broken) {
    it.effect(`a stream that is ${name} delivers two tokens and fails with ${tag}`, () =>
      served(
        (client, server) =>
          Effect.gen(function*() {
            yield* server.fail(fault)
            const { delivered, error } = yield* failing(client.generateStream(request))
            assert.deepStrictEqual([delivered, error.reason._tag, error.ending, error.received?.events], [
              2,
              tag,
              ending,
              2
            ])
          }),
        {},
        { retry: Retry.standard }
      ))
  }

  const whole = [
    ["cut in half", Fault.cut(), "StreamInterrupted"],
    ["reset", Fault.reset(), "Transport"],
    ["shorter than promised", Fault.short(), "Transport"],
    ["ended by a crash", Fault.crash(), "GenerationFailed"],
    ["overloaded", Fault.overloaded, "Overloaded"],
    ["loading", Fault.loading(), "Loading"],
    ["the gateway's: asleep", Fault.unavailable, "Asleep"],
    ["the gateway's: paused", Fault.paused, "Paused"],
    ["a 502 page", Fault.badGateway, "Overloaded"],
    ["an empty 504", Fault.gatewayTimeout, "Overloaded"],
    ["refused", Fault.refuse, "Transport"]
  ] as const
  for (const [name, fault, tag] of whole) {
    it.effect(`a whole answer that is ${name} fails with ${tag}`, () =>
      served((client, server) =>
        Effect.gen(function*() {
          yield* server.fail(fault)
          assert.strictEqual((yield* Effect.flip(client.generate(request))).reason._tag, tag)
        })
      ))
  }

  it.effect("a rate limit is waited for, in seconds and as a date", () =>
    served(
      (client, server) =>
        Effect.gen(function*() {
          for (const retryAfter of [30, new Date(30_000).toUTCString()]) {
            yield* TestClock.setTime(0)
            yield* server.journal.clear
            yield* server.fail(Fault.rateLimited({ retryAfter }))
            const fiber = yield* Effect.forkChild(client.generate(request))
            yield* TestClock.adjust("29 seconds")
            assert.strictEqual((yield* server.journal.totals).received, 1)
            yield* TestClock.adjust("4 seconds")
            assert.strictEqual((yield* Fiber.join(fiber)).meta.attempts, 2)
          }
        }),
      {},
      { retry: Retry.standard }
    ))

  it.effect("keep-alives hold a slow stream open beyond the idle limit", () =>
    served((client) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(texts(client))
        yield* TestClock.adjust("8 minutes")
        assert.strictEqual(yield* Fiber.join(fiber), "one two three four")
      }), { latency: { firstToken: "4 minutes", perToken: "20 seconds" } }))

  it.effect("a stall is a timeout of its own, although the server lives", () =>
    served((client, server) =>
      Effect.gen(function*() {
        yield* server.fail(Fault.stall(2, { keepAlive: true }))
        const fiber = yield* Effect.forkChild(failing(client.generateStream(request)))
        yield* TestClock.adjust("10 minutes")
        const { delivered, error } = yield* Fiber.join(fiber)
        assert.deepStrictEqual([delivered, error.reason._tag, error.ending], [2, "Timeout", "stalled"])
      })
    ))
})

const outcomes = (server: Simulator.Simulator["Service"]) =>
  Effect.map(server.journal.entries, (entries) => entries.map(({ outcome }) => outcome))

describe("the server stops generating", () => {
  const slow = { latency: { perToken: "1 second" } } as const

  it.effect("when a stream is left after some tokens", () =>
    served((client, server) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(Stream.runDrain(Stream.take(client.generateStream(request), 2)))
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.join(fiber)
        assert.deepStrictEqual(yield* outcomes(server), ["cancelled"])
        assert.strictEqual(yield* server.permits, 0)
      }), slow))

  it.effect("when a reader is interrupted, and only for that one", () =>
    served((client, server) =>
      Effect.gen(function*() {
        const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(texts(client)))
        yield* TestClock.adjust("2 seconds")
        if (fibers[1] !== undefined) yield* Fiber.interrupt(fibers[1])
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(yield* outcomes(server), ["completed", "cancelled", "completed"])
      }), slow))

  it.effect("when a whole answer is interrupted", () =>
    served((client, server) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(client.generate(request))
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(yield* outcomes(server), ["cancelled"])
      }), slow))

  for (
    const [phase, timeouts, fault] of [
      ["headers", { headers: "2 seconds" }, Fault.slowHeaders("1 minute")],
      ["firstEvent", { firstEvent: "2 seconds" }, Fault.stall(0)],
      ["idle", { idle: "2 seconds" }, Fault.stall(1)],
      ["total", { total: "2 seconds" }, Fault.stall(1)]
    ] as const
  ) {
    it.effect(`when the limit on ${phase} passes`, () =>
      served(
        (client, server) =>
          Effect.gen(function*() {
            yield* server.fail(fault)
            const fiber = yield* Effect.forkChild(failing(client.generateStream(request)))
            yield* TestClock.adjust(Duration.seconds(2))
            const { error } = yield* Fiber.join(fiber)
            assert.deepInclude(error.reason, { _tag: "Timeout", phase })
            assert.deepStrictEqual(yield* outcomes(server), ["cancelled"])
          }),
        {},
        { timeouts }
      ))
  }
})

const chat = (client: Client) => client.chat(Wire.conversation)

const sent = (
  options: Parameters<typeof Wire.client>[0],
  call: (client: Client) => Effect.Effect<unknown, unknown>
) => {
  const wire = Wire.make(() => new Response(null, { status: 404 }))
  return Effect.gen(function*() {
    yield* Effect.flip(call(yield* Wire.client(options)))
    const [request] = wire.requests
    assert.isDefined(request)
    return {
      url: request?.url,
      headers: { ...request?.headers },
      body: request?.body._tag === "Uint8Array" ? JSON.parse(new TextDecoder().decode(request.body.body)) : undefined
    }
  }).pipe(Effect.provide(wire.layer))
}

describe("what a request looks like", () => {
  it.effect("a base URL may end in slashes, and its query goes along", () =>
    Effect.gen(function*() {
      const { url } = yield* sent({ url: "http://tgi/deep//", search: "?key=1" }, chat)
      assert.strictEqual(url, "http://tgi/deep/v1/chat/completions?key=1")
    }))

  it.effect("a full chat route takes chat requests, and no others", () =>
    Effect.gen(function*() {
      const options = {
        url: "http://host/openai",
        search: "?v=1",
        chatUrl: new URL("http://host/openai/chat/completions")
      }
      assert.strictEqual((yield* sent(options, chat)).url, "http://host/openai/chat/completions?v=1")
      assert.strictEqual(
        (yield* sent(options, (client) => Stream.runDrain(client.chatStream(Wire.conversation)))).url,
        "http://host/openai/chat/completions?v=1"
      )
      assert.strictEqual(
        (yield* sent(options, (client) => client.tokenize("a"))).url,
        "http://host/openai/tokenize?v=1"
      )
    }))

  it.effect("says who asks, what for, and with which token", () =>
    Effect.gen(function*() {
      const { headers } = yield* sent(
        { token: Redacted.make("hf_x"), headers: { "x-hf-bill-to": "org" }, userAgent: "mine/1" },
        chat
      )
      assert.deepInclude(headers, {
        authorization: "Bearer hf_x",
        "x-hf-bill-to": "org",
        accept: "application/json",
        "content-type": "application/json",
        "user-agent": "mine/1 effect-inference-endpoints/0.2.0"
      })
    }))

  it.effect("a stream is asked for by its body and its accept header, except where the route says it", () =>
    Effect.gen(function*() {
      const streamed = yield* sent({}, (client) => Stream.runDrain(client.chatStream(Wire.conversation)))
      const native = yield* sent({}, (client) => Stream.runDrain(client.generateStream(Wire.prompt)))
      assert.deepStrictEqual([streamed.headers.accept, streamed.body.stream], ["text/event-stream", true])
      assert.deepStrictEqual(native.body, Wire.prompt)
    }))

  it.effect("a stream is asked for as one, whatever the caller's body says", () =>
    Effect.gen(function*() {
      const body = { ...Wire.conversation, stream: false }
      const { body: asked } = yield* sent({}, (client) => Stream.runDrain(client.chatStream(body)))
      assert.isTrue(asked.stream)
    }))

  it.effect("one path is asked with GET without a body, and with POST with one, in turn", () => {
    const wire = Wire.make(() => Wire.json({}))
    return Effect.gen(function*() {
      const client = yield* Wire.client()
      for (const body of [undefined, { a: 1 }, undefined]) yield* client.json(Schema.Unknown, "/own", body)
      assert.deepStrictEqual(wire.requests.map(({ method }) => method), ["GET", "POST", "GET"])
    }).pipe(Effect.provide(wire.layer))
  })

  it.effect("a body that JSON cannot hold is refused before anything is sent", () => {
    const wire = Wire.make(() => Wire.json({}))
    return Effect.gen(function*() {
      const cycle: Record<string, unknown> = {}
      cycle.self = cycle
      const client = yield* Wire.client()
      const errors = [
        yield* Effect.flip(client.chat({ ...Wire.conversation, cycle })),
        yield* Effect.flip(Stream.runDrain(client.chatStream({ ...Wire.conversation, cycle })))
      ]
      for (const error of errors) assert.deepStrictEqual([error.reason._tag, error.attempts], ["InvalidRequest", 0])
      assert.lengthOf(wire.requests, 0)
    }).pipe(Effect.provide(wire.layer))
  })

  it.effect("a body with half a character is refused by its path, before anything is sent", () => {
    const wire = Wire.make(() => Wire.json({}))
    return Effect.gen(function*() {
      const client = yield* Wire.client()
      const error = yield* Effect.flip(client.chat({ messages: [{ role: "user", content: "\ud83d" }] }))
      assert.deepStrictEqual([error.reason._tag, error.attempts, wire.requests.length], ["InvalidRequest", 0, 0])
      assert.include(error.message, "messages.0.content")
    }).pipe(Effect.provide(wire.layer))
  })

  it.effect("a call whose time is over is not sent", () => {
    const wire = Wire.make(() => Wire.json({}))
    return Effect.gen(function*() {
      const client = yield* Wire.client()
      yield* TestClock.adjust("1 second")
      for (const call of [client.generate(Wire.prompt), Stream.runDrain(client.generateStream(Wire.prompt))]) {
        const error = yield* Effect.flip<unknown, InferenceError, never>(Deadline.by(1000)(call))
        assert.deepInclude(error.reason, { _tag: "Timeout", phase: "total" })
        assert.strictEqual(error.attempts, 0)
      }
      assert.lengthOf(wire.requests, 0)
    }).pipe(Effect.provide(wire.layer))
  })

  it.effect("a bigint anywhere in a body goes over the wire as an integer", () =>
    Effect.gen(function*() {
      const { body } = yield* sent({}, (client) => client.chat({ ...Wire.conversation, own: { seed: 7n } }))
      assert.deepStrictEqual(body.own, { seed: 7 })
    }))

  it.effect("the token goes to no other client than its own", () => {
    const wire = Wire.make(() => new Response(null, { status: 404 }))
    return Effect.gen(function*() {
      yield* Effect.flip((yield* Wire.client({ token: Redacted.make("hf_x") })).info)
      yield* HttpClient.get("http://elsewhere/")
      assert.deepStrictEqual(wire.requests.map(({ headers }) => headers.authorization), ["Bearer hf_x", undefined])
    }).pipe(Effect.provide(wire.layer))
  })
})

it.effect("a stream after a whole response on one client asks for events, and the other way round", () => {
  const wire = Wire.make((_, { headers }) =>
    headers.accept === "text/event-stream"
      ? Wire.events([Wire.chunk("a", "stop"), Wire.done])
      : Wire.json({ choices: [{ index: 0, message: { role: "assistant", content: "a" }, finish_reason: "stop" }] })
  )
  return Effect.gen(function*() {
    const client = yield* Wire.client()
    yield* client.chat(Wire.conversation)
    yield* Stream.runDrain(client.chatStream(Wire.conversation))
    yield* client.chat(Wire.conversation)
    assert.deepStrictEqual(wire.requests.map(({ headers }) => headers.accept), [
      "application/json",
      "text/event-stream",
      "application/json"
    ])
  }).pipe(Effect.provide(wire.layer))
})
