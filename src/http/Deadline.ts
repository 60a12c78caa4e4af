/**
 * The moment by which a whole call must have ended, with everything it consists of: finding the endpoint, its attempts, and
 * the waits between them.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"

/**
 * In milliseconds of the clock; absent if only a call's own limit bounds it.
 *
 * @category references
 * @since 0.2.0
 */
export const CurrentDeadline = Context.Reference<number | undefined>(
  "effect-inference-endpoints/http/Deadline/CurrentDeadline",
  { defaultValue: () => undefined }
)

/**
 * In milliseconds: an outer deadline this close to a call's own is not worth separate limits.
 *
 * @category constants
 * @since 0.2.0
 */
export const NEAR = 50

/**
 * The moment a given time from now, or the deadline in force if that is earlier.
 *
 * @category accessors
 * @since 0.2.0
 */
export const after = (limit: Duration.Duration): Effect.Effect<number> =>
  Effect.withFiber((fiber) => Effect.succeed(of(fiber, limit)))

/**
 * As `after`, for a given fiber.
 *
 * @category accessors
 * @since 0.2.0
 */
export const of = (fiber: Fiber.Fiber<unknown, unknown>, limit: Duration.Duration): number => {
  const own = fiber.getRef(Clock.Clock).currentTimeMillisUnsafe() + Duration.toMillis(limit)
  return Math.min(own, fiber.getRef(CurrentDeadline) ?? Infinity)
}

/**
 * Bounds everything that is sent within an effect by one moment, a given time from now.
 *
 * @category combinators
 * @since 0.2.0
 */
export const within = (limit: Duration.Duration) => <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(after(limit), (deadline) => by(deadline)(self))

/**
 * Bounds everything that is sent within an effect by a moment, if there is one.
 *
 * @category combinators
 * @since 0.2.0
 */
export const by = (deadline: number | undefined) => <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  deadline === undefined ? self : Effect.provideService(self, CurrentDeadline, deadline)

/**
 * As `by`, for an effect with a limit of its own: the moment is only passed on if it is earlier by more than `NEAR`. That is
 * rarely so, and other calls need no context of their own.
 *
 * @category combinators
 * @since 0.2.0
 */
export const before = <A, E, R>(
  fiber: Fiber.Fiber<unknown, unknown>,
  deadline: number,
  limit: Duration.Duration,
  self: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  deadline + NEAR < fiber.getRef(Clock.Clock).currentTimeMillisUnsafe() + Duration.toMillis(limit)
    ? by(deadline)(self)
    : self
