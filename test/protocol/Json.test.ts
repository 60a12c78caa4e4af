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
})
