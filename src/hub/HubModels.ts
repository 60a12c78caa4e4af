/**
 * What the Hub's API says about a model: its metadata, its files, who serves it; and who the owner of the token is.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as RoundTrip from "../http/RoundTrip.ts"
import * as HubError from "./HubError.ts"
import * as HubFile from "./HubFile.ts"
import * as HubHttp from "./HubHttp.ts"
import * as Info from "./ModelInfo.ts"
import * as RepoPath from "./RepoPath.ts"

/**
 * What to request about a model: at which revision (default: the default branch), and which fields, spelt as on the wire
 * (default: the usual ones).
 *
 * @category models
 * @since 0.1.0
 */
export interface Asked {
  readonly revision?: string | undefined
  readonly expand?: ReadonlyArray<string> | undefined
}

/**
 * A repository at a revision, `main` by default.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tree {
  readonly repo: string
  readonly revision?: string | undefined
}

const { decoded } = HubHttp

const decodeInfo = RoundTrip.json(Info.ModelInfo)
const decodeWhoAmI = RoundTrip.json(Info.WhoAmI)
const decodeTree = RoundTrip.json(Schema.Array(Info.TreeEntry))

/**
 * @category running
 * @since 0.1.0
 */
export const modelInfo = Effect.fnUntraced(function*(send: HubFile.Means["send"], repo: string, asked: Asked = {}) {
  const id = yield* HubFile.checked(repo, RepoPath.repo(repo))
  const at = asked.revision === undefined
    ? ""
    : `/revision/${yield* HubFile.checked(asked.revision, RepoPath.revision(asked.revision))}`
  const expand = (asked.expand ?? []).map((field) => `expand[]=${encodeURIComponent(field)}`).join("&")
  const path = `/api/models/${id}${at}${expand === "" ? "" : `?${expand}`}`
  return yield* decoded(repo, decodeInfo(yield* send({ subject: repo, path, aboutRepo: true })))
})

/**
 * Who serves a model.
 *
 * @category running
 * @since 0.1.0
 */
export const providers = Effect.fnUntraced(function*(send: HubFile.Means["send"], repo: string) {
  const info = yield* modelInfo(send, repo, { expand: ["inferenceProviderMapping", "pipeline_tag"] })
  const mapping: Info.ProviderMapping = {
    id: info.id,
    pipelineTag: info.pipelineTag ?? undefined,
    providers: info.inferenceProviderMapping ?? []
  }
  return mapping
})

/**
 * The owner of the token.
 *
 * @category running
 * @since 0.1.0
 */
export const whoami = (send: HubFile.Means["send"]) =>
  Effect.flatMap(
    send({ subject: "whoami", path: "/api/whoami-v2" }),
    (answer) => decoded("whoami", decodeWhoAmI(answer))
  )

/** A page of the tree holds 1000 entries; a chain that is longer than this is a loop. */
const maxPages = 1000

/** The next page of a listing, which only the Hub may name; behind a mirror it still writes its own address. */
const nextPage = ({ baseUrl }: Pick<HubFile.Means, "baseUrl">, subject: string, { headers }: HubHttp.Answer) => {
  const target = /<([^>]+)>\s*;\s*rel="?next"?/.exec(headers["link"] ?? "")?.[1]
  if (target === undefined) return Effect.undefined
  const next = URL.parse(target, baseUrl)
  if (next?.origin === baseUrl.origin) return Effect.succeed(next.href)
  return next?.origin === "https://huggingface.co"
    ? Effect.succeed(next.pathname + next.search)
    : Effect.fail(new HubError.InvalidResponse({ subject, detail: "the next page is on another server" }))
}

/**
 * All entries of a listing that comes in pages.
 *
 * @category running
 * @since 0.2.0
 */
export const pages = Effect.fnUntraced(function*<A>(
  means: Pick<HubFile.Means, "baseUrl" | "send">,
  subject: string,
  first: string,
  decode: (answer: HubHttp.Answer) => Result.Result<ReadonlyArray<A>, string>
) {
  const entries: Array<A> = []
  let path: string | undefined = first
  for (let page = 0; path !== undefined && page < maxPages; page++) {
    const answer: HubHttp.Answer = yield* means.send({ subject, path, aboutRepo: true })
    for (const entry of yield* decoded(subject, decode(answer))) entries.push(entry)
    path = yield* nextPage(means, subject, answer)
  }
  return entries
})

/**
 * The paths of all files at a revision, page by page; offline, those that the cache holds.
 *
 * @category running
 * @since 0.1.0
 */
export const listFiles = Effect.fnUntraced(function*(means: HubFile.Means, { repo, revision = "main" }: Tree) {
  const subject = `${repo}@${revision}`
  const id = yield* HubFile.checked(repo, RepoPath.repo(repo))
  const at = yield* HubFile.checked(revision, RepoPath.revision(revision))
  if (means.offline) {
    const kept = yield* means.cache.list({ repo, revision })
    if (kept.length > 0) return kept
  }
  const entries = yield* pages(means, subject, `/api/models/${id}/tree/${at}?recursive=true`, decodeTree)
  return entries.filter(({ type }) => type === "file").map(({ path }) => path)
})
