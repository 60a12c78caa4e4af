import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import { readFileSync } from "node:fs"
import { Batch, Pace, Progress, type Runner } from "../../src/batch/index.ts"
import * as RowSet from "../../src/batch/log/RowSet.ts"
import * as Tally from "../../src/batch/report/Tally.ts"
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

  it.effect("is remembered where the run was killed, and so is what was pinned", () =>
    Effect.gen(function*() {
      const { input, output } = yield* Bench.files
      Bench.write(input, Bench.prompts(2000))
      let row = 0
      // what a kill would leave at that moment
      let left = ""
      const generate: Bench.Generate = (text, options) =>
        Effect.suspend(() => {
          if (++row === 1800) left = readFileSync(`${output}.manifest.json`, "utf8")
          return Effect.delay(Bench.echo(text, options), 100)
        })
      yield* Bench.virtually(Bench.run({ input, output, concurrency: { max: 32 }, pin: true }, generate))
      const manifest = JSON.parse(left)
      assert.isAbove(manifest.pace.endpoint, 4)
      assert.include(manifest.source, "the model")
    }).pipe(Effect.provide(NodeServices.layer)))
})

const answer = (tally: Tally.Tally) => {
  const { statistics } = Bench.generation("x")
  for (let row = 0; row < 10; row++) {
    const generations = [Bench.generation("x", { statistics: { ...statistics, duration: 1000 } })]
    tally.answered({ generations, discarded: [], cached: false, dollars: undefined })
  }
}

/** Ten of a thousand rows, each of which took a second. */
const tallied = () => {
  const set = RowSet.make(1000)
  const tally = Tally.make(1000, {
    done: set,
    failed: set,
    outputEnd: 0,
    errorsEnd: 0,
    inputTokens: 0,
    outputTokens: 0,
    uncounted: 0,
    dollars: 0,
    failures: new Map()
  }, 0)
  answer(tally)
  return tally
}

describe("the time that is left", () => {
  it.effect("is not said while the level doubles: nobody can know it then", () =>
    Effect.gen(function*() {
      const tally = tallied()
      const sample = Progress.sampler(tally, [Pace.make({ concurrency: { initial: 4, max: 32 } })], undefined)
      yield* TestClock.adjust("2 seconds")
      assert.notProperty(yield* sample, "left")
      answer(tally)
      yield* TestClock.adjust("1 minute")
      assert.property(yield* sample, "left")
    }))

  it.effect("is early on that of rows as long as those that ended, so many at once", () =>
    Effect.gen(function*() {
      const sample = Progress.sampler(tallied(), [Pace.make({ concurrency: 8 })], undefined)
      yield* TestClock.adjust("2 seconds")
      const { left } = yield* sample
      assert.approximately(left ?? 0, 990 / 8 * 1000, 1)
    }))
})
