/**
 * What a batch reports: while it runs, and at its end. Plain data, for programs with and without Effect.
 *
 * @since 0.2.0
 */
import type { Fault } from "../rows/Failure.ts"
import type { Bar, Summary } from "./Histogram.ts"
import type { Point } from "./Timeline.ts"

/**
 * Why a batch ended before its last row; or, where the disk or a pin is the reason, what is wrong with its output.
 *
 * @category models
 * @since 0.1.0
 */
export interface Why {
  readonly by: "endpoint" | "budget" | "disk" | "signal" | "limit" | "pin"
  readonly message: string
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Report {
  /**
   * Every row has its line; or the batch stopped by itself, or was asked to, and continues when it is run again.
   * `running` is in the file that a run keeps while it is in progress.
   */
  readonly ending: "complete" | "stopped" | "interrupted" | "running"
  readonly why?: Why
  readonly output: string
  readonly errors: string
  readonly rows: {
    readonly total: number
    readonly done: number
    readonly failed: number
    readonly pending: number
    /** Of this run alone. */
    readonly doneNow: number
    readonly failedNow: number
  }
  /** Of all runs. */
  readonly tokens: { readonly input: number; readonly output: number }
  /** Generations whose tokens the server did not report. */
  readonly uncounted: number
  /** The cost of all runs if it is by tokens, of this run if it is by time; absent if the price is not known. */
  readonly dollars?: number
  /** Milliseconds of this run. */
  readonly elapsed: number
  /** Of this run. */
  readonly rowsPerSecond: number
  readonly outputTokensPerSecond: number
  /** The times of the generations of this run, in milliseconds. */
  readonly latency?: Summary
  readonly timeToFirstToken?: Summary
  /** Requests of this run that were sent again. */
  readonly retries: number
  /** Failed rows of all runs by `stage.reason`. */
  readonly failures: Readonly<Record<string, number>>
  /** Rows of this run that came from the cache. */
  readonly cached: number
  /** Generations of this run by finish reason; `length` counts those that the limit on tokens cut. */
  readonly finishReasons: Readonly<Record<string, number>>
  /** Generations of this run that the model or a filter refused. */
  readonly refusals: number
  /** Differences from earlier runs that were accepted. */
  readonly accepted?: ReadonlyArray<{ readonly at: string; readonly changes: ReadonlyArray<string> }>
  /** This run over time, and histograms of its milliseconds and tokens for each generation. */
  readonly charts: {
    readonly timeline: ReadonlyArray<Point>
    readonly latency: ReadonlyArray<Bar>
    readonly length: ReadonlyArray<Bar>
  }
}

/**
 * The state of a batch, counted from what has been written.
 *
 * @category models
 * @since 0.1.0
 */
export interface Snapshot {
  readonly rows: number
  readonly done: number
  readonly failed: number
  readonly inFlight: number
  /** Rows that may be in flight, now. */
  readonly limit: number
  /** Rows per second, recently. */
  readonly rate: number
  /** Tokens written per second, recently. */
  readonly tokenRate: number
  /** Milliseconds of this run. */
  readonly elapsed: number
  /** Milliseconds to the end at this rate; absent while nothing is known. */
  readonly left?: number
  /** Dollars, if the price is known, and what the whole batch will cost at this rate. */
  readonly spent?: number
  readonly projected?: number
  /** Generations whose tokens the server did not report: the dollars are those of the others. */
  readonly uncounted: number
  /** All rows wait: how many milliseconds are left, and why. */
  readonly paused?: { readonly left: number; readonly reason: string }
}

/**
 * What happens in a batch.
 *
 * @category models
 * @since 0.1.0
 */
export type Event =
  /** The input, and the part of it that is done, are being checked, which takes more than a second. */
  | { readonly _tag: "Checking" }
  | { readonly _tag: "Started"; readonly rows: number; readonly done: number; readonly failed: number }
  | { readonly _tag: "Progress"; readonly snapshot: Snapshot }
  /** Something that is not sent, or is sent in another form; each is reported once. */
  | { readonly _tag: "Warning"; readonly message: string }
  /** No row starts any more; those in flight are allowed to end. */
  | { readonly _tag: "Stopping"; readonly message: string; readonly inFlight: number }
  | { readonly _tag: "RowFailed"; readonly id: string; readonly index: number; readonly fault: Fault }
  | { readonly _tag: "Paused"; readonly millis: number; readonly fault: Fault }
  | { readonly _tag: "Finished"; readonly report: Report }
