/**
 * An attempt that failed, and what that means for a retry.
 *
 * @since 0.2.0
 */
import type * as Retry from "../../http/Retry.ts"
import type { Reason } from "../../InferenceError.ts"

/**
 * A failed attempt, and the server's own verdict on a retry (`x-should-retry`), if any.
 *
 * @category models
 * @since 0.2.0
 */
export interface Failed {
  readonly reason: Reason
  readonly requestId: string | undefined
  readonly shouldRetry: boolean | undefined
  /** What a failed response had delivered. */
  readonly received?: { readonly events: number; readonly text: string } | undefined
}

/**
 * What a failed attempt means for a retry.
 *
 * @category accessors
 * @since 0.2.0
 */
export const verdict = ({ reason, shouldRetry }: Failed): Retry.Verdict => ({
  tag: reason._tag,
  message: reason.message,
  retry: shouldRetry ??
    // an unknown host is looked up once more, since name servers fail too
    (reason.isRetryable && reason._tag === "Transport" && reason.code === "ENOTFOUND" ? "once" : reason.isRetryable),
  throttled: throttling.has(reason._tag),
  ...("retryAfter" in reason && { retryAfter: reason.retryAfter })
})

const throttling: ReadonlySet<string> = new Set(["RateLimited", "Overloaded", "Loading", "Asleep"])
