/**
 * The files of a data set on the Hub: as the Hub lists them now, or, if it cannot be reached, as far as they were fetched
 * before.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as HttpClient from "effect/http/HttpClient"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as DatasetCache from "../../hub/DatasetCache.ts"
import type { DatasetEntry } from "../../hub/DatasetTree.ts"
import * as HubDatasets from "../../hub/HubDatasets.ts"
import type * as HubError from "../../hub/HubError.ts"
import * as DatasetError from "../DatasetError.ts"
import * as DataFile from "./DataFile.ts"
import * as FileBytes from "./FileBytes.ts"
import type * as Location from "./Location.ts"

type Failure = DatasetError.DatasetError | HubError.HubError

const invalid = (source: string, problem: string) =>
  DatasetError.of("find")(new DatasetError.InvalidSource({ source, problem }))

const textDecoder = new TextDecoder()

/** The Hub in the context, else the one that the environment names, over the context's network. */
const hubOf = Effect.fnUntraced(function*(source: string) {
  const given = Option.getOrUndefined(yield* Effect.serviceOption(HubDatasets.HubDatasets))
  if (given !== undefined) return given
  const client = Option.getOrUndefined(yield* Effect.serviceOption(HttpClient.HttpClient))
  if (client === undefined) {
    return yield* invalid(source, "the program has no access to the Hub: provide HubDatasets.layer")
  }
  return yield* HubDatasets.makeEnv.pipe(Effect.provideService(HttpClient.HttpClient, client))
})

/**
 * The files of a data set at one commit.
 *
 * @category models
 * @since 0.2.0
 */
export interface Files {
  /** The commit. */
  readonly sha: string
  /** By path. */
  readonly entries: ReadonlyMap<string, Pick<DatasetEntry, "lfs" | "oid" | "size">>
  readonly open: (
    path: string,
    verify: boolean
  ) => Effect.Effect<FileBytes.FileBytes<Failure>, Failure, FileSystem.FileSystem | Scope.Scope>
}

type Cache = DatasetCache.DatasetCache["Service"] | undefined

/** Failures after which files that were fetched before are better than nothing. */
const passes = ({ reason }: HubError.HubError): boolean =>
  reason._tag === "Offline" || reason._tag === "Transport" || reason._tag === "Unavailable" ||
  reason._tag === "RateLimited"

const online = Effect.fnUntraced(function*(
  source: string,
  hub: HubDatasets.HubDatasets["Service"],
  cache: Cache,
  { repo, revision }: Location.Location
) {
  const { sha } = yield* hub.info({ repo, revision })
  const tree = yield* hub.tree({ repo, revision: sha })
  yield* cache?.point(repo, revision ?? "main", sha) ?? Effect.void
  const entries = new Map(tree.filter(({ type }) => type === "file").map((entry) => [entry.path, entry]))
  const files: Files = {
    sha,
    entries,
    open: (path, verify) => {
      const entry = entries.get(path)
      return entry === undefined
        ? Effect.fail(invalid(source, `the data set has no file ${path}`))
        : DataFile.open(
          hub,
          { repo, revision: sha, path, size: entry.size ?? 0, sha256: entry.lfs?.oid, gitId: entry.oid },
          verify
        )
    }
  }
  return files
})

/** A SHA-256 names a file in large storage, a git id any other. */
const named = (etag: string, size: number): Pick<DatasetEntry, "lfs" | "oid"> =>
  etag.length === 64 ? { lfs: { oid: etag, size } } : { oid: etag }

const offline = Effect.fnUntraced(function*(source: string, cache: Cache, { repo, revision }: Location.Location) {
  const kept = yield* cache?.list(repo, revision ?? "main") ?? Effect.undefined
  if (kept === undefined) return undefined
  const locations = new Map(kept.files.map(({ location, path }) => [path, location]))
  const files: Files = {
    sha: kept.commit,
    entries: new Map(
      kept.files.map(({ etag, path, size }) => [path, { size, ...(etag !== undefined && named(etag, size)) }])
    ),
    open: (path) => {
      const location = locations.get(path)
      return location === undefined
        ? Effect.fail(invalid(source, `the Hub cannot be reached, and ${path} was not fetched before`))
        : Effect.map(FileBytes.local(location), (file) => ({ ...file, path }))
    }
  }
  return files
})

const cardOf = (files: Files, whole: boolean) => {
  const size = files.entries.get("README.md")?.size ?? 0
  return size === 0
    ? Effect.succeed("")
    : Effect.scoped(Effect.map(
      Effect.flatMap(files.open("README.md", whole), (file) => file.read(0, size)),
      (bytes) => textDecoder.decode(bytes)
    ))
}

/**
 * Finds the files of a data set, and its card.
 *
 * @category constructors
 * @since 0.2.0
 */
export const find = Effect.fnUntraced(function*(source: string, location: Location.Location) {
  const hub = yield* hubOf(source)
  const cache = Option.getOrUndefined(yield* Effect.serviceOption(DatasetCache.DatasetCache))
  const files = yield* online(source, hub, cache, location).pipe(
    Effect.catchIf(
      passes,
      (error) =>
        Effect.flatMap(offline(source, cache, location), (kept) =>
          kept === undefined
            ? Effect.fail(error)
            : Effect.as(
              Effect.logWarning(`${source}: ${error.message}; using files that were fetched before`),
              kept
            ))
    )
  )
  return { ...files, card: yield* cardOf(files, cache !== undefined) }
})
