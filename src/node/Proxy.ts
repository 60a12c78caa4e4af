/**
 * Requests through a proxy, with undici's agents, which implement its protocol. A failure on the way to the proxy, or a
 * refusal by it, is reported as the proxy's fault.
 *
 * @since 0.2.0
 */
import { type buildConnector, EnvHttpProxyAgent, Pool, ProxyAgent } from "undici"
import { fault } from "../http/TransportFault.ts"
import { asUndici, type Connections, type Options, type Request, type Sender, settings } from "./Connections.ts"

/** Bodies above this are sent in parts: undici then closes a connection whose response arrived before their end. */
const PART = 64 * 1024

const loopback = "localhost 127.0.0.1 ::1"

/**
 * The proxy to use, by the option: a URL, `"environment"` if its variables name one, or undefined.
 *
 * @category decoding
 * @since 0.2.0
 */
export const address = (option: string): string | undefined => {
  if (option !== "environment") return option === "none" ? undefined : option
  const { env } = process
  const named = env.http_proxy || env.HTTP_PROXY || env.https_proxy || env.HTTPS_PROXY
  return named === undefined || named === "" ? undefined : option
}

/**
 * Connections through a proxy: `"environment"`, or a URL.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (given: Options, proxy: string): Connections => {
  const { no_proxy, NO_PROXY } = process.env
  const { client, connectTimeout, tls } = settings(given)
  const shared = { ...client, connectTimeout, connections: given.connections ?? null }
  const options = {
    ...shared,
    connect: tls,
    requestTls: tls,
    proxyTls: tls,
    // what connects to the proxy itself: the first for tunnels, the second for plain requests, where it gets one option
    clientFactory: (origin: URL, options: object) => new Pool(origin, { ...client, ...toProxy(options) }),
    factory: (origin: URL, options: object) =>
      new Pool(origin, Object.keys(options).length === 1 ? { ...shared, ...toProxy(options) } : options)
  }
  try {
    const agent = proxy === "environment"
      ? new EnvHttpProxyAgent({ ...options, noProxy: `${no_proxy ?? NO_PROXY ?? ""} ${loopback}` })
      : new ProxyAgent({ ...options, uri: proxy })
    return {
      // in the event loop's check phase the agent has already taken back the connections that became free
      dispatch: (request, sender) => void setImmediate(() => agent.dispatch(asUndici(inParts(request)), told(sender))),
      destroy: () => void agent.destroy(null, () => {})
    }
  } catch {
    // the fault itself is not shown: it repeats the URL, which may hold a password
    const invalid = "The proxy is not a valid URL (HTTP_PROXY, HTTPS_PROXY or the option proxy)"
    return {
      dispatch: (_, sender) => sender.onResponseError(null, fault("ERR_INVALID_PROXY", invalid)),
      destroy: () => {}
    }
  }
}

/** The options of connections to the proxy itself: failures there are marked. */
const toProxy = (given: object): Pool.Options => {
  const { connect } = given as { readonly connect?: buildConnector.connector }
  return connect === undefined ? {} : {
    connect: (options, callback) =>
      connect(options, (...outcome) => {
        if (outcome[0] === null) callback(null, outcome[1])
        else callback(fault("ERR_PROXY_UNREACHABLE", "No connection to the proxy", outcome[0]), null)
      })
  }
}

/** A sender that receives refusals of the proxy as such: undici reports the status only in its message. */
const told = (sender: Sender): Sender => {
  const onResponseError: Sender["onResponseError"] = (controller, error) => {
    const status = /^Proxy (?:response|Authentication Required) \((\d{3})\)/.exec(error.message)?.[1]
    sender.onResponseError(
      controller,
      status === undefined ? error : fault(
        status === "407" ? "ERR_PROXY_AUTHENTICATION" : status >= "500" ? "ERR_PROXY_GATEWAY" : "ERR_PROXY_REFUSED",
        `The proxy responded with ${status} instead of connecting`
      )
    )
  }
  return {
    onRequestStart: (controller, context) => sender.onRequestStart?.(controller, context),
    onResponseStarted: () => sender.onResponseStarted?.(),
    onResponseStart: (controller, status, headers, message) =>
      sender.onResponseStart?.(controller, status, headers, message),
    onResponseData: (controller, chunk) => sender.onResponseData?.(controller, chunk),
    onResponseEnd: (controller, trailers) => sender.onResponseEnd?.(controller, trailers),
    onResponseError,
    onQueued: sender.onQueued,
    onLeased: sender.onLeased
  }
}

const inParts = (request: Request): Request => {
  const { body } = request
  const bytes = typeof body === "string" ? Buffer.from(body) : body
  return bytes instanceof Uint8Array && bytes.length > PART
    ? { ...request, headers: [...request.headers, "content-length", String(bytes.length)], body: parts(bytes) }
    : request
}

function* parts(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += PART) yield bytes.subarray(at, at + PART)
}
