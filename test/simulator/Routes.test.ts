import { assert, describe, it, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Simulator } from "../../src/simulator/index.ts"
import { events, get, post, send, user } from "./Wire.ts"

const status = (authorization: string) =>
  Effect.map(post("/generate", { inputs: "x" }, { authorization }), (answer) => answer.status)
const header = (origin: string) =>
  Effect.map(get("/health", { origin }), ({ headers }) => headers["access-control-allow-origin"])
const old = (version: string) => Effect.provide(Simulator.layer({ version }))

layer(Simulator.layer())("routes", (it) => {
  it.effect.each([["/nope"], ["/generate/"], ["/v1/models/x"], ["/v1/health"]] as const)(
    "%s is 404 and empty",
    ([path]) =>
      Effect.gen(function*() {
        const { status, text } = yield* get(path)
        assert.deepStrictEqual([status, text], [404, ""])
      })
  )

  it.effect.each(
    [["GET", "/generate", "POST"], ["POST", "/info", "GET,HEAD"], ["PUT", "/", "POST,GET,HEAD"]] as const
  )("%s %s is 405 and names what is allowed", ([method, path, allow]) =>
    Effect.gen(function*() {
      const { headers, status, text } = yield* send(method, path, {})
      assert.deepStrictEqual([status, text, headers["allow"]], [405, "", allow])
    }))

  it.effect("answer HEAD like GET without a body", () =>
    Effect.gen(function*() {
      const { status, text } = yield* send("HEAD", "/info", {})
      assert.deepStrictEqual([status, text], [200, ""])
    }))

  it.effect("answer every preflight and allow only a content type", () =>
    Effect.gen(function*() {
      const { headers, status } = yield* send("OPTIONS", "/nope", { "access-control-request-method": "POST" })
      assert.strictEqual(status, 200)
      assert.strictEqual(headers["access-control-allow-headers"], "content-type")
      assert.strictEqual(headers["access-control-allow-origin"], "*")
      assert.isUndefined(headers["allow"])
      const known = yield* send("OPTIONS", "/generate", { "access-control-request-method": "POST" })
      assert.strictEqual(known.headers["allow"], "POST")
    }))

  it.effect("describe the server, which says that it is a simulator", () =>
    Effect.gen(function*() {
      const { json } = yield* get("/info")
      assert.deepInclude(json, {
        model_id: "simulator/tgi",
        router: "text-generation-router",
        version: "3.3.7",
        max_input_tokens: 4095,
        max_total_tokens: 4096,
        max_best_of: 2,
        max_stop_sequences: 4,
        max_client_batch_size: 4,
        docker_label: "simulator"
      })
      const [model] = (yield* get("/v1/models")).json.data
      assert.strictEqual(model.owned_by, model.id)
    }))

  it.effect("count what was generated in the metrics", () =>
    Effect.gen(function*() {
      yield* post("/generate", { inputs: "x" })
      assert.match((yield* get("/metrics")).text, /^tgi_request_success [1-9]/m)
    }))

  it.effect("tokenise with byte offsets that slice the input", () =>
    Effect.gen(function*() {
      const inputs = "héllo 😀, wörld\n42"
      const { json } = yield* post("/tokenize", { inputs })
      const bytes = new TextEncoder().encode(inputs)
      assert.deepStrictEqual(json[0], { id: 1, text: "", start: 0, stop: 0 })
      for (const { start, stop, text } of json.slice(1)) {
        assert.strictEqual(new TextDecoder().decode(bytes.subarray(start, stop)), text)
      }
      assert.strictEqual(json.at(-1).stop, bytes.length)
    }))

  it.effect("take all three kinds of body for SageMaker, the native one first", () =>
    Effect.gen(function*() {
      assert.isArray((yield* post("/invocations", { inputs: "x", prompt: "y" })).json)
      assert.strictEqual((yield* post("/invocations", { messages: user("x") })).json.object, "chat.completion")
      assert.strictEqual((yield* post("/invocations", { prompt: "x" })).json.object, "text_completion")
      assert.isNotEmpty(events((yield* post("/invocations", { inputs: "x", stream: true })).text))
    }))

  it.effect("answer Vertex in the order of the instances, and hide why one failed", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      yield* simulator.answer({ text: "one" }, { text: "two" })
      const fine = yield* post("/vertex", { instances: [{ inputs: "a" }, { messages: user("b") }] })
      assert.deepStrictEqual(fine.json, { predictions: ["one", "two"] })
      assert.notProperty(fine.headers, "x-total-time")
      const bad = yield* post("/vertex", { instances: [{ inputs: "" }] })
      assert.deepStrictEqual([bad.status, bad.json.error], [500, "Incomplete generation"])
      assert.strictEqual((yield* post("/vertex", { instances: [] })).status, 422)
    }))
})

layer(Simulator.layer({ apiKey: "Secret" }))("an API key", (it) => {
  it.effect("is asked for before anything else, with an empty 401", () =>
    Effect.gen(function*() {
      for (const answer of [yield* post("/generate", "{"), yield* get("/generate")]) {
        assert.deepStrictEqual([answer.status, answer.text], [401, ""])
      }
      assert.strictEqual((yield* get("/generate")).headers["allow"], "POST")
    }))

  it.effect("and its scheme ignore case, but not blanks", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* status("bearer SECRET"), 200)
      assert.strictEqual(yield* status("Bearer  Secret"), 401)
      assert.strictEqual(yield* status("Basic Secret"), 401)
    }))

  it.effect("is not asked for where a server is described or a chat tokenised", () =>
    Effect.gen(function*() {
      for (const path of ["/", "/health", "/ping", "/info", "/v1/models", "/metrics"]) {
        assert.strictEqual((yield* get(path)).status, 200)
      }
      assert.strictEqual((yield* post("/chat_tokenize", { messages: user("x") })).status, 200)
    }))
})

describe("a list of origins", () => {
  it.effect("is compared with the origin of the request", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* header("https://mine.example"), "https://mine.example")
      assert.isUndefined(yield* header("https://other.example"))
    }).pipe(Effect.provide(Simulator.layer({ corsAllowOrigin: ["https://mine.example"] }))))
})

describe("an older version", () => {
  const stream = post("/v1/chat/completions", {
    messages: user("x"),
    stream: true,
    max_tokens: 2,
    stream_options: { include_usage: true }
  })

  it.effect("before 2.1 has no space after data and names limits otherwise", () =>
    Effect.gen(function*() {
      const { text } = yield* post("/generate_stream", { inputs: "x", parameters: { max_new_tokens: 1 } })
      assert.isTrue(text.startsWith("data:{"))
      assert.property((yield* get("/info")).json, "max_input_length")
      assert.strictEqual((yield* get("/v1/models")).status, 404)
      assert.notInclude((yield* stream).text, "[DONE]")
    }).pipe(old("2.0.4")))

  it.effect("from 2.3 to 3.1 puts usage on the finishing chunk", () =>
    Effect.gen(function*() {
      const last = events((yield* stream).text).at(-1)
      assert.strictEqual(last.choices[0].finish_reason, "length")
      assert.strictEqual(last.usage.completion_tokens, 2)
    }).pipe(old("2.4.0")))

  it.effect("before 2.4.1 reports stream errors of chat in the native shape", () =>
    Effect.gen(function*() {
      const { text } = yield* post("/v1/chat/completions", { messages: user("x"), stream: true, top_p: 2 })
      assert.strictEqual(events(text)[0].error_type, "validation")
    }).pipe(old("2.3.1")))

  it.effect("before 3.0 stops after 100 tokens when no limit is given", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      yield* simulator.answer({ text: "a ".repeat(200) })
      const { json } = yield* post("/generate", { inputs: "x", parameters: { details: true } })
      assert.strictEqual(json.details.generated_tokens, 100)
    }).pipe(old("2.4.1")))

  it.effect("before 3.2 streams tool calls as one raw object and answers arguments as an object", () =>
    Effect.gen(function*() {
      const tools = [{
        type: "function",
        function: { name: "f", parameters: { properties: { a: { type: "integer" } } } }
      }]
      const simulator = yield* Simulator.Simulator
      yield* simulator.answer({ toolCalls: [{ name: "f", arguments: { a: 1 } }] })
      const chunks = events((yield* post("/v1/chat/completions", { messages: user("x"), tools, stream: true })).text)
      assert.isTrue(chunks.every((event) => !Array.isArray(event.choices[0].delta.tool_calls)))
      yield* simulator.answer({ toolCalls: [{ name: "f", arguments: { a: 1 } }] })
      const { json } = yield* post("/v1/chat/completions", { messages: user("x"), tools })
      assert.deepStrictEqual(json.choices[0].message.tool_calls[0].function.arguments, { a: 1 })
    }).pipe(old("3.0.0")))

  it.effect("before 3.3 does not know the named schema form", () =>
    Effect.gen(function*() {
      const grammar = { type: "json_schema", value: { schema: { properties: {} } } }
      assert.strictEqual((yield* post("/generate", { inputs: "x", parameters: { grammar } })).status, 422)
    }).pipe(old("3.2.0")))
})
