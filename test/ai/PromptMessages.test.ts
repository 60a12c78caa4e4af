import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import { Prompt } from "effect/ai"
import * as PromptMessages from "../../src/ai/PromptMessages.ts"
import type * as Message from "../../src/Message.ts"

const messagesOf = (prompt: Prompt.RawInput): ReadonlyArray<Message.Message> =>
  Result.getOrThrow(PromptMessages.make(Prompt.make(prompt)))

const refusal = (prompt: Prompt.RawInput): string | undefined => {
  const result = PromptMessages.make(Prompt.make(prompt))
  return Result.isFailure(result) ? result.failure.message : undefined
}

const userFile = (mediaType: string, data: string | Uint8Array | URL, options?: Prompt.FilePartOptions) => [
  Prompt.userMessage({
    content: [Prompt.filePart({ mediaType, data, ...(options !== undefined && { options }) })]
  })
]

const imageUrl = (mediaType: string, data: string | Uint8Array | URL): string | undefined => {
  const content = messagesOf(userFile(mediaType, data))[0]?.content
  const part = Array.isArray(content) ? content[0] : undefined
  return part?.type === "image_url" ? part.image_url.url : undefined
}

describe("a prompt as messages", () => {
  it("is one user message where it is a text", () => {
    assert.deepStrictEqual(messagesOf("hi"), [{ role: "user", content: "hi" }])
  })

  it("keeps the order of system, user and assistant", () => {
    const messages = messagesOf([
      { role: "system", content: "be kind" },
      { role: "user", content: "hi" },
      { role: "assistant", content: "hello" },
      { role: "user", content: [{ type: "text", text: "one" }, { type: "text", text: "two" }] }
    ])
    assert.deepStrictEqual(messages, [
      { role: "system", content: "be kind" },
      { role: "user", content: "hi" },
      { role: "assistant", content: "hello" },
      { role: "user", content: "one\ntwo" }
    ])
  })

  it("carries name and further keys of its options to the template, which win", () => {
    const messages = messagesOf([
      Prompt.userMessage({
        content: [Prompt.textPart({ text: "hi" })],
        options: { huggingface: { name: "ada", extra: { role: "developer", date: "today" } } }
      })
    ])
    assert.deepStrictEqual<unknown>(messages, [{ role: "developer", content: "hi", name: "ada", date: "today" }])
  })
})

describe("a file of a user", () => {
  it("goes out as the address where it is one", () => {
    assert.strictEqual(imageUrl("image/png", new URL("https://example.com/cat.png")), "https://example.com/cat.png")
    assert.strictEqual(imageUrl("image/png", "https://example.com/cat.png"), "https://example.com/cat.png")
    assert.strictEqual(imageUrl("image/png", "data:image/png;base64,AA=="), "data:image/png;base64,AA==")
  })

  it("goes out as a data address where it is bytes or base64", () => {
    assert.strictEqual(imageUrl("image/webp", new Uint8Array([1, 2, 3])), "data:image/webp;base64,AQID")
    assert.strictEqual(imageUrl("image/webp", "AQID"), "data:image/webp;base64,AQID")
    assert.strictEqual(imageUrl("image/*", "AQID"), "data:image/png;base64,AQID")
  })

  it("keeps its place between texts", () => {
    const content = messagesOf([
      Prompt.userMessage({
        content: [
          Prompt.textPart({ text: "what is" }),
          Prompt.filePart({ mediaType: "image/png", data: "AQID", options: { huggingface: { detail: "low" } } }),
          Prompt.textPart({ text: "this?" })
        ]
      })
    ])[0]?.content
    assert.deepStrictEqual(content, [
      { type: "text", text: "what is" },
      { type: "image_url", image_url: { url: "data:image/png;base64,AQID", detail: "low" } },
      { type: "text", text: "this?" }
    ])
  })

  it("is read as text where it is text", () => {
    assert.strictEqual(messagesOf(userFile("text/plain", new TextEncoder().encode("grüß")))[0]?.content, "grüß")
    assert.strictEqual(messagesOf(userFile("application/json", btoa("{}")))[0]?.content, "{}")
    assert.include(refusal(userFile("text/csv", new URL("https://example.com/a.csv"))) ?? "", "pass its content")
    assert.include(refusal(userFile("text/csv", "not base64!")) ?? "", "neither bytes nor base64")
  })

  it("is refused by its type where no chat route takes it", () => {
    assert.include(refusal(userFile("audio/wav", "AQID")) ?? "", "audio/wav")
    assert.include(refusal(userFile("application/pdf", "AQID")) ?? "", "application/pdf")
  })
})

describe("a turn with tools", () => {
  const turn = [
    Prompt.assistantMessage({
      content: [
        Prompt.reasoningPart({ text: "look it up" }),
        Prompt.textPart({ text: "One moment." }),
        Prompt.toolCallPart({ id: "a", name: "weather", params: { city: "Rome" }, providerExecuted: false }),
        Prompt.toolCallPart({ id: "b", name: "count", params: { n: 10n }, providerExecuted: false })
      ]
    }),
    Prompt.toolMessage({
      content: [
        Prompt.toolResultPart({ id: "a", name: "weather", isFailure: false, providerExecuted: false, result: "sunny" }),
        Prompt.toolResultPart({
          id: "b",
          name: "count",
          isFailure: true,
          providerExecuted: false,
          result: { error: "too large" }
        })
      ]
    })
  ]

  it("holds text, thinking and calls in one message, and one message for each result", () => {
    assert.deepStrictEqual(messagesOf(turn), [
      {
        role: "assistant",
        content: "One moment.",
        reasoning_content: "look it up",
        tool_calls: [
          { id: "a", type: "function", function: { name: "weather", arguments: `{"city":"Rome"}` } },
          { id: "b", type: "function", function: { name: "count", arguments: `{"n":"10"}` } }
        ]
      },
      { role: "tool", name: "weather", tool_call_id: "a", content: "sunny" },
      { role: "tool", name: "count", tool_call_id: "b", content: `{"error":"too large"}` }
    ])
  })

  it("has no content where the model only called", () => {
    const [message] = messagesOf([
      Prompt.assistantMessage({
        content: [Prompt.toolCallPart({ id: "a", name: "now", params: {}, providerExecuted: false })]
      })
    ])
    assert.isNull(message?.content)
  })

  it("shows the model what a tool wrote for it in place of the result", () => {
    const [message] = messagesOf([
      Prompt.toolMessage({
        content: [Prompt.toolResultPart({
          id: "a",
          name: "shot",
          isFailure: false,
          providerExecuted: false,
          result: { bytes: 3 },
          modelOutput: [
            Prompt.textPart({ text: "a screenshot" }),
            Prompt.filePart({ mediaType: "image/png", data: "AQID" })
          ]
        })]
      })
    ])
    assert.strictEqual(message?.content, "a screenshot\n[image/png omitted]")
  })

  it("puts what another provider ran itself behind the calls", () => {
    const roles = messagesOf([
      Prompt.assistantMessage({
        content: [
          Prompt.toolCallPart({ id: "s", name: "search", params: {}, providerExecuted: true }),
          Prompt.toolResultPart({ id: "s", name: "search", isFailure: false, providerExecuted: false, result: ["x"] }),
          Prompt.textPart({ text: "found" })
        ]
      })
    ]).map(({ content, role }) => [role, content])
    assert.deepStrictEqual(roles, [["assistant", "found"], ["tool", `["x"]`]])
  })

  it("leaves approvals here", () => {
    const messages = messagesOf([
      Prompt.assistantMessage({ content: [Prompt.toolApprovalRequestPart({ approvalId: "1", toolCallId: "a" })] }),
      Prompt.toolMessage({ content: [Prompt.toolApprovalResponsePart({ approvalId: "1", approved: true })] })
    ])
    assert.deepStrictEqual(messages, [{ role: "assistant", content: "" }])
  })

  it("cannot hold a file of the assistant", () => {
    const prompt = [Prompt.assistantMessage({ content: [Prompt.filePart({ mediaType: "image/png", data: "AQID" })] })]
    assert.include(refusal(prompt) ?? "", "image/png")
  })
})
