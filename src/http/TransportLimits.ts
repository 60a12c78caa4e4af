/**
 * Time and size limits that a transport can apply by itself, for one request, at a lower cost than timers raced around it.
 *
 * A transport that can has its own way to send (`sendOf`): it arms timers and counts the bytes. For any other transport the
 * caller has to apply the limits.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type { HttpClient } from "effect/http/HttpClient"
import type { HttpClientError } from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"

/**
 * The limits of one request. An absent member means no limit.
 *
 * @category models
 * @since 0.1.0
 */
export interface Limits {
  /** The transport's own limit for connecting, in milliseconds. It applies it by itself; this is for its error message. */
  readonly connect?: number | undefined
  /** Milliseconds from the request on the wire to the end of the response headers. Connecting has its own limit. */
  readonly headers?: number | undefined
  /**
   * What to do when no headers arrived for this many milliseconds, and again after as many more: `true` lets the request
   * wait on, `false` ends it with the code `ERR_NO_SIGN_OF_LIFE`.
   */
  readonly silence?: { readonly after: number; readonly ask: Effect.Effect<boolean> } | undefined
  /** Milliseconds without a byte of the body, while the reader waits for one. */
  readonly idle?: number | undefined
  /**
   * Milliseconds from the request to the end of its body, including the wait for a connection. It ends the exchange with the
   * code `ERR_TOTAL_TIMEOUT`.
   */
  readonly total?: number | undefined
  /**
   * Milliseconds from the request until the reader of its response reports the first event; the end of the body counts too.
   * It ends the exchange with the code `ERR_FIRST_EVENT_TIMEOUT`.
   */
  readonly firstEvent?: number | undefined
  /** Bytes of the body, on the wire and after decompression, whether it is read whole or streamed. */
  readonly maxBodyBytes?: number | undefined
}

/**
 * The key of a client's `Send`, and of a response's `Reading`.
 *
 * @category symbols
 * @since 0.1.0
 */
export const enforcesLimits: unique symbol = Symbol.for(
  "effect-inference-endpoints/transport/TransportLimits/enforcesLimits"
)

/**
 * Sends a request within limits. The caller is responsible for the span, the trace headers and closing a response that
 * nobody reads; that saves a fifth of the cost of a call.
 *
 * With `whole`, a response with a status below 300 is returned when its body is complete or has failed, so that its
 * reader waits once instead of twice. Then `Reading.arrivedText` has the body. A transport may ignore it.
 *
 * @category models
 * @since 0.1.0
 */
export type Send = (
  request: HttpClientRequest,
  limits: Limits,
  whole?: Size
) => Effect.Effect<HttpClientResponse, HttpClientError>

/**
 * A client whose transport applies limits.
 *
 * @category models
 * @since 0.1.0
 */
export interface EnforcingClient extends HttpClient {
  readonly [enforcesLimits]: Send
}

/**
 * How to send within limits; undefined if the transport does not apply them. Operators such as `mapRequest` make a new
 * client without it, so ask the innermost client.
 *
 * @category combinators
 * @since 0.1.0
 */
export const sendOf = (client: HttpClient | EnforcingClient): Send | undefined =>
  enforcesLimits in client ? client[enforcesLimits] : undefined

/**
 * How much of a body is read whole: at most this many bytes after decompression. A longer one fails with the code
 * `ERR_BODY_TOO_LARGE`, or is cut off there.
 *
 * @category models
 * @since 0.2.0
 */
export interface Size {
  readonly limit: number
  readonly cut?: boolean | undefined
}

/**
 * What else a transport that applies limits can do for the reader of a response, at a lower cost than a race with a timer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reading {
  /**
   * The first event of the stream was read, so that its limit no longer holds. Only the reader can know: a comment that
   * keeps a connection open is bytes, but not an event.
   */
  readonly firstEventCame: () => void
  /** The whole body, at most this many bytes; a longer one fails, or is cut off. */
  readonly bytes: (size: Size) => Effect.Effect<Uint8Array, HttpClientError>
  readonly wholeText: (size: Size) => Effect.Effect<string, HttpClientError>
  /** The body of a request that was sent with `whole`, if all of it has arrived. */
  readonly arrivedText: () => string | undefined
  /**
   * Takes the chunks of a body that is being streamed as they arrive, without waking the fiber for each read: until
   * the body ends, or `take` says that it wants no more, which is what it succeeds with.
   */
  readonly each: (
    take: (chunks: readonly [Uint8Array, ...Array<Uint8Array>]) => boolean
  ) => Effect.Effect<"ended" | "enough", HttpClientError>
  /** Reads on and drops what arrives, to the end of the body, a number of bytes or a number of milliseconds; never fails. */
  readonly readRest: (bytes: number, milliseconds: number) => Effect.Effect<void>
}

/**
 * What the transport of a response can do; undefined if it does not apply `TransportLimits`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const readingOf = (response: HttpClientResponse | EnforcedResponse): Reading | undefined =>
  enforcesLimits in response ? response[enforcesLimits] : undefined

/**
 * A response whose transport applies `TransportLimits`.
 *
 * @category models
 * @since 0.1.0
 */
export interface EnforcedResponse extends HttpClientResponse {
  readonly [enforcesLimits]: Reading
}
