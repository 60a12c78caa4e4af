/**
 * The layout of the cache that Python's `huggingface_hub` keeps on disk, and how a file gets into it whole:
 *
 * ```
 * models--{org}--{name}/refs/{revision}              the commit that the revision points to (datasets--… for data sets)
 *                       snapshots/{commit}/{path}    a relative link to the blob, or the file itself
 *                       blobs/{etag}
 *                       .no_exist/{commit}/{path}    an empty file: the commit does not have it
 * ```
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as RepoPath from "./RepoPath.ts"

/**
 * One cache directory.
 *
 * @category models
 * @since 0.1.0
 */
export interface HubFolder {
  readonly fs: FileSystem.FileSystem
  readonly path: Path.Path
  /** A path below the folder of a repository. */
  readonly at: (repo: string, ...rest: ReadonlyArray<string>) => string
  readonly isFile: (file: string) => Effect.Effect<boolean>
  /** The commit that a revision pointed to when it was stored. */
  readonly commitOf: (repo: string, revision: string) => Effect.Effect<string | undefined>
  /** Lets a revision point to a commit. */
  readonly point: (repo: string, revision: string, commit: string) => Effect.Effect<void, PlatformError.PlatformError>
  /**
   * Lets `write` write under another name and renames the result into place: a reader sees the old content or the new one
   * and nothing in between, and a link is replaced instead of written through.
   */
  readonly place: (
    file: string,
    suffix: ".tmp" | ".incomplete",
    write: (to: string) => Effect.Effect<void, PlatformError.PlatformError>
  ) => Effect.Effect<void, PlatformError.PlatformError>
}

/**
 * Eight hex digits, so that two processes do not write under the same name.
 *
 * @category constructors
 * @since 0.2.0
 */
export const nonce = (): string => Hex.encode(crypto.getRandomValues(new Uint8Array(4)))

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(root: string, kind: "datasets" | "models" = "models") {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const at: HubFolder["at"] = (repo, ...rest) => path.join(root, `${kind}--${repo.replaceAll("/", "--")}`, ...rest)

  const place: HubFolder["place"] = Effect.fnUntraced(function*(file, suffix, write) {
    yield* fs.makeDirectory(path.dirname(file), { recursive: true })
    const temporary = `${file}.${nonce()}${suffix}`
    yield* write(temporary).pipe(
      Effect.andThen(fs.rename(temporary, file)),
      Effect.onError(() => Effect.ignore(fs.remove(temporary, { force: true })))
    )
  })

  const folder: HubFolder = {
    fs,
    path,
    at,
    place,
    isFile: (file) => fs.stat(file).pipe(Effect.map(({ type }) => type === "File"), Effect.orElseSucceed(() => false)),
    commitOf: (repo, revision) =>
      RepoPath.isCommit(revision)
        ? Effect.succeed(revision)
        : fs.readFileString(at(repo, "refs", revision)).pipe(
          Effect.map((text) => RepoPath.isCommit(text.trim()) ? text.trim() : undefined),
          Effect.orElseSucceed(() => undefined)
        ),
    point: (repo, revision, commit) =>
      RepoPath.isCommit(revision)
        ? Effect.void
        : place(at(repo, "refs", revision), ".tmp", (to) => fs.writeFileString(to, commit, { flag: "wx" }))
  }
  return folder
})
