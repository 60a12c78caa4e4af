/**
 * An input → the shards of a job, offered to its workers.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Pull from "effect/Pull"
import { createHash } from "node:crypto"
import type * as BatchError from "../batch/BatchError.ts"
import * as Input from "../batch/log/Input.ts"
import * as Inputs from "../batch/rows/Inputs.ts"
import * as OpenAiRequest from "../batch/rows/OpenAiRequest.ts"
import type * as Row from "../batch/rows/Row.ts"
import * as ClusterError from "./ClusterError.ts"
import { Dispatch } from "./Dispatch.ts"
import { ShardFiles } from "./ShardFiles.ts"
import type { Range } from "./ShardTable.ts"
import { ShardTable } from "./ShardTable.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /** The name of the job in the database. */
  readonly job: string
  /**
   * Rows with columns, or lines of OpenAI's Batch API, as `Batch.run` takes them: JSONL, CSV and Parquet, plain or
   * compressed, folders, patterns, `hf://datasets/…`, `-` for standard input. Ids have to differ in all of it.
   */
  readonly input: string | ReadonlyArray<string>
  /** Rows per shard. Default 1,000: some minutes of work, so that little is repeated when a machine dies. */
  readonly rowsPerShard?: number | undefined
  /** The column with the id. Default: `id`; a row without one is identified by its number in the input. */
  readonly id?: string | undefined
}

/**
 * The result of a split.
 *
 * @category models
 * @since 0.2.0
 */
export interface Summary {
  readonly job: string
  readonly shards: number
  readonly rows: number
  /** Shards that were queued now: none if the same input was split before. */
  readonly offered: number
}

const ROWS = 1000
/** The longest name that the queue accepts, with room for its own prefix. */
const LONGEST_NAME = 200

const refuse = (...problems: ReadonlyArray<string>) =>
  ClusterError.make("split", new ClusterError.InvalidJobOptions({ problems }))

const problemsOf = ({ job, rowsPerShard = ROWS }: Options): ReadonlyArray<string> => [
  ...(job.length > 0 && job.length <= LONGEST_NAME ? [] : [`the job's name must have 1 to ${LONGEST_NAME} characters`]),
  ...(Number.isSafeInteger(rowsPerShard) && rowsPerShard >= 1
    ? []
    : [`rowsPerShard must be an integer of at least 1, got ${rowsPerShard}`])
]

/** The line of a row: its own text if its format has one. Without an id it gets its number in the whole input. */
const lineOf = ({ columns, id, text }: Row.Row, column: string | undefined): string => {
  const line = text ?? JSON.stringify(columns)
  const named = column ?? (OpenAiRequest.is(columns) ? "custom_id" : "id")
  if ((columns[named] ?? undefined) !== undefined) return `${line}\n`
  // of two equal keys the last one counts
  return `${line.trim().replace(/,?\s*\}$/, `${Object.keys(columns).length === 0 ? "" : ","}"${named}":"${id}"}`)}\n`
}

/** The shard that is being filled, and the digest of all shards. */
class Shards {
  readonly ranges: Array<Range> = []
  readonly #hash = createHash("sha256")
  readonly #size: number
  #lines: Array<string> = []
  #first = 0

  constructor(size: number) {
    this.#size = size
  }

  get isFull(): boolean {
    return this.#lines.length >= this.#size
  }

  get isEmpty(): boolean {
    return this.#lines.length === 0
  }

  add(line: string): void {
    this.#lines.push(line)
  }

  /** The lines of the shard, which is closed with them. */
  take(): { readonly range: Range; readonly lines: string } {
    const range = { shard: this.ranges.length, firstRow: this.#first, rows: this.#lines.length }
    const lines = this.#lines.join("")
    this.#hash.update(lines)
    this.ranges.push(range)
    this.#first += this.#lines.length
    this.#lines = []
    return { range, lines }
  }

  digest(): string {
    return this.#hash.digest("hex")
  }
}

const refused = <A, R>(effect: Effect.Effect<A, BatchError.BatchError, R>) =>
  Effect.mapError(effect, ({ message }) => refuse(message))

/** Stores the rows after checking all of them: an invalid row, or a duplicate id, is found first. */
const store = Effect.fnUntraced(function*({ id, input, rowsPerShard = ROWS }: Options) {
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const files = yield* ShardFiles
  const columns = id === undefined ? {} : { id }
  const folder = yield* Effect.mapError(
    fs.makeTempDirectoryScoped({ prefix: "split-" }),
    ClusterError.file("split", "a temporary folder")
  )
  const parts = yield* refused(Inputs.resolve(input, join(folder, "input")))
  const looked = yield* refused(Input.scan(parts, columns))
  const pull = yield* Input.rows(looked, columns, () => false)
  const shards = new Shards(rowsPerShard)
  const flush = Effect.suspend(() => {
    const { lines, range } = shards.take()
    return files.put(range.shard, lines)
  })
  const next = Pull.matchEffect(pull, {
    onSuccess: (rows) =>
      Effect.as(
        Effect.forEach(rows, (row) => {
          shards.add(lineOf(row, id))
          return shards.isFull ? flush : Effect.void
        }, { discard: true }),
        true
      ),
    onFailure: (cause) => refused(Effect.failCause(cause)),
    onDone: () => Effect.succeed(false)
  })
  while (yield* next) { /* all of them */ }
  if (!shards.isEmpty) yield* flush
  return { ranges: shards.ranges, source: shards.digest() }
}, Effect.scoped)

/**
 * Splits an input. Nothing is offered before all shards are stored and in the table; run again after a crash, it finishes
 * what it began. A job of this name with another input is refused.
 *
 * @category running
 * @since 0.2.0
 */
export const run = Effect.fnUntraced(function*(options: Options) {
  const problems = problemsOf(options)
  if (problems.length > 0) return yield* refuse(...problems)
  const table = yield* ShardTable
  const dispatch = yield* Dispatch
  const { ranges, source } = yield* store(options)
  if (ranges.length === 0) return yield* refuse("the input has no rows")
  yield* table.create({ job: options.job, source }, ranges)
  const offered = yield* dispatch.offer(options.job)
  const summary: Summary = {
    job: options.job,
    shards: ranges.length,
    rows: ranges.reduce((total, { rows }) => total + rows, 0),
    offered
  }
  return summary
})
