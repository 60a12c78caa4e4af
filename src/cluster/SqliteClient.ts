/**
 * `node:sqlite` as a client of `effect/sql`, for workers of one machine and for trying a job out. Several processes may
 * share the file; it has to be on a local disk.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Semaphore from "effect/Semaphore"
import * as SqlClient from "effect/sql/SqlClient"
import type * as SqlConnection from "effect/sql/SqlConnection"
import * as SqlError from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"
import * as Stream from "effect/Stream"
import { DatabaseSync, type SQLInputValue } from "node:sqlite"

/** How long a process waits for the lock of another one, in milliseconds. */
const PATIENCE = 10_000

/** SQLite has no booleans; other values that it does not accept are refused by `node:sqlite` itself. */
const valueOf = (value: unknown): SQLInputValue =>
  // a wrong value fails the statement with node:sqlite's own message, so that the cast cannot let one pass
  (typeof value === "boolean" ? Number(value) : value) as SQLInputValue

const failure = (cause: unknown): SqlError.SqlError => {
  const known = cause instanceof Error && "errcode" in cause ? Object.assign(cause, { errno: cause.errcode }) : cause
  const message = cause instanceof Error ? cause.message : String(cause)
  return new SqlError.SqlError({ reason: SqlError.classifySqliteError(known, { message }) })
}

const connectionOf = (db: DatabaseSync): SqlConnection.Connection => {
  const run = (text: string, params: ReadonlyArray<unknown>, isArrays: boolean) =>
    Effect.try({
      try: () => {
        const statement = db.prepare(text)
        const values = params.map(valueOf)
        if (statement.columns().length === 0) {
          statement.run(...values)
          return []
        }
        statement.setReturnArrays(isArrays)
        return statement.all(...values)
      },
      catch: failure
    })
  const objects: SqlConnection.Connection["execute"] = (text, params, transform) => {
    const rows = run(text, params, false)
    return transform === undefined ? rows : Effect.map(rows, transform)
  }
  const arrays = (text: string, params: ReadonlyArray<unknown>) =>
    Effect.map(run(text, params, true), (rows) => rows.map((row) => Object.values(row)))
  return {
    execute: objects,
    executeUnprepared: objects,
    executeRaw: (text, params) => run(text, params, false),
    executeValues: arrays,
    executeValuesUnprepared: arrays,
    executeStream: (text, params, transform) => Stream.fromIterableEffect(objects(text, params, transform))
  }
}

/**
 * Opens the file, or creates it. `:memory:` is a database of this process only.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = Effect.fnUntraced(function*(filename: string) {
  const open = Effect.try({
    try: () => {
      const db = new DatabaseSync(filename, { timeout: PATIENCE })
      // readers do not wait for the one that writes
      db.exec("PRAGMA journal_mode = WAL")
      return db
    },
    catch: failure
  })
  const db = yield* Effect.acquireRelease(open, (db) => Effect.sync(() => db.close()))
  const isTransaction = () => db.isTransaction
  const acquirers = SqlClient.makeSqliteAcquirers({
    connection: Effect.succeed(connectionOf(db)),
    semaphore: yield* Semaphore.make(1),
    isTransaction
  })
  return yield* SqlClient.make({
    ...acquirers,
    isTransaction,
    compiler: Statement.makeCompilerSqlite(),
    driver: "node:sqlite",
    // a transaction that reads first and writes later would fail if another process wrote in between
    beginTransaction: "BEGIN IMMEDIATE",
    spanAttributes: [["db.system.name", "sqlite"]]
  })
})

/**
 * @category layers
 * @since 0.2.0
 */
export const layer = (filename: string): Layer.Layer<SqlClient.SqlClient, SqlError.SqlError> =>
  Layer.effect(SqlClient.SqlClient, make(filename)).pipe(Layer.provide(Reactivity.layer))
