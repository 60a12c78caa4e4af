import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import { MagpieRows, TextFacts } from "../../src/dataset/index.ts"
import * as InferenceEndpointsLLM from "../../src/InferenceEndpointsLLM.ts"
import * as Simulator from "../../src/simulator/Simulator.ts"

const chatml =
  "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}" +
  "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"

const layer = InferenceEndpointsLLM.layer({
  baseUrl: "http://simulator",
  apiKey: false,
  chatTemplate: chatml,
  useMagpieTemplate: true,
  magpiePreQueryTemplate: "qwen2",
  generationOptions: { maxNewTokens: 8, temperature: 1 }
}).pipe(Layer.provide(Simulator.layer({})))

const make = (options: MagpieRows.Options) =>
  Effect.gen(function*() {
    const magpie = yield* MagpieRows.make(options)
    const rows = yield* Stream.runCollect(magpie.rows)
    return { ...magpie, made: rows, counts: yield* magpie.tally }
  }).pipe(Effect.provide(layer))

const rolesOf = (row: Readonly<Record<string, unknown>> | undefined): unknown =>
  Array.isArray(row?.["conversation"])
    ? row["conversation"].map(({ role }: { readonly role: string }) => role)
    : undefined

describe("Magpie", () => {
  it.effect("gives instruction and response with length, language and key, one row a seed, the same ones again", () =>
    Effect.gen(function*() {
      const once = yield* make({ rows: 4, seed: 7 })
      assert.lengthOf(once.made, 4)
      assert.deepStrictEqual(once.made.map(({ seed }) => seed), [7, 8, 9, 10])
      for (const row of once.made) {
        assert.deepStrictEqual(Object.keys(row), once.features.map(({ name }) => name))
        assert.strictEqual(row["instruction_length"], TextFacts.length(String(row["instruction"])))
        assert.strictEqual(row["key"], TextFacts.key(String(row["instruction"])))
      }
      assert.deepStrictEqual((yield* make({ rows: 4, seed: 7, concurrency: 1 })).made, once.made)
      assert.isAbove(once.counts.tokens.output, 4)
      assert.strictEqual(once.counts.done, 4)
    }))

  it.effect("takes turns, ends with the user where asked, and keeps the system message where asked", () =>
    Effect.gen(function*() {
      const { made: [whole] } = yield* make({ rows: 1, turns: 2 })
      assert.deepStrictEqual(rolesOf(whole), ["user", "assistant", "user", "assistant"])
      const { made: [open] } = yield* make({ rows: 1, turns: 2, endWithUser: true, includeSystemPrompt: true })
      assert.deepStrictEqual(rolesOf(open), ["system", "user", "assistant", "user"])
    }))

  it.effect("gives the instruction alone where asked, whatever the turns", () =>
    Effect.gen(function*() {
      const { features, made: [row] } = yield* make({ rows: 1, turns: 3, onlyInstruction: true })
      assert.notInclude(features.map(({ name }) => name), "response")
      assert.isString(row?.["instruction"])
    }))

  it.effect("draws system prompts by their weight, and the row says which", () =>
    Effect.gen(function*() {
      const systemPrompts = { often: ["Be brief.", 0.9], never: ["Be rude.", 0], seldom: ["Be kind.", 0.1] } as const
      const { made } = yield* make({ rows: 40, systemPrompts, includeSystemPrompt: true, onlyInstruction: true })
      const keys = made.map((row) => row["system_prompt_key"])
      assert.isAbove(keys.filter((key) => key === "often").length, 25)
      assert.notInclude(keys, "never")
      for (const row of made) {
        assert.strictEqual(row["system_prompt"], row["system_prompt_key"] === "often" ? "Be brief." : "Be kind.")
      }
    }))

  it.effect("refuses weights that do not sum to 1", () =>
    Effect.gen(function*() {
      const { reason } = yield* Effect.flip(make({ rows: 1, systemPrompts: { a: ["x", 0.5] } }))
      assert.match(reason.message, /sum to 0\.5/)
    }))

  it.effect("counts by their reason the conversations that fail, and leaves them out", () =>
    Effect.gen(function*() {
      const { counts, made } = yield* make({ rows: 3, responseOptions: { temperature: -1 } })
      assert.lengthOf(made, 0)
      assert.deepStrictEqual(counts.failures, { InvalidRequest: 3 })
    }))

  it.effect("leaves out what has the key of an earlier row", () =>
    Effect.gen(function*() {
      const { counts, made } = yield* make({
        rows: 5,
        onlyInstruction: true,
        instructionOptions: { temperature: 0.01, topK: 1, maxNewTokens: 1 }
      })
      assert.strictEqual(counts.done + counts.duplicates, 5)
      assert.strictEqual(new Set(made.map(({ key }) => key)).size, made.length)
    }))
})

describe("facts of a text", () => {
  it("the language is guessed by script or by short words, or not at all", () => {
    for (
      const [text, language] of [
        ["What is the best way to learn how to cook?", "en"],
        ["Wie kann ich am besten kochen lernen und was ist zu beachten?", "de"],
        ["Quelle est la meilleure façon d'apprendre à cuisiner dans une petite cuisine ?", "fr"],
        ["如何学习做饭？", "zh"],
        ["料理を学ぶ方法は？", "ja"],
        ["Как научиться готовить?", "ru"],
        ["12345", null],
        ["xkcd", null]
      ] as const
    ) {
      assert.strictEqual(TextFacts.language(text), language, text)
    }
  })

  it.effect("the key is the same for texts that differ in case, marks, punctuation and space alone", () =>
    Effect.sync(() => {
      assert.strictEqual(TextFacts.key(" What's  NEW?\n"), TextFacts.key("what s new"))
      assert.strictEqual(TextFacts.key("Caf\u00e9"), TextFacts.key("cafe\u0301"))
      assert.notStrictEqual(TextFacts.key("a b"), TextFacts.key("b a"))
    }))

  it("the length counts characters, not halves of pairs", () => assert.strictEqual(TextFacts.length("a😀é"), 3))
})
