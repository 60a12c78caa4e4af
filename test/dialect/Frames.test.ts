import { assert, describe, it } from "@effect/vitest"
import * as Frames from "../../src/dialect/Frames.ts"
import type { Delta } from "../../src/Generation.ts"
import type * as ChatCompletion from "../../src/protocol/ChatCompletion.ts"

const token = { id: 1, text: "a", logprob: -1, special: false }
const eos = { id: 2, text: "</s>", logprob: -1, special: true }

/** A delta without what it does not say. */
const said = (delta: Delta): Delta =>
  Object.fromEntries(Object.entries(delta).filter(([, value]) => value !== undefined))

const chat = (delta: ChatCompletion.Said, tokens = false) => said(Frames.chat({ choices: [{ delta }] }, tokens))

describe("an event of TGI's native route", () => {
  it("adds its token's text, and no more where no token is wanted", () =>
    assert.deepStrictEqual(said(Frames.native({ token }, false)), { text: "a" }))

  it("adds no text for a special token", () => assert.deepStrictEqual(said(Frames.native({ token: eos }, false)), {}))

  it("carries tokens with the most likely others, where they are wanted", () =>
    assert.deepStrictEqual(said(Frames.native({ token, top_tokens: [token, eos] }, true)).tokens, [
      {
        id: 1,
        text: "a",
        logprob: -1,
        top: [{ id: 1, text: "a", logprob: -1 }, { id: 2, text: "</s>", logprob: -1, special: true }]
      }
    ]))

  it("leaves out a logprob that was not finite", () =>
    assert.deepStrictEqual(Frames.native({ token: { ...token, logprob: null } }, true).tokens, [{ id: 1, text: "a" }]))

  it("knows everything at its end", () =>
    assert.deepStrictEqual(
      said(Frames.native({
        token: eos,
        generated_text: "",
        details: { finish_reason: "eos_token", generated_tokens: 3, seed: "18446744073709551615", input_length: 7 }
      }, false)),
      {
        fullText: "",
        finishReason: "eos_token",
        usage: { outputTokens: 3, inputTokens: 7 },
        seed: 18446744073709551615n
      }
    ))
})

describe("a whole answer of TGI's native route", () => {
  it("without details is its text", () =>
    assert.deepStrictEqual(said(Frames.nativeResponse({ generated_text: "a" })), { text: "a", fullText: "a" }))

  it("with details has tokens, prompt tokens and the losing candidates", () => {
    const details = {
      finish_reason: "length",
      generated_tokens: 1,
      seed: 5,
      prefill: [{ id: 9, text: "p", logprob: null }],
      tokens: [token],
      top_tokens: [[eos]]
    }
    const delta = Frames.nativeResponse({
      generated_text: "a",
      details: {
        ...details,
        best_of_sequences: [{ generated_text: "b", finish_reason: "eos_token", generated_tokens: 1, seed: 6 }]
      }
    })
    assert.deepInclude(delta, {
      prefill: [{ id: 9, text: "p" }],
      bestOf: [{ text: "b", finishReason: "stop" }],
      seed: 5,
      finishReason: "length"
    })
    assert.deepStrictEqual(delta.tokens?.map(({ top }) => top?.map(({ text }) => text)), [["</s>"]])
  })
})

describe("an event of the chat route", () => {
  it("adds its text", () => assert.deepStrictEqual(chat({ content: "a" }), { text: "a" }))

  it("has text and thinking from a list of parts", () =>
    assert.deepStrictEqual(
      chat({
        content: [
          { type: "thinking", thinking: [{ type: "text", text: "h" }, { type: "text", text: "m" }] },
          { type: "text", text: "a" },
          { type: "text", text: "b" }
        ]
      }),
      { text: "ab", reasoning: "hm" }
    ))

  it("may be a role alone, or nothing at all", () => {
    assert.deepStrictEqual(chat({ role: "assistant" }), {})
    assert.deepStrictEqual(said(Frames.chat({ choices: [{ delta: null }] }, false)), {})
    assert.deepStrictEqual(said(Frames.chat({ choices: [] }, false)), {})
  })

  for (
    const [name, delta] of [
      ["vLLM's field", { reasoning: "hm" }],
      ["SGLang's and llama.cpp's field", { reasoning_content: "hm" }],
      ["both fields with the same", { reasoning: "hm", reasoning_content: "hm" }],
      ["one field that is empty beside the other", { reasoning: "", reasoning_content: "hm" }],
      ["null beside the other", { reasoning: null, reasoning_content: "hm", content: null }],
      ["thinking beside empty text", { content: "", reasoning: "hm" }]
    ] as const
  ) {
    it(`has its thinking from ${name}`, () => assert.strictEqual(chat(delta).reasoning, "hm"))
  }

  it("has a refusal, also beside empty text", () => {
    assert.strictEqual(chat({ refusal: "no" }).refusal, "no")
    assert.strictEqual(chat({ content: "", refusal: "no" }).refusal, "no")
  })

  const calls: ReadonlyArray<
    readonly [name: string, wire: ChatCompletion.Said["tool_calls"], id: string | undefined, args: string]
  > = [
    [
      "in a list with its index, as everywhere now",
      [{ index: 0, id: "a", function: { name: "f", arguments: "{}" } }],
      "a",
      "{}"
    ],
    [
      "as one object with its index, before TGI 3.2",
      { index: 0, id: "", function: { name: "f", arguments: "{}" } },
      "",
      "{}"
    ],
    ["with a number for its id, TGI 1.4", { id: 0, function: { name: "f", parameters: { a: 1 } } }, "0", `{"a":1}`],
    ["with arguments as a value", [{ id: "a", function: { name: "f", arguments: { a: [1] } } }], "a", `{"a":[1]}`],
    ["without arguments", [{ id: "a", function: { name: "f" } }], "a", ""],
    ["without id", [{ function: { name: "f", arguments: null } }], undefined, ""]
  ]
  for (const [name, wire, id, args] of calls) {
    it(`has a call ${name}`, () =>
      assert.deepStrictEqual(chat({ tool_calls: wire }).toolCalls, [
        {
          ...(name.includes("index") && { index: 0 }),
          ...(id !== undefined && { id }),
          name: "f",
          arguments: args
        }
      ]))
  }

  it("has no call where the list is empty or null", () => {
    assert.deepStrictEqual(chat({ content: "a", tool_calls: [] }), { text: "a" })
    assert.deepStrictEqual(chat({ content: "a", tool_calls: null }), { text: "a" })
  })

  it("has usage in a chunk of its own or beside the finish reason", () => {
    const usage = {
      prompt_tokens: 3,
      completion_tokens: 2,
      prompt_tokens_details: { cached_tokens: 1 },
      completion_tokens_details: { reasoning_tokens: 1 }
    }
    const counts = { inputTokens: 3, outputTokens: 2, cachedTokens: 1, reasoningTokens: 1 }
    assert.deepStrictEqual(said(Frames.chat({ choices: [], usage }, false)), { usage: counts })
    assert.deepStrictEqual(
      said(Frames.chat({ choices: [{ delta: { content: "" }, finish_reason: "stop" }], usage, model: "m" }, false)),
      { text: "", usage: counts, finishReason: "stop", model: "m" }
    )
  })

  it("has the bytes of its tokens, and says which are thinking", () => {
    const content = [{ token: "\uFFFD", logprob: -1, bytes: [240, 159], top_logprobs: [{ token: "b", bytes: [98] }] }]
    const chunk = (delta: ChatCompletion.Said) => ({ choices: [{ delta, logprobs: { content } }] })
    const token = { text: "\uFFFD", logprob: -1, bytes: [240, 159], top: [{ text: "b", bytes: [98] }] }
    assert.deepStrictEqual(Frames.chat(chunk({ content: "a" }), true).tokens, [token])
    assert.deepStrictEqual(Frames.chat(chunk({ reasoning: "a" }), true).tokens, [{ ...token, reasoning: true }])
  })

  it("whole says which tokens are thinking, by the text of the answer", () => {
    const content = ["h", "m", "</think>", "\n\n", "y", "es", "<|im_end|>"].map((token) => ({ token }))
    const { tokens } = Frames.chatResponse({
      choices: [{ message: { content: "yes", reasoning: "hm" }, logprobs: { content }, finish_reason: "stop" }]
    })
    assert.deepStrictEqual(
      tokens?.map(({ reasoning = false }) => reasoning),
      [true, true, true, true, false, false, false]
    )
  })

  it("has log probabilities where they are wanted", () => {
    const content = [{ token: "a", logprob: null, top_logprobs: [{ token: "b", logprob: -2 }, { token: "c" }] }]
    const chunk = { choices: [{ delta: { content: "a" }, logprobs: { content } }] }
    assert.deepStrictEqual(said(Frames.chat(chunk, true)).tokens, [
      { text: "a", top: [{ text: "b", logprob: -2 }, { text: "c" }] }
    ])
    assert.notProperty(Frames.chat(chunk, false), "tokens")
  })
})

describe("the completions route", () => {
  it("an empty finish reason is none yet: the fold sees to that", () =>
    assert.deepStrictEqual(said(Frames.completion({ choices: [{ text: "a", finish_reason: "" }] }, false)), {
      text: "a",
      finishReason: ""
    }))

  it("has tokens with the most likely others first", () =>
    assert.deepStrictEqual(
      Frames.completion({
        choices: [{
          text: "ab",
          logprobs: { tokens: ["a", "b"], token_logprobs: [null, -1], top_logprobs: [null, { c: -3, b: -1 }] }
        }]
      }, true).tokens,
      [{ text: "a" }, { text: "b", logprob: -1, top: [{ text: "b", logprob: -1 }, { text: "c", logprob: -3 }] }]
    ))

  it("has tokens in llama.cpp's form", () =>
    assert.deepStrictEqual(
      Frames.completion({ choices: [{ text: "a", logprobs: { content: [{ token: "a", logprob: -1 }] } }] }, true)
        .tokens,
      [{ text: "a", logprob: -1 }]
    ))

  it("has no tokens where nobody wants them or there are none", () => {
    assert.notProperty(Frames.completion({ choices: [{ text: "a", logprobs: { tokens: ["a"] } }] }, false), "tokens")
    assert.notProperty(Frames.completion({ choices: [{ text: "a", logprobs: null }] }, true), "tokens")
  })
})
