import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Dialect from "../../src/dialect/Dialect.ts"
import * as Dialects from "../../src/dialect/Dialects.ts"
import type { Kind } from "../../src/endpoint/Engine.ts"
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
const seedOf = (kind: Kind, seed: bigint) => BigInt(String(bodyOf(encode(kind, { seed }))["seed"]))
const conflicts = (...args: Parameters<typeof encode>) => encode(...args).conflicts.map(({ path }) => path.join("."))

const U64 = Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 0n, maximum: 2n ** 64n - 1n }))
const randomly: ReadonlyArray<readonly [Kind, bits: number, random: bigint]> = [
  ["llamacpp", 32, 2n ** 32n - 1n],
  ["hf-serve", 32, 0n],
  ["vllm", 64, 2n ** 64n - 1n]
]

describe("a seed", () => {
  it.prop("never becomes one that an engine takes for chance", [U64], ([seed]) => {
    for (const [kind, bits, random] of randomly) {
      for (const given of [seed, random, BigInt.asUintN(bits, seed)]) {
        assert.notStrictEqual(BigInt.asUintN(bits, seedOf(kind, given)), random)
      }
    }
  })

  it("that an engine has is sent as it is, and one that it has not with a word", () => {
    for (const [kind, , random] of randomly) {
      assert.deepStrictEqual([seedOf(kind, 7n), encode(kind, { seed: 7 }).changed], [7n, []])
      assert.match(encode(kind, { seed: random }).changed[0]?.message ?? "", /^seed is changed for .+ on .+: .{10,}/)
    }
  })
})

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
    assert.deepStrictEqual(encode("hf-serve", { temperature: 3 }).unsupported.map(({ path }) => path), [[
      "temperature"
    ]])
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
