/**
 * What is printed besides the result, on standard error: hints, waits, totals. `--quiet` leaves it out; errors and cut
 * responses are reported all the same.
 *
 * @since 0.2.0
 */
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { CommandExit } from "./CommandExit.ts"
import { visible } from "./Visible.ts"

/**
 * Whether notices are left out.
 *
 * @category references
 * @since 0.2.0
 */
export const Quiet = Context.Reference<boolean>("effect-inference-endpoints/cli/Notice/Quiet", {
  defaultValue: () => false
})

/**
 * Prints a notice.
 *
 * @category running
 * @since 0.2.0
 */
export const say = (text: string): Effect.Effect<void> =>
  Effect.flatMap(Quiet, (quiet) => quiet ? Effect.void : Console.error(visible(text)))

/**
 * Reports what is waited for if that takes longer than a second, so that nothing waits silently.
 *
 * @category combinators
 * @since 0.2.0
 */
export const whileWaiting =
  (text: string, after: Duration.Input = "1 second") =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.acquireUseRelease(
      Effect.forkChild(Effect.interruptible(Effect.delay(say(text), after))),
      () => self,
      Fiber.interrupt
    )

const written = (): number =>
  process.stdout.writableLength + process.stderr.writableLength + bytesOf(process.stdout) + bytesOf(process.stderr)

/** What went through a stream; it cannot be known for files. */
const bytesOf = (stream: NodeJS.WriteStream): number => "bytesWritten" in stream ? stream.bytesWritten : 0

/**
 * Reports that work is in progress where a command has printed nothing for a second.
 *
 * @category combinators
 * @since 0.2.0
 */
export const unlessHeard = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const before = written()
    const word = Effect.suspend(() => written() === before ? say("working (Ctrl-C stops it)") : Effect.void)
    return Effect.acquireUseRelease(
      Effect.forkChild(Effect.interruptible(Effect.delay(word, "1 second"))),
      () => self,
      Fiber.interrupt
    )
  })

/**
 * Ends a command that is used incorrectly, with the reason.
 *
 * @category running
 * @since 0.2.0
 */
export const usage = (message: string): Effect.Effect<never, CommandExit> =>
  Effect.andThen(Console.error(visible(message)), new CommandExit({ code: 2 }))
