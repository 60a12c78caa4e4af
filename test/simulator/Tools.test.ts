import { assert, describe, it, layer } from "@effect/vitest"
import { Effect } from "effect"
import { TestClock } from "effect/testing"
import { type Answer, Simulator } from "../../src/simulator/index.ts"
import { events, payloads, post, user } from "./Wire.ts"

const weather = {
  type: "function",
  function: {
    name: "weather",
    description: "Weather of a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] }
  }
}
const chat = (body: object) => post("/v1/chat/completions", { messages: user("Hi"), tools: [weather], ...body })
const call = { toolCalls: [{ name: "weather", arguments: { city: "Brooklyn, NY" } }] }
const answer = (...answers: ReadonlyArray<Answer.Answer>) =>
  Simulator.Simulator.use((simulator) => simulator.answer(...answers))
const fragments = (text: string) =>
  events(text).flatMap((event) => event.choices[0]?.delta.tool_calls ?? []).map((delta) => delta.function)

layer(Simulator.layer())("tools", (it) => {
  it.effect("are answered with one call, without content, and with the finish reason stop", () =>
    Effect.gen(function*() {
      yield* answer(call)
      const [choice] = (yield* chat({})).json.choices
      assert.strictEqual(choice.finish_reason, "stop")
      assert.deepStrictEqual(choice.message, {
        role: "assistant",
        tool_calls: [{
          id: "0",
          type: "function",
          function: { description: null, name: "weather", arguments: `{"city":"Brooklyn, NY"}` }
        }]
      })
    }))

  it.effect("left alone are called with arguments of their schema", () =>
    Effect.gen(function*() {
      const [made] = (yield* chat({ tool_choice: "required" })).json.choices[0].message.tool_calls
      assert.isString(JSON.parse(made.function.arguments).city)
    }))

  it.effect("that do not fit cost a second generation: its text, its prompt, the first one's counts", () =>
    Effect.gen(function*() {
      yield* answer({ text: "No need for tools at all" })
      const { choices, usage } = (yield* chat({})).json
      assert.strictEqual(choices[0].message.content, "No need for tools at all")
      const plain = (yield* post("/v1/chat/completions", { messages: user("Hi") })).json.usage.prompt_tokens
      assert.strictEqual(usage.prompt_tokens, plain)
      assert.notStrictEqual(usage.completion_tokens, 7)
    }))

  it.effect("are left out of the prompt and the answer by the choice none", () =>
    Effect.gen(function*() {
      yield* answer({ text: "words" })
      assert.strictEqual((yield* chat({ tool_choice: "none" })).json.choices[0].message.content, "words")
    }))

  it.effect("exclude a response format, even when there are none", () =>
    Effect.gen(function*() {
      const format = { type: "regex", value: "a" }
      const { json, status } = yield* chat({ tools: [], response_format: format })
      assert.strictEqual(status, 422)
      assert.deepStrictEqual(json, {
        error: "Tool error: Grammar and tools are mutually exclusive",
        error_type: "tool_error"
      })
    }))

  it.effect("that are named must exist; a bare string is a name", () =>
    Effect.gen(function*() {
      const { json } = yield* chat({ tool_choice: "sunshine" })
      assert.strictEqual(json.error, "Tool error: Tool with name sunshine not found")
    }))

  it.effect("that the answer cuts short are a tool error with the text in it", () =>
    Effect.gen(function*() {
      yield* answer(call)
      const { json, status } = yield* chat({ max_tokens: 4, tool_choice: "required" })
      assert.strictEqual(status, 422)
      assert.match(json.error, /^Tool error: Failed to parse generated text: EOF while parsing .* "\{\\"function/)
    }))

  it.effect("end with words after a tool's result when left alone", () =>
    Effect.gen(function*() {
      const history = [
        ...user("Hi"),
        {
          role: "assistant",
          tool_calls: [{ id: "0", type: "function", function: { name: "weather", arguments: "{}" } }]
        },
        { role: "tool", content: "sunny", tool_call_id: "0" }
      ]
      assert.isString((yield* chat({ messages: history })).json.choices[0].message.content)
    }))
})

layer(Simulator.layer())("a streamed call", (it) => {
  it.effect("begins with its name and a brace, and its fragments join to the arguments", () =>
    Effect.gen(function*() {
      yield* answer(call)
      const list = fragments((yield* chat({ stream: true })).text)
      assert.deepStrictEqual(list[0], { name: "weather", arguments: "{" })
      assert.isTrue(list.slice(1).every((fragment) => fragment.name === null))
      const joined = list.map((fragment) => fragment.arguments).join("")
      assert.deepStrictEqual(JSON.parse(joined), { city: "Brooklyn, NY" })
    }))

  it.effect("has no chunk with a finish reason, only usage and the end mark", () =>
    Effect.gen(function*() {
      yield* answer(call)
      const { text } = yield* chat({ stream: true, stream_options: { include_usage: true } })
      const list = events(text)
      assert.isTrue(list.every((event) => (event.choices[0]?.finish_reason ?? null) === null))
      assert.isNumber(list.at(-1).usage.completion_tokens)
      assert.strictEqual(payloads(text).at(-1), "[DONE]")
    }))

  it.effect("has an id of one more than the largest in the history", () =>
    Effect.gen(function*() {
      yield* answer(call)
      const made = { id: "3", type: "function", function: { name: "weather", arguments: "{}" } }
      const messages = [{ role: "assistant", tool_calls: [made] }, { role: "user", content: "again" }]
      const ids = events((yield* chat({ messages, stream: true })).text)
        .flatMap((event) => event.choices[0].delta.tool_calls.map((delta: { id: string }) => delta.id))
      assert.deepStrictEqual([...new Set(ids)], ["4"])
    }))

  it.effect("cut while it buffers leaves only the end mark", () =>
    Effect.gen(function*() {
      yield* answer(call)
      assert.deepStrictEqual(payloads((yield* chat({ stream: true, max_tokens: 4 })).text), ["[DONE]"])
    }))

  it.effect("of no tool is given up for words as soon as its name is read, even if the limit cuts it", () =>
    Effect.gen(function*() {
      yield* answer({ text: "words" })
      const list = events((yield* chat({ stream: true, max_tokens: 14 })).text)
      assert.strictEqual(list.map((event) => event.choices[0].delta.content).join(""), "words")
    }))

  it.effect("cut in its arguments says length on the last fragment", () =>
    Effect.gen(function*() {
      yield* answer(call)
      const last = events((yield* chat({ stream: true, max_tokens: 16 })).text).at(-1)
      assert.strictEqual(last.choices[0].finish_reason, "length")
      assert.property(last.choices[0].delta, "tool_calls")
    }))

  it.effect("is plain text when no tool fits", () =>
    Effect.gen(function*() {
      yield* answer({ text: "just words" })
      const list = events((yield* chat({ stream: true })).text)
      assert.strictEqual(list.map((event) => event.choices[0].delta.content).join(""), "just words")
      assert.strictEqual(list.at(-1).choices[0].finish_reason, "stop")
    }))

  it.effect("that closes in the token of its name leaves a lone brace and an empty text", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      yield* simulator.answer({
        tokens: [{ text: `{"function": {"_name": "weather` }, { text: `"}}` }, { id: 2, text: "</s>", special: true }]
      })
      const deltas = events((yield* chat({ stream: true, tool_choice: "required" })).text)
        .map((event) => event.choices[0])
      assert.deepStrictEqual(deltas.map((choice) => choice.delta.tool_calls?.[0].function.arguments), ["{", undefined])
      assert.deepStrictEqual(deltas.at(-1).delta, { role: "assistant", content: "" })
      assert.strictEqual(deltas.at(-1).finish_reason, "stop")
    }))
})

describe("a tool whose schema leads back to itself", () => {
  it.effect.each(["#", "#/properties/function", "#/$functions/weather"])(
    "kills the router, which is back after a restart: %s",
    ($ref) =>
      Effect.gen(function*() {
        const endless = {
          ...weather,
          function: { ...weather.function, parameters: { type: "object", properties: { next: { $ref } } } }
        }
        const error = yield* Effect.flip(chat({ tools: [endless] }))
        assert.strictEqual(error.reason._tag, "TransportError")
        assert.strictEqual((yield* Effect.flip(chat({}))).reason._tag, "TransportError")
        yield* TestClock.adjust("10 seconds")
        assert.strictEqual((yield* chat({})).status, 200)
      }).pipe(Effect.provide(Simulator.layer()))
  )
})
