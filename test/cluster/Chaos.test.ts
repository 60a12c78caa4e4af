import { PgClient } from "@effect/sql-pg"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Exit, Layer, Redacted, Scope } from "effect"
import { SqlClient } from "effect/sql"
import { Database, Worker } from "../../src/cluster/index.ts"
import { SimulatorServer } from "../../src/node/index.ts"
import { allRows, collected as collectedHere, model, place, services, split } from "./Job.ts"
import * as Postgres from "./Postgres.ts"
import { asked, collected, CONCURRENCY, world } from "./Processes.ts"

const SHARDS = 8
const scope = Effect.runSync(Scope.make())
let server: Postgres.Server

beforeAll(async () => {
  server = await Effect.runPromise(Scope.provide(Postgres.server, scope))
}, 60_000)
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)), 60_000)

const simulated = () => SimulatorServer.layer({ latency: { headers: "30 millis" } })
const LONG = { timeout: 120_000 }

describe("three workers on PostgreSQL", () => {
  it.live("killed, stopped past the lease and terminated lose no row and double none", () =>
    Effect.gen(function*() {
      const made = yield* world(yield* server.database("chaos"), SHARDS)
      const [a, b, c] = [yield* made.worker("a"), yield* made.worker("b"), yield* made.worker("c")]
      yield* asked(made, 30)
      a.child.kill("SIGKILL")
      b.child.kill("SIGSTOP")
      c.child.kill("SIGTERM")
      const terminated = yield* c.ended
      assert.strictEqual(terminated.code, 143, terminated.stderr)
      assert.include(terminated.stderr, "given back")
      const last = yield* made.worker("d")
      yield* Effect.sleep("4500 millis")
      b.child.kill("SIGCONT")
      const ended = yield* last.ended
      assert.strictEqual(ended.code, 0, ended.stderr)
      const other = yield* b.ended
      assert.strictEqual(other.code, 0, other.stderr)
      const { ended: gathered, lines, wanted } = yield* collected(made, SHARDS)
      assert.strictEqual(gathered.code, 0, gathered.stderr)
      assert.deepStrictEqual(lines, wanted)
      const watched = yield* made.watch
      assert.strictEqual(watched.shards.done, SHARDS)
      // a killed worker repeats what was in flight; a stopped one that too, and nothing more since it asks before it sends
      assert.isAtMost((yield* made.requests) - SHARDS * 20, 3 * CONCURRENCY)
    }).pipe(Effect.scoped, Effect.provide(simulated())), LONG)

  it.live("wait for a database that restarts, in one line and without a stack trace", () =>
    Effect.gen(function*() {
      const made = yield* world(yield* server.database("restart"), 4)
      const worker = yield* made.worker("a")
      yield* asked(made, 10)
      yield* server.stop
      const late = yield* made.worker("late")
      yield* Effect.sleep("2 seconds")
      yield* server.start
      const ended = yield* worker.ended
      assert.strictEqual(ended.code, 0, ended.stderr)
      const second = yield* late.ended
      assert.strictEqual(second.code, 0, second.stderr)
      for (const text of [ended.stderr, second.stderr]) {
        assert.notMatch(text, /^\s+at /m)
        assert.strictEqual(text.match(/the database is away/g)?.length, 1, text)
      }
      const { lines, wanted } = yield* collected(made, 4)
      assert.deepStrictEqual(lines, wanted)
    }).pipe(Effect.scoped, Effect.provide(simulated())), LONG)
})

describe("a session of PostgreSQL", () => {
  it.live("is in UTC whatever the server's zone is, so that workers of two zones see the same leases", () =>
    Effect.gen(function*() {
      const url = yield* server.database("zones")
      const zone = Effect.flatMap(SqlClient.SqlClient, (sql) => sql`SELECT current_setting('TimeZone') AS zone`)
      const berlin = Database.layerPostgres(Redacted.make(url), { startupParameters: { timezone: "Europe/Berlin" } })
      assert.deepStrictEqual(yield* Effect.provide(zone, berlin), [{ zone: "UTC" }])
    }))

  it.live("in another zone is refused", () =>
    Effect.gen(function*() {
      const url = yield* server.database("berlin")
      const client = PgClient.layer({ url: Redacted.make(url), startupParameters: { timezone: "Europe/Berlin" } })
      const error = yield* Effect.flip(Effect.scoped(Layer.build(Database.layer().pipe(Layer.provide(client)))))
      assert.strictEqual(error._tag, "ClusterError")
      assert.include(error.message, "Europe/Berlin")
    }))
})

describe("a worker whose event loop is blocked beyond the lease", () => {
  it.live("is fenced: it hands nothing in, and its shard is done by another", () =>
    Effect.gen(function*() {
      const made = yield* place
      const layer = services(yield* server.database("blocked"), made.folder)
      const lost: Array<string> = []
      let blocked = false
      const blocking = model(() =>
        Effect.sync(() => {
          if (blocked) return
          blocked = true
          const until = performance.now() + 4500
          while (performance.now() < until) { /* the loop is blocked */ }
        })
      )
      yield* Effect.gen(function*() {
        yield* split(made, 20)
        const sql = yield* SqlClient.SqlClient
        // what another worker does while this one's loop is blocked, as its first statement afterwards would see it
        const steal = sql`UPDATE batch_shard SET epoch = epoch + 1, worker = 'thief' WHERE job = 'j' AND epoch = 1`
        yield* Effect.scoped(Worker.run({
          job: "j",
          worker: "a",
          onEvent: (event) =>
            event._tag === "Lost"
              ? Effect.sync(() => lost.push(event.error.reason._tag))
              : event._tag === "Claimed"
              ? Effect.ignore(steal)
              : Effect.void
        }))
        assert.deepStrictEqual(lost, ["Fenced"])
        const rows = yield* sql`SELECT epoch, state FROM batch_shard`
        assert.deepStrictEqual(rows, [{ epoch: 3, state: "done" }])
        assert.deepStrictEqual((yield* collectedHere(made)).lines, allRows(20))
      }).pipe(Effect.provide(Layer.mergeAll(layer, blocking)))
    }).pipe(Effect.scoped), LONG)
})
