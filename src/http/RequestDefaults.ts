/**
 * The policy that all requests of a program share: it is set once for a service, and every service that it builds on reads
 * it when it is made, so that finding an endpoint keeps the limits of a call.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import type * as Retry from "./Retry.ts"
import type * as Timeouts from "./Timeouts.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Defaults {
  /** When to retry; absent members keep their default. */
  readonly retry?: Retry.Input | undefined
  /** Time limits; each has a default. */
  readonly timeouts?: Timeouts.Input | undefined
  /** Precedes the SDK's own name in the `user-agent` header. */
  readonly userAgent?: string | undefined
}

/**
 * Read by `Hub`, `EndpointsApi` and `Endpoint` when they are made. `InferenceEndpointsLLM.layer` sets it from its `client`
 * option; a program that builds these layers itself provides it to them.
 *
 * @category references
 * @since 0.2.0
 */
export const RequestDefaults = Context.Reference<Defaults>("effect-inference-endpoints/http/RequestDefaults", {
  defaultValue: () => ({})
})
