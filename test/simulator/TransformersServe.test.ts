import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Simulator } from "../../src/simulator/index.ts"
import { events, get, post, user } from "./Wire.ts"

const chat = (body: object = {}) => post("/v1/chat/completions", { messages: user("Hi"), max_tokens: 8, ...body })

layer(Simulator.layer({ engine: "transformers", modelId: "org/m" }))("transformers serve", (it) => {
  it.effect("refuses fields that it does not know, and other ones on each route", () =>
    Effect.gen(function*() {
      const { json, status } = yield* chat({ top_k: 5, min_p: 1 })
      assert.deepStrictEqual([status, json], [422, { detail: "Unexpected fields in the request: {'top_k', 'min_p'}" }])
      assert.strictEqual((yield* chat({ chat_template_kwargs: {}, response_format: {}, n: 3 })).status, 200)
      const tools = yield* post("/v1/completions", { prompt: "x", tools: [] })
      assert.strictEqual(tools.json.detail, "Unexpected fields in the request: {'tools'}")
      assert.strictEqual((yield* post("/v1/completions", { prompt: "x", echo: true })).status, 200)
    }))

  it.effect("keeps the stop sequence in the text", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator.Simulator
      yield* simulator.answer({ text: "one two three" })
      const { choices } = (yield* chat({ stop: ["two"] })).json
      assert.deepStrictEqual([choices[0].message.content, choices[0].finish_reason], ["one two", "stop"])
    }))

  it.effect("ends a stream with reason and usage, and without a mark", () =>
    Effect.gen(function*() {
      const { text } = yield* chat({ stream: true })
      assert.notInclude(text, "[DONE]")
      const last = events(text).at(-1)
      assert.strictEqual(last.choices[0].finish_reason, "length")
      assert.strictEqual(last.usage.completion_tokens, 8)
    }))

  it.effect("owns its model locally, and says that it is loaded", () =>
    Effect.gen(function*() {
      const [model] = (yield* get("/v1/models")).json.data
      assert.deepStrictEqual([model.owned_by, model.status], ["local", { value: "loaded" }])
      assert.property((yield* get("/openapi.json")).json.paths, "/load_model")
      assert.strictEqual((yield* get("/v1/chat/completions")).status, 405)
    }))
})
