/**
 * The flags for options of the generation, for every command that generates.
 */
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as GenerationOptions from "../../GenerationOptions.ts"
import * as Settings from "../../Settings.ts"
import type { CommandExit } from "../terminal/CommandExit.ts"
import * as Notice from "../terminal/Notice.ts"
import { amount, integer, optional, text } from "./Flags.ts"

export const flags = {
  maxNewTokens: integer("max-new-tokens", GenerationOptions.describe("maxNewTokens")),
  temperature: amount("temperature", GenerationOptions.describe("temperature")),
  topP: amount("top-p", GenerationOptions.describe("topP")),
  seed: integer("seed", GenerationOptions.describe("seed")),
  numGenerations: optional(
    Flag.Int("num-generations").pipe(Flag.withAlias("n")),
    "Generations per input (default 1)"
  ),
  options: text("options", "Any other options, as JSON: {\"topK\":50,\"stopSequences\":[\"###\"]}")
}

export interface Sampling {
  readonly maxNewTokens: number | undefined
  readonly temperature: number | undefined
  readonly topP: number | undefined
  readonly seed: number | undefined
  readonly numGenerations: number | undefined
  readonly options: string | undefined
}

const decode = Schema.decodeEffect(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))

/**
 * The options that the flags set, including settings. A problem with `--options` ends the command with a usage error that
 * names it; the values are checked by the service.
 */
export const optionsOf = ({ options, ...flags }: Sampling): Effect.Effect<Settings.CallOptions, CommandExit> =>
  Effect.gen(function*() {
    const named = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined))
    if (options === undefined) return named
    const more = yield* decode(options).pipe(
      Effect.catch(() => Notice.usage(`--options is not a JSON object: ${options.slice(0, 200)}`))
    )
    const { issues } = Settings.resolve({}, more)
    return issues.length === 0
      ? { ...more, ...named }
      : yield* Notice.usage(`--options: ${issues.map(({ message }) => message).join("; ")}`)
  })
