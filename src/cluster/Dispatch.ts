/**
 * Which worker tries a shard next: Effect's `PersistedQueue` over the tables of the job. The queue holds numbers of
 * shards, never rows, so that no element is too large for it, and it decides nothing: the truth is in `ShardTable`.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as PersistedQueue from "effect/persistence/PersistedQueue"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import type * as SqlClient from "effect/sql/SqlClient"
import type * as Statement from "effect/sql/Statement"
import * as ClusterError from "./ClusterError.ts"
import { Database } from "./Database.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /**
   * How long a worker may be silent before its shard goes to another one. At least 3 seconds, since SQLite counts whole
   * seconds. An outage of the database, or an event loop that is blocked, for longer than this moves shards. Default 90
   * seconds.
   */
  readonly lease?: Duration.Input | undefined
  /** How often a waiting worker looks for a shard. Default 2 seconds. */
  readonly poll?: Duration.Input | undefined
  /** Attempts before a shard is a dead letter; a machine that dies counts as one. Default 20. */
  readonly maxAttempts?: number | undefined
}

/**
 * A shard that has used up its attempts.
 *
 * @category models
 * @since 0.2.0
 */
export interface DeadLetter {
  readonly shard: number
  readonly attempts: number
  /** The failure of its last attempt. */
  readonly failure: string
}

/**
 * @category services
 * @since 0.2.0
 */
export class Dispatch extends Context.Service<Dispatch, {
  readonly lease: Duration.Duration
  readonly poll: Duration.Duration
  /** Queues every shard that is neither done, queued nor dead; returns how many. Safe to repeat, even concurrently. */
  readonly offer: (job: string) => Effect.Effect<number, ClusterError.ClusterError>
  /** Queues dead letters again; returns how many. */
  readonly offerAgain: (job: string) => Effect.Effect<number, ClusterError.ClusterError>
  /**
   * Waits for a shard and passes it to `f`. Any failure of `f` counts as an attempt; an interruption does not, and the shard
   * is free at once.
   */
  readonly take: <A, R>(
    job: string,
    f: (shard: number) => Effect.Effect<A, ClusterError.ClusterError, R>
  ) => Effect.Effect<A, ClusterError.ClusterError, R>
  readonly deadLetters: (job: string) => Effect.Effect<ReadonlyArray<DeadLetter>, ClusterError.ClusterError>
  /** Shards that are neither done nor dead. */
  readonly open: (job: string) => Effect.Effect<number, ClusterError.ClusterError>
}>()("effect-inference-endpoints/cluster/Dispatch") {}

const TABLE = "batch_queue"
/** SQLite's clock has no fractions. */
const SHORTEST = Duration.seconds(3)
/** How often a lease is renewed while it lasts. */
const RENEWALS = 4.5
/** Offers at once. */
const OFFERS = 16

interface Unqueued {
  readonly shard: number
  readonly offered: number
  /** The state of its latest element in the queue. */
  readonly element: string | null
}

const failed = (doing: string) => ({ message }: { readonly message: string }) =>
  ClusterError.make("offer", new ClusterError.DatabaseFailed({ doing, problem: message }))

const make = Effect.fnUntraced(function*({ maxAttempts = 20, ...options }: Options) {
  const { run, sql } = yield* Database
  const lease = Duration.max(Duration.fromInputUnsafe(options.lease ?? "90 seconds"), SHORTEST)
  const poll = Duration.fromInputUnsafe(options.poll ?? "2 seconds")
  const store = PersistedQueue.layerStoreSql({
    tableName: TABLE,
    pollInterval: poll,
    lockRefreshInterval: Duration.times(lease, 1 / RENEWALS),
    lockExpiration: lease
  })
  // while the database cannot be reached the queue would print a stack trace twice a second; our own statements report it in
  // one line
  const { make: makeQueue } = yield* run(
    "making the queue",
    Layer.build(PersistedQueue.layer.pipe(Layer.provide(store))).pipe(
      Effect.map(Context.get(PersistedQueue.PersistedQueueFactory)),
      Effect.provideService(References.MinimumLogLevel, "None")
    )
  )
  const schema = Schema.Struct({ shard: Schema.Int })
  type Queue = PersistedQueue.PersistedQueue<typeof schema.Type>
  const queues = new Map<string, Queue>()
  const queueOf = (job: string): Effect.Effect<Queue> =>
    Effect.suspend(() => {
      const known = queues.get(job)
      return known !== undefined ? Effect.succeed(known) : Effect.tap(
        makeQueue({ name: job, schema, maxAttempts }),
        (queue) => Effect.sync(() => queues.set(job, queue))
      )
    })

  /** The shards that are not done, with their latest element in the queue. */
  const pending = (job: string) =>
    sql`FROM batch_shard s LEFT JOIN ${sql(TABLE)} q
      ON q.queue_name = s.job AND q.id = CAST(s.shard AS TEXT) || '-' || CAST(s.offered AS TEXT)
      WHERE s.job = ${job} AND s.state <> 'done'`

  /** Under a new number: an id that was in the queue before would be ignored. If many try, one succeeds. */
  const offerOne = Effect.fnUntraced(function*(job: string, { element, offered, shard }: Unqueued) {
    // a shard with a number but no element was about to be offered: it gets the element of that number
    const raised = element === null ? [1] : yield* run(
      "offering a shard",
      sql`UPDATE batch_shard SET offered = offered + 1, state = 'queued'
        WHERE job = ${job} AND shard = ${shard} AND offered = ${offered} AND state <> 'done' RETURNING 1 AS raised`
    )
    if (raised.length === 0) return 0
    const queue = yield* queueOf(job)
    const number = element === null ? offered : offered + 1
    // again under the same number changes nothing
    yield* Effect.catchTag(
      run("offering a shard", queue.offer({ shard }, { id: `${shard}-${number}` })),
      ["PersistedQueueError", "SchemaError"],
      (error) => Effect.fail(failed("offering a shard")(error))
    )
    return 1
  })

  const offerAll = Effect.fnUntraced(function*(job: string, wanted: Statement.Fragment) {
    const found = yield* run(
      "looking for shards",
      sql<Unqueued>`SELECT s.shard, s.offered, q.state AS element ${pending(job)} AND ${wanted} ORDER BY s.shard`
    )
    const offered = yield* Effect.forEach(found, (shard) => offerOne(job, shard), { concurrency: OFFERS })
    const total = offered.filter((one) => one > 0).length
    // without statistics every poll sorts the whole backlog
    if (total > 0) {
      yield* run(
        "counting the queue",
        sql.onDialectOrElse({
          pg: () => sql`ANALYZE ${sql(TABLE)}`,
          orElse: () => sql`SELECT 1`
        })
      )
    }
    return total
  })

  return Dispatch.of({
    lease,
    poll,
    offer: (job) =>
      Effect.andThen(
        run("numbering shards", sql`UPDATE batch_shard SET offered = 1 WHERE job = ${job} AND offered = 0`),
        offerAll(job, sql`(q.state IS NULL OR q.state = 'completed')`)
      ),
    offerAgain: (job) => offerAll(job, sql`q.state = 'failed'`),
    take: (job, f) =>
      Effect.flatMap(
        queueOf(job),
        (queue) =>
          Effect.catchTag(queue.take(({ shard }) => f(shard)), "PersistedQueueError", (error) =>
            Effect.fail(failed("taking a shard")(error)))
      ),
    deadLetters: (job) =>
      run(
        "reading dead letters",
        sql<DeadLetter>`SELECT s.shard, CAST(q.attempts AS INTEGER) AS attempts,
          COALESCE(q.last_failure, '') AS failure ${pending(job)} AND q.state = 'failed' ORDER BY s.shard`
      ),
    open: (job) =>
      Effect.map(
        run(
          "counting shards",
          sql<{ open: number }>`SELECT CAST(COUNT(*) AS INTEGER) AS open ${pending(job)}
            AND (q.state IS NULL OR q.state <> 'failed')`
        ),
        ([row]) => row?.open ?? 0
      )
  })
})

/**
 * @category layers
 * @since 0.2.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<Dispatch, ClusterError.ClusterError, Database | SqlClient.SqlClient> =>
  Layer.effect(Dispatch, make(options))
