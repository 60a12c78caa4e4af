import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { Allowance, Database, Watch, Worker } from "../../src/cluster/index.ts"
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
