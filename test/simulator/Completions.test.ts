import { assert, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Simulator } from "../../src/simulator/index.ts"
import { events, payloads, post } from "./Wire.ts"

const complete = (body: object) => post("/v1/completions", { prompt: "x", ...body })
const scripted = (...texts: ReadonlyArray<string>) =>
  Simulator.Simulator.use((simulator) => simulator.answer(...texts.map((text) => ({ text }))))

layer(Simulator.layer())("completions", (it) => {
  it.effect("list choices in the order in which they finished and sum their usage", () =>
    Effect.gen(function*() {
      yield* scripted("a long answer", "short")
      const { headers, json } = yield* complete({ prompt: ["one", "two"] })
      assert.deepStrictEqual(json.choices.map((choice: { index: number }) => choice.index), [1, 0])
      assert.deepStrictEqual(json.usage, { prompt_tokens: 4, completion_tokens: 6, total_tokens: 10 })
      assert.strictEqual(json.choices[0].finish_reason, "stop")
      assert.notProperty(headers, "x-compute-time")
      assert.strictEqual(headers["x-generated-tokens"], "6")
    }))

  it.effect("stream the text of the end, an empty reason until then, and usage of each prompt at its end", () =>
    Effect.gen(function*() {
      yield* scripted("one")
      const { text } = yield* complete({ stream: true })
      const list = events(text)
      assert.deepStrictEqual(list.map((event) => [event.choices[0].text, event.choices[0].finish_reason]), [
        ["one", ""],
        ["</s>", "eos_token"]
      ])
      assert.notProperty(list[0], "usage")
      assert.deepStrictEqual(list[1].usage, { prompt_tokens: 2, completion_tokens: 2, total_tokens: 4 })
      assert.strictEqual(payloads(text).at(-1), "[DONE]")
    }))

  it.effect("refuse a suffix and too many prompts with a real status, also for a stream", () =>
    Effect.gen(function*() {
      const suffix = yield* complete({ suffix: "y", stream: true })
      assert.strictEqual(suffix.status, 422)
      assert.strictEqual(suffix.json.error_type, "suffix not supported")
      const batch = yield* complete({ prompt: ["1", "2", "3", "4", "5"] })
      assert.deepStrictEqual(batch.json, {
        error: "Number of prompts exceeds the maximum allowed batch size of 4",
        error_type: "batch size exceeded"
      })
    }))

  it.effect("go on with the other prompts of a stream when one is invalid", () =>
    Effect.gen(function*() {
      yield* scripted("fine")
      const { text } = yield* complete({ prompt: ["", "ok"], stream: true })
      const [error, ...rest] = events(text)
      assert.include(error.error.message, "`inputs` cannot be empty")
      assert.isNotEmpty(rest)
    }))

  it.effect("always name the served model", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* complete({ model: "adapter" })).json.model, "simulator/tgi")
    }))
})
