/**
 * The counts of a batch while it runs: what the files hold already, and what this run adds once its lines are written.
 *
 * @since 0.1.0
 */
import type * as Generation from "../../Generation.ts"
import type { Ledger } from "../log/Ledger.ts"
import type { Spent } from "../pace/Budget.ts"
import type { Fault } from "../pace/Fault.ts"
import * as Histogram from "./Histogram.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Tally extends Spent {
  readonly rows: number
  readonly done: number
  readonly doneBefore: number
  readonly failedBefore: number
  /** Tokens of this run, read and written. */
  readonly tokensNow: readonly [input: number, output: number]
  readonly retries: number
  readonly failures: ReadonlyMap<string, number>
  readonly latency: Histogram.Histogram
  readonly timeToFirstToken: Histogram.Histogram
  readonly answered: (generations: ReadonlyArray<Generation.Generation>) => void
  readonly rejected: (fault: Fault) => void
  readonly retried: (attempts: number) => void
  readonly at: (now: number) => Tally
}

class State implements Tally {
  readonly rows: number
  readonly doneBefore: number
  readonly failedBefore: number
  readonly failures: Map<string, number>
  readonly latency = Histogram.make()
  readonly timeToFirstToken = Histogram.make()
  readonly #start: number
  done: number
  failed: number
  inputTokens: number
  outputTokens: number
  tokensNow: readonly [number, number] = [0, 0]
  retries = 0
  elapsed = 0

  constructor(rows: number, ledger: Ledger, start: number) {
    this.rows = rows
    this.#start = start
    this.done = this.doneBefore = ledger.done.size()
    this.failed = this.failedBefore = ledger.failed.size()
    this.inputTokens = ledger.inputTokens
    this.outputTokens = ledger.outputTokens
    this.failures = new Map(ledger.failures)
  }

  readonly answered = (generations: ReadonlyArray<Generation.Generation>): void => {
    this.done++
    for (const { statistics } of generations) {
      const input = statistics.inputTokens ?? 0
      const output = statistics.outputTokens ?? 0
      this.inputTokens += input
      this.outputTokens += output
      this.tokensNow = [this.tokensNow[0] + input, this.tokensNow[1] + output]
      this.retries += Math.max(0, statistics.attempts - 1)
      this.latency.add(statistics.duration)
      if (statistics.timeToFirstToken !== undefined) this.timeToFirstToken.add(statistics.timeToFirstToken)
    }
  }

  readonly rejected = (fault: Fault): void => {
    this.failed++
    const key = `${fault.stage}.${fault.reason}`
    this.failures.set(key, (this.failures.get(key) ?? 0) + 1)
  }

  readonly retried = (attempts: number): void => {
    this.retries += attempts
  }

  readonly at = (now: number): Tally => {
    this.elapsed = now - this.#start
    return this
  }
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (rows: number, ledger: Ledger, start: number): Tally => new State(rows, ledger, start)

/**
 * Tokens written, and tokens in all.
 *
 * @category accessors
 * @since 0.1.0
 */
export const tokensOf = (generations: ReadonlyArray<Generation.Generation>): readonly [number, number] => {
  let output = 0
  let all = 0
  for (const { statistics } of generations) {
    output += statistics.outputTokens ?? 0
    all += (statistics.inputTokens ?? 0) + (statistics.outputTokens ?? 0)
  }
  return [output, all]
}
