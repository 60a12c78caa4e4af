/**
 * A command that has printed everything it has to ends with this code.
 */
import * as Data from "effect/Data"

export class CommandExit extends Data.TaggedError("CommandExit")<{ readonly code: number }> {}
