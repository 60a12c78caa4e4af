/**
 * CSV → rows. Every value stays text, as it is in the file; a row that is too short or too long ends the reading, and
 * so does a header that gives two columns the same name.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Csv from "../../dataset/text/Csv.ts"
import type { Raw } from "./Part.ts"

/**
 * The rows of a CSV file that comes in pieces. Fails with what is wrong with it.
 *
 * @category constructors
 * @since 0.2.0
 */
export const read = Effect.fnUntraced(function*<E, R>(
  next: Effect.Effect<Uint8Array | undefined, E, R>,
  delimiter: string
) {
  const { feed, finish } = yield* Effect.mapError(Csv.parser(delimiter), ({ reason }) => reason.message)
  let index = 0
  let ended = false
  const raws = (rows: ReadonlyArray<Csv.CsvRow>): ReadonlyArray<Raw> | undefined =>
    rows.map(({ line, row }) => ({ number: line, index: index++, columns: row }))
  const pull: Effect.Effect<ReadonlyArray<Raw> | undefined, E | string, R> = Effect.suspend(() =>
    ended ? Effect.undefined : Effect.flatMap(next, (bytes) => {
      ended = bytes === undefined
      return Effect.map(bytes === undefined ? finish : feed(bytes), raws)
    })
  )
  return pull
})
