/**
 * From the name of a dedicated endpoint to one that answers: what each state asks for, until it runs, has an address, and
 * its health route answers 200.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { DedicatedEndpoint } from "./DedicatedEndpoint.ts"
import * as EndpointError from "./EndpointError.ts"
import * as EndpointUrl from "./EndpointUrl.ts"
import type * as Health from "./Health.ts"
import * as Waiting from "./Waiting.ts"

/**
 * What waiting needs: one look and one push at the control plane, and one look at the endpoint itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface Means {
  /** `namespace/name`. */
  readonly subject: string
  readonly get: Effect.Effect<DedicatedEndpoint, EndpointError.Reason>
  readonly resume: Effect.Effect<unknown, EndpointError.Reason>
  readonly health: (request: Health.Request) => Effect.Effect<Health.Outcome, EndpointError.Reason>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Default 300 s; zero looks once. */
  readonly timeout?: Duration.Input | undefined
  /** Whether a paused endpoint may be resumed. Default yes. */
  readonly resume?: boolean | undefined
  /** Whether it is known to sleep although it is said to run, so that the health route is asked with patience. */
  readonly asleep?: boolean | undefined
  /** Domains beside `endpoints.huggingface.cloud` that get the token. */
  readonly endpointHosts?: ReadonlyArray<string> | undefined
  readonly onProgress?: ((progress: Waiting.WaitProgress) => Effect.Effect<void>) | undefined
}

/**
 * An endpoint that answers.
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

/** A state that a resume does not leave within so many looks gets another one. */
const patience = 4

const isPassing = (reason: EndpointError.Reason): boolean =>
  reason._tag === "Unreachable" || reason._tag === "RateLimited"

const stumbled = (state: string, reason: EndpointError.Reason): Step => ({
  _tag: "Pending",
  state,
  action: "Stumbled",
  message: reason.message,
  floor: reason._tag === "RateLimited" ? reason.retryAfter : undefined
})

/** A failure that passes is one more thing to wait for. */
const patiently = <R>(state: string, step: Effect.Effect<Step, EndpointError.Reason, R>) =>
  Effect.catchIf(step, isPassing, (reason) => Effect.succeed(stumbled(state, reason)))

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

const addressOf = (subject: string, endpoint: DedicatedEndpoint, hosts: ReadonlyArray<string>) => {
  const { url } = endpoint.status
  if (typeof url !== "string" || url === "") return Effect.void
  const checked = EndpointUrl.trusted(url, hosts)
  return Result.isSuccess(checked)
    ? Effect.succeed(checked.success)
    : Effect.fail(new EndpointError.UnsafeUrl({ subject, ...checked.failure }))
}

/**
 * Waits for an endpoint. `running` is probed and used; `pending`, `initializing`, `updating` and unknown states are waited
 * for; `scaledToZero` is woken by a request, and resumed when that does not help; `paused` is resumed once; `failed` and
 * `updateFailed` fail with the platform's words.
 *
 * @category running
 * @since 0.1.0
 */
export const wait = Effect.fnUntraced(function*(means: Means, options: Options = {}) {
  const { subject } = means
  const hosts = options.endpointHosts ?? []
  const timeout = Duration.fromInputUnsafe(options.timeout ?? "300 seconds")
  const onProgress = options.onProgress ?? (() => Effect.void)
  // looks since the last resume in the same state, and whether the endpoint has left `paused` since
  let pushed: { readonly state: string; looks: number; left: boolean } | undefined

  const resume = (endpoint: DedicatedEndpoint) =>
    Effect.suspend(() => {
      const { state } = endpoint.status
      if (pushed !== undefined && pushed.state === state && ++pushed.looks < patience) {
        return Effect.succeed(pending(endpoint, "Checked"))
      }
      pushed = { state, looks: 0, left: false }
      return Effect.as(means.resume, pending(endpoint, "Resumed"))
    })

  const paused = (endpoint: DedicatedEndpoint) =>
    options.resume === false || Duration.isZero(timeout) || pushed?.left === true
      ? Effect.fail(new EndpointError.Paused({ subject, detail: said(endpoint) }))
      : resume(endpoint)

  /** What the health route says, held at the gateway when the endpoint sleeps. */
  const probe = Effect.fnUntraced(
    function*(endpoint: DedicatedEndpoint, url: URL, remaining: Duration.Duration, asleep: boolean) {
      return yield* means.health({
        subject,
        address: { url },
        healthRoute: endpoint.healthRoute ?? undefined,
        hold: asleep ? Duration.min(hold, remaining) : undefined
      })
    }
  )

  let pokes = 0
  const wake = Effect.fnUntraced(function*(endpoint: DedicatedEndpoint, remaining: Duration.Duration) {
    const url = yield* addressOf(subject, endpoint, hosts)
    if (Duration.isZero(timeout)) return pending(endpoint, "Checked")
    if (url === undefined || ++pokes > patience) return yield* resume(endpoint)
    yield* probe(endpoint, url, remaining, true)
    return pending(endpoint, "Woken")
  })

  const running = Effect.fnUntraced(function*(endpoint: DedicatedEndpoint, remaining: Duration.Duration) {
    const url = yield* addressOf(subject, endpoint, hosts)
    if (url === undefined) return pending(endpoint, "Checked")
    const outcome = yield* probe(endpoint, url, remaining, options.asleep === true && !Duration.isZero(timeout))
    const step: Step = outcome._tag === "Up"
      ? { _tag: "Ready", value: { endpoint, url } }
      : pending(endpoint, "Probed", outcome.detail)
    return step
  })

  const step = Effect.fnUntraced(function*(remaining: Duration.Duration) {
    const endpoint = yield* means.get
    const { state } = endpoint.status
    if (pushed !== undefined && state !== "paused" && state !== "scaledToZero") pushed.left = true
    switch (state) {
      case "running":
        return yield* patiently(state, running(endpoint, remaining))
      case "paused":
        return yield* patiently(state, paused(endpoint))
      case "scaledToZero":
        return yield* patiently(state, wake(endpoint, remaining))
      case "failed":
      case "updateFailed":
        return yield* new EndpointError.Failed({ subject, state, detail: said(endpoint) })
      default:
        return pending(endpoint, "Checked")
    }
  })

  const ready = yield* Waiting.until<Ready, never>({
    subject,
    timeout,
    onProgress,
    step: (remaining) => patiently("unreachable", step(remaining))
  })
  return ready
})
