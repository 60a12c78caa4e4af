/**
 * A verb as a value, and the exit code that each of its ends has.
 *
 * 0 success · 1 failed, or some rows failed · 2 refused: usage, changed input, lock · 3 stopped: endpoint or disk ·
 * 130 and 143 interrupted.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { BatchError } from "../batch/BatchError.ts"
import { CommandExit } from "./CommandExit.ts"
import type * as Signals from "./Signals.ts"
import { visible } from "./Visible.ts"
import * as WaitNotice from "./WaitNotice.ts"

/**
 * A verb that is ready to run with its arguments. Gives the exit code.
 *
 * @category models
 * @since 0.2.0
 */
export type Main = (
  args: ReadonlyArray<string>,
  version: string
) => Effect.Effect<number, never, Command.Environment | Signals.Signals>

const INTERRUPTED = 130

/** A message may hold the words of a server. */
const say = (code: number, message: string) => Effect.as(Console.error(visible(message)), code)

const codeOf = (error: unknown): Effect.Effect<number> => {
  if (error instanceof CommandExit) return Effect.succeed(error.code)
  if (error instanceof BatchError) return say(error.exitCode, error.message)
  // help that was asked for is not a failure, and what was wrong is printed already
  if (CliError.isCliError(error)) return Effect.succeed(error._tag === "ShowHelp" && error.errors.length === 0 ? 0 : 2)
  return say(1, error instanceof Error ? error.message : String(error))
}

/**
 * Makes a verb of its command.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = <Name extends string, Input, ContextInput, E>(
  command: Command.Command<Name, Input, ContextInput, E, Command.Environment | Signals.Signals>
): Main => {
  const root = Command.make("inference-endpoints").pipe(Command.withSubcommands([command]))
  return (args, version) =>
    Command.runWith(root, { version })([command.name, ...args]).pipe(
      WaitNotice.said(command.name),
      Effect.as(0),
      Effect.catchCause((cause) =>
        Cause.hasInterruptsOnly(cause) ? Effect.succeed(INTERRUPTED) : codeOf(Cause.squash(cause))
      )
    )
}
