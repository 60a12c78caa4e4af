/**
 * The process of a simulated server, which a request can crash together with everything in flight.
 *
 * @since 0.2.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import { Broken } from "./Exchange.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Process {
  /** Crashes it; it listens again at the given time, in milliseconds of the clock. */
  readonly die: (until: number) => void
  readonly isDown: (now: number) => boolean
  /** How often it crashed. */
  readonly deaths: () => number
  /** Breaks off a reply in preparation when the process dies. */
  readonly during: <A>(work: Effect.Effect<A, Broken>) => Effect.Effect<A, Broken>
  /** Breaks off a body when the process dies. */
  readonly sending: <A>(body: Stream.Stream<A, Broken>) => Stream.Stream<A, Broken>
}

/**
 * @category constructors
 * @since 0.2.0
 */
export const make = (): Process => {
  let downUntil = -Infinity
  let deaths = 0
  let death = Deferred.makeUnsafe<never, Broken>()
  return {
    die(until) {
      deaths++
      downUntil = until
      const now = death
      death = Deferred.makeUnsafe()
      Deferred.doneUnsafe(now, Exit.fail(new Broken({ how: "reset" })))
    },
    isDown: (now) => now < downUntil,
    deaths: () => deaths,
    during: (work) => Effect.suspend(() => Effect.raceFirst(work, Deferred.await(death))),
    sending: (body) => Stream.suspend(() => Stream.interruptWhen(body, Deferred.await(death)))
  }
}
