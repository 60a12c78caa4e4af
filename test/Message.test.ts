import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Message from "../src/Message.ts"

const decode = Schema.decodeUnknownSync(Message.Messages)
const isMessage = Schema.is(Message.Message)

describe("Message", () => {
  it("takes every form that data sets hold, and keeps their keys", () => {
    const messages = [
      { role: "system", content: "s" },
      { role: "user", content: [{ type: "text", text: "a" }, { type: "image_url", image_url: { url: "data:x" } }] },
      {
        role: "assistant",
        content: null,
        tool_calls: [{ id: "0", type: "function", function: { name: "f", arguments: "{}" } }]
      },
      { role: "assistant", tool_calls: [{ id: "1", type: "function", function: { name: "f", arguments: { a: 1 } } }] },
      { role: "tool", content: "42", tool_call_id: "0", name: "f" },
      { role: "ipython", content: "x", own: { key: 1 } }
    ]
    assert.deepStrictEqual<unknown>(decode(messages), messages)
  })

  const refused: ReadonlyArray<readonly [name: string, message: unknown]> = [
    ["without a role", { content: "a" }],
    ["with an empty role", { role: "", content: "a" }],
    ["with content that is a number", { role: "user", content: 1 }],
    ["with a part of an unknown kind", { role: "user", content: [{ type: "input_audio" }] }],
    ["with an image that is a bare text", { role: "user", content: [{ type: "image_url", image_url: "https://x" }] }],
    ["with a call whose id is a number", {
      role: "assistant",
      tool_calls: [{ id: 0, type: "function", function: { name: "f", arguments: {} } }]
    }]
  ]
  for (const [name, message] of refused) {
    it(`refuses a message ${name}`, () => assert.isFalse(isMessage(message)))
  }

  it("makes what it takes", () =>
    assert.isTrue([
      Message.system("s"),
      Message.user("u"),
      Message.assistant("a"),
      Message.assistant("", [{ id: "0", type: "function", function: { name: "f", arguments: "{}" } }]),
      Message.tool("0", "r")
    ].every((message) => isMessage(message))))

  it("an assistant that only calls says nothing", () =>
    assert.isNull(
      Message.assistant("", [{ id: "0", type: "function", function: { name: "f", arguments: "{}" } }]).content
    ))

  it.prop("its text is its parts without the images", [Schema.Array(Schema.String)], ([texts]) => {
    const parts = texts.flatMap((text): ReadonlyArray<Message.Part> => [
      { type: "text", text },
      { type: "image_url", image_url: { url: "u" } }
    ])
    assert.strictEqual(Message.text(Message.user(parts)), texts.join(""))
  })

  it("a message without content has no text", () =>
    assert.strictEqual(Message.text({ role: "assistant", content: null }), ""))
})
