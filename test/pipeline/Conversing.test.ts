import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import * as InferenceEndpointsLLM from "../../src/InferenceEndpointsLLM.ts"
import type * as Message from "../../src/Message.ts"
import * as Conversing from "../../src/pipeline/prepare/Conversing.ts"
import * as Json from "../../src/protocol/Json.ts"
import * as Wire from "../transport/Wire.ts"

const half = "a \ud83d b"

// what a caller without types may write
const message = (value: Record<string, unknown>) => ({ role: "user", content: "x", ...value }) as Message.Message

const paths = (input: Message.Input, options = {}) => Conversing.check(input, options).map(({ path }) => path.join("."))

describe("a key of a message that is written otherwise", () => {
  for (
    const [key, meant] of [
      ["toolCallId", "tool_call_id"],
      ["toolCalls", "tool_calls"],
      ["tool-call-id", "tool_call_id"],
      ["reasoningContent", "reasoning_content"],
      ["Name", "name"],
      ["nmae", "name"],
      ["nam", "name"],
      ["tool_call", "tool_calls"],
      ["tool_cal_id", "tool_call_id"]
    ] as const
  ) {
    it(`${key} is refused, and ${meant} is named`, () => {
      const [issue] = Conversing.check([message({ [key]: "x" })], {})
      assert.deepStrictEqual(issue?.path, ["messages", "0", key])
      assert.include(issue?.message, `write ${meant}`)
    })
  }

  it("is told inside of parts and calls too", () => {
    const parts = [{ type: "image_url", imageUrl: { url: "x" } }, { type: "text", txt: "x" }]
    const calls = [{ id: "1", type: "function", function: { name: "f", args: "{}", argument: "{}" }, functon: {} }]
    assert.deepStrictEqual(paths([message({ content: parts })]), [
      "messages.0.content.0.imageUrl",
      "messages.0.content.1.txt"
    ])
    assert.deepStrictEqual(paths([message({ role: "assistant", tool_calls: calls })]), [
      "messages.0.tool_calls.0.function.argument"
    ])
  })

  it("that belongs to nobody reaches the template", () => assert.deepStrictEqual(paths([message({ weight: 1 })]), []))

  it("content that is missing is told, but for the assistant, whose calls may stand alone", () => {
    assert.deepStrictEqual(paths([{ role: "user" }, { role: "assistant" }, { role: "tool", content: null }]), [
      "messages.0.content",
      "messages.2.content"
    ])
  })
})

describe("half of a surrogate pair", () => {
  const places: ReadonlyArray<readonly [path: string, input: Message.Input, options?: Record<string, unknown>]> = [
    ["prompt", half],
    ["raw", { raw: half }],
    ["messages.0.content", [message({ content: half })]],
    ["messages.0.content.1.text", [message({ content: [{ type: "text", text: "x" }, { type: "text", text: half }] })]],
    ["messages.0.name", [message({ name: half })]],
    ["messages.0.tool_calls.0.function.arguments.a", [
      message({ tool_calls: [{ id: "1", type: "function", function: { name: "f", arguments: { a: half } } }] })
    ]],
    ["stopSequences.1", "x", { stopSequences: ["y", half] }],
    ["toolPrompt", "x", { toolPrompt: half }],
    ["tools.0.description", "x", { tools: [{ name: "f", description: half, parameters: {} }] }],
    ["tools.0.parameters.properties.a.description", "x", {
      tools: [{ name: "f", parameters: { properties: { a: { description: half } } } }]
    }],
    ["templateVariables.v", "x", { templateVariables: { v: half } }],
    [`extra.${half}`, "x", { extra: { [half]: 1 } }]
  ]
  for (const [path, input, options] of places) {
    it(`in ${JSON.stringify(path)} is refused with its path`, () =>
      assert.deepStrictEqual(paths(input, options), [path]))
  }

  it.prop("is found wherever it is, and nowhere else", [Schema.Json, Schema.String], ([value, text]) => {
    const whole = { value: JSON.stringify(value), [text.toWellFormed()]: 1 }
    assert.strictEqual(Json.brokenText({ whole, text: text.toWellFormed() }), undefined)
    assert.deepStrictEqual(Json.brokenText({ whole, list: [1, `${text.toWellFormed()}\udc00`] }), ["list", "1"])
  })

  const said: ReadonlyArray<readonly [where: string, path: string, input: string, own: object, call?: object]> = [
    ["a prompt alone", "prompt", half, {}],
    ["a prompt beside settings of the call", "prompt", half, {}, { delivery: "unary" }],
    ["the options of the service", "toolPrompt", "x", { toolPrompt: half }],
    ["the options of the service, beside settings of the call", "toolPrompt", "x", { toolPrompt: half }, {
      revive: false
    }],
    ["the options of the call", "toolPrompt", "x", {}, { toolPrompt: half }]
  ]
  for (const [where, path, input, generationOptions, call] of said) {
    it.effect(`is refused by the service in ${where}`, () =>
      Effect.gen(function*() {
        const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
        const error = yield* Effect.flip(llm.generate(input, call))
        assert.include(error.message, `${path} contains half of a surrogate pair`)
      }).pipe(Effect.provide(InferenceEndpointsLLM.layerTest(() => "never", { generationOptions }))))
  }

  it.effect("is not sent by the client of the wire either", () => {
    const wire = Wire.make(() => Wire.json({ generated_text: "x" }))
    return Effect.gen(function*() {
      const client = yield* Wire.client()
      const error = yield* Effect.flip(client.generate({ inputs: half }))
      assert.strictEqual(error.reason._tag, "InvalidRequest")
      assert.include(error.message, "inputs contains half of a surrogate pair")
      // written as such by the caller, it is six characters that are whole
      yield* client.generate({ inputs: String.raw`\ud83d` })
      assert.lengthOf(wire.requests, 1)
    }).pipe(Effect.provide(wire.layer))
  })
})
