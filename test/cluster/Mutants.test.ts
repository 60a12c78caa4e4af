import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { SqlClient } from "effect/sql"
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { type Cluster, Dispatch, ShardFiles, ShardTable, Worker } from "../../src/cluster/index.ts"
import { model, place, readLines, services, split } from "./Job.ts"

const ROWS = 20
const CONCURRENCY = 2

type Mutation<A> = Layer.Layer<A, never, Cluster.Services | SqlClient.SqlClient>

/** What a fenced take gives: nobody looks at it. */
const lie = undefined as never

const none = Layer.effect(ShardTable.ShardTable, ShardTable.ShardTable)

/** Heartbeats and hand-ins that no longer ask for the epoch. */
const noFence = Layer.effect(
  ShardTable.ShardTable,
  Effect.gen(function*() {
    const table = yield* ShardTable.ShardTable
    const sql = yield* SqlClient.SqlClient
    return ShardTable.ShardTable.of({
      ...table,
      beat: () => Effect.void,
      handIn: ({ job, shard }, counts, results) =>
        Effect.asVoid(Effect.orDie(
          sql`UPDATE batch_shard SET state = 'done', results = ${results}, done = ${counts.done}
            WHERE job = ${job} AND shard = ${shard}`
        ))
    })
  })
)

/** One part file for all claims of a shard. */
const oneFile = Layer.effect(
  ShardFiles.ShardFiles,
  Effect.map(ShardFiles.ShardFiles, (files) =>
    ShardFiles.ShardFiles.of({
      ...files,
      begin: (claim) => files.begin({ ...claim, epoch: 1 }),
      finish: (claim) => files.finish({ ...claim, epoch: 1 })
    }))
)

/** A handler that was fenced and says that all is well. */
const fencedSucceeds = Layer.effect(
  Dispatch.Dispatch,
  Effect.map(Dispatch.Dispatch, (dispatch) =>
    Dispatch.Dispatch.of({
      ...dispatch,
      take: (job, f) =>
        dispatch.take(job, (shard) =>
          Effect.catchIf(f(shard), ({ reason }) => reason._tag === "Fenced", () => Effect.succeed(lie)))
    }))
)

/**
 * A worker holds the shard and waits in the middle of it; the queue gives the shard to another, as it does after a pause
 * beyond the lease, and that one brings it to its end. How often was a row asked for more than once?
 */
const repeated = Effect.fnUntraced(function*<A extends Cluster.Services>(mutation: Mutation<A>) {
  const made = yield* place
  let asked = 0
  let isHeld = true
  const held: Effect.Effect<void> = Effect.suspend(() => isHeld ? Effect.delay(held, 20) : Effect.void)
  const first = model(() => {
    asked++
    return asked > 4 ? held : Effect.void
  })
  const second = model(() => {
    asked++
    return Effect.void
  })
  const options = { job: "j", batch: { concurrency: CONCURRENCY } }
  const layer = Layer.provideMerge(mutation, services(made.sqlite, made.folder))
  return yield* Effect.gen(function*() {
    yield* split(made, ROWS)
    const sql = yield* SqlClient.SqlClient
    const running = yield* Effect.forkChild(
      Worker.run({ ...options, worker: "a" }).pipe(Effect.scoped, Effect.provide(first))
    )
    yield* Effect.repeat(Effect.sleep(20), { until: () => asked >= 4 + CONCURRENCY })
    yield* sql`UPDATE batch_queue SET acquired_at = '2000-01-01 00:00:00'`
    yield* Worker.run({ ...options, worker: "b" }).pipe(Effect.scoped, Effect.provide(second))
    // longer than a heartbeat
    yield* Effect.sleep("500 millis")
    isHeld = false
    yield* Effect.sleep("500 millis")
    running.interruptUnsafe()
    return asked - ROWS
  }).pipe(Effect.provide(layer))
}, Effect.scoped)

const line = (index: number) => `{"id":"${index}","index":${index},"generations":[]}\n`

/** What an earlier owner writes after the shard went to another: how often is a row in the results that count? */
const doubled = Effect.fnUntraced(function*<A extends Cluster.Services>(mutation: Mutation<A>) {
  const made = yield* place
  const layer = Layer.provideMerge(mutation, services(made.sqlite, made.folder))
  return yield* Effect.gen(function*() {
    const files = yield* ShardFiles.ShardFiles
    const claim = { job: "j", shard: 0, firstRow: 0, rows: 3, counted: 0 }
    const zombie = yield* files.begin({ ...claim, epoch: 1 })
    mkdirSync(dirname(zombie.output), { recursive: true })
    writeFileSync(`${zombie.output}.manifest.json`, "{}")
    writeFileSync(zombie.output, `${line(0)}${line(1)}{"id":"2","ind`)
    const holder = yield* files.begin({ ...claim, epoch: 2 })
    const inherited = readLines(holder.output).map(({ index }) => index)
    appendFileSync(holder.output, line(2))
    appendFileSync(zombie.output, `\n${line(2)}`)
    const { output } = yield* files.results(yield* files.finish({ ...claim, epoch: 2 }))
    return { inherited, lines: readLines(output).map(({ index }) => index) }
  }).pipe(Effect.provide(layer))
}, Effect.scoped)

/** A worker that was stopped before its claim wakes up and fences the true holder, then dies: is the shard still queued? */
const survives = Effect.fnUntraced(function*<A extends Cluster.Services>(mutation: Mutation<A>) {
  const made = yield* place
  const layer = Layer.provideMerge(mutation, services(made.sqlite, made.folder))
  return yield* Effect.gen(function*() {
    yield* split(made, ROWS)
    const sql = yield* SqlClient.SqlClient
    const late = sql`UPDATE batch_shard SET epoch = epoch + 1, worker = 'late' WHERE epoch = 1`
    yield* Worker.run({
      job: "j",
      worker: "a",
      onEvent: (event) => event._tag === "Claimed" ? Effect.ignore(late) : Effect.void
    }).pipe(Effect.scoped, Effect.provide(model(() => Effect.void)))
    const [row] = yield* sql<{ offered: number }>`SELECT offered FROM batch_shard`
    return row?.offered === 1
  }).pipe(Effect.provide(layer))
}, Effect.scoped)

describe("a worker that lost its shard", () => {
  it.live(
    "asks for nothing more than was in flight; without the fence it would ask for all of it",
    () =>
      Effect.gen(function*() {
        assert.isAtMost(yield* repeated(none), CONCURRENCY)
        assert.isAbove(yield* repeated(noFence), CONCURRENCY)
      }),
    { timeout: 60_000 }
  )

  it.live(
    "fails its take, so that the element stays in the queue; a success would take it out",
    () =>
      Effect.gen(function*() {
        assert.isTrue(yield* survives(none))
        assert.isFalse(yield* survives(fencedSucceeds))
      }),
    { timeout: 60_000 }
  )
})

describe("the results of a shard", () => {
  it.live("begin with the whole lines of earlier claims and take nothing that their owners write later; one file for all would", () =>
    Effect.gen(function*() {
      const found = yield* doubled(none)
      assert.deepStrictEqual(found, { inherited: [0, 1], lines: [0, 1, 2] })
      const mutant = yield* Effect.exit(doubled(oneFile))
      assert.notDeepEqual(mutant._tag === "Success" ? mutant.value : undefined, found)
    }))
})
