import { assert, describe, it } from "@effect/vitest"
import { Redacted } from "effect"
import * as Secret from "../../src/http/Secret.ts"

const token = "hf_averylongsecretofanaccount"
const scrub = Secret.scrubber(Redacted.make(token))

describe("a token", () => {
  it("is removed wherever it stands", () =>
    assert.strictEqual(scrub(`${token}, "${token}"`), "<redacted>, \"<redacted>\""))

  it("is removed at the end of a body that was cut in the middle of it", () => {
    const before = "x".repeat(64 * 1024)
    for (let length = 6; length < token.length; length++) {
      assert.strictEqual(scrub(`${before}${token.slice(0, length)}`), `${before}<redacted>`, `${length} letters of it`)
    }
    assert.strictEqual(scrub(`${before}${token}`), `${before}<redacted>`)
    // three letters are those of every token
    assert.strictEqual(scrub(`${before}hf_`), `${before}hf_`)
  })

  it("that is not there changes nothing", () => {
    const text = "y".repeat(2_000)
    assert.strictEqual(scrub(text), text)
    assert.strictEqual(Secret.scrubber(undefined)(token), token)
  })
})
