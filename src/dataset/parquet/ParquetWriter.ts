/**
 * Rows → Parquet, a row group at a time, with the metadata that `datasets` reads.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Builtin from "../Builtin.ts"
import * as DatasetError from "../DatasetError.ts"
import * as FeatureMetadata from "../features/FeatureMetadata.ts"
import type { Features } from "../features/Features.ts"
import * as Codecs from "./Codecs.ts"
import type { Row } from "./Parquet.ts"
import * as ParquetSchema from "./ParquetSchema.ts"
import * as ParquetValue from "./ParquetValue.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /** The name of the file in messages. */
  readonly path: string
  readonly features: Features
  /** Default `snappy`, which every reader knows; `zstd` is smaller and needs Node 22.15, Bun or Deno to write. */
  readonly compression?: "snappy" | "zstd" | "gzip" | "none" | undefined
}

/**
 * A file that is being written. Append the returned bytes to the file in order; the first ones include its head.
 *
 * @category models
 * @since 0.2.0
 */
export interface ParquetWriter {
  /** Adds a row group; fails with the first row that does not fit, and then adds nothing. */
  readonly group: (rows: ReadonlyArray<Row>) => Effect.Effect<Uint8Array, DatasetError.DatasetError>
  /** Ends the file. */
  readonly finish: Effect.Effect<Uint8Array, DatasetError.DatasetError>
}

const CODECS = { snappy: "SNAPPY", zstd: "ZSTD", gzip: "GZIP", none: "UNCOMPRESSED" } as const

/**
 * Begins a file.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = Effect.fnUntraced(function*({ compression = "snappy", features, path }: Options) {
  const library = yield* Builtin.hyparquetWriter
  const schema = ParquetSchema.encode(features)
  if (!Array.isArray(schema)) return yield* schema
  const compressors = Codecs.compressors()
  const codec = CODECS[compression]
  if ((codec === "ZSTD" || codec === "GZIP") && compressors[codec] === undefined) {
    return yield* DatasetError.of("write")(
      new DatasetError.UnsupportedType({
        column: "(all)",
        problem: `cannot be compressed with ${compression} on this runtime: use snappy`
      })
    )
  }
  const bytes = new library.ByteWriter()
  const writer = new library.ParquetWriter({
    writer: bytes,
    schema,
    codec,
    compressors,
    kvMetadata: [{ key: FeatureMetadata.key, value: FeatureMetadata.encode(features) }],
    createdBy: "effect-inference-endpoints"
  })
  const columns = features.map(({ feature, name }) => ({ name, convert: ParquetValue.writeColumn(name, feature) }))
  const known = new Set(features.map(({ name }) => name))
  let written = 0

  const invalid = (row: number, problem: string) =>
    DatasetError.of("write")(new DatasetError.InvalidRow({ path, row: written + row, problem }))

  const convert = (rows: ReadonlyArray<Row>) => {
    const data = columns.map((): Array<unknown> => [])
    for (const [index, row] of rows.entries()) {
      const extra = Object.keys(row).find((name) => !known.has(name))
      if (extra !== undefined) return invalid(index, `the features do not name the column ${JSON.stringify(extra)}`)
      try {
        for (const [at, { convert, name }] of columns.entries()) data[at]?.push(convert(row[name]))
      } catch (error) {
        if (!(error instanceof ParquetValue.Misfit)) throw error
        return invalid(index, `${error.path}: ${error.message}`)
      }
    }
    return data
  }

  const taken = (work: () => void | Promise<void>) =>
    Effect.tryPromise({
      try: async () => {
        await work()
        const chunk = bytes.getBytes().slice()
        // the library counts positions in the file by itself
        bytes.index = 0
        return chunk
      },
      catch: (error) =>
        DatasetError.of("write")(
          new DatasetError.InvalidFile({
            path,
            problem: `cannot be written: ${error instanceof Error ? error.message : String(error)}`
          })
        )
    })

  const file: ParquetWriter = {
    group: (rows) =>
      Effect.suspend(() => {
        const data = convert(rows)
        if (!Array.isArray(data)) return Effect.fail(data)
        return Effect.tap(
          taken(() =>
            writer.write({
              columnData: features.map(({ name }, at) => ({ name, data: data[at] ?? [] })),
              rowGroupSize: Math.max(rows.length, 1)
            })
          ),
          () => Effect.sync(() => void (written += rows.length))
        )
      }),
    finish: taken(() => {
      // older readers, such as DuckDB, only know JSON by this name, with which the library would encode our text again
      for (const element of schema) if (element.logical_type?.type === "JSON") element.converted_type = "JSON"
      return writer.finish()
    })
  }
  return file
})
