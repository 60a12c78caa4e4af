import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { HttpClient, HttpClientResponse } from "effect/http"
import * as ChatTemplate from "../../src/template/ChatTemplate.ts"
import * as MiniJinja from "../../src/template/engine/MiniJinja.ts"
import * as ServerPrompt from "../../src/template/ServerPrompt.ts"

const chatml =
  "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
const messages = [{ role: "user", content: "Hi" }]

const found = (tools?: ReadonlyArray<unknown>) =>
  Effect.map(
    ChatTemplate.verify({ messages, tools }, () => Effect.succeed("")),
    ({ minijinja }) => minijinja.map(({ effect, line }) => [effect, line])
  )

describe("verify", () => {
  it.effect("shows the first difference from an oracle, and both texts", () =>
    Effect.gen(function*() {
      const found = yield* ChatTemplate.verify({ messages }, () => Effect.succeed("<|user|>Ho<|end|>"))
      assert.deepStrictEqual(found, {
        ours: "<|user|>Hi<|end|>",
        theirs: "<|user|>Ho<|end|>",
        difference: { offset: 9, ours: "<|user|>Hi<|end|>", theirs: "<|user|>Ho<|end|>" },
        minijinja: []
      })
      const same = yield* ChatTemplate.verify({ messages }, () => Effect.succeed("<|user|>Hi<|end|>"))
      assert.isUndefined(same.difference)
    }).pipe(Effect.provide(ChatTemplate.layerText({ template: chatml }))))

  it.effect("says what the template does in TGI's own renderer, by the template that tools choose", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* found(), [["stops", 2]])
      assert.deepStrictEqual(yield* found([]), [["differs", 1], ["differs", 1]])
    }).pipe(Effect.provide(ChatTemplate.layerFiles({
      files: {
        "chat_template.jinja": "{{ 1 }}\n{%- generation %}x{%- endgeneration %}",
        "additional_chat_templates/tool_use.jinja": "{{ tools | tojson }}"
      }
    }))))
})

describe("what is known of minijinja", () => {
  const cases: ReadonlyArray<readonly [source: string, effects: ReadonlyArray<MiniJinja.Finding["effect"]>]> = [
    [chatml, []],
    ["{% generation %}x{% endgeneration %}", []],
    ["{%- generation %}x{%- endgeneration -%}", ["stops"]],
    ["{{ x | tojson(separators=(',', ':')) }}", ["fails", "differs"]],
    ["{{ x | tojson(indent=2) }}", ["differs"]],
    ["{% if x %}\na\n{% endif %}\n", ["differs"]],
    ["{% if x -%}\na\n{%- endif %}", []],
    ["a\n  {% if x %}b{% endif %}", ["differs"]],
    ["{{ tools }}", ["differs"]],
    ["{% if enable_thinking %}x{% endif %}", ["differs"]],
    ["{{ messages[0].tool_calls }}", ["differs"]]
  ]
  it.effect.each(cases)(
    "%s",
    ([source, effects]) =>
      Effect.sync(() => assert.deepStrictEqual(MiniJinja.findings(source).map(({ effect }) => effect), effects))
  )
})

/** A server that answers every request with this JSON and keeps the bodies. */
const server = (status: number, body: unknown, seen: Array<unknown> = []) =>
  Layer.succeed(HttpClient.HttpClient)(HttpClient.make((request) => {
    if (request.body._tag === "Uint8Array") {
      seen.push([request.url, JSON.parse(new TextDecoder().decode(request.body.body))])
    }
    return Effect.succeed(HttpClientResponse.fromWeb(request, Response.json(body, { status })))
  }))

describe("the prompt of vLLM", () => {
  const ask = ServerPrompt.vllm({ baseUrl: "http://vllm:8000/", model: "m" })

  it.effect("is asked for with one token, and is an oracle", () => {
    const seen: Array<unknown> = []
    return Effect.gen(function*() {
      const { difference, theirs } = yield* ChatTemplate.verify({ messages, addGenerationPrompt: true }, ask)
      assert.strictEqual(theirs, "<|user|>Hi<|end|><|assistant|>")
      assert.isUndefined(difference)
      assert.deepStrictEqual(seen, [["http://vllm:8000/v1/chat/completions", {
        model: "m",
        messages,
        add_generation_prompt: true,
        max_tokens: 1,
        temperature: 0,
        return_prompt_text: true
      }]])
    }).pipe(Effect.provide([
      ChatTemplate.layerText({ template: chatml }),
      server(200, { choices: [], prompt_text: "<|user|>Hi<|end|><|assistant|>" }, seen)
    ]))
  })

  it.effect("is an error where the server does not tell it", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* Effect.flip(ask({ messages })))._tag, "SchemaError")
    }).pipe(Effect.provide(server(200, { choices: [] }))))

  it.effect("is an error where the server refuses", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* Effect.flip(ask({ messages })))._tag, "HttpClientError")
    }).pipe(Effect.provide(server(400, {}))))
})
