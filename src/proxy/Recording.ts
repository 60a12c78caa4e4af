/**
 * Exchanges → a tape. What must not be on one is left out or masked; if a key that is in use is still found, nothing is
 * written.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as HeaderFields from "../http/HeaderFields.ts"
import * as Tape from "../simulator/tape/Tape.ts"
import type * as Exchange from "./Exchange.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Options<E> {
  /** Every key that is in use: each one is searched for before anything is written. */
  readonly secrets: ReadonlyArray<Redacted.Redacted<string>>
  /** Writes a line at the end of the tape. */
  readonly write: (line: string) => Effect.Effect<void, E>
}

const json = Schema.decodeUnknownSync(Schema.Json)

/** The request as data: only values that JSON can represent. */
const plain = (value: unknown): Schema.Json => json(JSON.parse(JSON.stringify(value ?? null)))

const tapeOf = (exchange: Exchange.Exchange): Tape.Exchange | undefined => {
  const { answeredBy, body, ending, events, failure, head, method, path, request, status } = exchange
  // a client without a key, or with an unreadable request, has requested nothing
  if (status === undefined || head === undefined || request.body === undefined) return undefined
  const isStream = events !== undefined && status === 200
  return {
    request: { method, path, body: plain(request.body) },
    response: {
      status,
      at: head,
      headers: {
        "content-type": isStream ? "text/event-stream; charset=utf-8" : "application/json",
        ...(failure?.final === true && !isStream && { "x-should-retry": "false" })
      },
      ...(isStream ? { events } : { body: plain(body) })
    },
    ending,
    ...(answeredBy !== undefined && { by: answeredBy })
  }
}

/**
 * Writes each exchange to a tape. The first line is written with the first exchange.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = <E>({ secrets, write }: Options<E>, isNew: boolean) => {
  const known = secrets.map(Redacted.value)
  let begun = !isNew
  return Effect.fnUntraced(function*(exchange: Exchange.Exchange) {
    const taped = tapeOf(exchange)
    if (taped === undefined) return
    const line = Tape.line(taped, known)
    if (line === undefined) {
      yield* Effect.logWarning(`request ${exchange.id} is not on the tape: it contains a key that is in use`)
      return
    }
    const head = begun ? "" : Tape.headLine({
      tape: 1,
      date: new Date(yield* Clock.currentTimeMillis).toISOString(),
      package: HeaderFields.userAgent(undefined)
    })
    begun = true
    yield* write(head + line)
  })
}
