import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import * as Canary from "../../src/prove/Canary.ts"
import type * as Options from "../../src/simulator/model/Options.ts"
import * as World from "../World.ts"

const obedient: Options.Options = {
  script: (_, prompt) => ({ text: `${/the word (\w+) ten/.exec(prompt)?.[1] ?? ""} `.repeat(10).trim() }),
  latency: { firstToken: "1 second", perToken: "1 second" }
}

const looking = (engine: World.Simulated, server: Options.Options) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(Effect.result(Canary.check({ streams: 4 })))
    for (let second = 0; second < 200; second++) yield* TestClock.adjust("1 second")
    return yield* Fiber.join(fiber)
  }).pipe(Effect.provide(World.layer({ engine, server })))

describe("a canary", () => {
  for (const engine of [...World.engines, "hf-serve"] as const) {
    it.effect(`fails on a simulated ${engine} that swaps the responses of its callers`, () =>
      Effect.gen(function*() {
        const result = yield* looking(engine, { ...obedient, lies: ["mix"] })
        assert.strictEqual(result._tag === "Failure" && result.failure._tag, "CanaryError")
        if (result._tag !== "Failure" || result.failure._tag !== "CanaryError") return
        assert.match(result.failure.message, /mixes up its callers: \d+ of 8/)
      }))

    it.effect(`passes on ${engine} where each gets its own`, () =>
      Effect.gen(function*() {
        const result = yield* looking(engine, obedient)
        assert.strictEqual(result._tag === "Success" && result.success.verdict, "pass")
      }))
  }

  it.effect("takes no difference for a proof: a model that writes something else leaves it unclear", () =>
    Effect.gen(function*() {
      let count = 0
      const result = yield* looking("vllm", { ...obedient, script: () => ({ text: `something else ${count++}` }) })
      assert.strictEqual(result._tag === "Success" && result.success.verdict, "unclear")
    }))
})
