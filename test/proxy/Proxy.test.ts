import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Redacted } from "effect"
import { TestClock } from "effect/testing"
import type * as Exchange from "../../src/proxy/Exchange.ts"
import { Fault, Simulator } from "../../src/simulator/index.ts"
import { Platform } from "../../src/simulator/Platform.ts"
import * as World from "../World.ts"
import * as Port from "./Port.ts"
import { dedicated, world } from "./Service.ts"

const { chat, chunks, data, errorOf, get, json, said, send } = Port

const text = "one two three"
const script = () => ({ text })
const schema = { type: "object", properties: { a: { type: "integer" } }, required: ["a"] }
const format = { type: "json_schema", json_schema: { name: "x", schema } }

const fails = (fault: Parameters<Simulator.Simulator["Service"]["fail"]>[0], times = 1) =>
  Effect.flatMap(
    Simulator.Simulator,
    ({ fail }) => fail(fault, { times, when: ({ path }) => path.includes("completions") })
  )

const sent = Effect.map(World.bodies, (bodies) => bodies.length)

const embed = (encoding: string) =>
  Effect.map(send("POST", "/v1/embeddings", { input: ["a", "b"], encoding_format: encoding }), json)

const asking = (content: string) => Effect.forkChild(chat({ messages: [{ role: "user", content }] }))

describe("a chat", () => {
  it.effect("is a whole completion in OpenAI's form, under the name that was asked for", () =>
    Effect.gen(function*() {
      const body = json(yield* chat({ model: "n", max_completion_tokens: 20 }))
      assert.deepInclude(body, { object: "chat.completion", model: "n" })
      assert.deepStrictEqual(body["choices"], [{
        index: 0,
        message: { role: "assistant", content: text, refusal: null },
        logprobs: null,
        finish_reason: "stop"
      }])
      assert.deepInclude((yield* World.bodies)[0], { max_tokens: 20 })
    }).pipe(world({ server: { script } })))

  it.effect("that is streamed has one id and the model that was asked for in all its events, and ends with [DONE]", () =>
    Effect.gen(function*() {
      const answer = yield* chat({ model: "n", stream: true })
      assert.strictEqual(said(answer), text)
      assert.strictEqual(data(answer).at(-1), "[DONE]")
      assert.strictEqual(new Set(chunks(answer).map(({ id, model }) => `${id} ${model}`)).size, 1)
      assert.strictEqual(chunks(answer)[0]?.model, "n")
      assert.deepInclude(answer.headers, {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-cache, no-transform",
        "x-accel-buffering": "no"
      })
    }).pipe(world({ server: { script } })))

  it.effect("has its counts in a stream for those alone who asked", () =>
    Effect.gen(function*() {
      const without = yield* chat({ stream: true })
      const counted = yield* chat({ stream: true, stream_options: { include_usage: true } })
      assert.isUndefined(chunks(without).find(({ usage }) => usage !== undefined))
      assert.strictEqual(chunks(counted).at(-1)?.usage?.["completion_tokens"], 4)
    }).pipe(world({ server: { script } })))

  it.effect("without a limit of its own has the engine's, and not this package's", () =>
    Effect.gen(function*() {
      yield* chat()
      assert.notProperty((yield* World.bodies)[0], "max_tokens")
    }).pipe(world()))

  it.effect("of several choices is streamed with their places", () =>
    Effect.gen(function*() {
      const answer = yield* chat({ stream: true, n: 2, seed: 3 })
      const places = chunks(answer).flatMap(({ choices }) => choices).filter(({ finish_reason }) =>
        finish_reason !== null
      )
      assert.sameMembers(places.map(({ index }) => index), [0, 1])
      assert.sameMembers((yield* World.bodies).map(({ seed }) => seed), [3, 4])
    }).pipe(world({ server: { script } })))

  it.effect("shows log probabilities in the whole and at the end of a stream", () =>
    Effect.gen(function*() {
      const whole = JSON.stringify(json(yield* chat({ logprobs: true, top_logprobs: 2 })))
      const streamed = JSON.stringify(chunks(yield* chat({ logprobs: true, top_logprobs: 2, stream: true })).at(-1))
      for (const shown of [whole, streamed]) assert.match(shown, /"logprobs":\{"content":\[\{"token":"one"/)
    }).pipe(world({ engine: "vllm", server: { script } })))
})

describe("a shape", () => {
  const ways = {
    "OpenAI's json_schema": { response_format: format },
    "TGI's json": { response_format: { type: "json", value: schema } },
    "vLLM's structured_outputs": { structured_outputs: { json: schema } },
    "vLLM's guided_json": { guided_json: schema }
  }
  for (const [name, fields] of Object.entries(ways)) {
    it.effect(`asked for in ${name} is what TGI takes`, () =>
      Effect.gen(function*() {
        assert.strictEqual((yield* chat(fields)).status, 200)
        const [body] = yield* World.bodies
        assert.deepInclude(body?.["response_format"], { type: "json" })
        assert.notProperty(body, "guided_json")
      }).pipe(world()))
  }

  it.effect("asked for in TGI's form is what vLLM takes", () =>
    Effect.gen(function*() {
      yield* chat({ response_format: { type: "regex", value: "[a-c]+" } })
      assert.deepInclude((yield* World.bodies)[0], { structured_outputs: { regex: "[a-c]+" } })
    }).pipe(world({ engine: "vllm" })))

  it.effect("that is no object is given without the object that TGI needs around it, whole and streamed", () =>
    Effect.gen(function*() {
      const list = {
        type: "json_schema",
        json_schema: { name: "x", schema: { type: "array", items: { type: "integer" } } }
      }
      const whole = yield* chat({ response_format: list })
      const streamed = yield* chat({ response_format: list, stream: true })
      assert.match(JSON.stringify((yield* World.bodies)[0]), /"value":\{.*"properties":\{"value"/)
      assert.deepStrictEqual([said(streamed)], ["[1, 2]"])
      assert.match(whole.text, /"content":"\[1, 2\]"/)
    }).pipe(world({ server: { script: () => ({ text: "{ \"value\": [1, 2] }" }) } })))

  it.effect("asked for twice is refused", () =>
    Effect.gen(function*() {
      const answer = yield* chat({ response_format: format, guided_regex: "a" })
      assert.deepStrictEqual([answer.status, errorOf(answer)["param"]], [400, "response_format"])
    }).pipe(world()))
})

describe("what cannot be translated", () => {
  const wrong: Readonly<Record<string, Port.Json>> = {
    "messages": { messages: "hi" },
    "messages.0.content.0": { messages: [{ role: "user", content: [{ type: "input_audio" }] }] },
    "audio": { audio: { voice: "x" } },
    "functions": { functions: [] },
    "max_tokens": { max_tokens: 0 },
    "stop": { stop: 3 },
    "tools.0": { tools: [{ type: "web_search" }] },
    "tool_choice": { tools: [{ type: "function", function: { name: "f" } }], tool_choice: "some" },
    "response_format.type": { response_format: { type: "xml" } },
    "presence_penalty": { presence_penalty: 0.5 },
    "logprobs": { logprobs: "yes" },
    "stream": { stream: "yes" }
  }
  for (const [param, fields] of Object.entries(wrong)) {
    it.effect(`is a 400 in OpenAI's form that names the field: ${param}`, () =>
      Effect.gen(function*() {
        const answer = yield* chat(fields)
        const error = errorOf(answer)
        assert.deepStrictEqual([answer.status, error["type"], error["param"]], [400, "invalid_request_error", param])
        assert.strictEqual(answer.headers["x-should-retry"], "false")
        assert.strictEqual(yield* sent, 0)
      }).pipe(world()))
  }

  it.effect("is not what is unknown: that goes to the engine as it is; another vendor's history does not, nor do nulls", () =>
    Effect.gen(function*() {
      const history = [
        { role: "user", content: "hi" },
        { role: "assistant", content: "yes", refusal: null, annotations: [], reasoning_details: [{ x: 1 }] },
        { role: "user", content: "again" }
      ]
      const answer = yield* chat({ messages: history, min_tokens: 3, user: "u", seed: null })
      assert.strictEqual(answer.status, 200)
      const [body] = yield* World.bodies
      assert.deepInclude(body, { min_tokens: 3 })
      assert.notProperty(body, "user")
      assert.deepStrictEqual(body?.["messages"], [history[0], { role: "assistant", content: "yes" }, history[2]])
    }).pipe(world({ engine: "vllm" })))

  it.effect("is not what says nothing: defaults of OpenAI's API are taken by every engine", () =>
    Effect.gen(function*() {
      const answer = yield* chat({
        temperature: 0,
        top_p: 1,
        n: 1,
        stop: null,
        tools: [],
        tool_choice: "auto",
        parallel_tool_calls: true,
        logit_bias: {},
        presence_penalty: 0,
        frequency_penalty: 0,
        logprobs: false,
        modalities: ["text"],
        response_format: { type: "text" },
        store: true
      })
      assert.strictEqual(answer.status, 200, answer.text)
    }).pipe(world()))

  for (
    const [name, body, status] of [
      ["no JSON", "{", 400],
      ["no object", "[]", 400],
      ["not UTF-8", Uint8Array.of(0x7b, 0xff, 0x7d), 400],
      ["too large", `{"x":"${"y".repeat(2000)}"}`, 413]
    ] as const
  ) {
    it.effect(`a body that is ${name} is a ${status} as JSON`, () =>
      Effect.gen(function*() {
        const answer = yield* send("POST", "/v1/chat/completions", body)
        assert.deepStrictEqual([answer.status, errorOf(answer)["type"]], [status, "invalid_request_error"])
      }).pipe(world({ proxy: { maxBody: 1000 } })))
  }
})

describe("the other routes", () => {
  it.effect("completions go to the engine's own raw route, several prompts at once too", () =>
    Effect.gen(function*() {
      const body = json(yield* send("POST", "/v1/completions", { prompt: ["a", "b"], max_tokens: 5 }))
      assert.deepInclude(body, { object: "text_completion", model: "m" })
      assert.lengthOf(body["choices"] as ReadonlyArray<unknown>, 2)
      assert.sameMembers((yield* World.bodies).map(({ inputs }) => inputs), ["a", "b"])
      const streamed = yield* send("POST", "/v1/completions", { prompt: "a", stream: true })
      assert.strictEqual(said(streamed), text)
    }).pipe(world({ server: { script } })))

  it.effect("embeddings come as numbers, and as base64 of the same where that is asked", () =>
    Effect.gen(function*() {
      const vectors = (yield* embed("float"))["data"] as ReadonlyArray<{ readonly embedding: ReadonlyArray<number> }>
      const coded = (yield* embed("base64"))["data"] as ReadonlyArray<{ readonly embedding: string }>
      assert.lengthOf(vectors, 2)
      assert.deepStrictEqual(
        coded.map(({ embedding }) =>
          Array.from(new Float32Array(Uint8Array.from(atob(embedding), (one) => one.charCodeAt(0)).buffer))
        ),
        vectors.map(({ embedding }) => embedding.map(Math.fround))
      )
    }).pipe(world({ engine: "vllm", server: { embeddings: true } })))

  it.effect("an unknown one is a 404 that lists those that there are; an unknown model one that lists the models", () =>
    Effect.gen(function*() {
      const route = yield* get("/v1/nothing")
      assert.strictEqual(route.status, 404)
      assert.match(route.text, /POST \/v1\/chat\/completions, POST \/v1\/completions, POST \/v1\/embeddings/)
      const model = yield* chat({ model: "gpt" })
      assert.deepStrictEqual([model.status, errorOf(model)["code"]], [404, "model_not_found"])
      assert.match(model.text, /there is m, n/)
    }).pipe(world()))

  it.effect("models are exactly what model may be, each also alone", () =>
    Effect.gen(function*() {
      const list = json(yield* get("/v1/models"))["data"] as ReadonlyArray<{ readonly id: string }>
      assert.deepStrictEqual(list.map(({ id }) => id), ["m", "n"])
      assert.strictEqual(json(yield* get("/v1/models/n"))["id"], "n")
      assert.strictEqual((yield* get("/v1/models/org%2Fother")).status, 404)
    }).pipe(world()))

  it.effect("metrics count requests by their true status, tokens, and what nobody knows the price of", () =>
    Effect.gen(function*() {
      yield* chat()
      yield* fails(Fault.overloaded)
      yield* chat()
      const { text } = yield* get("/metrics")
      assert.include(text, "requests_total{route=\"/v1/chat/completions\",model=\"m\",status=\"200\"} 1")
      assert.include(text, "requests_total{route=\"/v1/chat/completions\",model=\"m\",status=\"503\"} 1")
      assert.include(text, "output_tokens_total{model=\"m\"} 4")
      assert.include(text, "unpriced_total{model=\"m\"} 1")
    }).pipe(world({ server: { script } })))

  it.effect("dollars are counted by the price of the tokens", () =>
    Effect.gen(function*() {
      const { usage } = json(yield* chat())
      assert.deepInclude(usage, { cost: (8 * 2 + 4 * 3) / 1_000_000 })
    }).pipe(world({ server: { script }, target: { pricing: { input: 2, output: 3 } } })))
})

describe("an endpoint that sleeps", () => {
  const paused = { endpoints: { endpoints: { "my/llm": { state: "paused", pending: 30_000, initializing: 30_000 } } } }

  it.effect("is woken once by all who ask, and none of them fails", () =>
    Effect.gen(function*() {
      const { endpoints } = yield* Platform
      const asking = yield* Effect.forkChild(
        Effect.all([chat(), chat({ stream: true }), chat(), chat({ stream: true })], { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("10 minutes")
      const answers = yield* Fiber.join(asking)
      assert.deepStrictEqual(answers.map(({ status }) => status), [200, 200, 200, 200])
      const resumes = (yield* endpoints.api.received).filter(({ url }) => url.pathname.endsWith("/resume"))
      assert.lengthOf(resumes, 1)
      // those who stream are kept waiting by comments, of one line, before the first event
      for (const { text } of [answers[1], answers[3]].map((answer) => answer ?? { text: "" })) {
        assert.match(text, /^(?:: waiting\n)+data: /)
      }
    }).pipe(Effect.provide(dedicated(paused))))

  it.effect("is not woken by probes, lists of models and preflights", () =>
    Effect.gen(function*() {
      const { endpoints } = yield* Platform
      for (const path of ["/health", "/v1/models", "/v1/models/m", "/metrics", "/"]) {
        assert.strictEqual((yield* get(path)).status, 200)
      }
      yield* send("OPTIONS", "/v1/chat/completions")
      assert.lengthOf(yield* endpoints.api.received, 0)
      assert.lengthOf(yield* endpoints.gateway.received, 0)
    }).pipe(Effect.provide(dedicated(paused))))

  it.effect("past the limit is a 503 with Retry-After, and a client that would try again is told not to", () =>
    Effect.gen(function*() {
      const asking = yield* Effect.forkChild(chat())
      // in steps, since a look at the endpoint has a limit of its own
      for (let step = 0; step < 80; step++) yield* TestClock.adjust("5 seconds")
      const answer = yield* Fiber.join(asking)
      assert.deepStrictEqual(
        [answer.status, errorOf(answer)["code"], answer.headers["retry-after"], answer.headers["x-should-retry"]],
        [503, "wait_timeout", "30", "false"]
      )
    }).pipe(Effect.provide(dedicated({
      endpoints: { endpoints: { "my/llm": { state: "paused", pending: 3_600_000 } } }
    }))))
})

describe("a failure", () => {
  it.effect("is tried again by the policy, and the client is told once, with the server's word on when", () =>
    Effect.gen(function*() {
      yield* fails(Fault.rateLimited({ retryAfter: 7 }), 4)
      const asking = yield* Effect.forkChild(chat())
      yield* TestClock.adjust("10 minutes")
      const answer = yield* Fiber.join(asking)
      assert.deepStrictEqual(
        [answer.status, answer.headers["retry-after"], answer.headers["x-should-retry"], yield* sent],
        [429, "7", "false", 4]
      )
    }).pipe(world({ service: { client: {} } })))

  it.effect("before the head of a stream went out has its own status", () =>
    Effect.gen(function*() {
      yield* fails(Fault.overloaded)
      const answer = yield* chat({ stream: true })
      assert.deepStrictEqual([answer.status, errorOf(answer)["code"]], [503, "overloaded"])
    }).pipe(world()))

  it.effect("after that is an event with the error and a broken connection, and the log has the true status", () => {
    const seen: Array<Exchange.Exchange> = []
    return Effect.gen(function*() {
      yield* fails(Fault.cut(2))
      const asking = yield* Effect.forkChild(chat({ stream: true }))
      yield* TestClock.adjust("1 minute")
      const answer = yield* Fiber.join(asking)
      assert.deepStrictEqual([answer.status, answer.ending], [200, "broken"])
      assert.notInclude(data(answer), "[DONE]")
      assert.strictEqual(chunks(answer).at(-1)?.error?.["code"], "stream_interrupted")
      assert.isTrue(chunks(answer).every(({ choices }) => choices?.[0]?.finish_reason !== "stop"))
      assert.deepStrictEqual(
        seen.map(({ ending, failure, status }) => [ending, failure?.status, status]),
        [["cut", 502, 200]]
      )
    }).pipe(world({ server: { script }, proxy: { onExchange: (one) => Effect.sync(() => void seen.push(one)) } }))
  })

  it.effect("of this side's own token is not told as one of the client's", () =>
    Effect.gen(function*() {
      const answer = yield* chat()
      assert.deepStrictEqual([answer.status, errorOf(answer)["code"]], [502, "unauthorized"])
    }).pipe(world({ server: { apiKey: "another" } })))
})

describe("a long silence", () => {
  it.effect("of a stream is broken by comments between its events, and of a whole response by nothing", () =>
    Effect.gen(function*() {
      const asking = yield* Effect.forkChild(
        Effect.all([chat({ stream: true, max_tokens: 3 }), chat({ max_tokens: 3 })], { concurrency: "unbounded" })
      )
      yield* TestClock.adjust("10 minutes")
      const [streamed, whole] = yield* Fiber.join(asking)
      assert.match(streamed.text, /^: waiting\n(?:: waiting\n)*data: [^\n]+\n\ndata: [^\n]+\n\n(?:: waiting\n)+data: /)
      assert.match(whole.text, /^\{/)
    }).pipe(world({ server: { script, latency: { firstToken: "25 seconds", perToken: "25 seconds" } } })))
})

describe("the key and the place", () => {
  const key = Redacted.make("the-key")
  const good = { authorization: "Bearer the-key" }

  it.effect("every route but probes and preflights needs the port's own key, in any of the headers that clients know", () =>
    Effect.gen(function*() {
      for (const path of ["/v1/models", "/v1/models/m", "/metrics"]) {
        assert.strictEqual((yield* get(path)).status, 401)
        assert.strictEqual((yield* get(path, { authorization: "Bearer other" })).status, 401)
        for (const headers of [good, { "x-api-key": "the-key" }, { "api-key": "the-key" }]) {
          assert.strictEqual((yield* get(path, headers)).status, 200)
        }
      }
      assert.strictEqual((yield* chat()).status, 401)
      assert.strictEqual((yield* chat({}, good)).status, 200)
      assert.strictEqual((yield* get("/health")).status, 200)
      assert.strictEqual((yield* send("OPTIONS", "/v1/chat/completions")).status, 204)
    }).pipe(world({ proxy: { key } })))

  it.effect("a foreign name in Host is refused on every route, since a page may have bound it to this address", () =>
    Effect.gen(function*() {
      for (const path of ["/", "/health", "/metrics", "/v1/models", "/nothing"]) {
        assert.strictEqual((yield* get(path, { ...good, host: "evil.example" })).status, 403)
      }
      assert.strictEqual((yield* chat({}, { ...good, host: "evil.example:8000" })).status, 403)
      assert.strictEqual((yield* send("OPTIONS", "/v1/models", undefined, { host: "evil.example" })).status, 403)
      for (
        const host of ["localhost", "127.0.0.1:8000", "[::1]:8000", "192.168.1.7", "llm.internal:80", "a.localhost."]
      ) {
        assert.strictEqual((yield* get("/v1/models", { ...good, host })).status, 200)
      }
    }).pipe(world({ proxy: { key, hosts: ["LLM.internal"] } })))

  it.effect("a page needs an allowed origin, and is then shown errors too", () =>
    Effect.gen(function*() {
      const origin = "https://app.example"
      assert.strictEqual((yield* get("/health", { origin: "https://evil.example" })).status, 403)
      const wrong = yield* chat({ model: "none" }, { ...good, origin })
      assert.deepStrictEqual([wrong.status, wrong.headers["access-control-allow-origin"]], [404, origin])
      assert.include(wrong.headers["access-control-expose-headers"], "x-should-retry")
      const preflight = yield* send("OPTIONS", "/v1/chat/completions", undefined, {
        origin,
        "access-control-request-headers": "authorization,x-stainless-os"
      })
      assert.deepStrictEqual(
        [preflight.status, preflight.headers["access-control-allow-headers"]],
        [204, "authorization,x-stainless-os"]
      )
    }).pipe(world({ proxy: { key, origins: ["https://app.example"] } })))

  it.effect("nothing of what a client sends in its headers reaches the engine", () =>
    Effect.gen(function*() {
      const secrets = {
        "x-api-key": "s3cret",
        cookie: "a=s3cret",
        "x-goog-api-key": "s3cret",
        "openai-organization": "s3cret"
      }
      yield* chat({}, { ...good, ...secrets })
      const entries = yield* (yield* Simulator.Simulator).journal.entries
      assert.isAbove(entries.length, 0)
      assert.notMatch(JSON.stringify(entries.map(({ request }) => request.headers)), /s3cret|the-key/)
    }).pipe(world({ proxy: { key } })))
})

describe("the pace", () => {
  it.effect("lets so many requests up at once, in the order in which they came, and one that left is off the queue", () =>
    Effect.gen(function*() {
      const first = yield* asking("q1")
      yield* TestClock.adjust(0)
      const leaving = yield* asking("q2")
      const third = yield* asking("q3")
      yield* TestClock.adjust(0)
      assert.strictEqual(yield* sent, 1)
      assert.include((yield* get("/metrics")).text, "waiting{model=\"m\"} 2")
      yield* Fiber.interrupt(leaving)
      yield* TestClock.adjust("10 minutes")
      assert.deepStrictEqual([(yield* Fiber.join(first)).status, (yield* Fiber.join(third)).status], [200, 200])
      assert.deepStrictEqual(
        (yield* World.bodies).map((body) => /q\d/.exec(JSON.stringify(body))?.[0]),
        ["q1", "q3"]
      )
    }).pipe(
      world({ proxy: { pace: { concurrency: 1 } }, server: { latency: { firstToken: "10 seconds", perToken: 0 } } })
    ))

  it.effect("a queue that is full is a limit of its own, and says so", () =>
    Effect.gen(function*() {
      const asking = yield* Effect.forkChild(chat())
      yield* TestClock.adjust(0)
      const answer = yield* chat()
      assert.deepStrictEqual([answer.status, errorOf(answer)["code"]], [429, "proxy_limit"])
      assert.match(answer.text, /its own limit/)
      assert.isUndefined(answer.headers["x-should-retry"])
      yield* TestClock.adjust("1 minute")
      yield* Fiber.join(asking)
    }).pipe(world({
      proxy: { pace: { concurrency: 1, queue: 0 } },
      server: { latency: { firstToken: "10 seconds", perToken: 0 } }
    })))

  it.effect("when the server asks one to wait, all wait", () =>
    Effect.gen(function*() {
      yield* fails(Fault.rateLimited({ retryAfter: 30 }))
      assert.strictEqual((yield* chat()).status, 429)
      const asking = yield* Effect.forkChild(chat())
      yield* TestClock.adjust("29 seconds")
      assert.strictEqual(yield* sent, 1)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* Fiber.join(asking)).status, 200)
    }).pipe(world()))
})
