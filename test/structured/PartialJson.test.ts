import { assert, describe, it } from "@effect/vitest"
import { Arbitrary, Result, Schema } from "effect"
import * as PartialJson from "../../src/structured/decode/PartialJson.ts"

const json = Arbitrary.schema(Schema.Json)
const cuts = Arbitrary.schema(Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 7 }))))

const chunks = (text: string, sizes: ReadonlyArray<number>): ReadonlyArray<string> => {
  const out: Array<string> = []
  for (let at = 0, index = 0; at < text.length; index++) {
    const size = sizes[index % Math.max(1, sizes.length)] ?? 3
    out.push(text.slice(at, at + size))
    at += size
  }
  return out
}

const read = (text: string, options: PartialJson.Options = {}) => {
  const parser = PartialJson.make(options)
  parser.push(text)
  return parser
}

const value = (text: string): unknown => read(text).snapshot()()

/** Whether a later partial keeps everything that was complete in an earlier one: only the last part may grow. */
const grows = (before: unknown, after: unknown): boolean => {
  if (before === undefined) return true
  if (typeof before === "string") return typeof after === "string" && after.startsWith(before)
  if (typeof before === "number") return typeof after === "number"
  if (Array.isArray(before)) {
    return Array.isArray(after) && after.length >= before.length &&
      before.every((item, index) =>
        index < before.length - 1 ? JSON.stringify(item) === JSON.stringify(after[index]) : grows(item, after[index])
      )
  }
  if (typeof before !== "object" || before === null) return before === after
  if (typeof after !== "object" || after === null) return false
  return Object.keys(before).every((key) =>
    Object.hasOwn(after, key) && grows(Reflect.get(before, key), Reflect.get(after, key))
  )
}

describe("the incremental parser", () => {
  it.prop("reads what JSON.parse reads, however the text is cut", [json, cuts], ([value, sizes]) => {
    for (const text of [JSON.stringify(value), JSON.stringify(value, null, 2)]) {
      const parser = PartialJson.make()
      for (const chunk of chunks(text, sizes)) parser.push(chunk)
      assert.deepStrictEqual(Result.getOrThrow(parser.end()), JSON.parse(text))
    }
  })

  it.prop("every prefix gives a partial, and nothing that was complete goes back", [json], ([value]) => {
    const text = JSON.stringify(value)
    const parser = PartialJson.make()
    let before: unknown
    for (const char of text.split("")) {
      parser.push(char)
      const after = parser.snapshot()()
      assert.isUndefined(parser.failure)
      assert.isTrue(grows(before, after), `${JSON.stringify(before)} became ${JSON.stringify(after)}`)
      before = after
    }
  })

  it.prop("a snapshot stays as it was taken", [json, cuts], ([value, sizes]) => {
    const parser = PartialJson.make()
    const taken = chunks(JSON.stringify(value), sizes).map((chunk) => {
      parser.push(chunk)
      return [parser.snapshot(), JSON.stringify(parser.snapshot()())] as const
    })
    for (const [snapshot, then] of taken) assert.strictEqual(JSON.stringify(snapshot()), then)
  })

  it("refuses every control character in a string, as JSON.parse does", () => {
    for (let code = 0; code < 0x22; code++) {
      const text = `["${String.fromCharCode(code)}"]`
      const expected = Result.try(() => JSON.parse(text))
      assert.strictEqual(Result.isSuccess(read(text).end()), Result.isSuccess(expected), text)
    }
  })

  it.prop("refuses what JSON.parse refuses", [
    json,
    Arbitrary.schema(Schema.Int),
    Arbitrary.schema(Schema.Literals(["", ",", "}", "]", "\"", "1", "-", "e", "\\", ":", "t", "\u0001"]))
  ], ([value, where, char]) => {
    const text = JSON.stringify(value)
    const at = Math.abs(where) % (text.length + 1)
    const broken = text.slice(0, at) + char + text.slice(at + (where % 2 === 0 ? 1 : 0))
    const expected = Result.try(() => JSON.parse(broken))
    assert.strictEqual(Result.isSuccess(read(broken).end()), Result.isSuccess(expected), broken)
  })

  it.each<[string, unknown]>([
    ["", undefined],
    ["{\"a", {}],
    ["{\"a\":", {}],
    ["{\"a\":tr", { a: true }],
    ["{\"a\":\"x\\", { a: "x" }],
    ["{\"a\":\"x\\u00e", { a: "x" }],
    ["{\"a\":\"\\ud83d", { a: "" }],
    ["{\"a\":\"\\ud83d\\ude00", { a: "😀" }],
    ["{\"a\":-", {}],
    ["{\"a\":1.", { a: 1 }],
    ["{\"a\":12e+", { a: 12 }],
    ["{\"a\":1,", { a: 1 }],
    ["{\"q\\\"\\\\\":[1,", { "q\"\\": [1] }],
    ["[[],{\"b\":[n", [[], { b: [null] }]],
    ["{\"__proto__\":{\"a\":1", JSON.parse("{\"__proto__\":{\"a\":1}}")]
  ])("what stands open is closed: %s", (text, expected) => {
    assert.deepStrictEqual(value(text), expected)
  })

  it.each<[string, number]>([
    ["{\"a\":1 x", 7],
    ["[1,]", 3],
    ["nul!", 3],
    ["\"a\nb\"", 2],
    ["{a:1}", 1],
    ["[01]", 3],
    ["{} {}", 3],
    ["\"\\q\"", 2]
  ])("a failure says where: %s", (text, offset) => {
    assert.strictEqual(read(text).failure?.offset, offset)
  })

  it("a text that stops early fails at its end", () => {
    assert.deepStrictEqual(Result.getOrThrow(Result.flip(read("{\"a\":1").end())), {
      offset: 6,
      description: "the text ends too early"
    })
  })

  it("nesting is bounded", () => {
    assert.isUndefined(read("[".repeat(256)).failure)
    assert.strictEqual(read("[".repeat(257)).failure?.offset, 256)
    assert.strictEqual(read("[[[", { maxDepth: 2 }).failure?.offset, 2)
  })

  it("elements of the top-level array come once, when they are complete", () => {
    const parser = PartialJson.make()
    const seen = ["[{\"a\":[1,2", "]},[3]", ",4", ",", "\"x\"]"].map((chunk) => {
      parser.push(chunk)
      return parser.takeElements()
    })
    assert.deepStrictEqual(seen, [
      [],
      [{ index: 0, value: { a: [1, 2] } }, { index: 1, value: [3] }],
      [],
      [{ index: 2, value: 4 }],
      [{ index: 3, value: "x" }]
    ])
  })

  it("elements of the wrapped array are told from others", () => {
    const parser = read("{\"other\":[1],\"value\":[[2],3", { wrap: "value" })
    assert.deepStrictEqual(parser.takeElements(), [{ index: 0, value: [2] }])
  })

  it("the version moves with the visible value alone", () => {
    const parser = PartialJson.make()
    const versions = ["{", " ", "\"ke", "y\"", ": ", "1", " ", ",", "}"].map((chunk) => {
      const before = parser.version
      parser.push(chunk)
      return parser.version > before
    })
    assert.deepStrictEqual(versions, [true, false, false, false, false, true, true, false, false])
  })
})
