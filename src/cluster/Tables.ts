/**
 * The tables of jobs, with their version. Times are seconds since 1970 by the clock of the database, as numbers: they mean
 * the same in every time zone of a session. Counts are numbers too, since sums of integers come back as bigint.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Migrator from "effect/sql/Migrator"
import * as SqlClient from "effect/sql/SqlClient"
import * as ClusterError from "./ClusterError.ts"

const MIGRATIONS = "batch_migrations"

const first = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* sql`CREATE TABLE batch_job (
    job TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    source TEXT NOT NULL,
    configuration TEXT,
    shards INTEGER NOT NULL,
    rows DOUBLE PRECISION NOT NULL,
    created DOUBLE PRECISION NOT NULL
  )`
  yield* sql`CREATE TABLE batch_shard (
    job TEXT NOT NULL,
    shard INTEGER NOT NULL,
    first_row DOUBLE PRECISION NOT NULL,
    rows INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    offered INTEGER NOT NULL,
    state TEXT NOT NULL,
    worker TEXT,
    beat DOUBLE PRECISION,
    done INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    input_tokens DOUBLE PRECISION NOT NULL,
    output_tokens DOUBLE PRECISION NOT NULL,
    dollars DOUBLE PRECISION NOT NULL,
    results TEXT,
    PRIMARY KEY (job, shard)
  )`
  yield* sql`CREATE TABLE batch_budget (
    job TEXT NOT NULL,
    unit TEXT NOT NULL,
    spent DOUBLE PRECISION NOT NULL,
    allowed DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (job, unit)
  )`
  yield* sql`CREATE TABLE batch_rate (key TEXT PRIMARY KEY, free_at DOUBLE PRECISION NOT NULL)`
  yield* sql`CREATE TABLE batch_gate (
    key TEXT PRIMARY KEY,
    paused_until DOUBLE PRECISION NOT NULL,
    awake_until DOUBLE PRECISION NOT NULL,
    waker TEXT,
    waker_until DOUBLE PRECISION NOT NULL
  )`
})

/** Rows that were requested again, since their results had not reached the object store. */
const second = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* sql`ALTER TABLE batch_shard ADD COLUMN repeated INTEGER NOT NULL DEFAULT 0`
})

const migrations = { "1_jobs": first, "2_repeated": second }

/**
 * The newest version that this package knows.
 *
 * @category constants
 * @since 0.2.0
 */
export const VERSION = Object.keys(migrations).length

/**
 * Brings the tables to a version, if they are older.
 *
 * @category running
 * @since 0.2.0
 */
export const migrateTo = (version: number) =>
  Migrator.make({})({
    loader: Migrator.fromRecord(Object.fromEntries(Object.entries(migrations).slice(0, version))),
    table: MIGRATIONS
  })

/**
 * Brings the tables to this version. Fails if a newer version of the package made them.
 *
 * @category running
 * @since 0.2.0
 */
export const migrate = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  yield* migrateTo(VERSION)
  const [found] = yield* sql<{ version: number }>`SELECT CAST(MAX(migration_id) AS INTEGER) AS version FROM ${
    sql(MIGRATIONS)
  }`
  if (found !== undefined && found.version > VERSION) {
    return yield* ClusterError.make(
      "migrate",
      new ClusterError.UnsuitableDatabase({
        problem: `the tables of this database have version ${found.version}, and this package knows ${VERSION}. ` +
          "Install the version of the package that the other workers have"
      })
    )
  }
})
