/**
 * `inference-endpoints migrate`: a pipeline of distilabel as configurations and batch commands.
 *
 * @since 0.2.0
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as BatchError from "../../batch/BatchError.ts"
import * as Migration from "../../batch/Migration.ts"
import * as LLMConfig from "../../LLMConfig.ts"
import { yes } from "../input/Flags.ts"
import * as Json from "../terminal/Json.ts"
import * as Program from "../terminal/Program.ts"
import { visible } from "../terminal/Visible.ts"

const command = Command.make(
  "migrate",
  {
    pipeline: Argument.String("pipeline").pipe(
      Argument.withDescription("The dump of a pipeline or of one LLM: pipeline.yaml, or JSON")
    ),
    json: yes("json", "Print JSON")
  },
  ({ json, pipeline }) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const text = yield* Effect.mapError(fs.readFileString(pipeline), BatchError.disk(pipeline))
      const migrated = yield* Migration.migrate(text)
      if (json) {
        yield* Console.log(Json.line({
          version: 1,
          steps: migrated.map((one) => ({ ...one, config: LLMConfig.encode(one.config), line: Migration.line(one) }))
        }))
        return
      }
      for (const one of migrated) {
        yield* Console.log(visible(Migration.line(one)))
        yield* Console.log(JSON.stringify(LLMConfig.encode(one.config), undefined, 2))
        for (const { fate, message, option } of one.notes) {
          yield* Console.error(
            visible(`${one.step}: ${option} was ${fate === "broken" ? "without effect" : fate}: ${message}`)
          )
        }
      }
    })
).pipe(Command.withDescription("A distilabel pipeline as batch commands, with what the original actually sent"))

/** `migrate`. */
export const main = Program.make(command)
