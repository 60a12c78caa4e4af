/**
 * An input → the shards of a job, offered to its workers.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { createHash } from "node:crypto"
import * as Jsonl from "../batch/rows/Jsonl.ts"
import * as OpenAiRequest from "../batch/rows/OpenAiRequest.ts"
import * as Row from "../batch/rows/Row.ts"
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
  /** A JSONL file: rows with columns, or lines of OpenAI's Batch API. */
  readonly input: string
  /** Rows of a shard. Default 1,000: some minutes of work, so that little is repeated when a machine dies. */
  readonly rowsPerShard?: number | undefined
  /** The column with the id. Default: `id`; a row without one is known by its number in the input. */
  readonly id?: string | undefined
}

/**
 * What was made.
 *
 * @category models
 * @since 0.2.0
 */
export interface Summary {
  readonly job: string
  readonly shards: number
  readonly rows: number
  /** Shards that were queued now: none where the same was split before. */
  readonly offered: number
}

const ROWS = 1000
/** What the queue takes as a name, with room for its own. */
const LONGEST_NAME = 200
const PREVIEW = 60

const refuse = (...problems: ReadonlyArray<string>) =>
  ClusterError.make("split", new ClusterError.InvalidJobOptions({ problems }))

const problemsOf = ({ job, rowsPerShard = ROWS }: Options): ReadonlyArray<string> => [
  ...(job.length > 0 && job.length <= LONGEST_NAME ? [] : [`the job's name must have 1 to ${LONGEST_NAME} characters`]),
  ...(Number.isSafeInteger(rowsPerShard) && rowsPerShard >= 1
    ? []
    : [`rowsPerShard must be an integer of at least 1, got ${rowsPerShard}`])
]

/** A shard under way. */
class Shards {
  readonly ranges: Array<Range> = []
  readonly #hash = createHash("sha256")
  #lines: Array<string> = []
  #ids = new Set<string>()
  #first = 0
  readonly #options: Options

  constructor(options: Options) {
    this.#options = options
  }

  get next(): number {
    return this.#first + this.#lines.length
  }

  get isFull(): boolean {
    return this.#lines.length >= (this.#options.rowsPerShard ?? ROWS)
  }

  /** Adds a line; says what is wrong with it. */
  add(text: string | undefined): string | undefined {
    if (text === undefined) return "is not UTF-8 text, or longer than 16 MiB"
    const value = Jsonl.parse(text)
    if (!Row.isRecord(value)) return `is not a JSON object: ${JSON.stringify(text.slice(0, PREVIEW))}`
    const id = Row.id(value, { id: this.#options.id }, this.next)
    if (id === undefined) return `its id (column ${this.#options.id ?? "id"}) is neither a string nor an integer`
    if (this.#ids.has(id)) return `its id ${JSON.stringify(id)} is also that of another row of this shard`
    this.#ids.add(id)
    // a row's number in its shard would be the id of as many rows as there are shards; the last of two equal keys counts
    const column = OpenAiRequest.is(value) ? "custom_id" : "id"
    const isNamed = this.#options.id !== undefined || (value[column] ?? undefined) !== undefined
    this.#lines.push(
      isNamed
        ? text
        : text.trim().replace(/,?\s*\}$/, `${Object.keys(value).length === 0 ? "" : ","}"${column}":"${id}"}`)
    )
    return undefined
  }

  /** The lines of the shard, which is closed with them. */
  take(): { readonly range: Range; readonly lines: string } {
    const range = { shard: this.ranges.length, firstRow: this.#first, rows: this.#lines.length }
    const lines = this.#lines.map((line) => `${line}\n`).join("")
    this.#hash.update(lines)
    this.ranges.push(range)
    this.#first += this.#lines.length
    this.#lines = []
    this.#ids = new Set()
    return { range, lines }
  }

  digest(): string {
    return this.#hash.digest("hex")
  }
}

const isBlank = (text: string | undefined): boolean => text !== undefined && /^\s*$/.test(text)

const store = Effect.fnUntraced(function*(options: Options) {
  const files = yield* ShardFiles
  const fs = yield* FileSystem.FileSystem
  const shards = new Shards(options)
  const flush = Effect.suspend(() => {
    const { lines, range } = shards.take()
    return files.put(range.shard, lines)
  })
  const file = yield* Effect.mapError(fs.open(options.input, { flag: "r" }), ClusterError.file("split", options.input))
  yield* Jsonl.forEach(file, {}, (line) => {
    if (isBlank(line.text)) return
    const problem = shards.add(line.text)
    if (problem !== undefined) return Effect.fail(refuse(`${options.input}, line ${line.number}: ${problem}`))
    return shards.isFull ? flush : undefined
  }).pipe(
    Effect.catchTag("PlatformError", (error) => Effect.fail(ClusterError.file("split", options.input)(error)))
  )
  if (shards.next > (shards.ranges.at(-1)?.firstRow ?? 0) + (shards.ranges.at(-1)?.rows ?? 0)) yield* flush
  return { ranges: shards.ranges, source: shards.digest() }
}, Effect.scoped)

/**
 * Splits an input. Nothing is offered before all shards are stored and in the table; run again after a crash, it ends what it
 * began. A job of this name with another input is refused.
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
  if (ranges.length === 0) return yield* refuse(`${options.input} has no rows`)
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
