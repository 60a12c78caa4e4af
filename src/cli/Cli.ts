/**
 * The command line as a value: its commands, and the exit code that each end has.
 *
 * 0 success · 1 failed, or some rows failed · 2 refused: usage, changed input, lock · 3 stopped: endpoint or disk ·
 * 130 and 143 interrupted.
 */
import * as Cause from "effect/Cause"
import * as CliError from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { BatchError } from "../batch/BatchError.ts"
import { batch } from "./BatchCommand.ts"
import { chatTemplate } from "./ChatTemplateCommand.ts"
import { CommandExit } from "./CommandExit.ts"
import { generate } from "./GenerateCommand.ts"

const root = Command.make("inference-endpoints").pipe(
  Command.withDescription("Models behind Hugging Face Inference Endpoints"),
  Command.withSubcommands([batch, generate, chatTemplate])
)

const INTERRUPTED = 130

const say = (code: number, message: string) => Effect.as(Console.error(message), code)

const codeOf = (error: unknown): Effect.Effect<number> => {
  if (error instanceof CommandExit) return Effect.succeed(error.code)
  if (error instanceof BatchError) return say(error.exitCode, error.message)
  // help that was asked for is no error; what was wrong is printed already
  if (CliError.isCliError(error)) return Effect.succeed(error._tag === "ShowHelp" && error.errors.length === 0 ? 0 : 2)
  return say(1, error instanceof Error ? error.message : String(error))
}

/** Runs the command that the arguments name. Gives the exit code. */
export const run = (args: ReadonlyArray<string>, version: string) =>
  Command.runWith(root, { version })(args).pipe(
    Effect.as(0),
    Effect.catchCause((cause) =>
      Cause.hasInterruptsOnly(cause) ? Effect.succeed(INTERRUPTED) : codeOf(Cause.squash(cause))
    )
  )
