import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Result, Schema } from "effect"
import { TestClock } from "effect/testing"
import { Hub } from "../../src/hub/Hub.ts"
import * as HubError from "../../src/hub/HubError.ts"
import * as ChatTemplate from "../../src/template/ChatTemplate.ts"
import { TemplateError } from "../../src/template/TemplateError.ts"

const chatml =
  "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
const ask = [{ role: "user", content: "Hi" }]

const rendered = (source: string, request: ChatTemplate.Request) =>
  Effect.fromResult(Result.flatMap(ChatTemplate.compile(source), (template) => ChatTemplate.apply(template, request)))

const reason = (source: string, request: ChatTemplate.Request) =>
  Effect.map(Effect.flip(rendered(source, request)), (error) => error.reason)

describe("apply", () => {
  it.effect("defines tools and documents as None when they are not given", () =>
    Effect.gen(function*() {
      const text = yield* rendered(
        "{{ tools is defined }}{{ tools }}{{ documents is none }}{{ add_generation_prompt }}",
        { messages: ask }
      )
      assert.strictEqual(text, "TrueNoneTrueFalse")
    }))

  it.effect("lets extra variables win over special tokens", () =>
    Effect.gen(function*() {
      const text = yield* rendered("{{ bos_token }}", {
        messages: [],
        specialTokens: { bos_token: "a" },
        kwargs: { bos_token: "b" }
      })
      assert.strictEqual(text, "b")
    }))

  it.effect("refuses an extra variable that has a place of its own", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* reason("", { messages: [], kwargs: { tools: [] } }))._tag, "InvalidInput")
    }))

  it.effect("refuses what has no JSON form, and names the place", () =>
    Effect.gen(function*() {
      const found = yield* reason("", { messages: [{ role: "user", content: () => "x" }] })
      assert.strictEqual(found._tag, "InvalidInput")
      assert.include(found.message, "messages[0].content")
    }))

  it.effect("says on which line of the template rendering failed", () =>
    Effect.gen(function*() {
      const found = yield* reason("a\nb\n{{ messages[7].role }}", { messages: ask })
      assert.strictEqual(found._tag === "RenderError" ? found.line : undefined, 3)
    }))

  it.effect("gives the words of raise_exception unchanged", () =>
    Effect.gen(function*() {
      const text = yield* rendered("{{ raise_exception('Only \"user\" roles!') }}", { messages: ask }).pipe(
        Effect.catchReason("TemplateError", "Raised", (raised) => Effect.succeed(raised.text))
      )
      assert.strictEqual(text, "Only \"user\" roles!")
    }))
})

describe("continueFinalMessage", () => {
  const conversation = [{ role: "user", content: "bye: " }, { role: "assistant", content: "bye: " }]

  it.effect("ends the prompt where the last message ends", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        yield* rendered(chatml, { messages: conversation, continueFinalMessage: true }),
        "<|user|>bye: <|end|><|assistant|>bye: "
      )
    }))

  it.effect("trims the end where the template trims the message", () =>
    Effect.gen(function*() {
      const trimming = chatml.replace("m.content", "m.content | trim")
      assert.strictEqual(
        yield* rendered(trimming, { messages: conversation, continueFinalMessage: true }),
        "<|user|>bye:<|end|><|assistant|>bye:"
      )
    }))

  it.effect("continues the last part that has a text", () =>
    Effect.gen(function*() {
      const parts = [{ role: "assistant", content: [{ type: "text", text: "one" }, { type: "image" }] }]
      const source = "{% for m in messages %}{% for p in m.content %}[{{ p.text }}]{% endfor %}{% endfor %}"
      assert.strictEqual(yield* rendered(source, { messages: parts, continueFinalMessage: true }), "[one")
    }))

  it.effect("excludes a generation prompt", () =>
    Effect.gen(function*() {
      const found = yield* reason(chatml, {
        messages: conversation,
        continueFinalMessage: true,
        addGenerationPrompt: true
      })
      assert.strictEqual(found._tag, "InvalidInput")
    }))

  it.effect("refuses when the template drops the message", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        (yield* reason("nothing", { messages: conversation, continueFinalMessage: true }))._tag,
        "InvalidInput"
      )
    }))
})

describe("numbers", () => {
  it.effect("come from JSON text as Python reads them", () =>
    Effect.gen(function*() {
      const text = "{\"2\": 1.0, \"1\": 1152921504606846976, \"e\": 1e-7, \"big\": 1e16}"
      const template = yield* Effect.fromResult(ChatTemplate.compile("{{ d | tojson }}"))
      const d = yield* Effect.fromResult(ChatTemplate.fromJson(text))
      assert.strictEqual(
        yield* Effect.fromResult(ChatTemplate.render(template, { d })),
        "{\"2\": 1.0, \"1\": 1152921504606846976, \"e\": 1e-07, \"big\": 1e+16}"
      )
    }))

  it.effect("print with a point when the caller says float", () =>
    Effect.gen(function*() {
      const template = yield* Effect.fromResult(ChatTemplate.compile("{{ x }}{{ y }}"))
      assert.strictEqual(
        yield* Effect.fromResult(ChatTemplate.render(template, { x: ChatTemplate.float(1), y: 1 })),
        "1.01"
      )
    }))
})

const promptBy = (serverAdds: boolean | undefined, rule?: ChatTemplate.BosRule) =>
  ChatTemplate.withoutDoubleBos("<s>Hi", { token: "<s>", serverAdds, rule }).prompt

describe("the double BOS", () => {
  it("is taken away where the tokenizer is known to add one, and kept where nothing is known", () => {
    assert.deepStrictEqual([promptBy(true), promptBy(false), promptBy(undefined)], ["Hi", "<s>Hi", "<s>Hi"])
    assert.deepStrictEqual([promptBy(true, "keep"), promptBy(undefined, "strip")], ["<s>Hi", "Hi"])
  })

  it("leaves the text of transformers visible beside the prompt", () => {
    const { bos, text } = ChatTemplate.withoutDoubleBos("<s><s>Hi", { token: "<s>", serverAdds: true })
    assert.strictEqual(text, "<s><s>Hi")
    assert.deepStrictEqual(bos, { token: "<s>", serverAdds: true, rendered: true, stripped: true })
  })
})

describe("the service", () => {
  it.effect("reads the clock of the program", () =>
    Effect.gen(function*() {
      yield* TestClock.setTime(Date.UTC(2025, 6, 10, 23, 30))
      const { text } = yield* ChatTemplate.ChatTemplate.use((template) => template.render({ messages: ask }))
      assert.strictEqual(text, "11 Jul 2025 00:30")
    }).pipe(
      Effect.provide(ChatTemplate.layerText({ template: "{{ strftime_now('%d %b %Y %H:%M') }}", offsetMinutes: 60 }))
    ))

  it.effect("chooses tool_use when tools are given, and other templates by name", () =>
    Effect.gen(function*() {
      const template = yield* ChatTemplate.ChatTemplate
      const texts = yield* Effect.forEach(
        [{ messages: ask }, { messages: ask, tools: [] }, { messages: ask, template: "rag" }, {
          messages: ask,
          template: "own {{ 1 }}"
        }],
        (request) => Effect.map(template.render(request), ({ text }) => text)
      )
      assert.deepStrictEqual(texts, ["plain", "tools", "retrieval", "own 1"])
    }).pipe(Effect.provide(ChatTemplate.layerFiles({
      files: {
        "chat_template.jinja": "plain",
        "additional_chat_templates/tool_use.jinja": "tools",
        "additional_chat_templates/rag.jinja": "retrieval"
      }
    }))))

  it.effect("is not built on a template that cannot be parsed", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Effect.scoped(Layer.build(ChatTemplate.layerText({ template: "{% if %}" }))))
      assert.strictEqual(error.reason._tag, "InvalidTemplate")
    }))
})

/** A Hub of one repository. */
const hub = (files: Readonly<Record<string, string>>, failure?: HubError.Reason) => {
  const failed = failure === undefined
    ? undefined
    : Effect.fail(new HubError.HubError({ method: "file", reason: failure }))
  return Layer.mock(Hub, {
    listFiles: () => failed ?? Effect.succeed(Object.keys(files)),
    file: ({ path }) => failed ?? Effect.succeed(new TextEncoder().encode(files[path] ?? ""))
  })
}

const build = (files: Readonly<Record<string, string>>, failure?: HubError.Reason) =>
  Effect.flip(
    Effect.scoped(
      Layer.build(ChatTemplate.layerHub({ tokenizerId: "org/model" }).pipe(Layer.provide(hub(files, failure))))
    )
  )

describe("from the Hub", () => {
  const tokenizer = JSON.stringify({
    post_processor: { type: "TemplateProcessing", single: [{ SpecialToken: { id: "<s>" } }, { Sequence: {} }] }
  })

  it.effect("finds the template, the special tokens, and who adds the BOS", () =>
    Effect.gen(function*() {
      const { bos, prompt } = yield* ChatTemplate.ChatTemplate.use((template) => template.render({ messages: ask }))
      assert.strictEqual(prompt, "Hi")
      assert.isTrue(bos.serverAdds)
    }).pipe(Effect.provide(
      ChatTemplate.layerHub({ tokenizerId: "org/model" }).pipe(Layer.provide(hub({
        "tokenizer_config.json": JSON.stringify({
          bos_token: { content: "<s>" },
          chat_template: "{{ bos_token + messages[0].content }}"
        }),
        "tokenizer.json": tokenizer,
        "model.safetensors": "x"
      })))
    )))

  it.effect("says which repository has no template", () =>
    Effect.gen(function*() {
      const error = yield* build({ "tokenizer_config.json": "{}", "chat_template.json": "{\"chat_template\": \"x\"}" })
      assert.strictEqual(error.reason._tag, "MissingTemplate")
      assert.include(error.message, "org/model")
    }))

  it.effect("tells a gate, a missing repository and a silent Hub apart", () =>
    Effect.gen(function*() {
      const facts = { subject: "org/model", detail: "" }
      const tags = yield* Effect.forEach([
        new HubError.GatedRepo({ ...facts, authenticated: true }),
        new HubError.RepoNotFound(facts),
        new HubError.Unauthorized(facts),
        new HubError.Transport(facts)
      ], (failure) => Effect.map(build({}, failure), (error) => [error.reason._tag, error.isRetryable]))
      assert.deepStrictEqual(tags, [["Gated", false], ["NotFound", false], ["Unauthorized", false], [
        "Unreachable",
        true
      ]])
    }))
})

describe("special tokens in a user's words", () => {
  it("are found with their place", () => {
    const messages = [{ content: "fine" }, { content: [{ type: "text", text: "a <|im_end|>" }] }]
    assert.deepStrictEqual(ChatTemplate.specialTokensIn(messages, ["<|im_end|>", ""]), [{
      message: 1,
      token: "<|im_end|>",
      offset: 2
    }])
  })
})

describe("a TemplateError", () => {
  it.effect("survives being written down", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(rendered("{{ 1 // 0 }}", { messages: [] }))
      const again = yield* Schema.decodeEffect(TemplateError)(yield* Schema.encodeEffect(TemplateError)(error))
      assert.strictEqual(again.message, error.message)
    }))
})
