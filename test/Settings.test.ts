import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Settings from "../src/Settings.ts"

describe("Settings.resolve", () => {
  it("says nothing of what nobody set, but for 128 new tokens", () =>
    assert.deepStrictEqual(Settings.resolve({}, {}), { settings: {}, options: { maxNewTokens: 128 }, issues: [] }))

  it("takes settings and options apart", () =>
    assert.deepStrictEqual(Settings.resolve({ numGenerations: 2, topK: 5 }, { delivery: "unary", seed: 1 }), {
      settings: { numGenerations: 2, delivery: "unary" },
      options: { maxNewTokens: 128, topK: 5, seed: 1 },
      issues: []
    }))

  it("the call wins over the defaults, and undefined is not said", () => {
    const { options, settings } = Settings.resolve(
      { temperature: 0.1, topK: 5, maxNewTokens: 7, concurrency: 3 },
      { temperature: 0.9, topK: undefined, concurrency: undefined }
    )
    assert.deepStrictEqual([options, settings], [{ maxNewTokens: 7, temperature: 0.9, topK: 5 }, { concurrency: 3 }])
  })

  const wrong: ReadonlyArray<readonly [name: string, value: unknown]> = [
    ["numGenerations", 0],
    ["numGenerations", 1.5],
    ["concurrency", 0],
    ["concurrency", Number.NaN],
    ["delivery", "post"],
    ["unsupported", "silence"],
    ["splitReasoning", 1],
    ["countTokens", "yes"],
    ["revive", 10n]
  ]
  for (const [name, value] of wrong) {
    it(`${name} cannot be ${String(value)}`, () => {
      // what a caller without types may write
      const { issues } = Settings.resolve({}, { [name]: value } as Settings.CallOptions)
      assert.deepStrictEqual(issues.map(({ path }) => path), [[name]])
      assert.include(issues[0]?.message, name)
    })
  }

  it("tells wrong defaults like a wrong call", () =>
    assert.deepStrictEqual(Settings.resolve({ topP: 2 }, {}).issues.map(({ path }) => path), [["topP"]]))
})

describe("defaults that are known", () => {
  const defaults: ReadonlyArray<Settings.CallOptions> = [{}, { topK: 5, revive: false }, { topP: 2 }, {
    concurrency: 0
  }]
  const calls: ReadonlyArray<Settings.CallOptions> = [
    {},
    { delivery: "unary", revive: undefined },
    { concurrency: 2 },
    { concurrency: 0 },
    { topP: 0.5 },
    { topK: -1, delivery: "stream" }
  ]
  for (const own of defaults) {
    for (const call of calls) {
      it(`${JSON.stringify(own)} change nothing about the call ${JSON.stringify(call)}`, () =>
        assert.deepStrictEqual(
          Settings.resolve(own, call, Settings.resolve(own, {})),
          Settings.resolve(own, call)
        ))
    }
  }
})

describe("Settings.pick", () => {
  it("leaves everything else out", () => {
    const options = { revive: false, modelId: "m", apiKey: "secret" }
    assert.deepStrictEqual(Settings.pick(options), { revive: false })
  })
})

describe("settings as data", () => {
  it.prop("survive JSON text", [Settings.Settings], ([settings]) => {
    const text = JSON.stringify(Schema.encodeSync(Settings.Settings)(settings))
    assert.deepStrictEqual(
      Schema.decodeUnknownSync(Settings.Settings)(JSON.parse(text)),
      JSON.parse(JSON.stringify(settings))
    )
  })
})
