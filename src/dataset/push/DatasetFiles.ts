/**
 * A stream of rows → the files of a split in a folder, as `datasets` names them, in constant memory.
 *
 * Files are written under a temporary name and get their final one when all of them are complete, because the name contains
 * their number.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as DatasetError from "../DatasetError.ts"
import type { Features } from "../features/Features.ts"
import type { Row } from "../parquet/Parquet.ts"
import * as ParquetWriter from "../parquet/ParquetWriter.ts"
import * as Sha256 from "../source/Sha256.ts"
import * as JsonlWriter from "../text/JsonlWriter.ts"
import * as RowSize from "./RowSize.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /** The folder of the data set; created if absent. */
  readonly folder: string
  readonly features: Features
  /** Default `train`. */
  readonly split?: string | undefined
  /** Default `default`, whose files are in `data/`; those of others are in a folder of that name. */
  readonly config?: string | undefined
  /** Default `parquet`. */
  readonly format?: "parquet" | "jsonl" | undefined
  readonly compression?: ParquetWriter.Options["compression"]
  /** Size in bytes at which a file ends, after the row group that takes it there. Default 500 MB. */
  readonly fileBytes?: number | undefined
  /** Bytes in memory after which a row group ends. Default 32 MiB. */
  readonly groupBytes?: number | undefined
  /** Rows after which a row group ends. Default 10,000. */
  readonly groupRows?: number | undefined
}

/**
 * A file that was written.
 *
 * @category models
 * @since 0.2.0
 */
export interface WrittenFile {
  /** Below the folder of the data set, and later below the root of the repository. */
  readonly path: string
  /** Where it is on the disk. */
  readonly location: string
  readonly rows: number
  readonly size: number
  readonly sha256: string
}

/**
 * A split that was written.
 *
 * @category models
 * @since 0.2.0
 */
export interface WrittenSplit {
  readonly config: string
  readonly split: string
  readonly features: Features
  readonly rows: number
  /** Bytes that the rows take in memory, as Arrow counts them. */
  readonly bytes: number
  readonly files: ReadonlyArray<WrittenFile>
  /** The first rows, for the card. */
  readonly preview: ReadonlyArray<Row>
}

const disk = (path: string) => (error: { readonly message: string }) =>
  DatasetError.of("write")(new DatasetError.Disk({ path, problem: error.message }))

interface Format {
  readonly group: (rows: ReadonlyArray<Row>) => Effect.Effect<Uint8Array, DatasetError.DatasetError>
  readonly finish: Effect.Effect<Uint8Array, DatasetError.DatasetError>
}

const openFile = Effect.fnUntraced(function*(location: string, path: string, options: Options) {
  const fs = yield* FileSystem.FileSystem
  const file = yield* Effect.mapError(fs.open(location, { flag: "w" }), disk(location))
  const format: Format = options.format === "jsonl"
    ? JsonlWriter.make({ path, features: options.features })
    : yield* ParquetWriter.make({ path, features: options.features, compression: options.compression })
  const sha256 = Sha256.make()
  let size = 0
  let rows = 0
  const append = (bytes: Uint8Array) =>
    Effect.map(Effect.mapError(file.writeAll(bytes), disk(location)), () => {
      sha256.update(bytes)
      size += bytes.length
    })
  return {
    size: () => size,
    add: (group: ReadonlyArray<Row>) =>
      Effect.map(Effect.flatMap(format.group(group), append), () => void (rows += group.length)),
    end: Effect.gen(function*() {
      yield* append(yield* format.finish)
      yield* Effect.mapError(file.sync, disk(location))
      return { location, rows, size, sha256: yield* sha256.digest }
    })
  }
})

type Open = Effect.Success<ReturnType<typeof openFile>>
type Done = Effect.Success<Open["end"]>

/** The state while rows arrive. */
class Writing {
  readonly done: Array<Done> = []
  readonly preview: Array<Row> = []
  open: Open | undefined = undefined
  rows = 0
  bytes = 0
}

const number = (at: number): string => String(at).padStart(5, "0")

/**
 * Writes a split. Fails with the first row that does not fit the columns.
 *
 * @category running
 * @since 0.2.0
 */
export const write = <E, R>(
  rows: Stream.Stream<Row, E, R>,
  options: Options
): Effect.Effect<WrittenSplit, E | DatasetError.DatasetError, R | FileSystem.FileSystem | Path.Path> =>
  Effect.scoped(Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const { join } = yield* Path.Path
    const {
      config = "default",
      fileBytes = 500e6,
      groupBytes = 32 * 1024 * 1024,
      groupRows = 10_000,
      split = "train"
    } = options
    const below = config === "default" ? "data" : config
    const folder = join(options.folder, below)
    yield* Effect.mapError(fs.makeDirectory(folder, { recursive: true }), disk(folder))
    const sizeOf = RowSize.make(options.features)
    const state = new Writing()
    const ending = options.format ?? "parquet"

    const next: Effect.Effect<Open, DatasetError.DatasetError, FileSystem.FileSystem | Scope.Scope> = Effect.suspend(
      () => {
        const name = `${split}-${number(state.done.length)}.${ending}.tmp`
        return Effect.tap(
          openFile(join(folder, name), `${below}/${name}`, options),
          (open) => Effect.sync(() => void (state.open = open))
        )
      }
    )

    const close = Effect.suspend(() =>
      state.open === undefined ? Effect.void : Effect.map(state.open.end, (done) => {
        state.done.push(done)
        state.open = undefined
      })
    )

    const group = (given: ReadonlyArray<Row>) =>
      Effect.gen(function*() {
        const open = state.open ?? (yield* next)
        yield* open.add(given)
        state.rows += given.length
        state.preview.push(...given.slice(0, 5 - state.preview.length))
        if (open.size() >= fileBytes) yield* close
      })

    let buffer: Array<Row> = []
    let size = 0
    yield* Stream.runForEachArray(rows, (chunk) =>
      Effect.gen(function*() {
        for (const row of chunk) {
          const bytes = sizeOf(row)
          buffer.push(row)
          size += bytes
          state.bytes += bytes
          if (size >= groupBytes || buffer.length >= groupRows) {
            const given = buffer
            buffer = []
            size = 0
            yield* group(given)
          }
        }
      }))
    if (buffer.length > 0) yield* group(buffer)
    if (state.done.length === 0 && state.open === undefined) yield* next
    yield* close

    const files = yield* Effect.forEach(state.done, (done, at) => {
      const name = `${split}-${number(at)}-of-${number(state.done.length)}.${ending}`
      const location = join(folder, name)
      return Effect.as(Effect.mapError(fs.rename(done.location, location), disk(location)), {
        ...done,
        path: `${below}/${name}`,
        location
      })
    })
    return {
      config,
      split,
      features: options.features,
      rows: state.rows,
      bytes: Math.ceil(state.bytes),
      files,
      preview: state.preview
    }
  }))
