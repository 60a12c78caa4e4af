/**
 * Kinds of flags of the batch commands.
 */
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import { text, yes } from "../input/Flags.ts"

export const output = Flag.String("output").pipe(Flag.withAlias("o"), Flag.withDescription("JSONL for the results"))
export const errors = text("errors", "JSONL for failed rows (default: <output>.errors.jsonl)")
export const json = yes("json", "Print the result as JSON on standard output")
export const file = (name: string, description: string) =>
  Argument.String(name).pipe(Argument.withDescription(description))

export const MEGABYTE = 2 ** 20
