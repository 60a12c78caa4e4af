/**
 * The database of jobs: PostgreSQL, or a file of SQLite on one machine. A database that cannot be reached is waited for, and
 * reported in one line.
 *
 * @since 0.2.0
 */
import type * as PgClient from "@effect/sql-pg/PgClient"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import type * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as SqlClient from "effect/sql/SqlClient"
import * as SqlError from "effect/sql/SqlError"
import type * as Statement from "effect/sql/Statement"
import * as ClusterError from "./ClusterError.ts"
import * as SqliteClient from "./SqliteClient.ts"
import * as Tables from "./Tables.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /** How long to wait for a database that cannot be reached. Default 15 minutes. */
  readonly patience?: Duration.Input | undefined
}

/**
 * The database, with its tables at this version.
 *
 * @category services
 * @since 0.2.0
 */
export class Database extends Context.Service<Database, {
  readonly sql: SqlClient.SqlClient
  /** The database's own clock, in seconds since 1970. It is never compared with another clock. */
  readonly now: Statement.Fragment
  /**
   * Runs a statement, and waits while the database cannot be reached; `doing` is for the message, such as `claiming a
   * shard`. Other failures pass through.
   */
  readonly run: <A, E, R>(
    doing: string,
    statement: Effect.Effect<A, E, R>
  ) => Effect.Effect<A, ClusterError.ClusterError | Exclude<E, SqlError.SqlError>, R>
}>()("effect-inference-endpoints/cluster/Database") {}

const PATIENCE = Duration.minutes(15)

/** Failures that waiting cannot fix: the statement, the permissions or the data are wrong. */
const lasting = new Set([
  "AuthenticationError",
  "AuthorizationError",
  "SqlSyntaxError",
  "UniqueViolation",
  "ConstraintError"
])

const passes = (error: unknown): error is SqlError.SqlError =>
  SqlError.isSqlError(error) && !lasting.has(error.reason._tag)

const problemOf = (error: SqlError.SqlError): string => {
  const { cause } = error.reason
  return cause instanceof Error && cause.message !== "" ? cause.message : error.message
}

/** The database's own failure, even if a migration or a queue has it as its cause. */
const saidBy = (error: unknown): SqlError.SqlError | undefined => {
  if (SqlError.isSqlError(error)) return error
  if (!Cause.isCause(error)) return error instanceof Error ? saidBy(error.cause) : undefined
  for (const reason of error.reasons) {
    const found = saidBy(Cause.isFailReason(reason) ? reason.error : Cause.isDieReason(reason) && reason.defect)
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * A transaction whose rollback fails too, as when the connection is gone, dies with both failures: nothing that it did was
 * kept, so it is a failure of the database like any other.
 */
const surfaced = <A, E, R>(statement: Effect.Effect<A, E, R>): Effect.Effect<A, E | SqlError.SqlError, R> =>
  Effect.catchCause(statement, (cause): Effect.Effect<never, E | SqlError.SqlError> => {
    const error = Cause.hasInterrupts(cause) ? undefined : saidBy(cause)
    return error === undefined ? Effect.failCause(cause) : Effect.fail(error)
  })

/** Waits while the database cannot be reached: one log line when it goes away, one when it is back. */
const waiting = ({ patience = PATIENCE }: Options) => {
  let isAway = false
  const away = (error: SqlError.SqlError) =>
    Effect.suspend(() => {
      if (isAway) return Effect.void
      isAway = true
      return Effect.logWarning(`the database cannot be reached (${problemOf(error)}); waiting for it`)
    })
  const back = Effect.suspend(() => {
    if (!isAway) return Effect.void
    isAway = false
    return Effect.logInfo("the database can be reached again")
  })
  return <A, E, R>(
    doing: string,
    statement: Effect.Effect<A, E, R>
  ): Effect.Effect<A, ClusterError.ClusterError | Exclude<E, SqlError.SqlError>, R> =>
    surfaced(statement).pipe(
      Effect.tapError((error) => passes(error) ? away(error) : Effect.void),
      Effect.retry({ while: passes, schedule: Schedule.upTo(Schedule.spaced("1 second"), { duration: patience }) }),
      Effect.tap(() => back),
      Effect.mapError((error): ClusterError.ClusterError | Exclude<E, SqlError.SqlError> =>
        SqlError.isSqlError(error)
          ? ClusterError.make("database", new ClusterError.DatabaseFailed({ doing, problem: problemOf(error) }))
          // a SqlError took the other branch
          : error as Exclude<E, SqlError.SqlError>
      )
    )
}

/**
 * Leases are compared inside the queue without a time zone: every session has to use the same one, and UTC has no summer
 * time.
 */
const checkZone = Effect.fnUntraced(function*(sql: SqlClient.SqlClient) {
  const [zone] = yield* sql<{ zone: string }>`SELECT current_setting('TimeZone') AS zone`
  if (zone === undefined || /^(?:Etc\/)?UTC$/.test(zone.zone)) return
  return yield* ClusterError.make(
    "connect",
    new ClusterError.UnsuitableDatabase({
      problem: `the session's time zone is ${zone.zone}, in which leases would be wrong. ` +
        "Connect with Database.layerPostgres, or set the startup parameter timezone to UTC"
    })
  )
})

const make = Effect.fnUntraced(function*(options: Options) {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  const wait = waiting(options)
  const isPg = sql.onDialectOrElse({ pg: () => true, orElse: () => false })
  const prepare = Effect.andThen(isPg ? checkZone(sql) : Effect.void, Tables.migrate)
  yield* wait("connecting", Effect.asVoid(sql`SELECT 1`)).pipe(
    Effect.andThen(wait("making the tables", prepare)),
    Effect.catchTag(
      "MigrationError",
      ({ message }) =>
        ClusterError.make("migrate", new ClusterError.DatabaseFailed({ doing: "making the tables", problem: message }))
    ),
    Effect.provideService(SqlClient.SqlClient, sql)
  )
  return Database.of({
    sql,
    now: isPg ? sql.literal("extract(epoch FROM clock_timestamp())::float8") : sql.literal("unixepoch('subsec')"),
    run: wait
  })
})

/**
 * Over any client of `effect/sql` for PostgreSQL or SQLite. One for PostgreSQL has to use the time zone UTC.
 *
 * @category layers
 * @since 0.2.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<Database, ClusterError.ClusterError, SqlClient.SqlClient> => Layer.effect(Database, make(options))

/** The connections of a worker: one for its statements, one for the queue, one for transactions. */
const CONNECTIONS = 3

/** Loaded on demand: programs that use SQLite need not have it. */
const loadPg = Effect.tryPromise({
  try: () => import("@effect/sql-pg/PgClient"),
  catch: () =>
    ClusterError.make(
      "connect",
      new ClusterError.UnsuitableDatabase({
        problem: "PostgreSQL needs the package @effect/sql-pg: npm install @effect/sql-pg"
      })
    )
})

/**
 * PostgreSQL, through `@effect/sql-pg`: at most three connections, all in UTC.
 *
 * @category layers
 * @since 0.2.0
 */
export const layerPostgres = (
  url: Redacted.Redacted,
  options: Options & Omit<PgClient.PgPoolConfig, "url"> = {}
): Layer.Layer<Database | SqlClient.SqlClient, ClusterError.ClusterError> => {
  const { patience, ...pool } = options
  const connect = Effect.flatMap(loadPg, ({ make: makeClient }) =>
    waiting({ patience })(
      "connecting",
      makeClient({
        applicationName: "effect-inference-endpoints",
        maxConnections: CONNECTIONS,
        ...pool,
        url,
        startupParameters: { ...pool.startupParameters, timezone: "UTC" }
      })
    ))
  const client = Layer.effect(SqlClient.SqlClient, connect).pipe(Layer.provide(Reactivity.layer))
  return layer({ patience }).pipe(Layer.provideMerge(client))
}

/**
 * A file of SQLite on a local disk, for the workers of one machine.
 *
 * @category layers
 * @since 0.2.0
 */
export const layerSqlite = (
  filename: string,
  options: Options = {}
): Layer.Layer<Database | SqlClient.SqlClient, ClusterError.ClusterError> =>
  layer(options).pipe(
    Layer.provideMerge(SqliteClient.layer(filename)),
    Layer.catchTag("SqlError", (error) =>
      Layer.effectContext(Effect.fail(ClusterError.make(
        "connect",
        new ClusterError.UnsuitableDatabase({ problem: `${filename} cannot be opened: ${problemOf(error)}` })
      ))))
  )
