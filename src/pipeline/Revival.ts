/**
 * Requests that found their endpoint asleep or paused: when they may be repeated, and how the endpoint is brought back.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Endpoint from "../endpoint/Endpoint.ts"
import type { EndpointError } from "../endpoint/EndpointError.ts"
import type { InferenceError } from "../InferenceError.ts"
import type { StructuredOutputError } from "../structured/StructuredOutputError.ts"
import type { TemplateError } from "../template/TemplateError.ts"

/**
 * Whether the endpoint was away and no part of a response has been seen.
 *
 * @category guards
 * @since 0.1.0
 */
export const isAway = (
  error: EndpointError | InferenceError | StructuredOutputError | TemplateError
): error is InferenceError =>
  error._tag === "InferenceError" && error.received === undefined &&
  (error.reason._tag === "Asleep" || error.reason._tag === "Paused")

/**
 * Wakes or resumes the endpoint, as the error says, and returns its target when it is ready.
 *
 * @category running
 * @since 0.1.0
 */
export const revive = (
  endpoint: Endpoint.Endpoint["Service"],
  { reason }: InferenceError
): Effect.Effect<Endpoint.Target, EndpointError> => endpoint.revive(reason._tag === "Paused" ? "Paused" : "Asleep")
