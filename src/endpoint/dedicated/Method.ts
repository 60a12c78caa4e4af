/**
 * What the methods of the management API have in common.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as EndpointError from "../EndpointError.ts"

/** A request that cannot be sent. @category errors @since 0.2.0 */
export const invalid = (problem: string, given: ReadonlyArray<string> = []) =>
  new EndpointError.InvalidConfig({ problem, given })

/** An error of the method by its name, and its span. @category combinators @since 0.2.0 */
export const named = (method: string) => <A, R>(effect: Effect.Effect<A, EndpointError.Reason, R>) =>
  effect.pipe(
    Effect.mapError((reason) => new EndpointError.EndpointError({ method, reason })),
    Effect.withSpan(`EndpointsApi.${method}`)
  )
