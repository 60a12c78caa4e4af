/**
 * The rows of a batch with their requests: which come next, and which are sent one after the other.
 *
 * @since 0.2.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import type * as Budget from "./pace/Budget.ts"
import type * as Request from "./rows/Request.ts"
import type * as Row from "./rows/Row.ts"
import type { RowError } from "./rows/RowError.ts"

/**
 * A row and the request for it.
 *
 * @category models
 * @since 0.2.0
 */
export interface Item {
  readonly row: Row.Row
  readonly request: Result.Result<Request.Request, RowError>
  /** What it reserves of the budget until it is done. */
  reserved: Budget.Used | undefined
}

/**
 * The next rows with their requests, at most this many.
 *
 * @category constructors
 * @since 0.2.0
 */
export const items = <E, R>(
  source: () => Effect.Effect<Row.Row | undefined, E, R>,
  mapping: Row.Mapping,
  limit = Number.POSITIVE_INFINITY
): () => Effect.Effect<Item | undefined, E, R> => {
  const item = (row: Row.Row | undefined): Item | undefined =>
    row === undefined ? undefined : { row, request: mapping(row), reserved: undefined }
  let taken = 0
  return () => {
    if (taken >= limit) return Effect.undefined
    taken++
    return Effect.mapEager(source(), item)
  }
}

/** The text of a row's request, by which rows that begin alike are grouped; empty if it has none. */
const beginning = (mapping: Row.Mapping) => (row: Row.Row): string => {
  const request = mapping(row)
  if (Result.isFailure(request)) return ""
  const { input } = request.success
  return typeof input === "string" ? input : JSON.stringify(input)
}

/**
 * Rows in windows, those that begin alike next to each other: a server then finds the beginning of their prompts in its
 * cache.
 *
 * @category combinators
 * @since 0.2.0
 */
export const together = <E, R>(
  pull: Pull.Pull<Arr.NonEmptyReadonlyArray<Row.Row>, E, void, R>,
  mapping: Row.Mapping,
  rows: number
): Pull.Pull<Arr.NonEmptyReadonlyArray<Row.Row>, E, void, R> => {
  const textOf = beginning(mapping)
  let ended = false
  const fill = (found: Array<Row.Row>): Effect.Effect<ReadonlyArray<Row.Row>, E, R> =>
    found.length >= rows || ended
      ? Effect.succeed(found)
      : Pull.matchEffect(pull, {
        onSuccess: (more) => {
          found.push(...more)
          return fill(found)
        },
        onFailure: Effect.failCause,
        onDone: () => {
          ended = true
          return Effect.succeed(found)
        }
      })
  return Effect.flatMap(Effect.suspend(() => fill([])), (found) => {
    const keyed = found.map((row) => [textOf(row), row] as const)
    const sorted = keyed.toSorted(([a], [b]) => a < b ? -1 : a > b ? 1 : 0).map(([, row]) => row)
    return Arr.isArrayNonEmpty(sorted) ? Effect.succeed(sorted) : Cause.done()
  })
}
