/**
 * What the doubles of Hugging Face's services share: a handler for requests, a journal of requests, and a client that
 * finds the handler by host, so that a whole platform runs inside one test on virtual time.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Option from "effect/Option"
import * as Exchange from "./Exchange.ts"
import * as SimulatedClient from "./SimulatedClient.ts"

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
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string
  /** The body as it arrived, if the carrier knows it. */
  readonly bytes?: Uint8Array | undefined
  /** Milliseconds since the epoch, on the clock of Effect. */
  readonly at: number
}

/**
 * Responds to a request.
 *
 * @category models
 * @since 0.1.0
 */
export type Handler = (request: Received) => Effect.Effect<Exchange.Response, Exchange.Broken>

/**
 * A service in memory: the handler, and all requests to it, in order.
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
export const make = (handler: Handler): Effect.Effect<Double> =>
  Effect.sync(() => {
    const journal: Array<Received> = []
    return {
      handler: (request) =>
        Effect.suspend(() => {
          journal.push(request)
          return handler(request)
        }),
      received: Effect.sync(() => [...journal])
    }
  })

/**
 * Puts a simulated server behind a host.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromServer = (server: Exchange.Handler): Handler => ({ body, headers, method, url }) =>
  server({ method, path: url.pathname + url.search, headers, body })

/** Responses with a body, without one, and redirects; and the token of a request. @category answers @since 0.1.0 */
export { bearer, json, plain, redirect } from "./DoubleResponse.ts"

/**
 * A client whose network is a table of handlers by host (`host` or `host:port`, or `.domain` for all hosts below it, where
 * the longest wins). A host that is not in the table refuses the connection.
 *
 * @category clients
 * @since 0.1.0
 */
export const client = (hosts: Readonly<Record<string, Handler>>): HttpClient.HttpClient => {
  const domains = Object.entries(hosts).filter(([name]) => name.startsWith(".")).toSorted(([a], [b]) =>
    b.length - a.length
  )
  const find = (host: string) => hosts[host] ?? domains.find(([domain]) => host.endsWith(domain))?.[1]
  const at = (origin: string, host: string): HttpClient.HttpClient =>
    SimulatedClient.make((request) =>
      Effect.flatMap(Clock.currentTimeMillis, (now) => {
        const handler = find(host)
        return handler === undefined
          ? Effect.fail(new Exchange.Broken({ how: "refused" }))
          : handler({ ...request, url: new URL(request.path, origin), headers: { ...request.headers }, at: now })
      })
    )
  const nowhere = at("", "")
  return HttpClient.makeWith<never, never, HttpClientError.HttpClientError, never>(
    Effect.flatMap((request) => {
      const url = Option.getOrUndefined(HttpClientRequest.toUrl(request))
      return (url === undefined ? nowhere : at(url.origin, url.host)).execute(request)
    }),
    Effect.succeed
  )
}

/**
 * Lets some requests fail before a handler sees them: the n-th response of the list goes to the n-th request, `undefined`
 * lets it pass.
 *
 * @category faults
 * @since 0.1.0
 */
export const stumbling = (
  answers: ReadonlyArray<Exchange.Response | undefined>,
  handler: Handler
): Effect.Effect<Handler> =>
  Effect.sync(() => {
    let count = 0
    return (request) =>
      Effect.suspend(() => {
        const answer = answers[count++]
        return answer === undefined ? handler(request) : Effect.succeed(answer)
      })
  })
