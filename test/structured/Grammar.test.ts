import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Effect, Result, Schema } from "effect"
import * as JsonText from "../../src/structured/engines/JsonText.ts"
import * as Grammar from "../../src/structured/Grammar.ts"
import * as StructuredOutput from "../../src/structured/StructuredOutput.ts"
import { accepts } from "./TgiLanguage.ts"

class User extends Schema.Class<User>("User")({ name: Schema.String, lastName: Schema.String, id: Schema.Int }) {}

class Point extends Schema.Class<Point>("a/point ~ in space")({ x: Schema.Int, y: Schema.Finite }) {}

interface Node {
  readonly value: number
  readonly kids: ReadonlyArray<Node>
}
const Node = Schema.Struct({
  value: Schema.Int,
  kids: Schema.Array(Schema.suspend((): Schema.Codec<Node> => Node))
}).annotate({ identifier: "Node" })

const lowered = (source: Grammar.Source, options: Grammar.Options = {}): Grammar.Lowered =>
  Result.getOrThrow(Grammar.lower(source, options))

const wrapped = (lower: Grammar.Lowered, text: string): string =>
  lower.wrap === undefined ? text : `{${JSON.stringify(lower.wrap)}:${text}}`

/** Whether the grammar allows the text of a value, written in its order. */
const judge = (lower: Grammar.Lowered) => {
  const allowed = accepts(lower.grammar)
  return (value: unknown) => allowed(wrapped(lower, JsonText.write(lower.tree, value)))
}

const refused = (source: Grammar.Source, options: Grammar.Options = {}) => {
  const reason = Result.getOrThrow(Result.flip(Grammar.lower(source, options))).reason
  return reason._tag === "UnsupportedSchema" ? reason : assert.fail(reason._tag)
}

/** A string as TGI is asked for it: with every escape, line breaks among them. */
const rich = {
  type: "string",
  pattern: "(?:(?:[^\"\\\\\\x00-\\x1F]|\\\\(?:[\"\\\\/bfnrt]|u[0-9a-fA-F]{4}))*)"
}

const property = (a: unknown) => ({ type: "object", properties: { a }, required: ["a"], additionalProperties: false })
const optional = (count: number) => ({
  type: "object",
  properties: Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, { type: "string" }])),
  additionalProperties: false
})

interface Case {
  readonly name: string
  readonly schema: unknown
  readonly valid: ReadonlyArray<unknown>
  readonly invalid: ReadonlyArray<unknown>
}

const cases: ReadonlyArray<Case> = [
  { name: "type lists", schema: { type: ["string", "null"] }, valid: ["x", null], invalid: [1, {}] },
  { name: "types of numbers", schema: { type: ["integer", "number"] }, valid: [1, 1.5], invalid: ["x"] },
  {
    name: "objects in enums",
    schema: { enum: ["x", { k: 1 }, [1]] },
    valid: ["x", { k: 1 }, [1]],
    invalid: ["y", { k: 2 }]
  },
  { name: "enums against siblings", schema: { type: "string", enum: ["a", 1] }, valid: ["a"], invalid: [1] },
  { name: "enums that meet", schema: { allOf: [{ enum: ["a", "b"] }, { enum: ["b"] }] }, valid: ["b"], invalid: ["a"] },
  {
    name: "small ranges",
    schema: { type: "integer", exclusiveMinimum: 0, maximum: 3 },
    valid: [1, 3],
    invalid: [0, 4]
  },
  {
    name: "unions inside unions",
    schema: { anyOf: [{ anyOf: [{ type: "string" }, { not: {} }] }, { type: "null" }] },
    valid: ["x", null],
    invalid: [1]
  },
  {
    name: "conjunctions of objects",
    schema: {
      allOf: [
        { type: "object", properties: { x: { type: "string" } } },
        { properties: { y: { type: "null" }, x: { maxLength: 2 } }, required: ["x"] }
      ]
    },
    valid: [{ x: "a" }, { x: "ab", y: null }],
    invalid: [{}, { x: "abc" }, { x: 1 }]
  },
  {
    name: "alternatives of required keys",
    schema: {
      type: "object",
      properties: { a: { type: "null" }, b: { type: "null" } },
      anyOf: [{ required: ["a"] }, { required: ["b"] }]
    },
    valid: [{ a: null }, { b: null }, { a: null, b: null }],
    invalid: [{}]
  },
  {
    name: "arrays that are not empty",
    schema: { type: "array", prefixItems: [{ type: "string" }], items: { type: "string" }, minItems: 1 },
    valid: [["a"], ["a", "b", "c"]],
    invalid: [[], [1]]
  },
  {
    name: "tuples with optional elements",
    schema: { type: "array", prefixItems: [{ type: "string" }, { type: "null" }], minItems: 1, maxItems: 2 },
    valid: [["a"], ["a", null]],
    invalid: [[], [null], ["a", null, null]]
  },
  {
    name: "tuples with a rest",
    schema: { type: "array", prefixItems: [{ type: "string" }], items: { type: "integer" }, minItems: 1, maxItems: 3 },
    valid: [["a"], ["a", 1, 2]],
    invalid: [[], ["a", "b"], ["a", 1, 2, 3]]
  },
  {
    name: "tuples as draft-07 wrote them",
    schema: { type: "array", items: [{ type: "string" }, { type: "null" }], additionalItems: false, minItems: 2 },
    valid: [["a", null]],
    invalid: [["a"], [null, null]]
  },
  { name: "arrays of nothing", schema: { type: "array", items: false }, valid: [[]], invalid: [[1]] },
  {
    name: "keys that need escapes",
    schema: {
      type: "object",
      properties: { "a\"b": { type: "integer" }, "c\nd": { type: "null" } },
      required: ["a\"b"]
    },
    valid: [{ "a\"b": 1 }, { "a\"b": 1, "c\nd": null }],
    invalid: [{}]
  },
  {
    name: "further keys with a type",
    schema: { type: "object", properties: { a: { type: "string" } }, additionalProperties: { type: "integer" } },
    valid: [{}, { a: "x" }, { a: "x", ab: 1 }, { b: 1 }],
    invalid: [{ a: 1 }, { b: "x" }]
  },
  {
    name: "keys by pattern",
    schema: { type: "object", patternProperties: { "^x-": { type: "null" } }, additionalProperties: false },
    valid: [{}, { "x-a": null, "x-b": null }],
    invalid: [{ y: null }, { "x-a": 1 }]
  },
  {
    name: "names from a list",
    schema: { type: "object", propertyNames: { enum: ["k", "l"] }, additionalProperties: { type: "null" } },
    valid: [{}, { k: null }, { k: null, l: null }],
    invalid: [{ m: null }]
  },
  {
    name: "records that are not empty",
    schema: { type: "object", additionalProperties: { type: "null" }, minProperties: 2 },
    valid: [{ a: null, b: null }],
    invalid: [{}, { a: null }]
  },
  {
    name: "many optional keys",
    schema: optional(20),
    valid: [{}, { k3: "a" }, { k0: "a", k19: "b" }],
    invalid: [{ z: "a" }, { k1: 1 }]
  },
  {
    name: "names that cannot be",
    schema: { type: "object", propertyNames: false },
    valid: [{}],
    invalid: [{ a: 1 }]
  },
  { name: "dates", schema: { type: "string", format: "date" }, valid: ["2024-02-29"], invalid: ["2024-13-01", "x"] },
  {
    name: "instants",
    schema: { type: "string", format: "date-time" },
    valid: ["2024-01-02T03:04:05Z", "2024-01-02T03:04:05.123+02:00"],
    invalid: ["2024-01-02"]
  },
  { name: "times", schema: { type: "string", format: "time" }, valid: ["03:04:05.123Z"], invalid: ["03:04"] },
  { name: "formats left to the decoder", schema: { type: "string", format: "uri" }, valid: ["x"], invalid: [1] },
  {
    name: "names that objects inherit",
    schema: JSON.parse(
      "{\"type\":\"object\",\"properties\":{\"__proto__\":{\"type\":\"null\"}},\"required\":[\"__proto__\"]}"
    ),
    valid: [JSON.parse("{\"__proto__\":null}")],
    invalid: [{}]
  },
  {
    name: "anchors as references",
    schema: { $ref: "#x", $defs: { q: { $anchor: "x", type: "integer" } } },
    valid: [1],
    invalid: ["x"]
  }
]

const twice = (name: string) => ({
  type: "object",
  properties: { left: { $ref: name }, right: { $ref: name } },
  required: ["left", "right"]
})

describe("the language of a lowered JSON Schema", () => {
  it.each(cases)("$name", ({ invalid, schema, valid }) => {
    const allows = judge(lowered(Grammar.fromJsonSchema(property(schema))))
    for (const a of valid) assert.isTrue(allows({ a }), `cannot write ${JSON.stringify(a)}`)
    for (const a of invalid) assert.isFalse(allows({ a }), `may write ${JSON.stringify(a)}`)
  })

  it.each(cases)("$name, at the root", ({ invalid, schema, valid }) => {
    const allows = judge(lowered(Grammar.fromJsonSchema(schema)))
    for (const value of valid) assert.isTrue(allows(value), `cannot write ${JSON.stringify(value)}`)
    for (const value of invalid) assert.isFalse(allows(value), `may write ${JSON.stringify(value)}`)
  })

  it.each(cases)("$name, as a regex", ({ invalid, schema, valid }) => {
    const lower = lowered(Grammar.fromJsonSchema(schema), { target: "regex" })
    assert.strictEqual(lower.grammar.type, "regex")
    const allows = judge(lower)
    for (const value of valid) assert.isTrue(allows(value), `cannot write ${JSON.stringify(value)}`)
    for (const value of invalid) assert.isFalse(allows(value), `may write ${JSON.stringify(value)}`)
  })

  it.each([
    ["[0-9]", ["7", "a7b"], ["abc"]],
    ["ab$", ["xxab"], ["abx"]],
    ["^ab", ["abx"], ["xab"]],
    ["^a|b$", ["ax", "xb"], ["xax"]],
    ["^(cat)|(dog)$", ["cat", "hotdog"], ["cow"]],
    ["^\\S+$", ["a\"b\\c"], ["a b"]],
    ["^.{1,3}$", ["é😀x"], ["abcd", "a\nb"]],
    ["^[\"a]+$", ["a\""], ["b"]],
    ["^(?<year>[0-9]{4})$", ["2024"], ["24"]],
    ["^[0-9]+\\$", ["5$", "5$x"], ["5"]],
    ["^a\\/b\\\\c\\nd$", ["a/b\\c\nd"], ["a/b"]],
    ["^a+?b$", ["aab"], ["b"]],
    ["^\\S[\\s\\S]*\\S$|^\\S$|^$", ["", "a", "a b"], [" a"]]
  ])("the pattern %s searches, and its text is escaped", (pattern, valid, invalid) => {
    const allows = judge(lowered(Grammar.fromJsonSchema(property({ type: "string", pattern }))))
    for (const a of valid) assert.isTrue(allows({ a }), `cannot write ${JSON.stringify(a)}`)
    for (const a of invalid) assert.isFalse(allows({ a }), `may write ${JSON.stringify(a)}`)
  })

  it.each(["\\bword\\b", "(?<=a)b", "^\\p{L}+$", "^(a|b)\\1$", "^(?=.*[A-Z]).+$", "^[a-z]{1,5000}$"])(
    "the pattern %s is left to the decoder, and that is said",
    (pattern) => {
      const lower = lowered(Grammar.fromJsonSchema(property({ type: "string", pattern })))
      const lost = lower.dropped.filter(({ effect }) => effect === "unenforced")
      assert.deepStrictEqual(lost.map(({ keyword, path }) => [path, keyword]), [[
        ["properties", "a", "pattern"],
        "pattern"
      ]])
    }
  )

  it("references are read with their escapes", () => {
    const schema = { $ref: "#/$defs/A~1B%20C~0", $defs: { "A/B C~": { type: "null" } } }
    assert.deepStrictEqual([null, 1].map(judge(lowered(Grammar.fromJsonSchema(schema)))), [true, false])
  })

  it("a string may hold line breaks in a regex grammar", () => {
    const schema = Grammar.fromJsonSchema(property({ type: "string" }))
    assert.isTrue(judge(lowered(schema, { target: "regex" }))({ a: "one\ntwo\u0007" }))
  })

  it("pattern and length are both held where one class repeats", () => {
    const schema = { type: "string", pattern: "^[a-z]+$", minLength: 2, maxLength: 3 }
    const allows = judge(lowered(Grammar.fromJsonSchema(property(schema))))
    assert.deepStrictEqual(["a", "ab", "abc", "abcd"].map((a) => allows({ a })), [false, true, true, false])
  })
})

describe("what cannot be lowered", () => {
  it.each([
    ["contradictory types", property({ allOf: [{ type: "string" }, { type: "null" }] }), [
      "properties",
      "a",
      "allOf",
      1
    ]],
    ["an empty enum", property({ enum: [] }), ["properties", "a", "enum"]],
    ["reversed bounds", property({ type: "array", items: { type: "null" }, minItems: 3, maxItems: 1 }), [
      "properties",
      "a"
    ]],
    ["an external reference", property({ $ref: "https://example.test/s" }), ["properties", "a", "$ref"]],
    ["endless recursion", { type: "object", properties: { next: { $ref: "#" } }, required: ["next"] }, [
      "properties",
      "next"
    ]],
    ["a key that is forbidden and required", property(false), ["properties", "a"]],
    ["something that is no schema", 7, ["allOf", 0]]
  ])("%s is refused with its path", (_, schema, path) => {
    const { hint, path: at } = refused(Grammar.fromJsonSchema(schema))
    assert.deepStrictEqual(at, path)
    assert.isAbove(hint.length, 0)
  })

  it("what cannot be is left out where it is optional", () => {
    const schema = { type: "object", properties: { a: { type: "null" }, b: { not: {} } }, required: ["a"] }
    const allows = judge(lowered(Grammar.fromJsonSchema(schema)))
    assert.deepStrictEqual([{ a: null }, { a: null, b: 1 }].map(allows), [true, false])
  })

  it.each<[string, unknown, ReadonlyArray<string | number>]>([
    ["any value", property({}), ["properties", "a"]],
    ["an open object", property({ type: "object" }), ["properties", "a", "additionalProperties"]],
    ["an array of anything", property({ type: "array" }), ["properties", "a", "items"]]
  ])("%s is refused with its path when asked", (_, schema, path) => {
    assert.deepStrictEqual(refused(Grammar.fromJsonSchema(schema), { free: "refuse" }).path, path)
  })

  it("free values may be scalars when asked", () => {
    const allows = judge(lowered(Grammar.fromJsonSchema(property({})), { free: "scalars" }))
    assert.deepStrictEqual([1.5, "x", null, true, {}].map((a) => allows({ a })), [true, true, true, true, false])
  })
})

describe("cost", () => {
  it("bounds that would take the server seconds are left to the decoder", () => {
    const schema = {
      type: "object",
      properties: {
        text: { type: "string", maxLength: 2000 },
        list: { type: "array", items: { type: "string" }, maxItems: 500 },
        size: { type: "integer", minimum: 0, maximum: 100000 }
      },
      required: ["text", "list", "size"]
    }
    const { dropped } = lowered(Grammar.fromJsonSchema(schema))
    const lost = dropped.filter(({ effect }) => effect === "unenforced")
    assert.deepStrictEqual(lost.map(({ keyword }) => keyword), ["maxLength", "maxItems", "minimum", "maximum"])
  })

  it("recursion that would grow too large is unrolled less deeply", () => {
    const wide = {
      $defs: {
        T: {
          type: "object",
          properties: Object.fromEntries(
            Array.from({ length: 12 }, (_, index) => [`k${index}`, { type: "array", items: { $ref: "#/$defs/T" } }])
          ),
          required: ["k0"]
        }
      },
      $ref: "#/$defs/T"
    }
    const { dropped } = lowered(Grammar.fromJsonSchema(wide))
    assert.isTrue(dropped.some(({ reason }) => reason === "recursion is unrolled 1 levels deep"))
  })

  it("a part that is used many times is written once", () => {
    const levels = 40
    // written out for each use, it would have more parts than a program can ever write
    const names = Array.from({ length: levels }, (_, index) => [`n${index}`, twice(`#/$defs/n${index + 1}`)] as const)
    const $defs = { ...Object.fromEntries(names), [`n${levels}`]: { type: "string" } }
    const refused = Grammar.lower(Grammar.fromJsonSchema({ $ref: "#/$defs/n0", $defs }))
    assert.isTrue(Result.isFailure(refused) && refused.failure.message.includes("busy for seconds"))
    const eight = { $ref: `#/$defs/n${levels - 3}`, $defs }
    assert.isTrue(Result.isSuccess(Grammar.lower(Grammar.fromJsonSchema(eight))))
  })

  it("a schema of thousands of states is refused", () => {
    const keys = Object.keys(optional(400).properties)
    assert.strictEqual(refused(Grammar.fromJsonSchema({ ...optional(400), required: keys })).keyword, "schema")
  })

  it("a schema is lowered once", () => {
    const document = property({ type: "string" })
    assert.strictEqual(
      Grammar.lower(Grammar.fromJsonSchema(document)),
      Grammar.lower(Grammar.fromJsonSchema(document))
    )
  })
})

const kinds: ReadonlyArray<readonly [string, Schema.Codec<unknown, unknown>]> = [
  ["a class", Point],
  ["optional keys", Schema.Struct({ a: Schema.optional(Schema.Int), b: Schema.optionalKey(Schema.Boolean) })],
  ["nullable", Schema.Struct({ a: Schema.NullOr(Schema.Int), b: Schema.UndefinedOr(Schema.Int) })],
  ["literals", Schema.Union([Schema.Literals(["a", "b"]), Schema.Literal(1), Schema.Null])],
  ["a tagged union", Schema.TaggedUnion({ A: { x: Schema.Int }, B: { y: Schema.Boolean } })],
  ["a record of literals", Schema.Record(Schema.Literals(["a", "b"]), Schema.Int)],
  ["a record of templates", Schema.Record(Schema.TemplateLiteral(["x-", Schema.Int]), Schema.Int)],
  ["a tuple with an optional element", Schema.Tuple([Schema.Boolean, Schema.optionalKey(Schema.Int)])],
  ["a tuple with a rest", Schema.TupleWithRest(Schema.Tuple([Schema.Boolean]), [Schema.Int])],
  ["a non-empty array", Schema.NonEmptyArray(Schema.Int)],
  ["an array with bounds", Schema.Array(Schema.Int).check(Schema.isMinLength(1), Schema.isMaxLength(3))],
  ["a pattern without the u flag", Schema.String.check(Schema.isPattern(/^[a-c]{2}$/))],
  ["a template", Schema.TemplateLiteral(["v", Schema.Int])],
  ["a UUID", Schema.String.check(Schema.isUUID())],
  ["a date", Schema.Date.check(Schema.isBetweenDate({ minimum: new Date(0), maximum: new Date(4e12) }))],
  ["a duration", Schema.Duration],
  ["bytes", Schema.Uint8Array],
  ["a bigint", Schema.BigInt],
  ["a number", Schema.Finite],
  ["a number range", Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 5 }))],
  ["an option", Schema.Option(Schema.Int)],
  ["a set", Schema.ReadonlySet(Schema.Int)],
  ["renamed keys", Schema.Struct({ maxTokens: Schema.Int }).pipe(Schema.encodeKeys({ maxTokens: "max_tokens" }))],
  ["the empty struct", Schema.Struct({})],
  ["a brand", Schema.Int.pipe(Schema.brand("Id"))]
]

describe("Effect Schemas", () => {
  it.effect.each(kinds)("what %s encodes to is allowed and decodes to itself", ([, schema]) =>
    Effect.gen(function*() {
      const lower = lowered(Grammar.fromSchema(schema))
      const allows = judge(lower)
      const output = StructuredOutput.make(schema)
      const same = Schema.toEquivalence(schema)
      for (const value of yield* Arbitrary.sampleEffect(Arbitrary.schema(schema), { count: 30, seed: 7, size: 10 })) {
        const encoded = yield* Schema.encodeEffect(Schema.toCodecJson(schema))(value)
        assert.isTrue(allows(encoded), JSON.stringify(encoded))
        const text = wrapped(lower, JsonText.write(lower.tree, encoded))
        const decoded = yield* output.decode({ text, finishReason: "eos_token", wrap: lower.wrap })
        assert.isTrue(same(decoded.value, value), text)
      }
    }))

  it("a class at the root becomes a plain object in its order", () => {
    const { grammar, wrap } = lowered(Grammar.fromSchema(User))
    assert.deepStrictEqual({ grammar, wrap }, {
      grammar: {
        type: "json",
        value: {
          type: "object",
          properties: { name: rich, lastName: rich, id: { type: "integer" } },
          required: ["name", "lastName", "id"],
          additionalProperties: false
        }
      },
      wrap: undefined
    })
  })

  it("recursion is written out three levels deep", () => {
    const allows = judge(lowered(Grammar.fromSchema(Node)))
    const nest = (depth: number): unknown => ({ value: depth, kids: depth === 0 ? [] : [nest(depth - 1)] })
    assert.deepStrictEqual([nest(0), nest(1), nest(2), nest(3)].map(allows), [true, true, true, false])
  })

  it("numbers that JSON does not have are not written", () => {
    // @effect-diagnostics-next-line schemaNumber:off
    const allows = judge(lowered(Grammar.fromSchema(Schema.Number)))
    assert.deepStrictEqual([1.5, "NaN"].map(allows), [true, false])
  })

  it("every kind of instant is told from other strings", () => {
    const schema = Schema.Tuple([
      Schema.Date,
      Schema.DateTimeUtc,
      Schema.DateTimeUtcFromString,
      Schema.NullOr(Schema.Date)
    ])
    const allows = judge(lowered(Grammar.fromSchema(schema)))
    const now = "2024-01-02T03:04:05.678Z"
    assert.deepStrictEqual([[now, now, now, null], [now, "x", now, null], [now, now, "x", now]].map(allows), [
      true,
      false,
      false
    ])
  })

  it("a pattern counts without the u flag", () => {
    const allows = judge(lowered(Grammar.fromSchema(Schema.String.check(Schema.isPattern(/^[a-c]{2}$/)))))
    assert.deepStrictEqual(["ab", "abc"].map(allows), [true, false])
  })

  it("the flags of a pattern count", () => {
    const schema = Schema.Struct({ a: Schema.String.check(Schema.isPattern(/^[a-c]é.$/is)) })
    const allows = judge(lowered(Grammar.fromSchema(schema)))
    assert.deepStrictEqual(["Bé\n", "bÉx", "dé1"].map((a) => allows({ a })), [true, true, false])
  })

  it("an unknown value is any JSON that nests a little, and that is said", () => {
    const lower = lowered(Grammar.fromSchema(Schema.Struct({ a: Schema.Unknown, b: Schema.optionalKey(Schema.Json) })))
    const allows = judge(lower)
    const values = [1, "x\n", null, [1, "x"], { k: true }, { k: { k: { k: {} } } }]
    assert.deepStrictEqual(values.map((a) => allows({ a, b: a })), [true, true, true, true, true, false])
    assert.deepStrictEqual(
      lower.dropped.map(({ effect, path }) => [path.join("."), effect]),
      [["properties.a", "unwritable"], ["properties.b", "unwritable"]]
    )
  })

  it("schemas of the same make give the same bytes", () => {
    const [first, second] = [1, 2].map(() => {
      const schema = Schema.Struct({ a: Schema.Array(Node), b: Schema.optional(Schema.Date) })
      return JSON.stringify(lowered(Grammar.fromSchema(schema)).grammar)
    })
    assert.strictEqual(first, second)
  })
})

/** A description from which a schema is built: what the properties below generate. */
type Sketch = { readonly kind: number; readonly name: string; readonly parts: ReadonlyArray<Sketch> }
const Sketch: Schema.Codec<Sketch> = Schema.Struct({
  kind: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 13 })),
  name: Schema.Literals(["a", "b", "key with \"quotes\"", "é", "__proto__"]),
  parts: Schema.Array(Schema.suspend((): Schema.Codec<Sketch> => Sketch)).check(Schema.isMaxLength(3))
})

const line = Schema.String.check(Schema.isPattern(/^[ -~é😀]*$/u))
const build = ({ kind, name, parts }: Sketch): Schema.Codec<unknown, unknown> => {
  const [first = line, ...rest] = parts.map(build)
  const all = [first, ...rest] as const
  const keys = Object.fromEntries(all.map((schema, index) => [`${name}${index}`, schema]))
  switch (kind) {
    case 0:
      return Schema.Finite.check(Schema.isBetween({ minimum: -1e200, maximum: 1e200 }))
    case 1:
      return Schema.Boolean
    case 2:
      return Schema.Literals(["x", name, 3])
    case 3:
      return Schema.NullOr(first)
    case 4:
      return Schema.Array(first)
    case 5:
      return Schema.Struct(keys)
    case 6:
      return Schema.Struct(
        Object.fromEntries(Object.entries(keys).map(([key, value]) => [key, Schema.optionalKey(value)]))
      )
    case 7:
      return Schema.Union(all)
    case 8:
      return Schema.Tuple(all)
    case 9:
      return Schema.TupleWithRest(Schema.Tuple([first]), [rest[0] ?? Schema.Int])
    case 10:
      return Schema.Record(Schema.String.check(Schema.isPattern(/^[a-z]{1,4}$/u)), first)
    case 11:
      return Schema.Struct({ _tag: Schema.tag("T"), [name]: first })
    case 12:
      return Schema.NonEmptyArray(first)
    default:
      return Schema.Int.check(Schema.isBetween({ minimum: -3, maximum: 7 }))
  }
}

describe("for any schema", () => {
  it.effect.prop(
    "what a value encodes to is allowed and decodes to the value",
    [Sketch],
    ([sketch]) =>
      Effect.gen(function*() {
        const schema = build(sketch)
        const found = Grammar.lower(Grammar.fromSchema(schema))
        // only what would cost the server seconds is refused
        if (Result.isFailure(found)) return assert.include(found.failure.message, "seconds")
        const allows = judge(found.success)
        const regex = Grammar.lower(Grammar.fromSchema(schema), { target: "regex" })
        const values = yield* Arbitrary.sampleEffect(Arbitrary.schema(schema), { count: 3, seed: 3, size: 8 })
        for (const value of values) {
          const encoded = yield* Schema.encodeEffect(Schema.toCodecJson(schema))(value)
          assert.isTrue(allows(encoded), JSON.stringify(encoded))
          if (Result.isSuccess(regex)) assert.isTrue(judge(regex.success)(encoded), JSON.stringify(encoded))
          const text = wrapped(found.success, JsonText.write(found.success.tree, encoded))
          const decoded = yield* StructuredOutput.make(schema).decode({ text, wrap: found.success.wrap })
          assert.isTrue(Schema.toEquivalence(schema)(decoded.value, value), text)
        }
      }),
    { arbitrary: { runs: 150 } }
  )
})
