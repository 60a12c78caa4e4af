import { PgClient } from "@effect/sql-pg"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Layer, Redacted, Scope } from "effect"
import { SqlClient } from "effect/sql"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Allowance, Database, Worker } from "../../src/cluster/index.ts"
import { SimulatorServer } from "../../src/node/index.ts"
import { run } from "../cli/Command.ts"
import { allRows, collected as collectedHere, model, place, services, split } from "./Job.ts"
import * as Postgres from "./Postgres.ts"
import { asked, collected, CONCURRENCY, said, world } from "./Processes.ts"

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
      // the one that begins has to have it; the one that runs may be between two looks
      yield* said(late, /the database is away/)
      yield* server.start
      const ended = yield* worker.ended
      assert.strictEqual(ended.code, 0, ended.stderr)
      const second = yield* late.ended
      assert.strictEqual(second.code, 0, second.stderr)
      for (const text of [ended.stderr, second.stderr]) {
        assert.notMatch(text, /^\s+at /m)
        assert.isAtMost(text.match(/the database is away/g)?.length ?? 0, 1, text)
      }
      const { lines, wanted } = yield* collected(made, 4)
      assert.deepStrictEqual(lines, wanted)
    }).pipe(Effect.scoped, Effect.provide(simulated())), LONG)
})

describe("a shard on PostgreSQL that always fails", () => {
  it.live("is a dead letter in what is watched, and is done once it is offered again", () =>
    Effect.gen(function*() {
      const made = yield* world(yield* server.database("dead"), 3, "--attempts", "1")
      const broken = join(made.place.folder, "shards", "000001.jsonl")
      const text = readFileSync(broken, "utf8")
      writeFileSync(broken, "not JSON\n")
      const first = yield* Effect.flatMap(made.worker("a"), ({ ended }) => ended)
      assert.strictEqual(first.code, 1, first.stderr)
      const watched = yield* made.watch
      assert.deepStrictEqual(watched.shards, { total: 3, done: 2, running: 0, queued: 0, dead: 1 })
      assert.match(watched.deadLetters[0]?.failure ?? "", /JSON/)
      writeFileSync(broken, text)
      const again = yield* run(["batch", "job", "retry", ...made.job])
      assert.include(again.stdout, "1 dead shards queued again")
      const second = yield* Effect.flatMap(made.worker("b"), ({ ended }) => ended)
      assert.strictEqual(second.code, 0, second.stderr)
      const { lines, wanted } = yield* collected(made, 3)
      assert.deepStrictEqual(lines, wanted)
    }).pipe(Effect.scoped, Effect.provide(simulated())), LONG)
})

describe("what workers share on PostgreSQL", () => {
  it.live(
    "holds as on SQLite: a budget is not overdrawn, one wakes for forty, a pause and a rate are for all",
    () =>
      Effect.gen(function*() {
        const layer = Allowance.layer.pipe(
          Layer.provide(Database.layerPostgres(Redacted.make(yield* server.database("shared"))))
        )
        yield* Effect.gen(function*() {
          const allowance = yield* Allowance.Allowance
          yield* allowance.allow("j", "tokens", 1000)
          const reserved = yield* Effect.all(
            Array.from({ length: 200 }, () => allowance.reserve("j", "tokens", 7)),
            { concurrency: "unbounded" }
          )
          assert.strictEqual(reserved.filter((isReserved) => isReserved).length, 142)
          let wakes = 0
          const wake = Effect.delay(
            Effect.sync(() => {
              wakes++
            }),
            100
          )
          yield* Effect.all(
            Array.from({ length: 40 }, (_, worker) => allowance.wake("k", `w${worker}`, wake)),
            { concurrency: "unbounded" }
          )
          assert.strictEqual(wakes, 1)
          yield* allowance.pause("k", Duration.seconds(60))
          yield* allowance.pause("k", Duration.seconds(5))
          assert.isAbove(Duration.toSeconds(yield* allowance.paused("k")), 50)
          const waits = yield* Effect.all(Array.from({ length: 3 }, () => allowance.book("r", 10, 10, 10)))
          assert.deepStrictEqual(waits.map((wait) => Math.round(Duration.toSeconds(wait))), [0, 1, 2])
        }).pipe(Effect.provide(layer))
      }),
    LONG
  )
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
