/**
 * The input: scanned once before anything is sent, and read again, row by row, as rows are processed.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as FileSystem from "effect/FileSystem"
import type * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as BatchError from "../BatchError.ts"
import * as Digest from "../rows/Digest.ts"
import * as Jsonl from "../rows/Jsonl.ts"
import type * as Part from "../rows/Part.ts"
import * as Row from "../rows/Row.ts"
import * as Ids from "./Ids.ts"
import type * as Manifest from "./Manifest.ts"

/**
 * An input that was scanned.
 *
 * @category models
 * @since 0.2.0
 */
export interface Input {
  readonly record: Manifest.InputRecord
  readonly parts: ReadonlyArray<Checked>
  /** How many of its first rows are those of the earlier run, unchanged; 0 when it is a different input. */
  readonly kept: number
  /** Whether the row with this index has this id; absent if nothing asks. */
  readonly matches: ((index: number, id: string) => boolean) | undefined
}

interface Checked {
  readonly part: Part.Part
  readonly seen: Part.Seen
  /** Index of its first row. */
  readonly first: number
}

const PREVIEW = 60
const SHOWN = 20

interface Place {
  readonly line?: number
  readonly problem: string
}

/** A raw row → a row, or what is wrong with it. */
const rowOf = (raw: Part.Raw, columns: Row.Columns, index: number): Row.Row | Place => {
  const line = raw.number
  if (raw.problem !== undefined) return { line, problem: raw.problem }
  const value = raw.columns ?? Jsonl.parse(raw.text ?? "")
  if (!Row.isRecord(value)) {
    return { line, problem: `is not a JSON object: ${JSON.stringify((raw.text ?? "").slice(0, PREVIEW))}` }
  }
  const id = Row.id(value, columns, index, raw.text)
  return id === undefined
    ? { line, problem: `its id (column ${columns.id ?? "id"}) is neither a string nor an integer` }
    : { id, index, columns: value, ...(raw.text !== undefined && { text: raw.text }) }
}

const isRow = (value: Row.Row | Place): value is Row.Row => "columns" in value

/** The digest of several parts; for a single part, its own. */
const together = (parts: ReadonlyArray<{ readonly sha256: string }>): string =>
  parts.length === 1 ? parts[0]?.sha256 ?? "" : Digest.of(parts.map(({ sha256 }) => sha256).join(""))

/**
 * What a scan should yield besides the record.
 *
 * @category models
 * @since 0.2.0
 */
export interface Scan {
  /** The record of an earlier run. */
  readonly before?: Manifest.InputRecord | undefined
  readonly onRow?: ((row: Row.Row) => void) | undefined
  /**
   * Keeps what `matches` needs: four bytes per row. Default: only if there is a record that may belong to another
   * input.
   */
  readonly prints?: boolean | undefined
}

/**
 * Digest, length and rows of the input. Fails with every line that is not a row, or whose id another row has.
 * What `before` recorded is not parsed again if its bytes are the same.
 *
 * @category running
 * @since 0.1.0
 */
export const scan = (
  parts: ReadonlyArray<Part.Part>,
  columns: Row.Columns,
  how: Scan = {}
): Effect.Effect<Input, BatchError.BatchError, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const { before } = how
    const known = before?.parts ?? []
    if (before !== undefined && known.length === parts.length) {
      const same = yield* identical(parts, before)
      if (same !== undefined) return same
    }
    return yield* Effect.scoped(parse(parts, columns, how))
  })

const howOf = (before: Manifest.InputRecord | undefined, at: number): Part.Open => ({
  mark: before?.parts?.[at]?.bytes,
  whole: before?.whole
})

const identical = Effect.fnUntraced(function*(parts: ReadonlyArray<Part.Part>, before: Manifest.InputRecord) {
  const checked: Array<Checked> = []
  let first = 0
  for (const [at, part] of parts.entries()) {
    const known = before.parts?.[at]
    const identity = yield* part.identify({ whole: before.whole })
    if (known === undefined || known.sha256 !== identity.sha256) return undefined
    checked.push({ part, seen: identity, first })
    first += known.rows
  }
  const input: Input = { record: before, parts: checked, kept: before.rows, matches: undefined }
  return input
})

const parse = Effect.fnUntraced(function*(
  parts: ReadonlyArray<Part.Part>,
  columns: Row.Columns,
  { before, onRow, prints: wanted = before !== undefined }: Scan
) {
  const ids = yield* Ids.make()
  const prints = wanted ? new Ids.Prints() : undefined
  const fromDisk = Effect.mapError(BatchError.disk("the folder of temporary files"))
  const checked: Array<Checked> = []
  const records: Array<Manifest.PartRecord> = []
  let rows = 0
  let kept = 0
  let unchanged = true
  for (const [at, part] of parts.entries()) {
    const first = rows
    const bad: Array<Place> = []
    let count = 0
    const wrong = (place: Place) => {
      count++
      if (bad.length < SHOWN) bad.push(place)
    }
    const identity = yield* Effect.scoped(Effect.gen(function*() {
      const reading = yield* part.open(howOf(before, at))
      while (true) {
        const raws = yield* reading.next
        if (raws === undefined) return reading.identity()
        for (const raw of raws) {
          const row = rowOf(raw, columns, rows++)
          if (!isRow(row)) {
            wrong(row)
            continue
          }
          ids.add(row.id)
          prints?.add(row.id)
          onRow?.(row)
        }
        yield* fromDisk(ids.settle)
      }
    }))
    if (count > 0) return yield* BatchError.invalidInput(part.path, bad, count)
    checked.push({ part, seen: { bytes: identity.bytes, blocks: identity.blocks }, first })
    records.push({ path: part.path, sha256: identity.sha256, bytes: identity.bytes, rows: rows - first })
    const known = before?.parts?.[at]
    if (unchanged && known !== undefined) {
      const same = known.sha256 === identity.sha256
      // a last line that has grown is a different row
      const grown = !same && (known.bytes === 0 || (known.sha256 === identity.atMark && identity.cleanMark === true))
      if (same || grown) kept += known.rows
      unchanged = same
    }
  }
  yield* distinct(checked, columns, yield* fromDisk(ids.repeated))
  const record: Manifest.InputRecord = {
    sha256: together(records),
    bytes: records.reduce((sum, { bytes }) => sum + bytes, 0),
    rows,
    ...(before?.whole === true && { whole: true }),
    parts: records
  }
  const input: Input = { record, parts: checked, kept, matches: prints && ((index, id) => prints.matches(index, id)) }
  return input
})

/** Reads again the rows whose ids have the same hash, and names those whose ids are the same. */
const distinct = Effect.fnUntraced(function*(
  parts: ReadonlyArray<Checked>,
  columns: Row.Columns,
  repeated: ReadonlySet<number>
) {
  if (repeated.size === 0) return
  const found = new Map<string, string>()
  for (const { first, part, seen } of parts) {
    const bad: Array<Place> = []
    let count = 0
    yield* Effect.scoped(Effect.gen(function*() {
      const reading = yield* part.open({ seen })
      while (true) {
        const raws = yield* reading.next
        if (raws === undefined) return
        for (const raw of raws) {
          const row = rowOf(raw, columns, first + raw.index)
          if (!isRow(row) || !repeated.has(Ids.hash(row.id))) continue
          const earlier = found.get(row.id)
          if (earlier === undefined) {
            found.set(row.id, parts.length === 1 ? `line ${raw.number}` : `${part.path}, line ${raw.number}`)
            continue
          }
          count++
          if (bad.length >= SHOWN) continue
          bad.push({ line: raw.number, problem: `its id ${JSON.stringify(row.id)} is also that of ${earlier}` })
        }
      }
    }))
    if (count > 0) return yield* BatchError.invalidInput(part.path, bad, count)
  }
})

/**
 * The rows that `skip` does not contain, one block of a part at a time. A part is open while it is read.
 *
 * @category constructors
 * @since 0.1.0
 */
export const rows = (
  input: Input,
  columns: Row.Columns,
  skip: (index: number) => boolean
): Effect.Effect<
  Pull.Pull<Arr.NonEmptyReadonlyArray<Row.Row>, BatchError.BatchError, void, FileSystem.FileSystem>,
  never,
  Scope.Scope
> =>
  Effect.gen(function*() {
    const outer = yield* Effect.scope
    let at = 0
    let current:
      | { readonly reading: Part.Reading; readonly scope: Scope.Closeable; readonly checked: Checked }
      | undefined
    const advance = Effect.gen(function*() {
      if (current !== undefined) yield* Scope.close(current.scope, Exit.void)
      current = undefined
      const checked = input.parts[at++]
      if (checked === undefined) return yield* Cause.done()
      const scope = yield* Scope.fork(outer)
      const reading = yield* Scope.provide(
        checked.part.open({ seen: checked.seen, skip: (index) => skip(checked.first + index) }),
        scope
      )
      current = { reading, scope, checked }
      return current
    })
    const pull: Pull.Pull<
      Arr.NonEmptyReadonlyArray<Row.Row>,
      BatchError.BatchError,
      void,
      FileSystem.FileSystem
    > = Effect.gen(function*() {
      while (true) {
        const { checked, reading } = current ?? (yield* advance)
        const raws = yield* reading.next
        if (raws === undefined) {
          yield* advance
          continue
        }
        const found: Array<Row.Row> = []
        for (const raw of raws) {
          const index = checked.first + raw.index
          if (skip(index)) continue
          const row = rowOf(raw, columns, index)
          if (!isRow(row)) return yield* BatchError.invalidInput(checked.part.path, [row])
          found.push(row)
        }
        if (Arr.isArrayNonEmpty(found)) return found
      }
    })
    return pull
  })
