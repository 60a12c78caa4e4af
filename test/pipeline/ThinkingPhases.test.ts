import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Schema, Stream } from "effect"
import type * as Generation from "../../src/Generation.ts"
import * as InferenceEndpointsLLM from "../../src/InferenceEndpointsLLM.ts"
import { Simulator } from "../../src/simulator/index.ts"
import type { Script } from "../../src/simulator/model/Answer.ts"
import * as World from "../World.ts"

const head = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}<|assistant|>"
const opens = `${head}<think>\n`
const byChoice = `${head}{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}`

const LAST = "I have thought about this for long enough, and will answer now."

const world = (engine: World.Simulated, chatTemplate: string | undefined, script?: Script) =>
  Effect.provide(
    InferenceEndpointsLLM.layer({ baseUrl: "http://localhost:8080", apiKey: false, engine, chatTemplate }).pipe(
      Layer.provideMerge(Simulator.layer({ engine, script }))
    )
  )

const llm = InferenceEndpointsLLM.InferenceEndpointsLLM

const one = (...call: Parameters<InferenceEndpointsLLM.InferenceEndpointsLLM["Service"]["generate"]>) =>
  Effect.flatMap(
    llm,
    ({ generate }) =>
      Effect.map(generate(...call), ({ generations: [generation] }) => generation as Generation.Generation)
  )

const prompts = Effect.map(
  World.bodies,
  (bodies) =>
    bodies.flatMap((body) => [body["prompt"] ?? body["inputs"]]).filter((prompt) => prompt !== undefined).map(String)
)

const words = (count: number, word: string) => Array.from({ length: count }, () => ` ${word}`).join("")

/** Thinks for so many words, and answers when the thought is closed. */
const thinks = (count: number, opened = true): Script => (_, prompt) => ({
  text: prompt.includes("</think>")
    ? "The answer."
    : `${opened ? "" : "<think>\n"}${words(count, "hm")}</think>\n\nnever read`
})

const budget = { maxNewTokens: 60, thinkingBudget: 10 }

for (const engine of World.engines) {
  describe(`a thinking budget behind a prompt that is rendered here, on ${engine}`, () => {
    it.effect("cuts a longer thought, closes it by the template's tag with last words, and goes on with the answer", () =>
      Effect.gen(function*() {
        const { finishReason, reasoning, statistics, text } = yield* one("hi", budget)
        assert.strictEqual(text, "The answer.")
        assert.match(reasoning ?? "", /^( hm){9,10}$/)
        assert.isAtMost(statistics.reasoningTokens ?? Infinity, 10)
        assert.strictEqual(finishReason, "stop")
        const [first = "", second = ""] = (yield* prompts).slice(-2)
        assert.strictEqual(second, `${first}${reasoning}\n\n${LAST}\n</think>\n\n`)
      }).pipe(world(engine, opens, thinks(50))))

    it.effect("leaves a shorter thought as it is", () =>
      Effect.gen(function*() {
        const { reasoning, text } = yield* one("hi", budget)
        assert.strictEqual(text, "The answer.")
        assert.strictEqual(reasoning, words(3, "hm"))
        const [first = "", second = ""] = (yield* prompts).slice(-2)
        assert.strictEqual(second, `${first}${words(3, "hm")}</think>\n\n`)
      }).pipe(world(engine, opens, thinks(3))))

    it.effect("finds a thought that the model opens itself", () =>
      Effect.gen(function*() {
        const { reasoning, text } = yield* one("hi", budget)
        assert.strictEqual(text, "The answer.")
        assert.match(reasoning ?? "", /^\s*hm( hm)+$/)
        assert.include((yield* prompts).at(-1) ?? "", `<|assistant|><think>\n`)
      }).pipe(world(engine, byChoice, thinks(50, false))))

    it.effect("goes on with the text of a model that does not think", () =>
      Effect.gen(function*() {
        const { reasoning, text } = yield* one("hi", budget)
        assert.isUndefined(reasoning)
        assert.strictEqual(text.trim(), words(20, "word").trim())
      }).pipe(world(engine, byChoice, (_, prompt) => {
        const already = prompt.split("<|assistant|>")[1] ?? ""
        return { text: words(20, "word").slice(already.length) }
      })))

    it.effect("gives valid JSON under a budget that cuts the thought", () =>
      Effect.gen(function*() {
        const service = yield* llm
        const schema = Schema.Struct({ name: Schema.String, age: Schema.Int })
        const { generation, value } = yield* service.generateObject("hi", {
          schema,
          maxNewTokens: 400,
          thinkingBudget: 10
        })
        assert.isString(value.name)
        assert.match(generation.reasoning ?? "", /^( hm){9,10}$/)
      }).pipe(
        world(engine, opens, (_, prompt) => prompt.endsWith("</think>\n\n") ? undefined : { text: words(50, "hm") })
      ))

    it.effect("is one stream: thoughts, then text, and at the end the sum of both requests", () =>
      Effect.gen(function*() {
        const service = yield* llm
        const events = Array.from(yield* Stream.runCollect(service.stream("hi", budget)))
        const kinds = events.map(({ _tag }) => _tag)
        assert.deepStrictEqual([...new Set(kinds)], ["Reasoning", "Text", "Finish"])
        const last = events.at(-1)
        if (last?._tag !== "Finish") return assert.fail("no end")
        const whole = yield* one("hi", { ...budget, delivery: "stream" })
        const { duration: _, timeToFirstToken: __, ...statistics } = last.generation.statistics
        const { duration: ___, timeToFirstToken: ____, ...wanted } = whole.statistics
        assert.deepStrictEqual(statistics, wanted)
        assert.deepStrictEqual({ ...last.generation, statistics: 0, seed: 0 }, { ...whole, statistics: 0, seed: 0 })
        assert.strictEqual(
          events.flatMap((event) => event._tag === "Text" ? [event.text] : []).join(""),
          last.generation.text
        )
      }).pipe(world(engine, opens, thinks(50))))

    it.effect("of 0 closes the thought before it begins, in one request", () =>
      Effect.gen(function*() {
        const { reasoning, text } = yield* one("hi", { maxNewTokens: 60, thinkingBudget: 0 })
        assert.strictEqual(text.trim(), "The answer.")
        assert.isUndefined(reasoning)
        assert.match((yield* prompts).at(-1) ?? "", /<think>\n\n<\/think>\n\n$/)
      }).pipe(world(engine, opens, thinks(50))))
  })
}

describe("a thinking budget where the server renders", () => {
  for (const [engine, field] of [["vllm", "thinking_token_budget"], ["llamacpp", "thinking_budget_tokens"]] as const) {
    it.effect(`goes to ${engine} in its own field, and is kept there`, () =>
      Effect.gen(function*() {
        const { reasoning, text } = yield* one("hi", budget)
        assert.strictEqual(text, "The answer.")
        assert.match(reasoning ?? "", /^( hm){9,10}$/)
        assert.strictEqual((yield* World.bodies).at(-1)?.[field], 10)
      }).pipe(world(engine, undefined, () => ({ reasoning: words(50, "hm"), text: "The answer." }))))
  }

  for (const engine of ["tgi", "sglang", "hf-serve"] as const) {
    it.effect(`is refused before anything is sent on ${engine}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(one("hi", budget))
        assert.strictEqual(error.reason._tag, "InvalidRequest")
        assert.include(error.message, "thinkingBudget")
        assert.isEmpty((yield* World.bodies).filter((body) => "messages" in body))
      }).pipe(world(engine, undefined)))
  }

  for (const chatTemplate of [undefined, opens]) {
    it.effect(`is refused on the router, ${chatTemplate === undefined ? "as messages" : "and behind a raw prompt too"}`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(one("hi", budget))
        assert.strictEqual(error.reason._tag, "InvalidRequest")
        assert.include(error.message, "thinkingBudget is refused by the router")
      }).pipe(Effect.provide(
        InferenceEndpointsLLM.layer({ baseUrl: "http://localhost:8080", apiKey: false, engine: "router", chatTemplate })
          .pipe(
            Layer.provideMerge(Simulator.layer({ engine: "vllm" }))
          )
      )))
  }

  it.effect("fails where the server took the field and let the model think on", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(one("hi", { maxNewTokens: 400, thinkingBudget: 10 }))
      assert.strictEqual(error.reason._tag, "InvalidResponse")
      assert.include(error.message, "thinkingBudget is 10")
    }).pipe(Effect.provide(
      InferenceEndpointsLLM.layer({ baseUrl: "http://localhost:8080", apiKey: false, engine: "vllm" }).pipe(
        Layer.provideMerge(Simulator.layer({
          engine: "vllm",
          lies: ["thinkingBudget"],
          script: () => ({ reasoning: words(150, "hm"), text: "The answer." })
        }))
      )
    )))
})

const refused = (
  input: Parameters<typeof one>[0],
  options: Parameters<typeof one>[1],
  template: string | undefined
) =>
  Effect.gen(function*() {
    const error = yield* Effect.flip(one(input, options))
    assert.strictEqual(error.reason._tag, "InvalidRequest")
    assert.isEmpty((yield* prompts).filter((prompt) => prompt.includes("hi")))
  }).pipe(world("llamacpp", template))

describe("a thinking budget is refused before anything is sent", () => {
  it.effect("that leaves no token for the answer", () => refused("hi", { maxNewTokens: 60, thinkingBudget: 60 }, opens))
  it.effect("for a template whose thinking tags are not known", () => refused("hi", budget, head))
  it.effect("for a raw prompt that does not open a thought", () => refused({ raw: "hi" }, budget, undefined))
  it.effect("with the whole text asked for", () => refused("hi", { ...budget, returnFullText: true }, opens))
})
