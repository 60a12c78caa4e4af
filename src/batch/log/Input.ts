/**
 * The input file: looked through once before anything is sent, and read again, row by row, as rows are worked on.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as Pull from "effect/Pull"
import type * as Scope from "effect/Scope"
import * as BatchError from "../BatchError.ts"
import * as Jsonl from "../rows/Jsonl.ts"
import * as Row from "../rows/Row.ts"
import * as IdTable from "./IdTable.ts"
import type * as Manifest from "./Manifest.ts"
import * as Sha256 from "./Sha256.ts"

const wrong = (path: string, line: number, problem: string) =>
  BatchError.make(new BatchError.InvalidInput({ path, line, problem }))

const PREVIEW = 60

/** A line → a row, or what is wrong with it; undefined for a blank line. */
const rowOf = (
  path: string,
  line: Jsonl.Line,
  columns: Row.Columns,
  index: number
): Row.Row | BatchError.BatchError | undefined => {
  if (line.text === undefined) return wrong(path, line.number, "is not UTF-8 text, or longer than 16 MiB")
  if (Jsonl.isBlank(line.text)) return undefined
  const value = Jsonl.parse(line.text)
  if (!Row.isRecord(value)) {
    return wrong(path, line.number, `is no JSON object: ${JSON.stringify(line.text.slice(0, PREVIEW))}`)
  }
  const id = Row.id(value, columns, index)
  return id === undefined
    ? wrong(path, line.number, `its id (column ${columns.id ?? "id"}) is neither a string nor an integer`)
    : { id, index, columns: value }
}

/**
 * Digest, length and rows of the input. Fails at the first line that is no JSON object, or has an id that another line has.
 *
 * @category running
 * @since 0.1.0
 */
export const scan = (
  path: string,
  columns: Row.Columns
): Effect.Effect<Manifest.Manifest["input"], BatchError.BatchError, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const file = yield* Effect.mapError(fs.open(path, { flag: "r" }), (error) =>
      error.reason._tag === "NotFound"
        ? BatchError.make(new BatchError.InvalidInput({ path, problem: "there is no such file" }))
        : BatchError.disk(path)(error))
    const ids = IdTable.make()
    const hash = Sha256.make()
    let rows = 0
    let bytes = 0
    const onBytes = (block: Uint8Array) => {
      hash.update(block)
      bytes += block.length
    }
    yield* Jsonl.forEach(file, { onBytes }, (line) => {
      const row = rowOf(path, line, columns, rows)
      if (row === undefined) return
      if (row instanceof BatchError.BatchError) return Effect.fail(row)
      rows++
      const before = ids.add(row.id, line.number)
      return before === undefined
        ? undefined
        : Effect.fail(wrong(path, line.number, `its id ${JSON.stringify(row.id)} is also that of line ${before}`))
    }).pipe(Effect.catchTag("PlatformError", (error) => Effect.fail(BatchError.disk(path)(error))))
    return { sha256: hash.hex(), bytes, rows }
  }).pipe(Effect.scoped)

/**
 * The rows that `skip` does not hold, a block of the file at a time. The file is open for the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const rows = (
  path: string,
  columns: Row.Columns,
  skip: (index: number) => boolean
): Effect.Effect<
  Pull.Pull<Arr.NonEmptyReadonlyArray<Row.Row>, BatchError.BatchError>,
  BatchError.BatchError,
  FileSystem.FileSystem | Scope.Scope
> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const file = yield* Effect.mapError(fs.open(path, { flag: "r" }), BatchError.disk(path))
    const next = Effect.mapError(Jsonl.read(file), BatchError.disk(path))
    let index = 0
    const pull: Pull.Pull<Arr.NonEmptyReadonlyArray<Row.Row>, BatchError.BatchError> = Effect.flatMap(next, (lines) => {
      if (lines === undefined) return Cause.done()
      const found: Array<Row.Row> = []
      for (const line of lines) {
        if (line.text !== undefined && Jsonl.isBlank(line.text)) continue
        const at = index++
        if (skip(at)) continue
        const row = rowOf(path, line, columns, at)
        if (row instanceof BatchError.BatchError) return Effect.fail(row)
        if (row !== undefined) found.push(row)
      }
      return Arr.isArrayNonEmpty(found) ? Effect.succeed(found) : pull
    })
    return pull
  })
