/**
 * Questions to the person at the terminal. If there is nobody to ask, the answer has to be a flag.
 *
 * @since 0.2.0
 */
import * as Flag from "effect/cli/Flag"
import * as Prompt from "effect/cli/Prompt"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import { CommandExit } from "./CommandExit.ts"

/**
 * `--yes`.
 *
 * @category flags
 * @since 0.2.0
 */
export const yes = Flag.Boolean("yes").pipe(
  Flag.withAlias("y"),
  Flag.withDescription("Do not ask first"),
  Flag.withDefault(false)
)

/**
 * Whether somebody can be asked.
 *
 * @category accessors
 * @since 0.2.0
 */
export const isAsked = Effect.flatMap(Stdio.Stdio, ({ stdinIsTerminal }) => stdinIsTerminal)

/**
 * Asks whether to proceed; ends the command if not.
 *
 * @category running
 * @since 0.2.0
 */
export const confirmed = Effect.fnUntraced(function*(question: string, yes: boolean) {
  if (yes) return
  if (!(yield* isAsked)) {
    yield* Console.error(`${question} Nothing was done: there is no terminal to ask on, so pass --yes`)
    return yield* new CommandExit({ code: 2 })
  }
  if (yield* Prompt.run(Prompt.Confirm({ message: question, initial: false }))) return
  yield* Console.error("Nothing was done.")
  return yield* new CommandExit({ code: 1 })
})
