import { assert, describe, it, layer } from "@effect/vitest"
import { Effect } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"
import { Fault, Simulator, type SimulatorOptions } from "../../src/simulator/index.ts"
import { events, get, payloads, post, user } from "./Wire.ts"

const chat = (body: object = {}) => post("/v1/chat/completions", { messages: user("Hi"), max_tokens: 8, ...body })
const seeded = (seed: string) => `{"messages":[{"role":"user","content":"x"}],"max_tokens":2,"seed":${seed}}`
const on = (options: SimulatorOptions.Options = {}) => Effect.provide(Simulator.layer({ engine: "sglang", ...options }))
const tool = {
  type: "function",
  function: { name: "f", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } }
}
const image = [{ role: "user", content: [{ type: "image_url", image_url: { url: "data:image/png;base64,AA" } }] }]
const format = (schema: object) => ({ response_format: { type: "json_schema", json_schema: { name: "x", schema } } })

layer(Simulator.layer({ engine: "sglang" }))("SGLang", (it) => {
  it.effect.each([
    [{ messages: [] }, "Messages cannot be empty."],
    [{ tool_choice: "required" }, "Tools cannot be empty if tool choice is set to required."],
    [
      { tools: [tool], tool_choice: { type: "function", function: { name: "g" } } },
      "Tool 'g' not found in tools list."
    ],
    [{ tools: [tool], tool_choice: "required", ...format({}) }, "tool_choice 'required' or a named tool cannot be"],
    [{ regex: "a", ebnf: "root ::= \"a\"" }, "Only one of json_schema, regex, ebnf, or structural_tag can be set."],
    [{ chat_template_kwargs: { chat_template: "x" } }, "Request-supplied chat_template is not allowed."],
    [{ top_k: 0 }, "top_k must be -1 (disable) or at least 1, got 0."],
    [{ min_p: 2 }, "min_p must be in [0, 1], got 2.0."],
    [{ repetition_penalty: 3 }, "repetition_penalty must be in (0, 2] (1.0 = no penalty), got 3.0."],
    [{ frequency_penalty: 3 }, "frequency_penalty must be in [-2, 2], got 3.0."],
    [{ min_tokens: 30 }, "min_new_tokens must be in [0, max_new_tokens(8)], got 30."],
    [{ max_tokens: "x" }, "Input should be a valid integer, unable to parse string as an integer"],
    [
      { reasoning_effort: "huge" },
      "Input should be 'none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'ultra' or 'max'"
    ],
    [{ messages: image }, "Model only supports text input; received unsupported content type 'image_url'."],
    [
      { tools: [{ ...tool, function: { name: "f", parameters: { type: "wizard" } } }] },
      "Tool 0 function has invalid 'parameters' schema:"
    ],
    [{ messages: [{ role: "wizard", content: "x" }] }, "'role' must be one of 'system', 'assistant'"],
    [{ max_tokens: 5000 }, "max_completion_tokens is too large: 5000."],
    [format({ type: "array", minItems: 1 }), "Failed to compile json grammar: "]
  ] as ReadonlyArray<readonly [body: object, message: string]>)(
    "refuses %j with 400",
    ([body, message]) =>
      Effect.gen(function*() {
        const { json, status } = yield* chat(body)
        assert.strictEqual(status, 400)
        assert.deepInclude(json, { object: "error", param: null, code: 400 })
        assert.include(json.message, message)
      })
  )

  it.effect("refuses a seed that is no int64", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* post("/v1/chat/completions", seeded("9223372036854775807"))).status, 200)
      const { json } = yield* post("/v1/chat/completions", seeded("9223372036854775808"))
      assert.strictEqual(json.message, "sampling_seed must be in [-2**63, 2**63 - 1], got 9223372036854775808.")
    }))

  it.effect("takes JSON alone as content type", () =>
    Effect.gen(function*() {
      const request = HttpClientRequest.post("http://simulator/v1/chat/completions").pipe(
        HttpClientRequest.bodyText(JSON.stringify({ messages: user("x") }), "text/plain")
      )
      const response = yield* HttpClient.execute(request)
      assert.strictEqual(response.status, 400)
      assert.include(yield* response.text, "Only 'application/json' is allowed")
    }))

  it.effect("makes a last message of the assistant one of the user, unless it is to be continued", () =>
    Effect.gen(function*() {
      const messages = [...user("a"), { role: "assistant", content: "b" }]
      const count = (body: object) =>
        Effect.map(post("/tokenize", { messages, ...body }), ({ json }) => json.tokens.length)
      assert.isAbove(yield* count({}), yield* count({ continue_final_message: true }))
    }))

  it.effect("tokenizes a prompt or messages, not both and not neither", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* post("/v1/tokenize", { prompt: "x", messages: user("x") })).status, 400)
      assert.strictEqual((yield* post("/v1/tokenize", {})).status, 400)
      const { tokens } = (yield* post("/v1/tokenize", { prompt: "one two", add_special_tokens: false })).json
      assert.strictEqual((yield* post("/detokenize", { tokens })).json.text, "one two")
    }))

  it.effect("completes 16 tokens where no limit is given", () =>
    Effect.gen(function*() {
      const { usage } = (yield* post("/v1/completions", { prompt: "Hi there" })).json
      assert.strictEqual(usage.completion_tokens, 16)
    }))

  it.effect("ends a stream with an event for each finish, then usage, then the mark", () =>
    Effect.gen(function*() {
      const { text } = yield* chat({ stream: true, n: 2, stream_options: { include_usage: true } })
      const list = events(text)
      assert.deepStrictEqual(list.slice(-3, -1).map(({ choices }) => choices[0].finish_reason), ["length", "length"])
      assert.deepStrictEqual(list.at(-1).choices, [])
      assert.strictEqual(payloads(text).at(-1), "[DONE]")
      assert.property(list[0].choices[0].delta, "reasoning_content")
    }))

  it.effect("answers with the model name of the request, `default` without one", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* chat({ model: "base:adapter" })).json.model, "base:adapter")
      assert.strictEqual((yield* chat()).json.model, "default")
    }))

  it.effect("describes itself by the names of today and of before", () =>
    Effect.gen(function*() {
      for (const path of ["/server_info", "/get_server_info"]) assert.isString((yield* get(path)).json.version)
      for (const path of ["/model_info", "/get_model_info"]) {
        assert.containsAllKeys((yield* get(path)).json, ["served_model_name", "reasoning_parser", "tool_call_parser"])
      }
      assert.deepInclude((yield* get("/v1/models")).json.data[0], { owned_by: "sglang", parent: null })
      assert.strictEqual((yield* get("/v1/models/simulator/sglang")).json.id, "simulator/sglang")
      assert.strictEqual((yield* get("/v1/models/x")).json.error.code, "model_not_found")
      assert.strictEqual((yield* get("/ready")).status, 200)
      assert.deepStrictEqual((yield* get("/nowhere")).json, { detail: "Not Found" })
    }))

  it.effect("has a native route whose stream repeats the text so far and whose errors tell whether to try again", () =>
    Effect.gen(function*() {
      const { text } = yield* post("/generate", { text: "Hi", sampling_params: { max_new_tokens: 3 }, stream: true })
      const [first, second] = events(text)
      assert.isTrue(second.text.startsWith(first.text))
      const failed = yield* post("/generate", { text: "Hi", sampling_params: { top_k: 0 }, stream: true })
      assert.strictEqual(events(failed.text)[0].error.retryable, false)
    }))

  it.effect("holds an answer to what xgrammar enforces", () =>
    Effect.gen(function*() {
      const all = { allOf: [{ const: 1 }, { type: "integer" }] }
      assert.notStrictEqual((yield* chat({ ...format(all), max_tokens: 60 })).json.choices[0].message.content, "1")
    }))
})

describe("a crash of SGLang", () => {
  it.effect("is an error event, and the mark follows", () =>
    Effect.gen(function*() {
      yield* Simulator.Simulator.use((simulator) => simulator.fail(Fault.crash(1, "boom")))
      const list = payloads((yield* chat({ stream: true })).text)
      assert.deepInclude(JSON.parse(list.at(-2) ?? "").error, { object: "error", message: "boom", code: 500 })
      assert.strictEqual(list.at(-1), "[DONE]")
    }).pipe(on()))
})

layer(Simulator.layer({ engine: "sglang", modelId: "org/m" }))("SGLang's routes beside generation", (it) => {
  it.effect("decides: a distribution over the labels of each question, by its id", () =>
    Effect.gen(function*() {
      const { json } = yield* post("/v1/decisions", {
        input: "It rains",
        questions: [
          { id: "a", type: "choice", question: "Weather?", options: [{ name: "rain" }, { name: "sun" }] },
          { id: "b", type: "score", question: "How wet?", levels: ["dry", "damp", "wet"] },
          { id: "c", type: "yes_no", question: "Umbrella?" }
        ]
      })
      assert.strictEqual(json.object, "decisions")
      for (const id of ["a", "b", "c"]) {
        const values = Object.values<number>(json.answers[id].probabilities)
        assert.closeTo(values.reduce((sum, value) => sum + value, 0), 1, 1e-9)
      }
      assert.include(["rain", "sun"], json.answers.a.choice)
      assert.isNumber(json.answers.b.score)
    }))

  it.effect("refuses a decision with a field that it does not know, or with one label", () =>
    Effect.gen(function*() {
      const refused = yield* post("/v1/decisions", { input: "x", questions: [], extra: 1 })
      assert.strictEqual(refused.status, 400)
      assert.include(refused.json.message, "Extra inputs are not permitted")
      assert.include(refused.json.message, "at least 1 item")
    }))

  it.effect("scores labels behind items", () =>
    Effect.gen(function*() {
      const { json } = yield* post("/v1/score", { query: "q", items: ["a", "b"], label_token_ids: [1, 2, 3] })
      assert.deepStrictEqual(json.scores.map((row: ReadonlyArray<number>) => row.length), [3, 3])
      assert.strictEqual((yield* post("/v1/score", { query: "q" })).status, 400)
    }))

  it.effect("separates thoughts from a text, and calls", () =>
    Effect.gen(function*() {
      const thought = yield* post("/separate_reasoning", { text: "<think>hm</think>yes", reasoning_parser: "qwen3" })
      assert.deepStrictEqual(thought.json, { reasoning_text: "hm", text: "yes" })
      const text = `so <tool_call>{"name":"f","arguments":{"a":1}}</tool_call>`
      const parsed = yield* post("/parse_function_call", { text, tools: [], tool_call_parser: "qwen" })
      assert.deepStrictEqual(parsed.json, {
        normal_text: "so",
        calls: [{ tool_index: 0, name: "f", parameters: `{"a":1}` }]
      })
    }))
})
