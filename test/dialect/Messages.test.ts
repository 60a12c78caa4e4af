import { assert, describe, it } from "@effect/vitest"
import * as Dialects from "../../src/dialect/Dialects.ts"
import type { Kind } from "../../src/endpoint/address/Engine.ts"
import * as Message from "../../src/Message.ts"
import * as TgiChatRequest from "../../src/simulator/tgi/ChatRequest.ts"
import * as Json from "../../src/simulator/wire/Json.ts"

const call = { id: "0", type: "function", function: { name: "f", arguments: `{"a":1}` } } as const
const others: ReadonlyArray<Kind> = ["vllm", "sglang", "llamacpp", "router", "openai"]

const sent = (kind: Kind, ...messages: ReadonlyArray<Message.Message>) => Dialects.all[kind].messages(messages)

/** How TGI itself reads what is sent. */
const readByTgi = (...messages: ReadonlyArray<Message.Message>) => {
  const body = Json.parse(JSON.stringify({ messages: sent("tgi", ...messages) }))
  return body instanceof Json.SyntaxFailure ? [] : TgiChatRequest.reader({ named: true })(body, "").messages
}

describe("messages for TGI", () => {
  it("calls without content arrive as calls, their arguments as values", () =>
    assert.deepStrictEqual(sent("tgi", Message.assistant("", [call])), [
      { role: "assistant", tool_calls: [{ ...call, function: { name: "f", arguments: { a: 1 } } }] }
    ]))

  it("arguments that are no JSON stay text", () =>
    assert.deepStrictEqual(
      sent("tgi", Message.assistant("", [{ ...call, function: { name: "f", arguments: "{half" } }]))[0]?.tool_calls?.[0]
        ?.function.arguments,
      "{half"
    ))

  it("calls beside content are not lost: they arrive in the content", () => {
    const [read] = readByTgi(Message.assistant("Let me look.", [call]))
    assert.match(read?.content ?? "", /^Let me look\.\n\[.*"name":"f".*\{"a":1\}/)
  })

  it("calls beside parts are not lost either", () => {
    const [read] = readByTgi({ role: "assistant", content: [{ type: "text", text: "Look." }], tool_calls: [call] })
    assert.match(read?.content ?? "", /^Look\.\n\[.*"name":"f"/)
  })

  it("a message without content arrives empty, where null would be refused", () => {
    assert.deepStrictEqual(readByTgi({ role: "assistant", content: null })[0]?.content, "")
    assert.deepStrictEqual(readByTgi({ role: "assistant", content: null, tool_calls: [] })[0]?.content, "")
  })

  it("an empty list of parts is not sent: nothing beside calls, no text without", () => {
    assert.deepStrictEqual(sent("tgi", { role: "assistant", content: [], tool_calls: [call] }), [
      { role: "assistant", tool_calls: [{ ...call, function: { name: "f", arguments: { a: 1 } } }] }
    ])
    assert.strictEqual(readByTgi({ role: "assistant", content: [] })[0]?.content, "")
    assert.deepStrictEqual(sent("tgi", { role: "assistant", content: [] }), [{ role: "assistant", content: "" }])
  })

  it("a tool result arrives as text", () =>
    assert.deepStrictEqual(readByTgi(Message.tool("0", "42")).map(({ content, role }) => [role, content]), [[
      "tool",
      "42"
    ]]))

  it("images arrive as markdown", () =>
    assert.strictEqual(
      readByTgi(Message.user([
        { type: "text", text: "What is it? " },
        { type: "image_url", image_url: { url: "https://x/y.png", detail: "low" } }
      ]))[0]?.content,
      "What is it? ![](https://x/y.png)"
    ))
})

describe("messages for the other engines", () => {
  for (const kind of others) {
    it(`${kind}: arguments go as JSON text, content as null where there is none`, () =>
      assert.deepStrictEqual(
        sent(kind, { role: "assistant", tool_calls: [{ ...call, function: { name: "f", arguments: { a: 1 } } }] }),
        [{ role: "assistant", content: null, tool_calls: [call] }]
      ))

    it(`${kind}: an empty list of parts is not sent: null beside calls, no text without`, () => {
      assert.deepStrictEqual(sent(kind, { role: "assistant", content: [], tool_calls: [call] }), [
        { role: "assistant", content: null, tool_calls: [call] }
      ])
      assert.deepStrictEqual(sent(kind, { role: "assistant", content: [] }), [{ role: "assistant", content: "" }])
    })

    it(`${kind}: an empty list of calls is not sent`, () =>
      assert.deepStrictEqual(sent(kind, { role: "assistant", content: "a", tool_calls: [] }), [
        { role: "assistant", content: "a" }
      ]))

    it(`${kind}: everything else goes as it is`, () => {
      const messages = [Message.system("s"), Message.user("u"), Message.assistant("a", [call]), Message.tool("0", "42")]
      assert.deepStrictEqual<unknown>(sent(kind, ...messages), messages)
    })
  }
})
