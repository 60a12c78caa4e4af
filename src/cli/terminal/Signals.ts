/**
 * What the first interrupt by a person or the system does: a command that can end cleanly is notified, any other is
 * interrupted.
 */
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"

/** The signals that end a command, with their exit codes. */
export const codes = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const

export type Signal = keyof typeof codes

export class Signals extends Context.Service<Signals, {
  /** Waits for the first signal. The caller is then responsible for ending the command. */
  readonly first: Effect.Effect<Signal>
  /** Runs an effect; meanwhile an interrupt by a person calls the function and ends nothing else. */
  readonly during: <A, E, R>(interrupted: () => void, effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
  /** The first signal, once there was one. */
  readonly received: () => Signal | undefined
}>()("effect-inference-endpoints/cli/Signals") {}

export interface Made {
  readonly service: Signals["Service"]
  /** Reports a signal; false when nobody waits for it, or it is not the first. */
  readonly notify: (signal: Signal) => boolean
}

export const make = (): Made => {
  const deferred = Deferred.makeUnsafe<Signal>()
  let received: Signal | undefined
  let asked = false
  let during: (() => void) | undefined
  const first = Effect.suspend(() => {
    asked = true
    return Deferred.await(deferred)
  })
  return {
    service: {
      first,
      received: () => received,
      during: (interrupted, effect) =>
        Effect.ensuring(
          Effect.suspend(() => {
            during = interrupted
            return effect
          }),
          Effect.sync(() => {
            during = undefined
          })
        )
    },
    notify: (signal) => {
      if (signal === "SIGINT" && during !== undefined) {
        during()
        return true
      }
      if (received !== undefined) return false
      received = signal
      Deferred.doneUnsafe(deferred, Effect.succeed(signal))
      return asked
    }
  }
}
