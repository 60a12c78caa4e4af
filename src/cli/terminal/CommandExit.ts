/**
 * A command that has said all there is to say ends with this code.
 */
import * as Data from "effect/Data"

export class CommandExit extends Data.TaggedError("CommandExit")<{ readonly code: number }> {}
