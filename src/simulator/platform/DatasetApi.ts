/**
 * The Hub's routes for repositories that can be written to, of data sets and of models: trees in pages, commits, branches
 * and tags, LFS, Xet tokens, and files by ranges.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Yaml from "effect/encoding/Yaml"
import * as Double from "../wire/Double.ts"
import type * as Exchange from "../wire/Exchange.ts"
import * as Commit from "./DatasetCommit.ts"
import * as Refs from "./DatasetRefs.ts"
import * as Repo from "./DatasetRepo.ts"
import * as Storage from "./DatasetStorage.ts"
import { lfs, pathOf, signedUrl, type Uploads, xetToken } from "./DatasetUpload.ts"
import * as HubListing from "./HubListing.ts"
import * as HubTree from "./HubTree.ts"

/**
 * What the routes work on.
 *
 * @category models
 * @since 0.2.0
 */
export interface State extends Uploads {
  readonly repos: Map<string, Repo.DatasetRepo>
  /** New ids by the old ones. */
  readonly moved: Map<string, string>
  readonly pageSize: number
  /** Whether the token may read the content of a repository, and change those of a namespace. */
  readonly mayRead: (token: string | undefined, id: string) => boolean
  readonly mayWrite: (token: string | undefined, namespace: string) => boolean
  readonly knows: (token: string | undefined) => boolean
  /** Whether a read-only repository has the id. */
  readonly isTaken: (id: string) => boolean
  readonly nameOf: (token: string | undefined) => string | undefined
}

const { refuse } = Refs

/** The commit to show with an entry, if requested. */
type Shown = Repo.Commit | undefined

const lastCommit = (commit: Shown) => commit === undefined ? {} : HubListing.lastCommit(commit.oid, commit.summary)

const entryOf = (path: string, { lfs, oid, size }: Repo.Entry, commit: Shown) => ({
  type: "file",
  path,
  size,
  oid,
  ...(lfs !== undefined && { lfs: { oid: lfs, size, pointerSize: 134 } }),
  ...lastCommit(commit)
})

const folderOf = (path: string, commit: Shown) => ({
  type: "directory",
  path,
  size: 0,
  oid: "0".repeat(40),
  ...lastCommit(commit)
})

/** The entries below a folder, sorted, including folders; only the first level unless it is recursive. */
const listed = (files: ReadonlyMap<string, Repo.Entry>, below: string, recursive: boolean, commit: Shown) => {
  const prefix = below === "" ? "" : `${below}/`
  const found = new Map<string, object>()
  for (const [path, entry] of files) {
    if (!path.startsWith(prefix)) continue
    const names = path.slice(prefix.length).split("/")
    for (let depth = 1; depth < Math.min(names.length, recursive ? Infinity : 2); depth++) {
      const folder = prefix + names.slice(0, depth).join("/")
      found.set(folder, folderOf(folder, commit))
    }
    if (recursive || names.length === 1) found.set(path, entryOf(path, entry, commit))
  }
  return [...found].toSorted(([left], [right]) => left < right ? -1 : 1).map(([, entry]) => entry)
}

const tree = (state: State, request: Double.Received, commit: Repo.Commit, below: string): Exchange.Response => {
  const { searchParams } = request.url
  const isTrue = (name: string) => searchParams.get(name)?.toLowerCase() === "true"
  const entries = listed(commit.files, below, isTrue("recursive"), isTrue("expand") ? commit : undefined)
  if (below !== "" && entries.length === 0) return refuse(404, `${below} does not exist`, "EntryNotFound")
  const start = Number(searchParams.get("cursor") ?? 0)
  const end = start + state.pageSize
  const next = new URL(request.url)
  next.searchParams.set("cursor", String(end))
  return Double.json(
    200,
    entries.slice(start, end),
    end < entries.length ? { link: `<${state.hub}${next.pathname}${next.search}>; rel="next"` } : {}
  )
}

const siblingOf = (path: string, { lfs, oid, size }: Repo.Entry) => ({
  rfilename: path,
  blobId: oid,
  size,
  ...(lfs !== undefined && { lfs: { sha256: lfs, size, pointerSize: 134 } })
})

const infoOf = (repo: Repo.DatasetRepo, commit: Repo.Commit, query: URLSearchParams): HubListing.Info => ({
  _id: "6".repeat(24),
  id: repo.id,
  author: repo.id.split("/")[0],
  sha: commit.oid,
  private: repo.private,
  gated: repo.gated ? "manual" : false,
  disabled: false,
  tags: [],
  downloads: 0,
  likes: 0,
  lastModified: "2026-01-01T00:00:00.000Z",
  createdAt: "2026-01-01T00:00:00.000Z",
  siblings: [...commit.files].toSorted(([left], [right]) => left < right ? -1 : 1).map(([rfilename, entry]) =>
    query.get("blobs")?.toLowerCase() === "true" ? siblingOf(rfilename, entry) : { rfilename }
  ),
  ...repo.info
})

const answered = (result: Commit.Refusal | Readonly<Record<string, unknown>>): Exchange.Response =>
  Commit.isRefusal(result) ? refuse(result.status, result.message) : Double.json(200, result)

const write = (
  state: State,
  request: Double.Received,
  repo: Repo.DatasetRepo,
  verb: string,
  revision: string,
  commit: Repo.Commit
): Effect.Effect<Exchange.Response> => {
  if (!state.mayWrite(Double.bearer(request), repo.id.split("/")[0] ?? "")) {
    return Effect.succeed(refuse(403, `you do not have the rights to write to ${repo.id}`))
  }
  if (verb === "preupload") return Effect.succeed(answered(Commit.preupload(commit, Commit.json(request.body))))
  if (verb === "xet-write-token") return xetToken(state)
  const history = Repo.history(repo, revision)
  if (history === undefined) return Effect.succeed(refuse(400, `${revision} is not a branch`))
  return Effect.map(
    Commit.commit(repo, history, request, state.storage.files),
    (made) =>
      Commit.isRefusal(made)
        ? refuse(made.status, made.message)
        : Double.json(200, {
          success: true,
          commitOid: made.oid,
          commitUrl: `${state.hub}/${pathOf(state, repo.id)}/commit/${made.oid}`,
          hookOutput: ""
        })
  )
}

const denied = (
  state: State,
  request: Double.Received,
  id: string,
  content: boolean
): Exchange.Response | undefined => {
  const token = Double.bearer(request)
  if (token !== undefined && !state.knows(token)) return refuse(401, "Invalid credentials in Authorization header")
  const repo = state.repos.get(id)
  if (repo === undefined || (repo.private && !state.mayRead(token, id))) {
    return token === undefined
      ? refuse(401, "Repository not found")
      : refuse(404, "Repository not found", "RepoNotFound")
  }
  return content && repo.gated && !state.mayRead(token, id)
    ? refuse(token === undefined ? 401 : 403, `Access to ${state.kind.slice(0, -1)} ${id} is restricted.`, "GatedRepo")
    : undefined
}

const pathsInfo = (commit: Repo.Commit, request: Double.Received): Exchange.Response => {
  const { expand, paths } = HubTree.pathsOf(request)
  const shown = expand ? commit : undefined
  return Double.json(
    200,
    paths.flatMap((path) => {
      const entry = commit.files.get(path)
      if (entry !== undefined) return [entryOf(path, entry, shown)]
      return [...commit.files.keys()].some((name) => name.startsWith(`${path}/`)) ? [folderOf(path, shown)] : []
    })
  )
}

/**
 * Each repository in the lists `GET /api/datasets` and `GET /api/models`.
 *
 * @category routes
 * @since 0.2.0
 */
export const infos = (state: State, request: Double.Received): ReadonlyArray<HubListing.Info> =>
  [...state.repos.values()].flatMap((repo) => {
    const commit = Repo.at(repo, "main")
    return commit === undefined ? [] : [infoOf(repo, commit, request.url.searchParams)]
  })

/**
 * Below `/api/datasets/` and `/api/models/`.
 *
 * @category routes
 * @since 0.2.0
 */
export const api = (state: State, request: Double.Received): Effect.Effect<Exchange.Response> => {
  const [, id = "", verb = "", rest = ""] =
    /^\/api\/(?:datasets|models)\/([^/]+\/[^/]+)(?:\/([a-z-]+)(?:\/(.+))?)?$/.exec(request.url.pathname) ?? []
  const query = request.url.searchParams
  const moved = Refs.redirect(state, request, id)
  if (moved !== undefined) return Effect.succeed(moved)
  const refusal = denied(state, request, id, verb === "auth-check")
  const repo = state.repos.get(id)
  if (refusal !== undefined || repo === undefined) {
    return Effect.succeed(refusal ?? refuse(404, "Repository not found", "RepoNotFound"))
  }
  const [revision = "main", ...below] = rest === "" ? ["main"] : rest.split("/").map(decodeURIComponent)
  if (Refs.verbs.has(verb)) return Effect.succeed(Refs.change(state, request, repo, verb, revision))
  const commit = Repo.at(repo, revision)
  if (commit === undefined) return Effect.succeed(refuse(404, `Invalid rev id: ${revision}`, "RevisionNotFound"))
  switch (verb) {
    case "":
    case "revision":
      return Effect.succeed(Double.json(200, HubListing.shown(infoOf(repo, commit, query), query)))
    case "auth-check":
      return Effect.succeed(Double.json(200, {}))
    case "tree":
      return Effect.succeed(tree(state, request, commit, below.join("/")))
    case "paths-info":
      return Effect.succeed(pathsInfo(commit, request))
    case "refs":
      return Effect.succeed(Refs.list(repo, query))
    case "commits":
      return Effect.succeed(
        Double.json(
          200,
          (Repo.history(repo, revision) ?? [commit]).toReversed()
            .map(({ oid, summary }) => HubListing.commit(oid, summary, query))
        )
      )
    case "preupload":
    case "commit":
    case "xet-write-token":
      return write(state, request, repo, verb, revision, commit)
    default:
      return Effect.succeed(refuse(404, "Not Found"))
  }
}

/**
 * `POST /api/repos/create`.
 *
 * @category routes
 * @since 0.2.0
 */
export const create = Effect.fnUntraced(function*(state: State, request: Double.Received) {
  const body = Commit.json(request.body)
  const field = (name: string): unknown =>
    typeof body === "object" && body !== null ? Reflect.get(body, name) : undefined
  const [organization, name] = [field("organization") ?? state.nameOf(Double.bearer(request)), field("name")]
  if (typeof name !== "string") return refuse(400, "\"name\" is required")
  if (typeof organization !== "string") return refuse(401, "Invalid username or password.")
  const id = `${organization}/${name}`
  const kind = state.kind.slice(0, -1)
  if (!state.knows(Double.bearer(request))) return refuse(401, "Invalid username or password.")
  if (!state.mayWrite(Double.bearer(request), organization)) {
    return refuse(403, `You don't have the rights to create a ${kind} under the namespace "${organization}"`)
  }
  const facts = { url: `${state.hub}/${pathOf(state, id)}`, name: id, id: "6".repeat(24) }
  if (state.repos.has(id) || state.isTaken(id)) {
    return Double.json(409, { error: `You already created this ${kind} repo`, ...facts })
  }
  const isPrivate = field("private") === true || field("visibility") === "private"
  state.repos.set(id, yield* Repo.make(id, { private: isPrivate }))
  return Double.json(200, facts)
})

/**
 * `POST /api/validate-yaml`: whether the head of a card is valid YAML.
 *
 * @category routes
 * @since 0.2.0
 */
export const validateYaml = (request: Double.Received): Exchange.Response => {
  const body = Commit.json(request.body)
  const content = typeof body === "object" && body !== null ? Reflect.get(body, "content") : undefined
  const [, head] = /^---\r?\n([^]*?)\r?\n---(?:\r?\n|$)/.exec(String(content)) ?? []
  try {
    if (head !== undefined) Yaml.parse(head)
    return Double.json(200, {
      errors: [],
      warnings: head === undefined ? [{ message: "empty or missing yaml metadata" }] : []
    })
  } catch (error) {
    return Double.json(400, {
      errors: [{ message: error instanceof Error ? error.message : "bad YAML" }],
      warnings: []
    })
  }
}

/**
 * Below `/datasets/`, and for models below `/`: files, by ranges too, and LFS.
 *
 * @category routes
 * @since 0.2.0
 */
export const files = (state: State, request: Double.Received): Effect.Effect<Exchange.Response> => {
  const { pathname } = request.url
  const [, lfsId, verb = ""] =
    /^(?:\/datasets)?\/([^/]+\/[^/]+)\.git\/info\/lfs\/objects\/(batch|verify)$/.exec(pathname) ??
      []
  if (lfsId !== undefined) {
    const refusal = denied(state, request, lfsId, false)
    if (refusal !== undefined) return Effect.succeed(refusal)
    return state.mayWrite(Double.bearer(request), lfsId.split("/")[0] ?? "")
      ? lfs(state, request, lfsId, verb)
      : Effect.succeed(refuse(403, `you do not have the rights to write to ${lfsId}`))
  }
  return Effect.succeed(file(state, request))
}

const file = (state: State, request: Double.Received): Exchange.Response => {
  const { pathname } = request.url
  const [, id = "", revision = "", path = ""] =
    /^(?:\/datasets)?\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(pathname) ??
      []
  const moved = Refs.redirect(state, request, id)
  if (moved !== undefined) return moved
  const refusal = denied(state, request, id, true)
  const repo = state.repos.get(id)
  if (refusal !== undefined || repo === undefined) return refusal ?? refuse(404, "Not Found")
  const commit = Repo.at(repo, decodeURIComponent(revision))
  if (commit === undefined) return refuse(404, `Invalid rev id: ${revision}`, "RevisionNotFound")
  const headers = { "x-repo-commit": commit.oid }
  const entry = commit.files.get(path.split("/").map(decodeURIComponent).join("/"))
  if (entry === undefined) {
    return Double.json(404, { error: "Entry not found" }, {
      ...headers,
      "x-error-code": "EntryNotFound",
      "x-error-message": "Entry not found"
    })
  }
  if (entry.lfs === undefined) return Storage.content(request, entry.bytes, { ...headers, etag: `"${entry.oid}"` })
  state.storage.files.set(entry.lfs, entry.bytes)
  return Double.redirect(302, signedUrl(state, entry.lfs), {
    ...headers,
    "x-linked-etag": `"${entry.lfs}"`,
    "x-linked-size": String(entry.size)
  })
}
