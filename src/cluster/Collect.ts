/**
 * The results of all shards → one output in the order of the input, each row once.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Durable from "../batch/log/Durable.ts"
import * as ClusterError from "./ClusterError.ts"
import { ShardFiles } from "./ShardFiles.ts"
import type { Done } from "./ShardTable.ts"
import { ShardTable } from "./ShardTable.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Options {
  readonly job: string
  /** JSONL for the results. */
  readonly output: string
  /** JSONL for failed rows. Default: `<output>.errors.jsonl`. */
  readonly errors?: string | undefined
  /** Collects what is there even if some shards are not done, instead of refusing. Default false. */
  readonly partial?: boolean | undefined
}

/**
 * @category models
 * @since 0.2.0
 */
export interface Summary {
  readonly job: string
  readonly shards: number
  /** Shards without a result. */
  readonly missing: number
  readonly done: number
  readonly failed: number
}

/** The beginning of a line of results, as a batch writes it: the rest is copied as it is. */
const HEAD = /^(\{"id":"(?:[^"\\]|\\.)*","index":)(\d+)(?=[,}])/

interface Found {
  readonly index: number
  readonly line: string
}

/** The lines in order, with the row's index in the whole input instead of that in its shard. */
const linesOf = (text: string, { firstRow, rows }: Done): ReadonlyArray<Found> | undefined => {
  const found: Array<Found> = []
  for (const line of text.split("\n")) {
    if (line === "") continue
    const [head, start, digits] = HEAD.exec(line) ?? []
    if (head === undefined || Number(digits) >= rows) return undefined
    const index = firstRow + Number(digits)
    found.push({ index, line: `${start}${index}${line.slice(head.length)}\n` })
  }
  return found.toSorted((a, b) => a.index - b.index)
}

const readShard = Effect.fnUntraced(function*(shard: Done) {
  const fs = yield* FileSystem.FileSystem
  const files = yield* ShardFiles
  const { errors, output } = yield* files.results(shard.results)
  const read = (path: string) => Effect.mapError(fs.readFileString(path), ClusterError.file("collect", path))
  const done = linesOf(yield* read(output), shard)
  const failed = linesOf(yield* read(errors), shard)
  const distinct = new Set([...done ?? [], ...failed ?? []].map(({ index }) => index)).size
  if (
    done === undefined || failed === undefined || done.length + failed.length !== shard.rows || distinct !== shard.rows
  ) {
    return yield* ClusterError.make(
      "collect",
      new ClusterError.ShardFile({
        path: output,
        problem: `shard ${shard.shard} has ${shard.rows} rows, and its results have ${distinct} of them in ${
          (done?.length ?? 0) + (failed?.length ?? 0)
        } lines`
      })
    )
  }
  return { done, failed }
}, Effect.scoped)

const textOf = (found: ReadonlyArray<Found>) => new TextEncoder().encode(found.map(({ line }) => line).join(""))

/**
 * Writes the output and the errors file, each whole or not at all. Reads only the files that the table names.
 *
 * @category running
 * @since 0.2.0
 */
export const run = Effect.fnUntraced(function*({ errors, job, output, partial = false }: Options) {
  const table = yield* ShardTable
  const { shards } = yield* table.job(job)
  const failures = errors ?? `${output}.errors.jsonl`
  let summary: Summary = { job, shards, missing: shards, done: 0, failed: 0 }
  const write = (file: FileSystem.File, errorsFile: FileSystem.File) =>
    Effect.gen(function*() {
      for (let after = -1;;) {
        const page = yield* table.done(job, after)
        const last = page.at(-1)
        if (last === undefined) break
        after = last.shard
        for (const shard of page) {
          const { done, failed } = yield* readShard(shard)
          yield* Effect.mapError(file.writeAll(textOf(done)), ClusterError.file("collect", output))
          yield* Effect.mapError(errorsFile.writeAll(textOf(failed)), ClusterError.file("collect", failures))
          summary = {
            ...summary,
            missing: summary.missing - 1,
            done: summary.done + done.length,
            failed: summary.failed + failed.length
          }
        }
      }
      if (summary.missing > 0 && !partial) {
        return yield* ClusterError.make(
          "collect",
          new ClusterError.Incomplete({ job, missing: summary.missing, shards })
        )
      }
    })
  yield* Durable.replace(output, (file) => Durable.replace(failures, (errorsFile) => write(file, errorsFile))).pipe(
    Effect.catchTag("PlatformError", (error) => Effect.fail(ClusterError.file("collect", output)(error)))
  )
  return summary
})
