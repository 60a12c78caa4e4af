import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Json from "../../src/protocol/Json.ts"

const U64 = Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: 0n, maximum: 2n ** 64n - 1n }))
const Values = Schema.Record(Schema.String, Schema.Json)

describe("Json", () => {
  it.prop(
    "writes what JSON.stringify writes",
    [Values],
    ([body]) => assert.strictEqual(Json.stringify(body), JSON.stringify(body))
  )

  it.prop("writes the same beside a bigint", [Values, U64], ([body, seed]) =>
    assert.strictEqual(
      Json.stringify({ parameters: { seed }, body }),
      `{"parameters":{"seed":${seed}},"body":${JSON.stringify(body)}}`
    ))

  it("writes a bigint wherever it is", () =>
    assert.strictEqual(
      Json.stringify({
        a: [1n, { b: 18446744073709551615n, c: undefined }],
        d: undefined,
        at: new Date(0),
        e: [undefined]
      }),
      `{"a":[1,{"b":18446744073709551615}],"at":"1970-01-01T00:00:00.000Z","e":[null]}`
    ))

  it.prop("writes a body with another integer under a path as it would have been written anew", [
    Values,
    Schema.Union([U64, Schema.Int]),
    Schema.Union([U64, Schema.Int])
  ], ([body, one, other]) => {
    for (const path of [["seed"], ["parameters", "seed"]]) {
      const full = path.length === 1 ? { ...body, seed: 1 } : { ...body, parameters: { ...body, seed: 1 }, last: body }
      const withSeed = Json.withInteger(full, path)
      for (const seed of [one, other]) {
        const expected = path.length === 1 ? { ...full, seed } : { ...full, parameters: { ...body, seed } }
        assert.strictEqual(Json.stringify(withSeed(seed)), Json.stringify(expected))
        assert.deepStrictEqual(withSeed(seed), expected)
      }
    }
  })

  it("does so for a body that holds the mark itself", () => {
    const withSeed = Json.withInteger({ text: "\u0000integer", seed: 1 }, ["seed"])
    assert.strictEqual(Json.stringify(withSeed(2)), `{"text":"\\u0000integer","seed":2}`)
  })

  it("writes the rest of such a body once", () => {
    let written = 0
    const messages = {
      toJSON: () => {
        written++
        return "long"
      }
    }
    const withSeed = Json.withInteger({ messages, seed: 0 }, ["seed"])
    for (let seed = 0; seed < 32; seed++) assert.include(Json.stringify(withSeed(seed)), `"seed":${seed}`)
    assert.strictEqual(written, 1)
  })
})
