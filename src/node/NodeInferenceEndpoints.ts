/**
 * The service for Node programs: over the fast transport, with the token that `hf auth login` saved, and with the
 * cache of Hub files that Python's clients share.
 *
 * @since 0.1.0
 */
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as EndpointConfig from "../endpoint/EndpointConfig.ts"
import * as InferenceEndpointsLLM from "../InferenceEndpointsLLM.ts"
import * as HubDiskCache from "./HubDiskCache.ts"
import * as HubTokenFile from "./HubTokenFile.ts"
import * as NodeTransport from "./NodeTransport.ts"

/**
 * What Node adds: token file, disk caches, and the transport, which applies the limit on connecting.
 *
 * @category layers
 * @since 0.1.0
 */
export const platform = (options: InferenceEndpointsLLM.Options = {}) =>
  Layer.mergeAll(
    NodeTransport.layerOptions({ connectTimeout: options.client?.timeouts?.connect }),
    HubTokenFile.layer,
    HubDiskCache.layer,
    HubDiskCache.layerDatasets
  )

/**
 * The service with the endpoint that the options name: exactly one of `modelId`, `endpointName`, `baseUrl`.
 *
 * @example
 * ```ts
 * import { NodeRuntime, NodeServices } from "@effect/platform-node"
 * import { Console, Effect, Layer } from "effect"
 * import { InferenceEndpointsLLM } from "effect-inference-endpoints"
 * import { NodeInferenceEndpoints } from "effect-inference-endpoints/node"
 *
 * const Model = NodeInferenceEndpoints.layer({ modelId: "Qwen/Qwen3-8B" }).pipe(Layer.provide(NodeServices.layer))
 *
 * const program = Effect.gen(function*() {
 *   const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
 *   const { generations } = yield* llm.generate("Why is the sky red at sunset?")
 *   yield* Console.log(generations[0]?.text)
 * })
 *
 * NodeRuntime.runMain(program.pipe(Effect.provide(Model)))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = <const O extends InferenceEndpointsLLM.LayerOptions>(
  options: O & EndpointConfig.OneTarget<O, InferenceEndpointsLLM.LayerOptions>
) => InferenceEndpointsLLM.layer<O>(options).pipe(Layer.provideMerge(platform(options)))

/**
 * `layer` with every option from a `Config`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = <const O extends Config.Wrap<InferenceEndpointsLLM.LayerOptions>>(
  options: O & EndpointConfig.OneConfigured<O, InferenceEndpointsLLM.LayerOptions>
) =>
  Layer.unwrap(
    Effect.map(
      Config.unwrap<InferenceEndpointsLLM.LayerOptions>(options),
      (given) => layer<InferenceEndpointsLLM.LayerOptions>(given)
    )
  )

/**
 * `layer` with the endpoint that the environment names: see `EndpointConfig.fromEnv`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerEnv = (options: InferenceEndpointsLLM.Options = {}) =>
  InferenceEndpointsLLM.layerEnv(options).pipe(Layer.provideMerge(platform(options)))
