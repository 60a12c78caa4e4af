/**
 * A Hub in memory: repositories with files, gated and private ones, renames, large files on a CDN, quotas, and the owners
 * of tokens.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Double from "../wire/Double.ts"
import type * as Exchange from "../wire/Exchange.ts"
import * as DatasetApi from "./DatasetApi.ts"
import * as DatasetRefs from "./DatasetRefs.ts"
import type * as DatasetRepo from "./DatasetRepo.ts"
import * as DatasetStorage from "./DatasetStorage.ts"
import * as HubListing from "./HubListing.ts"
import * as HubTree from "./HubTree.ts"
import * as HubWritable from "./HubWritable.ts"

/**
 * A model repository.
 *
 * @category models
 * @since 0.1.0
 */
export interface Repo {
  /** 40 hex digits. All revisions of a repository point to it. */
  readonly commit: string
  readonly revisions?: ReadonlyArray<string>
  /** File contents by path. */
  readonly files: Readonly<Record<string, string>>
  /** Files that live on the CDN. */
  readonly large?: ReadonlyArray<string>
  readonly private?: boolean
  readonly gated?: boolean
  readonly disabled?: boolean
  /** Additional fields of `/api/models/{id}`. */
  readonly info?: Readonly<Record<string, unknown>>
}

/**
 * The owner of a token.
 *
 * @category models
 * @since 0.2.0
 */
export interface User {
  readonly name: string
  readonly type?: "user" | "org"
  /** The gated and private repositories that they may read. */
  readonly access?: ReadonlyArray<string>
  /** Namespaces that they may write to, besides their own. */
  readonly orgs?: ReadonlyArray<string>
  /** Whether the token may write at all. Default true. */
  readonly write?: boolean
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly repos?: Readonly<Record<string, Repo>>
  /** New ids by the old ones. */
  readonly renamed?: Readonly<Record<string, string>>
  /** Owners by token. */
  readonly users?: Readonly<Record<string, User>>
  /** The owner of any other token. Default: nobody, so that it is refused. */
  readonly everyone?: User
  /** Data sets by id. */
  readonly datasets?: Readonly<Record<string, DatasetRepo.Options>>
  /** Files of data sets larger than this many bytes are sent in parts. Default 64 MiB. */
  readonly partSize?: number
  /** The addresses of Hub and storage in their own URLs. Default `https://huggingface.co` and a host of its own. */
  readonly origins?: { readonly hub: string; readonly cdn: string }
  /** Requests to the API per window of 300 s. Default: no limit. */
  readonly quota?: number
  /** Entries per page of the tree. Default 1000. */
  readonly pageSize?: number
}

const origin = "https://huggingface.co"
const cdn = "cdn-lfs.hf.example"

const originsOf = ({ origins }: Options) => ({ hub: origins?.hub ?? origin, cdn: origins?.cdn ?? `https://${cdn}` })

/** Whether the storage is on the Hub's own host, where clients send their token to it. */
const isOneHost = (options: Options): boolean => {
  const { cdn, hub } = originsOf(options)
  return new URL(cdn).host === new URL(hub).host
}

/** The hosts that the double answers on. */
export const hosts = { hub: "huggingface.co", cdn }

const userOf = ({ everyone, users }: Options, token: string | undefined): User | undefined =>
  token === undefined ? undefined : users?.[token] ?? everyone

const { refuse } = DatasetRefs

const denial = (
  options: Options,
  request: Double.Received,
  id: string,
  content: boolean
): Exchange.Response | undefined => {
  const token = Double.bearer(request)
  const user = userOf(options, token)
  const repo = options.repos?.[id]
  if (token !== undefined && user === undefined) {
    return refuse(401, "Invalid credentials in Authorization header")
  }
  const mayRead = user?.access?.includes(id) === true
  if (repo === undefined || (repo.private === true && !mayRead)) {
    return user === undefined
      ? refuse(401, "Repository not found")
      : refuse(404, "Repository not found", "RepoNotFound")
  }
  if (repo.disabled === true) return refuse(403, "Access to this resource is disabled.")
  if (!content || repo.gated !== true || mayRead) return undefined
  return user === undefined
    ? refuse(
      401,
      `Access to model ${id} is restricted. You must have access to it and be authenticated to access it. Please log in.`,
      "GatedRepo"
    )
    : refuse(
      403,
      `Access to model ${id} is restricted and you are not in the authorized list. Visit ${origin}/${id} to ask for access.`,
      "GatedRepo"
    )
}

const knows = (repo: Repo, revision: string): boolean =>
  revision === "main" || revision === "HEAD" || revision === repo.commit || repo.revisions?.includes(revision) === true

const resolve = (
  options: Options,
  request: Double.Received,
  repo: Repo,
  revision: string,
  path: string
): Exchange.Response => {
  if (!knows(repo, revision)) return refuse(404, `Invalid rev id: ${revision}`, "RevisionNotFound")
  const content = repo.files[path]
  const headers = { "x-repo-commit": repo.commit }
  if (content === undefined) {
    return Double.json(404, { error: "Entry not found" }, {
      ...headers,
      "x-error-code": "EntryNotFound",
      "x-error-message": "Entry not found"
    })
  }
  const bytes = new TextEncoder().encode(content)
  if (repo.large?.includes(path) === true) {
    return Double.redirect(
      302,
      `${originsOf(options).cdn}/${path}?Signature=a%2Fb&X-Repo=${encodeURIComponent(content)}`,
      {
        ...headers,
        "x-linked-etag": `"${HubTree.hashOf(content, 64)}"`,
        "x-linked-size": String(bytes.length)
      }
    )
  }
  return HubTree.ranged(request, bytes, { ...headers, etag: `W/"${HubTree.hashOf(content, 40)}"` })
}

const tree = (
  options: Options,
  request: Double.Received,
  id: string,
  repo: Repo,
  revision: string,
  below: string
): Exchange.Response => {
  if (!knows(repo, revision)) return refuse(404, `Invalid rev id: ${revision}`, "RevisionNotFound")
  const { searchParams } = request.url
  const size = options.pageSize ?? 1000
  const start = Number(searchParams.get("cursor") ?? 0)
  const entries = HubTree.entries(repo, below, searchParams)
  if (below !== "" && entries.length === 0) {
    return refuse(404, `${below} does not exist on "${revision}"`, "EntryNotFound")
  }
  const next = start + size < entries.length
    ? {
      link: `<${originsOf(options).hub}/api/models/${id}/tree/${encodeURIComponent(revision)}${
        below === "" ? "" : `/${below}`
      }?recursive=${searchParams.get("recursive") ?? "false"}&cursor=${start + size}>; rel="next"`
    }
    : {}
  return Double.json(200, entries.slice(start, start + size), next)
}

const infoOf = (id: string, repo: Repo, query: URLSearchParams): HubListing.Info => ({
  _id: "6".repeat(24),
  id,
  modelId: id,
  author: id.split("/")[0],
  sha: repo.commit,
  private: repo.private ?? false,
  gated: repo.gated === true ? "manual" : false,
  disabled: false,
  downloads: 0,
  likes: 0,
  tags: [],
  createdAt: "2026-01-01T00:00:00.000Z",
  lastModified: "2026-01-01T00:00:00.000Z",
  siblings: HubTree.siblings(repo, query.get("blobs")?.toLowerCase() === "true"),
  ...repo.info
})

const api = (options: Options, request: Double.Received, models: DatasetApi.State): Exchange.Response => {
  const { pathname, search, searchParams } = request.url
  if (pathname === "/api/models") {
    const fixed = Object.entries(options.repos ?? {}).filter(([id]) => !models.repos.has(id))
    return HubListing.list(
      [...fixed.map(([id, repo]) => infoOf(id, repo, searchParams)), ...DatasetApi.infos(models, request)],
      request
    )
  }
  if (pathname === "/api/whoami-v2") {
    const user = userOf(options, Double.bearer(request))
    return user === undefined
      ? refuse(401, "Invalid username or password.")
      : Double.json(200, {
        type: user.type ?? "user",
        name: user.name,
        orgs: [],
        auth: { type: "access_token", accessToken: { displayName: user.name, role: "write" } }
      })
  }
  const [, id = "", verb, at = "main", below = ""] =
    /^\/api\/models\/([^/]+\/[^/]+?|[^/]+)(?:\/(revision|tree|paths-info|refs|commits|auth-check)(?:\/([^/]+)(?:\/(.+))?)?)?$/
      .exec(pathname) ?? []
  const renamed = options.renamed?.[id]
  if (renamed !== undefined) return Double.redirect(307, pathname.replace(id, renamed) + search)
  const denied = denial(options, request, id, verb === "auth-check")
  const repo = options.repos?.[id]
  if (denied !== undefined || repo === undefined) return denied ?? refuse(404, "Repository not found", "RepoNotFound")
  const revision = decodeURIComponent(at)
  if (verb === "tree") return tree(options, request, id, repo, revision, decodeURIComponent(below))
  if (verb === "refs") return HubTree.refs(repo, request.url.searchParams)
  if (verb === "auth-check") return Double.json(200, {})
  if (!knows(repo, revision)) return refuse(404, "Invalid rev id", "RevisionNotFound")
  if (verb === "paths-info") return HubTree.pathsInfo(repo, request)
  if (verb === "commits") return HubTree.commits(repo, request.url.searchParams)
  return Double.json(200, HubListing.shown(infoOf(id, repo, request.url.searchParams), request.url.searchParams))
}

const file = (options: Options, request: Double.Received): Exchange.Response => {
  const { pathname } = request.url
  const match = /^\/(.+?)\/resolve\/([^/]+)\/(.+)$/.exec(pathname)
  if (match === null) return refuse(404, "Not Found")
  const [, id = "", revision = "", path = ""] = match
  const renamed = options.renamed?.[id]
  if (renamed !== undefined) return Double.redirect(307, pathname.replace(id, renamed))
  const denied = denial(options, request, id, true)
  const repo = options.repos?.[id]
  return denied ?? (repo === undefined
    ? refuse(404, "Repository not found", "RepoNotFound")
    : resolve(options, request, repo, decodeURIComponent(revision), decodeURIComponent(path)))
}

const writables = (options: Options) =>
  HubWritable.make({
    ...originsOf(options),
    fixed: options.repos ?? {},
    datasets: options.datasets ?? {},
    pageSize: options.pageSize ?? 1000,
    partSize: options.partSize ?? 64 * 1024 * 1024,
    knows: (token) => userOf(options, token) !== undefined,
    nameOf: (token) => userOf(options, token)?.name,
    mayWrite: (token, namespace) => {
      const user = userOf(options, token)
      return user !== undefined && user.write !== false &&
        (user.name === namespace || user.orgs?.includes(namespace) === true)
    },
    mayRead: (token, id) => {
      const user = userOf(options, token)
      return user !== undefined && (user.access?.includes(id) === true || user.name === id.split("/")[0])
    }
  })

const routed = Effect.fnUntraced(function*(
  all: HubWritable.HubWritable,
  options: Options,
  request: Double.Received
) {
  const { pathname } = request.url
  if (pathname === "/api/validate-yaml") return DatasetApi.validateYaml(request)
  const answer = yield* HubWritable.answer(all, request)
  if (answer !== undefined) return answer
  return pathname.startsWith("/api/") ? api(options, request, all.models) : file(options, request)
})

const windowMillis = 300_000

/**
 * A Hub, on the host `huggingface.co`, and its CDN, on a host of its own that takes no credential.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: Options = {}) {
  let used = { window: -1, count: 0 }
  const limited = (now: number): Exchange.Response | undefined => {
    if (options.quota === undefined) return undefined
    const window = Math.floor(now / windowMillis)
    used = { window, count: used.window === window ? used.count + 1 : 1 }
    if (used.count <= options.quota) return undefined
    const reset = Math.ceil(((window + 1) * windowMillis - now) / 1000)
    return Double.json(429, { error: "We had to rate limit you" }, { ratelimit: `"api";r=0;t=${reset}` })
  }
  const all = yield* writables(options)
  const hub = yield* Double.make((request) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const refusal = request.url.pathname.startsWith("/api/") ? limited(now) : undefined
      return refusal === undefined ? routed(all, options, request) : Effect.succeed(refusal)
    })
  )
  const oneHost = isOneHost(options)
  const storage = yield* Double.make((received) => {
    const { authorization, ...headers } = received.headers
    const isXet = authorization?.startsWith("Bearer xet_") === true
    const request = oneHost && !isXet ? { ...received, headers } : received
    const { pathname, searchParams } = request.url
    if (pathname.startsWith("/lfs/")) return DatasetStorage.signed(all.datasets.storage, request)
    if (/^\/v[12]\//.test(pathname)) return DatasetStorage.cas(all.datasets.storage, request)
    return Effect.succeed(
      request.headers["authorization"] === undefined
        ? HubTree.ranged(request, new TextEncoder().encode(searchParams.get("X-Repo") ?? ""), {
          "content-type": "text/plain",
          "etag": "\"cdn\""
        })
        : Double.plain(400, "<Error>Only one auth mechanism allowed</Error>")
    )
  })
  return {
    hub,
    cdn: storage,
    /** The data sets as they are now, by id. */
    datasets: all.datasets.repos,
    handlers: { [hosts.hub]: hub.handler, [hosts.cdn]: storage.handler }
  }
})
