import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Result } from "effect"
import { TestClock } from "effect/testing"
import * as ChatTemplate from "../../src/template/ChatTemplate.ts"
import * as HuggingFaceJinja from "../../src/template/engine/HuggingFaceJinja.ts"
import * as PythonJinja from "../../src/template/engine/PythonJinja.ts"
import { TemplateEngine } from "../../src/template/engine/TemplateEngine.ts"

const engines = [["PythonJinja", PythonJinja.layer], ["HuggingFaceJinja", HuggingFaceJinja.layer]] as const

const source =
  "{% for m in messages %}<|{{ m.role }}|>\r\n{{ m.content }}{{ m.reasoning_content }}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"

describe("whichever engine runs a template", () => {
  it.effect.each(engines)("messages are prepared alike on %s", ([, engine]) =>
    Effect.gen(function*() {
      const { text } = yield* ChatTemplate.ChatTemplate.use((template) =>
        template.render({
          messages: [{ role: "user", content: "Hi" }, {
            role: "assistant",
            content: "a",
            thinking: "t",
            tool_calls: null
          }],
          addGenerationPrompt: true
        })
      )
      assert.strictEqual(text, "<|user|>\nHi<|assistant|>\nat<|assistant|>")
      const { text: continued } = yield* ChatTemplate.ChatTemplate.use((template) =>
        template.render({ messages: [{ role: "assistant", content: "so " }], continueFinalMessage: true })
      )
      assert.strictEqual(continued, "<|assistant|>\nso ")
    }).pipe(Effect.provide(Layer.provide(ChatTemplate.layerTextWith({ template: source }), engine))))

  it.effect.each(engines)(
    "a template that cannot be parsed is an InvalidTemplate on %s",
    ([, engine]) =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(
          Effect.scoped(Layer.build(Layer.provide(ChatTemplate.layerTextWith({ template: "{% if %}" }), engine)))
        )
        assert.strictEqual(error.reason._tag, "InvalidTemplate")
      })
  )

  it.effect.each(engines)("a template that fails is a TemplateError on %s", ([, engine]) =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        ChatTemplate.ChatTemplate.use((template) => template.render({ messages: [] }))
      )
      assert.include(["RenderError", "Raised"], error.reason._tag)
      assert.include(error.message, "no messages")
    }).pipe(
      Effect.provide(
        Layer.provide(ChatTemplate.layerTextWith({ template: "{{ raise_exception('no messages') }}" }), engine)
      )
    ))
})

describe("an engine of the caller's", () => {
  it.effect("renders with the clock of the program", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(1234)
      const { text } = yield* ChatTemplate.ChatTemplate.use((template) => template.render({ messages: [] }))
      assert.strictEqual(text, "x at 1234")
    }).pipe(Effect.provide(
      Layer.provide(
        ChatTemplate.layerTextWith({ template: "x" }),
        Layer.succeed(TemplateEngine, {
          compile: (text) =>
            Result.succeed({
              source: text,
              render: (_, { now }) => Result.succeed({ text: `${text} at ${now.epochMillis}`, assistant: [] })
            })
        })
      )
    )))
})
