import { PgClient } from "@effect/sql-pg"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Deferred, Duration, Effect, Exit, Fiber, Layer, Redacted, Scope } from "effect"
import { SqlClient } from "effect/sql"
import { spawn } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Allowance, Database, Dispatch, ShardTable, Worker } from "../../src/cluster/index.ts"
import { SimulatorServer } from "../../src/node/index.ts"
import { run } from "../cli/Command.ts"
import { allRows, collected as collectedHere, model, place, services, split } from "./Job.ts"
import * as Postgres from "./Postgres.ts"
import { asked, blockedWorker, collected, CONCURRENCY, said, world } from "./Processes.ts"

const SHARDS = 8
/** Of a shard. */
const ROWS = 20
const scope = Effect.runSync(Scope.make())
let server: Postgres.Server

beforeAll(async () => {
  server = await Effect.runPromise(Scope.provide(Postgres.server, scope))
}, 60_000)
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)), 60_000)

const simulated = () => SimulatorServer.layer({ latency: { headers: "30 millis" } })
const LONG = { timeout: 120_000 }

/** How often a shard was claimed: more often than there are shards where workers died, or were too slow for their lease. */
const claims = (url: string) =>
  Effect.flatMap(
    SqlClient.SqlClient,
    (sql) => sql<{ readonly claims: number }>`SELECT sum(epoch)::int AS claims FROM batch_shard`
  ).pipe(
    Effect.map(([row]) => row?.claims ?? 0),
    Effect.provide(Database.layerPostgres(Redacted.make(url)))
  )

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
      // its shard goes back, unless it was handed in at that very moment
      assert.match(terminated.stderr, /given back|SIGTERM/)
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
      // whoever claims a shard after another worker requests again what was in flight there; on a loaded machine a shard may
      // also be delivered to two workers before one of them notices. `Mutants` holds that a loser asks before it sends
      const lost = (yield* claims(made.database)) - SHARDS
      assert.isAtLeast(lost, 2)
      assert.isAtMost((yield* made.requests) - SHARDS * ROWS, lost * CONCURRENCY + ROWS)
    }).pipe(Effect.scoped, Effect.provide(simulated())), LONG)

  it.live("wait for a database that restarts, in one line and without a stack trace", () =>
    Effect.gen(function*() {
      const made = yield* world(yield* server.database("restart"), 4)
      const worker = yield* made.worker("a")
      yield* asked(made, 10)
      yield* server.stop
      const late = yield* made.worker("late")
      // the one that begins has to have it; the one that runs may be between two looks
      yield* said(late, /the database cannot be reached/)
      yield* server.start
      const ended = yield* worker.ended
      assert.strictEqual(ended.code, 0, ended.stderr)
      const second = yield* late.ended
      assert.strictEqual(second.code, 0, second.stderr)
      for (const text of [ended.stderr, second.stderr]) {
        assert.notMatch(text, /^\s+at /m)
        assert.isAtMost(text.match(/the database cannot be reached/g)?.length ?? 0, 1, text)
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

const taking = (taken: (shard: number) => Effect.Effect<void>) =>
  Dispatch.Dispatch.use((dispatch) => dispatch.take("j", taken))

describe("a session of PostgreSQL", () => {
  it.live("is in UTC whatever the server's zone is, so that workers of two zones see the same leases", () =>
    Effect.gen(function*() {
      const url = yield* server.database("zones")
      const zone = Effect.flatMap(SqlClient.SqlClient, (sql) => sql`SELECT current_setting('TimeZone') AS zone`)
      const berlin = Database.layerPostgres(Redacted.make(url), { startupParameters: { timezone: "Europe/Berlin" } })
      assert.deepStrictEqual(yield* Effect.provide(zone, berlin), [{ zone: "UTC" }])
    }))

  it.live(
    "of two zones: a lease that one holds is not the other's, and what one offers the other sees at once",
    () =>
      Effect.gen(function*() {
        const url = Redacted.make(yield* server.database("leases"))
        const at = (timezone: string) =>
          Layer.mergeAll(ShardTable.layer, Dispatch.layer({ lease: "30 seconds", poll: "100 millis" })).pipe(
            Layer.provideMerge(Database.layerPostgres(url, { startupParameters: { timezone } }))
          )
        const berlin = yield* Layer.build(at("Europe/Berlin"))
        const newYork = yield* Layer.build(at("America/New_York"))
        yield* Effect.provide(
          ShardTable.ShardTable.use((table) =>
            table.create({ job: "j", source: "s" }, [{ shard: 0, firstRow: 0, rows: 1 }])
          ),
          berlin
        )
        for (const [owner, other] of [[berlin, newYork], [newYork, berlin]] as const) {
          const holds = yield* Deferred.make<void>()
          const letGo = yield* Deferred.make<void>()
          const order: Array<string> = []
          // the other one waits before there is anything, and sees it though it did not offer it
          const theirs = yield* Effect.forkChild(
            taking(() => Effect.sync(() => void order.push("other"))).pipe(Effect.provide(other))
          )
          yield* Effect.provide(Dispatch.Dispatch.use((dispatch) => dispatch.offer("j")), owner)
          yield* Fiber.join(theirs)
          assert.deepStrictEqual(order, ["other"])
          // its handler came to an end and the shard did not: it is offered again, and this time the owner holds it
          const mine = yield* Effect.forkChild(
            taking(() =>
              Effect.andThen(Deferred.succeed(holds, undefined), Deferred.await(letGo)).pipe(
                Effect.andThen(Effect.sync(() => void order.push("owner")))
              )
            ).pipe(Effect.provide(owner))
          )
          yield* Effect.provide(Dispatch.Dispatch.use((dispatch) => dispatch.offer("j")), owner)
          yield* Deferred.await(holds)
          const stealing = yield* Effect.forkChild(
            taking(() => Effect.sync(() => void order.push("stolen"))).pipe(Effect.provide(other))
          )
          // ten looks of the other one
          yield* Effect.sleep("1 second")
          yield* Deferred.succeed(letGo, undefined)
          yield* Fiber.join(mine)
          yield* Fiber.interrupt(stealing)
          assert.deepStrictEqual(order, ["other", "owner"])
        }
      }).pipe(Effect.scoped),
    LONG
  )

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
  it.live(
    "loses its shard to another, learns it with its next heartbeat, and hands nothing in",
    () =>
      Effect.gen(function*() {
        const made = yield* place
        const database = yield* server.database("blocked")
        const layer = services(database, made.folder)
        yield* Effect.gen(function*() {
          yield* split(made, 20)
          const blocked = yield* blockedWorker(database, made.folder)
          yield* blocked.begins
          const mine = yield* Effect.scoped(Worker.run({ job: "j", worker: "b" }))
          const { events } = yield* blocked.ended
          assert.deepStrictEqual(events, ["Claimed 1", "blocked", "Lost Fenced", "shards 0"])
          assert.strictEqual(mine.shards, 1)
          const sql = yield* SqlClient.SqlClient
          assert.deepStrictEqual(yield* sql`SELECT epoch, state, worker FROM batch_shard`, [
            { epoch: 2, state: "done", worker: "b" }
          ])
          assert.deepStrictEqual((yield* collectedHere(made)).lines, allRows(20))
        }).pipe(Effect.provide(Layer.mergeAll(layer, model(() => Effect.void))))
      }).pipe(Effect.scoped),
    LONG
  )
})

describe("the PostgreSQL of a test", () => {
  it.live("dies with its test, also when that is killed", () =>
    Effect.gen(function*() {
      const script = new URL("./PostgresAlone.ts", import.meta.url).pathname
      const child = yield* Effect.acquireRelease(
        Effect.sync(() => spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] })),
        (child) => Effect.sync(() => void child.kill("SIGKILL"))
      )
      const pid = yield* Effect.callback<number>((resume) => {
        child.stdout.on("data", (text) => resume(Effect.succeed(Number(String(text)))))
      })
      const isAlive = () => {
        try {
          process.kill(pid, 0)
          return true
        } catch {
          return false
        }
      }
      assert.isTrue(isAlive())
      child.kill("SIGKILL")
      yield* Effect.repeat(Effect.sleep("50 millis"), { until: () => !isAlive() })
    }).pipe(Effect.scoped), LONG)
})
