/**
 * Routes of an endpoint besides those that generate: the endpoint is resolved on first use, and woken if it has fallen
 * asleep.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Endpoint from "../endpoint/Endpoint.ts"
import type { EndpointError } from "../endpoint/EndpointError.ts"
import type { InferenceError } from "../InferenceError.ts"
import * as Revival from "../pipeline/Revival.ts"
import * as TargetClients from "../pipeline/TargetClients.ts"
import type * as TgiClient from "../transport/TgiClient.ts"

/**
 * Runs a request against the endpoint.
 *
 * @category models
 * @since 0.1.0
 */
export type Use = <A>(
  request: (client: TgiClient.TgiClient["Service"], target: Endpoint.Target) => Effect.Effect<A, InferenceError>
) => Effect.Effect<A, EndpointError | InferenceError>

/**
 * Makes it over an `Endpoint` and an `HttpClient`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: TargetClients.Options = {}) {
  const endpoint = yield* Endpoint.Endpoint
  const clientOf = yield* TargetClients.make(options)
  const use: Use = (request) => {
    const run = (target: Endpoint.Target) => request(clientOf(target), target)
    return Effect.flatMap(endpoint.target, run).pipe(
      Effect.catchIf(Revival.isAway, (error) => Effect.flatMap(Revival.revive(endpoint, error), run))
    )
  }
  return use
})
