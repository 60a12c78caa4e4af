/**
 * The progress of a batch: events for programs, one live line on a terminal, plain lines elsewhere.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Budget from "../pace/Budget.ts"
import type { Pace } from "../pace/Pace.ts"
import type { Event, Snapshot } from "./Account.ts"
import * as Report from "./Report.ts"
import type { Tally } from "./Tally.ts"

export type { Event, Snapshot } from "./Account.ts"

/** Over how many milliseconds a rate is smoothed. */
const SMOOTHING = 15_000

class Rate {
  #value: number | undefined = undefined
  #last: number

  constructor(start: number) {
    this.#last = start
  }

  /** The smoothed rate per second, of a count that only grows. */
  next(count: number, millis: number): number {
    const rate = Math.max(0, count - this.#last) / Math.max(millis, 1) * 1000
    this.#last = count
    const weight = 1 - Math.exp(-millis / SMOOTHING)
    this.#value = this.#value === undefined ? rate : this.#value + weight * (rate - this.#value)
    return this.#value
  }
}

/**
 * Rows in flight at all endpoints.
 *
 * @category accessors
 * @since 0.2.0
 */
export const inFlight = (paces: ReadonlyArray<Pace>): number => paces.reduce((sum, pace) => sum + pace.inFlight(), 0)

/**
 * Milliseconds after which past progress is a better guide than the expectation, and after which an estimate is shown
 * even if the level has not been found yet.
 */
const EARLY = 30_000
/** Fewer rows than this are not enough for an estimate. */
const FEW = 8

/**
 * Rows per millisecond. While the level doubles it cannot be known; then, since the first rows to end are the short ones, it
 * is computed from how long a row takes and how many are in flight; later it is what was measured.
 */
const expectedRate = (tally: Tally, rate: number, limit: number, isSettled: boolean): number | undefined => {
  const now = tally.done - tally.doneBefore
  if (now < FEW || (!isSettled && tally.elapsed < EARLY)) return undefined
  const latency = tally.latency.summary()
  if (tally.elapsed >= EARLY || latency === undefined || latency.mean <= 0) return rate > 0 ? rate / 1000 : undefined
  const perRow = latency.mean * Math.max(1, latency.count / now)
  return limit / perRow
}

/** What it has cost so far, and what the whole will cost, given the milliseconds that are left. */
const costOf = (price: Budget.Price | undefined, tally: Tally, left: number | undefined) => {
  if (!Budget.isKnown(price)) return {}
  const spent = Budget.dollars(price, tally)
  const finished = tally.done + tally.failed
  if (finished === 0) return { spent }
  const byTokens = Budget.ofTokens(price, tally) * tally.rows / finished
  const byTime = (price.perHour ?? 0) * (tally.elapsed + (left ?? 0)) / 3_600_000
  return price.perHour !== undefined && left === undefined ? { spent } : { spent, projected: byTokens + byTime }
}

/**
 * Makes a snapshot whenever it is called.
 *
 * @category constructors
 * @since 0.1.0
 */
export const sampler = (
  tally: Tally,
  paces: ReadonlyArray<Pace>,
  price: Budget.Price | undefined
): Effect.Effect<Snapshot> => {
  const rows = new Rate(tally.done + tally.failed)
  const tokens = new Rate(0)
  let last = tally.elapsed
  return Effect.map(Clock.currentTimeMillis, (now) => {
    const { done, elapsed, failed } = tally.at(now)
    const finished = done + failed
    const rate = rows.next(finished, elapsed - last)
    const tokenRate = tokens.next(tally.tokensNow[1], elapsed - last)
    last = elapsed
    const limit = paces.reduce((sum, pace) => sum + pace.limit(), 0)
    const expected = expectedRate(tally, rate, limit, paces.every((pace) => pace.isSettled()))
    const left = expected === undefined ? undefined : (tally.rows - finished) / expected
    const pauses = paces.flatMap((pace) => pace.pause(now) ?? [])
    const [pause] = pauses.length === paces.length ? pauses.toSorted((a, b) => a.until - b.until) : []
    tally.timeline.add({ at: elapsed, done, failed, tokens: tally.tokensNow[1], inFlight: inFlight(paces), limit })
    return {
      rows: tally.rows,
      done,
      failed,
      inFlight: inFlight(paces),
      limit,
      rate,
      tokenRate,
      elapsed,
      uncounted: tally.uncounted,
      ...(left !== undefined && { left }),
      ...costOf(price, tally, left),
      ...(pause !== undefined && { paused: { left: pause.until - now, reason: pause.fault.message } })
    }
  })
}

const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumSignificantDigits: 3 })

/**
 * A snapshot in one line.
 *
 * @category conversions
 * @since 0.1.0
 */
export const line = (snapshot: Snapshot): string => {
  const { done, failed, left, paused, projected, rows, spent } = snapshot
  const share = rows === 0 ? 100 : Math.floor((done + failed) / rows * 100)
  return [
    `${done.toLocaleString("en-US")}/${rows.toLocaleString("en-US")} rows (${share}%)`,
    ...(failed > 0 ? [`${failed.toLocaleString("en-US")} failed`] : []),
    `${compact.format(snapshot.rate)} rows/s`,
    `${compact.format(snapshot.tokenRate)} tok/s`,
    `${snapshot.inFlight} of ${snapshot.limit} in flight`,
    ...(spent === undefined
      ? []
      : [
        `${snapshot.uncounted > 0 ? "at least " : ""}$${spent.toFixed(2)}${
          projected === undefined ? "" : ` of ~$${projected.toFixed(2)}`
        }`
      ]),
    ...(left === undefined ? [] : [`${Report.time(left)} left`]),
    ...(paused === undefined ? [] : [`paused ${Report.time(paused.left)}: ${paused.reason}`])
  ].join(" · ")
}

const PLAIN_EVERY = 10_000
const CLEAR = "\r\u001b[2K"
const WIDTH = 160

/** Server text on a terminal: without control characters, on one line. */
// oxlint-disable-next-line no-control-regex -- the control characters are what it matches
const printable = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").slice(0, WIDTH)

/**
 * Prints events to standard error: a line that is overwritten on a terminal, else a line at most every ten seconds. The
 * report comes last. A closed standard error does not fail the batch.
 *
 * @category running
 * @since 0.1.0
 */
export const printer: Effect.Effect<(event: Event) => Effect.Effect<void>, never, Stdio.Stdio> = Effect.gen(
  function*() {
    const stdio = yield* Stdio.Stdio
    const live = yield* stdio.stderrIsTerminal
    let printed = Number.NEGATIVE_INFINITY
    const write = (text: string) => Effect.ignore(Stream.run(Stream.make(text), stdio.stderr({ endOnDone: false })))
    const note = (text: string) => write(live ? `${CLEAR}${text}\n` : `${text}\n`)
    return (event) => {
      switch (event._tag) {
        case "Checking":
          return note("checking the input and the rows that are done")
        case "Started":
          return event.done + event.failed === 0
            ? note(`${event.rows} rows`)
            : note(`continuing: ${event.done} of ${event.rows} rows are done, ${event.failed} failed`)
        case "Progress": {
          const { snapshot } = event
          if (live) return write(CLEAR + printable(line(snapshot)))
          if (snapshot.elapsed - printed < PLAIN_EVERY) return Effect.void
          printed = snapshot.elapsed
          return note(printable(line(snapshot)))
        }
        case "Stopping":
          return note(
            `${printable(event.message)}; waiting for ${event.inFlight} rows in flight. Interrupt again to stop at once`
          )
        case "Warning":
          return note(`warning: ${printable(event.message)}`)
        case "RowFailed":
          return Effect.void
        case "Paused":
          return note(printable(`all rows wait ${Report.time(event.millis)}: ${event.fault.message}`))
        case "Finished":
          return note(Report.text(event.report).replace(/(?:(?!\n)\p{Cc})+/gu, " "))
      }
    }
  }
)
