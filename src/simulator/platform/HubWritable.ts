/**
 * The repositories of a Hub that can be written to: its data sets, and the models that were created through the API or
 * written to.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type * as Double from "../wire/Double.ts"
import type * as Exchange from "../wire/Exchange.ts"
import * as DatasetApi from "./DatasetApi.ts"
import * as DatasetRefs from "./DatasetRefs.ts"
import * as DatasetRepo from "./DatasetRepo.ts"
import * as DatasetStorage from "./DatasetStorage.ts"
import * as HubListing from "./HubListing.ts"
import type * as HubTree from "./HubTree.ts"

/**
 * A model whose files do not change.
 *
 * @category models
 * @since 0.2.0
 */
export interface Fixed extends Pick<HubTree.Files, "files" | "large"> {
  readonly private?: boolean
  readonly gated?: boolean
  readonly info?: Readonly<Record<string, unknown>>
}

/**
 * @category models
 * @since 0.2.0
 */
export interface Options
  extends Pick<DatasetApi.State, "hub" | "cdn" | "pageSize" | "partSize" | "knows" | "nameOf" | "mayRead" | "mayWrite">
{
  readonly fixed: Readonly<Record<string, Fixed>>
  readonly datasets: Readonly<Record<string, DatasetRepo.Options>>
}

/**
 * @category models
 * @since 0.2.0
 */
export interface HubWritable {
  readonly fixed: Options["fixed"]
  readonly datasets: DatasetApi.State
  readonly models: DatasetApi.State
}

/**
 * @category constructors
 * @since 0.2.0
 */
export const make = Effect.fnUntraced(function*({ datasets, fixed, ...options }: Options) {
  const storage = DatasetStorage.make()
  const state = (kind: DatasetApi.State["kind"], isTaken: (id: string) => boolean): DatasetApi.State => ({
    ...options,
    kind,
    storage,
    repos: new Map(),
    moved: new Map(),
    isTaken
  })
  const all: HubWritable = {
    fixed,
    datasets: state("datasets", () => false),
    models: state("models", (id) => fixed[id] !== undefined)
  }
  for (const [id, repo] of Object.entries(datasets)) all.datasets.repos.set(id, yield* DatasetRepo.make(id, repo))
  return all
})

/** A model that is written to for the first time becomes a writable repository. */
const adopt = Effect.fnUntraced(function*({ fixed, models }: HubWritable, id: string) {
  const repo = fixed[id]
  if (repo === undefined || models.repos.has(id)) return
  const { gated = false, info = {}, private: isPrivate = false } = repo
  const files = Object.entries(repo.files).map(([path, content]) => [
    path,
    repo.large?.includes(path) === true ? new TextEncoder().encode(content) : content
  ])
  models.repos.set(
    id,
    yield* DatasetRepo.make(id, { files: Object.fromEntries(files), gated, info, private: isPrivate })
  )
})

const writing = /^\/api\/models\/([^/]+\/[^/]+)\/(?:preupload|commit|branch|tag|settings)(?:\/|$)/

/** The id of a model in a path of the API or of its files. */
const modelIn = (pathname: string): string =>
  /^\/(?:api\/models\/)?([^/]+\/[^/]+?)(?:\.git)?(?:\/|$)/.exec(pathname)?.[1] ?? ""

/** Operations on a whole repository: a model, unless the body names another kind. */
const ofRepos = (
  { datasets, models }: HubWritable,
  request: Double.Received
): Effect.Effect<Exchange.Response> | undefined => {
  const state = /"type"\s*:\s*"dataset"/.test(request.body) ? datasets : models
  switch (`${request.method} ${request.url.pathname}`) {
    case "DELETE /api/repos/delete":
      return Effect.succeed(DatasetRefs.remove(state, request))
    case "POST /api/repos/move":
      return Effect.succeed(DatasetRefs.move(state, request))
    case "POST /api/repos/create":
      return DatasetApi.create(state, request)
    default:
      return undefined
  }
}

/**
 * Responds to requests about a writable repository, or one that now becomes writable.
 *
 * @category routes
 * @since 0.2.0
 */
export const answer = Effect.fnUntraced(function*(all: HubWritable, request: Double.Received) {
  const { datasets, models } = all
  const { method, url: { pathname } } = request
  const changed = ofRepos(all, request)
  if (changed !== undefined) return yield* changed
  if (pathname === "/api/datasets") return HubListing.list(DatasetApi.infos(datasets, request), request)
  if (pathname.startsWith("/api/datasets/")) return yield* DatasetApi.api(datasets, request)
  if (pathname.startsWith("/datasets/")) return yield* DatasetApi.files(datasets, request)
  const written = method === "GET" ? undefined : writing.exec(pathname)?.[1]
  if (written !== undefined) yield* adopt(all, written)
  const id = modelIn(pathname)
  if (!models.repos.has(id) && !models.moved.has(id)) return undefined
  return yield* (pathname.startsWith("/api/") ? DatasetApi.api : DatasetApi.files)(models, request)
})
