/**
 * Time and size limits that a transport can keep by itself, for one request, at less cost than timers raced around it.
 *
 * The caller puts the limits into the context of the request. A transport that knows them (`isEnforcedBy` says which)
 * arms its own timers and counts the bytes; for any other transport the caller has to keep them.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { HttpClient } from "effect/http/HttpClient"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"

/**
 * The limits of one request. An absent member is no limit.
 *
 * @category models
 * @since 0.1.0
 */
export interface Limits {
  /** Milliseconds from the request on the wire to the end of the response head. Connecting has its own limit. */
  readonly headers?: number | undefined
  /** Milliseconds without a byte of the body, while the reader waits for one. */
  readonly idle?: number | undefined
  /**
   * Milliseconds from the request to the end of its body, waiting for a connection included. It ends the exchange with the
   * code `ERR_TOTAL_TIMEOUT`.
   */
  readonly total?: number | undefined
  /**
   * Milliseconds from the request until the reader of its response says that the first event came; a body that ended counts too. It ends
   * the exchange with the code `ERR_FIRST_EVENT_TIMEOUT`.
   */
  readonly firstEvent?: number | undefined
  /** Bytes of the body, on the wire and after decompression, whether it is read whole or streamed. */
  readonly maxBodyBytes?: number | undefined
}

/**
 * The limits of the requests made in this context; `undefined`, the default, leaves them to the transport.
 *
 * Whoever sets them makes the call its own: a transport that enforces limits then also leaves the span, the trace
 * headers and the closing of a response that nobody reads to the caller.
 *
 * @category references
 * @since 0.1.0
 */
export const TransportLimits = Context.Reference<Limits | undefined>(
  "effect-inference-endpoints/transport/TransportLimits",
  { defaultValue: () => undefined }
)

/**
 * The key of the mark on clients and responses whose transport keeps `TransportLimits`.
 *
 * @category symbols
 * @since 0.1.0
 */
export const enforcesLimits: unique symbol = Symbol.for(
  "effect-inference-endpoints/transport/TransportLimits/enforcesLimits"
)

/**
 * What else a transport that keeps limits can do for the reader of a response, at less cost than a race with a timer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Reading {
  /**
   * The first event of the stream was read, so that its limit no longer holds. Only the reader can know: a comment that
   * keeps a connection open is bytes, but no event.
   */
  readonly firstEventCame: () => void
  /** Reads on and drops what comes, to the end of the body, so many bytes or milliseconds; never fails. */
  readonly readRest: (bytes: number, milliseconds: number) => Effect.Effect<void>
}

/**
 * What the transport behind a response can do; nothing where it does not keep `TransportLimits`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const readingOf = (response: HttpClientResponse | EnforcedResponse): Reading | undefined =>
  enforcesLimits in response ? response[enforcesLimits] : undefined

/**
 * A response whose transport keeps `TransportLimits`.
 *
 * @category models
 * @since 0.1.0
 */
export interface EnforcedResponse extends HttpClientResponse {
  readonly [enforcesLimits]: Reading
}

/**
 * Tells whether the transport behind a client or a response keeps `TransportLimits`. Operators such as `mapRequest`
 * make a new client without the mark, so ask the innermost client, or the response.
 *
 * @category guards
 * @since 0.1.0
 */
export const isEnforcedBy = (self: HttpClient | HttpClientResponse): boolean => enforcesLimits in self
