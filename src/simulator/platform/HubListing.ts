/**
 * What the Hub says about a repository, all of it or the requested fields, and lists of repositories.
 *
 * @since 0.2.0
 */
import type { Received } from "../wire/Double.ts"
import * as DoubleResponse from "../wire/DoubleResponse.ts"
import type * as Exchange from "../wire/Exchange.ts"

/**
 * What is known about a repository.
 *
 * @category models
 * @since 0.2.0
 */
export interface Info extends Readonly<Record<string, unknown>> {
  readonly id: string
  readonly private: boolean
}

const all = (query: URLSearchParams, name: string): ReadonlyArray<string> => [
  ...query.getAll(name),
  ...query.getAll(`${name}[]`)
]

/**
 * Everything, or with `expand` the fields that it names.
 *
 * @category routes
 * @since 0.2.0
 */
export const shown = (info: Info, query: URLSearchParams): Readonly<Record<string, unknown>> => {
  const asked = all(query, "expand")
  if (asked.length === 0) return info
  const kept = new Set(["_id", "id", ...asked])
  return Object.fromEntries(Object.entries(info).filter(([key]) => kept.has(key)))
}

/** What a list leaves out unless `full` is set. */
const long = new Set(["siblings", "sha", "lastModified", "config", "inferenceProviderMapping", "cardData"])

const matches = (info: Info, query: URLSearchParams): boolean => {
  const tags = new Set(Array.isArray(info.tags) ? info.tags.map(String) : [])
  const providers = typeof info.inferenceProviderMapping === "object" && info.inferenceProviderMapping !== null
    ? Object.keys(info.inferenceProviderMapping)
    : []
  const asked = (name: string, of: (value: string) => boolean) => all(query, name).every(of)
  return asked("author", (author) => info.id.startsWith(`${author}/`)) &&
    asked("search", (text) => info.id.toLowerCase().includes(text.toLowerCase())) &&
    asked("filter", (filter) => filter.split(",").every((tag) => tags.has(tag))) &&
    asked("pipeline_tag", (tag) => info.pipeline_tag === tag) &&
    asked(
      "inference_provider",
      (names) => providers.some((provider) => names === "all" || names.split(",").includes(provider))
    ) &&
    asked("gated", (gated) => String(info.gated !== false) === gated.toLowerCase())
}

/**
 * `GET /api/models` and `GET /api/datasets`: the matching repositories, without private ones.
 *
 * @category routes
 * @since 0.2.0
 */
export const list = (infos: ReadonlyArray<Info>, request: Received): Exchange.Response => {
  const query = request.url.searchParams
  const isFull = query.get("full")?.toLowerCase() === "true"
  const found = infos.filter((info) => !info.private && matches(info, query)).slice(
    0,
    Number(query.get("limit") ?? 1000)
  )
  return DoubleResponse.json(
    200,
    found.map((info) =>
      all(query, "expand").length > 0
        ? shown(info, query)
        : Object.fromEntries(
          Object.entries(info).filter(([key]) =>
            isFull || !long.has(key) || (key === "config" && query.get("config")?.toLowerCase() === "true")
          )
        )
    )
  )
}

/**
 * The commit that last changed an entry, as `expand` of a tree shows it.
 *
 * @category responses
 * @since 0.2.0
 */
export const lastCommit = (id: string, title = "initial commit") => ({
  lastCommit: { id, title, date: "2026-01-01T00:00:00.000Z" }
})

/**
 * A commit of the history.
 *
 * @category responses
 * @since 0.2.0
 */
export const commit = (id: string, title: string, query: URLSearchParams) => ({
  id,
  title,
  message: "",
  authors: [{ user: "simulator" }],
  date: "2026-01-01T00:00:00.000Z",
  ...(all(query, "expand").includes("formatted") && { formatted: { title: `<p>${title}</p>`, message: "" } })
})

const refsOf = (kind: "heads" | "tags", refs: Readonly<Record<string, string>>) =>
  Object.entries(refs).map(([name, targetCommit]) => ({ name, ref: `refs/${kind}/${name}`, targetCommit }))

/**
 * Branches and tags, each with its commit.
 *
 * @category responses
 * @since 0.2.0
 */
export const refs = (
  branches: Readonly<Record<string, string>>,
  tags: Readonly<Record<string, string>>,
  query: URLSearchParams
): Exchange.Response => {
  return DoubleResponse.json(200, {
    branches: refsOf("heads", branches),
    converts: [],
    tags: refsOf("tags", tags),
    ...(/^(?:1|true)$/i.test(query.get("include_prs") ?? "") && { pullRequests: [] })
  })
}
