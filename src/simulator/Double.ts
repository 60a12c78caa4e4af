/**
 * What the doubles of Hugging Face's services share: a handler for requests, a journal of what came in, and a client that
 * finds the handler by host, so that a whole platform runs inside one test on virtual time.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Ref from "effect/Ref"

/**
 * A request as a double received it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Received {
  readonly method: string
  readonly url: URL
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** The parsed JSON body, `undefined` when there is none. */
  readonly body: unknown
  /** Milliseconds since the epoch, on the clock of Effect. */
  readonly at: number
}

/**
 * Answers a request.
 *
 * @category models
 * @since 0.1.0
 */
export type Handler = (request: Received) => Effect.Effect<Response>

/**
 * A service in memory: the handler, and everything that it was asked, in order.
 *
 * @category models
 * @since 0.1.0
 */
export interface Double {
  readonly handler: Handler
  readonly received: Effect.Effect<ReadonlyArray<Received>>
}

/**
 * Adds a journal to a handler.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(handler: Handler) {
  const journal = yield* Ref.make<ReadonlyArray<Received>>([])
  const double: Double = {
    handler: (request) => Effect.andThen(Ref.update(journal, (all) => [...all, request]), handler(request)),
    received: Ref.get(journal)
  }
  return double
})

/**
 * An answer with a JSON body.
 *
 * @category answers
 * @since 0.1.0
 */
export const json = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Response =>
  new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json", ...headers } })

/**
 * An answer that sends elsewhere.
 *
 * @category answers
 * @since 0.1.0
 */
export const redirect = (
  status: 302 | 307,
  location: string,
  headers: Readonly<Record<string, string>> = {}
): Response =>
  new Response(`Temporary Redirect. Redirecting to ${location}`, { status, headers: { location, ...headers } })

/**
 * The bearer token of a request, `undefined` without one.
 *
 * @category reading
 * @since 0.1.0
 */
export const bearer = (request: Received): string | undefined =>
  /^Bearer (.+)$/.exec(request.headers["authorization"] ?? "")?.[1]

const bodyOf = (request: HttpClientRequest.HttpClientRequest): unknown => {
  if (request.body._tag !== "Uint8Array") return undefined
  try {
    return JSON.parse(new TextDecoder().decode(request.body.body))
  } catch {
    return undefined
  }
}

/**
 * A client whose network is a table of handlers by host (`host` or `host:port`, or `.domain` for
 * all hosts below it, where the longest wins). A
 * host that is not in the table can not be reached.
 *
 * @category clients
 * @since 0.1.0
 */
export const client = (hosts: Readonly<Record<string, Handler>>): HttpClient.HttpClient => {
  const domains = Object.entries(hosts).filter(([name]) => name.startsWith(".")).toSorted(([a], [b]) => b.length - a.length)
  const find = (host: string) => hosts[host] ?? domains.find(([domain]) => host.endsWith(domain))?.[1]
  return HttpClient.make(Effect.fnUntraced(function*(request, url) {
    const handler = find(url.host)
    if (handler === undefined) {
      return yield* new HttpClientError.HttpClientError({
        reason: new HttpClientError.TransportError({ request, description: `ENOTFOUND ${url.host}` })
      })
    }
    const at = yield* Clock.currentTimeMillis
    const answer = yield* handler({
      method: request.method,
      url,
      headers: { ...request.headers },
      body: bodyOf(request),
      at
    })
    return HttpClientResponse.fromWeb(request, answer)
  }))
}

/**
 * Lets some requests stumble before a handler sees them: the n-th answer of the list goes to the n-th request, `undefined`
 * lets it pass.
 *
 * @category faults
 * @since 0.1.0
 */
export const stumbling = Effect.fnUntraced(
  function*(answers: ReadonlyArray<(() => Response) | undefined>, handler: Handler) {
    const count = yield* Ref.make(0)
    const stumbles: Handler = (request) =>
      Effect.flatMap(Ref.getAndUpdate(count, (n) => n + 1), (n) => {
        const answer = answers[n]
        return answer === undefined ? handler(request) : Effect.sync(answer)
      })
    return stumbles
  }
)
