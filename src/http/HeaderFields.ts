/**
 * What headers say besides the content: who sends a request, the server's id for it, and when to retry.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Headers from "effect/http/Headers"
import type { Scrub } from "./Secret.ts"

/** The SDK's name and version, as servers see it. */
const PRODUCT = "effect-inference-endpoints/0.2.0"

/**
 * The `user-agent` of every request: the caller's own, if any, before that of the SDK.
 *
 * @category constants
 * @since 0.2.0
 */
export const userAgent = (own: string | undefined): string => own === undefined ? PRODUCT : `${own} ${PRODUCT}`

/**
 * The server's id for a request: `x-request-id`, `x-amzn-trace-id` or `x-amz-cf-id`, without secrets and cut after 200
 * characters.
 *
 * @category accessors
 * @since 0.2.0
 */
export const requestId = (headers: Headers.Headers, scrub: Scrub): string | undefined => {
  const id = headers["x-request-id"] ?? headers["x-amzn-trace-id"] ?? headers["x-amz-cf-id"]
  return id === undefined ? undefined : scrub(id).slice(0, 200)
}

/**
 * Headers that are kept, without secrets: some servers and proxies repeat those of the request.
 *
 * @category accessors
 * @since 0.2.0
 */
export const scrubbed = (headers: Headers.Headers, scrub: Scrub): Headers.Headers => {
  const echoes = Object.entries(headers).filter(([, value]) => scrub(value) !== value)
  return echoes.reduce((kept, [name, value]) => Headers.set(kept, name, scrub(value)), headers)
}

/**
 * The server's own verdict on a retry (`x-should-retry`), if it sends one.
 *
 * @category accessors
 * @since 0.2.0
 */
export const shouldRetry = (headers: Headers.Headers): boolean | undefined => {
  const value = headers["x-should-retry"]
  return value === "true" ? true : value === "false" ? false : undefined
}

/**
 * The quota of a `RateLimit` header such as `"api";r=0;t=55`.
 *
 * @category accessors
 * @since 0.2.0
 */
export const rateLimit = (headers: Headers.Headers): {
  readonly bucket: string
  readonly remaining: number
  readonly reset: Duration.Duration
} | undefined => {
  const match = /^\s*"?([\w-]+)"?\s*;.*?r=(\d+)\s*;\s*t=(\d+)/.exec(headers["ratelimit"] ?? "")
  return match?.[1] === undefined ? undefined : {
    bucket: match[1],
    remaining: Number(match[2]),
    reset: Duration.seconds(Number(match[3]))
  }
}

const numberIn = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d+(\.\d+)?$/.test(text.trim()) ? Number(text.trim()) : undefined

/**
 * When the server wants a retry: `retry-after-ms`, `Retry-After` in whole or decimal seconds or as a date
 * (measured against the response's own `Date`), or a second after the reset of a `RateLimit` that is used up.
 *
 * @category accessors
 * @since 0.2.0
 */
export const retryAfter = (headers: Headers.Headers, now: number): Duration.Duration | undefined => {
  const millis = numberIn(headers["retry-after-ms"])
  if (millis !== undefined) return Duration.millis(millis)
  const value = headers["retry-after"]
  if (value !== undefined) {
    const seconds = numberIn(value)
    if (seconds !== undefined) return Duration.millis(seconds * 1000)
    const at = Date.parse(value)
    const sent = Date.parse(headers["date"] ?? "")
    if (!Number.isNaN(at)) return Duration.millis(Math.max(0, at - (Number.isNaN(sent) ? now : sent)))
  }
  const quota = rateLimit(headers)
  return quota?.remaining === 0 ? Duration.sum(quota.reset, Duration.seconds(1)) : undefined
}
