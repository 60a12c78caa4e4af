/**
 * Jobs of many workers on a real PostgreSQL and the simulator.
 *
 * `node bench/Cluster.ts chaos 100 3`: 100 rounds, three at once, of 20 shards of 20 rows by three workers that are killed,
 * stopped beyond the lease, terminated and started again, and a database that restarts; ends with exit code 1 at the first
 * row that is lost or duplicated, or when more requests were repeated than were in flight at kills and stops.
 *
 * `node bench/Cluster.ts scale`: 10,000 shards queued; rows per second with 1, 2 and 4 workers, and what they cost the
 * database.
 */
import { Effect, Exit, Fiber, Redacted, Scope, Semaphore } from "effect"
import { SqlClient } from "effect/sql"
import { Database, Dispatch, ShardTable } from "../src/cluster/index.ts"
import { SimulatorServer } from "../src/node/index.ts"
import { place, services } from "../test/cluster/Job.ts"
import * as Postgres from "../test/cluster/Postgres.ts"
import { collected, CONCURRENCY, said, type World, world, worldOf } from "../test/cluster/Processes.ts"

const SHARDS = 20
const ROWS = SHARDS * 20
const WORKERS = 3

const simulated = SimulatorServer.layer({ latency: { headers: "40 millis" } })

const between = (low: number, high: number): number => low + Math.random() * (high - low)

interface Disturbances {
  kills: number
  stops: number
  terminations: number
  restarts: number
}

/** A worker that is started again until the job has no more shards; it is disturbed now and then. */
const disturbed = (made: World, name: string, until: () => boolean, seen: Disturbances): Effect.Effect<void> =>
  Effect.gen(function*() {
    const running = yield* made.worker(name)
    const disturb = Effect.gen(function*() {
      yield* Effect.sleep(between(100, 3000))
      if (until()) return
      const dice = Math.random()
      if (dice < 0.4) {
        seen.kills++
        running.child.kill("SIGKILL")
      } else if (dice < 0.7) {
        seen.terminations++
        running.child.kill("SIGTERM")
      } else {
        seen.stops++
        running.child.kill("SIGSTOP")
        yield* Effect.sleep(between(3500, 5000))
        running.child.kill("SIGCONT")
      }
    })
    // what has not begun has nothing to lose
    const disturbing = yield* Effect.forkChild(Effect.andThen(said(running, /taken/), Effect.forever(disturb)))
    const { code, stderr } = yield* running.ended
    yield* Fiber.interrupt(disturbing)
    if (code !== 0 && code !== 143 && code !== null) return yield* Effect.die(stderr)
    return code === 0
  }).pipe(
    Effect.scoped,
    Effect.flatMap((isDone) => isDone ? Effect.void : disturbed(made, name, until, seen))
  )

/** A database is not made while another round restarts the server. */
const one = Effect.runSync(Semaphore.make(1))

const round = Effect.fnUntraced(function*(server: Postgres.Server, number: number, seen: Disturbances) {
  const made = yield* world(yield* one.withPermit(server.database(`chaos${number}_${Date.now()}`)), SHARDS)
  const calmAt = performance.now() + 30_000
  const restarting = yield* Effect.forkChild(Effect.gen(function*() {
    if (number % 3 !== 0) return
    yield* Effect.sleep(between(2000, 6000))
    yield* one.withPermit(Effect.gen(function*() {
      seen.restarts++
      yield* server.stop
      yield* Effect.sleep(between(200, 1500))
      yield* server.start
    }))
  }))
  yield* Effect.all(
    Array.from({ length: WORKERS }, (_, index) => disturbed(made, `w${index}`, () => performance.now() > calmAt, seen)),
    { concurrency: "unbounded" }
  )
  yield* Fiber.join(restarting)
  const { ended, lines, wanted } = yield* collected(made, SHARDS)
  const isGood = ended.code === 0 && JSON.stringify(lines) === JSON.stringify(wanted)
  return { isGood, repeated: (yield* made.requests) - ROWS, stderr: ended.stderr }
}, Effect.scoped)

const chaos = Effect.fnUntraced(function*(server: Postgres.Server, rounds: number, atOnce: number) {
  const seen: Disturbances = { kills: 0, stops: 0, terminations: 0, restarts: 0 }
  let repeated = 0
  let done = 0
  yield* Effect.forEach(
    Array.from({ length: rounds }, (_, at) => at + 1),
    Effect.fnUntraced(function*(number: number) {
      const result = yield* Effect.provide(round(server, number, seen), simulated)
      repeated += result.repeated
      done++
      const interrupting = seen.kills + seen.stops
      console.log(
        `${done} rounds: ${
          result.isGood ? "every row once" : `BAD ${result.stderr}`
        }; so far ${seen.kills} kills, ${seen.stops} stops, ` +
          `${seen.terminations} terminations, ${seen.restarts} restarts of the database; ${repeated} requests repeated, ` +
          `${interrupting * CONCURRENCY} were in flight at kills and stops`
      )
      if (!result.isGood) return yield* Effect.die("a row was lost or duplicated")
      if (repeated > interrupting * CONCURRENCY) return yield* Effect.die("more was repeated than was in flight")
    }),
    { concurrency: atOnce, discard: true }
  )
})

const QUEUED = 10_000

const queueing = Effect.fnUntraced(function*(server: Postgres.Server) {
  const made = yield* place
  const database = yield* server.database(`queue_${Date.now()}`)
  yield* Effect.gen(function*() {
    const table = yield* ShardTable.ShardTable
    const dispatch = yield* Dispatch.Dispatch
    const ranges = Array.from({ length: QUEUED }, (_, shard) => ({ shard, firstRow: shard * 1000, rows: 1000 }))
    const start = performance.now()
    yield* table.create({ job: "j", source: "s" }, ranges)
    const created = performance.now()
    yield* dispatch.offer("j")
    const offered = performance.now()
    for (let shard = 0; shard < 500; shard++) yield* dispatch.take("j", (taken) => table.claim("j", taken, "w"))
    const taken = performance.now()
    console.log(
      `${QUEUED} shards: table ${Math.round(created - start)} ms, queue ${Math.round(offered - created)} ms, ` +
        `take and claim ${((taken - offered) / 500).toFixed(2)} ms each`
    )
  }).pipe(Effect.provide(services(database, made.folder)))
}, Effect.scoped)

/** What a database has done so far: transactions, and the milliseconds that statements took. */
const work = (database: string) =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    // counts of a session reach the view when it ends, or after a second
    yield* Effect.sleep("1500 millis")
    const [found] = yield* sql<{ commits: number; millis: number }>`SELECT xact_commit::float8 AS commits,
      active_time::float8 AS millis FROM pg_stat_database WHERE datname = current_database()`
    return found ?? { commits: 0, millis: 0 }
  }).pipe(Effect.provide(Database.layerPostgres(Redacted.make(database))))

const speed = Effect.fnUntraced(function*(server: Postgres.Server, workers: number) {
  const cut = { shards: 40, rows: 250, concurrency: 32 }
  const made = yield* worldOf(yield* server.database(`speed${workers}_${Date.now()}`), cut)
  const before = yield* work(made.database)
  const start = performance.now()
  yield* Effect.all(
    Array.from(
      { length: workers },
      (_, index) => Effect.scoped(Effect.flatMap(made.worker(`w${index}`), ({ ended }) => ended))
    ),
    { concurrency: "unbounded" }
  )
  const seconds = (performance.now() - start) / 1000
  const after = yield* work(made.database)
  const rows = cut.shards * cut.rows
  console.log(
    `${workers} worker(s): ${Math.round(rows / seconds)} rows/s, the start of the processes included; the database: ` +
      `${((after.commits - before.commits) / rows).toFixed(2)} transactions and ` +
      `${((after.millis - before.millis) / rows).toFixed(2)} ms per row, in shards of ${cut.rows}`
  )
}, Effect.scoped)

const scale = Effect.fnUntraced(function*(server: Postgres.Server) {
  yield* queueing(server)
  for (const workers of [1, 2, 4]) yield* Effect.provide(speed(server, workers), simulated)
})

const [command, count = "10", atOnce = "1"] = process.argv.slice(2)
const scope = Effect.runSync(Scope.make())
const exit = await Effect.runPromiseExit(
  Effect.flatMap(
    Postgres.server,
    (server) => command === "scale" ? scale(server) : chaos(server, Number(count), Number(atOnce))
  ).pipe(
    Scope.provide(scope)
  )
)
await Effect.runPromise(Scope.close(scope, Exit.void))
if (Exit.isFailure(exit)) console.error(exit.cause)
process.exit(Exit.isSuccess(exit) ? 0 : 1)
