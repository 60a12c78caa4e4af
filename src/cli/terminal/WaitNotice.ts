/**
 * Reports waits on standard error, so that nobody wonders whether a command hangs.
 *
 * @since 0.2.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Retry from "../../http/Retry.ts"
import * as Notice from "./Notice.ts"

/** Shorter waits are over before a notice could be read. */
const worth = Duration.seconds(1)

/**
 * Reports waits of a second and more; those between attempts at a row are left to the progress of a batch.
 *
 * @category combinators
 * @since 0.2.0
 */
export const said = (verb: string) =>
  Effect.provideService(
    Retry.OnWait,
    ({ delay, next, reason, subject }) =>
      Duration.isLessThan(delay, worth) || (verb === "batch" && next === "attempt")
        ? Effect.void
        : Notice.say(`waiting ${Math.round(Duration.toSeconds(delay))} s for ${subject}: ${reason}`)
  )
