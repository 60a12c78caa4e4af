/**
 * `inference-endpoints batch`: rows through endpoints, and what to do with the files that come of it.
 */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Console from "effect/Console"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Schema from "effect/Schema"
import * as AnswerCache from "../batch/AnswerCache.ts"
import * as Batch from "../batch/Batch.ts"
import * as BatchError from "../batch/BatchError.ts"
import * as BatchOptions from "../batch/Options.ts"
import * as Plan from "../batch/Plan.ts"
import * as Page from "../batch/report/Page.ts"
import * as Report from "../batch/report/Report.ts"
import * as Results from "../batch/Results.ts"
import * as InferenceEndpointsLLM from "../InferenceEndpointsLLM.ts"
import { CommandExit } from "./CommandExit.ts"
import { optional } from "./Flags.ts"
import * as Program from "./Program.ts"
import * as Sampling from "./Sampling.ts"
import * as Signals from "./Signals.ts"
import * as Target from "./Target.ts"
import * as Cluster from "./verbs/Cluster.ts"

const text = (name: string, description: string) => optional(Flag.String(name), description)
const texts = (name: string, description: string) =>
  Flag.String(name).pipe(Flag.withDescription(description), Flag.atLeast(0))
const integer = (name: string, description: string) => optional(Flag.Int(name), description)
const amount = (name: string, description: string) => optional(Flag.Finite(name), description)
const yes = (name: string, description: string) =>
  Flag.Boolean(name).pipe(Flag.withDescription(description), Flag.withDefault(false))

const output = Flag.String("output").pipe(Flag.withAlias("o"), Flag.withDescription("JSONL for the results"))
const errors = text("errors", "JSONL for failed rows (default: <output>.errors.jsonl)")
const json = yes("json", "Print the result as JSON on standard output")
const file = (name: string, description: string) => Argument.String(name).pipe(Argument.withDescription(description))

const flags = {
  input: Argument.String("input").pipe(
    Argument.withDescription(
      "JSONL or CSV, plain, gzip or zstd: files, folders, patterns, or - for standard input; rows, or lines of OpenAI's Batch API"
    ),
    Argument.variadic({ min: 1 })
  ),
  output,
  errors,
  columns: {
    id: text("id", "Column with the id (default: id, else the row's number)"),
    messages: text("messages", "Column with the conversation (default: messages)"),
    prompt: text("prompt", "Column with the prompt as text (default: prompt)"),
    template: text("template", "A Jinja template over the row's columns that makes the prompt"),
    system: text("system", "Column with a system message"),
    tools: text("tools", "Column with tools (default: tools, beside messages)"),
    options: text("row-options", "Column with options of the row"),
    raw: yes("raw", "Send the prompt as it is, without a chat template")
  },
  templateFile: optional(Flag.FileText("template-file"), "The template, from a file"),
  schema: optional(Flag.FileText("schema"), "A JSON Schema that every response must fit, from a file"),
  regex: text("regex", "A regular expression that every response must match"),
  retries: integer("retries", "How often a response that does not fit is asked for again (default 2)"),
  keep: texts("keep", "Column of the input to keep in the output; may be repeated"),
  keepAll: yes("keep-all", "Keep all columns of the input in the output"),
  concurrency: integer("concurrency", "Rows at once, fixed (default: adapts to the endpoint)"),
  maxConcurrency: integer(
    "max-concurrency",
    "Most rows at once while it adapts (default: what the server takes, else 64)"
  ),
  requestsPerMinute: integer("requests-per-minute", "Rows that start in any minute"),
  tokensPerMinute: integer("tokens-per-minute", "Tokens, read and written, in any minute"),
  patience: amount("patience", "Minutes to wait for an endpoint that does not respond (default 15)"),
  budget: {
    tokens: integer("budget-tokens", "Stop before more tokens are used"),
    dollars: amount("budget-dollars", "Stop before more dollars are spent; needs a price"),
    errors: integer("budget-errors", "Stop after so many failed rows"),
    until: optional(Flag.Date("until"), "Stop at a time, ISO 8601")
  },
  price: {
    inputPerMillion: amount("price-input", "Dollars for a million tokens read"),
    outputPerMillion: amount("price-output", "Dollars for a million tokens written"),
    perHour: amount("price-hour", "Dollars for an hour of the endpoint")
  },
  delivery: optional(
    Flag.Literals("delivery", ["stream", "unary"]),
    "Whether responses are streamed or come whole (default: stream; unary costs less CPU)"
  ),
  cache: text("cache", "Folder of a cache: generations that were paid for already are taken from it"),
  cacheSize: integer("cache-size", "Most megabytes of the cache (default 4096)"),
  noCache: yes("no-cache", "Use no cache, whatever else is said"),
  json
}

const runFlags = {
  others: texts("also", "Address of a further endpoint that shares the rows; may be repeated"),
  limit: integer("limit", "Do so many rows and leave the others for later"),
  drain: amount("drain", "Seconds for rows in flight to end after a stop (default 30)"),
  pin: yes("pin", "Refuse an output of more than one model or provider"),
  ordered: yes("ordered", "Put the finished output into the order of the input"),
  retryFailed: yes("retry-failed", "Do the rows of the errors file again"),
  accept: texts("continue", "Name of a difference from the earlier run that is meant, such as options.temperature"),
  repair: yes("repair", "Move lines that no run wrote aside; write a damaged manifest anew"),
  force: yes("force", "Move files of another input or configuration aside and start anew"),
  rows: optional(
    Flag.Literals("rows", ["openai", "distilabel", "flat"]),
    "Also write the finished output in this form, to <output>.<form>.jsonl"
  ),
  perGeneration: yes("per-generation", "In that form, a row for each generation"),
  quiet: yes("quiet", "No progress on standard error")
}

const isGiven = (group: object): boolean => Object.values(group).some((value) => value !== undefined)

const MEGABYTE = 2 ** 20

const cacheOf = ({ cache, cacheSize, noCache }: {
  readonly cache: string | undefined
  readonly cacheSize: number | undefined
  readonly noCache: boolean
}) =>
  cache === undefined || noCache
    ? Effect.succeed(undefined)
    : AnswerCache.files(cache, cacheSize === undefined ? {} : { maxBytes: cacheSize * MEGABYTE })

const specOf = (schema: string | undefined, regex: string | undefined) =>
  schema !== undefined
    ? { structuredOutput: { format: "json", schema } as const }
    : regex !== undefined
    ? { structuredOutput: { format: "regex", schema: regex } as const }
    : {}

interface Common {
  readonly input: ReadonlyArray<string>
  readonly output: string
  readonly errors: string | undefined
  readonly columns: NonNullable<BatchOptions.Options["columns"]>
  readonly templateFile: string | undefined
  readonly schema: string | undefined
  readonly regex: string | undefined
  readonly retries: number | undefined
  readonly keep: ReadonlyArray<string>
  readonly keepAll: boolean
  readonly concurrency: number | undefined
  readonly maxConcurrency: number | undefined
  readonly requestsPerMinute: number | undefined
  readonly tokensPerMinute: number | undefined
  readonly patience: number | undefined
  readonly budget: NonNullable<BatchOptions.Options["budget"]>
  readonly price: NonNullable<BatchOptions.Options["price"]>
  readonly delivery: "stream" | "unary" | undefined
  readonly cache: string | undefined
  readonly cacheSize: number | undefined
  readonly noCache: boolean
  readonly sampling: Sampling.Sampling
}

/** What running and planning have in common. */
const optionsOf = Effect.fnUntraced(function*(flags: Common) {
  const { columns, concurrency, maxConcurrency, patience, price } = flags
  const cache = yield* cacheOf(flags)
  const options: BatchOptions.Options = {
    input: flags.input,
    output: flags.output,
    errors: flags.errors,
    columns: { ...columns, template: columns.template ?? flags.templateFile },
    options: {
      ...(yield* Sampling.optionsOf(flags.sampling)),
      ...specOf(flags.schema, flags.regex),
      ...(flags.delivery !== undefined && { delivery: flags.delivery })
    },
    retries: flags.retries,
    keep: flags.keepAll ? true : flags.keep.length > 0 ? flags.keep : undefined,
    concurrency: concurrency ?? { max: maxConcurrency },
    requestsPerMinute: flags.requestsPerMinute,
    tokensPerMinute: flags.tokensPerMinute,
    patience: patience === undefined ? undefined : `${patience} minutes`,
    budget: isGiven(flags.budget) ? flags.budget : undefined,
    price: isGiven(price) ? price : undefined,
    cache
  }
  return options
})

/** Warnings are for people: standard output is the report's. */
const toStandardError = Effect.provideService(Logger.LogToStderr, true)

/** The services of further addresses, with the templates and the token of the first. */
const othersOf = (
  addresses: ReadonlyArray<string>,
  { chatTemplate, magpie, token, tokenFile, tokenizer }: Target.Target
) =>
  Effect.forEach(addresses, (baseUrl) =>
    Effect.map(
      Layer.build(Target.layer({ ...Target.none, chatTemplate, magpie, token, tokenFile, tokenizer, baseUrl })),
      (context) => [baseUrl, Context.get(context, InferenceEndpointsLLM.InferenceEndpointsLLM)] as const
    ))

const run = Command.make(
  "run",
  { ...flags, ...runFlags, target: Target.flags, sampling: Sampling.flags },
  (flags) =>
    Effect.gen(function*() {
      const { first, received } = yield* Signals.Signals
      const options = yield* optionsOf(flags)
      const others = yield* othersOf(flags.others, flags.target)
      const report = yield* Batch.run({
        ...options,
        limit: flags.limit,
        pin: flags.pin,
        ordered: flags.ordered,
        retryFailed: flags.retryFailed,
        accept: flags.accept,
        repair: flags.repair,
        force: flags.force,
        drain: flags.drain === undefined ? undefined : `${flags.drain} seconds`,
        stop: Effect.map(first, (signal) => `${signal}: no new rows`),
        progress: flags.quiet ? "none" : "stderr",
        others: Object.fromEntries(others)
      }).pipe(Effect.provide(Target.layer(flags.target)))
      if (flags.rows !== undefined && report.ending === "complete") {
        const target = `${flags.output}.${flags.rows}.jsonl`
        yield* Results.convert(flags, target, { form: flags.rows, perGeneration: flags.perGeneration })
      }
      if (flags.json) yield* Console.log(JSON.stringify(report))
      const signal = received()
      const code = report.ending === "interrupted" && signal !== undefined
        ? Signals.codes[signal]
        : Report.exitCode(report)
      if (code !== 0) return yield* new CommandExit({ code })
    }).pipe(Effect.scoped, toStandardError)
).pipe(Command.withDescription("Generate for every row; run again to go on where it stopped"))

const plan = Command.make(
  "plan",
  {
    ...flags,
    output: Flag.String("output").pipe(
      Flag.withAlias("o"),
      Flag.withDefault("plan.jsonl"),
      Flag.withDescription("Where the run will write")
    ),
    sample: integer("sample", "Rows to generate for it (default 20)"),
    target: Target.flags,
    sampling: Sampling.flags
  },
  (flags) =>
    Effect.gen(function*() {
      const options = yield* optionsOf(flags)
      const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
      const found = yield* Plan.make({ ...options, sample: flags.sample }, Batch.work(llm))
      yield* Console.log(flags.json ? JSON.stringify(found) : Plan.text(found))
      if (found.problems.length > 0) return yield* new CommandExit({ code: 2 })
    }).pipe(Effect.provide(Target.layer(flags.target)), toStandardError)
).pipe(Command.withDescription("Generate a sample, and say what all rows will take: tokens, dollars, hours"))

const status = Command.make(
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
        ...(found.locked ? ["a run holds the output, or left its lock behind"] : [])
      ]
      yield* Console.log(given.json ? JSON.stringify(found) : lines.join("\n"))
    })
).pipe(Command.withDescription("Say how far a batch is, by its files"))

const merge = Command.make(
  "merge",
  { outputs: Argument.String("outputs").pipe(Argument.variadic({ min: 1 })), output },
  ({ output, outputs }) =>
    Effect.flatMap(Results.merge(outputs, output), (rows) => Console.log(`${rows} rows in ${output}`))
).pipe(Command.withDescription("Put the outputs of several batches into one file"))

const convert = Command.make(
  "export",
  {
    source: file("output", "The output of a batch"),
    target: Flag.String("output").pipe(Flag.withAlias("o"), Flag.withDescription("The file to write")),
    form: Flag.Literals("form", ["openai", "distilabel", "flat"]).pipe(Flag.withDefault("flat")),
    perGeneration: yes("per-generation", "A row for each generation")
  },
  ({ source, target, ...how }) =>
    Effect.flatMap(Results.convert({ output: source }, target, how), (rows) => Console.log(`${rows} rows in ${target}`))
).pipe(Command.withDescription("Write an output in the form of another tool"))

const decodeReport = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))

const report = Command.make(
  "report",
  {
    output: file("output", "The output of a batch"),
    html: text("html", "Write one HTML page with plots, which needs no network, to this file"),
    json
  },
  ({ html, json, output }) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const { report: path } = BatchOptions.paths({ output })
      const text = yield* Effect.mapError(fs.readFileString(path), BatchError.disk(path))
      const parsed = yield* Effect.mapError(
        decodeReport(text),
        () => BatchError.invalidInput(path, [{ problem: "is not a report of a batch" }])
      )
      // the file that a run of this package writes
      const found = parsed as unknown as Report.Report
      if (html !== undefined) {
        const page = yield* Page.make(found)
        yield* Effect.mapError(fs.writeFileString(html, page), BatchError.disk(html))
      }
      yield* Console.log(json ? text.trimEnd() : Report.text(found))
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

const cache = Command.make("cache").pipe(
  Command.withDescription("Generations that were paid for already"),
  Command.withSubcommands([cacheClear])
)

/** `batch` with its subcommands. */
export const main = Program.make(
  Command.make("batch").pipe(
    Command.withDescription("Many rows, files to files"),
    Command.withSubcommands([run, plan, status, merge, convert, report, cache, ...Cluster.commands])
  )
)
