/**
 * What the headers of a response say about a generation: TGI's counts and times, and who answered behind a router.
 *
 * @since 0.2.0
 */
import type * as Headers from "effect/http/Headers"
import type { ServerTimings, Usage } from "../Generation.ts"

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

/**
 * Who answered behind a router, by the header of Hugging Face's.
 *
 * @category decoding
 * @since 0.2.0
 */
export const provider = (headers: Headers.Headers): string | undefined => headers["x-inference-provider"]

/**
 * The times that TGI puts into the headers of whole responses, in milliseconds.
 *
 * @category decoding
 * @since 0.1.0
 */
export const timings = (headers: Headers.Headers): ServerTimings | undefined =>
  headers["x-total-time"] === undefined ? undefined : {
    total: number(headers["x-total-time"]),
    validation: number(headers["x-validation-time"]),
    queue: number(headers["x-queue-time"]),
    inference: number(headers["x-inference-time"]),
    perToken: number(headers["x-time-per-token"])
  }
