/**
 * Lines of JSON → rows. Whole numbers beyond 2^53 are bigint, with all of their digits.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Bytes from "../../http/Bytes.ts"
import * as DatasetError from "../DatasetError.ts"
import type { Row } from "../parquet/Parquet.ts"

const LF = 10

/** Splits on bytes, so that only whole lines are decoded. */
class Splitter {
  #rest: Array<Uint8Array> = []

  push(chunk: Uint8Array): Array<Uint8Array> {
    const lines: Array<Uint8Array> = []
    let start = 0
    for (let end = chunk.indexOf(LF); end !== -1; end = chunk.indexOf(LF, start)) {
      lines.push(this.#joined(chunk.subarray(start, end)))
      start = end + 1
    }
    if (start < chunk.length) this.#rest.push(chunk.slice(start))
    return lines
  }

  end(): Array<Uint8Array> {
    return this.#rest.length === 0 ? [] : [this.#joined(new Uint8Array())]
  }

  #joined(last: Uint8Array): Uint8Array {
    if (this.#rest.length === 0) return last
    const parts = [...this.#rest, last]
    this.#rest = []
    return Bytes.join(parts)
  }
}

/** The third argument of a reviver, which the type of `JSON.parse` does not have yet. */
type Reviver = (key: string, value: unknown, context?: { readonly source?: string }) => unknown

const exact: Reviver = (_, value, context) =>
  typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? "")
    ? BigInt(context?.source ?? "")
    : value

const parse = (text: string): unknown => /\d{16}/.test(text) ? JSON.parse(text, exact) : JSON.parse(text)

const isRow = (value: unknown): value is Row => typeof value === "object" && value !== null && !Array.isArray(value)

const decoder = new TextDecoder("utf-8", { fatal: true })

const rowOf = (path: string, bytes: Uint8Array, row: number): Row | DatasetError.DatasetError | undefined => {
  const invalid = (problem: string) => DatasetError.of("read")(new DatasetError.InvalidRow({ path, row, problem }))
  try {
    const text = decoder.decode(bytes)
    if (text.trim() === "") return undefined
    const value = parse(text)
    return isRow(value) ? value : invalid("is not an object")
  } catch (error) {
    return invalid(error instanceof SyntaxError ? `is not valid JSON: ${error.message}` : "is not UTF-8")
  }
}

/**
 * The rows of a file of lines whose bytes come in pieces; empty lines are left out.
 *
 * @category conversions
 * @since 0.2.0
 */
export const rows = <E, R>(
  path: string,
  bytes: Stream.Stream<Uint8Array, E, R>
): Stream.Stream<Row, E | DatasetError.DatasetError, R> =>
  Stream.suspend(() => {
    const splitter = new Splitter()
    let count = 0
    const rowsOf = (lines: ReadonlyArray<Uint8Array>) => {
      const found: Array<Row> = []
      for (const line of lines) {
        const row = rowOf(path, line, count)
        if (row instanceof DatasetError.DatasetError) return Effect.fail(row)
        if (row === undefined) continue
        count++
        found.push(row)
      }
      return Effect.succeed(found)
    }
    return bytes.pipe(
      Stream.mapEffect((chunk) => rowsOf(splitter.push(chunk))),
      Stream.concat(Stream.fromEffect(Effect.suspend(() => rowsOf(splitter.end())))),
      Stream.flatMap((found) => Stream.fromIterable(found))
    )
  })

const invalidFile = (path: string, problem: string) =>
  Effect.fail(DatasetError.of("read")(new DatasetError.InvalidFile({ path, problem })))

/**
 * The rows of a file that is one array of objects, which is held in memory as a whole.
 *
 * @category conversions
 * @since 0.2.0
 */
export const array = <E, R>(
  path: string,
  bytes: Stream.Stream<Uint8Array, E, R>
): Stream.Stream<Row, E | DatasetError.DatasetError, R> =>
  Stream.unwrap(Effect.flatMap(Stream.mkString(Stream.decodeText(bytes)), (text) => {
    try {
      const value = parse(text)
      return Array.isArray(value) && value.every(isRow)
        ? Effect.succeed(Stream.fromIterable(value))
        : invalidFile(path, "is not an array of objects: write one object per line, or an array of them")
    } catch (error) {
      return invalidFile(path, `is not valid JSON: ${error instanceof Error ? error.message : String(error)}`)
    }
  }))
