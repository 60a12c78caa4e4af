/** The port over a simulated server, or over the platform. */
import { Effect, Layer } from "effect"
import { HttpClient } from "effect/http"
import * as Retry from "../../src/http/Retry.ts"
import * as InferenceEndpointsLLM from "../../src/InferenceEndpointsLLM.ts"
import * as Proxies from "../../src/proxy/Proxy.ts"
import { Simulator } from "../../src/simulator/index.ts"
import * as Platform from "../../src/simulator/Platform.ts"
import * as World from "../World.ts"

export const ProxyService = Proxies.Proxy
export type Proxy = Proxies.Proxy

export interface Setup extends World.Setup {
  readonly proxy?: Proxies.Options
}

/** Behind it is one model `m`, alias `n`; nothing is tried again unless the test says so. */
export const layer = (setup: Setup = {}) => {
  const { engine = "tgi", proxy, revive, server, service, target } = setup
  return Proxies.layer({ model: "m", aliases: ["n"], ...proxy }).pipe(
    Layer.provide(InferenceEndpointsLLM.layerWith({ client: { retry: Retry.none }, ...service })),
    Layer.provide(World.endpoint(World.target(engine, target), revive)),
    Layer.provideMerge(Simulator.layer({ engine, ...server })),
    Layer.orDie
  )
}

export const world =
  (setup?: Setup) => <A, E>(self: Effect.Effect<A, E, Proxy | Simulator.Simulator | HttpClient.HttpClient>) =>
    Effect.provide(self, layer(setup))

/** Behind it is an endpoint of the platform. */
export const dedicated = (options: Platform.Options, proxy: Proxies.Options = {}) =>
  Layer.unwrap(Effect.map(Platform.make(options), (platform) =>
    Proxies.layer({ model: "m", ...proxy }).pipe(
      Layer.provide(InferenceEndpointsLLM.layer({
        endpointName: "llm",
        endpointNamespace: "my",
        apiKey: "hf_x",
        waitTimeout: "5 minutes"
      })),
      Layer.provideMerge(Layer.succeed(Platform.Platform, platform)),
      Layer.provide(Layer.succeed(HttpClient.HttpClient, platform.client)),
      Layer.orDie
    )))
