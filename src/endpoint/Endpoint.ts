/**
 * The endpoint that a program talks to, as a service: resolved when it is first needed, remembered, and brought back when it
 * has fallen asleep.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import * as Deadline from "../http/Deadline.ts"
import { RequestDefaults } from "../http/RequestDefaults.ts"
import * as Retry from "../http/Retry.ts"
import * as Timeouts from "../http/Timeouts.ts"
import * as Hub from "../hub/Hub.ts"
import * as HubEnv from "../hub/HubEnv.ts"
import * as EndpointUrl from "./address/EndpointUrl.ts"
import * as EndpointsApi from "./dedicated/EndpointsApi.ts"
import type { WaitProgress } from "./dedicated/Waiting.ts"
import * as DedicatedTarget from "./DedicatedTarget.ts"
import * as EndpointConfig from "./EndpointConfig.ts"
import * as EndpointError from "./EndpointError.ts"
import * as EndpointTarget from "./EndpointTarget.ts"
import * as HubVerdict from "./HubVerdict.ts"
import * as ServerlessTarget from "./ServerlessTarget.ts"

export type { Target } from "./EndpointTarget.ts"

/**
 * @category services
 * @since 0.1.0
 */
export class Endpoint extends Context.Service<Endpoint, {
  readonly config: EndpointConfig.EndpointConfig
  /** The resolved target. A success is kept, a failure is not, and concurrent callers share one request. */
  readonly target: Effect.Effect<EndpointTarget.Target, EndpointError.EndpointError>
  /** Resolves again, including the engine: after an update of the endpoint, or when responses no longer fit. */
  readonly refresh: Effect.Effect<EndpointTarget.Target, EndpointError.EndpointError>
  /**
   * Brings back an endpoint that reported being asleep or paused, and returns its target when it is ready. Concurrent
   * callers share one wake-up. Fails with `Paused` if only its URL is known, which is not enough to resume it.
   */
  readonly revive: (why: "Asleep" | "Paused") => Effect.Effect<EndpointTarget.Target, EndpointError.EndpointError>
  /** What happens while waiting: the last few events, then new ones. Does not end by itself. */
  readonly progress: Stream.Stream<WaitProgress>
  /** `modelDisplayName`, else the endpoint's repository, `modelId`, or the base URL without its query. */
  readonly displayName: Effect.Effect<string, EndpointError.EndpointError>
}>()("effect-inference-endpoints/endpoint/Endpoint") {}

interface Memory {
  readonly target?: EndpointTarget.Target
  readonly flight?: Deferred.Deferred<EndpointTarget.Target, EndpointError.EndpointError>
}

const closed = new EndpointError.EndpointError({
  method: "resolve",
  reason: new EndpointError.InvalidConfig({
    problem: "the layer of the endpoint has ended: keep its scope open for as long as the service is used",
    given: []
  })
})

/**
 * Remembers the result of an effect, and shares it with every caller that needs it while it runs. It keeps running when
 * the caller that started it is interrupted, since others may wait for it; it ends with the scope, and then fails every
 * caller that still waits.
 */
const makeMemory = Effect.map(Effect.scope, (scope) => {
  let memory: Memory = {}
  const share = (work: Effect.Effect<EndpointTarget.Target, EndpointError.EndpointError>) =>
    Effect.uninterruptibleMask((restore) => {
      if (memory.flight !== undefined) return restore(Deferred.await(memory.flight))
      const flight = Deferred.makeUnsafe<EndpointTarget.Target, EndpointError.EndpointError>()
      memory = { ...memory, flight }
      return Effect.flatMap(Effect.forkIn(restore(work), scope), (fiber) => {
        fiber.addObserver((exit) => {
          memory = Exit.isSuccess(exit) ? { target: exit.value } : {}
          Deferred.doneUnsafe(flight, Exit.hasInterrupts(exit) ? Effect.fail(closed) : exit)
        })
        return restore(Deferred.await(flight))
      })
    })
  const get = (work: Effect.Effect<EndpointTarget.Target, EndpointError.EndpointError>) =>
    Effect.suspend(() => memory.target === undefined ? share(work) : Effect.succeed(memory.target))
  return { get, share }
})

type Resolver = (asleep: boolean) => Effect.Effect<EndpointTarget.Target, EndpointError.Reason>

const resolverOf = (means: EndpointTarget.Means, target: EndpointConfig.Target): Resolver => (asleep) => {
  switch (target._tag) {
    case "Serverless":
      return ServerlessTarget.resolve(means, target.modelId)
    case "Dedicated":
      return DedicatedTarget.resolve(means, target, asleep)
    case "Url":
      return EndpointTarget.url(means, target)
  }
}

const log = (progress: WaitProgress) =>
  Effect.logDebug(`${progress.subject} is ${progress.state}`).pipe(
    Effect.annotateLogs({ action: progress.action, message: progress.message })
  )

/**
 * Checks the configuration and the token. Nothing is requested until the target is needed.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: EndpointConfig.Options) {
  const { config, target } = yield* EndpointConfig.make(options)
  const token = yield* EndpointConfig.token(options.apiKey, target)
  // a subscriber gets the last few first; one that is too slow misses the oldest
  const events = yield* Effect.acquireRelease(
    PubSub.sliding<WaitProgress>({ capacity: 256, replay: 16 }),
    PubSub.shutdown
  )
  const defaults = yield* RequestDefaults
  const { total } = Timeouts.make(defaults.timeouts)
  const resolver = resolverOf({
    retry: Retry.make(defaults.retry),
    userAgent: defaults.userAgent,
    client: yield* HttpClient.HttpClient,
    hub: yield* Hub.Hub,
    api: yield* EndpointsApi.EndpointsApi,
    config,
    token,
    onProgress: (progress) => Effect.andThen(PubSub.publish(events, progress), log(progress))
  }, target)
  const memory = yield* makeMemory
  const resolve = (method: string, asleep: boolean) =>
    resolver(asleep).pipe(
      Deadline.within(total),
      Effect.mapError((reason) => new EndpointError.EndpointError({ method, reason })),
      Effect.withSpan(`Endpoint.${method}`, { attributes: { "endpoint.kind": target._tag } })
    )
  const resolved = memory.get(resolve("resolve", false))
  return Endpoint.of({
    config,
    target: resolved,
    refresh: memory.share(resolve("refresh", false)),
    revive: (why) => target._tag === "Serverless" ? resolved : memory.share(resolve("revive", why === "Asleep")),
    progress: Stream.fromPubSub(events),
    displayName: config.modelDisplayName !== undefined
      ? Effect.succeed(config.modelDisplayName)
      : target._tag === "Serverless"
      ? Effect.succeed(target.modelId)
      : target._tag === "Url"
      ? Effect.succeed(EndpointUrl.show(target.url))
      : Effect.map(resolved, ({ displayName }) => displayName)
  })
})

/**
 * The endpoint over existing services.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerWith = (options: EndpointConfig.Options): Layer.Layer<
  Endpoint,
  EndpointError.EndpointError,
  HttpClient.HttpClient | Hub.Hub | EndpointsApi.EndpointsApi
> => Layer.effect(Endpoint, make(options))

/** The Hub that the environment names, with the caller's token if Hugging Face may see it. */
const hubOf = (options: EndpointConfig.Options) =>
  Layer.effect(
    Hub.Hub,
    Effect.gen(function*() {
      const token = EndpointConfig.hubToken(options.apiKey)
      return yield* Hub.make({ token, baseUrl: yield* HubEnv.hubUrl, offline: yield* HubEnv.offline })
    }).pipe(
      Effect.mapError((error) =>
        new EndpointError.EndpointError({ method: "config", reason: HubVerdict.reason(error) })
      )
    )
  )

/**
 * The endpoint with the `Hub` and the `EndpointsApi` that it needs, built from the same token.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <const O extends EndpointConfig.Options>(
  options: O & EndpointConfig.OneTarget<O, EndpointConfig.Options>
): Layer.Layer<Endpoint | Hub.Hub | EndpointsApi.EndpointsApi, EndpointError.EndpointError, HttpClient.HttpClient> =>
  layerWith(options).pipe(
    Layer.provideMerge(
      EndpointsApi.layer({ token: EndpointConfig.hubToken(options.apiKey), baseUrl: options.managementUrl })
    ),
    Layer.provideMerge(hubOf(options))
  )

/**
 * `layer` with every option from a `Config`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = <const O extends Config.Wrap<EndpointConfig.Options>>(
  options: O & EndpointConfig.OneConfigured<O, EndpointConfig.Options>
): Layer.Layer<
  Endpoint | Hub.Hub | EndpointsApi.EndpointsApi,
  EndpointError.EndpointError | Config.ConfigError,
  HttpClient.HttpClient
> => Layer.unwrap(Effect.map(Config.unwrap<EndpointConfig.Options>(options), layer))

/**
 * `layer` from the environment alone: see `EndpointConfig.fromEnv` for its variables.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerEnv: Layer.Layer<
  Endpoint | Hub.Hub | EndpointsApi.EndpointsApi,
  EndpointError.EndpointError | Config.ConfigError,
  HttpClient.HttpClient
> = Layer.unwrap(Effect.map(EndpointConfig.fromEnv, layer))
