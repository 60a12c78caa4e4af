import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import { FeatureCard, FeatureInference, FeatureMetadata, Features, FeatureSchema } from "../../src/dataset/index.ts"

const columns = Features.make({
  id: Features.int64,
  label: Features.classLabel(["no", "yes"]),
  tags: Features.list(Features.string),
  fixed: Features.list(Features.value("float32"), { length: 2 }),
  large: Features.list(Features.int32, { large: true }),
  nested: Features.list(Features.list(Features.bool)),
  labels: Features.list(Features.classLabel(["a", "b"])),
  messages: Features.list(Features.struct({ role: Features.string, content: Features.string })),
  meta: Features.struct({ a: Features.bool, b: Features.struct({ c: Features.timestamp }) }),
  any: Features.json,
  picture: { _tag: "Other", type: "Image", options: {} },
  pair: { _tag: "Other", type: "Translation", options: { languages: ["de", "en"] } }
})

/** Any columns, three levels deep. */
const anyFeature: Arbitrary.Arbitrary<Features.Feature> = Arbitrary.map(
  Arbitrary.schema(Schema.Struct({
    kinds: Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 6 }))).check(Schema.isMaxLength(8)),
    name: Schema.String
  })),
  ({ kinds, name }) =>
    kinds.reduce<Features.Feature>((inner, kind) => {
      switch (kind) {
        case 0:
          return Features.list(inner)
        case 1:
          return Features.struct([{ name, feature: inner }, { name: `${name}_`, feature: Features.bool }])
        case 2:
          return Features.list(inner, { large: true })
        case 3:
          return Features.classLabel([name, `${name}.`])
        case 4:
          return Features.json
        default:
          return Features.value(kind === 5 ? "timestamp[us, tz=UTC]" : "uint8")
      }
    }, Features.string)
)

describe("columns", () => {
  it("come back from the metadata of datasets as they went in", () => {
    const again = FeatureMetadata.decode(FeatureMetadata.encode(columns))
    assert.deepStrictEqual(again, columns)
  })

  it("come back from a card as they went in", () =>
    assert.deepStrictEqual(FeatureCard.decode(FeatureCard.encode(columns)), columns))

  it.prop("come back from both, whatever they are", [anyFeature, Schema.String], ([feature, name]) => {
    const features = [{ name, feature }]
    const metadata = FeatureMetadata.decode(FeatureMetadata.encode(features))
    const card = FeatureCard.decode(FeatureCard.encode(features))
    return metadata !== undefined && card !== undefined && Features.equals(metadata, features) &&
      Features.equals(card, features)
  })

  it("are written in a form that versions before 4 read too: brackets for lists, no List", () => {
    const text = FeatureMetadata.encode(columns)
    assert.include(text, `"tags": [{"dtype": "string", "_type": "Value"}]`)
    assert.notInclude(text, `"_type": "List"`)
  })

  it("keep the order of names that look like numbers", () =>
    assert.match(
      FeatureMetadata.encode([{ name: "b", feature: Features.bool }, { name: "0", feature: Features.bool }]),
      /"b".*"0"/
    ))

  it("are read in the forms of older files: a sequence of structs is a struct of lists", () => {
    const text = `{"info": {"features": {
      "a": {"feature": {"dtype": "int32", "_type": "Value"}, "length": -1, "_type": "Sequence"},
      "b": {"feature": {"x": {"dtype": "string", "_type": "Value"}}, "_type": "Sequence"},
      "c": {"num_classes": 2, "names": ["x", "y"], "_type": "ClassLabel"}}}}`
    assert.deepStrictEqual(
      FeatureMetadata.decode(text),
      Features.make({
        a: Features.list(Features.int32),
        b: Features.struct({ x: Features.list(Features.string) }),
        c: Features.classLabel(["x", "y"])
      })
    )
    assert.deepStrictEqual(
      FeatureCard.decode([{ name: "b", sequence: [{ name: "x", dtype: "string" }] }, { name: "a", sequence: "int32" }]),
      Features.make({ b: Features.struct({ x: Features.list(Features.string) }), a: Features.list(Features.int32) })
    )
  })

  it("stand in the card as push_to_hub writes them", () =>
    assert.deepStrictEqual(
      FeatureCard.encode(Features.make({
        id: Features.int64,
        label: Features.classLabel(["no", "yes"]),
        tags: Features.list(Features.string),
        messages: Features.list(Features.struct({ role: Features.string })),
        meta: Features.struct({ a: Features.bool })
      })),
      [
        { name: "id", dtype: "int64" },
        { name: "label", dtype: { class_label: { names: { "0": "no", "1": "yes" } } } },
        { name: "tags", list: "string" },
        { name: "messages", list: [{ name: "role", dtype: "string" }] },
        { name: "meta", struct: [{ name: "a", dtype: "bool" }] }
      ]
    ))

  it("are none where the metadata is broken", () => {
    for (const text of ["", "{", "null", `{"info": {}}`, `{"info": {"features": {"a": 1}}}`]) {
      assert.isUndefined(FeatureMetadata.decode(text), text)
    }
    assert.isUndefined(FeatureCard.decode([{ dtype: "string" }]))
  })
})

class Conversation extends Schema.Class<Conversation>("Conversation")({
  id: Schema.Int,
  big: Schema.BigInt,
  score: Schema.NullOr(Schema.Finite),
  at: Schema.Date,
  bytes: Schema.Uint8Array,
  kind: Schema.Literals(["chat", "task"]),
  mixed: Schema.Union([Schema.String, Schema.Int]),
  pair: Schema.Tuple([Schema.String, Schema.Int]),
  free: Schema.Record(Schema.String, Schema.Int),
  messages: Schema.Array(Schema.Struct({ role: Schema.String, content: Schema.optionalKey(Schema.String) }))
}) {}

describe("columns of a Schema", () => {
  it("are those of its encoded form; what has no type of its own is Json", () =>
    assert.deepStrictEqual(
      FeatureSchema.fromSchema(Conversation),
      Result.succeed(Features.make({
        id: Features.int64,
        big: Features.int64,
        score: Features.float64,
        at: Features.timestamp,
        bytes: Features.binary,
        kind: Features.string,
        mixed: Features.json,
        pair: Features.json,
        free: Features.json,
        messages: Features.list(Features.struct({ role: Features.string, content: Features.string }))
      }))
    ))

  it("are refused where a row is not an object", () => {
    const refused = FeatureSchema.fromSchema(Schema.Array(Schema.String))
    assert.isTrue(Result.isFailure(refused) && refused.failure.reason._tag === "UnsupportedType")
  })
})

const of = (...values: ReadonlyArray<unknown>) => FeatureInference.fromRows(values.map((a) => ({ a })))[0]?.feature

describe("columns of rows", () => {
  it("are the narrowest that hold every row", () => {
    assert.deepStrictEqual(of(1, null, 2), Features.int64)
    assert.deepStrictEqual(of(1, 2.5), Features.float64)
    assert.deepStrictEqual(of(2n ** 63n), Features.value("uint64"))
    assert.deepStrictEqual(of(null, undefined), Features.string)
    assert.deepStrictEqual(of([], [1], [null]), Features.list(Features.int64))
    assert.deepStrictEqual(of({ x: 1 }, { y: "a" }), Features.struct({ x: Features.int64, y: Features.string }))
  })

  it("are Json where kinds differ, a struct has no field, or has too many", () => {
    assert.deepStrictEqual(of(1, "a"), Features.json)
    assert.deepStrictEqual(of([1], { a: 1 }), Features.json)
    assert.deepStrictEqual(of({}), Features.json)
    assert.deepStrictEqual(of(Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`k${at}`, at]))), Features.json)
  })
})
