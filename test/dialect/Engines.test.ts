import { assert, describe, it } from "@effect/vitest"
import * as Dialect from "../../src/dialect/Dialect.ts"
import * as Dialects from "../../src/dialect/Dialects.ts"
import type { Kind } from "../../src/endpoint/address/Engine.ts"
import type * as GenerationOptions from "../../src/GenerationOptions.ts"
import type { Message } from "../../src/Message.ts"

const tools = [{ name: "f", parameters: {} }, { name: "g", parameters: {} }]
const said: ReadonlyArray<Message> = [{ role: "user", content: "hi" }]
const prefilled: ReadonlyArray<Message> = [...said, { role: "assistant", content: "So" }]

const encode = (
  kind: Kind,
  options: GenerationOptions.GenerationOptions,
  rest: Partial<Dialect.GenerateRequest> = {}
) =>
  Dialect.encode(Dialects.all[kind], {
    input: { _tag: "Messages", messages: said },
    model: "base",
    options,
    stream: false,
    ...rest
  })

const bodyOf = ({ call }: Dialect.Encoded): Record<string, unknown> => ({ ...call.body })
const conflicts = (...args: Parameters<typeof encode>) => encode(...args).conflicts.map(({ path }) => path.join("."))

describe("llama.cpp", () => {
  it("gets a tool that is asked for by name alone, with `required`", () => {
    const { tool_choice, tools: sent } = bodyOf(encode("llamacpp", { tools, toolChoice: { name: "g" } }))
    assert.deepStrictEqual([tool_choice, sent], [
      "required",
      [{ type: "function", function: { name: "g", parameters: {} } }]
    ])
  })

  it("gets at least one alternative, as none would mean no log probabilities", () =>
    assert.strictEqual(bodyOf(encode("llamacpp", { topLogprobs: 0 }))["top_logprobs"], 1))

  it("is asked for log probabilities with tools whole, and refuses them in a stream", () => {
    const options = { tools, logprobs: true }
    assert.isTrue(Dialects.all.llamacpp.whole?.(options))
    assert.isFalse(Dialects.all.llamacpp.whole?.({ tools }))
    assert.deepStrictEqual(conflicts("llamacpp", options), [])
    assert.deepStrictEqual(conflicts("llamacpp", options, { stream: true }), ["logprobs"])
  })
})

describe("structured output", () => {
  const constraint = { response_format: {} }

  it("and tools exclude each other on TGI, forced ones on SGLang, and none elsewhere", () => {
    for (const toolChoice of ["auto", "required", { name: "f" }] as const) {
      assert.deepStrictEqual(conflicts("tgi", { tools, toolChoice }, { constraint }), ["tools"])
      assert.deepStrictEqual(
        conflicts("sglang", { tools, toolChoice }, { constraint }),
        toolChoice === "auto" ? [] : ["toolChoice"]
      )
      assert.deepStrictEqual(conflicts("llamacpp", { tools, toolChoice }, { constraint }), [])
    }
    assert.deepStrictEqual(conflicts("tgi", { tools, toolChoice: "none" }, { constraint }), [])
    assert.deepStrictEqual(conflicts("tgi", { tools }), [])
  })
})

describe("SGLang", () => {
  it("continues a last message of the assistant unless it shall not", () => {
    const input = { _tag: "Messages", messages: prefilled } as const
    assert.isTrue(bodyOf(encode("sglang", {}, { input }))["continue_final_message"])
    assert.notProperty(bodyOf(encode("sglang", {})), "continue_final_message")
    assert.notProperty(bodyOf(encode("sglang", { continueFinalMessage: false }, { input })), "continue_final_message")
  })
})

const sampled = (options: GenerationOptions.GenerationOptions) => bodyOf(encode("hf-serve", options))["temperature"]

describe("hf-serve", () => {
  it("says greedy by no temperature, and samples at 1 by the next value", () => {
    assert.deepStrictEqual(
      [{ temperature: 0 }, { temperature: 0.7, doSample: false }, {}, { temperature: 1 }, { doSample: true }, {
        temperature: 0.7
      }].map(sampled),
      [undefined, undefined, undefined, 1.0001, 1.0001, 0.7]
    )
  })

  it("takes no rendered prompt", () =>
    assert.deepStrictEqual(conflicts("hf-serve", {}, { input: { _tag: "Prompt", text: "x" } }), [""]))

  it("gets the parts of a system message as one text, as it would lose them", () => {
    const parts = [{ type: "text", text: "a" }, { type: "text", text: "b" }] as const
    const messages: ReadonlyArray<Message> = [{ role: "system", content: parts }, { role: "user", content: parts }]
    const { call } = encode("hf-serve", {}, { input: { _tag: "Messages", messages } })
    assert.deepStrictEqual(call.route === "chat" && call.body.messages.map(({ content }) => content), ["ab", parts])
  })

  it("gets no tools where none may be called, as it would call them all the same; nor does transformers serve", () => {
    for (const kind of ["hf-serve", "transformers"] as const) {
      assert.notProperty(bodyOf(encode(kind, { tools, toolChoice: "none" })), "tools")
      assert.property(bodyOf(encode(kind, { tools, toolChoice: "auto" })), "tools")
    }
  })
})
