/**
 * The promise entry wherever there is `fetch`: browsers, workers, edge runtimes.
 *
 * @since 0.2.0
 */
import * as Layer from "effect/Layer"
import * as FetchTransport from "../http/FetchTransport.ts"
import * as InferenceEndpointsLLM from "../InferenceEndpointsLLM.ts"
import * as ClientOf from "./Client.ts"
import type { Client } from "./index.ts"
import type { Options } from "./Options.ts"

export * from "./index.ts"

/**
 * Connects to the model that the options name. Nothing is sent before the first call.
 *
 * @category constructors
 * @since 0.2.0
 */
export const connect: (options: Options) => Client = ClientOf.make((options) =>
  InferenceEndpointsLLM.layer(options).pipe(Layer.provide(FetchTransport.layer))
)
