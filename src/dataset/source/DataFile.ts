/**
 * One file of a data set: fetched from the Hub by ranges, or as a whole with its checksum verified; and the rows of those
 * that are text.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as DatasetCache from "../../hub/DatasetCache.ts"
import type * as HubDatasets from "../../hub/HubDatasets.ts"
import type * as HubError from "../../hub/HubError.ts"
import * as DatasetError from "../DatasetError.ts"
import type { Row } from "../parquet/Parquet.ts"
import * as Csv from "../text/Csv.ts"
import * as Inflate from "../text/Inflate.ts"
import * as Jsonl from "../text/Jsonl.ts"
import * as FileBytes from "./FileBytes.ts"
import * as Sha256 from "./Sha256.ts"
import * as Splits from "./Splits.ts"

type Failure = DatasetError.DatasetError | HubError.HubError

/**
 * A file of a commit.
 *
 * @category models
 * @since 0.2.0
 */
export interface Remote {
  readonly repo: string
  /** A commit, so that all ranges are of the same file. */
  readonly revision: string
  readonly path: string
  readonly size: number
  /** In hexadecimal, if the Hub has it: for files in large storage. */
  readonly sha256?: string | undefined
  /** The git id of other files. */
  readonly gitId?: string | undefined
}

/** Bytes of a range while a whole file is fetched. */
const RANGE = 8 * 1024 * 1024

const disk = (path: string) => (error: { readonly message: string }) =>
  DatasetError.of("read")(new DatasetError.Disk({ path, problem: error.message }))

/** Writes all of a file to a place, and compares its checksum. An incomplete file is not left behind. */
const download = Effect.fnUntraced(
  function*(remote: FileBytes.FileBytes<HubError.HubError>, sha256: string | undefined, place: string) {
    const fs = yield* FileSystem.FileSystem
    const { path } = remote
    const digest = Sha256.make()
    yield* Effect.scoped(Effect.gen(function*() {
      const file = yield* Effect.mapError(fs.open(place, { flag: "w" }), disk(path))
      for (let at = 0; at < remote.size; at += RANGE) {
        const bytes = yield* remote.read(at, Math.min(remote.size, at + RANGE))
        digest.update(bytes)
        yield* Effect.mapError(file.writeAll(bytes), disk(path))
      }
    })).pipe(Effect.onError(() => Effect.ignore(fs.remove(place, { force: true }))))
    const actual = yield* digest.digest
    if (sha256 === undefined || actual === sha256) return
    yield* Effect.ignore(fs.remove(place, { force: true }))
    return yield* DatasetError.of("read")(new DatasetError.ChecksumMismatch({ path, expected: sha256, actual }))
  }
)

/** A local file under its name on the Hub; undefined if it is not the expected file. */
const localAs = Effect.fnUntraced(function*(location: string, { path, size }: Remote) {
  const found = yield* FileBytes.local(location)
  return found.size === size ? { ...found, path } : undefined
})

const fetched = Effect.fnUntraced(function*(
  remote: FileBytes.FileBytes<HubError.HubError>,
  file: Remote,
  cache: DatasetCache.DatasetCache["Service"] | undefined,
  key: DatasetCache.Key
) {
  const fs = yield* FileSystem.FileSystem
  const inCache = yield* cache?.place(key) ?? Effect.undefined
  const place = inCache ??
    (yield* Effect.mapError(fs.makeTempFileScoped({ prefix: "dataset-" }), disk(file.path)))
  yield* download(remote, file.sha256, place)
  const kept = inCache === undefined || cache === undefined ? place : yield* cache.keep(key, inCache)
  return { ...yield* FileBytes.local(kept), path: file.path }
})

/**
 * Opens a file of the Hub: by ranges on demand, or after all of it was fetched and verified. With a `DatasetCache` in the
 * context a file that was fetched whole is kept, and read from there the next time.
 *
 * @category constructors
 * @since 0.2.0
 */
export const open = (
  hub: HubDatasets.HubDatasets["Service"],
  file: Remote,
  verify: boolean
): Effect.Effect<FileBytes.FileBytes<Failure>, Failure, FileSystem.FileSystem | Scope.Scope> =>
  Effect.gen(function*() {
    const { path, repo, revision, size } = file
    const cache = Option.getOrUndefined(yield* Effect.serviceOption(DatasetCache.DatasetCache))
    const key = { repo, commit: revision, path, etag: file.sha256 ?? file.gitId ?? "" }
    const location = yield* cache?.find(key) ?? Effect.undefined
    const kept = location === undefined
      ? undefined
      : yield* Effect.orElseSucceed(localAs(location, file), () => undefined)
    if (kept !== undefined) return kept
    const remote: FileBytes.FileBytes<HubError.HubError> = {
      path,
      size,
      read: (start, end) => hub.read({ repo, revision, path, start, end })
    }
    return verify ? yield* fetched(remote, file, cache, key) : remote
  })

const select = (columns: ReadonlyArray<string> | undefined) => (row: Row): Row =>
  columns === undefined ? row : Object.fromEntries(columns.map((name) => [name, row[name] ?? null]))

const inflated = <E>(path: string, file: FileBytes.FileBytes<E>, coding: Inflate.Coding) =>
  Stream.unwrap(Effect.gen(function*() {
    let at = 0
    const next = Effect.suspend(() => {
      const start = at
      at = Math.min(file.size, start + RANGE)
      return start === at ? Effect.undefined : file.read(start, at)
    })
    const pull = yield* Inflate.inflate(coding, next)
    return Stream.unfold(0, () => Effect.map(pull, (bytes) => bytes === undefined ? undefined : [bytes, 0] as const))
      .pipe(
        Stream.mapError((problem) =>
          typeof problem === "string"
            ? DatasetError.of("read")(new DatasetError.InvalidFile({ path, problem }))
            : problem
        )
      )
  })).pipe(
    Stream.mapError((problem) =>
      typeof problem === "string" ? DatasetError.of("read")(new DatasetError.InvalidFile({ path, problem })) : problem
    )
  )

const BRACKET = 0x5b

/**
 * The rows of a file of JSON, CSV or TSV, compressed or not.
 *
 * @category conversions
 * @since 0.2.0
 */
export const textRows = Effect.fnUntraced(function*<E>(
  path: string,
  file: FileBytes.FileBytes<E>,
  columns: ReadonlyArray<string> | undefined
) {
  const start = yield* file.read(0, Math.min(file.size, 16))
  const coding = Inflate.codingOf(start)
  const bytes: Stream.Stream<Uint8Array, E | DatasetError.DatasetError> = coding === undefined
    ? FileBytes.stream(file)
    : inflated(path, file, coding)
  const format = Splits.formatOf(path)
  const isArray = format === "json" && coding === undefined &&
    start.find((byte) => byte > 0x20 && byte !== 0xef && byte !== 0xbb && byte !== 0xbf) === BRACKET
  const rows = format === "csv"
    ? Csv.rows(path, bytes, ",")
    : format === "tsv"
    ? Csv.rows(path, bytes, "\t")
    : isArray
    ? Jsonl.array(path, bytes)
    : Jsonl.rows(path, bytes)
  return Stream.map(rows, select(columns))
})
