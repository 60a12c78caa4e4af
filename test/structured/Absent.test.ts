import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import * as Grammar from "../../src/structured/Grammar.ts"
import * as StructuredOutput from "../../src/structured/StructuredOutput.ts"

const Person = Schema.Struct({
  name: Schema.String,
  age: Schema.optionalKey(Schema.Int),
  note: Schema.optionalKey(Schema.NullOr(Schema.String)),
  home: Schema.optionalKey(Schema.Struct({ city: Schema.String, zip: Schema.optionalKey(Schema.String) }))
})

const sent = (schema: Schema.Constraint, options: Grammar.Options = {}) =>
  Result.getOrThrow(Grammar.lowerSchema(Grammar.fromSchema(schema), "router", options))

describe("strict mode", () => {
  it("demands every key, and makes the optional ones nullable", () => {
    const { schema, strict } = sent(Person)
    assert.isTrue(strict)
    assert.deepStrictEqual<unknown>(schema, {
      type: "object",
      properties: {
        name: { type: "string" },
        age: { anyOf: [{ type: "integer" }, { type: "null" }] },
        note: { anyOf: [{ type: "string" }, { type: "null" }] },
        home: {
          anyOf: [{
            type: "object",
            properties: { city: { type: "string" }, zip: { anyOf: [{ type: "string" }, { type: "null" }] } },
            required: ["city", "zip"],
            additionalProperties: false
          }, { type: "null" }]
        }
      },
      required: ["name", "age", "note", "home"],
      additionalProperties: false
    })
  })

  it.effect("its nulls decode to keys that are left out, unless null is a value of the key", () =>
    Effect.gen(function*() {
      const output = StructuredOutput.make(Person)
      const { repairs, value } = yield* output.decode({
        text: JSON.stringify({ name: "a", age: null, note: null, home: { city: "b", zip: null } })
      })
      assert.deepStrictEqual<unknown>(value, { name: "a", note: null, home: { city: "b" } })
      assert.deepStrictEqual(repairs, ["absent"])
    }))

  it.effect("a value without such nulls is not touched", () =>
    Effect.gen(function*() {
      const output = StructuredOutput.make(Schema.Array(Person))
      const { repairs, value } = yield* output.decode({ text: "[{\"name\":\"a\",\"age\":1}]" })
      assert.deepStrictEqual<unknown>({ repairs, value }, { repairs: [], value: [{ name: "a", age: 1 }] })
    }))

  it("is not claimed for what it cannot say: free values, records, tuples", () => {
    for (const schema of [Schema.Unknown, Schema.Record(Schema.String, Schema.Int), Schema.Tuple([Schema.Int])]) {
      const made = sent(Schema.Struct({ a: schema }))
      assert.isFalse(made.strict)
      assert.deepStrictEqual(made.dropped.map(({ keyword }) => keyword).slice(0, 1), ["strict"])
    }
  })

  it("is refused with the place that it cannot say when it is demanded", () => {
    const schema = Schema.Struct({ a: Schema.Struct({ b: Schema.Unknown }) })
    const error = Result.getOrThrow(
      Result.flip(Grammar.lowerSchema(Grammar.fromSchema(schema), "openai", { strict: true }))
    )
    assert.include(error.message, "properties.a.properties.b")
  })

  it("is not sent when the caller wants the whole schema", () => {
    const { schema, strict } = sent(Person, { strict: false })
    assert.isFalse(strict)
    assert.deepStrictEqual<unknown>(schema.required, ["name"])
  })
})
