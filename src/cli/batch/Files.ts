/**
 * `batch status`, `merge`, `export`, `report` and `cache`: what to do with the files of batches.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as AnswerCache from "../../batch/AnswerCache.ts"
import * as BatchError from "../../batch/BatchError.ts"
import * as Page from "../../batch/report/Page.ts"
import * as Report from "../../batch/report/Report.ts"
import * as ReportFile from "../../batch/report/ReportFile.ts"
import * as Results from "../../batch/Results.ts"
import { text, yes } from "../input/Flags.ts"
import * as Json from "../terminal/Json.ts"
import { errors, file, json, MEGABYTE, output } from "./Flag.ts"

export const status = Command.make(
  "status",
  { output: file("output", "The output of a batch"), errors, json },
  (given) =>
    Effect.gen(function*() {
      const found = yield* Results.status(given)
      const { rows, tokens } = found
      const lines = [
        `rows: ${rows.done} done, ${rows.failed} failed, ${rows.pending} pending, of ${rows.total}`,
        `tokens: ${tokens.input} in, ${tokens.output} out`,
        ...Object.entries(found.failures).map(([name, count]) => `failures: ${name} ${count}`),
        ...(found.locked ? ["a run holds the output, or left its lock"] : [])
      ]
      yield* Console.log(given.json ? Json.line(found) : lines.join("\n"))
    })
).pipe(Command.withDescription("Show the progress of a batch, by its files"))

export const merge = Command.make(
  "merge",
  { outputs: Argument.String("outputs").pipe(Argument.variadic({ min: 1 })), output },
  ({ output, outputs }) =>
    Effect.flatMap(Results.merge(outputs, output), (rows) => Console.log(`${rows} rows in ${output}`))
).pipe(Command.withDescription("Merge the outputs of several batches into one file"))

export const convert = Command.make(
  "export",
  {
    source: file("output", "The output of a batch"),
    target: Flag.String("output").pipe(Flag.withAlias("o"), Flag.withDescription("The file to write")),
    form: Flag.Literals("form", ["openai", "distilabel", "flat"]).pipe(Flag.withDefault("flat")),
    perGeneration: yes("per-generation", "One row per generation")
  },
  ({ source, target, ...how }) =>
    Effect.flatMap(Results.convert({ output: source }, target, how), (rows) => Console.log(`${rows} rows in ${target}`))
).pipe(Command.withDescription("Write an output in the form of another tool"))

export const report = Command.make(
  "report",
  {
    output: file("output", "The output of a batch"),
    html: text("html", "Write one HTML page with plots, which needs no network, to this file"),
    json
  },
  ({ html, json, output }) =>
    Effect.gen(function*() {
      const found = yield* ReportFile.read(output)
      if (html !== undefined) {
        const fs = yield* FileSystem.FileSystem
        const page = yield* Page.make(found)
        yield* Effect.mapError(fs.writeFileString(html, page), BatchError.disk(html))
      }
      yield* Console.log(json ? Json.line(found) : Report.text(found))
    })
).pipe(Command.withDescription("Show what the last run of a batch did"))

const cacheClear = Command.make(
  "clear",
  { folder: file("folder", "The folder of the cache") },
  ({ folder }) =>
    Effect.flatMap(
      AnswerCache.clear(folder),
      ({ bytes, entries }) => Console.log(`${entries} entries of ${(bytes / MEGABYTE).toFixed(1)} MB removed`)
    )
).pipe(Command.withDescription("Remove every entry of a cache"))

export const cache = Command.make("cache").pipe(
  Command.withDescription("The cache of generations that were already paid for"),
  Command.withSubcommands([cacheClear])
)
