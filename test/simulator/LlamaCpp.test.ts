import { assert, describe, it, layer } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { type Answer, Fault, Simulator, type SimulatorOptions } from "../../src/simulator/index.ts"
import { events, get, payloads, post, send, user } from "./Wire.ts"

const chat = (body: object = {}) => post("/v1/chat/completions", { messages: user("Hi"), max_tokens: 8, ...body })
const complete = (body: object = {}) => post("/v1/completions", { prompt: "Hi there", max_tokens: 4, ...body })
const answer = (...answers: ReadonlyArray<Answer.Answer>) =>
  Simulator.Simulator.use((simulator) => simulator.answer(...answers))
const on = (options: SimulatorOptions.Options = {}) =>
  Effect.provide(Simulator.layer({ engine: "llamacpp", ...options }))
const tool = {
  type: "function",
  function: { name: "f", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } }
}
const schema = (schema: unknown) => ({ response_format: { type: "json_schema", json_schema: { name: "x", schema } } })
const error = (body: object) => Effect.map(chat(body), ({ json }) => [json.error.code, json.error.message])
const wrongType = (field: string, expected: string, given: string) =>
  `Field '${field}': [json.exception.type_error.302] type must be ${expected}, but is ${given}`
/** What is said under a seed, written as JSON. */
const seeded = (seed: string) =>
  Effect.map(
    post("/v1/chat/completions", `{"messages":[{"role":"user","content":"x"}],"seed":${seed}}`),
    ({ json }) => json.choices[0].message.content
  )
/** The value of an answer that a schema holds. */
const held = (value: unknown) =>
  Effect.map(chat({ ...schema(value), max_tokens: 200 }), ({ json }) => JSON.parse(json.choices[0].message.content))
const parser = "Unable to generate parser for this template. Automatic parser generation failed: "

layer(Simulator.layer({ engine: "llamacpp", slots: 2 }))("llama.cpp", (it) => {
  it.effect.each([
    [{ max_tokens: "8" }, 400, wrongType("max_tokens", "number", "string")],
    [{ stream: "true" }, 400, wrongType("stream", "boolean", "string")],
    [{ seed: "x" }, 400, wrongType("seed", "number", "string")],
    [{ stop: [1] }, 400, wrongType("stop", "string", "number")],
    [{ logprobs: "true" }, 400, wrongType("logprobs", "number", "string")],
    [{ n: 3 }, 400, "Field 'n': Value must be between 1 <= value <= 2, but got 3"],
    [{ max_tokens: -2 }, 400, "Field 'max_tokens': Value must be between -1 <= value <= 2147483647, but got -2"],
    [{ top_logprobs: 2 }, 400, "top_logprobs requires logprobs to be set to true"],
    [{ tools: [tool], logprobs: true, stream: true }, 400, "logprobs is not supported with tools + stream"],
    [{ tools: [tool], grammar: "root ::= \"a\"" }, 400, "Cannot use custom grammar constraints with tools."],
    [{ json_schema: {}, grammar: "root ::= \"a\"" }, 500, "Cannot use both json_schema and grammar"],
    [{ grammar: "root ::= (" }, 400, "Failed to initialize samplers: failed to parse grammar"],
    [{ tool_choice: "f" }, 400, "Invalid tool_choice: f"],
    [{ messages: undefined }, 400, "'messages' is required"],
    [{ messages: [{ role: "user" }] }, 400, "All non-assistant messages must contain 'content'"],
    [{ messages: [{ content: "x" }] }, 500, "Failed to parse messages: Missing 'role' in message: {\"content\":\"x\"}"],
    [
      schema({ $ref: "#" }),
      400,
      `${parser}JSON schema error at #: unsupported $ref #, only references into the same document are supported`
    ],
    [schema({ type: "wizard" }), 400, `${parser}JSON schema error at #: unrecognized type wizard`],
    [
      schema({ type: "string", pattern: "^(a$" }),
      400,
      `${parser}JSON schema conversion failed:\nInvalid pattern ^(a$: unbalanced parentheses`
    ],
    [schema({ type: "string", minLength: 3000 }), 400, "Failed to initialize samplers: failed to parse grammar"]
  ] as ReadonlyArray<readonly [body: object, status: number, message: string]>)(
    "refuses %j as the server does",
    ([body, status, message]) =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* error(body), [status, message])
      })
  )

  it.effect.each([
    [{ logprobs: true, top_logprobs: 0 }],
    [{ temperature: -1 }],
    [{ seed: -1 }],
    [{ model: "any other" }],
    [{ messages: [] }],
    [{ stop: 5 }],
    [{ tools: [tool], tool_choice: "none" }],
    [{ max_tokens: null, n_predict: 2 }]
  ])("takes %j, which others refuse", ([body]) =>
    Effect.gen(function*() {
      assert.strictEqual((yield* chat(body)).status, 200)
    }))

  it.effect("answers with 500 to a body that is not JSON, whatever its content type says", () =>
    Effect.gen(function*() {
      const { json, status } = yield* post("/v1/chat/completions", `{"messages":`)
      assert.strictEqual(status, 500)
      assert.match(json.error.message, /^\[json\.exception\.parse_error\.101\] parse error at line 1, column 13: /)
    }))

  it.effect("ignores a named tool choice, which it reads as a text", () =>
    Effect.gen(function*() {
      const other = { ...tool, function: { ...tool.function, name: "g" } }
      const named = { type: "function", function: { name: "g" } }
      const { choices } = (yield* chat({ tools: [tool, other], tool_choice: named, max_tokens: 60 })).json
      assert.strictEqual(choices[0].message.tool_calls[0].function.name, "f")
    }))

  it.effect("reads the low 32 bits of a seed", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* seeded("7"), yield* seeded("4294967303"))
      assert.notStrictEqual(yield* seeded("4294967295"), yield* seeded("4294967295"))
      assert.notStrictEqual(yield* seeded("18446744073709551615"), yield* seeded("18446744073709551615"))
    }))

  it.effect("holds an answer to nothing but what its converter writes rules for", () =>
    Effect.gen(function*() {
      assert.match(yield* held({ type: "string", pattern: "^a+$" }), /^a+$/)
      assert.notMatch(yield* held({ type: "string", pattern: "a+z" }), /^a+z$/)
      assert.notInclude(yield* held({ type: "string", format: "email" }), "@")
      assert.isBelow(yield* held({ type: "number", minimum: 1000 }), 1000)
      assert.isAtLeast(yield* held({ type: "integer", minimum: 1000 }), 1000)
      assert.deepStrictEqual(yield* held({ $ref: "#/$defs/x", $defs: { x: { const: 3 } } }), 3)
      assert.deepStrictEqual(
        Object.keys(yield* held({ allOf: [{ properties: { a: {} } }, { properties: { b: {} } }] })),
        ["a", "b"]
      )
    }))

  it.effect("draws from any grammar in its notation", () =>
    Effect.gen(function*() {
      const grammar = `root ::= item ("," item){1,2} # a list\nitem ::= [a-c]+ | "\\"" [^"]* "\\""`
      const [choice] = (yield* chat({ grammar, max_tokens: 100 })).json.choices
      assert.match(choice.message.content, /^(?:[a-c]+|"[^"]*")(?:,(?:[a-c]+|"[^"]*")){1,2}$/)
    }))

  it.effect("puts usage and timings into the last event, in one of its own where usage was asked for", () =>
    Effect.gen(function*() {
      const plain = events((yield* chat({ stream: true })).text)
      assert.containsAllKeys(plain.at(-1), ["timings"])
      assert.strictEqual(plain.at(-1).choices[0].finish_reason, "length")
      const used = events((yield* chat({ stream: true, stream_options: { include_usage: true } })).text)
      assert.deepStrictEqual(used.at(-1).choices, [])
      assert.containsAllKeys(used.at(-1), ["usage", "timings"])
      const legacy = events((yield* complete({ stream: true })).text)
      assert.containsAllKeys(legacy.at(-1), ["usage", "timings"])
      assert.strictEqual(legacy.at(-1).choices[0].finish_reason, "length")
    }))

  it.effect("lists log probabilities with ids and bytes, 20 alternatives where no number is named", () =>
    Effect.gen(function*() {
      const [choice] = (yield* chat({ logprobs: true })).json.choices
      assert.containsAllKeys(choice.logprobs.content[0], ["id", "token", "bytes", "logprob", "top_logprobs"])
      assert.lengthOf(choice.logprobs.content[0].top_logprobs, 20)
      const [none] = (yield* chat({ logprobs: true, top_logprobs: 0 })).json.choices
      assert.notProperty(none, "logprobs")
    }))

  it.effect("says the numbers of a context that is too small", () =>
    Effect.gen(function*() {
      const { json } = yield* complete({ prompt: "word ".repeat(5000) })
      assert.match(
        json.error.message,
        /^request \(5\d{3} tokens\) exceeds the available context size \(4096 tokens\), try increasing it$/
      )
    }))

  it.effect("has routes of its own, and gives back what it cut into tokens", () =>
    Effect.gen(function*() {
      const { tokens } = (yield* post("/tokenize", { content: "one two" })).json
      assert.deepStrictEqual((yield* post("/detokenize", { tokens })).json, { content: "one two" })
      assert.lengthOf((yield* get("/slots")).json, 2)
      const counted = yield* post("/v1/chat/completions/input_tokens", { messages: user("Hi") })
      assert.isAbove(counted.json.input_tokens, 0)
      const native = (yield* post("/completion", { prompt: "Hi", n_predict: 2 })).json
      assert.strictEqual(native.stop_type, "limit")
      const response = (yield* post("/v1/responses", { input: "Hi", max_output_tokens: 2 })).json
      assert.strictEqual(response.output[0].content[0].type, "output_text")
      const streamed = yield* post("/v1/responses", { input: "Hi", stream: true, max_output_tokens: 2 })
      assert.match(streamed.text, /^event: response\.created\ndata: \{"type":"response\.created"/)
      assert.strictEqual((yield* get("/nowhere")).json.error.message, "File Not Found")
      assert.strictEqual((yield* send("OPTIONS", "/v1/models", {})).status, 200)
    }))

  it.effect("embeds only when it was started for that", () =>
    Effect.gen(function*() {
      const { json, status } = yield* post("/v1/embeddings", { input: "x" })
      assert.deepStrictEqual([status, json.error.type], [501, "not_supported_error"])
    }))
})

describe("llama.cpp with a key", () => {
  it.effect("takes it as a bearer, bare or as X-Api-Key, on every route but health", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* get("/health")).status, 200)
      for (const path of ["/v1/models", "/props", "/nowhere"]) assert.strictEqual((yield* get(path)).status, 401)
      assert.strictEqual((yield* get("/v1/models", { "x-api-key": "k" })).status, 200)
      assert.strictEqual((yield* get("/v1/models", { authorization: "Bearer k" })).status, 200)
      assert.strictEqual((yield* get("/v1/models", { authorization: "bearer k" })).status, 401)
      const { json } = yield* chat()
      assert.deepStrictEqual(json, { error: { message: "Invalid API Key", type: "authentication_error", code: 401 } })
    }).pipe(on({ apiKey: "k" })))
})

describe("the queue of llama.cpp", () => {
  it.effect("runs as many generations as there are slots; the head of a stream comes with its first token", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      const started = Effect.map(
        simulator.journal.entries,
        (entries) => entries.filter(({ status }) => status !== undefined).length
      )
      yield* answer({ text: "a b" }, { text: "a b" }, { text: "a b" })
      const asked = yield* Effect.forkChild(
        Effect.forEach([1, 2, 3], () => chat({ stream: true }), { concurrency: "unbounded" })
      )
      yield* TestClock.adjust(Duration.millis(99))
      assert.strictEqual(yield* started, 0)
      yield* TestClock.adjust(Duration.millis(1))
      assert.strictEqual(yield* started, 2)
      yield* TestClock.adjust(Duration.millis(10))
      assert.strictEqual(yield* started, 2)
      yield* TestClock.adjust(Duration.millis(100))
      assert.strictEqual(yield* started, 3)
      yield* TestClock.adjust(Duration.seconds(1))
      const [first] = yield* Fiber.join(asked)
      assert.strictEqual(payloads(first?.text ?? "").at(-1), "[DONE]")
    }).pipe(on({ slots: 2, latency: { firstToken: "100 millis", perToken: "10 millis" } })))

  it.effect("gives a place back when a waiting client goes away", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      yield* simulator.fail(Fault.stall(1))
      const stuck = yield* Effect.forkChild(chat({ stream: true }))
      yield* simulator.journal.wait(({ status }) => status === 200)
      const waiting = yield* Effect.forkChild(chat())
      yield* Effect.yieldNow
      yield* Fiber.interrupt(waiting)
      yield* Fiber.interrupt(stuck)
      assert.strictEqual((yield* chat()).status, 200)
    }).pipe(on({ slots: 1 })))
})

describe("a crash of llama.cpp", () => {
  it.effect("ends a stream with an error and without an end mark", () =>
    Effect.gen(function*() {
      yield* Simulator.Simulator.use((simulator) => simulator.fail(Fault.crash(1, "boom")))
      const list = payloads((yield* chat({ stream: true })).text)
      assert.deepStrictEqual(JSON.parse(list.at(-1) ?? ""), {
        error: { code: 500, message: "boom", type: "server_error" }
      })
    }).pipe(on()))
})
