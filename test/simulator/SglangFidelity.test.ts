import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Simulator } from "../../src/simulator/index.ts"
import { events, get, post, user } from "./Wire.ts"

const on = Effect.provide(Simulator.layer({ engine: "sglang", modelId: "tiny", maxTotalTokens: 512 }))
const chat = (body: object) => post("/v1/chat/completions", { messages: user("Hi"), max_tokens: 4, ...body })
const completion = (body: object) => post("/v1/completions", { prompt: "Hi there", max_tokens: 3, ...body })
const native = (body: object) =>
  post("/generate", { text: "Hi there", sampling_params: { max_new_tokens: 3 }, ...body })
const respond = (body: object) => post("/v1/responses", { model: "tiny", input: "Hi there", ...body })
const said = (content: unknown) => chat({ messages: [{ role: "user", content }] })

describe("what SGLang 0.5.23 reads of messages", () => {
  const part = "list[union[ChatCompletionMessageContentTextPart,function-after[validate_payload(), " +
    "ChatCompletionMessageContentThinkingPart],ChatCompletionMessageContentImagePart," +
    "ChatCompletionMessageContentVideoPart,function-after[_to_audio_url_part(), " +
    "union[ChatCompletionMessageContentAudioURLPart,ChatCompletionMessageContentAudioInlinePart]]," +
    "ChatCompletionMessageContentToolReferenceBlock]]"

  it.effect("a content that is no text is none of a list of parts either", () =>
    Effect.gen(function*() {
      const { message } = (yield* said(null)).json
      assert.isTrue(message.startsWith("3 validation errors:"))
      assert.include(message, `'content', '${part}'), 'msg': 'Input should be a valid list', 'input': None}`)
    }).pipe(on))

  it.effect.each([[{ type: "zzz" }, 29], [{ type: "text" }, 27], ["a", 17]] as const)(
    "a part that fits nothing is shown as each kind: %#",
    ([given, count]) =>
      Effect.gen(function*() {
        assert.isTrue((yield* said([given])).json.message.startsWith(`${count} validation errors:`))
      }).pipe(on)
  )

  it.effect("sound in place counts as sound of an address, and thoughts are the assistant's", () =>
    Effect.gen(function*() {
      const sound = { type: "input_audio", input_audio: { data: "aa", format: "wav" } }
      assert.include((yield* said([sound])).json.message, "unsupported content type 'audio_url'")
      const thought = [{ type: "thinking", thinking: "x" }]
      assert.include((yield* said(thought)).json.message, "thinking content parts are only valid in assistant messages")
      const messages = [{ role: "assistant", content: thought }, ...user("x")]
      assert.strictEqual((yield* chat({ messages })).status, 200)
    }).pipe(on))

  it.effect.each([
    [{ messages: [...user("a"), { role: "assistant", tool_calls: [{ id: "c" }] }] }, "'tool_calls', 0, 'function')"],
    [
      { messages: [{ role: "tool", content: "x", tool_call_id: 5 }] },
      "'tool_call_id'), 'msg': 'Input should be a valid"
    ],
    [{ tools: [{ type: "function", function: { parameters: {} } }] }, "'key_order': ['parameters']}"],
    [{ tools: [{ type: "function", function: { name: "f", strict: "x" } }] }, "'function', 'strict')"],
    [{ tool_choice: { function: {}, type: "x" }, tools: [] }, "'tool_choice', 'ToolChoice', 'type')"],
    [{ user: 5 }, "'loc': ('body', 'user')"],
    [{ cache_salt: 5 }, "'loc': ('body', 'cache_salt', 'list[str]')"],
    [{ lora_path: 5 }, "'loc': ('body', 'lora_path', 'list[nullable[str]]')"],
    [{ separate_reasoning: "x" }, "'loc': ('body', 'separate_reasoning')"],
    [{ task: "x" }, "Input should be 'action', 'query', 'authority', 'domain', 'title' or 'read_url'"]
  ] as ReadonlyArray<readonly [body: object, text: string]>)(
    "%j is of the wrong type",
    ([body, text]) =>
      Effect.gen(function*() {
        const { json, status } = yield* chat(body)
        assert.strictEqual(status, 400)
        assert.include(json.message, text)
      }).pipe(on)
  )

  it.effect("looks into a format before it knows that it is a map", () =>
    Effect.gen(function*() {
      const { status, text } = yield* chat({ response_format: "json_object" })
      assert.deepStrictEqual([status, text], [500, "Internal Server Error"])
      assert.strictEqual((yield* completion({ response_format: "json_object" })).status, 400)
    }).pipe(on))

  it.effect.each(
    [
      ["/v1/chat/completions", { messages: user("x"), n: 0 }, "range() arg 3 must not be zero"],
      ["/v1/completions", { prompt: "x", n: 0 }, "range() arg 3 must not be zero"],
      [
        "/v1/chat/completions",
        {
          messages: [...user("x"), { role: "assistant", tool_calls: [{ function: { name: "f", arguments: "{bad" } }] }]
        },
        "Assistant tool call function.arguments must be valid JSON."
      ]
    ] as const
  )("what fails while it is converted is a BadRequest: %#", ([path, body, message]) =>
    Effect.gen(function*() {
      assert.deepInclude((yield* post(path, body)).json, { message, type: "BadRequest", code: 400 })
    }).pipe(on))
})

describe("ids and metadata of SGLang", () => {
  it.effect("of a chat, whole alone", () =>
    Effect.gen(function*() {
      const { choices, usage } = (yield* chat({ return_token_ids: true, return_meta_info: true })).json
      const [choice] = choices
      assert.strictEqual(choice.prompt_token_ids.length, usage.prompt_tokens)
      assert.strictEqual(choice.response_token_ids.length, usage.completion_tokens)
      assert.deepInclude(choice.meta_info, { finish_reason: { type: "length", length: 4 }, completion_tokens: 4 })
      const prompt = (yield* chat({ return_prompt_token_ids: true })).json.choices[0]
      assert.property(prompt, "prompt_token_ids")
      assert.notProperty(prompt, "response_token_ids")
      for (const name of ["return_token_ids", "return_prompt_token_ids", "return_meta_info"]) {
        const { json } = yield* chat({ [name]: true, stream: true })
        assert.include(json.message, `${name} is not supported with streaming`)
        assert.strictEqual(json.type, "BadRequest")
      }
    }).pipe(on))

  it.effect("of a completion, in a stream as well, the prompt's with the first event", () =>
    Effect.gen(function*() {
      const { choices, usage } = (yield* completion({ return_token_ids: true })).json
      assert.strictEqual(choices[0].token_ids.length, usage.completion_tokens)
      const { text } = yield* completion({ return_token_ids: true, stream: true })
      const list = events(text).map((event) => event.choices[0])
      assert.deepStrictEqual(list.flatMap((choice) => choice.token_ids).length, usage.completion_tokens)
      assert.deepStrictEqual(
        list.map((choice) => choice.prompt_token_ids?.length),
        [usage.prompt_tokens, ...list.slice(1).map(() => undefined)]
      )
    }).pipe(on))

  it.effect("of the native route: the prompt's log probabilities from a place on, and those of ids", () =>
    Effect.gen(function*() {
      const body = { return_logprob: true, logprob_start_len: 0, top_logprobs_num: 2, token_ids_logprob: [3, 4] }
      const { meta_info: told, prompt_token_ids: ids } =
        (yield* native({ ...body, return_prompt_token_ids: true })).json
      assert.deepStrictEqual(told.input_token_logprobs.map(([, id]: readonly [unknown, number]) => id), ids)
      assert.strictEqual(told.input_token_logprobs[0][0], null)
      assert.strictEqual(told.input_top_logprobs[0], null)
      assert.lengthOf(told.input_top_logprobs[1], 2)
      assert.lengthOf(told.output_token_ids_logprobs[0], 2)
      assert.lengthOf(
        (yield* native({ ...body, logprob_start_len: 1 })).json.meta_info.input_token_logprobs,
        ids.length - 1
      )
    }).pipe(on))

  it.effect("the native route tells when it sent a stream with the first event alone", () =>
    Effect.gen(function*() {
      const told = events((yield* native({ stream: true })).text).map((event) => event.meta_info)
      assert.deepStrictEqual(told.map((meta) => "response_sent_to_client_ts" in meta), [true, false, false])
      const stop = (yield* native({ sampling_params: { stop: 5 } })).json.error
      assert.strictEqual(stop, "invalid type: integer `5`, expected a value or an array of values for StringOrList")
      const { json, status } = yield* native({ sampling_params: { temperature: "x" } })
      assert.deepStrictEqual([status, json.error], [400, "invalid type: string \"x\", expected f64"])
    }).pipe(on))
})

describe("routes of SGLang beside the generations", () => {
  it.effect("tells its loads, all or some, as metrics too", () =>
    Effect.gen(function*() {
      const { json } = yield* get("/v1/loads")
      assert.deepInclude(json.loads[0], { dp_rank: 0, num_running_reqs: 0, max_total_num_tokens: 512 })
      assert.containsAllKeys(json.loads[0], ["memory", "disaggregation", "queues"])
      const core = (yield* get("/v1/loads?include=core,memory")).json.loads[0]
      assert.property(core, "memory")
      assert.notProperty(core, "queues")
      const { text } = yield* get("/v1/loads?format=prometheus")
      assert.include(text, "# TYPE sglang_disagg_kv_transfer_latency_ms gauge\n")
    }).pipe(on))

  it.effect("encodes natively, and refuses where it was started to generate", () =>
    Effect.gen(function*() {
      for (const path of ["/encode", "/classify"]) {
        assert.include((yield* post(path, {})).json.error.message, "At least one of text, input_ids")
        assert.include((yield* post(path, { text: "x" })).json.error.message, "--is-embedding")
        assert.include((yield* post(path, { text: 5 })).json.message, "'list[list[str]]'")
      }
      assert.include((yield* post("/v1/embeddings", { input: "x", user: 5 })).json.message, "('body', 'user')")
      assert.strictEqual((yield* post("/detokenize", { tokens: [-1] })).status, 500)
    }).pipe(on))

  it.effect("tells what it was started with, and its scheduler's state", () =>
    Effect.gen(function*() {
      const { json } = yield* get("/server_info")
      assert.deepInclude(json, { model_path: "tiny", context_length: 512, status: "ready", frontend: "python" })
      assert.deepInclude(json.internal_states[0], { served_model_name: "tiny", world_size: 1 })
      assert.property((yield* get("/model_info")).json, "embedding")
    }).pipe(on))

  it.effect("keeps two tokens of a response back, and needs the name of a model", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* respond({ max_output_tokens: 8 })).json.usage.output_tokens, 6)
      const low = (yield* respond({ max_output_tokens: 1 })).json.error
      assert.deepInclude(low, { message: "max_new_tokens must be at least 0, got -1.", type: "invalid_request_error" })
      assert.include((yield* respond({ max_output_tokens: 9999 })).json.error.message, "9997 tokens for the completion")
      assert.include(
        (yield* respond({ model: null })).json.error.message,
        "1 validation error for ChatCompletionRequest"
      )
    }).pipe(on))

  it.effect("a seed beyond 64 bits was read as a float", () =>
    Effect.gen(function*() {
      const { json } = yield* post(
        "/v1/chat/completions",
        `{"messages":[{"role":"user","content":"x"}],"seed":18446744073709551616}`
      )
      assert.include(json.message, "'int_parsing_size', 'loc': ('body', 'seed')")
      assert.include(json.message, "'input': 1.8446744073709552e+19}")
    }).pipe(on))

  it.effect("keeps no response, and tells so", () =>
    Effect.gen(function*() {
      for (const [field, value] of [["previous_response_id", "resp_x"], ["background", true]] as const) {
        const { error } = (yield* post("/v1/responses", { model: "tiny", input: "x", [field]: value })).json
        assert.strictEqual(error.param, field)
      }
      assert.deepStrictEqual((yield* post("/v1/responses", { model: "tiny", input: "x" })).json.metadata, {})
    }).pipe(on))
})

describe("bodies and parameters that SGLang 0.5.23 reads in its own way", () => {
  it.effect.each([
    [{ input_ids: "x" }, "must be list or null; got str"],
    [{ text: null, input_ids: ["a"] }, "elements must be int or list; got str"],
    [{ return_logprob: "x" }, "'return_logprob', 'list[bool]'"],
    [{ top_logprobs_num: "x" }, "'top_logprobs_num', 'int'"],
    [{ stream: null }, "'stream'), 'msg': 'Input should be a valid boolean', 'input': None"],
    [{ rid: 5 }, "'rid', 'list[str]'"]
  ] as ReadonlyArray<readonly [body: object, text: string]>)("native: %j", ([body, text]) =>
    Effect.gen(function*() {
      const { json, status } = yield* native(body)
      assert.strictEqual(status, 400)
      assert.include(json.message, text)
    }).pipe(on))

  it.effect.each([
    [{ temperature: true }, "boolean `true`, expected f64"],
    [{ temperature: [1] }, "sequence, expected f64"],
    [{ max_new_tokens: 1.5 }, "floating point `1.5`, expected i64"],
    [{ json_schema: {} }, "map, expected a string"]
  ] as ReadonlyArray<readonly [parameters: object, text: string]>)(
    "parameter: %j",
    ([sampling_params, text]) =>
      Effect.gen(function*() {
        assert.strictEqual((yield* native({ sampling_params })).json.error, `invalid type: ${text}`)
        const parameters = { max_new_tokens: 3, temperature: null }
        assert.strictEqual((yield* native({ sampling_params: parameters })).status, 200)
      }).pipe(on)
  )

  it.effect("a schema beside the type of a format, an empty grammar, states that are hidden", () =>
    Effect.gen(function*() {
      const response_format = { type: "json_schema", schema: { const: "a" } }
      const { choices } = (yield* chat({ response_format, max_tokens: 9 })).json
      assert.strictEqual(choices[0].message.content, "\"a\"")
      assert.strictEqual((yield* chat({ ebnf: "" })).status, 200)
      const hidden = (yield* chat({ return_hidden_states: "last" })).json.message
      assert.include(hidden, "not configured to return hidden states")
      assert.include((yield* chat({ return_hidden_states: "x" })).json.message, "\"literal['last']\"")
      assert.include((yield* chat({ stop_regex: 5 })).json.message, "'stop_regex', 'list[str]'")
      assert.include((yield* post("/v1/completions", "null")).json.message, "model_attributes_type")
    }).pipe(on))

  it.effect("no tokens of no text, and fields of the tokens' routes", () =>
    Effect.gen(function*() {
      assert.deepInclude((yield* post("/tokenize", { prompt: "" })).json, { tokens: [], count: 0 })
      assert.strictEqual((yield* post("/tokenize", { prompt: "x", model: 5 })).status, 400)
      assert.strictEqual((yield* post("/detokenize", { tokens: [5], skip_special_tokens: "x" })).status, 400)
    }).pipe(on))

  it.effect("sends a path with a slash too many to its route, and knows the sections of its loads", () =>
    Effect.gen(function*() {
      const { headers, status } = yield* get("/health/")
      assert.strictEqual(status, 307)
      assert.isTrue(headers["location"]?.endsWith("/health"))
      assert.strictEqual((yield* get("/nowhere/")).status, 404)
      assert.deepStrictEqual((yield* get("/v1/loads?dp_rank=5")).json.loads, [])
      assert.strictEqual((yield* get("/v1/loads?include=zzz")).status, 500)
    }).pipe(on))
})

describe("SGLang without parsers", () => {
  const bare = Effect.provide(Simulator.layer({ engine: "sglang", modelId: "tiny", parsers: false }))
  const parameters = { type: "object", properties: { x: { enum: [1, 2] } }, required: ["x"] }
  const tools = [{ type: "function", function: { name: "f", parameters } }]

  it.effect("writes a call that is required as text, and makes no other", () =>
    Effect.gen(function*() {
      for (const tool_choice of ["required", { type: "function", function: { name: "f" } }]) {
        const [{ finish_reason, message }] = (yield* chat({ tools, tool_choice, max_tokens: 60 })).json.choices
        assert.notProperty(message, "tool_calls")
        assert.strictEqual(finish_reason, "stop")
        const [call] = JSON.parse(message.content)
        assert.strictEqual(call.name, "f")
        assert.include([1, 2], call.parameters.x)
      }
      const [choice] = (yield* chat({ tools })).json.choices
      assert.notProperty(choice.message, "tool_calls")
      assert.isNotEmpty(choice.message.content)
    }).pipe(bare))

  it.effect("tells no thoughts apart", () =>
    Effect.gen(function*() {
      const [{ message }] = (yield* chat({ reasoning_effort: "low" })).json.choices
      assert.strictEqual(message.reasoning_content, null)
      assert.isNotEmpty(message.content)
    }).pipe(bare))
})
