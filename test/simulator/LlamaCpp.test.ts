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
    [
      { tools: [{ type: "function", function: { name: "f", parameters: { type: "wizard" } } }] },
      400,
      `${parser}JSON schema error at #: unrecognized type wizard`
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

  it.effect.each([
    ["", 1, 1, "attempting to parse an empty input; check that your input string or stream contains the expected JSON"],
    [" ", 1, 2, "syntax error while parsing value - unexpected end of input; expected '[', '{', or a literal"],
    [
      "{'a':1}",
      1,
      2,
      "syntax error while parsing object key - invalid literal; last read: '{''; expected string literal"
    ],
    ["{\"a\":[],}", 1, 9, "syntax error while parsing object key - unexpected '}'; expected string literal"],
    ["{\"a\" 1}", 1, 6, "syntax error while parsing object separator - unexpected number literal; expected ':'"],
    ["[1 2]", 1, 4, "syntax error while parsing array - unexpected number literal; expected ']'"],
    [
      "{\"a\":\n-}",
      2,
      2,
      "syntax error while parsing value - invalid number; expected digit after '-'; last read: '-}'"
    ],
    ["{\"a\":tru}", 1, 9, "syntax error while parsing value - invalid literal; last read: '\"a\":tru}'"],
    [
      "{\"a\":\"\u0001\"}",
      1,
      7,
      "syntax error while parsing value - invalid string: control character U+0001 (SOH) must be escaped to \\u0001; " +
      "last read: '\"<U+0001>'"
    ],
    [
      "{\"a\":\"\\x\"}",
      1,
      8,
      "syntax error while parsing value - invalid string: forbidden character after backslash; last read: '\"\\x'"
    ],
    ["[] x", 1, 4, "syntax error while parsing value - invalid literal; last read: '[] x'; expected end of input"]
  ])("says of the body %s what its JSON library does", ([body, line, column, words]) =>
    Effect.gen(function*() {
      const { json, status } = yield* post("/v1/chat/completions", body)
      assert.strictEqual(status, 500)
      assert.strictEqual(
        json.error.message,
        `[json.exception.parse_error.101] parse error at line ${line}, column ${column}: ${words}`
      )
    }))

  it.effect.each(
    [
      ["/v1/chat/completions/control", { id: "x" }, 400, "unknown control action"],
      ["/lora-adapters", {}, 400, "Request body must be an array"],
      ["/slots/9", {}, 501, "This server does not support slots action. Start it with `--slot-save-path`"],
      ["/tools", {}, 403, "this feature is disabled"],
      ["/v1/audio/transcriptions", {}, 501, "The current model does not support audio input."],
      ["/v1/messages/count_tokens", {}, 500, "'messages' is required"],
      ["/completion", [], 400, "[json.exception.type_error.304] cannot use at() with array"],
      ["/completion", { prompt: [1, 99_999_999] }, 400, "Prompt contains invalid tokens"],
      [
        "/v1/responses",
        { input: [{ role: "user", content: [{ type: "x" }] }] },
        400,
        "'type' must be one of 'input_text', 'input_image', or 'input_file'"
      ],
      [
        "/completion",
        { prompt: "x", json_schema: { type: "nope" } },
        400,
        "Field 'json_schema': \"json_schema\": JSON schema conversion failed:\nJSON schema error at #: unrecognized type nope"
      ],
      [
        "/completion",
        { prompt: "x", dry_sequence_breakers: [] },
        400,
        "Field 'dry_sequence_breakers': Error: dry_sequence_breakers must be a non-empty array of strings"
      ],
      [
        "/completion",
        { prompt: "x", lora: "x" },
        400,
        "Field 'lora': Error: 'lora' must be an array of objects with 'id' and 'scale' fields"
      ],
      ["/completion", { prompt: "x", ignore_eos: "x" }, 400, wrongType("ignore_eos", "boolean", "string")],
      ["/completion", { prompt: "x", samplers: [3] }, 400, wrongType("samplers", "string", "number")],
      ["/detokenize", { tokens: ["a"] }, 500, "[json.exception.type_error.302] type must be number, but is string"]
    ] as const
  )("refuses on %s %o as it does", ([path, body, status, message]) =>
    Effect.gen(function*() {
      const answered = yield* post(path, body)
      assert.deepStrictEqual([answered.status, answered.json.error.message], [status, message])
    }))

  it.effect("takes an empty stop string for the end, and a repetition without a bound that counts", () =>
    Effect.gen(function*() {
      const { json } = yield* chat({ stop: [""] })
      assert.deepInclude(json.choices[0], { finish_reason: "stop", message: { role: "assistant", content: "" } })
      assert.strictEqual((yield* chat(schema({ type: "string", maxLength: 100_000 }))).status, 200)
      assert.strictEqual((yield* chat(schema({ type: "string", minLength: 100_000 }))).status, 400)
    }))

  it.effect("shows the token that ends a text beside the others, without a text", () =>
    Effect.gen(function*() {
      const { json } = yield* complete({ grammar: "root ::= \"yes\"", logprobs: 1, max_tokens: 20 })
      assert.deepInclude(json.choices[0].logprobs.content.at(-1), { id: 2, token: "", bytes: [] })
      const { text } = yield* complete({ grammar: "root ::= \"yes\"", stream: true, max_tokens: 20 })
      assert.strictEqual(events(text).at(-2)?.choices[0].text, "")
      const sampled = yield* complete({ logprobs: 1, post_sampling_probs: true })
      assert.hasAllKeys(sampled.json.choices[0].logprobs.content[0], ["id", "token", "bytes", "prob", "top_probs"])
    }))

  it.effect("begins with the second choice where it writes several, and with nothing where it reads several prompts", () =>
    Effect.gen(function*() {
      const several = events((yield* chat({ n: 2, stream: true, max_tokens: 2 })).text)
      assert.deepStrictEqual(several.slice(0, 4).map((event) => event.choices[0].index), [1, 1, 0, 0])
      const prompts = yield* complete({ prompt: ["a", "b"], stream: true })
      assert.isNull(events(prompts.text)[0])
    }))

  it.effect("gives the fields asked for by their paths, and the whole answer where it is verbose", () =>
    Effect.gen(function*() {
      const { json } = yield* post("/completion", {
        prompt: "x",
        n_predict: 3,
        response_fields: ["content", "generation_settings/n_predict"]
      })
      assert.strictEqual(json["generation_settings/n_predict"], 3)
      assert.strictEqual((yield* chat({ verbose: true })).json.__verbose.stop, true)
    }))

  it.effect("speaks Anthropic's messages, with thoughts, tools and streams in blocks", () =>
    Effect.gen(function*() {
      yield* answer({ reasoning: "hm", toolCalls: [{ name: "f", arguments: { city: "Rome" } }] })
      const asked = {
        messages: [{ role: "user", content: [{ type: "text", text: "Hi" }] }],
        tools: [{ name: "f", input_schema: tool.function.parameters }],
        tool_choice: { type: "any" }
      }
      const whole = yield* post("/v1/messages", asked)
      assert.deepStrictEqual(whole.json.content.map(({ type }: { type: string }) => type), ["thinking", "tool_use"])
      assert.deepStrictEqual([whole.json.stop_reason, whole.json.content[1].input], ["tool_use", { city: "Rome" }])
      yield* answer({ text: "Hi" })
      const streamed = yield* post("/v1/messages", { ...asked, stream: true })
      const names = [...streamed.text.matchAll(/^event: (.*)$/gm)].map(([, name]) => name)
      assert.deepStrictEqual(names.filter((name, at) => name !== names[at - 1]), [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop"
      ])
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
