/**
 * The report next to an output: written while a batch runs and at its end, and read by those who look at it.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import * as BatchError from "../BatchError.ts"
import * as Durable from "../log/Durable.ts"
import * as Jsonl from "../rows/Jsonl.ts"
import { isRecord } from "../rows/Row.ts"
import type { Report } from "./Report.ts"

/**
 * Where the report of an output is.
 *
 * @category accessors
 * @since 0.2.0
 */
export const pathOf = (output: string): string => `${output}.report.json`

/**
 * Writes the report. A full disk costs no row.
 *
 * @category running
 * @since 0.2.0
 */
export const write = (
  path: string,
  report: Report
): Effect.Effect<void, never, FileSystem.FileSystem | Path.Path> =>
  Effect.ignore(
    Durable.replace(path, (file) => file.writeAll(new TextEncoder().encode(`${JSON.stringify(report)}\n`)))
  )

/**
 * The report of an output's last run, or of the one in progress.
 *
 * @category running
 * @since 0.2.0
 */
export const read = Effect.fnUntraced(function*(output: string) {
  const fs = yield* FileSystem.FileSystem
  const path = pathOf(output)
  const text = yield* Effect.mapError(fs.readFileString(path), BatchError.disk(path))
  const value = Jsonl.parse(text)
  if (!isRecord(value) || !isRecord(value.rows) || !isRecord(value.charts)) {
    return yield* BatchError.invalidInput(path, [{ problem: "is not a report of a batch" }])
  }
  // the file that `write` of this package writes
  return value as unknown as Report
})
