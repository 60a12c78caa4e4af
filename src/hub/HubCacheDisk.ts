/**
 * The cache of Hub files on disk, shared with Python's `huggingface_hub` and between processes.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as Result from "effect/Result"
import * as HubCache from "./HubCache.ts"
import * as HubFolder from "./HubFolder.ts"
import * as RepoPath from "./RepoPath.ts"

type InCommit = HubCache.Key & { readonly commit: string }

const miss: HubCache.Lookup = { _tag: "Miss" }

const cacheTag = "Signature: 8a477f597d28d172789f06886806bc55\n" +
  "# This directory holds files of the Hugging Face Hub that can be fetched again.\n"

const kept = (effect: Effect.Effect<void, PlatformError.PlatformError>) =>
  Effect.catch(effect, (error) => Effect.logWarning(`the Hub cache cannot be written: ${error.message}`))

/** Whether the names of a key stay below the directory: any caller may use a cache, with any file names. */
const isSafe = (
  { commit, path, repo, revision }: Omit<HubCache.Key, "path"> & { readonly path?: string; readonly commit?: string }
) =>
  Result.isSuccess(RepoPath.repo(repo)) && Result.isSuccess(RepoPath.revision(revision)) &&
  (path === undefined || Result.isSuccess(RepoPath.file(path))) && (commit === undefined || RepoPath.isCommit(commit))

const store = Effect.fnUntraced(function*(
  { at, fs, isFile, path, place, point }: HubFolder.HubFolder,
  root: string,
  { commit, etag, path: file, repo, revision }: InCommit & { readonly etag: string },
  bytes: Uint8Array
) {
  if (!/^[\w-]{1,128}$/.test(etag)) return yield* Effect.logDebug(`not cached: the etag of ${file} is not a file name`)
  const tag = path.join(root, "CACHEDIR.TAG")
  if (!(yield* isFile(tag))) yield* place(tag, ".tmp", (to) => fs.writeFileString(to, cacheTag))
  const blob = at(repo, "blobs", etag)
  if (!(yield* isFile(blob))) yield* place(blob, ".incomplete", (to) => fs.writeFile(to, bytes, { flag: "wx" }))
  const snapshot = at(repo, "snapshots", commit, file)
  if (!(yield* isFile(snapshot))) {
    const link = path.relative(path.dirname(snapshot), blob)
    yield* place(snapshot, ".tmp", (to) =>
      // where links are not allowed the snapshot holds the file itself, as Python does it
      Effect.catch(fs.symlink(link, to), () => fs.writeFile(to, bytes, { flag: "wx" })))
  }
  yield* point(repo, revision, commit)
})

const lookup = Effect.fnUntraced(function*({ at, commitOf, fs, isFile }: HubFolder.HubFolder, key: HubCache.Key) {
  const commit = yield* commitOf(key.repo, key.revision)
  if (commit === undefined) return miss
  if (yield* isFile(at(key.repo, ".no_exist", commit, key.path))) {
    return { _tag: "Absent", commit } satisfies HubCache.Lookup
  }
  return yield* fs.readFile(at(key.repo, "snapshots", commit, key.path)).pipe(
    Effect.map((bytes): HubCache.Lookup => ({ _tag: "Hit", commit, bytes })),
    Effect.orElseSucceed(() => miss)
  )
})

const storeAbsent = Effect.fnUntraced(
  function*(folder: HubFolder.HubFolder, { commit, path, repo, revision }: InCommit) {
    const marker = folder.at(repo, ".no_exist", commit, path)
    if (!(yield* folder.isFile(marker))) {
      yield* folder.place(marker, ".tmp", (to) => folder.fs.writeFile(to, new Uint8Array(), { flag: "wx" }))
    }
    yield* folder.point(repo, revision, commit)
  }
)

const list = Effect.fnUntraced(function*(
  { at, commitOf, fs, isFile, path }: HubFolder.HubFolder,
  { repo, revision }: Omit<HubCache.Key, "path">
) {
  const commit = yield* commitOf(repo, revision)
  if (commit === undefined) return []
  const snapshot = at(repo, "snapshots", commit)
  const names = yield* fs.readDirectory(snapshot, { recursive: true }).pipe(Effect.orElseSucceed(() => []))
  const files = yield* Effect.filter(names, (name) => isFile(path.join(snapshot, name)))
  return files.map((name) => name.split(path.sep).join("/")).filter((name) => !name.endsWith(".tmp"))
})

/**
 * A cache below a directory, usually `~/.cache/huggingface/hub`. Two processes may write at once.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(root: string) {
  const folder = yield* HubFolder.make(root)
  return HubCache.HubCache.of({
    lookup: (key) => isSafe(key) ? lookup(folder, key) : Effect.succeed(miss),
    store: (key, bytes) => isSafe(key) ? kept(store(folder, root, key, bytes)) : Effect.void,
    storeAbsent: (key) => isSafe(key) ? kept(storeAbsent(folder, key)) : Effect.void,
    list: (key) => isSafe(key) ? list(folder, key) : Effect.succeed([])
  })
})

/**
 * @category layers
 * @since 0.1.0
 */
export const layer = (root: string): Layer.Layer<HubCache.HubCache, never, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(HubCache.HubCache, make(root))
