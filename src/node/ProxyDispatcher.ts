/**
 * Requests through a proxy, by undici's agents, which know how to speak to one. undici is loaded only here, and only a
 * program with a proxy needs it.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type * as Undici from "undici"
import type { Dispatcher, Options } from "./Dispatcher.ts"
import type { Request } from "./RequestWriter.ts"
import { fault, markStale } from "./TransportFault.ts"

/**
 * A dispatcher over a proxy: `"environment"`, or a URL.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = async (options: Options, proxy: string): Promise<Dispatcher> => {
  let undici: typeof Undici
  try {
    undici = await import("undici")
  } catch {
    return failing("ERR_PROXY_UNSUPPORTED", "A proxy is set, which needs undici: npm install undici@8")
  }
  return over(undici, options, proxy)
}

const over = ({ EnvHttpProxyAgent, ProxyAgent, buildConnector }: typeof Undici, options: Options, proxy: string) => {
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
    const dispatcher: Dispatcher = {
      // in the event loop's check phase the agent has taken back the connections that became free
      dispatch: (request, handler) => void setImmediate(() => agent.dispatch(asUndici(request), handler)),
      destroy: () => agent.destroy()
    }
    return dispatcher
  } catch {
    // the fault itself is not shown: it repeats the URL, which may hold a password
    return failing(
      "ERR_INVALID_PROXY",
      "The proxy is no valid URL (HTTP_PROXY, HTTPS_PROXY or the `proxy` option)"
    )
  }
}

// undici also sends iterables of bytes, and takes any method, which its declarations leave out
const asUndici = (request: Request) => request as unknown as Undici.Dispatcher.DispatchOptions

const failing = (code: string, message: string): Dispatcher => ({
  dispatch: (_, handler) => handler.onResponseError(undefined, fault(code, message)),
  destroy: async () => {}
})

const loopback = "localhost 127.0.0.1 ::1"

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

const watched = (connect: Undici.buildConnector.connector): Undici.buildConnector.connector => (options, callback) =>
  // the pool cancels an attempt through the socket that the connector returns
  connect(options, (...outcome) => {
    const socket = outcome[1]
    socket?.on("error", (error: Error) => {
      if (socket.bytesRead > 0) markStale(error)
    })
    callback(...outcome)
  })
