/**
 * An Effect over requests on a socket of Node, until its scope closes.
 *
 * @since 0.2.0
 */
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import type * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as NetAddress from "effect/net/NetAddress"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import { CommandExit } from "../terminal/CommandExit.ts"

/** Longer than cloud balancers keep a connection; otherwise they would use one that has just been closed. */
const KEEP_ALIVE = 75_000

/**
 * Where to listen.
 *
 * @category models
 * @since 0.2.0
 */
export interface Options {
  readonly host: string
  /** 0 takes a free port. */
  readonly port: number
}

/**
 * Serves until the scope closes, then gives requests in flight up to 10 seconds to end. Returns the address without a
 * trailing slash. A port that is taken ends the command with a usage error.
 *
 * @category serving
 * @since 0.2.0
 */
export const serve = Effect.fnUntraced(function*(
  app: Effect.Effect<
    HttpServerResponse.HttpServerResponse,
    never,
    HttpServerRequest.HttpServerRequest | Scope.Scope
  >,
  { host, port }: Options
) {
  const server = yield* NodeHttpServer.make(
    () => Http.createServer({ keepAliveTimeout: KEEP_ALIVE, headersTimeout: 60_000, requestTimeout: 300_000 }),
    { host, port, gracefulShutdownTimeout: "10 seconds" }
  ).pipe(
    Effect.catch(({ cause }) =>
      Effect.andThen(
        Console.error(
          `cannot listen on ${host}:${port}: ${cause instanceof Error ? cause.message : String(cause)}. ` +
            "Choose another --port, or 0 for any free one"
        ),
        new CommandExit({ code: 2 })
      )
    )
  )
  yield* server.serve(app)
  const { address } = server
  const taken = NetAddress.isUnixPathAddress(address) ? port : address.port
  return { url: `http://${host.includes(":") ? `[${host}]` : host}:${taken}`, port: taken }
})

/**
 * Whether an address can be reached from other machines.
 *
 * @category guards
 * @since 0.2.0
 */
export const isOpen = (host: string): boolean => !/^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/.test(host)
