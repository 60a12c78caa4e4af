import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import * as Simulated from "../../src/simulator/grammar/Grammar.ts"
import * as Random from "../../src/simulator/wire/Random.ts"
import * as Grammar from "../../src/structured/Grammar.ts"
import * as StructuredOutput from "../../src/structured/StructuredOutput.ts"
import { accepts } from "./TgiLanguage.ts"

class User extends Schema.Class<User>("User")({ name: Schema.String, lastName: Schema.String, id: Schema.Int }) {}

const schemas: ReadonlyArray<readonly [string, Schema.Codec<unknown, unknown>]> = [
  ["a class", User],
  ["an array of objects", Schema.Array(User)],
  ["a tagged union", Schema.TaggedUnion({ A: { at: Schema.Date }, B: { tags: Schema.NonEmptyArray(Schema.String) } })],
  [
    "optional keys",
    Schema.Struct(Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`k${n}`, Schema.optional(Schema.Int)])))
  ],
  ["a tuple with a rest", Schema.TupleWithRest(Schema.Tuple([Schema.String]), [Schema.Finite])],
  ["a record", Schema.Record(Schema.String, Schema.NullOr(Schema.Boolean))],
  ["a record by pattern", Schema.Record(Schema.TemplateLiteral(["x-", Schema.Literals(["a", "b"])]), Schema.Int)],
  [
    "patterns",
    Schema.Struct({
      id: Schema.String.check(Schema.isUUID()),
      code: Schema.String.check(Schema.isPattern(/^[A-Z]{2}\d+$/))
    })
  ],
  ["lengths", Schema.Struct({ a: Schema.String.check(Schema.isMinLength(3), Schema.isMaxLength(9)) })],
  ["bytes", Schema.Struct({ data: Schema.Uint8Array })],
  ["a set", Schema.Struct({ set: Schema.ReadonlyMap(Schema.String, Schema.BigInt) })]
]

describe("a simulated server, given a lowered schema", () => {
  it.effect.each(schemas)("writes only texts that are allowed and decode: %s", ([, schema]) =>
    Effect.gen(function*() {
      const output = StructuredOutput.make(schema)
      for (const target of ["auto", "regex"] as const) {
        const { grammar, wrap } = yield* Effect.fromResult(Grammar.lower(Grammar.fromSchema(schema), { target }))
        const allowed = accepts(grammar)
        for (let seed = 0; seed < 40; seed++) {
          const sample = Simulated.sample(grammar, Random.make(seed))
          if (sample._tag !== "Ok") return assert.fail(sample.error)
          assert.isTrue(allowed(sample.text), sample.text)
          assert.isTrue(Result.isSuccess(yield* Effect.result(output.decode({ text: sample.text, wrap }))), sample.text)
        }
      }
    }))
})
