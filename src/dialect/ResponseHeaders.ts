/**
 * What the headers of a response say about a generation: TGI's counts and times, and the provider behind a router.
 *
 * @since 0.2.0
 */
import type * as Headers from "effect/http/Headers"
import type { ServerTimings, Statistics, Usage } from "../Generation.ts"

const number = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d+(\.\d+)?$/.test(text) ? Number(text) : undefined

/**
 * Token counts that TGI puts into the headers of whole responses, for bodies that have none.
 *
 * @category decoding
 * @since 0.1.0
 */
export const usage = (headers: Headers.Headers): Usage => {
  const inputTokens = number(headers["x-prompt-tokens"])
  const outputTokens = number(headers["x-generated-tokens"])
  return { ...(inputTokens !== undefined && { inputTokens }), ...(outputTokens !== undefined && { outputTokens }) }
}

/** The times that TGI puts into the headers of whole responses, in milliseconds. */
const timings = (headers: Headers.Headers): ServerTimings => ({
  total: number(headers["x-total-time"]),
  validation: number(headers["x-validation-time"]),
  queue: number(headers["x-queue-time"]),
  inference: number(headers["x-inference-time"]),
  perToken: number(headers["x-time-per-token"])
})

/**
 * Everything that headers say about a generation: TGI's counts and times, and the provider behind Hugging Face's
 * router.
 *
 * @category decoding
 * @since 0.2.0
 */
export const statistics = (headers: Headers.Headers): Partial<Statistics> => {
  const provider = headers["x-inference-provider"]
  return {
    ...(("x-prompt-tokens" in headers || "x-generated-tokens" in headers) && usage(headers)),
    ...("x-total-time" in headers && { server: timings(headers) }),
    ...(provider !== undefined && { provider })
  }
}
