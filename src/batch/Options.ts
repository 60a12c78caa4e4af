/**
 * The options of a batch, and the checks on them before anything is read.
 *
 * @since 0.2.0
 */
import type * as Duration from "effect/Duration"
import type * as Effect from "effect/Effect"
import type { KeyValueStore } from "effect/persistence/KeyValueStore"
import * as Settings from "../Settings.ts"
import * as Budget from "./pace/Budget.ts"
import type * as Pace from "./pace/Pace.ts"
import * as ReportFile from "./report/ReportFile.ts"
import type * as Row from "./rows/Row.ts"

/**
 * What a batch is made of.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Pace.Options {
  /**
   * Rows with columns, or lines of OpenAI's Batch API: files of JSONL or CSV, plain or compressed with gzip or zstd,
   * folders and patterns of such files, `-` for standard input, and what `Part.Openers` takes.
   */
  readonly input: string | ReadonlyArray<string>
  /** Where results go; next to it `<output>.manifest.json` and, while it runs, `<output>.lock`. */
  readonly output: string
  /** Where failed rows go. Default: `<output>.errors.jsonl`. */
  readonly errors?: string | undefined
  readonly columns?: Row.Columns | undefined
  /** Options of every row, under those of the row itself. */
  readonly options?: Settings.CallOptions | undefined
  /** How many times a row is retried, with a new seed, when its structured output does not decode. Default 2. */
  readonly retries?: number | undefined
  /** Columns of the input that the output keeps, in `input`: their names, or `true` for all. Default: none. */
  readonly keep?: true | ReadonlyArray<string> | undefined
  /**
   * Looks this many rows ahead, and sends those that begin alike one after the other, for the server's prompt cache.
   * Default: rows are sent in the order of the input.
   */
  readonly together?: number | undefined
  /** Does only this many rows and leaves the others for later. Default: all. */
  readonly limit?: number | undefined
  /**
   * Refuses an endpoint that more than one provider or model may serve, and stops at the first response from a model
   * other than that of the first response. Default false.
   */
  readonly pin?: boolean | undefined
  /**
   * Where generations are looked up before they are requested, and stored afterwards (see `AnswerCache`). Default:
   * nowhere.
   */
  readonly cache?: KeyValueStore | undefined
  readonly budget?: Budget.Budget | undefined
  readonly price?: Budget.Price | undefined
  /** Puts the output into the order of the input when every row is done or failed. Default false. */
  readonly ordered?: boolean | undefined
  /** Retries the rows of the errors file; the file is moved to `<errors>.retried`. Default false. */
  readonly retryFailed?: boolean | undefined
  /** Moves lines that no run wrote to `<file>.bad`, and rewrites a damaged manifest, instead of refusing. Default false. */
  readonly repair?: boolean | undefined
  /** Moves files of another input or configuration to `<file>.old` and starts over instead of refusing. Default false. */
  readonly force?: boolean | undefined
  /**
   * Differences from the earlier run that are intended, by the names that the refusal gives them, such as
   * `options.temperature`, `service` or `input`. Rows that are done stay; the manifest records what was accepted.
   */
  readonly accept?: ReadonlyArray<string> | undefined
  /** How long rows in flight may take to finish once the batch stops. Default 30 seconds. */
  readonly drain?: Duration.Input | undefined
  /** Stops the batch when it succeeds, with a reason for the report: no further row starts. */
  readonly stop?: Effect.Effect<string> | undefined
}

/**
 * The files of a batch.
 *
 * @category models
 * @since 0.2.0
 */
export interface Paths {
  readonly output: string
  readonly errors: string
  readonly manifest: string
  readonly lock: string
  /** The last report, as JSON. */
  readonly report: string
  /** The copy of an input that can only be read once. */
  readonly copy: string
}

/**
 * @category accessors
 * @since 0.2.0
 */
export const paths = ({ errors, output }: Pick<Options, "errors" | "output">): Paths => ({
  output,
  errors: errors ?? `${output}.errors.jsonl`,
  manifest: `${output}.manifest.json`,
  lock: `${output}.lock`,
  report: ReportFile.pathOf(output),
  copy: `${output}.input`
})

/**
 * What is wrong with the options, each in a sentence.
 *
 * @category validation
 * @since 0.2.0
 */
export const problems = (options: Options): ReadonlyArray<string> => {
  const { budget, concurrency, limit, requestsPerMinute, retries, together, tokensPerMinute } = options
  const positive = Object.entries({
    limit,
    together,
    requestsPerMinute,
    tokensPerMinute,
    ...(typeof concurrency === "number" ? { concurrency } : {
      "concurrency.min": concurrency?.min,
      "concurrency.max": concurrency?.max,
      "concurrency.initial": concurrency?.initial
    })
  }).flatMap(([name, value]) =>
    value === undefined || (value >= 1 && Number.isSafeInteger(value))
      ? []
      : [`${name} must be an integer of at least 1, got ${value}`]
  )
  return [
    ...positive,
    ...(retries === undefined || (Number.isSafeInteger(retries) && retries >= 0)
      ? []
      : [`retries must be an integer of at least 0, got ${retries}`]),
    ...(budget === undefined ? [] : Budget.problems(budget)),
    ...Settings.resolve({}, options.options ?? {}).issues.map(({ message }) => message)
  ]
}
