import { assert, describe, it } from "@effect/vitest"
import { Effect, Result } from "effect"
import * as ChatTemplate from "../../src/template/ChatTemplate.ts"
import * as Compatibility from "../../src/template/engine/Compatibility.ts"

const rendered = (source: string, request: ChatTemplate.Request): string =>
  Result.match(Result.flatMap(ChatTemplate.compile(source), (template) => ChatTemplate.apply(template, request)), {
    onSuccess: (text) => text,
    onFailure: ({ reason }) => reason._tag
  })

const dump = "{% for m in messages %}{{ m | tojson }}{% endfor %}"
const seen = (message: unknown, compatibility?: Compatibility.Compatibility): string =>
  rendered(dump, { messages: [message], compatibility })

describe("null keys of a message", () => {
  const message = { role: "assistant", content: null, tool_calls: null, name: "x" }
  it("are gone in the newest version, all of them", () =>
    assert.strictEqual(seen(message), "{\"role\": \"assistant\", \"name\": \"x\"}"))
  it("are None before 5.23.0", () => {
    const kept = "{\"role\": \"assistant\", \"content\": null, \"tool_calls\": null, \"name\": \"x\"}"
    assert.deepStrictEqual(["5.22.2", "5.22", "5.0", "4.57.1"].map((version) => seen(message, version as "5.22")), [
      kept,
      kept,
      kept,
      kept
    ])
    assert.strictEqual(seen(message, "5.23"), seen(message))
  })
  it("stay inside a message's values", () =>
    assert.strictEqual(
      seen({ role: "tool", content: { a: null } }),
      "{\"role\": \"tool\", \"content\": {\"a\": null}}"
    ))
})

describe("reasoning", () => {
  const cases: ReadonlyArray<readonly [law: string, message: unknown, seen: string]> = [
    [
      "under its third name reaches the other two",
      { role: "assistant", content: "a", reasoning: "r" },
      "{\"thinking\": \"r\", \"role\": \"assistant\", \"content\": \"a\", \"reasoning\": \"r\", \"reasoning_content\": \"r\"}"
    ],
    [
      "is that of the first name that has one",
      { role: "assistant", thinking: null, content: "a", reasoning_content: "c", reasoning: "r" },
      "{\"thinking\": \"c\", \"role\": \"assistant\", \"content\": \"a\", \"reasoning_content\": \"c\", \"reasoning\": \"r\"}"
    ],
    [
      "under thinking is reasoning_content too",
      { role: "assistant", content: "a", thinking: "t" },
      "{\"thinking\": \"t\", \"role\": \"assistant\", \"content\": \"a\", \"reasoning_content\": \"t\"}"
    ],
    [
      "keeps a thinking of its own",
      { role: "assistant", content: "a", thinking: "t", reasoning_content: "c" },
      "{\"thinking\": \"t\", \"role\": \"assistant\", \"content\": \"a\", \"reasoning_content\": \"c\"}"
    ]
  ]
  it.effect.each(cases)("%s", ([, message, want]) => Effect.sync(() => assert.strictEqual(seen(message), want)))

  it("keeps its one name before 5.21.0", () =>
    assert.strictEqual(seen({ role: "a", reasoning: "r" }, "5.20"), "{\"role\": \"a\", \"reasoning\": \"r\"}"))

  it("of JSON text is treated alike", () => {
    const messages = Result.getOrThrow(ChatTemplate.fromJson("[{\"role\": \"a\", \"reasoning\": \"r\", \"x\": null}]"))
    assert.strictEqual(
      rendered(dump, { messages }),
      "{\"thinking\": \"r\", \"role\": \"a\", \"reasoning\": \"r\", \"reasoning_content\": \"r\"}"
    )
  })
})

const by = (name: string) => `{% for m in messages %}<{{ m.role }}>{{ m.${name} }}|{{ m.content }}{% endfor %}`

describe("continueFinalMessage", () => {
  const messages = [{ role: "assistant", content: "a", reasoning: "r " }]
  it("continues reasoning under whichever name the template reads", () => {
    for (const name of ["reasoning_content", "thinking", "reasoning"]) {
      assert.deepStrictEqual(
        ["reasoning", "reasoning_content", "thinking"].map((field) =>
          rendered(by(name), { messages, continueFinalMessage: field })
        ),
        ["<assistant>r ", "<assistant>r ", "<assistant>r "]
      )
    }
  })
  it("demands that the field stands in the template, content too", () => {
    const source = "{% for m in messages %}{{ m.values() | list | last }}{% endfor %}"
    const plain = [{ role: "assistant", content: "a" }]
    assert.strictEqual(rendered(source, { messages: plain, continueFinalMessage: true }), "InvalidInput")
    assert.strictEqual(rendered(source + "{# content #}", { messages: plain, continueFinalMessage: true }), "a")
  })
  it("knows one name only before 5.21.0", () =>
    assert.strictEqual(
      rendered(by("thinking"), { messages, continueFinalMessage: "reasoning", compatibility: "5.20.1" }),
      "InvalidInput"
    ))
})

describe("the sandbox of 5.22.2", () => {
  it("refuses private names in a namespace, which older versions keep", () => {
    for (const source of ["{% set ns = namespace(_x=1) %}", "{% set ns = namespace() %}{% set ns._x = 1 %}"]) {
      assert.strictEqual(rendered(source, { messages: [] }), "RenderError")
      assert.strictEqual(rendered(source, { messages: [], compatibility: "5.22.1" }), "")
    }
  })
  it("has dict.fromkeys", () =>
    assert.strictEqual(
      rendered("{{ dict.fromkeys(['a'], 1) }}{{ dict.fromkeys('b') }}{{ dict(a=1) }}", { messages: [] }),
      "{'a': 1}{'b': None}{'a': 1}"
    ))
  it("refuses a message that is not an object", () => {
    assert.strictEqual(rendered("{{ messages }}", { messages: ["a"] }), "InvalidInput")
    assert.strictEqual(rendered("{{ messages }}", { messages: ["a"], compatibility: "5.22.1" }), "['a']")
  })
  it("shows of binary data that it is there and what it is", () =>
    assert.strictEqual(seen({ image: new Uint8Array(1e6) }), "{\"image\": \"<Uint8Array>\"}"))
  it("takes what has a JSON form in that form", () =>
    assert.strictEqual(seen({ url: new URL("http://a.b/c") }), "{\"url\": \"http://a.b/c\"}"))
})

describe("compatibility", () => {
  it("is a version, or a refusal that says what one looks like", () => {
    const request = { messages: [], compatibility: "1e3.0" as const }
    const error = Result.getOrThrow(Result.flip(
      Result.flatMap(ChatTemplate.compile(""), (template) => ChatTemplate.apply(template, request))
    ))
    assert.strictEqual(error.reason._tag, "InvalidInput")
    assert.include(error.message, Compatibility.newest)
  })
  it.effect("of a service holds for its requests unless they say otherwise", () =>
    Effect.gen(function*() {
      const template = yield* ChatTemplate.ChatTemplate
      const messages = [{ role: "a", content: null }]
      const texts = yield* Effect.forEach([{ messages }, { messages, compatibility: "5.24" as const }], (request) =>
        Effect.map(template.render(request), ({ text }) => text))
      assert.deepStrictEqual(texts, ["{\"role\": \"a\", \"content\": null}", "{\"role\": \"a\"}"])
    }).pipe(Effect.provide(ChatTemplate.layerText({ template: dump, compatibility: "5.22.2" }))))
})

const spans = (source: string, messages: unknown) => {
  const { assistant, text } = Result.getOrThrow(
    Result.flatMap(ChatTemplate.compile(source), (template) => ChatTemplate.applyWithSpans(template, { messages }))
  )
  return { text, parts: assistant.map(({ end, start }) => text.slice(start, end)), assistant }
}

describe("the assistant's spans", () => {
  const source =
    "{% for m in messages %}<{{ m.role }}>{% if m.role == 'assistant' %}{% generation %}{{ m.content }}</s>{% endgeneration %}{% else %}{{ m.content }}{% endif %}{% endfor %}"

  it("are what stands between the generation tags", () => {
    const messages = [
      { role: "user", content: "Hi 😀" },
      { role: "assistant", content: "Yo" },
      { role: "user", content: "B" },
      { role: "assistant", content: "" }
    ]
    const { parts, text } = spans(source, messages)
    assert.strictEqual(text, "<user>Hi 😀<assistant>Yo</s><user>B<assistant></s>")
    assert.deepStrictEqual(parts, ["Yo</s>", "</s>"])
  })

  it("are none without the tag", () => assert.deepStrictEqual(spans(dump, [{ role: "user" }]).assistant, []))

  it("begin, inside a macro, where the macro's text begins: so transformers counts", () => {
    const macro =
      "{% macro say(m) %}[{% generation %}{{ m.content }}{% endgeneration %}]{% endmacro %}{% for m in messages %}<{{ m.role }}>{{ say(m) }}{% endfor %}"
    assert.deepStrictEqual(
      spans(macro, [{ role: "user", content: "Hi" }, { role: "assistant", content: "Yo" }]).assistant,
      [{ start: 6, end: 8 }, { start: 21, end: 23 }]
    )
  })
})
