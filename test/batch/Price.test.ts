import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Batch } from "../../src/batch/index.ts"
import { InferenceEndpointsLLM } from "../../src/index.ts"
import { Platform } from "../../src/simulator/index.ts"
import * as Bench from "./Bench.ts"

/** A serverless model whose one provider asks a dollar for each token. */
const Model = InferenceEndpointsLLM.layer({ modelId: "org/model", provider: "together", apiKey: "hf_example" }).pipe(
  Layer.provide(Platform.layer({
    hub: {
      users: { hf_example: { name: "ada" } },
      repos: {
        "org/model": {
          commit: "0".repeat(40),
          files: {},
          info: {
            pipeline_tag: "text-generation",
            inferenceProviderMapping: { together: { status: "live", providerId: "org/model", task: "conversational" } }
          }
        }
      }
    },
    router: { models: { "org/model": [{ provider: "together", pricing: { input: 1_000_000, output: 1_000_000 } }] } }
  }))
)

const spend = Effect.fnUntraced(function*(dollars: number | undefined) {
  const { errors, input, output } = yield* Bench.files
  Bench.write(input, Bench.prompts(20))
  return yield* Batch.run({
    input,
    output,
    errors,
    concurrency: 1,
    options: { maxNewTokens: 2 },
    ...(dollars !== undefined && { budget: { dollars } }),
    progress: "none"
  })
})

describe("a budget in dollars without a price", () => {
  it.live("is counted by what the router publishes, and the run can go on", () =>
    Effect.gen(function*() {
      const report = yield* spend(40)
      assert.strictEqual(report.ending, "stopped")
      assert.include(report.why?.message ?? "", "the budget of $40 is used up")
      assert.isAbove(report.rows.pending, 0)
      // what the next row may cost is reserved, so that the budget is kept
      assert.isAtMost(report.dollars ?? 0, 40)
      assert.isAbove(report.dollars ?? 0, 20)
    }).pipe(Effect.provide(Layer.mergeAll(Model, NodeServices.layer))))

  it.live("that is large enough ends nothing", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* spend(1_000_000)).ending, "complete")
    }).pipe(Effect.provide(Layer.mergeAll(Model, NodeServices.layer))))
})
