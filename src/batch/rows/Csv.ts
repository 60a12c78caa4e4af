/**
 * CSV → rows, by `csv-parse`. Every value stays text, as it stands in the file; a row that is too short or too long ends
 * the reading, and so does a header that names two columns alike.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type { Raw } from "./Part.ts"

const duplicateOf = (header: ReadonlyArray<string>): string | undefined =>
  header.find((name, at) => header.indexOf(name) !== at)

interface Parsed {
  readonly info: { readonly lines: number }
  readonly record: Readonly<Record<string, string>>
}

/**
 * The rows of a CSV file that comes in pieces. Fails with what is wrong with it.
 *
 * @category constructors
 * @since 0.2.0
 */
export const read = <E, R>(next: Effect.Effect<Uint8Array | undefined, E, R>, delimiter: string) =>
  Effect.gen(function*() {
    const { parse } = yield* Effect.promise(() => import("csv-parse"))
    const found: Array<Raw> = []
    let failure: string | undefined
    let wake: (() => void) | undefined
    let index = 0
    const fail = (problem: string) => {
      failure ??= problem
      wake?.()
    }
    const parser = yield* Effect.acquireRelease(
      Effect.sync(() =>
        parse({
          bom: true,
          delimiter,
          info: true,
          skip_empty_lines: true,
          columns: (header: ReadonlyArray<string>) => {
            const twice = duplicateOf(header)
            if (twice !== undefined) fail(`its header names the column ${JSON.stringify(twice)} twice`)
            return [...header]
          }
        })
      ),
      (parser) => Effect.sync(() => parser.destroy())
    )
    parser.on("data", ({ info, record }: Parsed) => {
      found.push({ number: info.lines, index: index++, columns: record })
    })
    parser.on("error", (error) => fail(`is not valid CSV: ${error.message}`))
    parser.on("end", () => wake?.())
    const step = (run: (done: () => void) => void) =>
      Effect.callback<void>((resume) => {
        wake = () => resume(Effect.void)
        run(wake)
      })
    let ended = false
    const pull: Effect.Effect<ReadonlyArray<Raw> | undefined, E | string, R> = Effect.suspend(() => {
      if (failure !== undefined) return Effect.fail(failure)
      if (ended) return Effect.undefined
      return Effect.flatMap(next, (bytes) => {
        // the parser keeps slices of what it is given, and the bytes are overwritten by the next block
        const given = bytes === undefined ? undefined : Uint8Array.from(bytes)
        if (given === undefined) ended = true
        return Effect.flatMap(
          step((done) => given === undefined ? parser.end() : parser.write(given, done)),
          () => failure === undefined ? Effect.sync(() => found.splice(0)) : Effect.fail(failure)
        )
      })
    })
    return pull
  })
