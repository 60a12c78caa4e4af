/** Batches over servers that do not say how much, or why they ended. */
import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Batch } from "../../src/batch/index.ts"
import { Fault, Simulator } from "../../src/simulator/index.ts"
import * as Bench from "../batch/Bench.ts"
import * as World from "../World.ts"

const ROWS = 6

/** A batch of rows, each answered with this fault, run so often. */
const run = (fault: Fault.Fault, options: Partial<Batch.RunOptions>, times = 1) =>
  Effect.gen(function*() {
    const { errors, input, output } = yield* Bench.files
    Bench.write(input, Bench.prompts(ROWS))
    const simulator = yield* Simulator.Simulator
    yield* simulator.fail(fault, { times: Infinity })
    const batch = Batch.run({ input, output, errors, concurrency: 1, progress: "none", ...options })
    const reports = yield* Effect.replicateEffect(batch, times)
    return { last: reports.at(-1), lines: Bench.lines(output) }
  }).pipe(Effect.provide(Layer.mergeAll(World.layer({ engine: "vllm" }), NodeServices.layer)))

describe("a server that tells no usage", () => {
  for (const told of ["never", "zeros"] as const) {
    it.live(`ends a batch that has a budget of tokens after its first row, and says why: ${told}`, () =>
      Effect.gen(function*() {
        const { last } = yield* run(Fault.usage(told), { budget: { tokens: 1_000_000 } })
        assert.deepStrictEqual([last?.ending, last?.why?.by, last?.rows.done], ["stopped", "budget", 1])
        assert.match(
          last?.why?.message ?? "",
          /did not report the tokens of 1 generations, so the budget cannot be enforced/
        )
      }))

    it.live(`lets that batch not begin again: ${told}`, () =>
      Effect.gen(function*() {
        const { last } = yield* run(Fault.usage(told), { budget: { tokens: 1_000_000 } }, 2)
        assert.deepStrictEqual([last?.ending, last?.rows.done, last?.rows.doneNow], ["stopped", 1, 0])
      }))

    it.live(`is counted as such where there is no budget, and its rows say -1 and never 0: ${told}`, () =>
      Effect.gen(function*() {
        const { last, lines } = yield* run(Fault.usage(told), {})
        assert.deepStrictEqual([last?.ending, last?.uncounted, last?.tokens], ["complete", ROWS, {
          input: 0,
          output: 0
        }])
        for (const { generations } of lines) {
          assert.deepInclude(generations?.[0]?.statistics, { inputTokens: -1, outputTokens: -1 })
        }
      }))
  }
})

describe("a server that tells no finish reason", () => {
  it.live("is counted by the report as unknown", () =>
    Effect.gen(function*() {
      const { last } = yield* run(Fault.finishReason(undefined), {})
      assert.deepStrictEqual(last?.finishReasons, { unknown: ROWS })
    }))
})

describe("what the server told", () => {
  it.live("stands in the rows", () =>
    Effect.gen(function*() {
      const { lines } = yield* run(Fault.usageDetails({ cachedTokens: 1, reasoningTokens: 2, cost: 0.25 }), {})
      assert.lengthOf(lines, ROWS)
      for (const { generations } of lines) {
        const statistics = generations?.[0]?.statistics
        assert.deepInclude(statistics, { cachedTokens: 1, reasoningTokens: 2, cost: 0.25 })
        assert.include(JSON.stringify(generations?.[0]), "vllm-0.32.0")
      }
    }))
})
