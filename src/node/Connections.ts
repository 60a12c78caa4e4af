/**
 * The connections of a client: for each origin as many undici clients, of one connection each, as there are concurrent
 * requests. A request has a client to itself until its response is complete, and the next request takes the client that was
 * used last, so there are never more connections than requests.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import type * as Net from "node:net"
import { buildConnector, Client, type Dispatcher } from "undici"
import { fault } from "../http/TransportFault.ts"
import { timer } from "../http/Watch.ts"

/**
 * How to connect. Connections speak HTTP/1.1, so that N concurrent requests are N connections, and TLS certificates are
 * always verified.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Connections per origin; requests beyond that wait their turn. Default: as many as there are concurrent requests. */
  readonly connections?: number | undefined
  /** Time limit for the name lookup and the TCP and TLS handshakes together. Default: 10 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
  /** How long an idle connection is kept at most; less if the server says so. Default: 30 seconds. */
  readonly keepAliveTimeout?: Duration.Input | undefined
  /** Bytes of the response headers. Default: 16 KiB. */
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
 * A request in the form of undici, with its origin. A body may also be any iterable of bytes or texts.
 *
 * @category models
 * @since 0.2.0
 */
export interface Request extends Omit<Dispatcher.DispatchOptions, "body" | "headers"> {
  readonly origin: string
  /** Names and values, alternating. */
  readonly headers: Array<string>
  readonly body: null | string | Uint8Array | AsyncIterable<unknown> | Iterable<unknown>
}

/**
 * The sender of a request, which learns of its connection.
 *
 * @category models
 * @since 0.2.0
 */
export interface Sender extends Dispatcher.DispatchHandler {
  readonly onResponseError: (controller: Dispatcher.DispatchController | null, error: Error) => void
  /** The request waits for a connection, and `withdraw` takes it back. */
  readonly onQueued: (withdraw: () => void) => void
  /** The request has a connection, to be released when its response is complete and discarded otherwise. */
  readonly onLeased: (lease: Lease) => void
}

/**
 * A connection as its request sees it.
 *
 * @category models
 * @since 0.2.0
 */
export interface Lease {
  /** It had carried another request before this one. */
  readonly reused: boolean
  /** Bytes of the request that the kernel has not taken yet. */
  readonly unsent: number
  readonly release: () => void
  /** Closes it, and fails its request, if any, with this error. */
  readonly discard: (error?: Error) => void
}

/**
 * Sends requests, and never throws: a request that cannot be sent fails through its sender.
 *
 * @category models
 * @since 0.2.0
 */
export interface Connections {
  /** Sends a request; `fresh` requires a new connection. */
  readonly dispatch: (request: Request, sender: Sender, fresh: boolean) => void
  readonly destroy: () => void
}

/** The failure of a request that is made too late. */
const closed = (): Error => fault("ERR_CLIENT_CLOSED", "The client was closed with its scope")

/**
 * Direct connections.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (options: Options): Connections => {
  const { client, connectTimeout, tls } = settings(options)
  const connect = buildConnector({ ...tls, allowH2: false, timeout: connectTimeout })
  const limit = options.connections ?? Infinity
  const pools = new Map<string, Pool>()
  const poolOf = (origin: string): Pool | undefined => {
    if (!/^https?:/.test(origin)) return undefined
    const pool = new Pool(origin, client, connect, limit)
    pools.set(origin, pool)
    return pool
  }
  let open = true
  return {
    dispatch: (request, sender, fresh) => {
      const pool = pools.get(request.origin) ?? poolOf(request.origin)
      if (pool === undefined) {
        sender.onResponseError(null, fault("ERR_INVALID_URL", "The URL is not an http or https URL"))
      } else if (open) pool.dispatch(request, sender, fresh)
      else sender.onResponseError(null, closed())
    },
    destroy: () => {
      open = false
      for (const pool of pools.values()) pool.destroy()
    }
  }
}

/**
 * The options, with the defaults, by undici's names.
 *
 * @category accessors
 * @since 0.2.0
 */
export const settings = (options: Options) => {
  const ca = typeof options.ca === "string" || options.ca === undefined ? options.ca : [...options.ca]
  const keep = timer(Duration.toMillis(options.keepAliveTimeout ?? "30 seconds")) || 2 ** 31 - 1
  const client: Client.Options = {
    allowH2: false,
    keepAliveTimeout: keep,
    keepAliveMaxTimeout: keep,
    maxHeaderSize: options.maxHeaderBytes ?? 16 * 1024,
    headersTimeout: 0,
    bodyTimeout: 0
  }
  return {
    client,
    connectTimeout: timer(Duration.toMillis(options.connectTimeout ?? "10 seconds")),
    // set explicitly so that NODE_TLS_REJECT_UNAUTHORIZED=0 cannot disable it
    tls: { rejectUnauthorized: true, ...(ca !== undefined && { ca }) }
  }
}

interface Waiting {
  readonly request: Request
  readonly sender: Sender
}

/** The connections to one origin. */
class Pool {
  readonly #origin: string
  readonly #settings: Client.Options
  readonly #connect: buildConnector.connector
  readonly #limit: number
  readonly #all = new Set<Connection>()
  /** The connection that was used last is at the end. */
  readonly #idle: Array<Connection> = []
  readonly #waiting = new Set<Waiting>()

  constructor(origin: string, settings: Client.Options, connect: buildConnector.connector, limit: number) {
    this.#origin = origin
    this.#settings = settings
    this.#connect = connect
    this.#limit = limit
  }

  dispatch(request: Request, sender: Sender, fresh: boolean): void {
    const connection = (fresh ? undefined : this.#idle.pop()) ??
      (this.#all.size < this.#limit ? this.#open() : undefined)
    if (connection !== undefined) return connection.send(request, sender)
    const waiting = { request, sender }
    this.#waiting.add(waiting)
    sender.onQueued(() => void this.#waiting.delete(waiting))
  }

  release(connection: Connection): void {
    if (!this.#all.has(connection)) return
    this.#idle.push(connection)
    this.#next()
  }

  forget(connection: Connection): void {
    if (!this.#all.delete(connection)) return
    const at = this.#idle.lastIndexOf(connection)
    if (at >= 0) this.#idle.splice(at, 1)
    this.#next()
  }

  destroy(): void {
    for (const { sender } of this.#waiting) sender.onResponseError(null, closed())
    this.#waiting.clear()
    for (const connection of this.#all) connection.discard(closed())
  }

  #open(): Connection {
    const connection = new Connection(this, this.#origin, this.#settings, this.#connect)
    this.#all.add(connection)
    return connection
  }

  /** Serves waiting requests, once the connection that became free is done and before any new request. */
  #next(): void {
    if (this.#waiting.size > 0) queueMicrotask(this.#serve)
  }

  readonly #serve = (): void => {
    for (const waiting of this.#waiting) {
      if (this.#idle.length === 0 && this.#all.size >= this.#limit) return
      this.#waiting.delete(waiting)
      this.dispatch(waiting.request, waiting.sender, false)
    }
  }
}

/** An undici client of one connection. */
class Connection implements Lease {
  readonly #pool: Pool
  readonly #client: Client
  #socket: Net.Socket | undefined
  #busy = false
  reused = false

  constructor(pool: Pool, origin: string, settings: Client.Options, connect: buildConnector.connector) {
    this.#pool = pool
    this.#client = new Client(origin, {
      ...settings,
      // the socket is noted from the moment it starts to connect, so that a request can be given up before that too
      connect: (options, callback) => this.#socket = socketOf(connect(options, callback))
    })
    this.#client.on("disconnect", () => {
      if (!this.#busy) this.discard()
    })
  }

  get unsent(): number {
    return this.#socket?.writableLength ?? 0
  }

  send(request: Request, sender: Sender): void {
    this.#busy = true
    sender.onLeased(this)
    this.#client.dispatch(asUndici(request), sender)
  }

  release(): void {
    this.#busy = false
    this.reused = true
    this.#pool.release(this)
  }

  discard(error?: Error): void {
    this.#pool.forget(this)
    if (this.#client.destroyed) return
    this.#client.destroy(error ?? closed(), () => {})
    this.#socket?.destroy(this.#socket.connecting ? error : undefined)
  }
}

/** The declarations of undici leave out what its connector returns: the socket. */
const socketOf = (returned: unknown): Net.Socket | undefined => returned as Net.Socket | undefined

/**
 * undici also sends iterables of bytes, and takes any method, which its declarations leave out.
 *
 * @category conversions
 * @since 0.2.0
 */
export const asUndici = (request: Request): Dispatcher.DispatchOptions =>
  request as unknown as Dispatcher.DispatchOptions
