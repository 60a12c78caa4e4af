/**
 * CSV → rows, by `csv-parse`. Every value stays text, as it is in the file (`007`); a row that is too short or too long ends
 * the reading, and so does a header with a duplicate column.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Builtin from "../Builtin.ts"
import * as DatasetError from "../DatasetError.ts"
import type { Row } from "../parquet/Parquet.ts"

const twiceIn = (header: ReadonlyArray<string>): string | undefined =>
  header.find((name, at) => header.indexOf(name) !== at)

/**
 * A row and the line of the file, counted from 1, at which it ends.
 *
 * @category models
 * @since 0.2.0
 */
export interface CsvRow {
  readonly line: number
  readonly row: Row
}

/**
 * A parser that is fed in steps; each step returns the completed rows, or what is wrong with the file.
 *
 * @category models
 * @since 0.2.0
 */
export interface Parser {
  readonly feed: (bytes: Uint8Array) => Effect.Effect<ReadonlyArray<CsvRow>, string>
  readonly finish: Effect.Effect<ReadonlyArray<CsvRow>, string>
}

/** Rows that are ready, and how the parser failed, if it did. */
class Collected {
  rows: Array<CsvRow> = []
  problem: string | undefined = undefined
  wake: () => void = () => {}
  fail(problem: string): void {
    this.problem ??= problem
    this.wake()
  }
}

interface Parsed {
  readonly info: { readonly lines: number }
  readonly record: Row
}

/**
 * A parser for as long as the scope is open.
 *
 * @category constructors
 * @since 0.2.0
 */
export const parser = Effect.fnUntraced(function*(delimiter: string) {
  const { parse } = yield* Builtin.csvParse
  const collected = new Collected()
  const made = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const made = parse({
        bom: true,
        delimiter,
        info: true,
        skip_empty_lines: true,
        columns: (header: ReadonlyArray<string>) => {
          const twice = twiceIn(header)
          if (twice !== undefined) collected.fail(`its header names the column ${JSON.stringify(twice)} twice`)
          return [...header]
        }
      })
      made.on("data", ({ info, record }: Parsed) => void collected.rows.push({ line: info.lines, row: record }))
      made.on("error", ({ message }) => collected.fail(`is not valid CSV: ${message}`))
      made.on("end", () => collected.wake())
      return made
    }),
    (made) => Effect.sync(() => made.destroy())
  )
  const taken = (work: (done: () => void) => void): Effect.Effect<ReadonlyArray<CsvRow>, string> =>
    Effect.flatMap(
      Effect.callback<void>((resume) => {
        collected.wake = () => resume(Effect.void)
        if (collected.problem === undefined) work(collected.wake)
        else collected.wake()
      }),
      () =>
        collected.problem === undefined
          ? Effect.sync(() => collected.rows.splice(0))
          : Effect.fail(collected.problem)
    )
  const found: Parser = {
    // the parser keeps slices of what it is given
    feed: (bytes) => taken((done) => void made.write(Uint8Array.from(bytes), done)),
    finish: taken(() => void made.end())
  }
  return found
})

const invalid = (path: string, step: Effect.Effect<ReadonlyArray<CsvRow>, string>) =>
  Effect.mapError(step, (problem) => DatasetError.of("read")(new DatasetError.InvalidFile({ path, problem })))

/**
 * The rows of a CSV file whose bytes come in pieces.
 *
 * @category conversions
 * @since 0.2.0
 */
export const rows = <E, R>(
  path: string,
  bytes: Stream.Stream<Uint8Array, E, R>,
  delimiter: string
): Stream.Stream<Row, E | DatasetError.DatasetError, R> =>
  Stream.unwrap(Effect.map(parser(delimiter), ({ feed, finish }) => {
    return bytes.pipe(
      Stream.mapEffect((chunk) => invalid(path, feed(chunk))),
      Stream.concat(Stream.fromEffect(invalid(path, finish))),
      Stream.flatMap((found) => Stream.fromIterable(found)),
      Stream.map(({ row }) => row)
    )
  }))
