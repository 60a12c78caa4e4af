/**
 * A repository in memory that can be written to: commits, each with its whole tree, branches and tags, and files as
 * received.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as Bytes from "../wire/Bytes.ts"

/**
 * A file of a commit.
 *
 * @category models
 * @since 0.2.0
 */
export interface Entry {
  /** The git id of the file, or of its LFS pointer. */
  readonly oid: string
  readonly size: number
  /** SHA-256 of a file in large storage. */
  readonly lfs?: string
  readonly bytes: Uint8Array
}

/**
 * @category models
 * @since 0.2.0
 */
export interface Commit {
  /** 40 hex digits. */
  readonly oid: string
  readonly summary: string
  readonly files: ReadonlyMap<string, Entry>
}

/**
 * What a repository has at the start.
 *
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /** File contents by path. Those that are bytes, or end in `.parquet`, are in large storage. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>
  readonly private?: boolean
  readonly gated?: boolean
  /** Additional fields of the Hub's information about it. */
  readonly info?: Readonly<Record<string, unknown>>
}

/**
 * @category models
 * @since 0.2.0
 */
export interface DatasetRepo {
  readonly id: string
  readonly private: boolean
  readonly gated: boolean
  /** The commits of the branch `main`, the newest last. */
  readonly commits: Array<Commit>
  /** The commits of each other branch. */
  readonly branches: Map<string, Array<Commit>>
  readonly tags: Map<string, Commit>
  readonly info: Readonly<Record<string, unknown>>
}

const encoder = new TextEncoder()

/**
 * A digest in hexadecimal.
 *
 * @category hashing
 * @since 0.2.0
 */
export const digest = (algorithm: "SHA-1" | "SHA-256", bytes: Uint8Array): Effect.Effect<string> =>
  Effect.promise(async () => Hex.encode(new Uint8Array(await crypto.subtle.digest(algorithm, Uint8Array.from(bytes)))))

/** The id that git gives to a file of these bytes. */
const gitId = (bytes: Uint8Array): Effect.Effect<string> =>
  digest("SHA-1", Bytes.join([encoder.encode(`blob ${bytes.length}\0`), bytes]))

/** The text that represents a large file in git. */
const pointer = (sha256: string, size: number): Uint8Array =>
  encoder.encode(`version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${size}\n`)

/**
 * A file in git itself.
 *
 * @category constructors
 * @since 0.2.0
 */
export const regular = (bytes: Uint8Array): Effect.Effect<Entry> =>
  Effect.map(gitId(bytes), (oid) => ({ oid, size: bytes.length, bytes }))

/**
 * A file in large storage.
 *
 * @category constructors
 * @since 0.2.0
 */
export const large = (lfs: string, bytes: Uint8Array): Effect.Effect<Entry> =>
  Effect.map(gitId(pointer(lfs, bytes.length)), (oid) => ({ oid, size: bytes.length, lfs, bytes }))

/**
 * The commits of a branch, oldest first.
 *
 * @category accessors
 * @since 0.2.0
 */
export const history = (repo: DatasetRepo, branch: string): Array<Commit> | undefined =>
  branch === "main" || branch === "HEAD" ? repo.commits : repo.branches.get(branch)

/**
 * Adds a commit with this tree to the end of a history, which is that of `main` by default.
 *
 * @category changing
 * @since 0.2.0
 */
export const commit = Effect.fnUntraced(
  function*(
    repo: DatasetRepo,
    summary: string,
    files: ReadonlyMap<string, Entry>,
    commits: Array<Commit> = repo.commits
  ) {
    const tree = [...files].map(([path, { oid }]) => `${path} ${oid}`).toSorted()
    const parent = commits.at(-1)?.oid ?? ""
    const oid = yield* digest("SHA-1", encoder.encode([parent, commits.length, summary, ...tree].join("\n")))
    const made: Commit = { oid, summary, files }
    commits.push(made)
    return made
  }
)

/**
 * A repository with its first commit.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = Effect.fnUntraced(function*(id: string, options: Options = {}) {
  const repo: DatasetRepo = {
    id,
    private: options.private ?? false,
    gated: options.gated ?? false,
    commits: [],
    branches: new Map(),
    tags: new Map(),
    info: options.info ?? {}
  }
  const files = new Map<string, Entry>()
  for (const [path, content] of Object.entries(options.files ?? {})) {
    const bytes = typeof content === "string" ? encoder.encode(content) : content
    files.set(
      path,
      typeof content === "string" && !path.endsWith(".parquet")
        ? yield* regular(bytes)
        : yield* large(yield* digest("SHA-256", bytes), bytes)
    )
  }
  yield* commit(repo, "initial commit", files)
  return repo
})

/**
 * The commit of a revision: a branch (`HEAD` is `main`), a tag, or an id.
 *
 * @category accessors
 * @since 0.2.0
 */
export const at = (repo: DatasetRepo, revision: string): Commit | undefined =>
  history(repo, revision)?.at(-1) ?? repo.tags.get(revision) ??
    [repo.commits, ...repo.branches.values()].flat().find(({ oid }) => oid === revision)
