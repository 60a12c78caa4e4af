import { assert, describe, it, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Simulator } from "../../src/simulator/index.ts"
import { events, payloads, post, user } from "./Wire.ts"

const chat = (body: object) => post("/v1/chat/completions", { messages: user("Hello"), ...body })
const scripted = (text: string) => Simulator.Simulator.use((simulator) => simulator.answer({ text }))

layer(Simulator.layer())("a chat answer in one piece", (it) => {
  it.effect("has exactly the keys of TGI", () =>
    Effect.gen(function*() {
      yield* scripted("Hi there")
      const { json } = yield* chat({})
      assert.deepStrictEqual(json, {
        object: "chat.completion",
        id: "",
        created: 0,
        model: "simulator/tgi",
        system_fingerprint: "3.3.7-native",
        choices: [{
          index: 0,
          message: { role: "assistant", content: "Hi there" },
          logprobs: null,
          finish_reason: "stop"
        }],
        usage: { prompt_tokens: 8, completion_tokens: 3, total_tokens: 11 }
      })
    }))

  it.effect("echoes a model that is not the server's own name for it", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* chat({ model: "tgi" })).json.model, "simulator/tgi")
      assert.strictEqual((yield* chat({ model: "adapter" })).json.model, "adapter")
    }))

  it.effect("takes temperature 0 as greedy and a presence penalty of -2 as an error of another option", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* chat({ temperature: 0 })).status, 200)
      const { json } = yield* chat({ presence_penalty: -2 })
      assert.include(json.error, "`repetition_penalty` must be strictly positive")
    }))

  it.effect("refuses the top_p that OpenAI defaults to", () =>
    Effect.gen(function*() {
      assert.include((yield* chat({ top_p: 1 })).json.error, "`top_p` must be > 0.0 and < 1.0")
    }))

  it.effect("lists logprobs with the end of the sequence last, when asked to", () =>
    Effect.gen(function*() {
      yield* scripted("Hi")
      const { content } = (yield* chat({ logprobs: true, top_logprobs: 2 })).json.choices[0].logprobs
      assert.deepStrictEqual(content.map((item: { token: string }) => item.token), ["Hi", "</s>"])
      assert.lengthOf(content[0].top_logprobs, 2)
      assert.notProperty(content[0], "bytes")
    }))

  it.effect("keeps thinking inside the text", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      yield* simulator.answer({ reasoning: "Hm.", text: "Yes" })
      const { message } = (yield* chat({})).json.choices[0]
      assert.strictEqual(message.content, "<think>\nHm.\n</think>\n\nYes")
    }))

  it.effect("ends a stop string with a reason of its own", () =>
    Effect.gen(function*() {
      yield* scripted("one two three")
      const [choice] = (yield* chat({ stop: [" two"] })).json.choices
      assert.deepInclude(choice, { finish_reason: "stop_sequence" })
      assert.strictEqual(choice.message.content, "one two")
    }))
})

layer(Simulator.layer())("a chat stream", (it) => {
  it.effect("names the role in every chunk, finishes on the empty text of the end, and is marked done", () =>
    Effect.gen(function*() {
      yield* scripted("one two")
      const { text } = yield* chat({ stream: true })
      const deltas = events(text).map((event) => [event.choices[0].delta, event.choices[0].finish_reason])
      assert.deepStrictEqual(deltas, [
        [{ role: "assistant", content: "one" }, null],
        [{ role: "assistant", content: " two" }, null],
        [{ role: "assistant", content: "" }, "stop"]
      ])
      assert.strictEqual(payloads(text).at(-1), "[DONE]")
      assert.isNull(events(text)[0].usage)
    }))

  it.effect("puts usage into a chunk without choices when asked to", () =>
    Effect.gen(function*() {
      yield* scripted("one two")
      const last = events((yield* chat({ stream: true, stream_options: { include_usage: true } })).text).at(-1)
      assert.deepStrictEqual(last.choices, [])
      assert.deepStrictEqual(last.usage, { prompt_tokens: 8, completion_tokens: 3, total_tokens: 11 })
    }))

  it.effect("reports errors as an event that always says 422, and is marked done", () =>
    Effect.gen(function*() {
      const { status, text } = yield* chat({ stream: true, top_p: 2 })
      assert.strictEqual(status, 200)
      assert.deepStrictEqual(events(text), [
        { error: { message: "Input validation error: `top_p` must be > 0.0 and < 1.0", http_status_code: 422 } }
      ])
      assert.strictEqual(payloads(text).at(-1), "[DONE]")
    }))

  it.effect("gives the same text as the answer in one piece", () =>
    Effect.gen(function*() {
      const whole = (yield* chat({ seed: 3 })).json.choices[0].message.content
      const parts = events((yield* chat({ seed: 3, stream: true })).text).map((event) => event.choices[0].delta.content)
      assert.strictEqual(parts.join(""), whole)
    }))
})

layer(Simulator.layer())("a prompt", (it) => {
  it.effect("is the template's text, continued where the assistant spoke last", () =>
    Effect.gen(function*() {
      const open = yield* post("/chat_tokenize", { messages: user("Hi") })
      assert.strictEqual(open.json.templated_text, "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n")
      const messages = [...user("Hi"), { role: "assistant", content: "Well, " }]
      const continued = yield* post("/chat_tokenize", { messages })
      assert.isTrue(continued.json.templated_text.endsWith("assistant\nWell,"))
    }))

  it.effect("joins parts, with images as markdown, and drops calls beside content", () =>
    Effect.gen(function*() {
      const call = { id: "0", type: "function", function: { name: "f", arguments: "{}" } }
      const messages = [
        { role: "assistant", content: "x", tool_calls: [call] },
        {
          role: "user",
          content: [{ type: "text", text: "see " }, {
            type: "image_url",
            image_url: { url: "http://i/x.png", detail: "low" }
          }]
        }
      ]
      const { templated_text } = (yield* post("/chat_tokenize", { messages })).json
      assert.include(templated_text, "see ![](http://i/x.png)")
      assert.notInclude(templated_text, `"f"`)
    }))

  it.effect("doubles the encoding of arguments in the history", () =>
    Effect.gen(function*() {
      const call = { id: "0", type: "function", function: { name: "f", arguments: `{"a":1}` } }
      const messages = [{ role: "assistant", tool_calls: [call] }, { role: "tool", content: "2", tool_call_id: "0" }]
      const { templated_text } = (yield* post("/chat_tokenize", { messages })).json
      assert.include(templated_text, JSON.stringify(JSON.stringify(`{"a":1}`)).slice(1, -1))
    }))
})

describe("a template", () => {
  it.effect("that is missing is a real error status, for a stream too", () =>
    Effect.gen(function*() {
      const { json, status } = yield* chat({ stream: true })
      assert.strictEqual(status, 422)
      assert.deepStrictEqual(json, { error: "Template error: template not found", error_type: "template_error" })
    }).pipe(Effect.provide(Simulator.layer({ template: null }))))

  it.effect("that raises is quoted", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* chat({})).json.error, "Template error: syntax error: no system role (in <string>:1)")
    }).pipe(Effect.provide(Simulator.layer({ template: () => ({ raise: "no system role" }) }))))
})
