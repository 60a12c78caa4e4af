/**
 * The truth about a job: one row per shard, with an epoch. A claim raises the epoch; a heartbeat, a hand-in and a return are
 * conditional on it, so that of two workers that hold a shard only the later one can change anything.
 *
 * @since 0.2.0
 */
import * as Arr from "effect/Array"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ClusterError from "./ClusterError.ts"
import { Database } from "./Database.ts"

/**
 * Whether workers take shards: `paused` lets requests in flight end and starts no more, `cancelled` gives shards back.
 *
 * @category models
 * @since 0.2.0
 */
export type JobState = "open" | "paused" | "cancelled"

/**
 * @category models
 * @since 0.2.0
 */
export interface Job {
  readonly job: string
  readonly state: JobState
  /** Digest of the input. */
  readonly source: string
  /** The configuration of the first worker, as JSON; null before there is one. */
  readonly configuration: string | null
  readonly shards: number
  readonly rows: number
}

/**
 * A shard's place in the input.
 *
 * @category models
 * @since 0.2.0
 */
export interface Range {
  readonly shard: number
  /** Counted from 0 over the whole input. */
  readonly firstRow: number
  readonly rows: number
}

/**
 * The right to work on a shard until somebody claims it with a higher epoch.
 *
 * @category models
 * @since 0.2.0
 */
export interface Claim extends Range {
  readonly job: string
  readonly epoch: number
  /** Rows that the previous claim had reported as finished. */
  readonly counted: number
}

/**
 * The counts that are sent with a heartbeat, and handed in at the end.
 *
 * @category models
 * @since 0.2.0
 */
export interface Counts {
  readonly done: number
  readonly failed: number
  readonly inputTokens: number
  readonly outputTokens: number
  /** 0 if the price is not known. */
  readonly dollars: number
}

/**
 * A shard that was handed in.
 *
 * @category models
 * @since 0.2.0
 */
export interface Done extends Range {
  readonly epoch: number
  /** Where its results are, as the worker that handed it in named them. */
  readonly results: string
}

/**
 * @category services
 * @since 0.2.0
 */
export class ShardTable extends Context.Service<ShardTable, {
  /** Adds a job with its shards, all or none; an existing one with the same source stays as it is. */
  readonly create: (
    job: Pick<Job, "job" | "source">,
    shards: ReadonlyArray<Range>
  ) => Effect.Effect<void, ClusterError.ClusterError>
  readonly job: (job: string) => Effect.Effect<Job, ClusterError.ClusterError>
  readonly setState: (job: string, state: JobState) => Effect.Effect<void, ClusterError.ClusterError>
  /** Records the configuration of the first worker; returns what is recorded. */
  readonly configure: (job: string, configuration: string) => Effect.Effect<string, ClusterError.ClusterError>
  /** Raises the epoch. Undefined if the shard is done. */
  readonly claim: (
    job: string,
    shard: number,
    worker: string
  ) => Effect.Effect<Claim | undefined, ClusterError.ClusterError>
  /** Fails with `Fenced` once the shard was claimed by another. */
  readonly beat: (claim: Claim, counts?: Counts) => Effect.Effect<void, ClusterError.ClusterError>
  /** Counts rows that are requested again. Fails with `Fenced` once the shard was claimed by another. */
  readonly repeat: (claim: Claim, rows: number) => Effect.Effect<void, ClusterError.ClusterError>
  /** Makes results final. Fails with `Fenced` once the shard was claimed by another. */
  readonly handIn: (claim: Claim, counts: Counts, results: string) => Effect.Effect<void, ClusterError.ClusterError>
  /** Returns a shard to the queue. Nothing happens if another worker has it. */
  readonly giveBack: (claim: Claim) => Effect.Effect<void, ClusterError.ClusterError>
  /** The shards that were handed in, in the order of the input, a page of them after `after`. */
  readonly done: (job: string, after: number) => Effect.Effect<ReadonlyArray<Done>, ClusterError.ClusterError>
}>()("effect-inference-endpoints/cluster/ShardTable") {}

/** Rows of one INSERT. */
const BLOCK = 500
/** Shards of one page. */
const PAGE = 1000

/** A statement that changed no row has met a later epoch. */
const fenced = ({ epoch, shard }: Claim, rows: ReadonlyArray<unknown>) =>
  rows.length === 1 ? Effect.void : Effect.fail(ClusterError.make("work", new ClusterError.Fenced({ shard, epoch })))

const make = Effect.gen(function*() {
  const { now, run, sql } = yield* Database
  const number = (value: number) => sql`CAST(${value} AS DOUBLE PRECISION)`
  const mine = ({ epoch, job, shard }: Claim) =>
    sql`job = ${job} AND shard = ${shard} AND epoch = ${epoch} AND state = 'running'`
  const counted = (counts: Counts) =>
    sql`done = ${counts.done}, failed = ${counts.failed}, input_tokens = ${number(counts.inputTokens)},
      output_tokens = ${number(counts.outputTokens)}, dollars = ${number(counts.dollars)}`

  const job = Effect.fnUntraced(function*(name: string) {
    const [found] = yield* run(
      "reading the job",
      sql<Job>`SELECT job, state, source, configuration, shards, rows FROM batch_job WHERE job = ${name}`
    )
    return found ?? (yield* ClusterError.make("job", new ClusterError.NoSuchJob({ job: name })))
  })

  const insert = (name: string, ranges: Arr.NonEmptyReadonlyArray<Range>) =>
    sql`INSERT INTO batch_shard ${
      sql.insert(Arr.map(ranges, ({ firstRow, rows, shard }) => ({
        job: name,
        shard,
        first_row: firstRow,
        rows,
        epoch: 0,
        offered: 0,
        state: "queued",
        done: 0,
        failed: 0,
        input_tokens: 0,
        output_tokens: 0,
        dollars: 0
      })))
    }`

  return ShardTable.of({
    job,
    create: Effect.fnUntraced(function*({ job: name, source }, shards) {
      const rows = shards.reduce((total, range) => total + range.rows, 0)
      yield* run(
        "adding the job",
        sql.withTransaction(Effect.gen(function*() {
          const added = yield* sql`INSERT INTO batch_job (job, state, source, shards, rows, created)
            VALUES (${name}, 'open', ${source}, ${shards.length}, ${number(rows)}, ${now})
            ON CONFLICT (job) DO NOTHING RETURNING 1 AS added`
          if (added.length === 0) return
          yield* Effect.forEach(Arr.chunksOf(shards, BLOCK), (block) => insert(name, block), { discard: true })
        }))
      )
      const there = yield* job(name)
      const changes = [
        ...(there.source === source ? [] : ["its input had different rows"]),
        ...(there.shards === shards.length ? [] : [`it had ${there.shards} shards and would now have ${shards.length}`])
      ]
      if (changes.length > 0) {
        return yield* ClusterError.make("split", new ClusterError.JobChanged({ job: name, changes }))
      }
    }),
    setState: Effect.fnUntraced(function*(name, state) {
      yield* job(name)
      yield* run("changing the job", sql`UPDATE batch_job SET state = ${state} WHERE job = ${name}`)
    }),
    configure: Effect.fnUntraced(function*(name, configuration) {
      yield* run(
        "recording the configuration",
        sql`UPDATE batch_job SET configuration = ${configuration} WHERE job = ${name} AND configuration IS NULL`
      )
      return (yield* job(name)).configuration ?? configuration
    }),
    claim: Effect.fnUntraced(function*(name, shard, worker) {
      const [row] = yield* run(
        "claiming a shard",
        sql<{ epoch: number; firstRow: number; rows: number; counted: number }>`UPDATE batch_shard
          SET epoch = epoch + 1, state = 'running', worker = ${worker}, beat = ${now}
          WHERE job = ${name} AND shard = ${shard} AND state IN ('queued', 'running')
          RETURNING epoch, first_row AS "firstRow", rows, done + failed AS counted`
      )
      return row === undefined ? undefined : { job: name, shard, ...row }
    }),
    beat: (claim, counts) =>
      Effect.flatMap(
        run(
          "renewing a claim",
          counts === undefined
            ? sql`UPDATE batch_shard SET beat = ${now} WHERE ${mine(claim)} RETURNING 1 AS mine`
            : sql`UPDATE batch_shard SET beat = ${now}, ${counted(counts)} WHERE ${mine(claim)} RETURNING 1 AS mine`
        ),
        (rows) => fenced(claim, rows)
      ),
    repeat: (claim, rows) =>
      Effect.flatMap(
        run(
          "counting rows that are repeated",
          sql`UPDATE batch_shard SET repeated = repeated + ${rows} WHERE ${mine(claim)} RETURNING 1 AS mine`
        ),
        (found) => fenced(claim, found)
      ),
    handIn: (claim, counts, results) =>
      Effect.flatMap(
        run(
          "handing in a shard",
          sql`UPDATE batch_shard SET state = 'done', beat = ${now}, results = ${results}, ${counted(counts)}
            WHERE ${mine(claim)} RETURNING 1 AS mine`
        ),
        (rows) => fenced(claim, rows)
      ),
    giveBack: (claim) =>
      Effect.asVoid(run("returning a shard", sql`UPDATE batch_shard SET state = 'queued' WHERE ${mine(claim)}`)),
    done: (name, after) =>
      run(
        "reading the shards",
        sql<Done>`SELECT shard, first_row AS "firstRow", rows, epoch, results FROM batch_shard
          WHERE job = ${name} AND state = 'done' AND shard > ${after} ORDER BY shard LIMIT ${PAGE}`
      )
  })
})

/**
 * @category layers
 * @since 0.2.0
 */
export const layer: Layer.Layer<ShardTable, never, Database> = Layer.effect(ShardTable, make)
