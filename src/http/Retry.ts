/**
 * The only retry logic of the SDK: attempts, full jitter, the server's requests to wait, a quota and a deadline, as a
 * `Schedule`.
 *
 * A generation changes no state on the server, so another attempt is safe; it costs GPU time, so it is bounded and
 * counted. Nothing is retried after the first delivered event of a stream.
 *
 * The numbers: 4 attempts; `random × min(20 s, base × 2^i)` with a base of 250 ms, or 1 s if the server is throttling;
 * a wait that the server asks for is a lower bound, lengthened by up to 10 %, and if it is longer than 60 s, the call
 * fails and reports it. The quota is the token bucket of the AWS SDKs: 500 tokens, a retry takes 14 (5 when throttled),
 * success returns them, a success without retries adds 1, and with an empty bucket the call fails at once.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Metric from "effect/Metric"
import type * as Pull from "effect/Pull"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"

/**
 * When and how often a request is retried.
 *
 * @category models
 * @since 0.1.0
 */
export interface Policy {
  /** Attempts in all, including the first. */
  readonly attempts: number
  /** Base of the back-off after a transient fault. */
  readonly transientBase: Duration.Duration
  /** Base of the back-off when the server says that it is too busy. */
  readonly throttledBase: Duration.Duration
  /** The longest wait of our own choosing. */
  readonly cap: Duration.Duration
  /** The longest wait at the server's request; when it asks for more, the call fails and says so. */
  readonly maxServerWait: Duration.Duration
  /** Whether the quota of the client limits the retries. */
  readonly quota: boolean
}

/**
 * A policy as a caller gives it: absent members keep their value. Numbers are milliseconds.
 *
 * @category models
 * @since 0.2.0
 */
export type Input = {
  readonly [K in keyof Policy]?: (Policy[K] extends Duration.Duration ? Duration.Input : Policy[K]) | undefined
}

/**
 * The policy in force by default.
 *
 * @category constants
 * @since 0.1.0
 */
export const standard: Policy = {
  attempts: 4,
  transientBase: Duration.millis(250),
  throttledBase: Duration.seconds(1),
  cap: Duration.seconds(20),
  maxServerWait: Duration.seconds(60),
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
 * A policy with some of its members replaced.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (input: Input = {}, base: Policy = standard): Policy => {
  const of = (key: "transientBase" | "throttledBase" | "cap" | "maxServerWait"): Duration.Duration => {
    const given = input[key]
    return given === undefined ? base[key] : Duration.fromInputUnsafe(given)
  }
  return {
    attempts: input.attempts ?? base.attempts,
    transientBase: of("transientBase"),
    throttledBase: of("throttledBase"),
    cap: of("cap"),
    maxServerWait: of("maxServerWait"),
    quota: input.quota ?? base.quota
  }
}

/**
 * Replaces the policy, or some of its members, around one effect, for all that it sends: the call itself, finding its
 * endpoint, the Hub. `Effect.provideService(effect, Retry.CurrentPolicy, Retry.none)`.
 *
 * @category references
 * @since 0.1.0
 */
export const CurrentPolicy = Context.Reference<Input | undefined>(
  "effect-inference-endpoints/http/Retry/CurrentPolicy",
  { defaultValue: () => undefined }
)

/**
 * The policy in force around an effect, given the one that its client was made with.
 *
 * @category accessors
 * @since 0.2.0
 */
export const current = (base: Policy): Effect.Effect<Policy> =>
  Effect.map(CurrentPolicy, (input) => input === undefined ? base : make(input, base))

/**
 * A wait that is about to begin: its reason and its length.
 *
 * @category models
 * @since 0.2.0
 */
export interface Wait {
  /** What is requested: a route such as `POST /generate`, an endpoint, a file of the Hub. */
  readonly subject: string
  /** Which attempt or check failed, counted from 1. */
  readonly attempt: number
  readonly delay: Duration.Duration
  /** Why, in a sentence. */
  readonly reason: string
  /** What happens afterwards: the same request again, or another check of an endpoint that is not ready. */
  readonly next: "attempt" | "look"
}

/**
 * Called for every wait before it begins, whether for another attempt or for an endpoint to become ready:
 * `Effect.provideService(effect, Retry.OnWait, ({ reason, delay }) => Console.error(…))`. Default: a debug log line.
 *
 * @category references
 * @since 0.2.0
 */
export const OnWait = Context.Reference<(wait: Wait) => Effect.Effect<void>>(
  "effect-inference-endpoints/http/Retry/OnWait",
  {
    defaultValue: () => ({ attempt, delay, reason, subject }) =>
      Effect.logDebug("trying again", { subject, attempt, delay: Duration.toMillis(delay), reason })
  }
)

/**
 * Reports a wait that is about to begin.
 *
 * @category running
 * @since 0.2.0
 */
export const announce = (wait: Wait): Effect.Effect<void> => Effect.flatMap(OnWait, (told) => told(wait))

/** Counts the retries of all calls, by reason. */
const retries = Metric.counter("inference_endpoints.client.retries", {
  description: "retried attempts",
  incremental: true
})

/**
 * What the failure of an attempt means for the next one.
 *
 * @category models
 * @since 0.1.0
 */
export interface Verdict {
  /** The reason's name, for metrics. */
  readonly tag: string
  /** The reason in a sentence. */
  readonly message: string
  /** Whether another attempt may succeed: `"once"` if only one more is worthwhile. */
  readonly retry: boolean | "once"
  /** Whether the server is too busy, so that longer waits are needed. */
  readonly throttled: boolean
  /** How long the server asked to wait, if it did. */
  readonly retryAfter?: Duration.Duration | undefined
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

/**
 * The limits of a run.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options<E> {
  /** What is requested, for reports of waits. */
  readonly subject: string
  readonly policy: Policy
  readonly quota?: Quota | undefined
  /** The time, in milliseconds of the clock, from which no attempt is started. Default: none. */
  readonly deadline?: number | undefined
  readonly verdict: (error: E) => Verdict
}

/**
 * Runs an attempt until it succeeds, may not be repeated, or the policy, the quota or the deadline ends the retries;
 * then fails with the last failure and the number of attempts.
 *
 * @category combinators
 * @since 0.1.0
 */
export const run = <A, E, E2, R>(
  attempt: (attempt: number) => Effect.Effect<A, E, R>,
  options: Options<E>,
  failed: (error: E, attempts: number) => E2
): Effect.Effect<A, E2, R> =>
  Effect.matchEffect(attempt(1), {
    onSuccess: (value) => {
      if (options.policy.quota) options.quota?.give(1)
      return Effect.succeed(value)
    },
    onFailure: (error) => again(attempt, options, failed, error)
  })

/** All attempts after the first. */
const again = <A, E, E2, R>(
  attempt: (attempt: number) => Effect.Effect<A, E, R>,
  options: Options<E>,
  failed: (error: E, attempts: number) => E2,
  first: E
): Effect.Effect<A, E2, R> =>
  Effect.flatMap(current(options.policy), (policy) => {
    let attempts = 0
    let spent = 0
    const quota: Quota = {
      take: (cost) => {
        if (policy.quota && options.quota !== undefined && !options.quota.take(cost)) return false
        spent += cost
        return true
      },
      give: (amount) => options.quota?.give(amount)
    }
    return Effect.suspend(() => ++attempts === 1 ? Effect.fail(first) : attempt(attempts)).pipe(
      Effect.retry(schedule({ ...options, policy, quota })),
      Effect.matchEffect({
        onSuccess: (value) => {
          if (policy.quota) quota.give(spent)
          return Effect.succeed(value)
        },
        onFailure: (error) => Effect.fail(failed(error, attempts))
      })
    )
  })

/**
 * The policy as a schedule over failures. It ends if another attempt is not worthwhile or not allowed, and reports
 * every wait before it begins.
 *
 * @category constructors
 * @since 0.2.0
 */
export const schedule = <E>(
  { deadline = Infinity, policy, quota, subject, verdict }: Options<E>
): Schedule.Schedule<Duration.Duration, E> =>
  Schedule.fromStep(Effect.sync(() => {
    let attempt = 0
    return (now: number, error: E): Pull.Pull<[Duration.Duration, Duration.Duration], never, Duration.Duration> =>
      Effect.gen(function*() {
        const { message, retry, retryAfter, tag, throttled } = verdict(error)
        attempt++
        if (attempt >= policy.attempts || retry === false || (retry === "once" && attempt > 1)) {
          return yield* Cause.done(Duration.zero)
        }
        const delay = yield* delayOf(policy, attempt, throttled, retryAfter)
        if (
          delay === undefined || now + Duration.toMillis(delay) >= deadline || quota?.take(throttled ? 5 : 14) === false
        ) {
          return yield* Cause.done(Duration.zero)
        }
        yield* Metric.update(Metric.withAttributes(retries, { reason: tag }), 1)
        yield* announce({ subject, attempt, delay, reason: message, next: "attempt" })
        return [delay, delay]
      })
  }))

/**
 * The wait after a number of failures: full jitter below a bound that doubles, or what the server asks for plus up to a
 * tenth; undefined if it asks for more than the policy allows.
 *
 * @category accessors
 * @since 0.2.0
 */
export const delayOf = (
  policy: Policy,
  failures: number,
  throttled: boolean,
  asked?: Duration.Duration | undefined
): Effect.Effect<Duration.Duration | undefined> =>
  Effect.gen(function*() {
    const base = Duration.toMillis(throttled ? policy.throttledBase : policy.transientBase)
    const own = (yield* Random.next) * Math.min(Duration.toMillis(policy.cap), base * 2 ** (failures - 1))
    if (asked === undefined) return Duration.millis(own)
    return Duration.isGreaterThan(asked, policy.maxServerWait)
      ? undefined
      : Duration.millis(Math.max(own, Duration.toMillis(asked)) * (1 + (yield* Random.next) / 10))
  })
