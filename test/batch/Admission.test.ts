import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { Batch, type Runner } from "../../src/batch/index.ts"
import { InferenceEndpointsLLM } from "../../src/index.ts"
import { Simulator } from "../../src/simulator/index.ts"
import * as Bench from "./Bench.ts"

const ROWS = 300

/** vLLM that serves eight requests at once, lets four wait, and refuses more with 503. */
const Full = InferenceEndpointsLLM.layer({ baseUrl: "http://vllm.test", engine: "vllm", apiKey: false }).pipe(
  Layer.provideMerge(Simulator.layer({
    engine: "vllm",
    slots: 8,
    queueLimit: 4,
    latency: { headers: "500 millis" },
    journalLimit: 10_000
  }))
)

describe("an engine that refuses what does not fit its queue, without a word for how long,", () => {
  it.effect.each(["unary", "stream"] as const)(
    "gets fewer than 1.1 requests a row: %s",
    (delivery) =>
      Effect.gen(function*() {
        const { input, output } = yield* Bench.files
        Bench.write(input, Bench.prompts(ROWS))
        const report = yield* Bench.virtually(
          Batch.run({ input, output, options: { maxNewTokens: 4, delivery }, progress: "none" }),
          100
        )
        assert.deepStrictEqual([report.rows.done, report.rows.failed], [ROWS, 0])
        const simulator = yield* Simulator.Simulator
        const posts = (yield* simulator.journal.entries).filter(({ request }) => request.method === "POST").length
        assert.isAtLeast(posts, ROWS)
        assert.isBelow(posts / ROWS, 1.1)
      }).pipe(Effect.provide(Layer.merge(Full, NodeServices.layer)))
  )
})

describe("the level of concurrency", () => {
  it.effect("has no ceiling but the one that the server tells", () =>
    Effect.gen(function*() {
      const { input, output } = yield* Bench.files
      Bench.write(input, Bench.prompts(2000))
      let inFlight = 0
      let most = 0
      const generate: Bench.Generate = (text, options) =>
        Effect.suspend(() => {
          most = Math.max(most, ++inFlight)
          return Effect.ensuring(Effect.delay(Bench.echo(text, options), 100), Effect.sync(() => inFlight--))
        })
      yield* Bench.virtually(Bench.runWith({ input, output }, Bench.told({ capacity: 200, generate })))
      assert.isAbove(most, 64)
      assert.isAtMost(most, 200)
    }).pipe(Effect.provide(NodeServices.layer)))

  it.effect("is remembered for the next run of the output", () =>
    Effect.gen(function*() {
      const { input, output } = yield* Bench.files
      Bench.write(input, Bench.prompts(400))
      const starts: Array<number> = []
      const generate: Bench.Generate = (text, options) =>
        Effect.clockWith((clock) => {
          starts.push(clock.currentTimeMillisUnsafe())
          return Effect.delay(Bench.echo(text, options), 100)
        })
      const some: Runner.Options = { input, output, concurrency: { max: 32 } }
      yield* Bench.virtually(Bench.run({ ...some, limit: 300 }, generate))
      const before = starts.length
      yield* Bench.virtually(Bench.run(some, generate))
      const [first = 0] = starts.slice(before)
      assert.isAbove(starts.slice(before).filter((at) => at - first < 100).length, 4)
    }).pipe(Effect.provide(NodeServices.layer)))
})
