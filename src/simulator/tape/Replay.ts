/**
 * A server that responds from a tape, and only from it: a request that is not on the tape is an error that shows the nearest
 * one and the difference.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Exchange from "../wire/Exchange.ts"
import * as Difference from "./Difference.ts"
import * as Tape from "./Tape.ts"

/**
 * How a tape is played.
 *
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /** How fast: 1 is the original speed, 2 twice as fast. Default 0: everything at once. */
  readonly speed?: number | undefined
  /** Fields in which requests may differ and still match. Default: none. */
  readonly normalise?: ReadonlyArray<Tape.Normaliser> | undefined
}

interface Takes {
  readonly exchanges: Array<Tape.Exchange>
  next: number
}

const utf8 = new TextEncoder()

const json = (status: number, body: object): Exchange.Response => ({
  status,
  headers: { "content-type": "application/json", ...(status >= 400 && { "x-should-retry": "false" }) },
  body: JSON.stringify(body)
})

const parse = Schema.decodeUnknownResult(Schema.fromJsonString(Schema.Json))

/** The taped request of the same route that differs in the fewest places. */
const nearest = (
  exchanges: ReadonlyArray<Tape.Exchange>,
  asked: Tape.Exchange["request"],
  by: ReadonlyArray<Tape.Normaliser>
): ReadonlyArray<Difference.Difference> | undefined =>
  exchanges.filter(({ request }) => request.path === asked.path && request.method === asked.method)
    .map(({ request }) => Difference.between(Tape.canonical(request.body, by), Tape.canonical(asked.body, by)))
    .toSorted((a, b) => a.length - b.length)[0]

const missed = (
  tape: Tape.Tape,
  asked: Tape.Exchange["request"],
  by: ReadonlyArray<Tape.Normaliser>
): Exchange.Response => {
  const found = nearest(tape.exchanges, asked, by)
  const message = found === undefined
    ? `${asked.method} ${asked.path} is not on the tape, nor is any other request of that route`
    : `this request is not on the tape of ${tape.head.date}; the nearest one differs in ${
      Difference.lines(found).join("; ")
    }`
  return json(404, {
    error: { message, type: "invalid_request_error", param: found?.[0]?.path ?? null, code: "tape_miss" }
  })
}

const played = ({ ending, response }: Tape.Exchange, speed: number): Effect.Effect<Exchange.Response> => {
  const { at, body, events, headers, status } = response
  const waits = (millis: number): Effect.Effect<void> => speed === 0 ? Effect.void : Effect.sleep(millis / speed)
  if (events === undefined) {
    return Effect.as(waits(at), { status, headers, body: body === undefined ? "" : JSON.stringify(body) })
  }
  const spaced = events.map(([time, data], index) => ({ data, after: time - (events[index - 1]?.[0] ?? at) }))
  const said = Stream.mapEffect(
    Stream.fromIterable(spaced),
    ({ after, data }) => Effect.as(waits(Math.max(0, after)), utf8.encode(`data: ${data}\n\n`))
  )
  return Effect.as(waits(at), {
    status,
    headers,
    body: ending === "complete" ? said : Stream.concat(said, Stream.fail(new Exchange.Broken({ how: "fin" })))
  })
}

/**
 * Makes the server. Equal requests get the recorded responses of the tape one after the other, and then start again; the
 * order between different requests is free. Probes, and the list of the requested models, get a response too.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (tape: Tape.Tape, { normalise = [], speed = 0 }: Options = {}): Exchange.Handler => {
  const takes = new Map<string, Takes>()
  const models = new Set<string>()
  for (const exchange of tape.exchanges) {
    const key = Tape.keyOf(exchange.request, normalise)
    const known = takes.get(key)
    if (known === undefined) takes.set(key, { exchanges: [exchange], next: 0 })
    else known.exchanges.push(exchange)
    const { body } = exchange.request
    if (typeof body === "object" && body !== null && "model" in body) models.add(String(Reflect.get(body, "model")))
  }
  return ({ body, method, path }) =>
    Effect.suspend(() => {
      const [route = "/"] = path.split("?", 1)
      if (method === "GET" && route === "/health") return Effect.succeed(json(200, { status: "ok" }))
      if (method === "GET" && route === "/v1/models") {
        const data = [...models].map((id) => ({ id, object: "model", created: 0, owned_by: "tape" }))
        return Effect.succeed(json(200, { object: "list", data }))
      }
      const asked = { method, path: route, body: Result.getOrElse(parse(body), () => body) }
      const found = takes.get(Tape.keyOf(asked, normalise))
      const take = found?.exchanges[found.next]
      if (found === undefined || take === undefined) return Effect.succeed(missed(tape, asked, normalise))
      found.next = (found.next + 1) % found.exchanges.length
      return played(take, speed)
    })
}
