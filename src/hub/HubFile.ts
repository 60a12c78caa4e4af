/**
 * One file of a repository: from the cache if it is certainly current, else from the Hub, else from the cache after
 * all.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Result from "effect/Result"
import type * as HubCache from "./HubCache.ts"
import * as HubError from "./HubError.ts"
import type * as HubHttp from "./HubHttp.ts"
import * as RepoPath from "./RepoPath.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** `org/name` or `name`. */
  readonly repo: string
  /** Relative to the root of the repository. */
  readonly path: string
  /** A branch, tag, pull request (`refs/pr/1`) or commit. Default `main`. */
  readonly revision?: string | undefined
}

/**
 * What fetching needs from its surroundings.
 *
 * @category models
 * @since 0.1.0
 */
export interface Means {
  /** The Hub's address. */
  readonly baseUrl: URL
  readonly cache: HubCache.HubCache["Service"]
  readonly offline: boolean
  readonly send: (request: HubHttp.Request) => Effect.Effect<HubHttp.Answer, HubError.Reason>
}

const limit = 64 * 1024 * 1024

/**
 * Makes sure that names cannot escape the repository, or says what valid ones look like.
 *
 * @category checking
 * @since 0.1.0
 */
export const checked = (name: string, result: Result.Result<string, string>) =>
  Result.isSuccess(result)
    ? Effect.succeed(result.success)
    : Effect.fail(new HubError.InvalidRequest({ subject: JSON.stringify(name.slice(0, 200)), detail: result.failure }))

const unquoted = (etag: string): string => etag.replace(/^W\//, "").replaceAll("\"", "")

/** Failures after which an old copy is better than none. A definite refusal (no such file) is final. */
const passes = (reason: HubError.Reason): boolean =>
  reason._tag === "Transport" || reason._tag === "Unavailable" || reason._tag === "Offline" ||
  reason._tag === "RateLimited" || reason._tag === "Unauthorized" || reason._tag === "RepoNotFound"

/** The commit and content key of a file, from the Hub's headers. */
const described = (subject: string, answer: HubHttp.Answer) => {
  const commit = answer.hub["x-repo-commit"]
  const etag = answer.hub["x-linked-etag"] ?? answer.hub["etag"]
  const size = answer.hub["x-linked-size"]
  return commit === undefined || !RepoPath.isCommit(commit) || etag === undefined
    ? Effect.fail(
      new HubError.InvalidResponse({
        subject,
        detail: "the response names no commit: a proxy or a login page may be in between"
      })
    )
    : Effect.succeed({ commit, etag: unquoted(etag), size: size === undefined ? undefined : Number(size) })
}

/**
 * Returns the bytes of a file and caches them.
 *
 * @category running
 * @since 0.1.0
 */
export const fetch = Effect.fnUntraced(function*(means: Means, { path, repo, revision = "main" }: Options) {
  const subject = `${repo}/${path}@${revision}`
  const id = yield* checked(repo, RepoPath.repo(repo))
  const at = yield* checked(revision, RepoPath.revision(revision))
  const route = `/${id}/resolve/${at}/${yield* checked(path, RepoPath.file(path))}`
  const key = { repo, revision, path }
  const absent = new HubError.EntryNotFound({ subject, detail: "" })

  const kept = yield* means.cache.lookup(key)
  if (kept._tag !== "Miss" && (means.offline || RepoPath.isCommit(revision))) {
    return kept._tag === "Hit" ? kept.bytes : yield* absent
  }

  const ask = (method: "GET" | "HEAD") =>
    means.send({ method, subject, path: route, limit, aboutRepo: true }).pipe(
      Effect.tapError((reason) =>
        reason._tag === "EntryNotFound" && reason.commit !== undefined && RepoPath.isCommit(reason.commit)
          ? means.cache.storeAbsent({ ...key, commit: reason.commit })
          : Effect.void
      )
    )

  const download = Effect.gen(function*() {
    const answer = yield* ask("GET")
    const { commit, etag, size } = yield* described(subject, answer)
    if (size !== undefined && size !== answer.body.length) {
      return yield* new HubError.Transport({ subject, detail: `${answer.body.length} of ${size} bytes arrived` })
    }
    yield* means.cache.store({ ...key, commit, etag }, answer.body)
    return answer.body
  })

  // the file that the branch now points to may already be here, under this commit
  const revalidated = Effect.gen(function*() {
    const head = yield* ask("HEAD")
    const { commit, etag } = yield* described(subject, head)
    const found = yield* means.cache.lookup({ ...key, revision: commit })
    if (found._tag !== "Hit") return yield* download
    yield* means.cache.store({ ...key, commit, etag }, found.bytes)
    return found.bytes
  })

  return yield* (kept._tag === "Hit" ? revalidated : download).pipe(
    kept._tag === "Hit" ? Effect.catchIf(passes, () => Effect.succeed(kept.bytes)) : identity
  )
})
