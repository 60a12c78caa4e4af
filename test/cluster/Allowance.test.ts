import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { Allowance, Database, Watch, Worker } from "../../src/cluster/index.ts"
import { type Generation, InferenceEndpointsLLM, InferenceError } from "../../src/index.ts"
import { model, place, services, split } from "./Job.ts"

const Shared = Allowance.layer.pipe(Layer.provideMerge(Database.layerSqlite(":memory:")))

describe("a budget", () => {
  it.live("is never overdrawn by many at once, and what is given back can be spent", () =>
    Effect.gen(function*() {
      const allowance = yield* Allowance.Allowance
      yield* allowance.allow("j", "tokens", 1000)
      const reserved = yield* Effect.all(
        Array.from({ length: 200 }, () => allowance.reserve("j", "tokens", 7)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(reserved.filter((isReserved) => isReserved).length, 142)
      yield* allowance.giveBack("j", "tokens", 7)
      assert.isTrue(yield* allowance.reserve("j", "tokens", 7))
      assert.isFalse(yield* allowance.reserve("j", "tokens", 7))
    }).pipe(Effect.provide(Shared)))

  it.live("of the whole job ends its workers; nothing is sent beyond it, and no row fails by it", () =>
    Effect.gen(function*() {
      const made = yield* place
      let sent = 0
      const counting = model(() =>
        Effect.sync(() => {
          sent++
        })
      )
      yield* Effect.gen(function*() {
        yield* split(made, 40)
        const batch = { concurrency: 2, options: { maxNewTokens: 10 } }
        // a prompt of some 55 bytes and 10 new tokens; the script uses none that are told
        const summary = yield* Effect.scoped(Worker.run({ job: "j", worker: "a", batch, shared: { tokens: 100 } }))
        assert.strictEqual(summary.ending, "stopped")
        assert.include(summary.why ?? "", "budget of 100 tokens")
        assert.isBelow(sent, 40)
        assert.strictEqual((yield* Watch.status("j")).rows.failed, 0)
        const sql = yield* SqlClient.SqlClient
        const [row] = yield* sql<{ spent: number }>`SELECT spent FROM batch_budget`
        assert.isAtMost(row?.spent ?? Infinity, 100)
      }).pipe(Effect.provide(Layer.mergeAll(services(made.sqlite, made.folder), counting)))
    }).pipe(Effect.scoped))
})

/** A model that counts what is sent, and whose server tells statistics. */
const telling = (sent: { count: number }, told: Partial<Generation.Statistics>) =>
  Layer.effect(
    InferenceEndpointsLLM.InferenceEndpointsLLM,
    Effect.map(InferenceEndpointsLLM.InferenceEndpointsLLM, (llm) => ({
      ...llm,
      generate: (...call: Parameters<typeof llm.generate>) =>
        Effect.map(llm.generate(...call), (generated) => ({
          ...generated,
          generations: generated.generations.map((one) => ({ ...one, statistics: { ...one.statistics, ...told } }))
        }))
    }))
  ).pipe(Layer.provide(model(() => Effect.sync(() => void sent.count++))))

describe("a budget of dollars", () => {
  const price = { inputPerMillion: 1_000, outputPerMillion: 10_000 }
  const batch = { concurrency: 2, options: { maxNewTokens: 10 }, price }

  it.live("is one for all workers: reserved before a request, and never passed", () =>
    Effect.gen(function*() {
      const made = yield* place
      const sent = { count: 0 }
      // a prompt of some 55 bytes and 10 new tokens: 15 cents at most, and 14 as the server tells them
      const costly = telling(sent, { inputTokens: 40, outputTokens: 10 })
      yield* Effect.gen(function*() {
        yield* split(made, 80)
        const shared = { dollars: 1 }
        const summaries = yield* Effect.all(
          ["a", "b"].map((worker) => Effect.scoped(Worker.run({ job: "j", worker, batch, shared }))),
          { concurrency: 2 }
        )
        assert.includeMembers(summaries.map(({ why }) => why ?? ""), ["the job's budget of $1 is spent"])
        assert.isAtLeast(sent.count, 3)
        assert.isAtMost(sent.count, 7)
        const sql = yield* SqlClient.SqlClient
        const [row] = yield* sql<{ spent: number }>`SELECT spent FROM batch_budget WHERE unit = 'dollars'`
        assert.isAtMost(row?.spent ?? Infinity, 1)
        assert.strictEqual((yield* Watch.status("j")).rows.failed, 0)
      }).pipe(Effect.provide(Layer.mergeAll(services(made.sqlite, made.folder), costly)))
    }).pipe(Effect.scoped))

  it.live("counts what a server says a response cost, also where that is more than its price", () =>
    Effect.gen(function*() {
      const made = yield* place
      const sent = { count: 0 }
      yield* Effect.gen(function*() {
        yield* split(made, 20)
        const options = { job: "j", batch: { ...batch, concurrency: 1 } }
        yield* Effect.scoped(Worker.run({ ...options, worker: "a", shared: { dollars: 2 } }))
        // each costs a dollar: no third one is sent
        assert.isAtMost(sent.count, 3)
        const sql = yield* SqlClient.SqlClient
        const [row] = yield* sql<{ spent: number }>`SELECT spent FROM batch_budget WHERE unit = 'dollars'`
        assert.approximately(row?.spent ?? 0, sent.count, 1e-6)
      }).pipe(Effect.provide(Layer.mergeAll(services(made.sqlite, made.folder), telling(sent, { cost: 1 }))))
    }).pipe(Effect.scoped))

  it.live("needs the price of tokens", () =>
    Effect.gen(function*() {
      const made = yield* place
      yield* Effect.gen(function*() {
        yield* split(made, 20)
        const error = yield* Effect.flip(
          Effect.scoped(Worker.run({ job: "j", worker: "a", shared: { dollars: 1 } }))
        )
        assert.include(error.message, "inputPerMillion")
      }).pipe(Effect.provide(Layer.mergeAll(services(made.sqlite, made.folder), model(() => Effect.void))))
    }).pipe(Effect.scoped))
})

/** Ten a second, after a burst of ten, and a block of ten that each of three workers holds. */
const most = (seconds: number): number => 10 * seconds + 10 + 3 * 10

describe("workers of one job", () => {
  it.live("share a rate: together they send no more than it allows", () =>
    Effect.gen(function*() {
      const made = yield* place
      const times: Array<number> = []
      const timed = model(() => Effect.sync(() => void times.push(performance.now())))
      yield* Effect.gen(function*() {
        yield* split(made, 60)
        const batch = { concurrency: 4 }
        const shared = { requestsPerMinute: 600 }
        yield* Effect.all(
          ["a", "b", "c"].map((worker) => Effect.scoped(Worker.run({ job: "j", worker, batch, shared }))),
          { concurrency: 3 }
        )
        assert.lengthOf(times, 60)
        for (const [at, time] of times.entries()) {
          assert.isAtMost(at + 1, most((time - (times[0] ?? 0)) / 1000) + 1)
        }
        assert.isAbove((times.at(-1) ?? 0) - (times[0] ?? 0), 1_500)
      }).pipe(Effect.provide(Layer.mergeAll(services(made.sqlite, made.folder), timed)))
    }).pipe(Effect.scoped))

  it.live(
    "share a pause: after the server has asked one of them to wait, none of them sends",
    () =>
      Effect.gen(function*() {
        const made = yield* place
        const times: Array<number> = []
        let pausedAt = 0
        const busy = model(() =>
          Effect.suspend(() => {
            times.push(performance.now())
            if (times.length !== 9) return Effect.sleep(15)
            pausedAt = performance.now()
            return Effect.fail(
              new InferenceError.InferenceError({
                reason: new InferenceError.RateLimited({ retryAfter: Duration.seconds(2) })
              })
            )
          })
        )
        yield* Effect.gen(function*() {
          yield* split(made, 120)
          const batch = { concurrency: 2 }
          yield* Effect.all(
            ["a", "b"].map((worker) => Effect.scoped(Worker.run({ job: "j", worker, batch }))),
            { concurrency: 2 }
          )
          // each reads the pause with its next look, every 100 ms
          const during = times.filter((time) => time > pausedAt + 700 && time < pausedAt + 1_900)
          assert.deepStrictEqual(during, [])
          assert.isAbove(times.length, 120)
        }).pipe(Effect.provide(Layer.mergeAll(services(made.sqlite, made.folder), busy)))
      }).pipe(Effect.scoped),
    { timeout: 60_000 }
  )

  it.live("wake the endpoint once, by the one that was elected", () =>
    Effect.gen(function*() {
      const made = yield* place
      let wakes = 0
      let isAwake = false
      let early = 0
      const sleeping = Layer.effect(
        InferenceEndpointsLLM.InferenceEndpointsLLM,
        Effect.map(InferenceEndpointsLLM.InferenceEndpointsLLM, (llm) => ({
          ...llm,
          ready: Effect.suspend(() => {
            wakes++
            return Effect.andThen(Effect.sleep(500), Effect.sync(() => void (isAwake = true)))
          })
        }))
      ).pipe(Layer.provide(model(() => Effect.sync(() => void (early += isAwake ? 0 : 1)))))
      yield* Effect.gen(function*() {
        yield* split(made, 120)
        const summaries = yield* Effect.all(
          ["a", "b", "c", "d"].map((worker) => Effect.scoped(Worker.run({ job: "j", worker }))),
          { concurrency: 4 }
        )
        assert.strictEqual(summaries.reduce((sum, { shards }) => sum + shards, 0), 6)
        assert.strictEqual(wakes, 1)
        assert.strictEqual(early, 0)
      }).pipe(Effect.provide(Layer.mergeAll(services(made.sqlite, made.folder), sleeping)))
    }).pipe(Effect.scoped))
})

describe("a rate", () => {
  it.live("is one for all that book: each waits for those before it", () =>
    Effect.gen(function*() {
      const { book } = yield* Allowance.Allowance
      const waits = yield* Effect.all(Array.from({ length: 5 }, () => book("k", 10, 10, 10)))
      assert.deepStrictEqual(waits.map((wait) => Math.round(Duration.toSeconds(wait))), [0, 1, 2, 3, 4])
    }).pipe(Effect.provide(Shared)))
})

describe("a pause", () => {
  it.live("holds for all workers, and a shorter one does not end it", () =>
    Effect.gen(function*() {
      const { pause, paused } = yield* Allowance.Allowance
      assert.strictEqual(Duration.toMillis(yield* paused("k")), 0)
      yield* pause("k", Duration.seconds(60))
      yield* pause("k", Duration.seconds(5))
      assert.isAbove(Duration.toSeconds(yield* paused("k")), 50)
    }).pipe(Effect.provide(Shared)))
})

describe("waking the endpoint", () => {
  it.live("is done by one of forty, and the others wait for it", () =>
    Effect.gen(function*() {
      const { wake } = yield* Allowance.Allowance
      let wakes = 0
      let isAwake = false
      const effect = Effect.andThen(
        Effect.sync(() => {
          wakes++
        }),
        Effect.delay(
          Effect.sync(() => {
            isAwake = true
          }),
          200
        )
      )
      const seen = yield* Effect.all(
        Array.from({ length: 40 }, (_, worker) => Effect.map(wake("k", `w${worker}`, effect), () => isAwake)),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(wakes, 1)
      assert.isTrue(seen.every((awake) => awake))
    }).pipe(Effect.provide(Shared)))

  it.live("falls to another when the one that was elected fails", () =>
    Effect.gen(function*() {
      const { wake } = yield* Allowance.Allowance
      const tried: Array<string> = []
      const by = (worker: string, effect: Effect.Effect<void, string>) =>
        wake("k", worker, Effect.andThen(Effect.sync(() => tried.push(worker)), effect))
      const [first] = yield* Effect.all([
        Effect.exit(by("a", Effect.delay(Effect.fail("no"), 100))),
        Effect.delay(by("b", Effect.void), 20)
      ], { concurrency: 2 })
      assert.strictEqual(first._tag, "Failure")
      assert.deepStrictEqual(tried, ["a", "b"])
    }).pipe(Effect.provide(Shared)))
})
