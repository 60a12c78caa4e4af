import { assert, describe, it, layer } from "@effect/vitest"
import { Duration, Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { Fault, Simulator, type SimulatorOptions } from "../../src/simulator/index.ts"
import { events, get, payloads, post, user } from "./Wire.ts"

const chat = (body: object = {}) => post("/v1/chat/completions", { messages: user("Hi"), max_tokens: 8, ...body })
const complete = (body: object = {}) => post("/v1/completions", { prompt: "Hi there", max_tokens: 4, ...body })
const on = (options: SimulatorOptions.Options = {}) => Effect.provide(Simulator.layer({ engine: "vllm", ...options }))
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] }
const tool = { type: "function", function: { name: "f", parameters } }
const strict = { type: "function", function: { name: "f", parameters, strict: true } }
const format = (schema: object) => ({ response_format: { type: "json_schema", json_schema: { name: "x", schema } } })
const named = { type: "function", function: { name: "f" } }

interface Refusal {
  readonly message: string
  readonly type: string
  readonly param: string | null
}

const bad = (message: string, param: string | null = null): Refusal => ({ message, type: "BadRequestError", param })
const misfit = (param: string, problem: string): Refusal => ({
  message: `1 validation error:\n  ${problem}`,
  type: "Bad Request",
  param
})

const refused: ReadonlyArray<readonly [body: object, refusal: Refusal]> = [
  [
    { temperature: 3 },
    bad("temperature must be in [0, 2], got 3.0. (parameter=temperature, value=3.0)", "temperature")
  ],
  [{ max_tokens: 0 }, bad("max_tokens must be at least 1, got 0. (parameter=max_tokens, value=0)", "max_tokens")],
  [
    { max_tokens: 5000 },
    bad(
      "max_tokens=5000 cannot be greater than max_model_len=4096. Please request fewer output tokens. " +
        "(parameter=max_tokens, value=5000)",
      "max_tokens"
    )
  ],
  [{ n: 2, temperature: 0 }, bad("n must be 1 when using greedy sampling, got 2.")],
  [{ stop: [""] }, bad("stop cannot contain an empty string.")],
  [{ messages: null }, bad("'NoneType' object is not iterable")],
  [{ messages: [] }, bad("Cannot apply chat template to an empty conversation. Provide at least one message.")],
  [
    { top_logprobs: 2 },
    bad("when using `top_logprobs`, `logprobs` must be set to true. (parameter=top_logprobs)", "top_logprobs")
  ],
  [
    { logprobs: true, top_logprobs: 21 },
    bad(
      "Requested sample logprobs of 21, which is greater than max allowed: 20 (parameter=logprobs, value=21)",
      "logprobs"
    )
  ],
  [
    { stream_options: { include_usage: true } },
    bad("Stream options can only be defined when `stream=True`. (parameter=stream_options)", "stream_options")
  ],
  [
    { tool_choice: "auto" },
    bad("When using `tool_choice`, `tools` must be set. (parameter=tool_choice)", "tool_choice")
  ],
  [
    { tools: [] },
    bad(
      "`tools` must not be an empty array. Either provide at least one tool or omit the field entirely. (parameter=tools)",
      "tools"
    )
  ],
  [
    { response_format: { type: "json_schema" } },
    bad(
      "When response_format type is 'json_schema', the 'json_schema' field must be provided. (parameter=response_format)",
      "response_format"
    )
  ],
  [{ structured_outputs: { choice: [] } }, bad("Choice '[]' cannot be an empty list")],
  [
    format({ type: "array", items: {}, uniqueItems: true }),
    bad("Grammar error: Unimplemented keys: [\"uniqueItems\"]")
  ],
  [format({ type: "string", format: "byte" }), bad("Grammar error: Unknown format: byte")],
  [
    { max_tokens: "x" },
    misfit(
      "body.max_tokens",
      "{'type': 'int_parsing', 'loc': 'body.max_tokens', 'msg': 'Input should be a valid integer, unable to parse string " +
        "as an integer', 'input': 'x'}"
    )
  ],
  [
    { messages: undefined },
    misfit(
      "body.messages",
      "{'type': 'missing', 'loc': 'body.messages', 'msg': 'Field required', 'input': '<dict of 1 items>'}"
    )
  ],
  [
    { reasoning_effort: "huge" },
    misfit(
      "body.reasoning_effort",
      "{'type': 'literal_error', 'loc': 'body.reasoning_effort', 'msg': \"Input should be 'none', 'minimal', 'low', " +
        "'medium', 'high', 'xhigh' or 'max'\", 'input': 'huge', 'ctx': {'expected': \"'none', 'minimal', 'low', 'medium', " +
        "'high', 'xhigh' or 'max'\"}}"
    )
  ]
]

const uncompiled: ReadonlyArray<readonly [schema: object]> = [
  [{ type: "object", properties: { a: false } }],
  [{ type: "array", minItems: 1 }],
  [{ type: "integer", minimum: 1.5 }],
  [{ $ref: "#/$defs/a~1b", $defs: { "a/b": {} } }],
  [{ type: "string", pattern: "^\\p{Lu}$" }]
]

const forced = (tools: ReadonlyArray<object>, tool_choice: unknown) =>
  Effect.map(chat({ tools, tool_choice, max_tokens: 100 }), ({ json }) => json.choices[0])

layer(Simulator.layer({ engine: "vllm" }))("vLLM", (it) => {
  it.effect.each(refused)("refuses %j with its words and the parameter", ([body, refusal]) =>
    Effect.gen(function*() {
      const { json, status } = yield* chat(body)
      assert.strictEqual(status, 400)
      assert.deepStrictEqual(json.error, { ...refusal, code: 400 })
    }))

  it.effect("takes four stop strings and no more", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* chat({ stop: ["1", "2", "3", "4"] })).status, 200)
      const { json } = yield* chat({ stop: ["1", "2", "3", "4", "5"] })
      assert.match(json.error.message, /^2 validation errors:/)
      assert.strictEqual(json.error.param, "body.stop")
    }))

  it.effect("reads a seed as an int64, and -1 as chance", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        (yield* post("/v1/chat/completions", `{"messages":[{"role":"user","content":"x"}],"seed":9223372036854775808}`))
          .json.error.param,
        "body.seed"
      )
      const said = Effect.map(chat({ seed: -1 }), ({ json }) => json.choices[0].message.content)
      assert.notStrictEqual(yield* said, yield* said)
    }))

  it.effect.each(uncompiled)(
    "fails inside the engine for %j, which its checks take and its compiler does not",
    ([schema]) =>
      Effect.gen(function*() {
        const { json, status } = yield* chat(format(schema))
        assert.deepStrictEqual([status, json.error.type], [500, "InternalServerError"])
      })
  )

  it.effect("tells what the engine refuses late by a status, and inside a stream behind a 200", () =>
    Effect.gen(function*() {
      const late = { logit_bias: { 999999: 1 } }
      assert.strictEqual((yield* chat(late)).status, 400)
      const streamed = yield* chat({ ...late, stream: true })
      assert.strictEqual(streamed.status, 200)
      const [first, last] = payloads(streamed.text)
      assert.match(first ?? "", /^\{"error": \{"message": "token_id\(s\) \[999999\] in logit_bias/)
      assert.strictEqual(last, "[DONE]")
    }))

  it.effect("holds forced calls to their schema only where the tool is strict; a named one ends with stop", () =>
    Effect.gen(function*() {
      const loose = yield* forced([tool], "required")
      assert.isNumber(JSON.parse(loose.message.tool_calls[0].function.arguments))
      assert.strictEqual(loose.finish_reason, "tool_calls")
      const held = yield* forced([strict], named)
      assert.hasAllKeys(JSON.parse(held.message.tool_calls[0].function.arguments), ["city"])
      assert.deepStrictEqual([held.finish_reason, held.message.content], ["stop", ""])
    }))

  it.effect("carries the finish on the last text of a stream that was cut, and its name in passing", () =>
    Effect.gen(function*() {
      const list = events((yield* chat({ stream: true })).text)
      assert.deepStrictEqual(list[0].choices[0].delta, { role: "assistant", content: "" })
      const last = list.at(-1)
      assert.strictEqual(last.choices[0].finish_reason, "length")
      assert.isAbove(last.choices[0].delta.content.length, 0)
      assert.match(last.system_fingerprint, /^vllm-0\.32\.0-[0-9a-f]{8}$/)
    }))

  it.effect("lists a completion's tokens, offsets and alternatives, those of a repeated prompt too", () =>
    Effect.gen(function*() {
      const { logprobs, prompt_logprobs, text } = (yield* complete({ logprobs: 2, echo: true })).json.choices[0]
      assert.strictEqual(logprobs.tokens.join(""), text)
      assert.isNull(logprobs.token_logprobs[0])
      assert.lengthOf(Object.keys(logprobs.top_logprobs.at(-1)), 2)
      assert.strictEqual(logprobs.text_offset.at(-1), text.length - logprobs.tokens.at(-1).length)
      assert.isNull(prompt_logprobs[0])
    }))

  it.effect("gives the probabilities of labels that are named", () =>
    Effect.gen(function*() {
      const { tokens } = (yield* post("/tokenize", { prompt: "yes no", add_special_tokens: false })).json
      const { choices } = (yield* chat({ logprobs: true, logprob_token_ids: tokens })).json
      const top = choices[0].logprobs.content[0].top_logprobs.map((item: { token: string }) => item.token)
      assert.deepStrictEqual(top.slice(1), ["yes", " no"])
    }))

  it.effect("shows the rendered prompt to whoever asks, and renders alone only when started for it", () =>
    Effect.gen(function*() {
      const { json } = yield* chat({ return_prompt_text: true })
      assert.strictEqual(json.prompt_text, "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")
      const [first] = events((yield* chat({ return_prompt_text: true, stream: true })).text)
      assert.strictEqual(first.prompt_text, json.prompt_text)
      assert.strictEqual((yield* post("/v1/chat/completions/render", {})).json.error.type, "PermissionDeniedError")
    }))

  it.effect("has routes beside those of OpenAI", () =>
    Effect.gen(function*() {
      const { tokens } = (yield* post("/tokenize", { prompt: "one two", add_special_tokens: false })).json
      assert.strictEqual((yield* post("/detokenize", { tokens })).json.prompt, "one two")
      assert.strictEqual((yield* get("/load")).json.server_load, 0)
      assert.strictEqual((yield* post("/ping", {})).status, 200)
      assert.strictEqual((yield* post("/invocations", { prompt: "x", max_tokens: 2 })).json.object, "text_completion")
      const conversations = [user("a"), user("b")]
      assert.lengthOf((yield* post("/v1/chat/completions/batch", { messages: conversations })).json.choices, 2)
      assert.strictEqual(
        (yield* post("/v1/responses", { input: "Hi", max_output_tokens: 2 })).json.status,
        "incomplete"
      )
      const streamed = (yield* post("/v1/responses", { input: "Hi", stream: true })).text
      assert.match(streamed, /^event: response\.created\ndata: /)
      const spoken = yield* post("/v1/messages", { model: "simulator/vllm", messages: user("Hi"), max_tokens: 2 })
      assert.strictEqual(spoken.json.stop_reason, "max_tokens")
      assert.strictEqual((yield* post("/v1/decisions", {})).status, 404)
      assert.strictEqual((yield* post("/v1/embeddings", { input: "x" })).status, 404)
    }))
})

const ask = (questions: ReadonlyArray<object>, rest: object = {}) =>
  post("/v1/decisions", { model: "simulator/vllm", input: "a text", questions, ...rest })

describe("vLLM 0.33", () => {
  it.effect("decides predicates, choices and scores, and refuses a field that it does not know", () =>
    Effect.gen(function*() {
      const choices = [{ value: "a", description: "x" }, { value: "b", description: "y" }]
      const { answers } = (yield* ask([{ type: "predicate", instructions: "?" }, {
        type: "choice",
        instructions: "?",
        choices
      }])).json
      assert.isNumber(answers[0].probability)
      assert.include(["a", "b"], answers[1].choice)
      const total = answers[1].probabilities.reduce(
        (sum: number, { probability }: { probability: number }) => sum + probability,
        0
      )
      assert.closeTo(total, 1, 1e-9)
      assert.strictEqual((yield* ask([], { extra: 1 })).json.error.param, "body.extra")
      assert.strictEqual((yield* ask([{ type: "choice", instructions: "?", choices: [choices[0]] }])).status, 400)
    }).pipe(on({ version: "0.33.0" })))
})

describe("vLLM with a key", () => {
  it.effect("guards what lies below /v1 and nothing else", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual((yield* chat()).json, { error: "Unauthorized" })
      assert.strictEqual((yield* post("/tokenize", { prompt: "x" })).status, 200)
      assert.strictEqual((yield* post("/invocations", { prompt: "x" })).status, 200)
      assert.strictEqual((yield* get("/metrics")).status, 200)
    }).pipe(on({ apiKey: "k" })))
})

describe("the queue of vLLM", () => {
  it.effect("sends the head of a stream at once and lets the first event wait for a slot; a full one is a 503", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      const started = Effect.map(
        simulator.journal.entries,
        (entries) => entries.filter(({ status }) => status !== undefined).length
      )
      const asked = yield* Effect.forkChild(
        Effect.forEach([1, 2], () => chat({ stream: true, max_tokens: 2 }), { concurrency: "unbounded" })
      )
      yield* TestClock.adjust(Duration.millis(1))
      assert.strictEqual(yield* started, 2)
      const refusal = yield* chat()
      assert.deepStrictEqual([refusal.status, refusal.json.error.message], [503, "Service Unavailable"])
      assert.isUndefined(refusal.headers["retry-after"])
      const streamed = yield* chat({ stream: true })
      assert.strictEqual(streamed.status, 200)
      assert.match(streamed.text, /"code": 503/)
      yield* TestClock.adjust(Duration.seconds(1))
      assert.lengthOf(yield* Fiber.join(asked), 2)
    }).pipe(on({ slots: 1, queueLimit: 1, latency: { firstToken: "100 millis", perToken: "10 millis" } })))
})

describe("a crash of vLLM", () => {
  it.effect("is an error event with the status, and the mark follows", () =>
    Effect.gen(function*() {
      yield* Simulator.Simulator.use((simulator) => simulator.fail(Fault.crash(1, "boom")))
      const list = payloads((yield* chat({ stream: true })).text)
      assert.deepStrictEqual(JSON.parse(list.at(-2) ?? "").error, {
        message: "boom",
        type: "InternalServerError",
        param: null,
        code: 500
      })
      assert.strictEqual(list.at(-1), "[DONE]")
    }).pipe(on()))
})
