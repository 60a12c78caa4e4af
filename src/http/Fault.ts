/**
 * What can go wrong with one request, apart from the meaning of its response, with a message that says what to do. Each
 * stage turns it into its own error.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import type * as HttpClientError from "effect/http/HttpClientError"
import type * as Decompression from "./Decompression.ts"
import type { Phase } from "./Timeouts.ts"
import type { Limits } from "./TransportLimits.ts"

/**
 * - `Timeout`: a time limit passed.
 * - `Connection`: no response, or one that broke off.
 * - `TooLarge`: more bytes than the limit.
 * - `Undecodable`: a body that is not what its headers say.
 *
 * @category models
 * @since 0.2.0
 */
export type Fault =
  | { readonly _tag: "Timeout"; readonly phase: Phase; readonly after: Duration.Duration; readonly retryable: boolean }
  | {
    readonly _tag: "Connection"
    readonly description: string
    /** The platform's code, such as `ECONNREFUSED`. */
    readonly code?: string | undefined
    /** Whether the same request may succeed later. */
    readonly retryable: boolean
  }
  | { readonly _tag: "TooLarge"; readonly limit: number; readonly description: string }
  | { readonly _tag: "Undecodable"; readonly description: string }

/**
 * A time limit that passed.
 *
 * @category constructors
 * @since 0.2.0
 */
export const timeout = (phase: Phase, after: Duration.Input): Fault => ({
  _tag: "Timeout",
  phase,
  after: Duration.fromInputUnsafe(after),
  retryable: phase !== "total"
})

/**
 * A server that sent no headers for a long time, and whose health route then did not respond.
 *
 * @category constructors
 * @since 0.2.0
 */
export const silent = (after: Duration.Input): Fault => ({
  _tag: "Connection",
  description: `no response within ${
    Duration.format(Duration.fromInputUnsafe(after))
  }, and the health route does not respond either: check that the server is still running`,
  code: "ERR_NO_SIGN_OF_LIFE",
  retryable: false
})

/**
 * A request from a browser to another origin that failed without an explanation, as it does when the origin does not allow
 * it.
 *
 * @category constructors
 * @since 0.2.0
 */
export const probablyCors = (origin: string): Fault => ({
  _tag: "Connection",
  description:
    `no response from ${origin}. The browser does not say why. This origin has not responded before, so it probably does not allow requests from this page (CORS): make the server send access-control-allow-origin, or send requests through your own server`,
  code: "ERR_PROBABLY_CORS",
  retryable: false
})

/**
 * The fault in a sentence.
 *
 * @category accessors
 * @since 0.2.0
 */
export const describe = (fault: Fault): string =>
  fault._tag === "Timeout"
    ? `${awaited[fault.phase]} within ${Duration.format(fault.after)}`
    : "code" in fault && fault.code !== undefined && !fault.description.includes(fault.code)
    ? `${fault.description} (${fault.code})`
    : fault.description

const awaited: { readonly [P in Phase]: string } = {
  connect: "no connection",
  headers: "no response headers",
  firstEvent: "no first event",
  idle: "no body data",
  total: "no complete response"
}

/**
 * Whether the same request may succeed later.
 *
 * @category accessors
 * @since 0.2.0
 */
export const isRetryable = (fault: Fault): boolean => "retryable" in fault && fault.retryable

const phases: { readonly [code: string]: Phase } = {
  UND_ERR_CONNECT_TIMEOUT: "connect",
  UND_ERR_HEADERS_TIMEOUT: "headers",
  UND_ERR_BODY_TIMEOUT: "idle",
  ERR_FIRST_EVENT_TIMEOUT: "firstEvent",
  ERR_TOTAL_TIMEOUT: "total"
}

/** A body that is not in its `content-encoding`. A new attempt is only worthwhile for a body that was cut off. */
const undecodable = /^(Z_(?!BUF)|ERR_(BROTLI|ZLIB|_ERROR_FORMAT|ENCODING|CONTENT_CODING)|ZSTD_error)/

const hopeless =
  /^(CERT_|EPROTO$|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HPE_|ERR_INVALID_|ERR_PROXY_(?!GATEWAY)|UND_ERR_INVALID)/

const noTls = "the port does not speak TLS: write http:// instead of https://, or use the HTTPS port"

const advice: { readonly [code: string]: string } = {
  ECONNREFUSED: "nothing listens there: check the base URL and that the server is running",
  ENOTFOUND: "the host name is not known: check the base URL",
  EAI_AGAIN: "the name server did not respond",
  ECONNRESET: "the connection was reset",
  UND_ERR_SOCKET: "the server closed the connection",
  EPROTO: noTls,
  ERR_SSL_WRONG_VERSION_NUMBER: noTls,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: noTls,
  HPE_INVALID: "the response is not HTTP: check the port, and write https:// where the server expects TLS",
  ERR_INVALID_PROXY: "the proxy is not a valid URL: see HTTP_PROXY, HTTPS_PROXY and the option proxy",
  ERR_PROXY_UNREACHABLE:
    "the proxy cannot be reached: check HTTP_PROXY, HTTPS_PROXY and the option proxy, or set NO_PROXY",
  ERR_PROXY_AUTHENTICATION:
    "the proxy requires credentials (407): put them into its URL, as in http://user:password@host:port",
  ERR_PROXY_REFUSED: "the proxy refused to connect to it",
  ERR_PROXY_GATEWAY: "the proxy could not connect to it"
}

/** The platform's code of a fault, from anywhere in the chain of causes. */
const codeOf = (cause: unknown): string | undefined => {
  let at = cause
  for (let depth = 0; depth < 5 && typeof at === "object" && at !== null; depth++) {
    if ("code" in at && typeof at.code === "string") return at.code
    at = "cause" in at ? at.cause : undefined
  }
  return undefined
}

/** The origin of a URL, safe to show; nothing if it is not an HTTP URL. */
const originOf = (url: string): string | undefined =>
  URL.canParse(url) && /^https?:/i.test(url) ? new URL(url).origin : undefined

const noScheme: Fault = {
  _tag: "Connection",
  description: "the URL lacks http:// or https://: write it in full, as in http://localhost:8080",
  code: "ERR_INVALID_URL",
  retryable: false
}

/**
 * The fault behind a failure of the HTTP client. The cause's own message is not repeated, since some platforms put
 * header values into it.
 *
 * @category conversions
 * @since 0.2.0
 */
export const from = (error: HttpClientError.HttpClientError | Decompression.Fault, limits: Limits): Fault => {
  if (error._tag === "DecompressionFault") {
    return {
      _tag: "Undecodable",
      description: `the response body is not valid ${error.encoding}, or this platform cannot read that encoding`
    }
  }
  const { reason, request } = error
  const code = "cause" in reason ? codeOf(reason.cause) : undefined
  const phase = code === undefined ? undefined : phases[code]
  if (phase !== undefined) return timeout(phase, limits[phase] ?? 10_000)
  if (code === "ERR_NO_SIGN_OF_LIFE") return silent(limits.silence?.after ?? 0)
  if (code === "ERR_BODY_TOO_LARGE") {
    return {
      _tag: "TooLarge",
      limit: limits.maxBodyBytes ?? 0,
      description: "the response body is larger than allowed: raise limits.body"
    }
  }
  const origin = originOf(request.url)
  if (origin === undefined) return noScheme
  switch (reason._tag) {
    case "TransportError":
    case "DecodeError": {
      const what = reason._tag === "TransportError" ? `no response from ${origin}` : "the response body broke off"
      if (code !== undefined && undecodable.test(code)) {
        return {
          _tag: "Undecodable",
          description:
            `the response body cannot be decoded as its content-encoding header says (${code}): a proxy may have compressed it twice or not at all`
        }
      }
      const why = code === undefined ? "the connection failed" : advice[code] ?? code
      return {
        _tag: "Connection",
        description: `${what}: ${why}`,
        code,
        retryable: code === undefined || !hopeless.test(code)
      }
    }
    case "EmptyBodyError":
      return { _tag: "Connection", description: "the response has no body", code, retryable: true }
    default:
      return {
        _tag: "Connection",
        description: `the request cannot be sent to ${origin}: ${reason._tag}`,
        retryable: false
      }
  }
}
