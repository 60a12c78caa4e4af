/**
 * What happened of late, for all who listen.
 *
 * @since 0.2.0
 */
import type * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"

/**
 * A feed of events. A listener gets the last few first; one that is too slow misses the oldest. It ends with `end`.
 *
 * @category models
 * @since 0.2.0
 */
export interface Feed<A> {
  readonly publish: (event: A) => void
  readonly end: () => void
  readonly stream: Stream.Stream<A>
}

/**
 * Makes a feed that keeps a number of events for slow listeners, and replays some of them to a new one.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = <A>(options: { readonly kept: number; readonly replayed: number }): Feed<A> => {
  const events: Array<A> = []
  /** How many were dropped before the first of `events`. */
  let dropped = 0
  let hasEnded = false
  const waiting = new Set<() => void>()
  const wake = () => {
    // who is woken may listen again at once
    const listeners = [...waiting]
    waiting.clear()
    for (const resume of listeners) resume()
  }

  const more = Effect.callback<void>((resume) => {
    const listener = () => resume(Effect.void)
    waiting.add(listener)
    return Effect.sync(() => waiting.delete(listener))
  })

  const listen = Effect.sync(() => {
    let at = dropped + Math.max(0, events.length - options.replayed)
    const pull: Pull.Pull<Arr.NonEmptyReadonlyArray<A>> = Effect.suspend(() => {
      const [event, ...rest] = events.slice(Math.max(0, at - dropped))
      if (event === undefined) return hasEnded ? Cause.done() : Effect.andThen(more, pull)
      at = dropped + events.length
      return Effect.succeed([event, ...rest] as const)
    })
    return pull
  })

  return {
    publish: (event) => {
      if (events.push(event) > options.kept) dropped += events.splice(0, 1).length
      wake()
    },
    end: () => {
      hasEnded = true
      wake()
    },
    stream: Stream.fromPull(listen)
  }
}
