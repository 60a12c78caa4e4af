/**
 * Whether a live server still responds as it did on a tape: each request is sent to it, and the shapes are compared.
 *
 * @since 0.2.0
 */

import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as EndpointUrl from "../../endpoint/address/EndpointUrl.ts"
import * as Difference from "../../simulator/tape/Difference.ts"
import type * as Tape from "../../simulator/tape/Tape.ts"
import * as EventStream from "../../transport/events/EventStream.ts"
import { CommandExit } from "../terminal/CommandExit.ts"
import { visible } from "../terminal/Visible.ts"

const parse = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Json))

const values = (texts: ReadonlyArray<string>): ReadonlyArray<Schema.Json> =>
  texts.flatMap((text) => Result.match(parse(text), { onSuccess: (value) => [value], onFailure: () => [] }))

const eventsOf = (text: string): ReadonlyArray<string> => {
  const found: Array<string> = []
  const parser = EventStream.make((data) => found.push(data))
  parser.push([new TextEncoder().encode(text)])
  parser.end()
  return found
}

const taped = ({ response }: Tape.Exchange): ReadonlyArray<Schema.Json> =>
  response.events === undefined ? [response.body ?? null] : values(response.events.map(([, data]) => data))

/**
 * Sends all requests of the tape to the live server, and reports what differs for each. Returns whether anything does.
 *
 * @category running
 * @since 0.2.0
 */
export const run = Effect.fnUntraced(
  function*(tape: Tape.Tape, server: string, token: Redacted.Redacted<string> | undefined) {
    const address = EndpointUrl.parse(server)
    if (Result.isFailure(address)) {
      yield* Console.error(`--against: ${address.failure}`)
      return yield* new CommandExit({ code: 2 })
    }
    const client = yield* HttpClient.HttpClient
    let stale = 0
    for (const [index, exchange] of tape.exchanges.entries()) {
      const { body, path } = exchange.request
      const request = HttpClientRequest.post(EndpointUrl.route(address.success, path)).pipe(
        HttpClientRequest.bodyJsonUnsafe(body),
        token === undefined ? (same) => same : HttpClientRequest.bearerToken(Redacted.value(token))
      )
      const { status, text } = yield* Effect.scoped(
        Effect.flatMap(
          client.execute(request),
          (response) => Effect.map(response.text, (text) => ({ status: response.status, text }))
        )
      ).pipe(
        Effect.catch((error) => Effect.andThen(Console.error(visible(error.message)), new CommandExit({ code: 1 })))
      )
      const live = exchange.response.events === undefined ? [text] : eventsOf(text)
      const { added, changed } = Difference.ofShapes(
        Difference.shapeOf(taped(exchange)),
        Difference.shapeOf(values(live))
      )
      const wrong = status === exchange.response.status
        ? changed
        : [`status: taped ${exchange.response.status}, now ${status}`, ...changed]
      if (wrong.length > 0) stale++
      for (const one of wrong) yield* Console.log(visible(`${index + 1} ${path}: ${one}`))
      for (const one of added) yield* Console.error(visible(`${index + 1} ${path}: new ${one}`))
    }
    yield* Console.error(
      `${tape.exchanges.length - stale} of ${tape.exchanges.length} exchanges have the shape of the tape`
    )
    return stale > 0
  },
  Effect.provide(FetchHttpClient.layer)
)
