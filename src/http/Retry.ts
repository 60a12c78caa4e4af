/**
 * The one retry loop of the SDK: attempts, full jitter, the server's word, a quota and a deadline.
 *
 * A generation changes no state on the server, so another attempt is safe; it costs GPU time, so it is bounded and
 * counted. Nothing is tried again after the first delivered event of a stream.
 *
 * The numbers: 4 attempts; `random × min(20 s, base × 2^i)` with a base of 250 ms, or 1 s where the server is throttling;
 * a wait the server asks for is a floor, lengthened by up to 10 %, and beyond 60 s the call fails with that figure
 * instead. The quota is the token bucket of the AWS SDKs: 500, a retry takes 14 (5 when throttled), success gives them
 * back, a success without retries adds 1, and an empty bucket means: fail now.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Headers from "effect/http/Headers"
import * as Metric from "effect/Metric"
import * as Random from "effect/Random"
import { InferenceError, type Reason } from "../InferenceError.ts"

/**
 * When and how often a call is tried again. Durations are in milliseconds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Policy {
  /** Attempts in all, the first included. */
  readonly attempts: number
  /** Base of the back-off after a transient fault. */
  readonly transientBase: number
  /** Base of the back-off when the server says that it is too busy. */
  readonly throttledBase: number
  /** The longest wait of our own choosing. */
  readonly cap: number
  /** The longest wait at the server's word; when it asks for more, the call fails and says so. */
  readonly maxServerWait: number
  /** Whether the quota of the client bounds the retries. */
  readonly quota: boolean
}

/**
 * The policy in force where nothing else is said.
 *
 * @category constants
 * @since 0.1.0
 */
export const standard: Policy = {
  attempts: 4,
  transientBase: 250,
  throttledBase: 1000,
  cap: 20_000,
  maxServerWait: 60_000,
  quota: true
}

/**
 * One attempt and no more.
 *
 * @category constants
 * @since 0.1.0
 */
export const none: Policy = { ...standard, attempts: 1 }

/**
 * Replaces the client's policy around one effect: `Effect.provideService(effect, Retry.CurrentPolicy, Retry.none)`.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentPolicy = Context.Reference<Policy | undefined>(
  "effect-inference-endpoints/transport/Retry/CurrentPolicy",
  { defaultValue: () => undefined }
)

/** Counts the retries of all calls, by reason. */
const retries = Metric.counter("inference_endpoints.client.retries", {
  description: "attempts that were made again",
  incremental: true
})

/**
 * A failed attempt: the error, and the server's own verdict on another one (`x-should-retry`), where it gave it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Failed {
  readonly reason: Reason
  readonly requestId: string | undefined
  readonly shouldRetry: boolean | undefined
  /** What a response held that failed all the same. */
  readonly received?: { readonly events: number; readonly text: string } | undefined
}

/**
 * The retry quota of one client and origin.
 *
 * @category models
 * @since 0.1.0
 */
export interface Quota {
  readonly take: (cost: number) => boolean
  readonly give: (amount: number) => void
}

const CAPACITY = 500

/**
 * A full quota.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeQuota = (): Quota => {
  let left = CAPACITY
  return {
    take: (cost) => {
      if (left < cost) return false
      left -= cost
      return true
    },
    give: (amount) => {
      left = Math.min(CAPACITY, left + amount)
    }
  }
}

const isThrottled = (reason: Reason): boolean =>
  reason._tag === "RateLimited" || reason._tag === "Overloaded" || reason._tag === "Loading" || reason._tag === "Asleep"

const mayRetry = (failed: Failed, attempt: number): boolean =>
  failed.shouldRetry ??
    (failed.reason.isRetryable &&
      // an unknown host is asked for once more, since name servers fail too
      !(failed.reason._tag === "Transport" && failed.reason.code === "ENOTFOUND" && attempt > 1))

const decimal = (text: string | undefined): number | undefined =>
  text !== undefined && /^\d+(\.\d+)?$/.test(text.trim()) ? Number(text.trim()) : undefined

/**
 * When the server wants us back: `retry-after-ms`, `Retry-After` in whole or decimal seconds or as a date (measured
 * against the answer's own `Date`), or the seconds of `RateLimit: …;r=0;t=55`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const serverWait = (headers: Headers.Headers, now: number): Duration.Duration | undefined => {
  const millis = decimal(headers["retry-after-ms"])
  if (millis !== undefined) return Duration.millis(millis)
  const value = headers["retry-after"]
  if (value !== undefined) {
    const seconds = decimal(value)
    if (seconds !== undefined) return Duration.millis(seconds * 1000)
    const at = Date.parse(value)
    const sent = Date.parse(headers.date ?? "")
    if (!Number.isNaN(at)) return Duration.millis(Math.max(0, at - (Number.isNaN(sent) ? now : sent)))
  }
  const limit = /;\s*r=0\b.*;\s*t=(\d+)/.exec(headers.ratelimit ?? "")
  return limit?.[1] === undefined ? undefined : Duration.seconds(Number(limit[1]) + 1)
}

/**
 * Runs an attempt until it succeeds, may not be repeated, or the policy, the quota or the deadline (milliseconds of the clock) ends it.
 *
 * @category combinators
 * @since 0.1.0
 */
export const run = <A, R>(
  attempt: (attempt: number) => Effect.Effect<A, Failed, R>,
  options: Options
): Effect.Effect<A, InferenceError, R> =>
  Effect.matchEffect(attempt(1), {
    onSuccess: (value) => {
      if (options.policy.quota) options.quota.give(1)
      return Effect.succeed(value)
    },
    onFailure: (failed) => again(attempt, options, failed)
  })

/**
 * What a run is bound by.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly method: string
  readonly policy: Policy
  readonly quota: Quota
  readonly deadline: number
}

/** All attempts after the first. */
const again = <A, R>(
  attempt: (attempt: number) => Effect.Effect<A, Failed, R>,
  options: Options,
  first: Failed
): Effect.Effect<A, InferenceError, R> =>
  Effect.gen(function*() {
    const policy = (yield* CurrentPolicy) ?? options.policy
    let failed = first
    let spent = 0
    for (let n = 1;; n++) {
      const delay = yield* delayOf(failed, n, policy)
      const cost = isThrottled(failed.reason) ? 5 : 14
      const goOn = n < policy.attempts && delay !== undefined && mayRetry(failed, n) &&
        (yield* Clock.currentTimeMillis) + delay < options.deadline && (!policy.quota || options.quota.take(cost))
      if (!goOn) {
        return yield* new InferenceError({
          method: options.method,
          reason: failed.reason,
          attempts: n,
          ...(failed.requestId !== undefined && { requestId: failed.requestId }),
          ...(failed.received !== undefined && { received: failed.received })
        })
      }
      spent += cost
      yield* Metric.update(Metric.withAttributes(retries, { reason: failed.reason._tag }), 1)
      yield* Effect.logDebug("trying again", { method: options.method, attempt: n, delay, reason: failed.reason._tag })
      yield* Effect.sleep(delay)
      const result = yield* Effect.result(attempt(n + 1))
      if (result._tag === "Success") {
        if (policy.quota) options.quota.give(spent)
        return result.success
      }
      failed = result.failure
    }
  })

/** The wait before the next attempt in milliseconds; `undefined` when the server asks for more than we give it. */
const delayOf = (failed: Failed, attempt: number, policy: Policy): Effect.Effect<number | undefined> =>
  Effect.gen(function*() {
    const base = isThrottled(failed.reason) ? policy.throttledBase : policy.transientBase
    const own = (yield* Random.next) * Math.min(policy.cap, base * 2 ** (attempt - 1))
    const asked = "retryAfter" in failed.reason && failed.reason.retryAfter !== undefined
      ? Duration.toMillis(failed.reason.retryAfter)
      : undefined
    if (asked === undefined) return own
    return asked > policy.maxServerWait ? undefined : Math.max(own, asked) * (1 + (yield* Random.next) / 10)
  })
