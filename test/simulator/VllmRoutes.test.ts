import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Simulator, type SimulatorOptions } from "../../src/simulator/index.ts"
import { events, post, user } from "./Wire.ts"

const on = (options: SimulatorOptions.Options = {}) =>
  Effect.provide(Simulator.layer({ engine: "vllm", modelId: "tiny", ...options }))

const Failure = Schema.Struct({
  error: Schema.Struct({ message: Schema.String, type: Schema.String, param: Schema.NullOr(Schema.String) })
})
const Named = Schema.Struct({
  type: Schema.Literal("error"),
  error: Schema.Struct({ type: Schema.String, message: Schema.String })
})

const failure = (path: string, body: object) =>
  Effect.flatMap(post(path, body), ({ json }) => Schema.decodeUnknownEffect(Failure)(json))

const chat = (body: object) => failure("/v1/chat/completions", { messages: user("Hi"), max_tokens: 4, ...body })
const complete = (body: object) => failure("/v1/completions", { prompt: "Hi", max_tokens: 4, ...body })
const messages = (body: object) => ({ model: "tiny", messages: user("Hi"), max_tokens: 4, ...body })
const names = (text: string) => [...text.matchAll(/^event: (.+)$/gm)].map(([, name]) => name)
const tool = { name: "f", input_schema: { type: "object", properties: { x: { type: "integer" } } } }

const respond = (body: object) => ({ model: "tiny", input: "Hi", max_output_tokens: 4, ...body })
const said = (path: string, body: object) =>
  Effect.map(failure(path, body), ({ error }) => error.message.split("\n").at(-1) ?? "")
const count = (body: object) => Effect.map(post("/v1/messages/count_tokens", messages(body)), ({ json }) => json)

const patterned = (regex: string) =>
  post("/v1/chat/completions", { messages: user("Hi"), structured_outputs: { regex } })
const python = (fields: string) =>
  Effect.map(
    post("/v1/chat/completions", `{"messages":[{"role":"user","content":"NaN"}],${fields}}`),
    ({ json }) => json.error?.message ?? json.object
  )
const contained = (content: unknown) =>
  Effect.map(chat({ messages: [{ role: "user", content }] }), ({ error }) => error.message)

describe("what vLLM refuses of a message", () => {
  it.effect.each(
    [
      [{ role: "user", content: null }, 19, "ChatCompletionDeveloperMessageParam.content"],
      [{ role: "user", content: 5 }, 22, "ChatCompletionDeveloperMessageParam.content"],
      [{ content: "x" }, 11, "ChatCompletionDeveloperMessageParam.role"],
      ["hi", 8, "ChatCompletionDeveloperMessageParam"],
      [{}, 15, "ChatCompletionDeveloperMessageParam.content"]
    ] as const
  )("counts what each of eight forms has against it (%#)", ([message, count, first]) =>
    Effect.gen(function*() {
      const { error } = yield* chat({ messages: [message] })
      assert.isTrue(error.message.startsWith(`${count} validation errors:\n`), error.message)
      assert.strictEqual(error.param, `body.messages.0.${first}`)
    }).pipe(on()))

  it.effect.each(
    [
      [[{ type: "zzz" }], "8 validation errors for ValidatorIterator\n0.ChatCompletionContentPartTextParam.text\n"],
      [[{ type: "text" }], "7 validation errors"],
      [["a"], "4 validation errors"]
    ] as const
  )("and looks at the parts of a content behind everything else (%#)", ([content, start]) =>
    Effect.gen(function*() {
      const { error } = yield* chat({ messages: [{ role: "user", content }] })
      assert.isTrue(error.message.startsWith(start), error.message)
      assert.include(error.message, "https://errors.pydantic.dev/2.14/v/")
    }).pipe(on()))
})

describe("what vLLM refuses of the calls of a message", () => {
  const call = { id: "c", type: "function", function: { name: "f", arguments: "{}" } }
  const form = "body.0.ChatCompletionMessageFunctionToolCallParam"

  it.effect.each(
    [
      [{ ...call, function: undefined }, 3, `${form}.function`],
      [{ ...call, function: { name: "f" } }, 3, `${form}.function`],
      [{ ...call, function: { arguments: "{}" } }, 3, `${form}.function.name`],
      [{ ...call, function: { name: "f", arguments: {} } }, 3, `${form}.function`],
      [{ ...call, id: 1 }, 4, `${form}.id`],
      [{ ...call, type: "zzz" }, 3, `${form}.type`],
      ["x", 2, form]
    ] as const
  )("counts what both forms of a call have against it (%#)", ([broken, count, param]) =>
    Effect.gen(function*() {
      const said = { role: "assistant", content: null, tool_calls: [broken] }
      const { error } = yield* chat({ model: "unknown", messages: [...user("Hi"), said] })
      assert.strictEqual(error.message.split("\n")[0], `${count} validation errors:`)
      assert.strictEqual(error.param, param)
    }).pipe(on()))

  it.effect("and takes those that fit", () =>
    Effect.gen(function*() {
      const said = { role: "assistant", content: null, tool_calls: [call] }
      const { status } = yield* post("/v1/chat/completions", {
        messages: [...user("Hi"), said, { role: "tool", tool_call_id: "c", content: "ok" }]
      })
      assert.strictEqual(status, 200)
    }).pipe(on()))
})

describe("calls that vLLM has to cut", () => {
  const tools = [{ type: "function", function: { ...tool, parameters: tool.input_schema, strict: true } }]
  const forced = { messages: user("Hi"), tools, tool_choice: "required" }
  const deltas = (max_tokens: number) =>
    Effect.map(
      post("/v1/chat/completions", { ...forced, max_tokens, stream: true }),
      ({ text }) => events(text).map(({ choices }) => choices[0].delta)
    )

  it.effect("are text in a whole response, as the model wrote them", () =>
    Effect.gen(function*() {
      const { json } = yield* post("/v1/chat/completions", { ...forced, max_tokens: 8 })
      const [{ finish_reason, message }] = json.choices
      assert.strictEqual(finish_reason, "length")
      assert.isTrue(message.content.startsWith("<tool_call>"), message.content)
      assert.notProperty(message, "tool_calls")
      assert.strictEqual(json.usage.completion_tokens, 8)
      const responded = yield* post("/v1/responses", {
        ...respond({ max_output_tokens: 8, tool_choice: "required" }),
        tools: [{ type: "function", name: "f", parameters: {}, strict: true }]
      })
      assert.strictEqual(responded.json.output[0].type, "message")
      const named = yield* post("/v1/messages", { ...messages({ tools: [tool] }), tool_choice: { type: "any" } })
      assert.strictEqual(named.json.content[0].type, "text")
    }).pipe(on()))

  it.effect("are what was ready of them in a stream, and an event of its own ends it", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* deltas(4), [{ role: "assistant", content: "" }, {}])
      const [, called, end, ...rest] = yield* deltas(16)
      assert.strictEqual(called.tool_calls[0].function.name, "f")
      assert.deepStrictEqual([end, rest], [{}, []])
      const body = { ...respond({ tool_choice: "required", stream: true }), tools: [{ type: "function", name: "f" }] }
      const { text } = yield* post("/v1/responses", body)
      assert.deepStrictEqual(names(text), ["response.created", "response.in_progress", "response.completed"])
    }).pipe(on()))
})

describe("what vLLM refuses of fields", () => {
  it.effect.each(
    [
      ["[", "^\nerror: unclosed character class"],
      ["*", "^\nerror: repetition operator missing expression"],
      ["a{2,1}", " ^^^^^\nerror: invalid repetition count range, the start must be <= the end"],
      ["a{,2}", "  ^\nerror: repetition quantifier expects a valid decimal"],
      [")", "^\nerror: unopened group"],
      ["a(b", " ^\nerror: unclosed group"],
      ["[z-a]", " ^^^\nerror: invalid character class range, the start must be <= the end"],
      ["\\1", "^^\nerror: backreferences are not supported"],
      ["a(?!b)", " ^^^\nerror: look-around, including look-ahead and look-behind, is not supported"]
    ] as const
  )("by the place of a mistake in a pattern (%#)", ([regex, expected]) =>
    Effect.gen(function*() {
      const { error } = yield* chat({ structured_outputs: { regex } })
      assert.include(error.message, `regex parse error:\n    ${regex}\n    ${expected}\n   1 | start: /${regex}/\n`)
    }).pipe(on()))

  it.effect("and fails at patterns that its two compilers do not both take", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* patterned("(?<n>a)")).status, 200)
      assert.strictEqual((yield* patterned("(?P<n>a)")).status, 500)
      const word = yield* chat({ structured_outputs: { regex: "\\bfoo" } })
      assert.include(word.error.message, "lookarounds not supported yet; WordUnicode in regex /\\bfoo/")
      const tag = yield* chat({ structured_outputs: { structural_tag: "x" } })
      assert.include(tag.error.message, "Invalid structured_outputs structural_tag specification.")
    }).pipe(on()))

  it.effect("and of numbers that only Python's JSON has", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        yield* python(`"temperature":NaN`),
        "temperature must be a finite number, got nan. (parameter=temperature, value=nan)"
      )
      assert.strictEqual(
        yield* python(`"presence_penalty":-Infinity`),
        "presence_penalty must be in [-2, 2], got -inf."
      )
      assert.include(yield* python(`"seed":Infinity`), "Input should be a finite number")
      assert.strictEqual(yield* python(`"foo":NaN`), "chat.completion")
    }).pipe(on()))

  it.effect("and of contents that are neither a text nor a list", () =>
    Effect.gen(function*() {
      assert.isTrue((yield* contained({ type: "text" })).startsWith("4 validation errors for ValidatorIterator\n"))
      const image = yield* contained([{ type: "image_url", image_url: "x" }])
      assert.isTrue(image.startsWith("1 validation error for ChatCompletionContentPartImageParam\nimage_url\n"), image)
      const sound = yield* contained([{ type: "input_audio", input_audio: { data: "aa", format: "wav" } }])
      assert.strictEqual(sound, "tiny is not a multimodal model")
    }).pipe(on()))

  it.effect.each(
    [
      [{ skip_special_tokens: "x" }, "body.skip_special_tokens"],
      [{ priority: "x" }, "body.priority"],
      [{ request_id: 5 }, "body.request_id"],
      [{ documents: "x" }, "body.documents"],
      [{ kv_transfer_params: "x" }, "body.kv_transfer_params"],
      [{ repetition_detection: "x" }, "body.repetition_detection"],
      [{ add_generation_prompt: "maybe" }, "body.add_generation_prompt"],
      [{ stop_token_ids: [-1] }, "stop_token_ids"],
      [{ allowed_token_ids: [999_999] }, "allowed_token_ids"],
      [{ logprobs: true, logprob_token_ids: [999_999] }, "logprob_token_ids"],
      [{ prompt_logprobs: 21 }, "prompt_logprobs"],
      [{ truncate_prompt_tokens: 0 }, null],
      [{ truncate_prompt_tokens: 10_000 }, "truncate_prompt_tokens"]
    ] as const
  )("by their types, and what the engine knows of its tokens (%#)", ([body, param]) =>
    Effect.gen(function*() {
      assert.strictEqual((yield* chat(body)).error.param, param)
    }).pipe(on()))

  it.effect("and an empty prompt of ids, or embeddings that nobody asked to have", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* complete({ prompt: [[]] })).error.message, "The decoder prompt cannot be empty")
      assert.strictEqual((yield* complete({ prompt: ["a", ""] })).error.message, "The decoder prompt cannot be empty")
      assert.strictEqual((yield* complete({ suffix: "" })).error.param, "suffix")
      assert.strictEqual((yield* complete({ suffix: 5 })).error.param, "body.suffix")
      assert.strictEqual((yield* complete({ prompt_embeds: "x" })).error.param, "prompt_embeds")
    }).pipe(on()))

  it.effect("on the other routes", () =>
    Effect.gen(function*() {
      assert.include(yield* said("/detokenize", { tokens: [-1] }), "greater than or equal to 0")
      assert.include(yield* said("/detokenize", { model: "x", tokens: [1] }), "does not exist")
      assert.include(yield* said("/v1/chat/completions/batch", { messages: [] }), "at least 1 item")
      assert.include(
        yield* said("/v1/chat/completions/batch", { messages: [user("a")], n: 2 }),
        "do not support `n > 1`"
      )
      assert.include(yield* said("/generative_scoring", { query: "a", items: [], label_token_ids: [1] }), "one item")
      assert.strictEqual((yield* post("/invocations", { model: "any", prompt: "a" })).status, 200)
      assert.include(yield* said("/invocations", []), "list indices must be integers or slices")
      const decided = yield* post("/v1/systemone", { state: "a", questions: {} })
      assert.deepStrictEqual([decided.status, decided.json.error.type], [501, "NotImplementedError"])
      assert.deepStrictEqual((yield* post("/tokenize", { prompt: "" })).json.tokens, [])
      assert.isTrue((yield* failure("/tokenize", [])).error.message.startsWith("2 validation errors:\n"))
      const named = yield* post("/v1/messages", {
        ...messages({ tools: [tool] }),
        tool_choice: { type: "tool", name: "g" }
      })
      assert.strictEqual(named.json.error.message, "The tool with name 'g' is not found in the tools list.")
      const { text } = yield* post("/v1/completions", {
        prompt: "a",
        max_tokens: 2,
        stream: true,
        return_token_ids: true
      })
      assert.isArray(events(text)[0].choices[0].prompt_token_ids)
    }).pipe(on()))
})

describe("/v1/responses of vLLM", () => {
  it.effect.each(
    [
      [{ input: 5 }, 400, "body.input"],
      [{ include: ["zzz"] }, 400, "body.include.0"],
      [{ truncation: "x" }, 400, "body.truncation"],
      [{ reasoning: { effort: "huge" } }, 400, "body.reasoning.effort"],
      [{ prompt: { id: "x" } }, 400, "prompt"],
      [{ previous_response_id: "resp_x" }, 404, "response_id"],
      [{ background: true }, 400, "background"],
      [{ max_output_tokens: 9999 }, 400, "max_output_tokens"],
      [{ max_output_tokens: 0 }, 400, "max_tokens"],
      [{ tool_choice: "required" }, 400, "tool_choice"],
      [{ tools: [{ type: "function", name: "f" }], tool_choice: { type: "function", name: "g" } }, 400, "tool_choice"],
      [{ text: { verbosity: "x" } }, 400, "body.text.verbosity"],
      [{ store: "maybe" }, 400, "body.store"],
      [{ service_tier: "x" }, 400, "body.service_tier"],
      [{ presence_penalty: 5 }, 400, "body.presence_penalty"]
    ] as const
  )("refuses what it does not know or does not keep (%#)", ([body, status, param]) =>
    Effect.gen(function*() {
      const response = yield* post("/v1/responses", respond(body))
      assert.strictEqual(response.status, status)
      const { error } = yield* Schema.decodeUnknownEffect(Failure)(response.json)
      assert.strictEqual(error.param, param)
    }).pipe(on()))

  it.effect.each(
    [
      [{ tools: [{ type: "function", function: { name: "f" } }] }, 26, "body.tools.0.FunctionTool.name"],
      [{ tools: [{ type: "zzz" }] }, 27, "body.tools.0.FunctionTool.name"],
      [{ tools: ["x"] }, 16, "body.tools.0.FunctionTool"],
      [{ tools: [{ type: "function", name: "f", parameters: "x" }] }, 24, "body.tools.0.FunctionTool.parameters"],
      [{ tools: [{ type: "function", name: "f" }], tool_choice: "any" }, 9, "body.tool_choice"],
      [{ tools: [{ type: "function", name: "f" }], tool_choice: { type: "zzz" } }, 14, "body.tool_choice"],
      [{ tool_choice: "any" }, 9, "body.tool_choice"],
      [{ text: { format: { type: "zzz" } } }, 5, "body.text.format.ResponseFormatText.type"],
      [{ text: { format: { type: "json_schema", json_schema: {} } } }, 4, "body.text.format.ResponseFormatText.type"]
    ] as const
  )(
    "counts what each form of a tool, a choice or a format has against it (%#)",
    ([body, count, param]) =>
      Effect.gen(function*() {
        const { error } = yield* failure("/v1/responses", respond(body))
        assert.isTrue(error.message.startsWith(`${count} validation errors:\n`), error.message)
        assert.strictEqual(error.param, param)
      }).pipe(on())
  )

  it.effect("takes tools that it does not run, and speaks of images as the chat does", () =>
    Effect.gen(function*() {
      const { json, status } = yield* post("/v1/responses", respond({ tools: [{ type: "web_search" }] }))
      assert.deepStrictEqual([status, json.tool_choice, json.output[0].type], [200, "auto", "message"])
      const image = { type: "input_image", image_url: "data:image/png;base64,aa" }
      const { error } = yield* failure("/v1/responses", respond({ input: [{ role: "user", content: [image] }] }))
      assert.strictEqual(error.message, "tiny is not a multimodal model")
      const odd = yield* failure("/v1/messages", messages({ thinking: { type: "zzz" } }))
      assert.strictEqual(odd.error.param, "body.thinking")
      assert.include(odd.error.message, "'enabled', 'disabled', 'adaptive'")
    }).pipe(on()))

  it.effect("gives log probabilities where they are included, in its stream without bytes", () =>
    Effect.gen(function*() {
      const include = ["message.output_text.logprobs"]
      assert.isNull((yield* post("/v1/responses", respond({ top_logprobs: 2 }))).json.top_logprobs)
      assert.strictEqual((yield* post("/v1/responses", respond({ include }))).json.top_logprobs, 0)
      const { text } = yield* post("/v1/responses", respond({ include, top_logprobs: 2, stream: true }))
      const said = /^event: response.output_text.delta\ndata: (.+)$/m.exec(text)?.[1] ?? ""
      const [told] = JSON.parse(said).logprobs
      assert.deepStrictEqual(Object.keys(told), ["token", "logprob", "top_logprobs"])
      assert.lengthOf(told.top_logprobs, 2)
    }).pipe(on()))

  it.effect("streams a thought, a text and a call as items of their own, with sorted fields", () =>
    Effect.gen(function*() {
      const { text } = yield* post(
        "/v1/responses",
        respond({ max_output_tokens: 90, stream: true, tools: [{ ...tool, type: "function" }] })
      )
      assert.deepStrictEqual([...new Set(names(text))], [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.reasoning_text.delta",
        "response.reasoning_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.output_text.delta",
        "response.output_text.done",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.completed"
      ])
      assert.match(
        text,
        /data: {"content_index":0,"delta":"[^"]*","item_id":"msg_[^"]+","logprobs":\[\],"output_index":1,"seq/
      )
    }).pipe(on({
      script: () => ({ reasoning: "So.", text: "Here.", toolCalls: [{ name: "f", arguments: { x: 1 } }] })
    })))
})

describe("/v1/messages of vLLM", () => {
  it.effect("answers in blocks, and calls tools", () =>
    Effect.gen(function*() {
      const { json: body } = yield* post("/v1/messages", messages({ max_tokens: 90, tools: [tool] }))
      assert.deepInclude(body, { type: "message", role: "assistant", stop_reason: "tool_use" })
      const types = /"content":\[(.*)\],"model"/.exec(JSON.stringify(body))?.[1] ?? ""
      assert.deepStrictEqual([...types.matchAll(/"type":"(thinking|text|tool_use)"/g)].map(([, type]) => type), [
        "thinking",
        "text",
        "tool_use"
      ])
    }).pipe(on({
      script: () => ({ reasoning: "So.", text: "Here.", toolCalls: [{ name: "f", arguments: { x: 1 } }] })
    })))

  it.effect("streams named events in Anthropic's order", () =>
    Effect.gen(function*() {
      const text = (yield* post("/v1/messages", messages({ stream: true }))).text
      assert.deepStrictEqual([...new Set(names(text))], [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop"
      ])
      assert.include(text, "\"stop_reason\":\"max_tokens\"")
    }).pipe(on()))

  it.effect("reads results of tools, systems and blocks as the messages of a chat", () =>
    Effect.gen(function*() {
      const turns = [
        { role: "user", content: [{ type: "text", text: "Hi" }] },
        { role: "assistant", content: [{ type: "tool_use", id: "t", name: "f", input: { x: 1 } }] },
        { role: "user", content: [{ type: "tool_result", tool_use_id: "t", content: "ok" }] }
      ]
      const { input_tokens: all } = Object(yield* count({ messages: turns, system: "Be brief" }))
      const { input_tokens: without } = Object(yield* count({ messages: turns.slice(0, 1) }))
      assert.isAbove(Number(all), Number(without))
    }).pipe(on()))

  it.effect.each(
    [
      [{ max_tokens: 0 }, "Value error, max_tokens must be positive"],
      [{ model: "" }, "Value error, Model is required"],
      [{ messages: [{ role: "x", content: "x" }] }, "Input should be 'user', 'assistant' or 'system'"],
      [{ tools: [{ name: "f" }] }, "body.tools.0.input_schema"],
      [
        { thinking: { type: "enabled", budget_tokens: 2000 } },
        "Value error, thinking.budget_tokens must be less than max_tokens"
      ]
    ] as const
  )("refuses by its types in the words of the others (%#)", ([body, message]) =>
    Effect.gen(function*() {
      assert.include((yield* failure("/v1/messages", messages(body))).error.message, message)
    }).pipe(on()))

  it.effect.each([[{ model: "x" }, "NotFoundError"], [{ temperature: 9 }, "BadRequestError"]] as const)(
    "and what is refused behind them in Anthropic's form (%#)",
    ([body, type]) =>
      Effect.gen(function*() {
        const response = yield* post("/v1/messages", messages(body))
        const { error } = yield* Schema.decodeUnknownEffect(Named)(response.json)
        assert.strictEqual(error.type, type)
      }).pipe(on())
  )
})
