/**
 * A resolved target: everything that a request needs to know about where it goes. Each kind of target has a function that
 * makes one.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Retry from "../http/Retry.ts"
import type * as Hub from "../hub/Hub.ts"
import * as RepoPath from "../hub/RepoPath.ts"
import * as EndpointUrl from "./address/EndpointUrl.ts"
import type * as Engine from "./address/Engine.ts"
import * as EngineProbe from "./address/EngineProbe.ts"
import * as Health from "./address/Health.ts"
import type * as EndpointsApi from "./dedicated/EndpointsApi.ts"
import * as Waiting from "./dedicated/Waiting.ts"
import type * as EndpointConfig from "./EndpointConfig.ts"
import * as EndpointError from "./EndpointError.ts"
import type * as Router from "./serverless/Router.ts"

/**
 * Where requests go, resolved.
 *
 * @category models
 * @since 0.1.0
 */
export interface Target {
  readonly kind: "serverless" | "dedicated" | "url"
  /** The root of `/generate`, `/v1/chat/completions` and `/info`. */
  readonly url: URL
  /** The query that every request carries, with its `?`, or `""`. It may hold a key: never show it. */
  readonly search: string
  /** Set when the caller gave a full chat route that is not `/v1/chat/completions` below `url`. */
  readonly chatUrl?: URL
  /** Serverless: where raw prompts go, which is a provider's own route, and the model's name there. */
  readonly completionUrl?: URL
  readonly completionModel?: string
  /** Serverless: set instead of `completionUrl` if the provider takes raw prompts in the form of TGI's native route. */
  readonly nativeUrl?: URL
  /** Serverless: set if providers take only raw prompts, and no messages. */
  readonly isRawOnly?: boolean
  /** What every request carries besides the token. No secrets. */
  readonly headers: Readonly<Record<string, string>>
  /** Sent to the origin of `url` and to no other. */
  readonly token: Redacted.Redacted<string> | undefined
  /** What goes into `model`. */
  readonly modelName: string
  readonly engine: Engine.Engine
  /** The model's repository on the Hub, if it is known: templates come from there. */
  readonly repository?: string
  /** The revision of the repository, if it is known. */
  readonly revision?: string
  /** The model's name where results are shown. */
  readonly displayName: string
  /** USD per million tokens, if it is known which provider serves the model. */
  readonly pricing?: { readonly input: number; readonly output: number }
  /** Serverless: what the router publishes about the providers that may serve the model. */
  readonly offers?: ReadonlyArray<Router.Offer>
}

/**
 * What resolving needs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Means {
  readonly client: HttpClient.HttpClient
  readonly hub: Hub.Hub["Service"]
  readonly api: EndpointsApi.EndpointsApi["Service"]
  readonly config: EndpointConfig.EndpointConfig
  readonly token: Redacted.Redacted<string> | undefined
  readonly retry: Retry.Policy
  readonly userAgent: string | undefined
  readonly onProgress: (progress: Waiting.WaitProgress) => Effect.Effect<void>
}

/** The longest time for which the gateway holds a request. */
const hold = Duration.seconds(50)

/** Asks the gateway to hold a request while the endpoint wakes. @category headers @since 0.2.0 */
export const holdHeader = (config: EndpointConfig.EndpointConfig): Readonly<Record<string, string>> => {
  const seconds = Math.floor(Duration.toSeconds(Duration.min(hold, config.waitTimeout)))
  return seconds > 0 ? { "x-scale-up-timeout": String(seconds) } : {}
}

type Found = Waiting.Step<Engine.Engine>

/**
 * Resolves a base URL. A dedicated endpoint is woken, and any server that says it is not ready yet is waited for; one that
 * cannot be reached is retried by the policy.
 *
 * @category resolving
 * @since 0.1.0
 */
export const url = Effect.fnUntraced(
  function*(means: Means, address: EndpointUrl.Address) {
    const { client, config, onProgress, retry, token, userAgent } = means
    const subject = EndpointUrl.show(address.url)
    const wakes = EndpointUrl.isDedicated(address.url)
    const policy = yield* Retry.current(retry)

    const missed = (reason: EndpointError.Unreachable) =>
      policy.attempts <= 1 || !reason.isRetryable || (reason.status === undefined && !wakes)
        ? Effect.fail<EndpointError.Reason>(reason)
        : Effect.succeed<Found>({ _tag: "Pending", state: "unreachable", action: "Stumbled", message: reason.message })

    const step = Effect.fnUntraced(
      function*(remaining: Duration.Duration): Effect.fn.Return<Found, EndpointError.Reason> {
        if (wakes) {
          const patience = Duration.isZero(config.waitTimeout)
            ? undefined
            : Duration.min(Duration.seconds(30), remaining)
          const health = yield* Health.check(client, token, { subject, address, hold: patience })
          if (health._tag === "Paused") return yield* new EndpointError.Paused({ subject, detail: health.detail })
          if (health._tag !== "Up") {
            return {
              _tag: "Pending",
              state: health._tag === "Asleep" ? "scaledToZero" : "unavailable",
              action: "Woken",
              message: health.detail
            }
          }
        }
        const engine = yield* EngineProbe.detect(client, {
          ...address,
          token,
          override: config.engine,
          limits: config.engineLimits,
          modelName: config.modelName,
          retry,
          userAgent
        })
        return { _tag: "Ready", value: engine }
      }
    )

    const engine = yield* Waiting.until<Engine.Engine, never>({
      subject,
      timeout: config.waitTimeout,
      policy,
      onProgress,
      step: (remaining) => Effect.catchTag(step(remaining), "Unreachable", missed)
    })
    const modelName = engine.modelName ?? "default"
    const repository = Result.isSuccess(RepoPath.repo(modelName)) && modelName.includes("/") ? modelName : undefined
    const target: Target = {
      kind: "url",
      url: address.url,
      search: address.search,
      ...(address.chatUrl !== undefined && { chatUrl: address.chatUrl }),
      headers: wakes ? holdHeader(config) : {},
      token,
      modelName,
      engine,
      ...(repository !== undefined && { repository }),
      ...(config.revision !== undefined && { revision: config.revision }),
      displayName: config.modelDisplayName ?? subject
    }
    return target
  }
)
