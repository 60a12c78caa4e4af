/**
 * The Hugging Face Hub as far as inference needs it: files of model repositories, what is known about a model, who serves
 * it, and who owns the token.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import { RequestDefaults } from "../http/RequestDefaults.ts"
import * as Retry from "../http/Retry.ts"
import * as RoundTrip from "../http/RoundTrip.ts"
import * as HubClient from "./HubClient.ts"
import * as HubEnv from "./HubEnv.ts"
import * as HubError from "./HubError.ts"
import type * as HubFile from "./HubFile.ts"
import type * as HubHttp from "./HubHttp.ts"
import type * as HubModels from "./HubModels.ts"
import * as HubPolicy from "./HubPolicy.ts"
import * as HubToken from "./HubToken.ts"
import type * as Info from "./ModelInfo.ts"

/**
 * @category services
 * @since 0.1.0
 */
export class Hub extends Context.Service<Hub, {
  /**
   * The bytes of a file, at most 64 MiB. `revision` defaults to `main`. A file of a commit is fetched once, one of a branch
   * is checked again in each call; while the Hub cannot be reached, the cache serves both.
   */
  readonly file: (options: HubFile.Options) => Effect.Effect<Uint8Array, HubError.HubError>
  /** The paths of all files at a revision (default `main`); offline, those that the cache holds. */
  readonly listFiles: (options: HubModels.Tree) => Effect.Effect<ReadonlyArray<string>, HubError.HubError>
  /** What the Hub knows about a model; `expand` narrows it to the named fields, spelt as on the wire. */
  readonly modelInfo: (repo: string, options?: HubModels.Asked) => Effect.Effect<Info.ModelInfo, HubError.HubError>
  /** Who serves a model without a dedicated endpoint. Kept for five minutes. */
  readonly providers: (repo: string) => Effect.Effect<Info.ProviderMapping, HubError.HubError>
  /** The owner of the token. Requested once: no route of the Hub is limited more strictly. */
  readonly whoami: Effect.Effect<Info.WhoAmI, HubError.HubError>
}>()("effect-inference-endpoints/hub/Hub") {}

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Absent: the environment and the token file are searched; `false`: no credential. */
  readonly token?: HubToken.Input
  /** Default `https://huggingface.co`. */
  readonly baseUrl?: string | undefined
  /** Never use the network. Default off. */
  readonly offline?: boolean | undefined
  /**
   * When a temporary failure is retried: a whole policy, or parts of it. Default: what `RequestDefaults` says, else 6
   * attempts, with waits of at most 1 s doubling to 8 s.
   */
  readonly retry?: Retry.Input | undefined
}

/**
 * What all requests of a client of the Hub share.
 *
 * @category constructors
 * @since 0.2.0
 */
export const settingsOf = Effect.fnUntraced(function*(options: Options) {
  const baseUrl = URL.parse((options.baseUrl ?? "https://huggingface.co").replace(/\/+$/, ""))
  if (baseUrl === null || baseUrl.username !== "" || !RoundTrip.isPrivate(baseUrl)) {
    return yield* new HubError.InvalidRequest({
      subject: "the Hub's address",
      detail: "it is an https URL without userinfo"
    })
  }
  const defaults = yield* RequestDefaults
  const settings: HubHttp.Settings = {
    baseUrl,
    token: yield* HubToken.resolve(options.token),
    offline: options.offline ?? false,
    retry: Retry.make(options.retry ?? defaults.retry, HubPolicy.standard),
    userAgent: defaults.userAgent
  }
  return settings
})

/**
 * Builds the service. Uses the `HubCache` in the context, or else one in memory.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: Options = {}) {
  const client = yield* HttpClient.HttpClient
  const settings = yield* settingsOf(options).pipe(
    Effect.mapError((reason) => new HubError.HubError({ method: "make", reason }))
  )
  return Hub.of(yield* HubClient.of(client, settings))
})

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Hub, HubError.HubError, HttpClient.HttpClient> =>
  Layer.effect(Hub, make(options))

/**
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<Hub, HubError.HubError | Config.ConfigError, HttpClient.HttpClient> =>
  Layer.effect(Hub, Effect.flatMap(Config.unwrap(options), make))

/**
 * The Hub as the environment describes it: `HF_TOKEN` and related variables, `HF_ENDPOINT`, `HF_HUB_OFFLINE`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerEnv: Layer.Layer<Hub, HubError.HubError, HttpClient.HttpClient> = Layer.effect(
  Hub,
  Effect.gen(function*() {
    return yield* make({ baseUrl: yield* HubEnv.hubUrl, offline: yield* HubEnv.offline })
  })
)
