import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Schema } from "effect"
import * as JsonText from "../../src/structured/engines/JsonText.ts"
import * as Cost from "../../src/structured/engines/tgi/Cost.ts"
import * as Grammar from "../../src/structured/Grammar.ts"
import * as Residual from "../../src/structured/regex/Residual.ts"
import * as Sample from "../../src/structured/schema/Sample.ts"
import { rooted, Sketch } from "./Sketches.ts"
import { accepts } from "./TgiLanguage.ts"

const whole = (value: string) => accepts({ type: "regex", value })

const made = (source: string): Residual.Residual => Result.getOrThrow(Residual.make(source))

const after = (source: string, text: string): string => {
  const residual = made(source)
  const place = residual.read(residual.start, text)
  return place === undefined ? "nothing" : Residual.print(place)
}

const upTo = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

/** What may be wrong with a text that goes on. */
const spoilt = (rest: string, at: number): ReadonlyArray<string> => {
  const place = rest.length === 0 ? 0 : at % rest.length
  return [
    rest,
    `${rest}x`,
    `${rest}}`,
    rest.slice(1),
    rest.slice(0, -1),
    rest.slice(0, place) + rest.slice(place + 1),
    `${rest.slice(0, place)}"${rest.slice(place)}`,
    `${rest.slice(0, place)}7${rest.slice(place)}`,
    `${rest.slice(0, place)} ${rest.slice(place)}`
  ]
}

describe("what may follow", () => {
  it.effect.prop(
    "is taken by the whole grammar exactly when the residual takes it, for any schema, value and cut",
    [Sketch, upTo(1000), upTo(10_000), upTo(10_000)],
    ([sketch, seed, cut, spoil]) =>
      Effect.sync(() => {
        const source = Grammar.fromJsonSchema(rooted(sketch))
        const lowered = Grammar.lower(source, { target: "regex" })
        const document = Grammar.read(source)
        if (Result.isFailure(lowered) || Result.isFailure(document)) return
        const { cost, grammar, tree } = lowered.success
        const value = Sample.make(document.success, seed)
        if (tree === undefined || value === undefined || grammar.type !== "regex") return
        const text = JsonText.write(tree, value)
        const inWhole = whole(grammar.value)
        if (!inWhole(text)) return
        const points = Array.from(text)
        const before = points.slice(0, cut % (points.length + 1)).join("")
        const rest = text.slice(before.length)
        const residual = made(grammar.value)
        const place = residual.read(residual.start, before)
        if (place === undefined) return assert.fail(`${JSON.stringify(before)} is not followed`)
        const printed = Residual.print(place)
        const inRest = whole(printed)
        for (const end of spoilt(rest, spoil)) {
          assert.strictEqual(inRest(end), inWhole(before + end), `${before} ▸ ${end}`)
        }
        assert.strictEqual(Residual.mayEnd(place), inWhole(before))
        assert.isBelow(printed.length, 2.5 * grammar.value.length + 40)
        assert.isBelow(Cost.make(printed.length, 0, 0).seconds, 3 * cost.seconds + 0.1)
      }),
    { arbitrary: { runs: 300 } }
  )

  it("is written short: what ways have in common stands once", () => {
    assert.strictEqual(after("abc", "a"), "bc")
    assert.strictEqual(after("(?:ax|ay)z", "a"), "[xy]z")
    assert.strictEqual(after("a(?:b(?:c)?)?", "a"), "(?:bc?)?")
    assert.strictEqual(after("a{3,5}", "aa"), "a{1,3}")
    assert.strictEqual(after("(?:ab)*", "a"), "b(?:ab)*")
  })

  it("is nothing behind a text that begins no word, and empty behind a whole one", () => {
    assert.strictEqual(after("abc", "b"), "nothing")
    assert.strictEqual(after("abc", "abc"), "")
    const { longest } = made("[a-c]+!")
    assert.strictEqual(longest("abcd!").length, 3)
    assert.isTrue(Residual.isWhole(longest("ab!").place))
    assert.isFalse(Residual.isWhole(longest("ab").place))
  })

  it("is not said of a lookahead", () => {
    assert.isTrue(Result.isFailure(Residual.make("a(?=b)[ab]c")))
  })

  it("has few parts between the items of a list, and more inside of them", () => {
    const { read, start } = made("\\[(?:\\{\"a\":\"[a-z]*\"\\},)*\\]")
    const depth = (text: string) => {
      const place = read(start, text)
      return place === undefined ? 0 : Residual.depth(place)
    }
    assert.isBelow(depth("[{\"a\":\"b\"},"), depth("[{\"a\":\"b"))
  })
})
