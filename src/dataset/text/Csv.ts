/**
 * CSV → rows, by `csv-parse`. Every value stays text, as it stands in the file (`007`); a row that is too short or too long
 * ends the reading, and so does a header that names two columns alike.
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

/** The parser's transform, as this module drives it. */
interface Parser {
  readonly write: (bytes: Uint8Array, done: () => void) => void
  readonly end: () => void
  readonly destroy: () => void
}

/** Rows that are ready, and how the parser failed, if it did. */
class Collected {
  rows: Array<Row> = []
  problem: string | undefined = undefined
  wake: () => void = () => {}
  fail(problem: string): void {
    this.problem ??= problem
    this.wake()
  }
}

const open = Effect.fnUntraced(function*(delimiter: string) {
  const { parse } = yield* Builtin.csvParse
  const collected = new Collected()
  const parser = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const made = parse({
        bom: true,
        delimiter,
        skip_empty_lines: true,
        columns: (header: ReadonlyArray<string>) => {
          const twice = twiceIn(header)
          if (twice !== undefined) collected.fail(`its header names the column ${JSON.stringify(twice)} twice`)
          return [...header]
        }
      })
      made.on("data", (row: Row) => void collected.rows.push(row))
      made.on("error", ({ message }) => collected.fail(`is not valid CSV: ${message}`))
      made.on("end", () => collected.wake())
      return made
    }),
    (parser) => Effect.sync(() => parser.destroy())
  )
  return { collected, parser: parser as Parser }
})

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
  Stream.unwrap(Effect.map(open(delimiter), ({ collected, parser }) => {
    const taken = (work: (done: () => void) => void) =>
      Effect.flatMap(
        Effect.callback<void>((resume) => {
          collected.wake = () => resume(Effect.void)
          work(collected.wake)
        }),
        () =>
          collected.problem === undefined
            ? Effect.sync(() => collected.rows.splice(0))
            : Effect.fail(DatasetError.of("read")(new DatasetError.InvalidFile({ path, problem: collected.problem })))
      )
    return bytes.pipe(
      // the parser keeps slices of what it is given
      Stream.mapEffect((chunk) => taken((done) => parser.write(Uint8Array.from(chunk), done))),
      Stream.concat(Stream.fromEffect(Effect.suspend(() => taken(() => parser.end())))),
      Stream.flatMap((found) => Stream.fromIterable(found))
    )
  }))
