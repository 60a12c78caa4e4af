import { NodeServices } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"
import { Batch } from "../../src/batch/index.ts"
import * as Retry from "../../src/http/Retry.ts"
import { Fault, Simulator } from "../../src/simulator/index.ts"
import * as Bench from "../batch/Bench.ts"
import * as World from "../World.ts"

/** Real files under virtual time. */
const settle = <A, E>(fiber: Fiber.Fiber<A, E>) =>
  Effect.gen(function*() {
    while (fiber.pollUnsafe() === undefined) {
      yield* TestClock.adjust("200 millis")
      yield* TestClock.withLive(Effect.sleep(0))
    }
    return yield* Fiber.join(fiber)
  })

const KILLERS = 20
const OTHERS = 40
const CONCURRENCY = 8

const tool = (parameters: object) => [{ type: "function", function: { name: "walk", parameters } }]

/** Every third row brings the server down. */
const rows = (body: (isDeadly: boolean) => object) =>
  Array.from({ length: KILLERS + OTHERS }, (_, at) => ({
    custom_id: `row-${at}`,
    method: "POST",
    url: "/v1/chat/completions",
    body: {
      messages: [{ role: "user", content: `${at % 3 === 0 ? "poison" : "question"} ${at}` }],
      ...body(at % 3 === 0)
    }
  }))

const run = Effect.fnUntraced(
  function*(given: ReturnType<typeof rows>) {
    const { errors, input, output } = yield* Bench.files
    Bench.write(input, given)
    const simulator = yield* Simulator.Simulator
    yield* simulator.fail(Fault.kill("3 seconds"), { times: Infinity, when: ({ body }) => body.includes("poison") })
    const batch = Batch.run({ input, output, errors, progress: "none", concurrency: CONCURRENCY })
    const report = yield* settle(yield* Effect.forkChild(batch))
    const failed = Bench.lines(errors).map(({ error }) => error)
    const { inFlight } = yield* simulator.journal.totals
    return { report, failed, deaths: yield* simulator.deaths, inFlight }
  },
  Effect.provide(Layer.mergeAll(
    World.layer({
      server: { latency: { headers: "200 millis" } },
      service: { client: { retry: Retry.standard } }
    }),
    NodeServices.layer
  ))
)

describe("20 rows that kill a restarting server, among 60", () => {
  it.effect("kill it at most twice each, and once more each for those that were in flight together", () =>
    Effect.gen(function*() {
      const { deaths, failed, inFlight, report } = yield* run(rows(() => ({})))
      assert.isAtMost(deaths, 2 * KILLERS + CONCURRENCY)
      assert.deepStrictEqual([report.rows.done, report.rows.failed, inFlight], [OTHERS, KILLERS, 0])
      for (const error of failed) {
        assert.strictEqual(error?.reason, "Fatal")
        assert.match(error?.message ?? "", /broke off this request \([0-9a-f]{8}, \d+ characters\) twice/)
      }
    }))

  it.effect("kill it once each at most where their tools do it, and once more each for those in flight until that is known", () =>
    Effect.gen(function*() {
      const { deaths, failed, inFlight, report } = yield* run(
        rows((isDeadly) => isDeadly ? { tools: tool({ type: "object", properties: { a: { type: "string" } } }) } : {})
      )
      assert.isAtMost(deaths, KILLERS + CONCURRENCY)
      assert.deepStrictEqual([report.rows.done, report.rows.failed, inFlight], [OTHERS, KILLERS, 0])
      const [told] = failed.toReversed()
      assert.match(told?.message ?? "", /with the tools walk\) is not sent: \d with the same tools/)
    }))
})
