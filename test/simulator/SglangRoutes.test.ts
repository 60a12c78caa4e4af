import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Simulator, type SimulatorOptions } from "../../src/simulator/index.ts"
import { get, post, user } from "./Wire.ts"

const on = (options: SimulatorOptions.Options = {}) =>
  Effect.provide(Simulator.layer({ engine: "sglang", modelId: "tiny", ...options }))

const chat = (body: object) => post("/v1/chat/completions", { messages: user("Hi"), max_tokens: 8, ...body })
const schema = (schema: object) =>
  chat({ response_format: { type: "json_schema", json_schema: { name: "x", schema } } })
const messages = (body: object) => post("/v1/messages", { model: "tiny", messages: user("Hi"), max_tokens: 4, ...body })
const native = (body: object) => post("/generate", { text: "Hi", sampling_params: { max_new_tokens: 3 }, ...body })
const lines = (text: string) => text.trim().split("\n").map((line): unknown => JSON.parse(line))
const decide = (questions: object, body: object = {}) =>
  post("/v1/systemone", { model: "tiny", state: "It rains", questions, ...body })

describe("schemas that SGLang 0.5.23 refuses before it compiles them", () => {
  it.effect.each(
    [
      [{ type: "string", pattern: "^a", maxLength: 3 }, "#", "constraints pattern, minLength/maxLength cannot be"],
      [
        { type: "object", properties: { "a/b": { type: "array", uniqueItems: true } } },
        "#/properties/a~1b",
        "uniqueItems"
      ],
      [{ anyOf: [{ type: "number", multipleOf: 2 }] }, "#/anyOf/0", "keyword(s) multipleOf would be ignored"],
      [{ type: "string", format: "byte" }, "#", "string format 'byte' is not implemented"],
      [{ not: { type: "string" } }, "#", "keyword(s) not would be ignored"]
    ] as const
  )("%#", ([given, place, why]) =>
    Effect.gen(function*() {
      const { json, status } = yield* schema(given)
      assert.strictEqual(status, 400)
      const start = `Failed to compile json grammar: JSON Schema at ${place} is not supported by xgrammar: `
      assert.isTrue(json.message.startsWith(start), json.message)
      assert.include(json.message, why)
    }).pipe(on()))

  it.effect("and those that it takes", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* schema({ type: "integer", minimum: 3, maximum: 5 })).status, 200)
      assert.strictEqual((yield* schema({ enum: ["a"], multipleOfX: 1 })).status, 200)
    }).pipe(on()))
})

describe("how SGLang refuses", () => {
  it.effect("says what did not fit twice, and for which function it was meant", () =>
    Effect.gen(function*() {
      const { json } = yield* post("/v1/completions", {})
      const problem = "{'type': 'missing', 'loc': ('body', 'prompt'), 'msg': 'Field required', 'input': {}}"
      assert.strictEqual(
        json.message,
        `1 validation error:\n  ${problem}\n\n  File "/sgl-workspace/sglang/python/sglang/srt/entrypoints/http_server.py", ` +
          `line 1860, in openai_v1_completions\n    POST /v1/completions [${problem}]`
      )
    }).pipe(on()))

  it.effect.each(
    [
      ["{'a':1}", 1, "unexpected character, expected a string key"],
      ["{\"a\": 1, ", 9, "unexpected end of data"],
      ["{\"a\":1} x", 8, "unexpected content after document"],
      ["{\"a\":NaN}", 5, "unexpected character, expected a JSON value"],
      ["{\"a\":1,}", 6, "trailing comma is not allowed"]
    ] as const
  )("reads bodies with another parser than Python's own (%#)", ([body, at, error]) =>
    Effect.gen(function*() {
      const { json } = yield* post("/v1/completions", body)
      assert.include(
        json.message,
        `'loc': ('body', ${at}), 'msg': 'JSON decode error', 'input': {}, 'ctx': {'error': '${error}'}`
      )
    }).pipe(on()))

  it.effect("falls over a chat that is a list", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* post("/v1/chat/completions", "[]")).status, 500)
      assert.strictEqual((yield* post("/v1/completions", "[]")).status, 400)
    }).pipe(on()))
})

describe("/generate of SGLang", () => {
  it.effect.each(
    [
      [{ sampling_params: { top_p: 2 } }, { message: "top_p must be in (0, 1], got 2." }],
      [{ sampling_params: { temperature: -1 } }, {
        message: "temperature must be a non-negative finite number, got -1."
      }],
      [{ text: undefined }, { message: "Either text, input_ids or input_embeds should be provided." }]
    ] as const
  )("refuses in a form of its own, numbers as they were written (%#)", ([body, error]) =>
    Effect.gen(function*() {
      const { json, status } = yield* native(body)
      assert.deepStrictEqual([status, json], [400, { error }])
    }).pipe(on()))

  it.effect("takes several texts, and knows every parameter by name", () =>
    Effect.gen(function*() {
      const { json } = yield* native({ text: ["a", "b"], return_logprob: true, top_logprobs_num: 2 })
      assert.lengthOf(json, 2)
      assert.lengthOf(json[0].meta_info.output_top_logprobs[0], 2)
      const unknown = yield* native({ sampling_params: { foo: 1 } })
      assert.match(unknown.json.error, /^unknown field `foo`, expected one of `max_new_tokens`, `stop`/)
    }).pipe(on()))
})

describe("Ollama's routes of SGLang", () => {
  it.effect("stream lines of JSON, the last of which tells the end alone", () =>
    Effect.gen(function*() {
      const { headers, text } = yield* post("/api/generate", {
        model: "any",
        prompt: "Hi",
        options: { num_predict: 4 }
      })
      assert.strictEqual(headers["content-type"], "application/x-ndjson")
      const all = lines(text)
      assert.lengthOf(all, 4)
      assert.deepInclude(all.at(-1), { response: "", done: true, done_reason: "stop" })
      assert.deepInclude(all[0], { model: "tiny", done: false, done_reason: null })
    }).pipe(on()))

  it.effect("answer a chat whole, an empty prompt by themselves, and name what they serve", () =>
    Effect.gen(function*() {
      const chat = yield* post("/api/chat", {
        model: "x",
        messages: user("Hi"),
        stream: false,
        options: { num_predict: 3 }
      })
      assert.deepInclude(chat.json, { done: true, eval_count: 3 })
      assert.strictEqual(
        (yield* post("/api/generate", { model: "x", prompt: "", stream: false })).json.eval_count,
        null
      )
      assert.strictEqual((yield* get("/api/tags")).json.models[0].name, "tiny")
      assert.strictEqual((yield* post("/api/show", { model: "org/Some-Instruct" })).json.details.family, "Some")
      assert.strictEqual((yield* post("/api/chat", { model: "x" })).status, 400)
      assert.strictEqual((yield* post("/api/generate", { model: "x", prompt: "a", options: { top_p: 2 } })).status, 500)
    }).pipe(on()))
})

describe("/v1/messages of SGLang", () => {
  it.effect("answers any model by the name it was asked for", () =>
    Effect.gen(function*() {
      const { json } = yield* messages({ model: "other" })
      assert.deepInclude(json, { type: "message", model: "other", stop_reason: "max_tokens" })
      const { text } = yield* messages({ stream: true })
      assert.match(text, /^event: message_start\ndata: {"type":"message_start","message":{"id":"msg_[0-9a-f]{32}"/)
      assert.match(text, /"delta":{"stop_reason":"max_tokens"},"usage":{"output_tokens":4}}/)
      assert.isAbove(
        (yield* post("/v1/messages/count_tokens", { model: "x", messages: user("Hi") })).json.input_tokens,
        0
      )
    }).pipe(on()))

  it.effect.each(
    [
      [{ max_tokens: 0 }, "max_tokens: Value error, max_tokens must be positive"],
      [{ messages: [{ role: "x", content: "x" }] }, "messages.0.role: Input should be 'user', 'assistant' or 'system'"],
      [{ messages: [] }, "Messages cannot be empty."],
      [
        { thinking: { type: "enabled", budget_tokens: 1024 } },
        "Anthropic thinking is not supported for models without a"
      ],
      [{ tool_choice: { type: "any" } }, "tool_choice='any' requires at least one custom tool"]
    ] as const
  )("refuses in Anthropic's form, by places and words (%#)", ([body, message]) =>
    Effect.gen(function*() {
      const { json, status } = yield* messages(body)
      assert.strictEqual(status, 400)
      assert.deepInclude(json, { type: "error" })
      assert.isTrue(json.error.message.startsWith(message), json.error.message)
    }).pipe(on()))
})

describe("/v1/systemone of SGLang", () => {
  it.effect("answers each kind of question by its id", () =>
    Effect.gen(function*() {
      const { json } = yield* decide({
        wet: { type: "noul", instructions: "Is it wet?" },
        which: { type: "choice", criteria: { rain: "wet", sun: null } },
        much: { type: "score", criteria: ["low", "high"] }
      })
      assert.containsAllKeys(json.answers.wet, ["noul", "x_label_mass"])
      assert.hasAllKeys(json.answers.which.probabilities, ["rain", "sun"])
      assert.deepStrictEqual(json.answers.much.legend, { 0: "low", 1: "high" })
    }).pipe(on()))

  it.effect.each(
    [
      [{ q: { type: "zzz" } }, {}, "union_tag_invalid", ["body", "questions", "q"]],
      [{}, {}, "too_short", ["body", "questions"]],
      [{ q: { type: "noul" } }, {}, "value_error", ["body", "questions", "q", "noul"]],
      [{ q: { type: "score", instructions: "?" } }, {}, "missing", ["body", "questions", "q", "score", "criteria"]],
      [{ q: { type: "noul", instructions: "?" } }, { temperature: 1 }, "value_error", ["body", "temperature"]]
    ] as const
  )("refuses with 422 and a list, without the values (%#)", ([questions, body, type, loc]) =>
    Effect.gen(function*() {
      const { json, status } = yield* decide(questions, body)
      assert.strictEqual(status, 422)
      assert.deepInclude(json.detail[0], { type, loc })
      assert.notProperty(json.detail[0], "input")
    }).pipe(on()))

  it.effect("refuses adapters and thinking with 400", () =>
    Effect.gen(function*() {
      const q = { q: { type: "noul", instructions: "?" } }
      assert.include((yield* decide(q, { model: "tiny:x" })).json.message, "LoRA adapter 'x'")
      assert.include(
        (yield* decide(q, { chat_template_kwargs: { enable_thinking: true } })).json.message,
        "'enable_thinking'"
      )
    }).pipe(on()))
})
