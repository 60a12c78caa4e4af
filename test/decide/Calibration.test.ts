import { assert, describe, it } from "@effect/vitest"
import { Schema } from "effect"
import * as Calibration from "../../src/decide/Calibration.ts"

const sure = (probability: number, right: boolean): Calibration.Judged => ({
  truth: right ? "a" : "b",
  probabilities: { a: probability, b: 1 - probability }
})

describe("calibration", () => {
  it("is perfect where decisions that are 80 % sure are right in 80 % of the cases", () => {
    const judged = Array.from({ length: 10 }, (_, at) => sure(0.8, at < 8))
    const measured = Calibration.measure(judged)
    assert.approximately(measured?.expectedError ?? 1, 0, 1e-12)
    assert.strictEqual(measured?.accuracy, 0.8)
    assert.approximately(measured?.brier ?? 0, 0.8 * 2 * 0.04 + 0.2 * 2 * 0.64, 1e-12)
  })

  it("is off by how much surer decisions are than right, each range by its share", () => {
    const judged = [
      ...Array.from({ length: 6 }, () => sure(0.9, false)),
      ...Array.from({ length: 4 }, () => sure(0.6, true))
    ]
    const measured = Calibration.measure(judged)
    assert.approximately(measured?.expectedError ?? 0, 0.6 * 0.9 + 0.4 * 0.4, 1e-12)
  })

  it("is not measured over nothing", () => assert.isUndefined(Calibration.measure([])))

  const share = Schema.Finite.check(Schema.isBetween({ minimum: 0, maximum: 1 }))

  it.prop(
    "has ranges that hold every decision once, and an error from 0 to 1",
    [
      Schema.NonEmptyArray(Schema.Tuple([share, Schema.Boolean])),
      Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 30 }))
    ],
    ([drawn, bins]) => {
      const measured = Calibration.measure(drawn.map(([probability, right]) => sure(probability, right)), bins)
      assert.strictEqual(measured?.bins.reduce((sum, { count }) => sum + count, 0), drawn.length)
      assert.isAtMost(measured?.expectedError ?? 2, 1)
      assert.isAtLeast(measured?.expectedError ?? -1, 0)
    }
  )

  it("counts a truth that is no label as wrong, with a finite surprise", () => {
    const measured = Calibration.measure([{ truth: "c", probabilities: { a: 0.7, b: 0.3 } }])
    assert.strictEqual(measured?.accuracy, 0)
    assert.isTrue(Number.isFinite(measured?.logLoss))
  })
})
