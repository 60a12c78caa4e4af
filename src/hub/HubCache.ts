/**
 * Files of the Hub that were fetched before: on disk in the layout that Python's `huggingface_hub` reads and writes, so
 * that both share one cache, or in memory where there is no disk.
 *
 * A cache never makes a program fail: what can not be read is a miss, what can not be written is logged.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as Result from "effect/Result"
import * as RepoPath from "./RepoPath.ts"

/**
 * A file of a model repository. `revision` is a branch, tag, pull request or commit.
 *
 * @category models
 * @since 0.1.0
 */
export interface Key {
  readonly repo: string
  readonly revision: string
  readonly path: string
}

/**
 * What the cache knows: the file, that there is no such file in that commit, or nothing.
 *
 * @category models
 * @since 0.1.0
 */
export type Lookup =
  | { readonly _tag: "Hit"; readonly commit: string; readonly bytes: Uint8Array }
  | { readonly _tag: "Absent"; readonly commit: string }
  | { readonly _tag: "Miss" }

const miss: Lookup = { _tag: "Miss" }

/**
 * @category services
 * @since 0.1.0
 */
export class HubCache extends Context.Service<HubCache, {
  /** Looks a file up under the commit that the revision pointed to when it was stored. */
  readonly lookup: (key: Key) => Effect.Effect<Lookup>
  /** Keeps a file, and that `revision` points to `commit`. `etag` is its content key without quotes. */
  readonly store: (
    key: Key & { readonly commit: string; readonly etag: string },
    bytes: Uint8Array
  ) => Effect.Effect<void>
  /** Keeps that there is no such file in a commit. */
  readonly storeAbsent: (key: Key & { readonly commit: string }) => Effect.Effect<void>
  /** The files that are kept of a revision: all that can be listed without a network. */
  readonly list: (key: Omit<Key, "path">) => Effect.Effect<ReadonlyArray<string>>
}>()("effect-inference-endpoints/hub/HubCache") {}

/** What the memory keeps at most, in bytes; the oldest goes first. */
const memoryLimit = 128 * 1024 * 1024

const prefix = (repo: string, commit: string) => `${repo}@${commit}/`

/**
 * A cache in memory that ends with the program and keeps at most 128 MiB.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeMemory: Effect.Effect<HubCache["Service"]> = Effect.sync(() => {
  const refs = new Map<string, string>()
  const files = new Map<string, Uint8Array | undefined>()
  let size = 0
  const commitOf = (repo: string, revision: string) => refs.get(`${repo}@${revision}`) ?? revision
  const put = (key: Key & { readonly commit: string }, bytes: Uint8Array | undefined) =>
    Effect.sync(() => {
      const name = prefix(key.repo, key.commit) + key.path
      size += (bytes?.length ?? 0) - (files.get(name)?.length ?? 0)
      refs.set(`${key.repo}@${key.revision}`, key.commit)
      files.delete(name)
      files.set(name, bytes)
      for (const [oldest, old] of files) {
        if (size <= memoryLimit) break
        size -= old?.length ?? 0
        files.delete(oldest)
      }
    })
  return HubCache.of({
    lookup: ({ path, repo, revision }) =>
      Effect.sync(() => {
        const commit = commitOf(repo, revision)
        const name = prefix(repo, commit) + path
        const bytes = files.get(name)
        return bytes !== undefined
          ? { _tag: "Hit", commit, bytes }
          : files.has(name)
          ? { _tag: "Absent", commit }
          : miss
      }),
    store: put,
    storeAbsent: (key) => put(key, undefined),
    list: ({ repo, revision }) =>
      Effect.sync(() => {
        const start = prefix(repo, commitOf(repo, revision))
        return [...files].flatMap(([name, bytes]) =>
          bytes !== undefined && name.startsWith(start) ? [name.slice(start.length)] : []
        )
      })
  })
})

/**
 * @category layers
 * @since 0.1.0
 */
export const layerMemory: Layer.Layer<HubCache> = Layer.effect(HubCache, makeMemory)

const nonce = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(4)), (byte) => byte.toString(16).padStart(2, "0")).join("")

const cacheTag = "Signature: 8a477f597d28d172789f06886806bc55\n" +
  "# This directory holds files of the Hugging Face Hub that can be fetched again.\n"

const kept = (effect: Effect.Effect<void, PlatformError.PlatformError>) =>
  Effect.catch(effect, (error) => Effect.logWarning(`the Hub cache can not be written: ${error.message}`))

/** Whether the names of a key stay below the directory: a cache is asked by anybody, also with names of other files. */
const isSafe = (
  { commit, path, repo, revision }: Omit<Key, "path"> & { readonly path?: string; readonly commit?: string }
) =>
  Result.isSuccess(RepoPath.repo(repo)) && Result.isSuccess(RepoPath.revision(revision)) &&
  (path === undefined || Result.isSuccess(RepoPath.file(path))) && (commit === undefined || RepoPath.isCommit(commit))

/**
 * A cache below a directory, usually `~/.cache/huggingface/hub`. Two processes may write at once: content arrives under a
 * name of its own and is renamed into place, and what is in place is never written through.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeDisk = Effect.fnUntraced(function*(root: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = (repo: string, ...rest: ReadonlyArray<string>) =>
    path.join(root, `models--${repo.replaceAll("/", "--")}`, ...rest)

  const isFile = (file: string) =>
    fs.stat(file).pipe(Effect.map((info) => info.type === "File"), Effect.orElseSucceed(() => false))

  const commitOf = (repo: string, revision: string) =>
    RepoPath.isCommit(revision)
      ? Effect.succeed(revision)
      : fs.readFileString(folder(repo, "refs", revision)).pipe(
        Effect.map((text) => RepoPath.isCommit(text.trim()) ? text.trim() : undefined),
        Effect.orElseSucceed(() => undefined)
      )

  /** Writes under another name first, so that a reader sees the old content or the new one and nothing between. */
  const place = Effect.fnUntraced(
    function*(file: string, suffix: string, write: (to: string) => Effect.Effect<void, PlatformError.PlatformError>) {
      yield* fs.makeDirectory(path.dirname(file), { recursive: true })
      const temporary = `${file}.${nonce()}${suffix}`
      yield* write(temporary).pipe(
        Effect.andThen(fs.rename(temporary, file)),
        Effect.onError(() => Effect.ignore(fs.remove(temporary, { force: true })))
      )
    }
  )

  const point = (repo: string, revision: string, commit: string) =>
    RepoPath.isCommit(revision)
      ? Effect.void
      : place(folder(repo, "refs", revision), ".tmp", (to) => fs.writeFileString(to, commit, { flag: "wx" }))

  const store = Effect.fnUntraced(
    function*(key: Key & { readonly commit: string; readonly etag: string }, bytes: Uint8Array) {
      if (!/^[\w-]{1,128}$/.test(key.etag)) {
        return yield* Effect.logDebug(`not cached: etag of ${key.path} is no file name`)
      }
      const tag = path.join(root, "CACHEDIR.TAG")
      if (!(yield* isFile(tag))) yield* place(tag, ".tmp", (to) => fs.writeFileString(to, cacheTag))
      const blob = folder(key.repo, "blobs", key.etag)
      if (!(yield* isFile(blob))) yield* place(blob, ".incomplete", (to) => fs.writeFile(to, bytes, { flag: "wx" }))
      const snapshot = folder(key.repo, "snapshots", key.commit, key.path)
      if (!(yield* isFile(snapshot))) {
        const link = path.relative(path.dirname(snapshot), blob)
        yield* place(snapshot, ".tmp", (to) =>
          // where links are not allowed the snapshot holds the file itself, as Python does it
          Effect.catch(fs.symlink(link, to), () => fs.writeFile(to, bytes, { flag: "wx" })))
      }
      yield* point(key.repo, key.revision, key.commit)
    }
  )

  const lookup = Effect.fnUntraced(function*(key: Key) {
    const commit = yield* commitOf(key.repo, key.revision)
    if (commit === undefined) return miss
    if (yield* isFile(folder(key.repo, ".no_exist", commit, key.path))) {
      const absent: Lookup = { _tag: "Absent", commit }
      return absent
    }
    return yield* fs.readFile(folder(key.repo, "snapshots", commit, key.path)).pipe(
      Effect.map((bytes): Lookup => ({ _tag: "Hit", commit, bytes })),
      Effect.orElseSucceed(() => miss)
    )
  })

  const storeAbsent = Effect.fnUntraced(function*(key: Key & { readonly commit: string }) {
    const marker = folder(key.repo, ".no_exist", key.commit, key.path)
    if (!(yield* isFile(marker))) {
      yield* place(marker, ".tmp", (to) => fs.writeFile(to, new Uint8Array(), { flag: "wx" }))
    }
    yield* point(key.repo, key.revision, key.commit)
  })

  const list = Effect.fnUntraced(function*(key: Omit<Key, "path">) {
    const commit = yield* commitOf(key.repo, key.revision)
    if (commit === undefined) return []
    const snapshot = folder(key.repo, "snapshots", commit)
    const names = yield* fs.readDirectory(snapshot, { recursive: true }).pipe(Effect.orElseSucceed(() => []))
    const files = yield* Effect.filter(names, (name) => isFile(path.join(snapshot, name)))
    return files.map((name) => name.split(path.sep).join("/")).filter((name) => !name.endsWith(".tmp"))
  })

  return HubCache.of({
    lookup: (key) => isSafe(key) ? lookup(key) : Effect.succeed(miss),
    store: (key, bytes) => isSafe(key) ? kept(store(key, bytes)) : Effect.void,
    storeAbsent: (key) => isSafe(key) ? kept(storeAbsent(key)) : Effect.void,
    list: (key) => isSafe(key) ? list(key) : Effect.succeed([])
  })
})

/**
 * @category layers
 * @since 0.1.0
 */
export const layerDisk = (root: string): Layer.Layer<HubCache, never, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(HubCache, makeDisk(root))
