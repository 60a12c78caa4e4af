/**
 * Files of data sets that were fetched before, on disk, in the layout of Python's `huggingface_hub`, so that each of
 * the two finds what the other fetched. They are too large for memory, so a file is named by its path.
 *
 * A cache never makes a program fail: what cannot be read is a miss, what cannot be written is logged.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import * as Result from "effect/Result"
import * as HubFolder from "./HubFolder.ts"
import * as RepoPath from "./RepoPath.ts"

/**
 * A file of a commit.
 *
 * @category models
 * @since 0.2.0
 */
export interface Key {
  /** `org/name`. */
  readonly repo: string
  readonly commit: string
  readonly path: string
  /** The key of its bytes: the SHA-256 of a file in large storage, else the git id. */
  readonly etag: string
}

/**
 * The cached files of a revision.
 *
 * @category models
 * @since 0.2.0
 */
export interface Kept {
  readonly commit: string
  readonly files: ReadonlyArray<{
    readonly path: string
    readonly location: string
    readonly size: number
    /** The key of its bytes; undefined if the snapshot holds the file itself. */
    readonly etag: string | undefined
  }>
}

/**
 * @category services
 * @since 0.2.0
 */
export class DatasetCache extends Context.Service<DatasetCache, {
  /** Where a file is on this machine; undefined if it is not cached. */
  readonly find: (key: Key) => Effect.Effect<string | undefined>
  /** A place for a file that is about to be fetched; undefined if the cache cannot be written. */
  readonly place: (key: Key) => Effect.Effect<string | undefined>
  /** Keeps what was written to that place; returns where it is then. */
  readonly keep: (key: Key, place: string) => Effect.Effect<string>
  /** Keeps which commit a revision points to. */
  readonly point: (repo: string, revision: string, commit: string) => Effect.Effect<void>
  /** The cached files of a revision: all that is known without a network. */
  readonly list: (repo: string, revision: string) => Effect.Effect<Kept | undefined>
}>()("effect-inference-endpoints/hub/DatasetCache") {}

const isSafe = ({ commit, etag, path, repo }: Key): boolean =>
  Result.isSuccess(RepoPath.repo(repo)) && RepoPath.isCommit(commit) && Result.isSuccess(RepoPath.file(path)) &&
  /^[\w-]{1,128}$/.test(etag)

const isNamed = (repo: string, revision: string): boolean =>
  Result.isSuccess(RepoPath.repo(repo)) && Result.isSuccess(RepoPath.revision(revision))

const unwritable = ({ message }: { readonly message: string }) =>
  Effect.logWarning(`the Hub cache cannot be written: ${message}`)

/**
 * A cache below a directory, usually `~/.cache/huggingface/hub`. Several processes may write at once.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = Effect.fnUntraced(function*(root: string) {
  const folder = yield* HubFolder.make(root, "datasets")
  const { at, commitOf, fs, isFile, path } = folder
  const snapshotOf = ({ commit, path: file, repo }: Key) => at(repo, "snapshots", commit, file)

  const keep = Effect.fnUntraced(function*(key: Key, place: string) {
    const blob = at(key.repo, "blobs", key.etag)
    yield* fs.rename(place, blob)
    const snapshot = snapshotOf(key)
    if (!(yield* isFile(snapshot))) {
      yield* folder.place(
        snapshot,
        ".tmp",
        // where links are not allowed the snapshot holds the file itself, as Python does it
        (to) => Effect.catch(fs.symlink(path.relative(path.dirname(snapshot), blob), to), () => fs.copyFile(blob, to))
      )
    }
    return snapshot
  })

  const list = Effect.fnUntraced(function*(repo: string, revision: string) {
    const commit = yield* commitOf(repo, revision)
    if (commit === undefined) return undefined
    const snapshot = at(repo, "snapshots", commit)
    const names = yield* fs.readDirectory(snapshot, { recursive: true }).pipe(Effect.orElseSucceed(() => []))
    const files = yield* Effect.forEach(names, (name) => {
      const location = path.join(snapshot, name)
      return Effect.orElseSucceed(
        Effect.gen(function*() {
          const { size, type } = yield* fs.stat(location)
          if (type !== "File" || name.endsWith(".tmp")) return []
          const blob = yield* fs.readLink(location).pipe(Effect.orElseSucceed(() => undefined))
          const etag = blob === undefined ? undefined : path.basename(blob)
          return [{ path: name.split(path.sep).join("/"), location, size: Number(size), etag }]
        }),
        () => []
      )
    })
    const kept: Kept = { commit, files: files.flat() }
    return kept.files.length === 0 ? undefined : kept
  })

  return DatasetCache.of({
    find: Effect.fnUntraced(function*(key) {
      if (!isSafe(key)) return undefined
      if (yield* isFile(snapshotOf(key))) return snapshotOf(key)
      // the same bytes may be there under another commit
      const blob = at(key.repo, "blobs", key.etag)
      return (yield* isFile(blob)) ? blob : undefined
    }),
    place: (key) => {
      if (!isSafe(key)) return Effect.undefined
      const blob = at(key.repo, "blobs", key.etag)
      return fs.makeDirectory(path.dirname(blob), { recursive: true }).pipe(
        Effect.as(`${blob}.${HubFolder.nonce()}.incomplete`),
        Effect.catch((error) => Effect.as(unwritable(error), undefined))
      )
    },
    keep: (key, place) => Effect.catch(keep(key, place), (error) => Effect.as(unwritable(error), place)),
    point: (repo, revision, commit) =>
      isNamed(repo, revision) && RepoPath.isCommit(commit)
        ? Effect.catch(folder.point(repo, revision, commit), unwritable)
        : Effect.void,
    list: (repo, revision) => isNamed(repo, revision) ? list(repo, revision) : Effect.undefined
  })
})

/**
 * @category layers
 * @since 0.2.0
 */
export const layer = (root: string): Layer.Layer<DatasetCache, never, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(DatasetCache, make(root))
