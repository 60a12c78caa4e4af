/**
 * What the output and errors files say is done. They are the only record: nothing else could disagree with them.
 *
 * Every line is verified. A last line without its end is a torn write and is cut off; a bad line elsewhere was written by
 * someone else, and is refused or, with `repair`, moved to `<file>.bad`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import * as BatchError from "../BatchError.ts"
import * as Jsonl from "../rows/Jsonl.ts"
import * as Durable from "./Durable.ts"
import * as RowSet from "./RowSet.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Ledger {
  readonly done: RowSet.RowSet
  readonly failed: RowSet.RowSet
  /** Verified lengths in bytes. */
  readonly outputEnd: number
  readonly errorsEnd: number
  readonly inputTokens: number
  readonly outputTokens: number
  /** Failed rows by `stage.reason`. */
  readonly failures: ReadonlyMap<string, number>
}

interface Bad {
  readonly line: number
  readonly problem: string
  readonly text: string
}

interface Sums {
  inputTokens: number
  outputTokens: number
  readonly failures: Map<string, number>
}

/** Looks at one line, and says what is wrong with it. */
type Check = (text: string) => string | undefined

const SHOWN = 5

const field = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined

const count = (value: unknown): number => typeof value === "number" ? value : 0

const indexOf = (value: unknown, rows: number): number | undefined => {
  const index = field(value, "index")
  return typeof index === "number" && Number.isSafeInteger(index) && index >= 0 && index < rows &&
      typeof field(value, "id") === "string"
    ? index
    : undefined
}

const outputCheck = (rows: number, done: RowSet.RowSet, sums: Sums): Check => (text) => {
  const value = Jsonl.parse(text)
  const index = indexOf(value, rows)
  const generations = field(value, "generations")
  if (index === undefined || !Array.isArray(generations)) return "is no result of this batch"
  if (!done.add(index)) return `repeats row ${index}`
  for (const generation of generations) {
    const statistics = field(generation, "statistics")
    sums.inputTokens += count(field(statistics, "inputTokens"))
    sums.outputTokens += count(field(statistics, "outputTokens"))
  }
  return undefined
}

const errorsCheck = (rows: number, done: RowSet.RowSet, failed: RowSet.RowSet, sums: Sums): Check => (text) => {
  const value = Jsonl.parse(text)
  const index = indexOf(value, rows)
  const error = field(value, "error")
  if (index === undefined || typeof error !== "object") return "is no failure of this batch"
  if (done.has(index)) return `fails row ${index}, which is in the output`
  if (!failed.add(index)) return `repeats row ${index}`
  const key = `${String(field(error, "stage"))}.${String(field(error, "reason"))}`
  sums.failures.set(key, (sums.failures.get(key) ?? 0) + 1)
  return undefined
}

/** The length of the whole lines, and those that are bad; `keep` gets the good ones, as they are. */
const verify = Effect.fnUntraced(
  function*(path: string, check: Check, keep?: (text: string) => Effect.Effect<void, BatchError.BatchError>) {
    const fs = yield* FileSystem.FileSystem
    const bad: Array<Bad> = []
    let end = 0
    let count = 0
    const each = (line: Jsonl.Line) => {
      if (!line.complete) return
      end = line.offset + line.bytes
      const problem = line.text === undefined ? "is not UTF-8 text" : check(line.text)
      if (problem === undefined) return line.text === undefined || keep === undefined ? undefined : keep(line.text)
      count++
      if (keep !== undefined || bad.length < SHOWN) bad.push({ line: line.number, problem, text: line.text ?? "" })
      return undefined
    }
    yield* Effect.scoped(Effect.flatMap(fs.open(path, { flag: "r" }), (file) => Jsonl.forEach(file, {}, each))).pipe(
      Effect.catchTag("PlatformError", (error) => Effect.fail(BatchError.disk(path)(error)))
    )
    return { bad, count, end }
  }
)

/** Writes the good lines anew and appends the bad ones to `<path>.bad`. */
const repair = Effect.fnUntraced(function*(path: string, check: Check) {
  const fs = yield* FileSystem.FileSystem
  const encoder = new TextEncoder()
  yield* Durable.replace(path, (file) =>
    Effect.gen(function*() {
      const { bad } = yield* verify(path, check, (text) =>
        Effect.mapError(file.writeAll(encoder.encode(`${text}\n`)), BatchError.disk(path)))
      const lines = bad.map(({ text }) =>
        `${text}\n`
      ).join("")
      yield* fs.writeFileString(`${path}.bad`, lines, { flag: "a" })
    })).pipe(Effect.catchTag("PlatformError", (error) => Effect.fail(BatchError.disk(path)(error))))
})

const cut = Effect.fnUntraced(function*(path: string, end: number) {
  const fs = yield* FileSystem.FileSystem
  const file = yield* fs.open(path, { flag: "r+" })
  const { size } = yield* file.stat
  if (Number(size) === end) return
  yield* file.truncate(end)
  yield* file.sync
}, Effect.scoped)

const recoverFile = Effect.fnUntraced(function*(path: string, check: () => Check, repairing: boolean) {
  const fs = yield* FileSystem.FileSystem
  yield* Effect.mapError(fs.writeFileString(path, "", { flag: "a" }), BatchError.disk(path))
  const first = yield* verify(path, check())
  if (first.count > 0 && !repairing) {
    const lines = first.bad.map(({ line, problem }) => ({ line, problem }))
    return yield* BatchError.make(new BatchError.Damaged({ path, lines, count: first.count }))
  }
  if (first.count > 0) {
    yield* repair(path, check())
    return (yield* verify(path, check())).end
  }
  yield* Effect.mapError(cut(path, first.end), BatchError.disk(path))
  return first.end
})

/**
 * Verifies both files of a batch of so many rows, which are made where they are not there, and cuts torn ends off.
 *
 * @category constructors
 * @since 0.1.0
 */
export const recover = (
  paths: { readonly output: string; readonly errors: string },
  rows: number,
  repairing: boolean
): Effect.Effect<Ledger, BatchError.BatchError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    let done = RowSet.make(0)
    let failed = RowSet.make(0)
    const sums: Sums = { inputTokens: 0, outputTokens: 0, failures: new Map() }
    // each look at a file counts from nothing
    const outputEnd = yield* recoverFile(paths.output, () => {
      done = RowSet.make(rows)
      sums.inputTokens = 0
      sums.outputTokens = 0
      return outputCheck(rows, done, sums)
    }, repairing)
    const errorsEnd = yield* recoverFile(paths.errors, () => {
      failed = RowSet.make(rows)
      sums.failures.clear()
      return errorsCheck(rows, done, failed, sums)
    }, repairing)
    yield* Durable.syncDirectory(paths.output)
    return { done, failed, outputEnd, errorsEnd, ...sums }
  })
