/**
 * How the client reaches an origin: by pools of its own, or through a proxy by undici's agents; and whether a connection
 * that broke had been used before, which undici knows and does not say.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Undici from "undici"
import { fault } from "./TransportFault.ts"
import { closed, type Handler, UndiciPool } from "./UndiciPool.ts"

/**
 * How to connect. Connections speak HTTP/1.1, so that N requests at once are N connections, and TLS certificates are
 * always verified.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Connections an origin; requests beyond wait their turn. Default: as many as there are requests at once. */
  readonly connections?: number | undefined
  /** Limit of name lookup, TCP and TLS handshake together. Default: 10 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
  /** How long an idle connection is kept when the server does not say. Default: 30 seconds. */
  readonly keepAliveTimeout?: Duration.Input | undefined
  /** Bytes of a response head. Default: 16 KiB. */
  readonly maxHeaderBytes?: number | undefined
  /** Certificate authorities to trust instead of Node's own, as PEM. */
  readonly ca?: string | ReadonlyArray<string> | undefined
  /**
   * `"environment"`, the default, follows `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` (either case) and never sends
   * loopback addresses to a proxy; `"none"` connects directly; anything else is the URL of the proxy for every request.
   */
  readonly proxy?: "environment" | "none" | (string & {}) | undefined
}

/**
 * Makes a dispatcher that lives as long as the scope; its connections are destroyed with it. A proxy that is no URL
 * fails every request instead of the construction, since it is a fault of the network settings and not of the program.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options): Effect.Effect<UndiciDispatcher, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => open(options)),
    (dispatcher) => Effect.promise(() => dispatcher.destroy())
  )

/**
 * Sends requests, and never throws: a request that undici refuses fails through its handler.
 *
 * @category models
 * @since 0.1.0
 */
export interface UndiciDispatcher {
  /** Sends a request; `fresh` asks for a new connection. */
  readonly dispatch: (options: Undici.Dispatcher.DispatchOptions, handler: Handler, fresh: boolean) => void
  readonly destroy: () => Promise<void>
}

const open = async (options: Options): Promise<UndiciDispatcher> => {
  const proxy = options.proxy ?? "environment"
  const { env } = process
  const named = env.http_proxy || env.HTTP_PROXY || env.https_proxy || env.HTTPS_PROXY
  return proxy === "none" || (proxy === "environment" && !named) ? direct(options) : proxied(options, proxy)
}

/** A pool for each origin, made of undici's connections without the rest of it, which takes as long to load again. */
const direct = async (options: Options): Promise<UndiciDispatcher> => {
  const [client, connect, symbols] = await Promise.all([
    // @ts-expect-error undici declares its types for the package alone and not for its files
    import("undici/lib/dispatcher/client.js"),
    // @ts-expect-error as above
    import("undici/lib/core/connect.js"),
    // @ts-expect-error as above
    import("undici/lib/core/symbols.js")
  ])
  const Client: typeof Undici.Client = client.default
  // undici before 8.13 has no such option; there a request that is withdrawn while it connects lets it connect
  const queuedAbort: symbol | undefined = symbols.default.kQueuedAbort
  const settings = connectionOptions(connect.default, options)
  const limit = options.connections ?? Infinity
  const pools = new Map<string, UndiciPool>()
  const poolOf = (origin: string) => {
    const pool = new UndiciPool(() => new Client(origin, settings), limit, queuedAbort)
    pools.set(origin, pool)
    return pool
  }
  let open = true
  return {
    dispatch: (request, handler, fresh) => {
      const origin = String(request.origin)
      const pool = pools.get(origin) ?? poolOf(origin)
      if (open) pool.dispatch(request, handler, fresh)
      else handler.onResponseError(undefined, closed())
    },
    destroy: async () => {
      open = false
      await Promise.all(Array.from(pools.values(), (pool) => pool.destroy()))
    }
  }
}

/** undici's own agents, which know how to speak to a proxy. */
const proxied = async (options: Options, proxy: string): Promise<UndiciDispatcher> => {
  const { EnvHttpProxyAgent, ProxyAgent, buildConnector } = await import("undici")
  const { no_proxy, NO_PROXY } = process.env
  const settings = {
    ...connectionOptions(buildConnector, options),
    connections: options.connections ?? null,
    requestTls: tlsOptions(options),
    proxyTls: tlsOptions(options)
  }
  try {
    const agent: Undici.Dispatcher = proxy === "environment"
      ? new EnvHttpProxyAgent({ ...settings, noProxy: `${no_proxy ?? NO_PROXY ?? ""} ${loopback}` })
      : new ProxyAgent({ ...settings, uri: proxy })
    return {
      // in the event loop's check phase the agent has taken back the connections that became free
      dispatch: (request, handler) => void setImmediate(() => agent.dispatch(request, handler)),
      destroy: () => agent.destroy()
    }
  } catch {
    // the fault itself is not shown: it repeats the URL, which may hold a password
    return { dispatch: (_, handler) => handler.onResponseError(undefined, invalidProxy()), destroy: async () => {} }
  }
}

const loopback = "localhost 127.0.0.1 ::1"

const invalidProxy = () =>
  fault("ERR_INVALID_PROXY", "The proxy is no valid URL (HTTP_PROXY, HTTPS_PROXY or the `proxy` option)")

const tlsOptions = (options: Options) => ({
  // said aloud, so that NODE_TLS_REJECT_UNAUTHORIZED=0 does not switch it off
  rejectUnauthorized: true,
  ...(options.ca !== undefined && { ca: typeof options.ca === "string" ? options.ca : [...options.ca] })
})

const connectionOptions = (
  buildConnector: typeof Undici.buildConnector,
  options: Options
): Undici.Client.Options => {
  const timeout = Duration.toMillis(options.connectTimeout ?? "10 seconds")
  return {
    allowH2: false,
    connectTimeout: timeout,
    keepAliveTimeout: Duration.toMillis(options.keepAliveTimeout ?? "30 seconds"),
    maxHeaderSize: options.maxHeaderBytes ?? 16 * 1024,
    connect: watched(buildConnector({ ...tlsOptions(options), allowH2: false, timeout }))
  }
}

// errors of a socket that had already carried an answer
const ofReusedSocket = new WeakSet<Error>()

const watched = (connect: Undici.buildConnector.connector): Undici.buildConnector.connector => (options, callback) =>
  // the pool cancels an attempt through the socket that the connector returns
  connect(options, (...outcome) => {
    const socket = outcome[1]
    socket?.on("error", (error: Error) => {
      if (socket.bytesRead > 0) ofReusedSocket.add(error)
    })
    callback(...outcome)
  })

/**
 * Tells whether a request failed because a kept connection was closed under it: the reset of a socket that had carried
 * an earlier answer. It holds only for a request that has not had a byte of its own answer; then the server never took
 * it up, and sending it again is safe. Behind a proxy undici connects by itself and some resets are not recognised.
 *
 * @category guards
 * @since 0.1.0
 */
export const isStaleConnection = (error: Error & { readonly code?: unknown; readonly socket?: unknown }): boolean => {
  switch (error.code) {
    case "ECONNRESET":
    case "EPIPE":
      return ofReusedSocket.has(error)
    case "UND_ERR_SOCKET":
      return typeof error.socket === "object" && error.socket !== null && "bytesRead" in error.socket &&
        Number(error.socket.bytesRead) > 0
    default:
      return false
  }
}
