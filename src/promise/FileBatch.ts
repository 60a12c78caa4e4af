/**
 * A batch from file to file, as programs without Effect write it and see it.
 *
 * @since 0.2.0
 */
import type { CallOptions, Time } from "./Options.ts"

/**
 * How the columns of a row are read.
 *
 * @category models
 * @since 0.2.0
 */
export interface Columns {
  /** A string or an integer, distinct in the whole input. Default: `id`, and the row's index where that is absent. */
  readonly id?: string | undefined
  /** A conversation. Default: `messages`. */
  readonly messages?: string | undefined
  /** A text, taken as one user message. Default: `prompt`, where there are no messages. */
  readonly prompt?: string | undefined
  /** A Jinja template over the row's columns that makes the text; it wins over columns. */
  readonly template?: string | undefined
  /** A text that becomes a system message before the prompt or the conversation. */
  readonly system?: string | undefined
  /** Tools of the row, in OpenAI's form. Default: `tools`, where there are `messages`. */
  readonly tools?: string | undefined
  /** A text that other texts are scored against. Default: none. */
  readonly query?: string | undefined
  /** The texts to score: one, or a list. Default: `texts`, where there is a `query`. */
  readonly texts?: string | undefined
  /** Sends the text as it is, without a chat template. Default false. */
  readonly raw?: boolean | undefined
  /** Options of the row, over those of the batch. */
  readonly options?: string | undefined
}

/**
 * US dollars.
 *
 * @category models
 * @since 0.2.0
 */
export interface Price {
  readonly inputPerMillion?: number | undefined
  readonly outputPerMillion?: number | undefined
  /** Only the time of the present run is known and counted. */
  readonly perHour?: number | undefined
}

/**
 * Limits that stop a batch.
 *
 * @category models
 * @since 0.2.0
 */
export interface Budget {
  /** Read and written. */
  readonly tokens?: number | undefined
  /** Needs a price. */
  readonly dollars?: number | undefined
  /** Failed rows. */
  readonly errors?: number | undefined
  /** No row starts after it. */
  readonly until?: Date | undefined
}

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
  /** How often a row is retried, with a new seed, when its structured output does not decode. Default 2. */
  readonly retries?: number | undefined
  /** Columns of the input that the output keeps, in `input`: their names, or `true` for all. Default: none. */
  readonly keep?: true | ReadonlyArray<string> | undefined
  /** Looks this many rows ahead, and sends those that begin alike one after the other. Default: the order of the input. */
  readonly together?: number | undefined
  /** Does only this many rows and leaves the others for later. Default: all. */
  readonly limit?: number | undefined
  /** Refuses an endpoint at which more than one provider or model may answer. Default false. */
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
  /** How long the endpoint may give no answer at all before the batch stops. Default 15 minutes. */
  readonly patience?: Time | undefined
  /** How long rows in flight may take to end once the batch stops. Default 30 seconds. */
  readonly drain?: Time | undefined
}

/**
 * How a batch from file to file is watched and ended.
 *
 * @category models
 * @since 0.2.0
 */
export interface FileBatchControl {
  /** Told of everything that happens, and of progress four times a second. What it throws ends the batch. */
  readonly onEvent?: ((event: FileBatchEvent) => void) | undefined
  /** Stops in good order: no row starts any more, those in flight may end within `drain`, and the report comes. */
  readonly stop?: AbortSignal | undefined
}

/**
 * Why a row failed, or why all of them wait.
 *
 * @category models
 * @since 0.2.0
 */
export interface RowFault {
  /** The stage, such as `InferenceError`. */
  readonly stage: string
  readonly reason: string
  readonly message: string
  readonly status?: number
  /** The server's own name of the error. */
  readonly type?: string
  /** Requests that were made for it. */
  readonly attempts: number
  /** Whose fault it is: the row's, the endpoint's for a while, or one that somebody must mend. */
  readonly kind: "row" | "unclear" | "crowded" | "passing" | "lasting"
  /** Milliseconds that the server asked to wait. */
  readonly retryAfter?: number
}

/**
 * How far a batch is, counted from what is written.
 *
 * @category models
 * @since 0.2.0
 */
export interface FileBatchProgress {
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
  /** Dollars, where the price is known, and what the whole batch will cost at this rate. */
  readonly spent?: number
  readonly projected?: number
  /** Generations whose tokens the server did not report. */
  readonly uncounted: number
  /** All rows wait: milliseconds to go, and what for. */
  readonly paused?: { readonly left: number; readonly reason: string }
}

/**
 * What happens in a batch from file to file.
 *
 * @category models
 * @since 0.2.0
 */
export type FileBatchEvent =
  | { readonly _tag: "Checking" }
  | { readonly _tag: "Started"; readonly rows: number; readonly done: number; readonly failed: number }
  | { readonly _tag: "Progress"; readonly snapshot: FileBatchProgress }
  | { readonly _tag: "Warning"; readonly message: string }
  | { readonly _tag: "Stopping"; readonly message: string; readonly inFlight: number }
  | { readonly _tag: "RowFailed"; readonly id: string; readonly index: number; readonly fault: RowFault }
  | { readonly _tag: "Paused"; readonly millis: number; readonly fault: RowFault }
  | { readonly _tag: "Finished"; readonly report: FileBatchReport }

/**
 * A distribution in a few numbers.
 *
 * @category models
 * @since 0.2.0
 */
export interface Summary {
  readonly count: number
  readonly mean: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
}

/**
 * What a batch did: plain JSON.
 *
 * @category models
 * @since 0.2.0
 */
export interface FileBatchReport {
  /** Every row has its line; or the batch stopped of itself, or was told to, and goes on when it is run again. */
  readonly ending: "complete" | "stopped" | "interrupted" | "running"
  readonly why?: {
    readonly by: "endpoint" | "budget" | "disk" | "signal" | "limit" | "pin"
    readonly message: string
  }
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
  /** Of all runs by tokens, of this run by time; absent where the price is not known. */
  readonly dollars?: number
  /** Milliseconds of this run. */
  readonly elapsed: number
  readonly rowsPerSecond: number
  readonly outputTokensPerSecond: number
  /** Of the generations of this run, in milliseconds. */
  readonly latency?: Summary
  readonly timeToFirstToken?: Summary
  /** Requests of this run that were sent again. */
  readonly retries: number
  /** Failed rows of all runs by `stage.reason`. */
  readonly failures: Readonly<Record<string, number>>
  readonly cached: number
  /** Generations of this run by finish reason; `length` counts those that the limit on tokens cut. */
  readonly finishReasons: Readonly<Record<string, number>>
  /** Generations of this run that the model or a filter refused. */
  readonly refusals: number
  /** Differences from earlier runs that were accepted. */
  readonly accepted?: ReadonlyArray<{ readonly at: string; readonly changes: ReadonlyArray<string> }>
}
