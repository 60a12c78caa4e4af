/**
 * What a batch will cost, before it is run: a sample of its rows is generated, and the rest is estimated from it.
 *
 * Every figure is an interval: the mean of the sample for all rows, and its 95 % bounds. What the endpoint does not report
 * is absent, and never 0.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import * as GenerationOptions from "../GenerationOptions.ts"
import * as Answers from "./Answers.ts"
import * as BatchError from "./BatchError.ts"
import { ownFiles, refuse } from "./Claim.ts"
import * as Input from "./log/Input.ts"
import * as Options from "./Options.ts"
import * as Budget from "./pace/Budget.ts"
import * as Fault from "./pace/Fault.ts"
import * as Inputs from "./rows/Inputs.ts"
import * as Row from "./rows/Row.ts"
import * as RowTemplate from "./rows/RowTemplate.ts"
import type { Work } from "./Work.ts"

/**
 * A figure for all rows: the expected value, and the bounds between which it lies in 95 of 100 samples.
 *
 * @category models
 * @since 0.2.0
 */
export interface Interval {
  readonly low: number
  readonly expected: number
  readonly high: number
}

/**
 * @category models
 * @since 0.2.0
 */
export interface Plan {
  readonly rows: number
  /** Rows that were generated for this. */
  readonly sample: number
  /** Failed rows of the sample by `stage.reason`. */
  readonly failures: Readonly<Record<string, number>>
  /** Absent if the endpoint does not count tokens. */
  readonly tokens?: { readonly input: Interval; readonly output: Interval }
  /** Absent if the price or the tokens are not known. */
  readonly dollars?: Interval
  /** With this many rows in flight. */
  readonly hours: Interval
  readonly concurrency: number
  /** Why the budget or the model's context is not enough for the run; empty if both are. */
  readonly problems: ReadonlyArray<string>
}

const SAMPLE = 20
const HOUR = 3_600_000
/** Two-sided 95 % of the normal distribution. */
const Z = 1.96

const intervalOf = (values: ReadonlyArray<number>, rows: number): Interval => {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1)
  // the rows of the sample are known, so that a sample of all rows has no bounds
  const error = Z * Math.sqrt(variance / values.length) * Math.sqrt(Math.max(0, 1 - values.length / rows))
  return { low: Math.max(0, mean - error) * rows, expected: mean * rows, high: (mean + error) * rows }
}

const scaled = ({ expected, high, low }: Interval, by: number): Interval => ({
  low: low * by,
  expected: expected * by,
  high: high * by
})

const plus = (a: Interval, b: Interval): Interval => ({
  low: a.low + b.low,
  expected: a.expected + b.expected,
  high: a.high + b.high
})

/** Indices spread evenly over the input, so that a sorted file does not mislead. */
const spread = (rows: number, sample: number): ReadonlySet<number> =>
  new Set(Array.from({ length: Math.min(rows, sample) }, (_, at) => Math.floor(at * rows / Math.min(rows, sample))))

interface Seen {
  readonly millis: number
  readonly input: number | undefined
  readonly output: number | undefined
  /** The most tokens that the row's prompt and response may come to together. */
  readonly longest: number | undefined
}

const sum = (values: ReadonlyArray<number | undefined>): number | undefined =>
  values.reduce<number | undefined>(
    (total, value) => total === undefined || value === undefined ? undefined : total + value,
    0
  )

const rowsOf = Effect.fnUntraced(function*(options: Options.Options, input: Input.Input, wanted: ReadonlySet<number>) {
  const pull = yield* Input.rows(input, options.columns ?? {}, (index) => !wanted.has(index))
  const rows: Array<Row.Row> = []
  yield* Effect.forever(Effect.map(pull, (more) => void rows.push(...more))).pipe(
    Pull.catchDone(() => Effect.void)
  )
  return rows
})

const problemsOf = (
  { budget = {} }: Options.Options,
  plan: Omit<Plan, "problems">,
  longest: number | undefined,
  contextLength: number | undefined
): ReadonlyArray<string> => {
  const tokens = plan.tokens === undefined ? undefined : plus(plan.tokens.input, plan.tokens.output)
  return [
    ...(longest !== undefined && contextLength !== undefined && longest > contextLength
      ? [
        `a row of the sample may need ${longest} tokens, and the context of the model has ${contextLength}; lower maxNewTokens or shorten the prompts`
      ]
      : []),
    ...(budget.tokens === undefined
      ? []
      : tokens === undefined
      ? ["the endpoint does not count tokens, so a budget of tokens cannot be enforced"]
      : tokens.expected > budget.tokens
      ? [`about ${Math.round(tokens.expected)} tokens are needed, and the budget has ${budget.tokens}`]
      : []),
    ...(budget.dollars === undefined
      ? []
      : plan.dollars === undefined
      ? ["the price or the tokens are not known, so a budget of dollars cannot be enforced"]
      : plan.dollars.expected > budget.dollars
      ? [`about $${plan.dollars.expected.toFixed(2)} is needed, and the budget has $${budget.dollars}`]
      : [])
  ]
}

/**
 * Generates a sample (20 rows by default) and estimates. The sample's generations go to the cache in the options, if
 * there is one, so that the run does not pay for them again.
 *
 * @category running
 * @since 0.2.0
 */
export const make = <E extends Fault.Raised>(
  options: Options.Options & { readonly sample?: number | undefined },
  work: Work<E>
): Effect.Effect<Plan, BatchError.BatchError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const { columns = {} } = options
    const template = columns.template === undefined ? undefined : RowTemplate.compile(columns.template)
    const problems = Options.problems(options)
    if (problems.length > 0) return yield* refuse(...problems)
    if (template !== undefined && Result.isFailure(template)) return yield* refuse(template.failure)
    const mapping = Row.mapping(columns, template === undefined ? undefined : Result.getOrUndefined(template)?.render)
    const paths = Options.paths(options)
    const parts = yield* Inputs.resolve(options.input, paths.copy, yield* ownFiles(paths))
    const input = yield* Input.scan(parts, columns)
    const { rows: total } = input.record
    const about = yield* Effect.mapError(
      Effect.andThen(work.ready, work.about ?? Effect.succeed(undefined)),
      ({ _tag: stage, message: problem, reason }) =>
        BatchError.make(new BatchError.Stopped({ stage, reason: reason._tag, problem }))
    )
    const price = options.price ?? about?.price
    const concurrency = typeof options.concurrency === "number"
      ? options.concurrency
      : Math.min(options.concurrency?.max ?? about?.capacity ?? 64, about?.capacity ?? 64)
    const rows = yield* rowsOf(options, input, spread(total, options.sample ?? SAMPLE))
    const failures: Record<string, number> = {}
    const seen: Array<Seen> = []
    const one = (row: Row.Row) =>
      Effect.gen(function*() {
        const request = mapping(row)
        const start = yield* Clock.currentTimeMillis
        const call = Result.isFailure(request)
          ? undefined
          : { concurrency: 1, ...options.options, ...request.success.options }
        const judged = Result.isFailure(request)
          ? Result.fail(Fault.of(request.failure))
          : yield* Effect.result(Effect.mapError(
            Answers.answered(options, work, about, request.success.input, call ?? {}),
            Fault.of
          ))
        if (Result.isFailure(judged)) {
          const name = `${judged.failure.stage}.${judged.failure.reason}`
          failures[name] = (failures[name] ?? 0) + 1
          return
        }
        const millis = (yield* Clock.currentTimeMillis) - start
        const all = [...judged.success.generations, ...judged.success.discarded].map(({ statistics }) => statistics)
        const longest = all[0]?.inputTokens
        seen.push({
          millis,
          input: sum(all.map(({ inputTokens }) => inputTokens)),
          output: sum(all.map(({ outputTokens }) => outputTokens)),
          longest: longest === undefined
            ? undefined
            : longest + (call?.maxNewTokens ?? GenerationOptions.MAX_NEW_TOKENS)
        })
      })
    yield* Effect.forEach(rows, one, { concurrency: Math.min(concurrency, SAMPLE), discard: true })
    const figures = (name: "input" | "output") => {
      const values = seen.flatMap((row) => row[name] ?? [])
      return values.length === seen.length && seen.length > 0 ? intervalOf(values, total) : undefined
    }
    const [read, written] = [figures("input"), figures("output")]
    const hours = seen.length === 0
      ? { low: 0, expected: 0, high: 0 }
      : scaled(intervalOf(seen.map(({ millis }) => millis), total), 1 / HOUR / concurrency)
    const byTokens = read === undefined || written === undefined || price?.inputPerMillion === undefined ||
        price.outputPerMillion === undefined
      ? undefined
      : plus(scaled(read, price.inputPerMillion / 1e6), scaled(written, price.outputPerMillion / 1e6))
    const byTime = price?.perHour === undefined ? undefined : scaled(hours, price.perHour)
    const dollars = !Budget.isKnown(price)
      ? undefined
      : byTime === undefined
      ? byTokens
      : byTokens === undefined
      ? byTime
      : plus(byTime, byTokens)
    const plan = {
      rows: total,
      sample: rows.length,
      failures,
      ...(read !== undefined && written !== undefined && { tokens: { input: read, output: written } }),
      ...(dollars !== undefined && { dollars }),
      hours,
      concurrency
    }
    const longest = seen.reduce<number | undefined>(
      (most, row) => row.longest === undefined ? most : Math.max(most ?? 0, row.longest),
      undefined
    )
    return { ...plan, problems: problemsOf(options, plan, longest, about?.contextLength) }
  }).pipe(Effect.scoped)

const number = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 3 })

const range = ({ expected, high, low }: Interval, unit: string): string =>
  `${unit}${number.format(expected)} (${unit}${number.format(low)} to ${unit}${number.format(high)})`

const spans = [["hours", 1], ["minutes", 60], ["seconds", 3600]] as const

/** A time in the largest unit of which it is at least one. */
const time = (hours: Interval): string => {
  const [name, count] = spans.find(([, count]) => hours.expected * count >= 1) ?? spans[2]
  return `${name}: ${range(scaled(hours, count), "")}`
}

/**
 * A plan in a few lines, without a line end.
 *
 * @category conversions
 * @since 0.2.0
 */
export const text = (plan: Plan): string =>
  [
    `${plan.rows.toLocaleString("en-US")} rows, by a sample of ${plan.sample}`,
    plan.tokens === undefined
      ? "tokens: not known, the endpoint does not count them"
      : `tokens: ${range(plan.tokens.input, "")} in, ${range(plan.tokens.output, "")} out`,
    plan.dollars === undefined ? "dollars: not known" : `dollars: ${range(plan.dollars, "$")}`,
    `${time(plan.hours)} at ${plan.concurrency} rows in flight`,
    ...(Object.keys(plan.failures).length === 0
      ? []
      : [`failures: ${Object.entries(plan.failures).map(([name, count]) => `${name} ${count}`).join(", ")}`]),
    ...plan.problems.map((problem) => `cannot be run: ${problem}`)
  ].join("\n")
