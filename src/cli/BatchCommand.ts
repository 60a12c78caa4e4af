/**
 * `inference-endpoints batch run`: a JSONL file through an endpoint into a JSONL file.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Batch from "../batch/Batch.ts"
import * as Report from "../batch/report/Report.ts"
import { CommandExit } from "./CommandExit.ts"
import * as Program from "./Program.ts"
import * as Sampling from "./Sampling.ts"
import * as Signals from "./Signals.ts"
import * as Target from "./Target.ts"
import * as Cluster from "./verbs/Cluster.ts"

const optional = <A>(flag: Flag.Flag<A>, description: string): Flag.Flag<A | undefined> =>
  flag.pipe(Flag.withDescription(description), Flag.optional, Flag.map(Option.getOrUndefined))

const text = (name: string, description: string) => optional(Flag.String(name), description)
const integer = (name: string, description: string) => optional(Flag.Int(name), description)
const amount = (name: string, description: string) => optional(Flag.Finite(name), description)
const yes = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withDefault(false))

const flags = {
  input: Argument.String("input").pipe(Argument.withDescription("JSONL: rows, or lines of OpenAI's Batch API")),
  output: Flag.String("output").pipe(Flag.withAlias("o"), Flag.withDescription("JSONL for the results")),
  errors: text("errors", "JSONL for failed rows (default: <output>.errors.jsonl)"),
  columns: {
    id: text("id", "Column with the id (default: id, else the row's number)"),
    messages: text("messages", "Column with the conversation (default: messages)"),
    prompt: text("prompt", "Column with the prompt as text (default: prompt)"),
    template: text("template", "A Jinja template over the row's columns that makes the prompt"),
    system: text("system", "Column with a system message"),
    options: text("row-options", "Column with options of the row"),
    raw: yes("raw", "Send the prompt as it is, without a chat template")
  },
  templateFile: optional(Flag.FileText("template-file"), "The template, from a file"),
  concurrency: integer("concurrency", "Rows at once, fixed (default: adapts to the endpoint)"),
  maxConcurrency: integer("max-concurrency", "Most rows at once while it adapts (default 64)"),
  requestsPerMinute: integer("requests-per-minute", "Rows that start in any minute"),
  tokensPerMinute: integer("tokens-per-minute", "Tokens, read and written, in any minute"),
  patience: amount("patience", "Minutes to wait for an endpoint that gives no answer (default 15)"),
  drain: amount("drain", "Seconds for rows under way to end after a stop (default 30)"),
  budget: {
    tokens: integer("budget-tokens", "Stop after so many tokens"),
    dollars: amount("budget-dollars", "Stop after so many dollars; needs a price"),
    errors: integer("budget-errors", "Stop after so many failed rows"),
    until: optional(Flag.Date("until"), "Stop at a time, ISO 8601")
  },
  price: {
    inputPerMillion: amount("price-input", "Dollars for a million tokens read"),
    outputPerMillion: amount("price-output", "Dollars for a million tokens written"),
    perHour: amount("price-hour", "Dollars for an hour of the endpoint")
  },
  ordered: yes("ordered", "Put the finished output into the order of the input"),
  retryFailed: yes("retry-failed", "Do the rows of the errors file again"),
  repair: yes("repair", "Move lines that no run wrote aside"),
  force: yes("force", "Move files of another input or configuration aside and start anew"),
  json: yes("json", "Print the report as JSON on standard output"),
  quiet: yes("quiet", "No progress on standard error")
}

const isGiven = (group: object): boolean => Object.values(group).some((value) => value !== undefined)

const command = Command.make(
  "run",
  { ...flags, target: Target.flags, sampling: Sampling.flags },
  (given) =>
    Effect.gen(function*() {
      const { first, received } = yield* Signals.Signals
      const { columns, concurrency, drain, json, maxConcurrency, patience, price, quiet, templateFile } = given
      const report = yield* Batch.run({
        ...given,
        columns: { ...columns, template: columns.template ?? templateFile },
        options: yield* Sampling.optionsOf(given.sampling),
        concurrency: concurrency ?? { max: maxConcurrency },
        patience: patience === undefined ? undefined : `${patience} minutes`,
        drain: drain === undefined ? undefined : `${drain} seconds`,
        price: isGiven(price) ? price : undefined,
        stop: Effect.map(first, (signal) => `${signal}: no new rows`),
        progress: quiet ? "none" : "stderr"
      }).pipe(Effect.provide(Target.layer(given.target)))
      if (json) yield* Console.log(JSON.stringify(report))
      const signal = received()
      const code = report.ending === "interrupted" && signal !== undefined
        ? Signals.codes[signal]
        : Report.exitCode(report)
      if (code !== 0) return yield* new CommandExit({ code })
    })
).pipe(Command.withDescription("Generate for every row of a file; run again to go on where it stopped"))

/** `batch` with its subcommands. */
export const main = Program.make(
  Command.make("batch").pipe(
    Command.withDescription("Many rows, files to files"),
    Command.withSubcommands([command, ...Cluster.commands])
  )
)
