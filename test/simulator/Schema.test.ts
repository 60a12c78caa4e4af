import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as SchemaSampler from "../../src/simulator/grammar/SchemaSampler.ts"
import * as Random from "../../src/simulator/wire/Random.ts"

interface Tree {
  readonly name: string
  readonly children: ReadonlyArray<Tree>
}

const Tree = Schema.Struct({
  name: Schema.String,
  children: Schema.Array(Schema.suspend((): Schema.Codec<Tree> => Tree))
}).annotate({ identifier: "Tree" })

const schemas: ReadonlyArray<readonly [name: string, schema: Schema.Codec<unknown>]> = [
  ["struct", Schema.Struct({ name: Schema.String, age: Schema.optionalKey(Schema.Int), ok: Schema.Boolean })],
  ["range", Schema.Int.check(Schema.isBetween({ minimum: 18, maximum: 21 }))],
  ["pattern", Schema.String.check(Schema.isPattern(/^[A-Z]{3}-\d{2}$/u))],
  ["length", Schema.String.check(Schema.isMaxLength(4))],
  ["literals", Schema.Literals(["red", "green"])],
  ["union", Schema.Union([Schema.Struct({ a: Schema.Int }), Schema.Struct({ b: Schema.String }), Schema.Null])],
  ["array", Schema.Array(Schema.Finite).check(Schema.isMinLength(2))],
  ["tuple", Schema.Tuple([Schema.String, Schema.Int])],
  ["recursive", Tree]
]

const jsonSchema = (schema: Schema.Codec<unknown>): unknown => {
  const document = Schema.toJsonSchemaDocument(schema)
  return { ...document.schema, $defs: document.definitions }
}

describe("what is drawn from a schema", () => {
  it.prop("fits it", {
    at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: schemas.length - 1 })),
    seed: Schema.Int
  }, ({
    at,
    seed
  }) => {
    const [name, schema] = schemas[at] ?? ["none", Schema.Never]
    const value: unknown = JSON.parse(SchemaSampler.sample(jsonSchema(schema), Random.make(seed)))
    assert.isTrue(Schema.is(schema)(value), `${name}: ${JSON.stringify(value)}`)
  })

  it("is the same for the same seed", () => {
    const schema = { type: "array", items: { type: "number" }, minItems: 3 }
    assert.strictEqual(SchemaSampler.sample(schema, Random.make(7)), SchemaSampler.sample(schema, Random.make(7)))
  })
})
