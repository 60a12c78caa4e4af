/**
 * A batch from file to file, for programs without Effect.
 *
 * @since 0.2.0
 */
import type { Budget, Price } from "../batch/pace/Budget.ts"
import type { Event, Report } from "../batch/report/Account.ts"
import type { Columns } from "../batch/rows/Columns.ts"
import type { CallOptions, Time } from "./Options.ts"

export type { Budget, Price } from "../batch/pace/Budget.ts"
export type { Event as FileBatchEvent, Snapshot as FileBatchProgress } from "../batch/report/Account.ts"
export type { Summary } from "../batch/report/Histogram.ts"
export type { Columns } from "../batch/rows/Columns.ts"
export type { Fault as RowFault } from "../batch/rows/Failure.ts"

/**
 * What a batch did: plain JSON. Its charts stay in the report file.
 *
 * @category models
 * @since 0.2.0
 */
export type FileBatchReport = Omit<Report, "charts">

/**
 * What a batch from file to file is made of.
 *
 * @category models
 * @since 0.2.0
 */
export interface FileBatchOptions {
  /**
   * Rows with columns, or lines of OpenAI's Batch API: files of JSONL or CSV, plain or compressed with gzip or zstd, folders
   * and patterns of such files, `-` for standard input.
   */
  readonly input: string | ReadonlyArray<string>
  /** Where results go; next to it `<output>.manifest.json` and, while it runs, `<output>.lock`. */
  readonly output: string
  /** Where failed rows go. Default: `<output>.errors.jsonl`. */
  readonly errors?: string | undefined
  readonly columns?: Columns | undefined
  /** Options of every row, under those of the row itself. */
  readonly options?: Omit<CallOptions, "signal"> | undefined
  /** How many times a row is retried, with a new seed, when its structured output does not decode. Default 2. */
  readonly retries?: number | undefined
  /** Columns of the input that the output keeps, in `input`: their names, or `true` for all. Default: none. */
  readonly keep?: true | ReadonlyArray<string> | undefined
  /** Looks this many rows ahead, and sends those that begin alike one after the other. Default: the order of the input. */
  readonly together?: number | undefined
  /** Does only this many rows and leaves the others for later. Default: all. */
  readonly limit?: number | undefined
  /** Refuses an endpoint that more than one provider or model may serve. Default false. */
  readonly pin?: boolean | undefined
  readonly budget?: Budget | undefined
  readonly price?: Price | undefined
  /** Puts the output into the order of the input when every row is done or failed. Default false. */
  readonly ordered?: boolean | undefined
  /** Retries the rows of the errors file; the file is moved to `<errors>.retried`. Default false. */
  readonly retryFailed?: boolean | undefined
  /** Moves lines that no run wrote to `<file>.bad`, and rewrites a damaged manifest. Default false: it refuses. */
  readonly repair?: boolean | undefined
  /** Moves files of another input or configuration to `<file>.old` and starts over. Default false: it refuses. */
  readonly force?: boolean | undefined
  /** Differences from the earlier run that are intended, by the names that the refusal gives them. */
  readonly accept?: ReadonlyArray<string> | undefined
  /** Rows at once: a fixed number, or bounds between which it adapts. Default: adaptive from 4. */
  readonly concurrency?:
    | number
    | {
      readonly min?: number | undefined
      readonly max?: number | undefined
      readonly initial?: number | undefined
    }
    | undefined
  /** Rows that start in any minute. Default: no limit. */
  readonly requestsPerMinute?: number | undefined
  /** Tokens, read and written, in any minute. Default: no limit. */
  readonly tokensPerMinute?: number | undefined
  /** How long the endpoint may send no response at all before the batch stops. Default 15 minutes. */
  readonly patience?: Time | undefined
  /** How long rows in flight may take to finish once the batch stops. Default 30 seconds. */
  readonly drain?: Time | undefined
}

/**
 * How a batch from file to file is watched and ended.
 *
 * @category models
 * @since 0.2.0
 */
export interface FileBatchControl {
  /** Called with everything that happens, and with the progress four times a second. If it throws, the batch ends. */
  readonly onEvent?: ((event: Event) => void) | undefined
  /** Stops cleanly: no further row starts, those in flight may finish within `drain`, and the report is returned. */
  readonly stop?: AbortSignal | undefined
}
