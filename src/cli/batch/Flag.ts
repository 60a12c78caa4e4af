/**
 * Kinds of flags of the batch commands.
 */
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import { optional } from "../input/Flags.ts"

export const text = (name: string, description: string) => optional(Flag.String(name), description)
export const texts = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.atLeast(0))
export const integer = (name: string, description: string) => optional(Flag.Int(name), description)
export const amount = (name: string, description: string) => optional(Flag.Finite(name), description)
export const yes = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withDefault(false))

export const output = Flag.String("output").pipe(Flag.withAlias("o"), Flag.withDescription("JSONL for the results"))
export const errors = text("errors", "JSONL for failed rows (default: <output>.errors.jsonl)")
export const json = yes("json", "Print the result as JSON on standard output")
export const file = (name: string, description: string) =>
  Argument.String(name).pipe(Argument.withDescription(description))

export const MEGABYTE = 2 ** 20
