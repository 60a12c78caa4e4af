import { assert, describe, it } from "@effect/vitest"
import * as ChatCompletion from "../../src/protocol/ChatCompletion.ts"
import * as Completion from "../../src/protocol/Completion.ts"

const choice = (delta: unknown, finish?: unknown) => ({ choices: [{ index: 0, delta, finish_reason: finish }] })
const call = { index: 0, id: "0", type: "function", function: { name: "f", arguments: "{" } }

describe("ChatCompletion.chunk", () => {
  const accepted: ReadonlyArray<readonly [name: string, chunk: unknown]> = [
    ["with text", choice({ role: "assistant", content: "a" }, null)],
    ["of TGI 1.4.3: an empty delta", choice({}, "eos_token")],
    ["with a delta that is null", choice(null, "stop")],
    ["without finish reason", { choices: [{ delta: { content: "a" } }] }],
    ["with an empty finish reason", choice({ content: "a" }, "")],
    ["with null content", choice({ role: "assistant", content: null })],
    ["of TGI 3.2: calls in a list", choice({ tool_calls: [call] })],
    [
      "before TGI 3.2: one call, id empty, name null",
      choice({ tool_calls: { ...call, id: "", function: { name: null, arguments: "{" } } })
    ],
    [
      "of TGI 1.4.3: a call with a number for its id, arguments as a value",
      choice({ tool_calls: { id: 0, function: { name: "f", parameters: { a: 1 } } } })
    ],
    ["with null calls", choice({ content: "a", tool_calls: null })],
    ["with no choices but usage", { choices: [], usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 } }],
    ["with usage that is null", { ...choice({ content: "a" }), usage: null }],
    ["with vLLM's reasoning", choice({ reasoning: "hm" })],
    ["with SGLang's reasoning", choice({ reasoning_content: "hm", content: null })],
    ["with logprobs", {
      choices: [{ delta: { content: "a" }, logprobs: { content: [{ token: "a", logprob: null, top_logprobs: [] }] } }]
    }],
    ["with fields of other engines", {
      ...choice({ content: "a" }),
      object: "chat.completion.chunk",
      timings: {},
      sglext: 1
    }],
    ["without choices", {}],
    ["with choices that are null", { choices: null }]
  ]
  for (const [name, chunk] of accepted) {
    it(`takes an event ${name}`, () =>
      assert.isTrue(ChatCompletion.chunk.is(chunk), ChatCompletion.chunk.explain(chunk)))
  }

  const refused: ReadonlyArray<readonly [name: string, chunk: unknown, place: string]> = [
    ["with choices that are a text", { choices: "a" }, "choices"],
    ["with content that is a number", choice({ content: 1 }), "content"],
    ["with a finish reason that is a number", choice({ content: "a" }, 1), "finish_reason"],
    ["with a count that is a text", { choices: [], usage: { prompt_tokens: "1" } }, "prompt_tokens"]
  ]
  for (const [name, chunk, place] of refused) {
    it(`refuses an event ${name}, and names the place`, () => {
      assert.isFalse(ChatCompletion.chunk.is(chunk))
      assert.include(ChatCompletion.chunk.explain(chunk), place)
    })
  }
})

describe("ChatCompletion.response", () => {
  const accepted: ReadonlyArray<readonly [name: string, message: unknown]> = [
    ["with text", { role: "assistant", content: "a" }],
    ["with calls and no content key", {
      role: "assistant",
      tool_calls: [{ id: "0", type: "function", function: { description: null, name: "f", arguments: "{}" } }]
    }],
    ["of TGI before 3.2: arguments as a value", {
      role: "assistant",
      tool_calls: [{ id: 0, type: "function", function: { name: "f", arguments: { a: 1 } } }]
    }],
    ["of TGI 1.4.3: one call, no list", {
      role: "assistant",
      tool_calls: { id: 0, function: { name: "f", parameters: {} } }
    }],
    ["with a refusal", { role: "assistant", content: null, refusal: "no" }]
  ]
  for (const [name, message] of accepted) {
    it(`takes an answer ${name}`, () => {
      const response = { choices: [{ index: 0, message, finish_reason: "stop" }] }
      assert.isTrue(ChatCompletion.response.is(response), ChatCompletion.response.explain(response))
    })
  }

  it("refuses an answer without a message", () =>
    assert.isFalse(ChatCompletion.response.is({ choices: [{ index: 0, finish_reason: "stop" }] })))
})

describe("Completion.response", () => {
  it("takes an ordinary event without usage and with an empty finish reason", () =>
    assert.isTrue(Completion.response.is({ choices: [{ index: 0, text: "a", logprobs: null, finish_reason: "" }] })))

  it("refuses text that is a number", () => assert.isFalse(Completion.response.is({ choices: [{ text: 1 }] })))
})
