/**
 * From the name of a dedicated endpoint to one that responds: what each state requires, until it runs, has an address,
 * and its health route responds with 200.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Retry from "../../http/Retry.ts"
import * as EndpointUrl from "../address/EndpointUrl.ts"
import type * as Health from "../address/Health.ts"
import * as EndpointError from "../EndpointError.ts"
import type { DedicatedEndpoint } from "./DedicatedEndpoint.ts"
import * as Waiting from "./Waiting.ts"

/**
 * What waiting needs: reading and resuming at the control plane, and one check of the endpoint itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface Means {
  /** `namespace/name`. */
  readonly subject: string
  /** If it allows only one attempt, a check that fails temporarily ends the wait. */
  readonly retry: Retry.Policy
  readonly get: Effect.Effect<DedicatedEndpoint, EndpointError.Reason>
  readonly resume: Effect.Effect<unknown, EndpointError.Reason>
  readonly health: (request: Health.Request) => Effect.Effect<Health.Outcome, EndpointError.Reason>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Default 300 s; zero checks once. */
  readonly timeout?: Duration.Input | undefined
  /** Whether a paused endpoint may be resumed. Default yes. */
  readonly resume?: boolean | undefined
  /** Whether it is known to sleep although it is reported to run, so that the health route is given more time. */
  readonly asleep?: boolean | undefined
  /** Domains besides `endpoints.huggingface.cloud` that get the token. */
  readonly endpointHosts?: ReadonlyArray<string> | undefined
  readonly onProgress?: ((progress: Waiting.WaitProgress) => Effect.Effect<unknown>) | undefined
}

/**
 * An endpoint that responds.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ready {
  readonly endpoint: DedicatedEndpoint
  readonly url: URL
}

type Step = Waiting.Step<Ready>

/** How long the gateway is asked to hold a request while a replica starts. */
const hold = Duration.seconds(30)

/** An endpoint whose state persists after this many checks is resumed once more. */
const patience = 4

const isPassing = (reason: EndpointError.Reason): boolean =>
  (reason._tag === "Unreachable" || reason._tag === "RateLimited") && reason.isRetryable

const stumbled = (state: string, reason: EndpointError.Reason): Step => ({
  _tag: "Pending",
  state,
  action: "Stumbled",
  message: reason.message,
  floor: reason._tag === "RateLimited" ? reason.retryAfter : undefined
})

/** A temporary failure is one more thing to wait for. */
const patiently = <R>(self: Wait, state: string, step: Effect.Effect<Step, EndpointError.Reason, R>) =>
  Effect.catchIf(
    step,
    (reason) => self.policy.attempts > 1 && isPassing(reason),
    (reason) => Effect.succeed(stumbled(state, reason))
  )

const said = (endpoint: DedicatedEndpoint): string => endpoint.status.errorMessage || endpoint.status.message || ""

const pending = (
  endpoint: DedicatedEndpoint,
  action: Waiting.WaitProgress["action"],
  message = said(endpoint)
): Step => ({
  _tag: "Pending",
  state: endpoint.status.state,
  action,
  message,
  ...(typeof endpoint.status.readyReplica === "number" && { readyReplica: endpoint.status.readyReplica }),
  ...(typeof endpoint.status.targetReplica === "number" && { targetReplica: endpoint.status.targetReplica })
})

/** One wait: what it may do, and what it has done. */
interface Wait {
  readonly means: Means
  readonly options: Options
  readonly timeout: Duration.Duration
  readonly policy: Retry.Policy
  /** The state in which it was last resumed, the checks since then, and whether it has left that state. */
  pushed: { readonly state: string; looks: number; left: boolean } | undefined
  /** Requests that were meant to wake it. */
  pokes: number
}

/** The address, checked before it gets the token. */
const addressOf = ({ means: { subject }, options }: Wait, endpoint: DedicatedEndpoint) => {
  const { url } = endpoint.status
  if (typeof url !== "string" || url === "") return Effect.undefined
  const checked = EndpointUrl.trusted(url, options.endpointHosts ?? [])
  return Result.isSuccess(checked)
    ? Effect.succeed(checked.success)
    : Effect.fail(new EndpointError.UnsafeUrl({ subject, ...checked.failure }))
}

const resume = (self: Wait, endpoint: DedicatedEndpoint): Effect.Effect<Step, EndpointError.Reason> => {
  const { state } = endpoint.status
  if (self.pushed?.state === state && ++self.pushed.looks < patience) {
    return Effect.succeed(pending(endpoint, "Checked"))
  }
  self.pushed = { state, looks: 0, left: false }
  return Effect.as(self.means.resume, pending(endpoint, "Resumed"))
}

const paused = (self: Wait, endpoint: DedicatedEndpoint): Effect.Effect<Step, EndpointError.Reason> =>
  self.options.resume === false || Duration.isZero(self.timeout) || self.pushed?.left === true
    ? Effect.fail(new EndpointError.Paused({ subject: self.means.subject, detail: said(endpoint) }))
    : resume(self, endpoint)

/** Asks the health route, held at the gateway when the endpoint sleeps. */
const probe = (self: Wait, endpoint: DedicatedEndpoint, url: URL, held: Duration.Duration | undefined) =>
  self.means.health({
    subject: self.means.subject,
    address: { url },
    healthRoute: endpoint.healthRoute ?? undefined,
    hold: held
  })

const wake = Effect.fnUntraced(function*(self: Wait, endpoint: DedicatedEndpoint, remaining: Duration.Duration) {
  const url = yield* addressOf(self, endpoint)
  if (Duration.isZero(self.timeout)) return pending(endpoint, "Checked")
  if (url === undefined || ++self.pokes > patience) return yield* resume(self, endpoint)
  yield* probe(self, endpoint, url, Duration.min(hold, remaining))
  return pending(endpoint, "Woken")
})

const running = Effect.fnUntraced(function*(self: Wait, endpoint: DedicatedEndpoint, remaining: Duration.Duration) {
  const url = yield* addressOf(self, endpoint)
  if (url === undefined) return pending(endpoint, "Checked")
  const asleep = self.options.asleep === true && !Duration.isZero(self.timeout)
  const outcome = yield* probe(self, endpoint, url, asleep ? Duration.min(hold, remaining) : undefined)
  const step: Step = outcome._tag === "Up"
    ? { _tag: "Ready", value: { endpoint, url } }
    : pending(endpoint, "Probed", outcome.detail)
  return step
})

const look = Effect.fnUntraced(function*(self: Wait, remaining: Duration.Duration) {
  const endpoint = yield* self.means.get
  const { state } = endpoint.status
  if (self.pushed !== undefined && state !== "paused" && state !== "scaledToZero") self.pushed.left = true
  switch (state) {
    case "running":
      return yield* patiently(self, state, running(self, endpoint, remaining))
    case "paused":
      return yield* patiently(self, state, paused(self, endpoint))
    case "scaledToZero":
      return yield* patiently(self, state, wake(self, endpoint, remaining))
    case "failed":
    case "updateFailed":
      return yield* new EndpointError.Failed({ subject: self.means.subject, state, detail: said(endpoint) })
    default:
      return pending(endpoint, "Checked")
  }
})

/**
 * Waits for an endpoint. `running` is probed and used; `pending`, `initializing`, `updating` and unknown states are waited
 * for; `scaledToZero` is woken by a request, and resumed when that does not help; `paused` is resumed once; `failed` and
 * `updateFailed` fail with the platform's words.
 *
 * @category running
 * @since 0.1.0
 */
export const wait = (means: Means, options: Options = {}): Effect.Effect<Ready, EndpointError.Reason> =>
  Effect.flatMap(Retry.current(means.retry), (policy) => {
    const timeout = Duration.fromInputUnsafe(options.timeout ?? "300 seconds")
    const self: Wait = { means, options, timeout, policy, pushed: undefined, pokes: 0 }
    return Waiting.until<Ready, never>({
      subject: means.subject,
      timeout,
      policy,
      onProgress: options.onProgress ?? (() => Effect.void),
      step: (remaining) => patiently(self, "unreachable", look(self, remaining))
    })
  })
