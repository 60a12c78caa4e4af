/**
 * Hugging Face in memory: the Hub with its CDN, the serverless router, dedicated endpoints with their management API, and
 * behind router and endpoints simulated inference servers, all reached by one `HttpClient`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import type * as ServerOptions from "./model/Options.ts"
import type * as DatasetRepo from "./platform/DatasetRepo.ts"
import * as EndpointsApi from "./platform/EndpointsApi.ts"
import * as Hub from "./platform/Hub.ts"
import * as Images from "./platform/Images.ts"
import * as Port from "./platform/Port.ts"
import * as Router from "./platform/Router.ts"
import * as Simulator from "./Simulator.ts"
import * as Double from "./wire/Double.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly hub?: Hub.Options | undefined
  readonly router?: Router.Options | undefined
  readonly endpoints?: EndpointsApi.Options | undefined
  /**
   * The server behind the endpoints. An endpoint whose definition names the image of another engine gets one of that engine,
   * with the same settings.
   */
  readonly server?: ServerOptions.Options | undefined
  /** The server of the providers behind the router, which speaks OpenAI's dialect: SGLang by default. */
  readonly provider?: ServerOptions.Options | undefined
  /** Further hosts, or replacements of the doubles. */
  readonly hosts?: Readonly<Record<string, Double.Handler>> | undefined
  /** The address of everything on one port. Default: each service on Hugging Face's host for it. */
  readonly origins?: Port.Origins | undefined
}

/**
 * @category services
 * @since 0.1.0
 */
export class Platform extends Context.Service<Platform, {
  readonly hub: Double.Double
  readonly cdn: Double.Double
  /** The data sets of the Hub as they are now, by id. */
  readonly datasets: ReadonlyMap<string, DatasetRepo.DatasetRepo>
  readonly router: Double.Double
  readonly endpoints: EndpointsApi.EndpointsApi
  readonly server: Simulator.Simulator["Service"]
  readonly provider: Simulator.Simulator["Service"]
  readonly client: HttpClient.HttpClient
}>()("effect-inference-endpoints/simulator/Platform") {}

/** The servers behind the gateway: one per engine and model that endpoints name, and that of the options for the rest. */
const serversOf = (options: ServerOptions.Options, server: Simulator.Simulator["Service"]) => {
  const started = new Map<string, Double.Handler>()
  return (definition: Readonly<Record<string, unknown>>): Double.Handler => (request) =>
    Effect.gen(function*() {
      const served = Images.served(definition)
      if (served === undefined || served.engine === server.settings.engine) {
        return yield* Double.fromServer(server.handle)(request)
      }
      const key = `${served.engine} ${served.modelId}`
      const known = started.get(key)
      if (known !== undefined) return yield* known(request)
      const { version: _, ...others } = options
      const made = yield* Simulator.make({ ...others, ...served })
      const handler = Double.fromServer(made.handle)
      started.set(key, handler)
      return yield* handler(request)
    })
}

/** The options of the doubles on one port. */
const onePort = (origins: Port.Origins | undefined) =>
  origins === undefined ? { hub: {}, endpoints: {} } : {
    hub: { origins: { hub: origins.origin, cdn: Port.storageUrl(origins) } },
    endpoints: { urlOf: (name: string) => Port.endpointUrl(origins, name) }
  }

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: Options = {}) {
  const server = yield* Simulator.make(options.server ?? {})
  const inner = serversOf(options.server ?? {}, server)
  const port = onePort(options.origins)
  const hub = yield* Hub.make({ ...port.hub, ...options.hub })
  const provider = yield* Simulator.make({ engine: "sglang", ...options.provider })
  const native = yield* Simulator.make({ ...options.provider, engine: "tgi" })
  const router = yield* Router.make({
    inner: Double.fromServer(provider.handle),
    native: Double.fromServer(native.handle),
    ...options.router
  })
  const endpoints = yield* EndpointsApi.make({
    inner: (_, definition) => inner(definition),
    ...port.endpoints,
    ...options.endpoints
  })
  const client = Double.client({
    ...hub.handlers,
    [Router.host]: router.handler,
    ...endpoints.handlers,
    ...options.hosts
  })
  return Platform.of({
    hub: hub.hub,
    cdn: hub.cdn,
    datasets: hub.datasets,
    router,
    endpoints,
    server,
    provider,
    client
  })
})

/**
 * The platform with its controls, and the `HttpClient` that reaches it.
 *
 * @example
 * ```ts
 * import { Layer } from "effect"
 * import { InferenceEndpointsLLM } from "effect-inference-endpoints"
 * import { Platform } from "effect-inference-endpoints/simulator"
 *
 * // a paused endpoint, which the first call wakes
 * const Model = InferenceEndpointsLLM.layer({
 *   endpointName: "my-endpoint",
 *   endpointNamespace: "my-org",
 *   apiKey: "hf_example"
 * }).pipe(Layer.provide(Platform.layer({ endpoints: { endpoints: { "my-org/my-endpoint": { state: "paused" } } } })))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Platform | HttpClient.HttpClient> =>
  Layer.effectContext(
    Effect.map(make(options), (platform) =>
      Context.make(Platform, platform).pipe(Context.add(HttpClient.HttpClient, platform.client)))
  )
