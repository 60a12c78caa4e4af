/**
 * The undici dispatcher below the client: its pool, its proxies, and the two things that undici knows and does not say,
 * whether a connection that broke had been used before and how a request that still waits for one is withdrawn.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Undici from "undici"

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
  Effect.map(
    Effect.acquireRelease(
      Effect.promise(() => open(options)),
      ({ dispatcher }) => Effect.promise(() => dispatcher.destroy())
    ),
    ({ dispatcher, queuedAbort }) => new UndiciDispatcher(dispatcher, queuedAbort)
  )

/**
 * A handler that can be told how to withdraw its request while it waits for a connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface Handler extends Undici.Dispatcher.DispatchHandler {
  readonly onQueued: (withdraw: (reason: Error) => void) => void
}

/**
 * Sends requests to a pool of connections.
 *
 * @category models
 * @since 0.1.0
 */
export class UndiciDispatcher {
  readonly #dispatcher: Undici.Dispatcher
  readonly #queuedAbort: symbol | undefined

  constructor(dispatcher: Undici.Dispatcher, queuedAbort: symbol | undefined) {
    this.#dispatcher = dispatcher
    this.#queuedAbort = queuedAbort
  }

  /** Sends a request. Never throws: a request that undici refuses fails through its handler. */
  dispatch(options: Undici.Dispatcher.DispatchOptions, handler: Handler): void {
    if (this.#queuedAbort !== undefined) Object.assign(options, { [this.#queuedAbort]: handler.onQueued })
    this.#dispatcher.dispatch(options, handler)
  }
}

interface Parts {
  readonly Agent: typeof Undici.Agent
  readonly buildConnector: typeof Undici.buildConnector
  /**
   * The option by which undici's own `request` learns how to withdraw a request that waits for a connection. Undici before
   * 8.13 has none; there a withdrawn request costs a connection.
   */
  readonly queuedAbort: symbol | undefined
}

/** The pool without the rest of undici (fetch, web sockets, caches), which takes as long to load again. */
const load = async (): Promise<Parts> => {
  const [agent, connect, symbols] = await Promise.all([
    // @ts-expect-error undici declares its types for the package alone and not for its files
    import("undici/lib/dispatcher/agent.js"),
    // @ts-expect-error as above
    import("undici/lib/core/connect.js"),
    // @ts-expect-error as above
    import("undici/lib/core/symbols.js")
  ])
  return { Agent: agent.default, buildConnector: connect.default, queuedAbort: symbols.default.kQueuedAbort }
}

const open = async (options: Options) => {
  const parts = await load()
  return { dispatcher: await choose(parts, options), queuedAbort: parts.queuedAbort }
}

const loopback = "localhost 127.0.0.1 ::1"

const choose = async (parts: Parts, options: Options): Promise<Undici.Dispatcher> => {
  const proxy = options.proxy ?? "environment"
  const agent = agentOptions(parts, options)
  const { env } = process
  const named = env.http_proxy || env.HTTP_PROXY || env.https_proxy || env.HTTPS_PROXY
  if (proxy === "none" || (proxy === "environment" && !named)) return new parts.Agent(agent)
  const { EnvHttpProxyAgent, ProxyAgent } = await import("undici")
  const proxied = { ...agent, requestTls: tlsOptions(options), proxyTls: tlsOptions(options) }
  const noProxy = `${env.no_proxy ?? env.NO_PROXY ?? ""} ${loopback}`
  try {
    return proxy === "environment"
      ? new EnvHttpProxyAgent({ ...proxied, noProxy })
      : new ProxyAgent({ ...proxied, uri: proxy })
  } catch {
    // the fault itself is not shown: it repeats the URL, which may hold a password
    return new parts.Agent({ connect: (_, callback) => callback(invalidProxy(), null) })
  }
}

const invalidProxy = () =>
  Object.assign(new Error("The proxy is no valid URL (HTTP_PROXY, HTTPS_PROXY or the `proxy` option)"), {
    code: "ERR_INVALID_PROXY"
  })

const tlsOptions = (options: Options) => ({
  // said aloud, so that NODE_TLS_REJECT_UNAUTHORIZED=0 does not switch it off
  rejectUnauthorized: true,
  ...(options.ca !== undefined && { ca: typeof options.ca === "string" ? options.ca : [...options.ca] })
})

const agentOptions = ({ buildConnector }: Parts, options: Options): Undici.Agent.Options => {
  const timeout = Duration.toMillis(options.connectTimeout ?? "10 seconds")
  return {
    allowH2: false,
    connections: options.connections ?? null,
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
