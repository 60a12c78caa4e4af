/**
 * A call to a route of a target: what is requested, where, within which limits, and what its response says besides its body.
 *
 * @since 0.1.0
 */
import type * as Headers from "effect/http/Headers"
import type * as Redacted from "effect/Redacted"
import type * as Retry from "../http/Retry.ts"
import type { Timeouts } from "../http/Timeouts.ts"

/**
 * Where requests go.
 *
 * @category models
 * @since 0.1.0
 */
export interface Target {
  /** The root under which the routes are, with or without a trailing slash. */
  readonly url: URL | string
  /** Where chat requests go, when that is not `/v1/chat/completions` below `url`. */
  readonly chatUrl?: URL | undefined
  /** Where raw prompts go, when that is not `/v1/completions` below `url`. */
  readonly completionUrl?: URL | undefined
  /** Where prompts of the native route go, when that is not below `url`: whole and streamed, as with `POST /`. */
  readonly nativeUrl?: URL | undefined
  /** A query string that every request carries, such as `?key=value`. */
  readonly search?: string | undefined
  /** Headers of every request. No secrets: `token` is for those. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Sent as `Authorization: Bearer …` to this target and to no other origin. */
  readonly token?: Redacted.Redacted<string> | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly target: Target
  readonly timeouts: Timeouts
  /** Bytes above which a body, or one event, is refused, after decompression. */
  readonly limits: { readonly body: number; readonly event: number }
  readonly retry: Retry.Policy
  readonly userAgent: string | undefined
}

/**
 * A request: a route and its body.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call {
  readonly method: "GET" | "POST"
  /** The route, such as `/generate`. */
  readonly path: string
  readonly body?: Readonly<Record<string, unknown>> | undefined
}

/**
 * What a response says besides its body.
 *
 * @category models
 * @since 0.1.0
 */
export interface Meta {
  readonly headers: Headers.Headers
  /** `x-request-id`, `x-amzn-trace-id` or `x-amz-cf-id`. */
  readonly requestId: string | undefined
  /** The number of attempts. */
  readonly attempts: number
}

/**
 * What a call requests: a whole response, or a stream of events.
 *
 * @category models
 * @since 0.1.0
 */
export type Accept = "application/json" | "text/event-stream"

/**
 * Which attempt it is, counted from 1, and when the whole call must be over, in milliseconds of the clock.
 *
 * @category models
 * @since 0.1.0
 */
export interface At {
  readonly attempts: number
  readonly deadline: number
  /** Whether less is left for the whole call than its own limit, because it is part of something larger. */
  readonly bounded: boolean
}
