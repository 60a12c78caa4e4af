/**
 * Parquet files → rows, in steps of a few megabytes, and only the columns that are needed.
 *
 * @since 0.2.0
 */
import type * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { AsyncBuffer, FileMetaData, ParquetScan } from "hyparquet"
import * as Builtin from "../Builtin.ts"
import * as DatasetError from "../DatasetError.ts"
import * as FeatureMetadata from "../features/FeatureMetadata.ts"
import type { Features } from "../features/Features.ts"
import * as Columns from "../features/Features.ts"
import * as Temporal from "../features/Temporal.ts"
import type { FileBytes } from "../source/FileBytes.ts"
import * as Codecs from "./Codecs.ts"
import * as ParquetSchema from "./ParquetSchema.ts"
import * as ParquetValue from "./ParquetValue.ts"

/**
 * A row by the names of its columns. Values are those of a line of JSON, except that integers beyond 2^53 are bigint
 * and binary is a Uint8Array.
 *
 * @category models
 * @since 0.2.0
 */
export type Row = Readonly<Record<string, unknown>>

/**
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /** The columns to read. Default: all. */
  readonly columns?: ReadonlyArray<string> | undefined
  /** Rows to skip at the start; whole row groups or pages of them are not decoded. Default 0. */
  readonly skip?: number | undefined
}

/**
 * A Parquet file whose footer was read.
 *
 * @category models
 * @since 0.2.0
 */
export interface Opened<E> {
  /** The columns: as `datasets` declared them if they match the file, else those of the file. */
  readonly features: Features
  readonly rows: number
  /** Rows and uncompressed bytes of each row group, which is held in memory as a whole without a page index. */
  readonly groups: ReadonlyArray<{ readonly rows: number; readonly bytes: number; readonly pageIndex: boolean }>
  readonly stream: (options?: Options) => Stream.Stream<Row, E | DatasetError.DatasetError>
}

const invalid = (path: string, problem: string) =>
  DatasetError.of("read")(new DatasetError.InvalidFile({ path, problem }))

/** The file in the library's form, and the failure of a read, which the library passes on as it is. */
const bufferOf = <E>(file: FileBytes<E>): AsyncBuffer => ({
  byteLength: file.size,
  slice: async (start, end = file.size) => {
    const exit = await Effect.runPromiseExit(file.read(start < 0 ? file.size + start : start, end))
    if (Exit.isFailure(exit)) throw new ReadFailure(exit.cause)
    // a copy, because a decoder that sees a larger buffer reads from its start
    return Uint8Array.from(exit.value).buffer
  }
})

class ReadFailure extends Error {
  readonly failure: Cause.Cause<unknown>
  constructor(failure: Cause.Cause<unknown>) {
    super("a read failed")
    this.failure = failure
  }
}

const attempt = <A, E>(file: FileBytes<E>, work: () => Promise<A>): Effect.Effect<A, E | DatasetError.DatasetError> =>
  Effect.catchIf(
    Effect.tryPromise({
      try: work,
      catch: (error) =>
        error instanceof ReadFailure
          ? error
          : invalid(file.path, `is not valid Parquet: ${error instanceof Error ? error.message : String(error)}`)
    }),
    (error): error is ReadFailure => error instanceof ReadFailure,
    // made by `bufferOf` of the same file, whose reads fail with E
    ({ failure }) => Effect.failCause(failure as Cause.Cause<E>)
  )

const text = new TextDecoder()

/** Values in the form of rows, where the library would lose digits. */
const parsers = {
  timestampFromMilliseconds: (value: bigint) => Temporal.instantText(BigInt(value), "ms", true),
  timestampFromMicroseconds: (value: bigint) => Temporal.instantText(BigInt(value), "us", true),
  timestampFromNanoseconds: (value: bigint) => Temporal.instantText(BigInt(value), "ns", true),
  dateFromDays: Temporal.dayText,
  stringFromBytes: (bytes: Uint8Array | undefined) => bytes && text.decode(bytes),
  jsonFromBytes: (bytes: Uint8Array | undefined) => bytes
}

/** Types whose conversion by the library would lose digits are read as they are stored. */
const exactly = (metadata: FileMetaData): FileMetaData => ({
  ...metadata,
  schema: metadata.schema.map(({ converted_type, logical_type, ...element }) =>
    converted_type === "DECIMAL" || logical_type?.type === "DECIMAL" || converted_type === "TIME_MILLIS" ||
      converted_type === "TIME_MICROS" || logical_type?.type === "TIME"
      ? element
      : {
        ...element,
        ...(converted_type !== undefined && { converted_type }),
        ...(logical_type !== undefined && { logical_type })
      }
  )
})

/** Uncompressed bytes that are decoded at once if there is a page index. */
const STEP = 8 * 1024 * 1024

/** A column of at most this many bytes is one page, which needs no index. */
const SMALL = 2 * 1024 * 1024

const declared = (metadata: FileMetaData, stored: Features): Features => {
  const written = metadata.key_value_metadata?.find(({ key }) => key === FeatureMetadata.key)?.value
  const features = written === undefined ? undefined : FeatureMetadata.decode(written)
  // the order of the file, since JavaScript does not keep the key order of every JSON text
  const ordered = features === undefined || features.length !== stored.length
    ? undefined
    : stored.flatMap(({ name }) => features.filter((field) => field.name === name))
  return ordered?.length === stored.length ? ordered : stored
}

const stepsOf = (
  groups: Opened<never>["groups"],
  skip: number
): ReadonlyArray<{ readonly start: number; readonly end: number }> => {
  const steps: Array<{ start: number; end: number }> = []
  let start = 0
  for (const { bytes, pageIndex, rows } of groups) {
    const size = pageIndex ? Math.max(100, Math.min(rows, Math.floor(rows * STEP / Math.max(bytes, 1)))) : rows
    for (let at = start; at < start + rows; at += size) {
      const end = Math.min(at + size, start + rows)
      if (end > skip) steps.push({ start: pageIndex ? Math.max(at, skip) : at, end })
    }
    start += rows
  }
  return steps
}

const rowsOf = (names: ReadonlyArray<string>, columns: ReadonlyArray<ArrayLike<unknown>>, from: number) => {
  const rows: Array<Row> = []
  for (let at = from; at < (columns[0]?.length ?? 0); at++) {
    rows.push(Object.fromEntries(names.map((name, index) => [name, columns[index]?.[at]])))
  }
  return rows
}

/**
 * Reads the footer of a file.
 *
 * @category constructors
 * @since 0.2.0
 */
export const open = Effect.fn("Parquet.open")(function*<E>(file: FileBytes<E>) {
  const library = yield* Builtin.hyparquet
  if (file.size < 12) return yield* invalid(file.path, "is not valid Parquet: it is too short")
  const buffer = bufferOf(file)
  const metadata = yield* attempt(file, () => library.parquetMetadataAsync(buffer, { geoparquet: false }))
  const stored = ParquetSchema.decode(library.parquetSchema(metadata))
  const features = declared(metadata, stored)
  const groups = metadata.row_groups.map(({ columns, num_rows, total_byte_size }) => ({
    rows: Number(num_rows),
    bytes: Number(total_byte_size),
    pageIndex: columns.every(({ meta_data, offset_index_offset }) =>
      offset_index_offset !== undefined || Number(meta_data?.total_uncompressed_size ?? 0n) < SMALL
    )
  }))
  const scanOf = (names: ReadonlyArray<string>) =>
    attempt(file, () =>
      library.parquetScan({
        file: buffer,
        metadata: exactly(metadata),
        columns: [...names],
        compressors: Codecs.decompressors(),
        parsers,
        utf8: false,
        useOffsetIndex: true
      }))

  const readStep = (scan: ParquetScan, names: ReadonlyArray<string>, start: number, end: number) => {
    const convert = names.map((name) => {
      const declaredAs = features.find((field) => field.name === name)?.feature ?? Columns.json
      const storedAs = stored.find((field) => field.name === name)?.feature ?? Columns.json
      return ParquetValue.readColumn(declaredAs._tag === "Json" ? declaredAs : storedAs)
    })
    return attempt(file, async () => {
      const columns = await Promise.all(
        names.map((column) => scan.readColumn({ column, rowStart: start, rowEnd: end }))
      )
      return columns.map((column, index) => Array.from(column, convert[index] ?? ((value: unknown) => value)))
    })
  }

  const opened: Opened<E> = {
    features,
    rows: Number(metadata.num_rows),
    groups,
    stream: ({ columns, skip = 0 } = {}) => {
      const names = columns ?? features.map(({ name }) => name)
      const missing = names.find((name) => !features.some((field) => field.name === name))
      if (missing !== undefined) {
        return Stream.fail(
          invalid(
            file.path,
            `has no column ${JSON.stringify(missing)}: it has ${features.map(({ name }) => name).join(", ")}`
          )
        )
      }
      const steps = stepsOf(groups, skip)
      return Stream.paginate(0, (at) => {
        const step = steps[at]
        if (step === undefined) return Effect.succeed([[], Option.none()] as const)
        return scanOf(names).pipe(
          Effect.flatMap((scan) => readStep(scan, names, step.start, step.end)),
          Effect.map((found) => [rowsOf(names, found, Math.max(0, skip - step.start)), Option.some(at + 1)] as const)
        )
      })
    }
  }
  return opened
})
