/**
 * How the client reaches an origin: by pools of its own, or through a proxy by undici's agents, which are loaded only then.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { Settings } from "./HttpConnection.ts"
import { closed, HttpPool, type PoolHandler } from "./HttpPool.ts"
import type { Request } from "./RequestWriter.ts"
import { fault } from "./TransportFault.ts"

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
export const make = (options: Options): Effect.Effect<Dispatcher, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => open(options)),
    (dispatcher) => Effect.promise(() => dispatcher.destroy())
  )

/**
 * Sends requests, and never throws: a request that cannot be sent fails through its handler.
 *
 * @category models
 * @since 0.1.0
 */
export interface Dispatcher {
  /** Sends a request; `fresh` asks for a new connection. */
  readonly dispatch: (request: Request, handler: PoolHandler, fresh: boolean) => void
  readonly destroy: () => Promise<void>
}

const open = async (options: Options): Promise<Dispatcher> => {
  const proxy = options.proxy ?? "environment"
  const { env } = process
  const named = env.http_proxy || env.HTTP_PROXY || env.https_proxy || env.HTTPS_PROXY
  return proxy === "none" || (proxy === "environment" && !named)
    ? direct(options)
    : (await import("./ProxyDispatcher.ts")).make(options, proxy)
}

/** A pool for each origin. */
const direct = (options: Options): Dispatcher => {
  const settings = settingsOf(options)
  const pools = new Map<string, HttpPool>()
  const poolOf = (origin: string): HttpPool | undefined => {
    const url = new URL(origin)
    if (url.protocol !== "http:" && url.protocol !== "https:") return undefined
    const pool = new HttpPool(url, settings, options.connections ?? Infinity, settings.keep)
    pools.set(origin, pool)
    return pool
  }
  let open = true
  return {
    dispatch: (request, handler, fresh) => {
      const pool = pools.get(request.origin) ?? poolOf(request.origin)
      if (pool === undefined) handler.onResponseError(undefined, fault("UND_ERR_INVALID_ARG", "the URL is not of http"))
      else if (open) pool.dispatch(request, handler, fresh)
      else handler.onResponseError(undefined, closed())
    },
    destroy: async () => {
      open = false
      for (const pool of pools.values()) pool.destroy()
    }
  }
}

/**
 * What the options say, with the defaults.
 *
 * @category accessors
 * @since 0.1.0
 */
export const settingsOf = (options: Options): Settings & { readonly keep: number } => ({
  connectTimeout: timer(Duration.toMillis(options.connectTimeout ?? "10 seconds")),
  maxHeadBytes: options.maxHeaderBytes ?? 16 * 1024,
  ca: options.ca === undefined || typeof options.ca === "string" ? options.ca : [...options.ca],
  keep: Duration.toMillis(options.keepAliveTimeout ?? "30 seconds")
})

/** The longest time that Node's timers can wait, 24 days. */
const longest = 2 ** 31 - 1

/**
 * A limit in milliseconds as timers take it: whole, and 0 for none.
 *
 * @category conversions
 * @since 0.1.0
 */
export const timer = (limit: number | undefined): number =>
  limit === undefined || !Number.isFinite(limit) ? 0 : Math.min(Math.max(1, Math.ceil(limit)), longest)
