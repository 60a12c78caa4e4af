/**
 * The counts of a batch while it runs: what the files already hold, and what this run adds once its lines are written.
 *
 * @since 0.1.0
 */
import * as Generation from "../../Generation.ts"
import type { Ledger } from "../log/Ledger.ts"
import type { Spent } from "../pace/Budget.ts"
import type { Fault } from "../pace/Fault.ts"
import * as Histogram from "./Histogram.ts"
import * as Timeline from "./Timeline.ts"

/**
 * What a row yielded, as far as it is counted.
 *
 * @category models
 * @since 0.2.0
 */
export interface Counted {
  readonly generations: ReadonlyArray<Generation.Generation>
  /** Responses that were paid for but not kept. */
  readonly discarded: ReadonlyArray<Generation.Generation>
  /** It was in the cache: this run did not pay for it. */
  readonly cached: boolean
  readonly dollars: number | undefined
}

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
  /** Dollars as the lines report them. */
  readonly dollarsTold: number
  readonly retries: number
  /** Rows of this run that came from the cache. */
  readonly cached: number
  readonly failures: ReadonlyMap<string, number>
  /** Generations of this run by finish reason. */
  readonly finishReasons: ReadonlyMap<string, number>
  readonly refusals: number
  readonly latency: Histogram.Histogram
  readonly timeToFirstToken: Histogram.Histogram
  readonly length: Histogram.Histogram
  readonly timeline: Timeline.Timeline
  readonly answered: (counted: Counted) => void
  readonly rejected: (fault: Fault) => void
  readonly retried: (attempts: number) => void
  readonly at: (now: number) => Tally
}

const add = (counts: Map<string, number>, key: string): void => void counts.set(key, (counts.get(key) ?? 0) + 1)

class State implements Tally {
  readonly rows: number
  readonly doneBefore: number
  readonly failedBefore: number
  readonly failures: Map<string, number>
  readonly finishReasons = new Map<string, number>()
  readonly latency = Histogram.make()
  readonly timeToFirstToken = Histogram.make()
  readonly length = Histogram.make()
  readonly timeline: Timeline.Timeline
  readonly #start: number
  done: number
  failed: number
  inputTokens: number
  outputTokens: number
  uncounted: number
  dollarsTold: number
  tokensNow: readonly [number, number] = [0, 0]
  retries = 0
  refusals = 0
  cached = 0
  elapsed = 0

  constructor(rows: number, ledger: Ledger, start: number) {
    this.rows = rows
    this.#start = start
    this.timeline = Timeline.make()
    this.done = this.doneBefore = ledger.done.size()
    this.failed = this.failedBefore = ledger.failed.size()
    this.inputTokens = ledger.inputTokens
    this.outputTokens = ledger.outputTokens
    this.uncounted = ledger.uncounted
    this.dollarsTold = ledger.dollars
    this.failures = new Map(ledger.failures)
  }

  #count({ statistics }: Generation.Generation): void {
    const { inputTokens, outputTokens } = statistics
    if (!Generation.isCounted(statistics)) this.uncounted++
    this.inputTokens += inputTokens ?? 0
    this.outputTokens += outputTokens ?? 0
    this.tokensNow = [this.tokensNow[0] + (inputTokens ?? 0), this.tokensNow[1] + (outputTokens ?? 0)]
    this.retries += Math.max(0, statistics.attempts - 1)
  }

  readonly answered = ({ cached, discarded, dollars, generations }: Counted): void => {
    this.done++
    if (cached) this.cached++
    this.dollarsTold += dollars ?? 0
    this.retries += discarded.length
    for (const generation of discarded) this.#count(generation)
    for (const generation of generations) {
      const { finishReason, refusal, statistics } = generation
      add(this.finishReasons, finishReason)
      if (refusal !== undefined || finishReason === "content_filter") this.refusals++
      if (statistics.outputTokens !== undefined) this.length.add(statistics.outputTokens)
      if (cached) continue
      this.#count(generation)
      this.latency.add(statistics.duration)
      if (statistics.timeToFirstToken !== undefined) this.timeToFirstToken.add(statistics.timeToFirstToken)
    }
  }

  readonly rejected = (fault: Fault): void => {
    this.failed++
    add(this.failures, `${fault.stage}.${fault.reason}`)
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
