import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as GenerationOptions from "../src/GenerationOptions.ts"

const wrong: ReadonlyArray<readonly [option: string, value: unknown, rule: string]> = [
  ["maxNewTokens", 0, "must be an integer of at least 1"],
  ["maxNewTokens", 1.5, "must be an integer of at least 1"],
  ["maxNewTokens", "10", "maxNewTokens"],
  ["temperature", -0.1, "must be a number of at least 0"],
  ["temperature", Number.NaN, "must be a number of at least 0"],
  ["temperature", Infinity, "must be a number of at least 0"],
  ["topP", 0, "must be above 0 and at most 1"],
  ["topP", 1.1, "must be above 0 and at most 1"],
  ["topK", -1, "must be an integer of at least 0"],
  ["minP", 2, "must be from 0 to 1"],
  ["typicalP", 0, "must be above 0 and at most 1"],
  ["repetitionPenalty", 0, "must be above 0"],
  ["frequencyPenalty", 2.1, "must be from -2 to 2"],
  ["presencePenalty", -2.1, "must be from -2 to 2"],
  ["logitBias", { 5: 101 }, "must be from -100 to 100"],
  ["seed", -1, "must be an integer from 0"],
  ["seed", 2 ** 53, "must be an integer from 0"],
  ["seed", 2n ** 64n, "must be an integer from 0"],
  ["stopSequences", "\n", "stopSequences"],
  ["stopSequences", [""], "must not be empty"],
  ["truncate", 0, "must be an integer of at least 1"],
  ["bestOf", 0, "must be an integer of at least 1"],
  ["adapterId", "", "adapterId"],
  ["topLogprobs", 21, "must be an integer from 0 to 20"],
  ["toolChoice", "always", "toolChoice"],
  ["tools", [{ name: "not a name", parameters: {} }], "must be 1 to 64"],
  ["doSample", "yes", "doSample"],
  ["max_new_tokens", 10, "is not an option"],
  ["logitBias", { hello: 1 }, "must have token ids as keys, not \"hello\""],
  ["temperature", "0.5", "must be a number"],
  ["seed", "1", "must be a number or a bigint"],
  ["stopSequences", 1, "must be a list"],
  ["watermark", "yes", "must be true or false"]
]

// what a caller without types may write
const check = (options: Record<string, unknown>, limits?: GenerationOptions.ServerLimits) =>
  GenerationOptions.check(options as GenerationOptions.GenerationOptions, limits)

describe("a wrong option", () => {
  for (const [option, value, rule] of wrong) {
    const shown = typeof value === "bigint" ? `${value}n` : JSON.stringify(value)
    it(`${option} ${shown} is told with its name, its value and the rule`, () => {
      const issues = check({ [option]: value })
      assert.isAbove(issues.length, 0)
      for (const { message, path } of issues) {
        assert.strictEqual(path[0], option)
        assert.match(message, new RegExp(`^${option}.*, given `))
      }
      assert.isTrue(issues.some(({ message }) => message.includes(rule)), issues[0]?.message)
    })
  }

  it("is not alone: all are told at once", () =>
    assert.deepStrictEqual(check({ topP: 2, topK: -1, seed: -1 }).map(({ path }) => path[0]).toSorted(), [
      "seed",
      "topK",
      "topP"
    ]))

  it("shows at most 100 characters of its value", () =>
    assert.isBelow(check({ doSample: "x".repeat(10_000) })[0]?.message.length ?? 0, 300))
})

describe("options at their bounds", () => {
  for (
    const options of [
      { maxNewTokens: 1, temperature: 0, topP: 1, topK: 0, minP: 0, typicalP: 1, repetitionPenalty: 0.01 },
      { minP: 1, frequencyPenalty: -2, presencePenalty: 2, logitBias: { 5: -100 }, seed: 0, stopSequences: [] },
      { seed: 2n ** 64n - 1n, truncate: 1, bestOf: 1, topNTokens: 0, topLogprobs: 20 },
      { seed: Number.MAX_SAFE_INTEGER, toolChoice: "none", extra: { anything: [null] } },
      {}
    ]
  ) {
    it(`${Object.keys(options).join(", ") || "none at all"} may be sent`, () =>
      assert.deepStrictEqual(check(options), []))
  }
})

describe("the server's own limits", () => {
  const limits = { maxInputTokens: 10, maxTotalTokens: 20, maxBestOf: 2, maxStopSequences: 4 }
  const beyond: ReadonlyArray<readonly [Record<string, unknown>, string]> = [
    [{ bestOf: 3 }, "bestOf must be at most 2 (the server's max_best_of), given 3"],
    [{ truncate: 11 }, "truncate must be at most 10 (the server's max_input_tokens), given 11"],
    [
      { stopSequences: ["a", "b", "c", "d", "e"] },
      "stopSequences can hold at most 4 texts (the server's max_stop_sequences), given 5"
    ]
  ]
  for (const [options, message] of beyond) {
    it(`${Object.keys(options)[0]} beyond them is told`, () =>
      assert.deepStrictEqual(check(options, limits).map((issue) => issue.message), [message]))
  }

  it("bind at their figure, and not where they are unknown", () => {
    assert.deepStrictEqual(check({ bestOf: 2, truncate: 10 }, limits), [])
    // TGI takes more than its total, and ends there
    assert.deepStrictEqual(check({ maxNewTokens: 5000 }, limits), [])
    assert.deepStrictEqual(check({ bestOf: 99, truncate: 99, maxNewTokens: 99 }), [])
  })
})

describe("combinations", () => {
  it("a seed does not go with several candidates", () =>
    assert.deepStrictEqual(check({ seed: 1, bestOf: 2 }).map(({ path }) => path), [["seed"]]))

  it("a tool that is chosen must be there", () => {
    const tools = [{ name: "f", parameters: {} }]
    assert.deepStrictEqual(check({ toolChoice: { name: "g" }, tools }).map(({ path }) => path), [["toolChoice"]])
    assert.deepStrictEqual(check({ toolChoice: { name: "f" }, tools }), [])
  })
})

describe("options as data", () => {
  const json = Schema.toCodecJson(GenerationOptions.GenerationOptions)

  it.prop("survive JSON text, seeds included", [
    Schema.Union([
      Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 2n ** 53n, maximum: 2n ** 64n - 1n })),
      Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))
    ])
  ], ([seed]) => {
    const options = { seed, temperature: 0.5, stopSequences: ["\n"], toolChoice: { name: "f" } }
    const text = JSON.stringify(Schema.encodeSync(json)(options))
    assert.deepStrictEqual<unknown>(Schema.decodeUnknownSync(json)(JSON.parse(text)), options)
  })
})

describe("every option", () => {
  const names = Object.keys(GenerationOptions.GenerationOptions.fields) as ReadonlyArray<GenerationOptions.Name>
  for (const name of names) {
    it(`${name} says what it means, in a sentence`, () =>
      assert.match(GenerationOptions.describe(name), /^[A-Z].{8,}\.$/))
  }
})
