/**
 * Requests that found their endpoint asleep or paused: when they may be repeated, and how the endpoint is brought back.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
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

/**
 * A stream whose endpoint may turn out to be away when it is opened: the stream from `again` then takes its place. Later
 * failures stay its own, since part of it was seen.
 *
 * @category running
 * @since 0.2.0
 */
export const stream = <A, E, E1 extends E, E2>(
  self: Stream.Stream<A, E>,
  isRevivable: (error: E) => error is E1,
  again: (error: E1) => Effect.Effect<Stream.Stream<A, E>, E2>
): Stream.Stream<A, E | E2> =>
  Stream.fromChannel(
    Channel.fromTransform((upstream, scope) =>
      Effect.map(Channel.toTransform(self.channel)(upstream, scope), (pull) => {
        type Pulled = Pull.Pull<Arr.NonEmptyReadonlyArray<A>, E | E2>
        const opened = (pull: Pulled) => {
          current = pull
          return pull
        }
        let current: Pulled = Pull.matchEffect(pull, {
          onSuccess: (events) => {
            current = pull
            return Effect.succeed(events)
          },
          onDone: Cause.done,
          onFailure: (cause): Pulled => {
            const failure = Cause.findErrorOption(cause)
            if (failure._tag === "None" || !isRevivable(failure.value)) return Effect.failCause(cause)
            return Effect.flatMap(
              Effect.flatMap(again(failure.value), ({ channel }) => Channel.toTransform(channel)(upstream, scope)),
              opened
            )
          }
        })
        return Effect.suspend(() => current)
      })
    )
  )
