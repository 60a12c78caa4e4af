import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Grammar from "../../src/simulator/grammar/Grammar.ts"
import * as Random from "../../src/simulator/wire/Random.ts"

const seeds = Array.from({ length: 50 }, (_, seed) => seed)

const texts = (type: string, value: unknown): ReadonlyArray<string> =>
  seeds.map((seed) => {
    const sample = Grammar.sample({ type, value }, Random.make(seed))
    assert.strictEqual(sample._tag, "Ok", JSON.stringify(sample))
    return sample._tag === "Ok" ? sample.text : ""
  })

const parsed = (value: unknown): ReadonlyArray<unknown> => texts("json", value).map((text) => JSON.parse(text))

const object = (property: unknown, more: Readonly<Record<string, unknown>> = {}) => ({
  type: "object",
  properties: { a: property },
  required: ["a"],
  ...more
})

const error = (type: string, value: unknown) => {
  const sample = Grammar.sample({ type, value }, Random.make(1))
  return sample._tag === "Ok"
    ? sample
    : { tag: sample._tag, status: sample.status, error: sample.error, type: sample.errorType }
}

const refusal = (detail: string) => ({
  tag: "Refused" as const,
  status: 422 as const,
  error: `Input validation error: ${detail}`,
  type: "validation"
})

describe("simulated grammars", () => {
  it("the same seed gives the same text", () => {
    assert.deepStrictEqual(texts("json", object({ type: "string" })), texts("json", object({ type: "string" })))
  })

  it("keys come in their order, required ones always", () => {
    const schema = {
      type: "object",
      properties: { b: { type: "integer" }, a: { type: "string" }, c: { type: "boolean" } },
      required: ["b", "c"]
    }
    for (const text of texts("json", schema)) {
      assert.match(text, /^\{"b": -?\d+(?:, "a": "[a-z ]+")?, "c": (?:true|false)\}$/)
    }
  })

  it("what it writes satisfies bounds, counts, patterns and choices", () => {
    const schema = {
      type: "object",
      properties: {
        age: { type: "integer", minimum: 3, maximum: 9 },
        code: { type: "string", pattern: "^[A-Z]{2}-[0-9]{3}$" },
        tags: { type: "array", items: { enum: ["x", "y"] }, minItems: 1, maxItems: 3 },
        day: { type: "string", format: "date" },
        short: { type: "string", minLength: 4, maxLength: 6 },
        step: { type: "number", exclusiveMinimum: 0, multipleOf: 0.25, maximum: 1 }
      },
      required: ["age", "code", "tags", "day", "short", "step"]
    }
    const wanted = Schema.Struct({
      age: Schema.Int.check(Schema.isBetween({ minimum: 3, maximum: 9 })),
      code: Schema.String.check(Schema.isPattern(/^[A-Z]{2}-[0-9]{3}$/u)),
      tags: Schema.Array(Schema.Literals(["x", "y"])).check(Schema.isMinLength(1), Schema.isMaxLength(3)),
      day: Schema.String.check(Schema.isPattern(/^\d{4}-\d\d-\d\d$/u)),
      short: Schema.String.check(Schema.isMinLength(4), Schema.isMaxLength(6)),
      step: Schema.Finite.check(Schema.isBetween({ minimum: 0.25, maximum: 1 }), Schema.isMultipleOf(0.25))
    })
    for (const value of parsed(schema)) assert.isTrue(Schema.is(wanted)(value), JSON.stringify(value))
  })

  it("the first keyword that TGI knows decides", () => {
    for (const value of parsed(object({ type: "string", enum: [1, 2] }))) {
      assert.isTrue(Schema.is(Schema.Struct({ a: Schema.Literals([1, 2]) }))(value))
    }
  })

  it("members of allOf are written one behind the other, as the server does", () => {
    for (const text of texts("json", object({ allOf: [{ const: 1 }, { const: "x" }] }))) {
      assert.strictEqual(text, "{\"a\": 1\"x\"}")
    }
  })

  it("references and records are followed", () => {
    const schema = object({ $ref: "#/$defs/R" }, {
      $defs: { R: { type: "object", additionalProperties: { type: "null" } } }
    })
    for (const value of parsed(schema)) {
      assert.isTrue(Schema.is(Schema.Struct({ a: Schema.Record(Schema.String, Schema.Null) }))(value))
    }
  })

  it("a schema may come as its JSON text, or named, and then not as a text", () => {
    const schema = object({ const: true })
    assert.deepStrictEqual(texts("json", JSON.stringify(schema)), texts("json", schema))
    assert.deepStrictEqual(texts("named", schema), texts("json", schema))
    assert.deepStrictEqual(
      error("named", "{}"),
      refusal("grammar is not valid: \"{}\" is not of types \"boolean\", \"object\"")
    )
  })

  it.each([
    "[a-z]{3}",
    "(?:yes|no)",
    "(\\d+)-(\\w+)",
    "[^a-z]+\\.",
    "(?P<year>[0-9]{4})(?#a comment)",
    "a{,2}b?c*",
    "\\x41\\n.",
    "(?=a)[ab]c",
    "[\\d-]+"
  ])("a text of the pattern %s matches it", (pattern) => {
    const plain = pattern.replace("(?P<", "(?<").replace(/\(\?#[^)]*\)/, "").replace("{,2}", "{0,2}")
    for (const text of texts("regex", pattern)) assert.match(text, new RegExp(`^(?:${plain})$`, "s"))
  })

  it.each([
    [object({ type: ["string", "null"] }), "cannot compile regex from schema: 'type' must be a string"],
    [
      object({ type: "string", format: "email" }),
      "cannot compile regex from schema: Format email is not supported by Outlines"
    ],
    [object({ $ref: "#/$defs/no" }), "cannot compile regex from schema: Invalid reference path: $defs"],
    [
      object({ $ref: "https://example.test/s.json" }),
      "cannot compile regex from schema: Invalid reference path: https:"
    ],
    [
      object({ $ref: "https://example.test/s.json#x" }),
      "cannot compile regex from schema: External references are not supported: https://example.test/s.json#x"
    ],
    [object(true), "cannot compile regex from schema: Invalid JSON Schema: expected an object"],
    [
      object({ enum: [{ b: [1, "x", null, true] }] }),
      "cannot compile regex from schema: Unsupported data type in enum: " +
      "Object {\"b\": Array [Number(1), String(\"x\"), Null, Bool(true)]}"
    ],
    [object({ const: {} }), "cannot compile regex from schema: Unsupported data type in const: Object {}"],
    [
      object({ type: "integer", minDigits: 2, maxDigits: 1 }),
      "cannot compile regex from schema: max bound must be greater than or equal to min bound"
    ],
    [{ type: "array", items: { type: "string" } }, "grammar is not valid: Grammar must have a 'properties' field"],
    [
      object({ type: "any" }),
      "grammar is not valid: \"any\" is not valid under any of the schemas listed in the 'anyOf' keyword"
    ],
    [object({ type: "integer", exclusiveMinimum: true }), "grammar is not valid: true is not of type \"number\""],
    [7, "grammar is not supported"],
    ["[]", "grammar is not valid: [] is not of types \"boolean\", \"object\""],
    ["{a", "grammar is not valid: key must be a string at line 1 column 2"]
  ])("TGI's refusal of %j", (schema, detail) => {
    assert.deepStrictEqual(error("json", schema), refusal(detail))
  })

  it("a schema without a keyword that it knows is refused in TGI's words", () => {
    const found = error("json", object({ not: {} }))
    assert.include(
      "error" in found ? found.error : "",
      "cannot compile regex from schema: Unsupported JSON Schema structure"
    )
  })

  it("a JSON text that is none is refused", () => {
    const found = error("json", "{")
    assert.include("error" in found ? found.error : "", "Input validation error: grammar is not valid: ")
  })

  it.each([
    ["^a$", "'^'"],
    ["a$", "'$'"],
    ["\\bword\\b", "Escape \\b is not implemented"],
    ["(a)\\1", "Group references are not implemented"],
    ["(?<=a)b", "lookbacks are not implemented"],
    ["\\p{L}", "regex module unicode properties are not supported."],
    ["(?<name>a)", ""],
    ["(?>a)", "Unknown group-extension: '>' (Context: '(?>a)'"],
    ["a{3,1}", "Can't multiply an FSM by -2"],
    ["[b-a]", "Invalid Character-range: b-a"],
    ["[a", ""],
    ["(a", ""],
    ["*a", ""]
  ])("the pattern %s fails in the backend, with the words of interegular", (pattern, words) => {
    assert.deepInclude(error("regex", pattern), {
      tag: "Failed",
      status: 424,
      type: "generation",
      error: `Request failed during generation: Server error: ${words}`
    })
  })

  it("a repetition may be repeated", () => {
    assert.notProperty(error("regex", "(?:a**)++"), "error")
  })

  it("a recursive schema takes the router down", () => {
    assert.include(error("json", object({ $ref: "#" })), { tag: "Failed", status: 502 })
  })
})
