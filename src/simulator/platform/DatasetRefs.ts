/**
 * Changes of a repository besides its files: branches, tags, settings, its name, and its deletion.
 *
 * @since 0.2.0
 */
import * as Double from "../wire/Double.ts"
import type * as Exchange from "../wire/Exchange.ts"
import * as Commit from "./DatasetCommit.ts"
import * as Repo from "./DatasetRepo.ts"
import * as HubListing from "./HubListing.ts"

/**
 * The repositories, and who may write to them.
 *
 * @category models
 * @since 0.2.0
 */
export interface Repos {
  readonly repos: Map<string, Repo.DatasetRepo>
  /** New ids by the old ones. */
  readonly moved: Map<string, string>
  readonly mayWrite: (token: string | undefined, namespace: string) => boolean
  readonly nameOf: (token: string | undefined) => string | undefined
}

/**
 * A refusal as the Hub words it: its message in the body and in a header.
 *
 * @category responses
 * @since 0.2.0
 */
export const refuse = (status: number, message: string, code?: string): Exchange.Response =>
  Double.json(status, { error: message }, {
    "x-request-id": "Root=1-hub",
    "x-error-message": message,
    ...(code !== undefined && { "x-error-code": code })
  })

/** The verbs below a repository that `change` handles. @category constants @since 0.2.0 */
export const verbs: ReadonlySet<string> = new Set(["branch", "tag", "settings"])

const taken = refuse(409, "Reference already exists")

const fieldsOf = (request: Double.Received): (name: string) => unknown => {
  const body = Commit.json(request.body)
  return (name) => typeof body === "object" && body !== null ? Reflect.get(body, name) : undefined
}

const namespaceOf = (id: string): string => id.split("/")[0] ?? ""

const unknown = (revision: string): Exchange.Response => refuse(404, `Invalid rev id: ${revision}`, "RevisionNotFound")

const branch = (request: Double.Received, repo: Repo.DatasetRepo, name: string): Exchange.Response => {
  if (request.method === "DELETE") {
    if (name === "main") return refuse(403, "The branch main cannot be deleted")
    return repo.branches.delete(name) ? Double.json(200, {}) : unknown(name)
  }
  if (Repo.history(repo, name) !== undefined) return taken
  const start = fieldsOf(request)("startingPoint")
  const from = typeof start === "string" ? start : "main"
  const commit = Repo.at(repo, from)
  if (commit === undefined) return unknown(from)
  const history = Repo.history(repo, from) ?? [commit]
  repo.branches.set(name, history.slice())
  return Double.json(201, {})
}

const tag = (request: Double.Received, repo: Repo.DatasetRepo, revision: string): Exchange.Response => {
  if (request.method === "DELETE") return repo.tags.delete(revision) ? Double.json(200, {}) : unknown(revision)
  const name = fieldsOf(request)("tag")
  if (typeof name !== "string" || name === "") return refuse(400, "\"tag\" is required")
  if (repo.tags.has(name)) return taken
  const commit = Repo.at(repo, revision)
  if (commit === undefined) return unknown(revision)
  repo.tags.set(name, commit)
  return Double.json(201, {})
}

const settings = (state: Repos, request: Double.Received, repo: Repo.DatasetRepo): Exchange.Response => {
  const field = fieldsOf(request)
  const [visibility, isPrivate, gated] = [field("visibility"), field("private"), field("gated")]
  const changed: Repo.DatasetRepo = {
    ...repo,
    private: typeof visibility === "string"
      ? visibility === "private"
      : typeof isPrivate === "boolean"
      ? isPrivate
      : repo.private,
    gated: gated === undefined ? repo.gated : gated !== false
  }
  state.repos.set(repo.id, changed)
  return Double.json(200, { private: changed.private, gated: changed.gated ? gated ?? "manual" : false })
}

/**
 * Makes or deletes a branch or a tag, or changes the settings.
 *
 * @category routes
 * @since 0.2.0
 */
export const change = (
  state: Repos,
  request: Double.Received,
  repo: Repo.DatasetRepo,
  verb: string,
  name: string
): Exchange.Response => {
  if (!state.mayWrite(Double.bearer(request), namespaceOf(repo.id))) {
    return refuse(403, `you do not have the rights to write to ${repo.id}`)
  }
  if (verb === "settings") return settings(state, request, repo)
  return verb === "branch" ? branch(request, repo, name) : tag(request, repo, name)
}

/**
 * Branches and tags, each with its newest commit.
 *
 * @category routes
 * @since 0.2.0
 */
export const list = (repo: Repo.DatasetRepo, query: URLSearchParams): Exchange.Response =>
  HubListing.refs(
    Object.fromEntries([
      ["main", repo.commits.at(-1)?.oid ?? ""],
      ...[...repo.branches].map(([name, commits]) => [name, commits.at(-1)?.oid ?? ""])
    ]),
    Object.fromEntries([...repo.tags].map(([name, { oid }]) => [name, oid])),
    query
  )

/**
 * `POST /api/repos/move`: the old id leads to the new one from then on.
 *
 * @category routes
 * @since 0.2.0
 */
export const move = (state: Repos, request: Double.Received): Exchange.Response => {
  const field = fieldsOf(request)
  const [from, to] = [String(field("fromRepo")), String(field("toRepo"))]
  const repo = state.repos.get(from)
  if (repo === undefined) return refuse(404, "Repository not found", "RepoNotFound")
  const token = Double.bearer(request)
  if (!state.mayWrite(token, namespaceOf(from)) || !state.mayWrite(token, namespaceOf(to))) {
    return refuse(403, `you do not have the rights to move ${from} to ${to}`)
  }
  if (state.repos.has(to)) return refuse(409, `${to} already exists`)
  state.repos.delete(from)
  state.repos.set(to, { ...repo, id: to })
  state.moved.delete(to)
  state.moved.set(from, to)
  return Double.json(200, {})
}

/**
 * Where a moved repository is; nothing if it was not moved, or if there is a new one with that id.
 *
 * @category routes
 * @since 0.2.0
 */
export const redirect = (state: Repos, request: Double.Received, id: string): Exchange.Response | undefined => {
  const to = state.repos.has(id) ? undefined : state.moved.get(id)
  const { pathname, search } = request.url
  return to === undefined ? undefined : Double.redirect(307, pathname.replace(id, to) + search)
}

/**
 * `DELETE /api/repos/delete`.
 *
 * @category routes
 * @since 0.2.0
 */
export const remove = (state: Repos, request: Double.Received): Exchange.Response => {
  const field = fieldsOf(request)
  const token = Double.bearer(request)
  const organization = field("organization") ?? state.nameOf(token)
  const id = `${String(organization)}/${String(field("name"))}`
  if (!state.repos.has(id)) return refuse(404, "Repository not found", "RepoNotFound")
  if (!state.mayWrite(token, String(organization))) {
    return refuse(403, `you do not have the rights to delete ${id}`)
  }
  state.repos.delete(id)
  return Double.plain(200, "OK")
}
