import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as Grammar from "../../src/structured/Grammar.ts"

type Engine = "vllm" | "llamacpp" | "router"

const rooted = (a: unknown, rest: Readonly<Record<string, unknown>> = {}) => ({
  type: "object",
  properties: { a },
  required: ["a"],
  ...rest
})

const sent = (schema: unknown, engine: Engine, options: Grammar.Options = {}) =>
  Result.getOrThrow(Grammar.lowerSchema(Grammar.fromJsonSchema(schema), engine, options))

const lowered = (schema: unknown) => Grammar.lower(Grammar.fromJsonSchema(schema))

const field = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined

/** The schema that is sent for the key `a`. */
const keyOf = (schema: unknown): unknown => field(field(schema, "properties"), "a")

const told = (dropped: ReadonlyArray<Grammar.Dropped>) =>
  dropped.map(({ effect, keyword, path }) => `${path.join(".")} ${keyword} ${effect}`)

const date = { type: "string", format: "date" }

describe("on xgrammar", () => {
  it.each<[string, unknown, unknown, ReadonlyArray<string>]>([
    ["the bound of an integer is whole", { type: "integer", minimum: 1.5 }, { type: "integer", minimum: 2 }, []],
    ["a bound beyond 2^63 is left out, and told", { type: "integer", maximum: 2 ** 64 }, { type: "integer" }, [
      "properties.a maximum unenforced"
    ]],
    [
      "contains is left out, and told",
      { type: "array", items: { type: "integer" }, contains: { const: 3 } },
      { type: "array", items: { type: "integer" } },
      ["properties.a contains unenforced"]
    ],
    [
      "unevaluatedItems: false ends a tuple",
      { type: "array", prefixItems: [{ type: "string" }], unevaluatedItems: false },
      { type: "array", prefixItems: [{ type: "string" }], items: false },
      []
    ],
    ["an anchor is resolved", { $ref: "#x" }, { type: "integer" }, []],
    ["that a month has its day is told", date, date, ["properties.a.format format unenforced"]],
    [
      "minItems stands beside items",
      { type: "array", minItems: 1 },
      { type: "array", items: {}, minItems: 1 },
      []
    ],
    [
      "an enum is cut to its type",
      { type: "string", enum: ["x", 1] },
      { enum: ["x"] },
      []
    ]
  ])("%s", (_, schema, expected, losses) => {
    const { dropped, schema: made } = sent(
      rooted(schema, { $defs: { x: { $anchor: "x", type: "integer" } } }),
      "vllm"
    )
    assert.deepStrictEqual(keyOf(made), expected)
    assert.deepStrictEqual(told(dropped), losses)
  })

  it("a string with a length may hold escapes, and a pattern wins over a format", () => {
    const length = keyOf(sent(rooted({ type: "string", minLength: 1 }), "vllm").schema)
    assert.include(JSON.stringify(length), "bfnrt")
    assert.notProperty(length, "minLength")
    const both = sent(rooted({ type: "string", format: "uuid", pattern: "^a" }), "vllm")
    assert.notProperty(keyOf(both.schema), "format")
    assert.include(told(both.dropped), "properties.a.format format unenforced")
  })

  it("two parts of allOf are one object, and what stands beside a union or a reference is merged into it", () => {
    const one = sent({ allOf: [rooted({ type: "string" }), rooted({ minLength: 2 })] }, "vllm").schema
    assert.notProperty(one, "allOf")
    assert.notInclude(JSON.stringify(one), "allOf")
    const ref = sent(rooted({ $ref: "#/$defs/n", maximum: 4 }, { $defs: { n: { type: "integer" } } }), "vllm")
    assert.deepStrictEqual<unknown>(keyOf(ref.schema), { type: "integer", maximum: 4 })
  })

  it("conditions and dependencies are told, not sent", () => {
    const { dropped, schema } = sent(
      rooted({ type: "string" }, { if: { required: ["a"] }, else: {}, dependentRequired: { a: ["b"] } }),
      "vllm"
    )
    assert.deepStrictEqual(Object.keys(schema).toSorted(), ["additionalProperties", "properties", "required", "type"])
    assert.includeMembers(told(dropped), [" if unenforced", " dependentRequired unenforced"])
  })

  it("unevaluatedProperties with a schema is told", () => {
    const { dropped } = sent(rooted({ type: "string" }, { unevaluatedProperties: { type: "string" } }), "vllm")
    assert.deepStrictEqual(told(dropped), [" unevaluatedProperties unenforced"])
  })
})

describe("on llguidance", () => {
  it("the root asks for leniency, and what is not held is told", () => {
    const { dropped, schema } = sent(
      rooted({ type: "array", items: { type: "string" }, uniqueItems: true }),
      "vllm",
      { compiler: "llguidance" }
    )
    assert.deepStrictEqual<unknown>(schema["x-guidance"], { lenient: true, coerce_one_of: true })
    assert.deepStrictEqual(told(dropped), ["properties.a uniqueItems unenforced"])
  })

  it("is nowhere else spoken to", () => {
    for (const engine of ["vllm", "llamacpp", "router"] as const) {
      assert.notProperty(sent(rooted({ type: "string" }), engine).schema, "x-guidance")
    }
  })
})

describe("on llama.cpp", () => {
  it("an integer stays one that JavaScript holds, and a tuple is told", () => {
    assert.deepStrictEqual<unknown>(keyOf(sent(rooted({ type: "integer" }), "llamacpp").schema), {
      type: "integer",
      minimum: Number.MIN_SAFE_INTEGER,
      maximum: Number.MAX_SAFE_INTEGER
    })
    const tuple = { type: "array", prefixItems: [{ type: "string" }], items: { type: "integer" } }
    assert.deepStrictEqual(told(sent(rooted(tuple), "llamacpp").dropped), ["properties.a prefixItems unenforced"])
  })
})

describe("on TGI", () => {
  it("an object that asks for any keys is one thing, however it is written", () => {
    const ways = [
      { type: "object", properties: {}, additionalProperties: true },
      { type: "object", additionalProperties: true },
      { type: "object", additionalProperties: {} }
    ].map((schema) => Result.getOrThrow(lowered(schema)))
    for (const way of ways) assert.deepStrictEqual(way.grammar, ways[0]?.grammar)
  })

  it("that an object is closed is told where the schema leaves it open", () => {
    assert.include(
      told(Result.getOrThrow(lowered(rooted({ type: "integer" }))).dropped),
      " additionalProperties unwritable"
    )
  })

  it("two keys where one is declared are written or refused for the closing, never called impossible", () => {
    const open = lowered({ type: "object", properties: { a: { type: "string" } }, minProperties: 2 })
    assert.isTrue(Result.isSuccess(open) || !open.failure.message.includes("no JSON value"))
    const closed = lowered({
      type: "object",
      properties: { a: { type: "string" } },
      minProperties: 2,
      additionalProperties: false
    })
    assert.isTrue(Result.isFailure(closed) && closed.failure.message.includes("no JSON value"))
  })
})

describe("half of a surrogate pair in a schema", () => {
  for (const engine of ["tgi", "vllm", "sglang", "llamacpp"] as const) {
    it(`is refused with its path before anything is sent: ${engine}`, () => {
      for (
        const schema of [rooted({ type: "string" }, { properties: { "a\ud83d": {} } }), rooted({ const: "\ude00" })]
      ) {
        const checked = Grammar.check(schema, engine)
        assert.isTrue(Result.isFailure(checked))
        if (Result.isFailure(checked)) assert.include(checked.failure.message, "half of a surrogate pair")
      }
    })
  }
})
