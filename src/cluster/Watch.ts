/**
 * The progress of a job: shards, rows, tokens, dollars, workers, dead letters, and when it will be done.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Report from "../batch/report/Report.ts"
import { Database } from "./Database.ts"
import type { DeadLetter } from "./Dispatch.ts"
import { Dispatch } from "./Dispatch.ts"
import type { JobState } from "./ShardTable.ts"
import { ShardTable } from "./ShardTable.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Status {
  readonly job: string
  readonly state: JobState
  readonly shards: {
    readonly total: number
    readonly done: number
    readonly running: number
    readonly queued: number
    readonly dead: number
  }
  readonly rows: {
    readonly total: number
    readonly done: number
    readonly failed: number
    /** Requested again, since their results had not reached the object store when their worker died. */
    readonly repeated: number
  }
  readonly tokens: { readonly input: number; readonly output: number }
  /** 0 if the price is not known. */
  readonly dollars: number
  /** Workers that hold a shard, with the seconds since their last heartbeat. */
  readonly workers: ReadonlyArray<{ readonly worker: string; readonly shards: number; readonly silent: number }>
  readonly deadLetters: ReadonlyArray<DeadLetter>
}

interface Totals {
  readonly finished: number
  readonly running: number
  readonly done: number
  readonly failed: number
  readonly repeated: number
  readonly input: number
  readonly output: number
  readonly dollars: number
}

/**
 * The current content of the tables.
 *
 * @category running
 * @since 0.2.0
 */
export const status = Effect.fnUntraced(function*(name: string) {
  const { now, run, sql } = yield* Database
  const table = yield* ShardTable
  const dispatch = yield* Dispatch
  const { rows, shards: total, state } = yield* table.job(name)
  const deadLetters = yield* dispatch.deadLetters(name)
  const [sums] = yield* run(
    "reading the totals",
    sql<Totals>`SELECT
      CAST(SUM(CASE WHEN state = 'done' THEN 1 ELSE 0 END) AS INTEGER) AS finished,
      CAST(SUM(CASE WHEN state = 'running' THEN 1 ELSE 0 END) AS INTEGER) AS running,
      CAST(SUM(done) AS DOUBLE PRECISION) AS done, CAST(SUM(failed) AS DOUBLE PRECISION) AS failed,
      CAST(SUM(repeated) AS DOUBLE PRECISION) AS repeated,
      CAST(SUM(input_tokens) AS DOUBLE PRECISION) AS input, CAST(SUM(output_tokens) AS DOUBLE PRECISION) AS output,
      CAST(SUM(dollars) AS DOUBLE PRECISION) AS dollars
      FROM batch_shard WHERE job = ${name}`
  )
  const workers = yield* run(
    "reading the workers",
    sql<{ worker: string; shards: number; silent: number }>`SELECT worker, CAST(COUNT(*) AS INTEGER) AS shards,
      CAST(MIN(${now} - beat) AS DOUBLE PRECISION) AS silent
      FROM batch_shard WHERE job = ${name} AND state = 'running' GROUP BY worker ORDER BY worker`
  )
  const { dollars = 0, done = 0, failed = 0, finished = 0, input = 0, output = 0, repeated = 0, running = 0 } = sums ??
    {}
  const dead = deadLetters.length
  const found: Status = {
    job: name,
    state,
    // a dead letter's last claim may still be in the table as running
    shards: { total, done: finished, running, dead, queued: Math.max(0, total - finished - running - dead) },
    rows: { total: rows, done, failed, repeated },
    tokens: { input, output },
    dollars,
    workers: workers.map((worker) => ({ ...worker, silent: Math.max(0, worker.silent) })),
    deadLetters
  }
  return found
})

const number = (value: number): string => value.toLocaleString("en-US", { maximumFractionDigits: 1 })

/**
 * The status in a few lines, without a line end; with an earlier one, and the milliseconds since, also the rate and the time
 * left.
 *
 * @category conversions
 * @since 0.2.0
 */
export const text = (now: Status, before?: { readonly status: Status; readonly millis: number }): string => {
  const { rows, shards } = now
  const ended = rows.done + rows.failed
  const rate = before === undefined
    ? 0
    : Math.max(0, ended - before.status.rows.done - before.status.rows.failed) / Math.max(before.millis, 1)
  return [
    `job ${now.job}: ${now.state}`,
    `shards: ${number(shards.done)} done, ${number(shards.running)} running, ${number(shards.queued)} queued, ${
      number(shards.dead)
    } dead, of ${number(shards.total)}`,
    `rows: ${number(rows.done)} done, ${number(rows.failed)} failed, of ${number(rows.total)}` +
    (rows.repeated === 0 ? "" : `; ${number(rows.repeated)} repeated`) +
    (rate === 0 ? "" : `; ${number(rate * 1000)} rows/s, ${Report.time((rows.total - ended) / rate)} left`),
    `tokens: ${number(now.tokens.input)} in, ${number(now.tokens.output)} out` +
    (now.dollars === 0 ? "" : `; $${now.dollars.toFixed(2)}`),
    ...now.workers.map(({ shards: held, silent, worker }) =>
      `worker ${worker}: ${held === 1 ? "1 shard" : `${held} shards`}, last heard from ${
        Report.time(silent * 1000)
      } ago`
    ),
    ...now.deadLetters.map(({ attempts, failure, shard }) =>
      `dead: shard ${shard} after ${attempts} attempts: ${failure.split("\n")[0] ?? ""}`
    )
  ].join("\n")
}
