import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { Simulator, type SimulatorOptions } from "../../src/simulator/index.ts"
import { post, user } from "./Wire.ts"

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

describe("what vLLM refuses of fields", () => {
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
      [{ max_output_tokens: 9999 }, 400, "max_output_tokens"]
    ] as const
  )("refuses what it does not know or does not keep (%#)", ([body, status, param]) =>
    Effect.gen(function*() {
      const response = yield* post("/v1/responses", respond(body))
      assert.strictEqual(response.status, status)
      const { error } = yield* Schema.decodeUnknownEffect(Failure)(response.json)
      assert.strictEqual(error.param, param)
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
