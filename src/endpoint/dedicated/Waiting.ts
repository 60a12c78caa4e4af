/**
 * Waiting for a server to become ready: polls with growing and randomised pauses, no more often than the server wants, and
 * no longer than allowed.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Deadline from "../../http/Deadline.ts"
import * as Retry from "../../http/Retry.ts"
import * as EndpointError from "../EndpointError.ts"

/**
 * A step while waiting: what was seen or done.
 *
 * @category models
 * @since 0.1.0
 */
export interface WaitProgress {
  /** `namespace/endpoint`, or the address. */
  readonly subject: string
  /** The state as the platform calls it; `unreachable` or `unavailable` if only an address is known. */
  readonly state: string
  /** What was done about it. */
  readonly action: "Checked" | "Resumed" | "Woken" | "Probed" | "Stumbled" | "Ready"
  /** The platform's own words, `""` when there are none. */
  readonly message: string
  readonly elapsed: Duration.Duration
  readonly readyReplica?: number | undefined
  readonly targetReplica?: number | undefined
}

/**
 * The result of one check. After `Pending` the next check comes after 5 s; after `Stumbled` soon, and later with each
 * further one, up to 15 s; and never before `floor`.
 *
 * @category models
 * @since 0.1.0
 */
export type Step<A> =
  | { readonly _tag: "Ready"; readonly value: A }
  | (
    & { readonly _tag: "Pending"; readonly floor?: Duration.Duration | undefined }
    & Omit<WaitProgress, "subject" | "elapsed">
  )

/**
 * @category models
 * @since 0.1.0
 */
export interface Options<A, R> {
  readonly subject: string
  /** Zero checks once and does not wait. */
  readonly timeout: Duration.Duration
  /** How the pauses after stumbles grow. */
  readonly policy: Retry.Policy
  readonly onProgress: (progress: WaitProgress) => Effect.Effect<unknown>
  /** Checks once; is given the time that is left. */
  readonly step: (remaining: Duration.Duration) => Effect.Effect<Step<A>, EndpointError.Reason, R>
}

/** The longest pause after a stumble. */
const cap = Duration.seconds(15)

const delay = Effect.fnUntraced(
  function*(policy: Retry.Policy, stumbles: number, floor: Duration.Duration | undefined) {
    const stumbled = stumbles === 0 ? undefined : yield* Retry.delayOf({ ...policy, cap }, stumbles, false)
    const own = stumbled ?? Duration.millis(5000 * (0.8 + (yield* Random.next) * 0.4))
    return floor === undefined ? own : Duration.max(own, floor)
  }
)

const saying = ({ message, state }: Pick<WaitProgress, "message" | "state">): string =>
  `it is ${state}${message === "" ? "" : ` (${message})`}`

/**
 * Checks until something is ready, a check fails, or the time is up: then `WaitTimeout` says what was seen last, or
 * `NotDeployed` when no waiting was allowed.
 *
 * @category running
 * @since 0.1.0
 */
export const until = Effect.fnUntraced(function*<A, R>(options: Options<A, R>) {
  const { subject } = options
  const start = yield* Clock.currentTimeMillis
  const timeout = Duration.millis(Math.max(0, (yield* Deadline.after(options.timeout)) - start))
  const elapsed = Effect.map(Clock.currentTimeMillis, (now) => Duration.millis(now - start))
  let last = { state: "unknown", message: "" }
  const late = Effect.suspend(() => {
    const facts = { subject, detail: last.message, state: last.state }
    return Effect.fail(
      Duration.isZero(timeout)
        ? new EndpointError.NotDeployed(facts)
        : new EndpointError.WaitTimeout({ ...facts, waited: timeout })
    )
  })
  const loop = Effect.gen(function*() {
    for (let stumbles = 0, looks = 1;; looks++) {
      const step = yield* options.step(Duration.subtract(timeout, yield* elapsed))
      if (step._tag === "Ready") {
        yield* options.onProgress({ subject, state: "running", action: "Ready", message: "", elapsed: yield* elapsed })
        return step.value
      }
      const { _tag: _, floor, ...seen } = step
      last = seen
      yield* options.onProgress({ subject, elapsed: yield* elapsed, ...seen })
      stumbles = seen.action === "Stumbled" ? stumbles + 1 : 0
      const pause = yield* delay(options.policy, stumbles, floor)
      if (Duration.isGreaterThanOrEqualTo(Duration.sum(yield* elapsed, pause), timeout)) {
        yield* Effect.sleep(Duration.subtract(timeout, yield* elapsed))
        return yield* late
      }
      yield* Retry.announce({ subject, attempt: looks, delay: pause, reason: saying(seen), next: "look" })
      yield* Effect.sleep(pause)
    }
  })
  return yield* (Duration.isZero(timeout)
    ? loop
    : Effect.timeoutOrElse(loop, { duration: timeout, orElse: () => late }))
})
