import { assert, describe, it } from "@effect/vitest"
import { Result } from "effect"
import * as CrossCheck from "../../src/template/CrossCheck.ts"

const messages = [{ role: "user", content: "--hello--" }]
const compared = (source: string) => Result.getOrThrow(CrossCheck.compare(source, { messages }))

describe("the other engine", () => {
  it("agrees on a plain template", () =>
    assert.deepStrictEqual(compared("{{ messages[0].role }}: {{ messages[0]['content'] }}"), {
      ours: "user: --hello--",
      theirs: { text: "user: --hello--" },
      difference: undefined
    }))

  it("differs where characters are to be stripped, and the place is shown", () => {
    const { difference, ours } = compared("[{{ messages[0].content.strip('-') }}]")
    assert.strictEqual(ours, "[hello]")
    assert.strictEqual(difference?.offset, 1)
    assert.strictEqual(difference?.theirs, "[--hello--]")
  })

  it("fails on what Python renders, and says how", () => {
    const { difference, ours, theirs } = compared("{{ {1: 'one'}[1] }}")
    assert.strictEqual(ours, "one")
    assert.isTrue("failure" in theirs)
    assert.isUndefined(difference)
  })

  it("is not asked where our own engine refuses", () =>
    assert.isTrue(Result.isFailure(CrossCheck.compare("{{ raise_exception('no') }}", { messages }))))
})
