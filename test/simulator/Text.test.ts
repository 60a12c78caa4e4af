import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Float from "../../src/simulator/model/Float.ts"
import * as Tokenizer from "../../src/simulator/model/Tokenizer.ts"
import * as Json from "../../src/simulator/wire/Json.ts"

describe("tokens", () => {
  it.prop("join back to the text they were split from", { text: Schema.String }, ({ text }) => {
    assert.strictEqual(Tokenizer.split(text).join(""), text)
  })

  it.prop("lie end to end in bytes", { text: Schema.String }, ({ text }) => {
    const pieces = Tokenizer.encode(text, false)
    pieces.forEach((piece, index) => assert.strictEqual(piece.start, pieces[index - 1]?.stop ?? 0))
    assert.strictEqual(pieces.at(-1)?.stop ?? 0, new TextEncoder().encode(text).length)
  })

  it("keep special texts whole, also after a line break", () => {
    assert.deepStrictEqual(Tokenizer.split("a\n<|im_end|></s>"), ["a", "\n", "<|im_end|>", "</s>"])
  })
})

describe("JSON", () => {
  it.prop("parses to what the platform parses, but for halves of surrogates", { value: Schema.Json }, ({ value }) => {
    const text = JSON.stringify(value)
    const node = Json.parse(text)
    assert.strictEqual(node instanceof Json.SyntaxFailure, /\\ud[89a-f]/.test(text))
    if (node instanceof Json.SyntaxFailure) return
    assert.deepStrictEqual(Json.toUnknown(node), JSON.parse(text))
    assert.strictEqual(Json.compact(node), text)
  })

  it.prop("is refused where the platform refuses it, but for what follows the first value", {
    text: Schema.String
  }, ({ text }) => {
    const node = Json.parse(text)
    const end = node instanceof Json.SyntaxFailure ? text.length : node.end
    let fits = true
    try {
      JSON.parse(text.slice(0, end))
    } catch {
      fits = false
    }
    assert.strictEqual(!(node instanceof Json.SyntaxFailure), fits)
  })

  it.each(
    [
      ["x", "expected value", 1],
      ["[1,]", "trailing comma", 4],
      ["{1:2}", "key must be a string", 2],
      [`{"a" 1}`, "expected `:`", 6],
      ["[1 2]", "expected `,` or `]`", 4],
      ["tru", "EOF while parsing a value", 3],
      ["trap", "expected ident", 3],
      ["01", "invalid number", 2],
      ["[1.x]", "invalid number", 4],
      ["[-]", "invalid number", 3],
      [`"a`, "EOF while parsing a string", 2],
      ["[1", "EOF while parsing a list", 2]
    ] as const
  )("%s is a failure of serde: %s", (text, message, offset) => {
    const failure = Json.parse(text)
    assert.isTrue(failure instanceof Json.SyntaxFailure)
    if (failure instanceof Json.SyntaxFailure) {
      assert.deepStrictEqual([failure.message, failure.offset], [message, offset])
    }
  })
})

describe("a 32-bit float", () => {
  it.each(
    [
      [-2.0078125, "-2.0078125"],
      [-0.34, "-0.34"],
      [0, "0.0"],
      [-1.0000001e-7, "-1.0000001e-7"],
      [16777216, "16777216.0"],
      [1e16, "1e16"],
      [Number.NaN, "null"],
      [-Infinity, "null"]
    ] as const
  )("%d is printed as %s", (value, text) => {
    assert.strictEqual(Float.print(value), text)
  })

  it.prop("reads back as itself", { value: Schema.Finite }, ({ value }) => {
    const text = Float.print(value)
    if (text !== "null") assert.strictEqual(Math.fround(Number(text)), Math.fround(value))
  })
})

describe("what is wrong with a text", () => {
  it.each([
    ["{\"a\":", "a: EOF while parsing a value", 5],
    ["{\"a\":{\"b\":[1,{\"c\":x}]}}", "a.b[1].c: expected value", 19],
    ["{\"a\":1e999}", "a: number out of range", 10],
    ["{\"a\":\"\\ud800\"}", "a: unexpected end of hex escape", 13],
    ["{\"a\":\"\\ud800\\n\"}", "a: unexpected end of hex escape", 14],
    ["{\"a\":\"\\ud800\\u0041\"}", "a: lone leading surrogate in hex escape", 18],
    ["{\"a\":\"\\udc00\"}", "a: lone leading surrogate in hex escape", 12],
    ["{\"a\":\"\udcff\"}", "a: invalid unicode code point", 8],
    ["[1 2]", "expected `,` or `]`", 4]
  ])("%j is told with its path and place", (text, message, offset) => {
    const failure = Json.parse(text)
    assert.isTrue(failure instanceof Json.SyntaxFailure)
    if (!(failure instanceof Json.SyntaxFailure)) return
    const prefix = failure.path === "" ? "" : `${failure.path}: `
    assert.deepStrictEqual([`${prefix}${failure.message}`, failure.offset], [message, offset])
  })

  it("a byte that is not UTF-8 takes one column", () =>
    assert.strictEqual(Json.position("{\"a\":\"\udcff\"}", 8), " at line 1 column 8"))
})
