/**
 * Which rows are done, according to the output and errors files. They are the only record: nothing else can disagree
 * with them.
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
import * as Line from "../rows/Line.ts"
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
  /** Generations whose tokens the server did not report. */
  readonly uncounted: number
  /** As the lines report them. */
  readonly dollars: number
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
  uncounted: number
  dollars: number
  readonly failures: Map<string, number>
}

/** Checks one line, and returns what is wrong with it. */
type Check = (text: string) => string | undefined

/**
 * What the lines are compared with.
 *
 * @category models
 * @since 0.2.0
 */
export interface Expected {
  readonly rows: number
  /** Whether the row with this index has this id; absent if the lines were written for this input. */
  readonly matches?: ((index: number, id: string) => boolean) | undefined
  /** Version 0.1.0 wrote the lines, which are rewritten in today's form. */
  readonly old?: boolean | undefined
}

const SHOWN = 5

const field = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined

/** Counts that are not known are -1 in a line. */
const count = (value: unknown): number => typeof value === "number" && value > 0 ? value : 0

const isKnown = (value: unknown): boolean => typeof value === "number" && value >= 0

/** The index of a line of this batch, or what is wrong with it. */
const indexOf = (value: unknown, { matches, rows }: Expected, what: string): number | string => {
  const index = field(value, "index")
  const id = field(value, "id")
  if (typeof index !== "number" || !Number.isSafeInteger(index) || index < 0 || typeof id !== "string") {
    return `is not ${what}`
  }
  if (index >= rows) return `belongs to row ${index}, which the input does not have`
  return matches !== undefined && !matches(index, id)
    ? `belongs to row ${index} with id ${JSON.stringify(id)}, which is not the id of that row in the input`
    : index
}

const outputCheck = (expected: Expected, done: RowSet.RowSet, sums: Sums): Check => (text) => {
  const value = Jsonl.parse(text)
  const index = indexOf(value, expected, "a result of this batch")
  const generations = field(value, "generations")
  if (typeof index === "string") return index
  if (!Array.isArray(generations)) return "is not a result of this batch"
  if (!done.add(index)) return `repeats row ${index}`
  for (const generation of generations) {
    const statistics = field(generation, "statistics")
    const input = field(statistics, "inputTokens")
    const output = field(statistics, "outputTokens")
    sums.inputTokens += count(input)
    sums.outputTokens += count(output)
    if (!isKnown(input) || !isKnown(output)) sums.uncounted++
  }
  const dollars = field(field(value, "provenance"), "dollars")
  if (typeof dollars === "number" && dollars >= 0) sums.dollars += dollars
  return undefined
}

const errorsCheck = (expected: Expected, done: RowSet.RowSet, failed: RowSet.RowSet, sums: Sums): Check => (text) => {
  const value = Jsonl.parse(text)
  const index = indexOf(value, expected, "a failure of this batch")
  const error = field(value, "error")
  if (typeof index === "string") return index
  if (typeof error !== "object") return "is not a failure of this batch"
  if (done.has(index)) return `reports a failure of row ${index}, which is in the output`
  if (!failed.add(index)) return `repeats row ${index}`
  const key = `${String(field(error, "stage"))}.${String(field(error, "reason"))}`
  sums.failures.set(key, (sums.failures.get(key) ?? 0) + 1)
  return undefined
}

/** The length of the whole lines, and the bad lines; `keep` gets the good ones, as they are. */
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

/** Rewrites the good lines in today's form, and appends the bad ones to `<path>.bad`. */
const repair = Effect.fnUntraced(function*(path: string, check: Check) {
  const fs = yield* FileSystem.FileSystem
  yield* Durable.replace(path, (file) =>
    Effect.gen(function*() {
      const good = Durable.lines(file)
      const { bad } = yield* verify(path, check, (text) =>
        Effect.mapError(good.add(Line.upgrade(text)), BatchError.disk(path)))
      yield* good.flush
      const lines = bad.map(({ text }) =>
        `${text}\n`
      ).join("")
      if (lines !== "") yield* fs.writeFileString(`${path}.bad`, lines, { flag: "a" })
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

const recoverFile = Effect.fnUntraced(function*(path: string, check: () => Check, repairing: boolean, old: boolean) {
  const fs = yield* FileSystem.FileSystem
  yield* Effect.mapError(fs.writeFileString(path, "", { flag: "a" }), BatchError.disk(path))
  const first = yield* verify(path, check())
  if (first.count > 0 && !repairing) {
    const lines = first.bad.map(({ line, problem }) => ({ line, problem }))
    return yield* BatchError.make(new BatchError.Damaged({ path, lines, count: first.count }))
  }
  if (first.count > 0 || (old && first.end > 0)) {
    yield* repair(path, check())
    return (yield* verify(path, check())).end
  }
  yield* Effect.mapError(cut(path, first.end), BatchError.disk(path))
  return first.end
})

/**
 * Verifies both files of a batch, creating them where they are absent, and cuts off torn ends.
 *
 * @category constructors
 * @since 0.1.0
 */
export const recover = (
  paths: { readonly output: string; readonly errors: string },
  expected: Expected,
  repairing: boolean
): Effect.Effect<Ledger, BatchError.BatchError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    let done = RowSet.make(0)
    let failed = RowSet.make(0)
    const sums: Sums = { inputTokens: 0, outputTokens: 0, uncounted: 0, dollars: 0, failures: new Map() }
    // each reading of a file counts from zero
    const outputEnd = yield* recoverFile(
      paths.output,
      () => {
        done = RowSet.make(expected.rows)
        Object.assign(sums, { inputTokens: 0, outputTokens: 0, uncounted: 0, dollars: 0 })
        return outputCheck(expected, done, sums)
      },
      repairing,
      expected.old === true
    )
    const errorsEnd = yield* recoverFile(
      paths.errors,
      () => {
        failed = RowSet.make(expected.rows)
        sums.failures.clear()
        return errorsCheck(expected, done, failed, sums)
      },
      repairing,
      expected.old === true
    )
    yield* Durable.syncDirectory(paths.output)
    return { done, failed, outputEnd, errorsEnd, ...sums }
  })

/** The whole lines of a file that may be absent. */
const lookAt = Effect.fnUntraced(function*(path: string, check: Check) {
  const fs = yield* FileSystem.FileSystem
  if (!(yield* Effect.mapError(fs.exists(path), BatchError.disk(path)))) return 0
  return (yield* verify(path, check)).end
})

/**
 * What both files say, without changing either; lines that no run wrote are skipped.
 *
 * @category accessors
 * @since 0.2.0
 */
export const look = (
  paths: { readonly output: string; readonly errors: string },
  expected: Expected
): Effect.Effect<Ledger, BatchError.BatchError, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const done = RowSet.make(expected.rows)
    const failed = RowSet.make(expected.rows)
    const sums: Sums = { inputTokens: 0, outputTokens: 0, uncounted: 0, dollars: 0, failures: new Map() }
    const outputEnd = yield* lookAt(paths.output, outputCheck(expected, done, sums))
    const errorsEnd = yield* lookAt(paths.errors, errorsCheck(expected, done, failed, sums))
    return { done, failed, outputEnd, errorsEnd, ...sums }
  })
