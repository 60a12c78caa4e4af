import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Layer } from "effect"
import { SqlClient, SqlError } from "effect/sql"
import { TestClock } from "effect/testing"
import { Database, ShardTable, SqliteClient } from "../../src/cluster/index.ts"
import * as Tables from "../../src/cluster/Tables.ts"

const Table = ShardTable.layer.pipe(Layer.provideMerge(Database.layerSqlite(":memory:")))

const counts = { done: 20, failed: 0, inputTokens: 100, outputTokens: 50, dollars: 0.25 }

const ranges = (shards: number) =>
  Array.from({ length: shards }, (_, shard) => ({ shard, firstRow: shard * 20, rows: 20 }))

/** A table with a job. */
const jobOf = Effect.fnUntraced(function*(shards: number) {
  const table = yield* ShardTable.ShardTable
  yield* table.create({ job: "j", source: "a" }, ranges(shards))
  return table
})

const claimed = Effect.fnUntraced(function*(worker: string) {
  const { claim } = yield* ShardTable.ShardTable
  return (yield* claim("j", 0, worker)) ?? (yield* Effect.die("the shard is done"))
})

describe("a claim", () => {
  it.effect("knows its place in the input and raises the epoch each time", () =>
    Effect.gen(function*() {
      const table = yield* jobOf(3)
      assert.deepStrictEqual(yield* table.claim("j", 2, "a"), {
        job: "j",
        shard: 2,
        epoch: 1,
        firstRow: 40,
        rows: 20,
        counted: 0
      })
      assert.strictEqual((yield* table.claim("j", 2, "b"))?.epoch, 2)
    }).pipe(Effect.provide(Table)))

  it.effect("fences whoever held the shard before: neither heartbeat nor hand-in nor giving back changes anything", () =>
    Effect.gen(function*() {
      const table = yield* jobOf(1)
      const old = yield* claimed("a")
      const held = yield* claimed("b")
      const refused = [
        yield* Effect.flip(table.beat(old)),
        yield* Effect.flip(table.beat(old, counts)),
        yield* Effect.flip(table.handIn(old, counts, "of a"))
      ]
      yield* table.giveBack(old)
      assert.deepStrictEqual(refused.map(({ reason }) => reason._tag), ["Fenced", "Fenced", "Fenced"])
      yield* table.beat(held, counts)
      yield* table.handIn(held, counts, "of b")
      assert.deepStrictEqual((yield* table.done("j", -1)).map(({ epoch, results }) => ({ epoch, results })), [
        { epoch: 2, results: "of b" }
      ])
    }).pipe(Effect.provide(Table)))

  it.effect("is refused once the shard is handed in, and the hand-in cannot be repeated", () =>
    Effect.gen(function*() {
      const table = yield* jobOf(1)
      const held = yield* claimed("a")
      yield* table.handIn(held, counts, "first")
      assert.isUndefined(yield* table.claim("j", 0, "b"))
      assert.strictEqual((yield* Effect.flip(table.handIn(held, counts, "second"))).reason._tag, "Fenced")
      assert.deepStrictEqual((yield* table.done("j", -1)).map(({ results }) => results), ["first"])
    }).pipe(Effect.provide(Table)))

  it.effect("that is given back can be taken again, under the next epoch", () =>
    Effect.gen(function*() {
      const table = yield* jobOf(1)
      const held = yield* claimed("a")
      yield* table.giveBack(held)
      assert.strictEqual((yield* Effect.flip(table.beat(held))).reason._tag, "Fenced")
      assert.strictEqual((yield* claimed("b")).epoch, 2)
    }).pipe(Effect.provide(Table)))
})

describe("a job", () => {
  it.effect("is added once: the same again changes nothing, another input under its name is refused", () =>
    Effect.gen(function*() {
      const table = yield* jobOf(1200)
      yield* table.setState("j", "paused")
      yield* jobOf(1200)
      assert.deepStrictEqual(yield* table.job("j"), {
        job: "j",
        state: "paused",
        source: "a",
        configuration: null,
        shards: 1200,
        rows: 24000
      })
      const error = yield* Effect.flip(table.create({ job: "j", source: "b" }, ranges(3)))
      assert.strictEqual(error.reason._tag, "JobChanged")
      assert.include(error.message, "it had 1200 shards and would now have 3")
    }).pipe(Effect.provide(Table)))

  it.effect("keeps the configuration of its first worker", () =>
    Effect.gen(function*() {
      const table = yield* jobOf(1)
      assert.strictEqual(yield* table.configure("j", "first"), "first")
      assert.strictEqual(yield* table.configure("j", "second"), "first")
    }).pipe(Effect.provide(Table)))

  it.effect("that is not there is refused by name, with the way on", () =>
    Effect.gen(function*() {
      const table = yield* ShardTable.ShardTable
      const error = yield* Effect.flip(table.job("nobody"))
      assert.strictEqual(error.reason._tag, "NoSuchJob")
      assert.include(error.message, "batch split")
    }).pipe(Effect.provide(Table)))
})

/** The tables as the first version of the package made them, with a job in them. */
const firstVersion = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* Tables.migrateTo(1)
  yield* sql`INSERT INTO batch_job (job, state, source, shards, rows, created) VALUES ('j', 'open', 'a', 1, 20, 0)`
  yield* sql`INSERT INTO batch_shard (job, shard, first_row, rows, epoch, offered, state, done, failed, input_tokens, output_tokens,
    dollars) VALUES ('j', 0, 0, 20, 3, 1, 'queued', 7, 1, 0, 0, 0)`
})

describe("the tables", () => {
  it.effect("of an older version are brought to this one, with the jobs that are in them", () =>
    Effect.gen(function*() {
      const client = yield* Layer.build(SqliteClient.layer(":memory:"))
      yield* Effect.provide(firstVersion, client)
      const layer = ShardTable.layer.pipe(
        Layer.provideMerge(Database.layer()),
        Layer.provideMerge(Layer.succeedContext(client))
      )
      yield* Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        const versions = yield* sql`SELECT migration_id AS version FROM batch_migrations ORDER BY migration_id`
        assert.deepStrictEqual(versions, Array.from({ length: Tables.VERSION }, (_, at) => ({ version: at + 1 })))
        assert.isAtLeast(Tables.VERSION, 2)
        const table = yield* ShardTable.ShardTable
        const claim = yield* table.claim("j", 0, "a")
        assert.deepStrictEqual(claim, { job: "j", shard: 0, epoch: 4, firstRow: 0, rows: 20, counted: 8 })
        if (claim !== undefined) yield* table.repeat(claim, 8)
        assert.deepStrictEqual(yield* sql`SELECT repeated FROM batch_shard`, [{ repeated: 8 }])
      }).pipe(Effect.provide(layer))
    }).pipe(Effect.scoped))

  it.effect("are made once the database is back, where it goes away in the middle", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      let goes = 3
      const away = new SqlError.SqlError({
        reason: new SqlError.ConnectionError({ cause: new Error("Connection closed") })
      })
      const restarting: typeof sql = Object.assign(sql.bind(undefined), sql, {
        withoutTransforms: () => restarting,
        withTransaction: <R, E, A>(body: Effect.Effect<A, E, R>) =>
          Effect.suspend(() =>
            // where the rollback fails too, both failures come as defects
            goes-- > 0 ? goes === 1 ? Effect.die(away) : Effect.fail(away) : sql.withTransaction(body)
          )
      })
      const fiber = yield* Effect.forkChild(
        Layer.build(Database.layer().pipe(Layer.provide(Layer.succeed(SqlClient.SqlClient, restarting))))
      )
      yield* TestClock.adjust("3 seconds")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(yield* sql`SELECT shard FROM batch_shard`, [])
    }).pipe(Effect.scoped, Effect.provide(SqliteClient.layer(":memory:"))))

  it.effect("of a newer version of the package are refused", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* sql`INSERT INTO batch_migrations (migration_id, name) VALUES (99, 'later')`
      const error = yield* Effect.flip(Layer.build(Database.layer()))
      assert.strictEqual(error.reason._tag, "UnsuitableDatabase")
      assert.include(error.message, "version 99")
    }).pipe(Effect.scoped, Effect.provide(Table)))
})
