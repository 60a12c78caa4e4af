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
      Effect.map(Effect.promise(() => import("undici")), (undici) => open(undici, options)),
      ({ dispatcher }) => Effect.promise(() => dispatcher.destroy())
    ),
    ({ FormData, dispatcher, queuedAbort }) => new UndiciDispatcher(dispatcher, FormData, queuedAbort)
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
  readonly #FormData: typeof Undici.FormData

  constructor(dispatcher: Undici.Dispatcher, FormData: typeof Undici.FormData, queuedAbort: symbol | undefined) {
    this.#dispatcher = dispatcher
    this.#FormData = FormData
    this.#queuedAbort = queuedAbort
  }

  /** Sends a request. Never throws: a request that undici refuses fails through its handler. */
  dispatch(options: Undici.Dispatcher.DispatchOptions, handler: Handler): void {
    if (this.#queuedAbort !== undefined) Object.assign(options, { [this.#queuedAbort]: handler.onQueued })
    this.#dispatcher.dispatch(options, handler)
  }

  /** The same form in the class that undici can send. */
  formData(form: FormData): Undici.FormData {
    const copy = new this.#FormData()
    form.forEach((value, name) => {
      copy.append(name, value)
    })
    return copy
  }
}

const open = (undici: typeof Undici, options: Options) => {
  let dispatcher: Undici.Dispatcher
  try {
    dispatcher = choose(undici, options)
  } catch {
    // the fault itself is not shown: it repeats the URL, which may hold a password
    dispatcher = new undici.Agent({
      connect: (_, callback) =>
        callback(
          Object.assign(new Error("The proxy is no valid URL (HTTP_PROXY, HTTPS_PROXY or the `proxy` option)"), {
            code: "ERR_INVALID_PROXY"
          }),
          null
        )
    })
  }
  return { dispatcher, FormData: undici.FormData, queuedAbort: queuedAbortKey(undici) }
}

const loopback = "localhost 127.0.0.1 ::1"

const choose = (undici: typeof Undici, options: Options): Undici.Dispatcher => {
  const proxy = options.proxy ?? "environment"
  const agent = agentOptions(undici, options)
  if (proxy === "none") return new undici.Agent(agent)
  if (proxy !== "environment") return new undici.ProxyAgent({ ...agent, ...proxyTls(options), uri: proxy })
  const { env } = process
  const named = env.http_proxy || env.HTTP_PROXY || env.https_proxy || env.HTTPS_PROXY
  if (!named) return new undici.Agent(agent)
  const noProxy = `${env.no_proxy ?? env.NO_PROXY ?? ""} ${loopback}`
  return new undici.EnvHttpProxyAgent({ ...agent, ...proxyTls(options), noProxy })
}

const tlsOptions = (options: Options) => ({
  // said aloud, so that NODE_TLS_REJECT_UNAUTHORIZED=0 does not switch it off
  rejectUnauthorized: true,
  ...(options.ca !== undefined && { ca: typeof options.ca === "string" ? options.ca : [...options.ca] })
})

const proxyTls = (options: Options) => ({ requestTls: tlsOptions(options), proxyTls: tlsOptions(options) })

const agentOptions = (undici: typeof Undici, options: Options): Undici.Agent.Options => {
  const timeout = Duration.toMillis(options.connectTimeout ?? "10 seconds")
  return {
    allowH2: false,
    connections: options.connections ?? null,
    connectTimeout: timeout,
    keepAliveTimeout: Duration.toMillis(options.keepAliveTimeout ?? "30 seconds"),
    maxHeaderSize: options.maxHeaderBytes ?? 16 * 1024,
    connect: watched(undici.buildConnector({ ...tlsOptions(options), allowH2: false, timeout }))
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

/**
 * The key under which undici's own `request` gives a queued request the means to withdraw it. The key is private, so a
 * dispatcher that only looks at its options reads it there. Without it a withdrawn request costs a connection.
 */
const queuedAbortKey = (undici: typeof Undici): symbol | undefined => {
  let key: symbol | undefined
  class Probe extends undici.Dispatcher {
    override dispatch(options: Undici.Dispatcher.DispatchOptions): boolean {
      key = Object.getOwnPropertySymbols(options).find((symbol) => symbol.description === "queued abort")
      return true
    }
  }
  new Probe().request({ origin: "http://probe", path: "/", method: "GET", signal: new AbortController().signal })
    .catch(() => undefined)
  return key
}
