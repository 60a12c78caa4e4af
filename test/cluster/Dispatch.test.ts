import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { SqlClient, SqlError } from "effect/sql"
import { TestClock } from "effect/testing"
import { Database, Dispatch, ShardTable, SqliteClient } from "../../src/cluster/index.ts"

const away = new SqlError.SqlError({ reason: new SqlError.ConnectionError({ cause: new Error("Connection closed") }) })

describe("a database that restarts while shards are offered", () => {
  it.effect("is waited for, and each shard is in the queue once", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      let goes = 0
      const restarting: SqlClient.SqlClient = new Proxy(sql, {
        apply: (target, self, args) => {
          const [text] = args
          const isOffer = Array.isArray(text) && text.join("").includes("INSERT") && goes > 0
          if (!isOffer) return Reflect.apply(target, self, args)
          goes--
          return Effect.fail(away)
        },
        get: (target, key) => key === "withoutTransforms" ? () => restarting : Reflect.get(target, key)
      })
      const services = yield* Layer.build(
        Layer.mergeAll(ShardTable.layer, Dispatch.layer()).pipe(
          Layer.provideMerge(Database.layer()),
          Layer.provide(Layer.succeed(SqlClient.SqlClient, restarting))
        )
      )
      yield* Effect.gen(function*() {
        const table = yield* ShardTable.ShardTable
        const dispatch = yield* Dispatch.Dispatch
        yield* table.create({ job: "j", source: "a" }, [{ shard: 0, firstRow: 0, rows: 20 }])
        goes = 3
        const fiber = yield* Effect.forkChild(dispatch.offer("j"))
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual([yield* Fiber.join(fiber), goes], [1, 0])
        assert.strictEqual(yield* dispatch.offer("j"), 0)
        assert.strictEqual(yield* dispatch.open("j"), 1)
      }).pipe(Effect.provide(services))
    }).pipe(Effect.scoped, Effect.provide(SqliteClient.layer(":memory:"))))
})
