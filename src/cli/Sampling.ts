/**
 * The flags for options of the generation, for every command that generates.
 */
import * as CliError from "effect/cli/CliError"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as GenerationOptions from "../GenerationOptions.ts"
import type { CallOptions } from "../Settings.ts"

export const flags = {
  maxNewTokens: Flag.Int("max-new-tokens").pipe(
    Flag.withDescription(GenerationOptions.describe("maxNewTokens")),
    Flag.optional
  ),
  temperature: Flag.Finite("temperature").pipe(
    Flag.withDescription(GenerationOptions.describe("temperature")),
    Flag.optional
  ),
  topP: Flag.Finite("top-p").pipe(Flag.withDescription(GenerationOptions.describe("topP")), Flag.optional),
  seed: Flag.Int("seed").pipe(Flag.withDescription(GenerationOptions.describe("seed")), Flag.optional),
  numGenerations: Flag.Int("num-generations").pipe(
    Flag.withAlias("n"),
    Flag.withDescription("Generations for each input (default 1)"),
    Flag.optional
  ),
  options: Flag.String("options").pipe(
    Flag.withDescription("Any other options, as JSON: {\"topK\":50,\"stopSequences\":[\"###\"]}"),
    Flag.optional
  )
}

export interface Sampling {
  readonly maxNewTokens: Option.Option<number>
  readonly temperature: Option.Option<number>
  readonly topP: Option.Option<number>
  readonly seed: Option.Option<number>
  readonly numGenerations: Option.Option<number>
  readonly options: Option.Option<string>
}

const decode = Schema.decodeEffect(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))

/** The options that the flags say. What they hold is checked by who takes them. */
export const optionsOf = ({ options, ...flags }: Sampling): Effect.Effect<CallOptions, CliError.CliError> =>
  Effect.gen(function*() {
    const named = Object.fromEntries(
      Object.entries(flags).flatMap(([name, value]) => Option.isSome(value) ? [[name, value.value]] : [])
    )
    if (Option.isNone(options)) return named
    const value = options.value
    const more = yield* decode(value).pipe(
      Effect.mapError(() =>
        new CliError.InvalidValue({ option: "options", value, expected: "a JSON object", kind: "flag" })
      )
    )
    return { ...more, ...named }
  })
