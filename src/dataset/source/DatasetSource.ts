/**
 * A data set by its name → its files and its rows: on the Hub (`hf://datasets/org/name[@revision][/path]`), or a file, a
 * folder or a pattern on the disk.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type * as HubError from "../../hub/HubError.ts"
import * as DataCard from "../card/DataCard.ts"
import * as DatasetError from "../DatasetError.ts"
import type { Features } from "../features/Features.ts"
import * as Parquet from "../parquet/Parquet.ts"
import * as DataFile from "./DataFile.ts"
import * as FileBytes from "./FileBytes.ts"
import * as HubFiles from "./HubFiles.ts"
import * as Location from "./Location.ts"
import * as Splits from "./Splits.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /** Default: the one that the card marks, else `default`, else the only one. */
  readonly config?: string | undefined
  /** Default `train`, else the only one. */
  readonly split?: string | undefined
  /** The columns to read. Default: all. For Parquet on the Hub only their bytes are fetched, and no checksum is verified. */
  readonly columns?: ReadonlyArray<string> | undefined
  /** Rows to leave out at the start. Default 0. */
  readonly skip?: number | undefined
  /**
   * Whether a file of the Hub is fetched as a whole, to the `DatasetCache` of the context or a temporary file, and its
   * checksum verified before the first row is emitted. Default: unless `columns` are given.
   */
  readonly verify?: boolean | undefined
}

/**
 * @category models
 * @since 0.2.0
 */
export type Failure = DatasetError.DatasetError | HubError.HubError

/**
 * A data set that was found.
 *
 * @category models
 * @since 0.2.0
 */
export interface Found {
  readonly source: string
  /** The commit, of a data set on the Hub. */
  readonly commit?: string | undefined
  readonly splits: ReadonlyArray<Splits.DatasetSplit>
  readonly defaultConfig: string | undefined
  /** The identity of a file on the Hub: its size, and its SHA-256 or git id. */
  readonly identityOf?: ((path: string) => { readonly size: number; readonly id: string }) | undefined
  /** Opens one of the files; `path` is one that a split names. */
  readonly open: (
    path: string,
    verify: boolean
  ) => Effect.Effect<FileBytes.FileBytes<Failure>, Failure, FileSystem.FileSystem | Scope.Scope>
}

const invalid = (source: string, problem: string) =>
  DatasetError.of("find")(new DatasetError.InvalidSource({ source, problem }))

const headOf = (card: string) => Effect.map(Effect.fromResult(DataCard.parse(card)), ({ head }) => head)

/** Files that a path within a data set names: one, those that match, or those below a folder. */
const within = Effect.fnUntraced(function*(source: string, paths: ReadonlyArray<string>, path: string) {
  const files = Splits.matching(paths, path)
  return files.length > 0 ? files : yield* invalid(source, `the data set has no file ${path}`)
})

const onHub = Effect.fnUntraced(function*(source: string, location: Location.Location) {
  const { card, entries, open, sha } = yield* HubFiles.find(source, location)
  const all = [...entries.keys()]
  const { path } = location
  const head = path === "" ? yield* headOf(card) : {}
  const splits = Splits.find(path === "" ? all : yield* within(source, all, path), head)
  const found: Found = {
    source,
    commit: sha,
    splits,
    defaultConfig: Splits.defaultConfig(splits, head),
    identityOf: (path) => {
      const entry = entries.get(path)
      return { size: entry?.size ?? 0, id: entry?.lfs?.oid ?? entry?.oid ?? sha }
    },
    open
  }
  return found
})

const disk = (path: string) => (error: { readonly message: string }) =>
  DatasetError.of("find")(new DatasetError.Disk({ path, problem: error.message }))

const onDisk = Effect.fnUntraced(function*(source: string) {
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const isFolder = yield* fs.stat(source).pipe(
    Effect.map(({ type }) => type === "Directory"),
    Effect.orElseSucceed(() => false)
  )
  const names = isFolder
    ? yield* Effect.mapError(fs.glob("**/*", { root: source }), disk(source))
    : /[*?[{]/.test(source)
    ? yield* Effect.mapError(fs.glob(source), disk(source))
    : [source]
  const paths = names.map((name) => name.replaceAll("\\", "/"))
  const placed = (path: string) => isFolder ? join(source, path) : path
  const card = isFolder
    ? yield* fs.readFileString(placed("README.md")).pipe(Effect.orElseSucceed(() => ""))
    : ""
  const head = yield* headOf(card)
  // a named file is data, whatever the name of its folder
  const files: ReadonlyArray<Splits.DatasetSplit> = isFolder
    ? Splits.find(paths, head)
    : [{
      config: "default",
      split: "train",
      files: paths.filter((path) => Splits.formatOf(path) !== undefined).toSorted()
    }]
  const found: Found = {
    source,
    splits: files,
    defaultConfig: Splits.defaultConfig(files, head),
    open: (path) => FileBytes.local(placed(path))
  }
  return found
})

/**
 * Finds the files of a data set. One on the Hub is read with the `HubDatasets` of the context, else with the `HttpClient` of
 * the context as the environment says, and is pinned to the commit that its revision has now. If the Hub cannot be reached,
 * files of the `DatasetCache` of the context are read.
 *
 * @category constructors
 * @since 0.2.0
 */
export const find = Effect.fn("DatasetSource.find")(function*(source: string) {
  const location = yield* Effect.fromResult(Location.parse(source))
  const found = location === undefined ? yield* onDisk(source) : yield* onHub(source, location)
  return found.splits.some(({ files }) => files.length > 0)
    ? found
    : yield* invalid(source, "there is no Parquet, JSON, CSV or TSV file")
})

/**
 * The split that the options name.
 *
 * @category accessors
 * @since 0.2.0
 */
export const choose = (
  found: Found,
  { config, split }: Options
): Result.Result<Splits.DatasetSplit, DatasetError.DatasetError> => {
  const wanted = config ?? found.defaultConfig
  const configs = [...new Set(found.splits.map(({ config }) => config))]
  const inConfig = found.splits.filter(({ config }) => config === wanted)
  if (inConfig.length === 0) return Result.fail(invalid(found.source, `name a configuration: ${configs.join(", ")}`))
  const chosen = inConfig.find((one) => one.split === (split ?? "train")) ??
    (split === undefined && inConfig.length === 1 ? inConfig[0] : undefined)
  return chosen === undefined
    ? Result.fail(invalid(found.source, `name a split: ${inConfig.map(({ split }) => split).join(", ")}`))
    : Result.succeed(chosen)
}

/**
 * The rows of files one after another; a Parquet file that is skipped as a whole is only opened for its number of rows.
 *
 * @category running
 * @since 0.2.0
 */
export const fileRows = (found: Found, files: ReadonlyArray<string>, options: Options) => {
  const verify = options.verify ?? options.columns === undefined
  let skip = options.skip ?? 0
  return Stream.flatMap(
    Stream.fromIterable(files),
    (path) =>
      Stream.unwrap(Effect.gen(function*() {
        const file = yield* found.open(path, verify)
        if (Splits.formatOf(path) !== "parquet") {
          const rows = yield* DataFile.textRows(path, file, options.columns)
          const left = skip
          return rows.pipe(
            Stream.tap(() => Effect.sync(() => void (skip = Math.max(0, skip - 1)))),
            Stream.drop(left)
          )
        }
        const opened = yield* Parquet.open(file)
        const left = Math.min(skip, opened.rows)
        skip -= left
        return opened.stream({ columns: options.columns, skip: left })
      }))
  )
}

/**
 * The rows of a split. Values are those of a line of JSON; see `Parquet.Row`.
 *
 * @category running
 * @since 0.2.0
 */
export const rows = (source: string, options: Options = {}) =>
  Stream.unwrap(Effect.gen(function*() {
    const found = yield* find(source)
    const { files } = yield* Effect.fromResult(choose(found, options))
    return fileRows(found, files, options)
  }))

/**
 * The columns of a split: as its card declares them, else as its first file does; undefined for JSON and CSV without a card.
 *
 * @category running
 * @since 0.2.0
 */
export const features = (source: string, options: Options = {}) =>
  Effect.scoped(Effect.gen(function*() {
    const found = yield* find(source)
    const { features, files: [first = ""] } = yield* Effect.fromResult(choose(found, options))
    if (features !== undefined || Splits.formatOf(first) !== "parquet") return features
    const declared: Features = (yield* Parquet.open(yield* found.open(first, false))).features
    return declared
  }))

const codecValue = (_: string, value: unknown): unknown =>
  typeof value === "bigint"
    ? String(value)
    : value instanceof Uint8Array
    ? btoa(Array.from(value, (byte) => String.fromCharCode(byte)).join(""))
    : value

/**
 * The rows of a split as values of a Schema; only its columns are read. Instants become `Date`, whole numbers `bigint` and
 * base64 bytes if it says so.
 *
 * @category running
 * @since 0.2.0
 */
export const decoded = <S extends Schema.Struct<Schema.Struct.Fields>>(
  schema: S,
  source: string,
  options: Options = {}
) => {
  const decode = Schema.decodeUnknownEffect(Schema.toCodecJson(schema))
  const columns = options.columns ?? Object.keys(schema.fields)
  const first = options.skip ?? 0
  return rows(source, { ...options, columns }).pipe(
    Stream.zipWithIndex,
    Stream.mapEffect(([given, at]) =>
      Effect.mapError(
        decode(JSON.parse(JSON.stringify(given, codecValue))),
        ({ message }) =>
          DatasetError.of("read")(new DatasetError.InvalidRow({ path: source, row: first + at, problem: message }))
      )
    )
  )
}
