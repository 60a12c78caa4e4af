/**
 * A pull of arrays, whose elements many fibers take one by one; at most one of them pulls at a time.
 *
 * @since 0.1.0
 */
import type * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Semaphore from "effect/Semaphore"

/**
 * The next element; undefined at the end and from then on. Where it is known, the effect has succeeded.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <A, E, R>(
  pull: Pull.Pull<Arr.NonEmptyReadonlyArray<A>, E, void, R>
): () => Effect.Effect<A | undefined, E, R> => {
  const lock = Semaphore.makeUnsafe(1)
  let buffer: ReadonlyArray<A> = []
  let at = 0
  let ended = false
  const take = (): Effect.Effect<A | undefined, E, R> =>
    at < buffer.length ? Effect.succeed(buffer[at++]) : ended ? Effect.undefined : refilled
  const refill = Effect.suspend((): Effect.Effect<A | undefined, E, R> =>
    at < buffer.length || ended
      ? take()
      : Pull.matchEffect(pull, {
        onSuccess: (next) => {
          buffer = next
          at = 0
          return take()
        },
        onFailure: Effect.failCause,
        onDone: () => {
          ended = true
          buffer = []
          return Effect.undefined
        }
      })
  )
  const refilled = lock.withPermit(refill)
  return take
}
