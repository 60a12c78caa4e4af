/**
 * Files of the Hub that were fetched before: on disk in the layout that Python's `huggingface_hub` reads and writes, so
 * that both share one cache (`HubCacheDisk`), or in memory where there is no disk.
 *
 * A cache never makes a program fail: what cannot be read is a miss, what cannot be written is logged.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

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
  /** The cached files of a revision: all that can be listed without a network. */
  readonly list: (key: Omit<Key, "path">) => Effect.Effect<ReadonlyArray<string>>
}>()("effect-inference-endpoints/hub/HubCache") {}

/** The most that the memory holds, in bytes; the oldest file goes first. */
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
