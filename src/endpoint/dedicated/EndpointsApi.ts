/**
 * Dedicated Inference Endpoints as a service: list, read, create, change, pause, resume, scale to zero, delete, and wait;
 * their logs, what they can run on, and the catalogue of models that were tested.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type * as Stream from "effect/Stream"
import { RequestDefaults } from "../../http/RequestDefaults.ts"
import * as Retry from "../../http/Retry.ts"
import * as RoundTrip from "../../http/RoundTrip.ts"
import * as Hub from "../../hub/Hub.ts"
import * as HubToken from "../../hub/HubToken.ts"
import type * as EndpointError from "../EndpointError.ts"
import type * as Catalogue from "./Catalogue.ts"
import type * as Dedicated from "./Dedicated.ts"
import type { Create, DedicatedEndpoint, Update } from "./DedicatedEndpoint.ts"
import * as EndpointName from "./EndpointName.ts"
import type * as Hardware from "./Hardware.ts"
import type * as Logs from "./Logs.ts"
import * as ManagedEndpoints from "./ManagedEndpoints.ts"
import type * as Management from "./Management.ts"
import { invalid, named } from "./Method.ts"
import type { WaitProgress } from "./Waiting.ts"

/**
 * @category services
 * @since 0.1.0
 */
export class EndpointsApi extends Context.Service<EndpointsApi, {
  /** All endpoints of a namespace, page by page; `search` is a part of the name, `tags` must all be present. */
  readonly list: (options?: {
    readonly namespace?: string | undefined
    readonly search?: string | undefined
    readonly tags?: ReadonlyArray<string> | undefined
  }) => Stream.Stream<DedicatedEndpoint, EndpointError.EndpointError>
  readonly get: (name: EndpointName.Name) => Effect.Effect<DedicatedEndpoint, EndpointError.EndpointError>
  readonly create: (
    endpoint: Create,
    options?: { readonly namespace?: string | undefined }
  ) => Effect.Effect<DedicatedEndpoint, EndpointError.EndpointError>
  /** Changes the keys that are given. */
  readonly update: (
    name: EndpointName.Name,
    changes: Update
  ) => Effect.Effect<DedicatedEndpoint, EndpointError.EndpointError>
  /** Stops it until it is resumed; requests do not wake it, and it costs nothing. */
  readonly pause: (name: EndpointName.Name) => Effect.Effect<DedicatedEndpoint, EndpointError.EndpointError>
  /** Starts it again. It is not an error if it runs already. */
  readonly resume: (name: EndpointName.Name) => Effect.Effect<DedicatedEndpoint, EndpointError.EndpointError>
  /** Drops all replicas until the next request. */
  readonly scaleToZero: (name: EndpointName.Name) => Effect.Effect<DedicatedEndpoint, EndpointError.EndpointError>
  /** Cannot be undone. */
  readonly delete: (name: EndpointName.Name) => Effect.Effect<void, EndpointError.EndpointError>
  /** Waits until it responds, resuming and waking it if the options allow. */
  readonly wait: (
    name: EndpointName.Name,
    options?: Dedicated.Options
  ) => Effect.Effect<Dedicated.Ready, EndpointError.EndpointError>
  /** `wait` as a stream of events; its last element is `Ready`, or it fails as `wait` does. */
  readonly watch: (
    name: EndpointName.Name,
    options?: Omit<Dedicated.Options, "onProgress">
  ) => Stream.Stream<WaitProgress, EndpointError.EndpointError>
  /** The output of its replicas, line by line. */
  readonly logs: (
    name: EndpointName.Name,
    options?: Logs.Options
  ) => Stream.Stream<string, EndpointError.EndpointError>
  /** What endpoints can run on, with prices and the quota of the namespace, including what is not available now. */
  readonly hardware: (
    options?: { readonly namespace?: string | undefined }
  ) => Effect.Effect<ReadonlyArray<Hardware.Hardware>, EndpointError.EndpointError>
  /** The models of the catalogue, each with its tested recipes. Needs no token. */
  readonly catalogue: (
    query?: Catalogue.Query
  ) => Effect.Effect<ReadonlyArray<Catalogue.Model>, EndpointError.EndpointError>
  /** Creates an endpoint from the catalogue. Without a name, the platform chooses one. */
  readonly deploy: (
    choice: Catalogue.Choice,
    options?: { readonly name?: string | undefined; readonly namespace?: string | undefined }
  ) => Effect.Effect<DedicatedEndpoint, EndpointError.EndpointError>
}>()("effect-inference-endpoints/endpoint/EndpointsApi") {}

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Absent: the environment and the token file are searched. */
  readonly token?: HubToken.Input
  /** Default `https://api.endpoints.huggingface.cloud/v2`. */
  readonly baseUrl?: string | undefined
  /**
   * The catalogue. Default `https://endpoints.huggingface.co/api/v1/catalog`, or that path on the host of `baseUrl` if
   * one is given.
   */
  readonly catalogueUrl?: string | undefined
  /**
   * When an idempotent call is repeated, in whole or in part. `create`, `deploy`, `resume` and `delete` are sent once.
   * Default: what `RequestDefaults` says, else `Retry.standard`.
   */
  readonly retry?: Retry.Input | undefined
}

const addressOf = (of: string, address: string): Effect.Effect<URL, EndpointError.Reason> => {
  const url = URL.parse(address)
  return url === null || url.username !== "" || url.password !== "" || !RoundTrip.isPrivate(url)
    ? Effect.fail(invalid(`the address of the ${of} is an https URL without userinfo`))
    : Effect.succeed(url)
}

const settingsOf = Effect.fnUntraced(function*(options: Options) {
  const baseUrl = yield* addressOf("management API", options.baseUrl ?? "https://api.endpoints.huggingface.cloud/v2")
  const catalogueUrl = yield* addressOf(
    "catalogue",
    options.catalogueUrl ??
      `${options.baseUrl === undefined ? "https://endpoints.huggingface.co" : baseUrl.origin}/api/v1/catalog`
  )
  const token = yield* HubToken.resolve(options.token).pipe(
    Effect.mapError((error) => invalid(error.message, [error.source]))
  )
  const defaults = yield* RequestDefaults
  const settings: Management.Settings = {
    client: yield* HttpClient.HttpClient,
    baseUrl,
    catalogueUrl,
    token,
    retry: Retry.make({ quota: false, ...(options.retry ?? defaults.retry) }),
    userAgent: defaults.userAgent
  }
  return settings
})

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: Options = {}) {
  const path = EndpointName.pathOf(yield* Hub.Hub)
  return EndpointsApi.of(ManagedEndpoints.of(yield* named("make")(settingsOf(options)), path))
})

/**
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { EndpointsApi, FetchTransport } from "effect-inference-endpoints"
 *
 * const pause = Effect.gen(function*() {
 *   const api = yield* EndpointsApi.EndpointsApi
 *   return yield* api.pause({ namespace: "my-org", name: "my-endpoint" })
 * }).pipe(Effect.provide(EndpointsApi.layer().pipe(Layer.provide(FetchTransport.layer))))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<EndpointsApi, EndpointError.EndpointError, HttpClient.HttpClient | Hub.Hub> =>
  Layer.effect(EndpointsApi, make(options))

/**
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  options: Config.Wrap<Options>
): Layer.Layer<EndpointsApi, EndpointError.EndpointError | Config.ConfigError, HttpClient.HttpClient | Hub.Hub> =>
  Layer.effect(EndpointsApi, Effect.flatMap(Config.unwrap(options), make))
