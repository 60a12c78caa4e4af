import { assert, describe, it, layer } from "@effect/vitest"
import { Effect } from "effect"
import { Simulator } from "../../src/simulator/index.ts"
import { post } from "./Wire.ts"

const options = { maxTotalTokens: 2048, maxInputTokens: 1000 }

layer(Simulator.layer(options))("the checks of a generation, with their texts", (it) => {
  it.effect.each(
    [
      [{ best_of: 3 }, "`best_of` must be > 0 and <= 2. Given: 3"],
      [{ best_of: 2 }, "you must use sampling when `best_of` is > 1"],
      [{ temperature: 0 }, "`temperature` must be strictly positive"],
      [{ repetition_penalty: 0 }, "`repetition_penalty` must be strictly positive"],
      [{ frequency_penalty: 2.5 }, "`frequency_penalty` must be >= -2.0 and <= 2.0"],
      [{ top_p: 1 }, "`top_p` must be > 0.0 and < 1.0"],
      [{ typical_p: 0 }, "`typical_p` must be > 0.0 and < 1.0"],
      [{ top_k: 0 }, "`top_k` must be strictly positive"],
      [{ max_new_tokens: 0 }, "`max_new_tokens` must be strictly positive"],
      [{ stop: ["1", "2", "3", "4", "5"] }, "`stop` supports up to 4 stop sequences. Given: 5"],
      [{ best_of: 2, do_sample: true, seed: 1 }, "`seed` must not be set when `best_of` > 1"],
      [{ top_n_tokens: 6 }, "`top_n_tokens` must be >= 0 and <= 5. Given: 6"],
      [{ truncate: 1001 }, "`truncate` must be strictly positive and less than 1000. Given: 1001"],
      [{ grammar: { type: "json", value: 3 } }, "grammar is not supported"]
    ] as const
  )("%j", ([parameters, message]) =>
    Effect.gen(function*() {
      const { json, status } = yield* post("/generate", { inputs: "x", parameters })
      assert.strictEqual(status, 422)
      assert.deepStrictEqual(json, { error: `Input validation error: ${message}`, error_type: "validation" })
    }))

  it.effect("report the first in the order of the server when several fail", () =>
    Effect.gen(function*() {
      const { json } = yield* post("/generate", { inputs: "", parameters: { top_k: 0, top_p: 2 } })
      assert.include(json.error, "`top_p`")
    }))

  it.effect("print the capped number of new tokens when the budget is exceeded", () =>
    Effect.gen(function*() {
      const inputs = "a ".repeat(1200)
      const { json } = yield* post("/generate", { inputs, parameters: { max_new_tokens: 5000 } })
      assert.include(json.error, "and 1024 `max_new_tokens`")
      assert.include(json.error, "must be <= 2048. Given: 1202 `inputs` tokens")
    }))

  it.effect("measure a prompt that is too long after truncation", () =>
    Effect.gen(function*() {
      const inputs = "a ".repeat(1200)
      const { json } = yield* post("/generate", { inputs, parameters: { max_new_tokens: 4 } })
      assert.include(json.error, "`inputs` must have less than 1000 tokens. Given: 1202")
      assert.strictEqual(
        (yield* post("/generate", { inputs, parameters: { max_new_tokens: 4, truncate: 9 } })).status,
        200
      )
    }))

  it.effect("let best_of 0 through when not streaming", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* post("/generate", { inputs: "x", parameters: { best_of: 0 } })).status, 200)
    }))

  it.effect("refuse best_of 0 and decoder_input_details in a stream", () =>
    Effect.gen(function*() {
      const best = yield* post("/generate_stream", { inputs: "x", parameters: { best_of: 0 } })
      assert.include(best.text, "`best_of` != 1 is not supported when streaming tokens")
      const details = yield* post("/generate_stream", { inputs: "x", parameters: { decoder_input_details: true } })
      assert.include(details.text, "`decoder_input_details` == true is not supported when streaming tokens")
    }))
})

describe("grammar support", () => {
  it.effect("can be off, and tools with it", () =>
    Effect.gen(function*() {
      const grammar = { type: "regex", value: "a" }
      const native = yield* post("/generate", { inputs: "x", parameters: { grammar } })
      assert.include(native.json.error, "grammar is not supported")
      const tools = [{ type: "function", function: { name: "f", parameters: null } }]
      const chat = yield* post("/v1/chat/completions", { messages: [{ role: "user", content: "x" }], tools })
      assert.include(chat.json.error, "grammar is not supported")
    }).pipe(Effect.provide(Simulator.layer({ disableGrammarSupport: true }))))
})

const generate = (url: string) => post("/generate", { inputs: `see ![](${url})`, parameters: { max_new_tokens: 1 } })

layer(Simulator.layer({ multimodal: true, headers: { "x-request-id": "r1" } }))("images", (it) => {
  it.effect("count as tokens of the prompt", () =>
    Effect.gen(function*() {
      const { headers } = yield* generate("data:image/png;base64,AAAA")
      assert.isAbove(Number(headers["x-prompt-tokens"]), 256)
      assert.strictEqual(headers["x-request-id"], "r1")
    }))

  it.effect.each(
    [
      ["data:image/png;base64,A!", "base64 encoding is invalid"],
      ["data:image/svg+xml;base64,AAAA", "invalid image"],
      ["file:///etc/passwd", "invalid image content: file:///etc/passwd"]
    ] as const
  )("that are %s are refused", ([url, message]) =>
    Effect.gen(function*() {
      assert.include((yield* generate(url)).json.error, `Input validation error: ${message}`)
    }))
})
