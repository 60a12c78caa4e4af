import { assert, layer } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { LanguageModel } from "effect/ai"
import { Simulator } from "../../src/simulator/index.ts"
import { live, Tools } from "./Weather.ts"

const chatTemplate = `{%- if tools %}<|im_start|>system
{{ tools | tojson }}<|im_end|>
{% endif %}{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}{% for call in message.tool_calls %}<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>{% endfor %}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}`

const call = (name: string, value: unknown) =>
  `<tool_call>\n${JSON.stringify({ name }).slice(0, -1)}, "arguments": ${JSON.stringify(value)}}\n</tool_call>`
    .replace("{\"name\":", "{\"name\": ")

layer(live({ engine: "tgi" }, { chatTemplate }))("a toolkit on TGI, with a template that knows tools", (it) => {
  it.effect("is called in parallel, and streams what is called", () =>
    Effect.gen(function*() {
      const { answer, journal } = yield* Simulator.Simulator
      const text = call("weather", { city: "Rome", unit: null }) + call("now", {})
      yield* answer({ text }, { text })
      const parts = yield* Stream.runCollect(LanguageModel.streamText({ prompt: "Rome?", toolkit: Tools }))
      assert.deepStrictEqual(parts.flatMap((part) => part.type === "tool-result" ? [part.result] : []), [
        { degrees: 4 },
        "noon"
      ])
      assert.isAbove(parts.filter(({ type }) => type === "tool-params-delta").length, 3)
      const { finishReason, toolResults } = yield* LanguageModel.generateText({ prompt: "Rome?", toolkit: Tools })
      assert.lengthOf(toolResults, 2)
      assert.strictEqual(finishReason, "tool-calls")
      const posts = (yield* journal.entries).filter(({ request }) => request.method === "POST")
      assert.deepStrictEqual(posts.map(({ request }) => request.path), ["/generate_stream", "/generate"])
    }))
})
