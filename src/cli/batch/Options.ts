/**
 * The flags of a run, and the options that they set.
 */
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as AnswerCache from "../../batch/AnswerCache.ts"
import type * as BatchOptions from "../../batch/Options.ts"
import * as InferenceEndpointsLLM from "../../InferenceEndpointsLLM.ts"
import { amount, integer, optional, text, texts, yes } from "../input/Flags.ts"
import * as Sampling from "../input/Sampling.ts"
import * as Target from "../input/Target.ts"
import { errors, json, MEGABYTE, output } from "./Flag.ts"
import * as Task from "./Task.ts"

export const flags = {
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
    tools: text("tools", "Column with tools (default: tools, next to messages)"),
    options: text("row-options", "Column with options of the row"),
    query: text("query", "With --score: column with the query (default: query)"),
    texts: text("texts", "With --score: column with the texts (default: texts)"),
    raw: yes("raw", "Send the prompt as it is, without a chat template")
  },
  ...Task.flags,
  templateFile: optional(Flag.FileText("template-file"), "The template, from a file"),
  schema: optional(Flag.FileText("schema"), "A JSON Schema that every response must fit, from a file"),
  regex: text("regex", "A regular expression that every response must match"),
  retries: integer("retries", "How many times to request a response that does not fit again (default 2)"),
  keep: texts("keep", "Column of the input to keep in the output; may be repeated"),
  keepAll: yes("keep-all", "Keep all columns of the input in the output"),
  concurrency: integer("concurrency", "Rows at once, fixed (default: adapts to the endpoint)"),
  maxConcurrency: integer(
    "max-concurrency",
    "Most rows at once while it adapts (default: what the server accepts, else 64)"
  ),
  requestsPerMinute: integer("requests-per-minute", "Rows that start per minute"),
  tokensPerMinute: integer("tokens-per-minute", "Tokens, read and written, per minute"),
  patience: amount("patience", "Minutes to wait for an endpoint that does not respond (default 15)"),
  budget: {
    tokens: integer("budget-tokens", "Stop before more tokens are used"),
    dollars: amount("budget-dollars", "Stop before more dollars are spent; needs a price"),
    errors: integer("budget-errors", "Stop after this many failed rows"),
    until: optional(Flag.Date("until"), "Stop at a time, ISO 8601")
  },
  price: {
    inputPerMillion: amount("price-input", "Dollars per million tokens read"),
    outputPerMillion: amount("price-output", "Dollars per million tokens written"),
    perHour: amount("price-hour", "Dollars per hour of the endpoint")
  },
  delivery: optional(
    Flag.Literals("delivery", ["stream", "unary"]),
    "Whether responses are streamed or requested as a whole (default: stream; unary costs less CPU)"
  ),
  cache: text("cache", "Folder of a cache, from which generations that were already paid for are taken"),
  cacheSize: integer("cache-size", "Most megabytes of the cache (default 4096)"),
  noCache: yes("no-cache", "Use no cache, whatever else is set"),
  json
}

export const runFlags = {
  others: texts("also", "Address of another endpoint that shares the rows; may be repeated"),
  together: integer("together", "Look this many rows ahead, and send those that begin alike one after the other"),
  limit: integer("limit", "Do this many rows and leave the others for later"),
  drain: amount("drain", "Seconds for rows in flight to finish after a stop (default 30)"),
  canary: yes(
    "canary",
    "Before the first row, check whether the server mixes up its callers, and refuse one that does"
  ),
  pin: yes("pin", "Refuse an output of more than one model or provider"),
  ordered: yes("ordered", "Put the finished output into the order of the input"),
  retryFailed: yes("retry-failed", "Repeat the rows of the errors file"),
  accept: texts("continue", "Accept this difference from the earlier run, such as options.temperature"),
  repair: yes("repair", "Move lines that no run wrote aside; rewrite a damaged manifest"),
  force: yes("force", "Move files of another input or configuration aside and start over"),
  rows: optional(
    Flag.Literals("rows", ["openai", "distilabel", "flat"]),
    "Also write the finished output in this form, to <output>.<form>.jsonl"
  ),
  perGeneration: yes("per-generation", "In that form, one row per generation"),
  quiet: yes("quiet", "No progress on standard error")
}

const isGiven = (group: object): boolean => Object.values(group).some((value) => value !== undefined)

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

export interface Common {
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

/** What running and planning share. */
export const optionsOf = Effect.fnUntraced(function*(flags: Common) {
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

/** Warnings are for people: standard output belongs to the report. */
export const toStandardError = Effect.provideService(Logger.LogToStderr, true)

/** The services of further addresses, with the templates and the token of the first one. */
export const othersOf = (
  addresses: ReadonlyArray<string>,
  { chatTemplate, magpie, token, tokenFile, tokenizer }: Target.Target
) =>
  Effect.forEach(addresses, (baseUrl) =>
    Effect.map(
      Layer.build(Target.layer({ ...Target.none, chatTemplate, magpie, token, tokenFile, tokenizer, baseUrl })),
      (context) => [baseUrl, Context.get(context, InferenceEndpointsLLM.InferenceEndpointsLLM)] as const
    ))
