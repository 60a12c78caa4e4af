/**
 * Requests through a proxy, by undici's agents, which know how to speak to one. undici is loaded only here, and only a
 * program with a proxy needs it.
 *
 * @since 0.1.0
 */
import type * as Undici from "undici"
import { type Dispatcher, type Options, settingsOf } from "./Dispatcher.ts"
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
  const { ca, connectTimeout, keep, maxHeadBytes } = settingsOf(options)
  // said aloud, so that NODE_TLS_REJECT_UNAUTHORIZED=0 does not switch it off
  const tls = { rejectUnauthorized: true, ...(ca !== undefined && { ca }) }
  const settings = {
    allowH2: false,
    connectTimeout,
    keepAliveTimeout: keep,
    maxHeaderSize: maxHeadBytes,
    connect: watched(buildConnector({ ...tls, allowH2: false, timeout: connectTimeout })),
    connections: options.connections ?? null,
    requestTls: tls,
    proxyTls: tls
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

const watched = (connect: Undici.buildConnector.connector): Undici.buildConnector.connector => (options, callback) =>
  // the pool cancels an attempt through the socket that the connector returns
  connect(options, (...outcome) => {
    const socket = outcome[1]
    socket?.on("error", (error: Error) => {
      if (socket.bytesRead > 0) markStale(error)
    })
    callback(...outcome)
  })
