/**
 * What a batch did: data for programs (it is plain JSON), and a text for people.
 *
 * @since 0.1.0
 */
import * as Budget from "../pace/Budget.ts"
import type { Report, Why } from "./Account.ts"
import type { Summary } from "./Histogram.ts"
import type { Tally } from "./Tally.ts"

export type { Report, Why } from "./Account.ts"

const BARS = 40

/**
 * By time and tokens if an hour has a price; otherwise as the lines report it, which is the server's own figure if
 * there is one.
 */
const dollarsOf = (price: Budget.Price | undefined, tally: Tally) =>
  Budget.isKnown(price) && (price.perHour !== undefined || tally.dollarsTold === 0)
    ? { dollars: Budget.dollars(price, tally) }
    : tally.dollarsTold > 0 && { dollars: tally.dollarsTold }

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  tally: Tally,
  why: Why | undefined,
  facts: {
    readonly output: string
    readonly errors: string
    readonly price: Budget.Price | undefined
    readonly accepted?: Report["accepted"] | undefined
  }
): Report => {
  const seconds = Math.max(tally.elapsed, 1) / 1000
  const doneNow = tally.done - tally.doneBefore
  const latency = tally.latency.summary()
  const timeToFirstToken = tally.timeToFirstToken.summary()
  const pending = tally.rows - tally.done - tally.failed
  // where no row is pending it does not matter why no further one started, but what is written may not be what was wanted
  const stopped = pending > 0 || why?.by === "disk" || why?.by === "pin" ? why : undefined
  return {
    ending: stopped === undefined ? "complete" : stopped.by === "signal" ? "interrupted" : "stopped",
    ...(stopped !== undefined && { why: stopped }),
    output: facts.output,
    errors: facts.errors,
    rows: {
      total: tally.rows,
      done: tally.done,
      failed: tally.failed,
      pending,
      doneNow,
      failedNow: tally.failed - tally.failedBefore
    },
    tokens: { input: tally.inputTokens, output: tally.outputTokens },
    uncounted: tally.uncounted,
    ...dollarsOf(facts.price, tally),
    elapsed: tally.elapsed,
    rowsPerSecond: doneNow / seconds,
    outputTokensPerSecond: tally.tokensNow[1] / seconds,
    ...(latency !== undefined && { latency }),
    ...(timeToFirstToken !== undefined && { timeToFirstToken }),
    retries: tally.retries,
    failures: Object.fromEntries(tally.failures),
    cached: tally.cached,
    finishReasons: Object.fromEntries(tally.finishReasons),
    refusals: tally.refusals,
    ...(facts.accepted !== undefined && { accepted: facts.accepted }),
    charts: {
      timeline: tally.timeline.points(),
      latency: tally.latency.bars(BARS),
      length: tally.length.bars(BARS)
    }
  }
}

/**
 * 0 when every row is done, or as many as the limit allowed; 1 when some failed; 3 when rows are pending, or what was
 * written cannot be relied on.
 *
 * @category accessors
 * @since 0.1.0
 */
export const exitCode = ({ ending, rows, why }: Report): 0 | 1 | 3 =>
  ending !== "complete" && why?.by !== "limit" ? 3 : rows.failed > 0 ? 1 : 0

const number = (value: number): string =>
  value.toLocaleString("en-US", { maximumFractionDigits: value < 10 ? 2 : value < 100 ? 1 : 0 })

const counts = (all: Readonly<Record<string, number>>): string =>
  Object.entries(all).toSorted(([, a], [, b]) => b - a).map(([name, count]) => `${name} ${number(count)}`).join(", ")

const HOURS = 3600
const MINUTES = 60

const two = (value: number): string => String(value).padStart(2, "0")

/**
 * A duration in milliseconds, written for people: `1h 05m`, `3m 20s`, `4.2s`, `7ms`.
 *
 * @category conversions
 * @since 0.1.0
 */
export const time = (millis: number): string => {
  if (millis < 1000) return `${Math.round(millis)}ms`
  const seconds = millis / 1000
  if (seconds < MINUTES) return seconds < 10 ? `${seconds.toFixed(1)}s` : `${Math.round(seconds)}s`
  const whole = Math.round(seconds)
  return whole < HOURS
    ? `${Math.floor(whole / MINUTES)}m ${two(whole % MINUTES)}s`
    : `${Math.floor(whole / HOURS)}h ${two(Math.floor((whole % HOURS) / MINUTES))}m`
}

const percentiles = (name: string, summary: Summary | undefined): ReadonlyArray<string> =>
  summary === undefined ? [] : [
    `${name}: p50 ${time(summary.p50)}, p90 ${time(summary.p90)}, p99 ${time(summary.p99)}, max ${time(summary.max)}`
  ]

/**
 * The report in a few lines, without a line end.
 *
 * @category conversions
 * @since 0.1.0
 */
export const text = (report: Report): string => {
  const { rows } = report
  const failures = Object.keys(report.failures)
  return [
    report.why === undefined ? report.ending : `${report.ending}: ${report.why.message}`,
    `rows: ${number(rows.done)} done, ${number(rows.failed)} failed, ${number(rows.pending)} pending, of ${
      number(rows.total)
    } (${number(rows.doneNow)} done now)`,
    `tokens: ${number(report.tokens.input)} in, ${number(report.tokens.output)} out` +
    (report.dollars === undefined ? "" : `; ${report.uncounted > 0 ? "at least " : ""}$${report.dollars.toFixed(2)}`) +
    (report.uncounted === 0 ? "" : `; the server did not report the tokens of ${number(report.uncounted)} generations`),
    `time: ${time(report.elapsed)}, ${number(report.rowsPerSecond)} rows/s, ${
      number(report.outputTokensPerSecond)
    } tokens/s, ${number(report.retries)} retries`,
    ...percentiles("latency", report.latency),
    ...percentiles("time to first token", report.timeToFirstToken),
    ...(report.rows.doneNow === 0 ? [] : [
      `finish reasons: ${counts(report.finishReasons)}` +
      (report.refusals === 0 ? "" : `; ${number(report.refusals)} refused`) +
      (report.cached === 0 ? "" : `; ${number(report.cached)} rows from the cache`)
    ]),
    ...(failures.length === 0
      ? []
      : [`failures: ${counts(report.failures)}`]),
    `output: ${report.output}` + (rows.failed === 0 ? "" : `; errors: ${report.errors}`)
  ].join("\n")
}
