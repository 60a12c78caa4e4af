/** DuckDB as another reader and writer of the same files. */
import { DuckDBInstance, type Json } from "@duckdb/node-api"
import { Effect } from "effect"

/** A database in memory that ends with the scope. */
export const make = Effect.gen(function*() {
  const instance = yield* Effect.acquireRelease(
    Effect.promise(() => DuckDBInstance.create(":memory:")),
    (instance) => Effect.sync(() => instance.closeSync())
  )
  const connection = yield* Effect.acquireRelease(
    Effect.promise(() => instance.connect()),
    (connection) => Effect.sync(() => connection.closeSync())
  )
  yield* Effect.promise(() => connection.run("SET TimeZone = 'UTC'"))
  /** The rows of a statement; numbers that a double does not hold are their digits. */
  const rows = (statement: string): Effect.Effect<ReadonlyArray<Readonly<Record<string, Json>>>> =>
    Effect.promise(async () => (await connection.runAndReadAll(statement)).getRowObjectsJson())
  return {
    rows,
    /** The type of each column of a file. */
    types: (path: string): Effect.Effect<Readonly<Record<string, string>>> =>
      Effect.map(rows(`DESCRIBE SELECT * FROM read_parquet('${path}')`), (found) =>
        Object.fromEntries(
          found.map(({ column_name, column_type }) => [String(column_name), String(column_type)])
        ))
  }
})
