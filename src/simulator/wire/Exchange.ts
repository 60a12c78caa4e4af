/**
 * The seam between a simulated server and whatever carries it: an in-process client, a socket, or another double.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type * as Stream from "effect/Stream"

/**
 * A request as it comes off the wire, with header names in lower case.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly method: string
  /** Path and query, as in the request line. */
  readonly path: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string
  /** The body as it arrived, if the carrier knows it. */
  readonly bytes?: Uint8Array | undefined
}

/**
 * The connection broke: `refused` before anything was sent; `reset`; `fin`, an orderly close before the body's end; or
 * `short`, a close before all the bytes that `content-length` announced.
 *
 * @category errors
 * @since 0.1.0
 */
export class Broken extends Data.TaggedError("Broken")<{ readonly how: "refused" | "reset" | "fin" | "short" }> {}

/**
 * A response. A stream must be run or abandoned, because the server counts it as in flight until then.
 *
 * @category models
 * @since 0.1.0
 */
export interface Response {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array | Stream.Stream<Uint8Array, Broken>
  /** Reports that the client went away without reading the body. */
  readonly abandon?: (() => void) | undefined
}

/**
 * A server without a socket.
 *
 * @category models
 * @since 0.1.0
 */
export type Handler = (request: Request) => Effect.Effect<Response, Broken>
