import { assert, describe, it } from "@effect/vitest"
import * as PythonJson from "../../src/simulator/wire/PythonJson.ts"

/** Measured with `json.loads` of Python 3.12. */
const wrong: ReadonlyArray<readonly [text: string, msg: string, at: number]> = [
  ["{'a':1}", "Expecting property name enclosed in double quotes", 1],
  ["{\"a\": 1, ", "Expecting property name enclosed in double quotes", 9],
  ["{\"a\":1,}", "Expecting property name enclosed in double quotes", 7],
  ["[1,]", "Expecting value", 3],
  ["[1 2]", "Expecting ',' delimiter", 3],
  ["{\"a\" 1}", "Expecting ':' delimiter", 5],
  ["\"abc", "Unterminated string starting at", 0],
  ["{\"a\":tru}", "Expecting value", 5],
  ["", "Expecting value", 0],
  [" ", "Expecting value", 1],
  ["{\"a\":1} x", "Extra data", 8],
  ["\"\\x\"", "Invalid \\escape", 1],
  ["\"\\u12\"", "Invalid \\uXXXX escape", 2],
  ["{\"a\":[1,{\"b\"}]}", "Expecting ':' delimiter", 12],
  ["01", "Extra data", 1],
  ["{\"a\":\"\n\"}", "Invalid control character at", 6]
]

describe("what Python says of a text that is not JSON", () => {
  it.each(wrong)("%j", (text, msg, at) => {
    assert.deepStrictEqual(PythonJson.mistake(text), { msg, at })
  })

  it.each(["{}", " [1, 2.5e3, -0, \"\\u00e4\"] ", "NaN", "-Infinity", "null", "{\"a\":{\"b\":[]}}"])(
    "%j is",
    (text) => {
      assert.isUndefined(PythonJson.mistake(text))
    }
  )

  it("is printed with its line and column", () => {
    const text = "{\n  x"
    assert.strictEqual(
      PythonJson.shown(text, { msg: "Expecting value", at: 4 }),
      "Expecting value: line 2 column 3 (char 4)"
    )
  })
})
