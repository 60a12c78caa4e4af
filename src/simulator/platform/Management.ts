/**
 * The routes of the management API of dedicated endpoints, and of their catalogue.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import * as Double from "../wire/Double.ts"
import type * as Exchange from "../wire/Exchange.ts"
import * as Catalogue from "./Catalogue.ts"
import * as Hardware from "./Hardware.ts"
import * as Lifecycle from "./Lifecycle.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /** Tokens that may do everything; others get a 401. Default: any token. */
  readonly tokens?: ReadonlyArray<string>
  /** Tokens that may read and call endpoints, but not change them. */
  readonly readers?: ReadonlyArray<string>
  /** Namespaces that cannot pay. */
  readonly broke?: ReadonlyArray<string>
  /** Items per page. Default 20. */
  readonly pageSize?: number
  /** The models of the catalogue. Default: two. */
  readonly catalogue?: ReadonlyArray<Catalogue.Model>
  /** What endpoints can run on. Default: three regions of two vendors. */
  readonly hardware?: ReadonlyArray<Hardware.Vendor>
  /** Additional fields of a created endpoint. */
  readonly created?: (name: string) => Lifecycle.Options
  /** Where an endpoint is. Default: a host of its own. */
  readonly urlOf?: (name: string) => string
}

/**
 * What the routes work on.
 *
 * @category models
 * @since 0.2.0
 */
export interface State {
  readonly options: Options
  readonly endpoints: Map<string, Lifecycle.Lifecycle>
}

/** @category responses @since 0.2.0 */
export const refuse = (status: number, code: string, message: string): Exchange.Response =>
  Double.json(status, { error: message, code }, { "x-request-id": "fNiXJx" })

/** @category responses @since 0.2.0 */
export const unauthorized = (): Exchange.Response => refuse(401, "UNAUTHORIZED", "401 Unauthorized")

const bad = (message: string): Exchange.Response => refuse(400, "BAD_REQUEST", `Bad Request: ${message}`)

/** Whether a token may read. @category predicates @since 0.2.0 */
export const isKnown = (options: Options, token: string | undefined): boolean =>
  token !== undefined &&
  (options.tokens === undefined || options.tokens.includes(token) || options.readers?.includes(token) === true)

type Fields = Readonly<Record<string, unknown>>

/** The JSON object of a body, an empty one without a body, and undefined for anything else. */
const record = (body: string): Fields | undefined => {
  try {
    const value: unknown = body === "" ? {} : JSON.parse(body)
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}

const inside = (value: unknown, key: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined

/** What is wrong with the scaling of a definition. */
const wrongScaling = (definition: Fields): string | undefined => {
  const scaling = inside(definition.compute, "scaling")
  const timeout = inside(scaling, "scaleToZeroTimeout")
  if (typeof timeout !== "number") return undefined
  if (timeout < 15 || timeout > 2880) return "scaleToZeroTimeout must be between 15 and 2880"
  const least = inside(scaling, "minReplica")
  return typeof least === "number" && least > 0 ? "scaleToZeroTimeout needs minReplica 0" : undefined
}

/**
 * An endpoint, with its address.
 *
 * @category constructors
 * @since 0.2.0
 */
export const enrol = (
  { urlOf }: Options,
  name: string,
  endpoint: Lifecycle.Options,
  now: number
): Lifecycle.Lifecycle => Lifecycle.make(name, urlOf === undefined ? endpoint : { url: urlOf(name), ...endpoint }, now)

const create = (
  { endpoints, options }: State,
  namespace: string,
  definition: Fields,
  now: number
): Lifecycle.Lifecycle | Exchange.Response => {
  const { name, type } = definition
  if (options.broke?.includes(namespace) === true) {
    return refuse(403, "FORBIDDEN", `Forbidden: Payment method required for namespace: ${namespace}`)
  }
  if (typeof name !== "string" || !/^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/.test(name)) {
    return bad("name must have lowercase letters, digits and '-', at most 32 of them")
  }
  if (type === "protected") return bad("type must be one of public, authenticated, private")
  if (typeof inside(definition.model, "repository") !== "string") return bad("missing field `repository`")
  const wrong = wrongScaling(definition)
  if (wrong !== undefined) return bad(wrong)
  const path = `${namespace}/${name}`
  if (endpoints.has(path)) return refuse(409, "CONFLICT", `Conflict: endpoint ${name} already exists`)
  const created = enrol(options, path, { state: "pending", definition, ...options.created?.(path) }, now)
  endpoints.set(path, created)
  return created
}

const shown = (made: Lifecycle.Lifecycle | Exchange.Response, now: number): Exchange.Response =>
  "status" in made ? made : Double.json(200, Lifecycle.show(made, now))

const list = ({ endpoints, options }: State, request: Double.Received, namespace: string): Exchange.Response => {
  const query = request.url.searchParams
  const search = query.get("search") ?? ""
  const tags = (query.get("tags") ?? "").split(",").filter((tag) => tag !== "")
  const size = Number(query.get("limit") ?? options.pageSize ?? 20)
  const start = Number(query.get("cursor") ?? 0)
  const all = [...endpoints].flatMap(([name, endpoint]) => {
    const own = endpoint.definition.tags
    const isTagged = tags.every((tag) => Array.isArray(own) && own.includes(tag))
    return name.startsWith(`${namespace}/`) && name.slice(namespace.length + 1).includes(search) && isTagged
      ? [Lifecycle.show(endpoint, request.at)]
      : []
  })
  return Double.json(200, {
    items: all.slice(start, start + size),
    ...(start + size < all.length && { nextCursor: String(start + size) })
  })
}

const encoder = new TextEncoder()

/** The existing lines, and with `follow` new ones as long as they are read. */
const logs = (endpoint: Lifecycle.Lifecycle, { at, url }: Double.Received): Exchange.Response => {
  const all = Lifecycle.logs(endpoint)
  const said = all.filter((line) => line.at <= at)
  const tail = url.searchParams.get("tail")
  const now = (tail === null ? said : said.slice(Math.max(0, said.length - Number(tail)))).map(({ line }) =>
    `${line}\n`
  )
  const headers = { "content-type": "text/plain; charset=utf-8" }
  if (url.searchParams.get("follow") !== "true") return Double.plain(200, now.join(""), headers)
  const later = Stream.mapEffect(
    Stream.fromIterable(
      all.filter((line) => line.at > at).map((line, n, lines) => ({
        wait: line.at - (lines[n - 1]?.at ?? at),
        line: `${line.line}\n`
      }))
    ),
    ({ line, wait }) => Effect.as(Effect.sleep(wait), line)
  )
  const body = Stream.fromIterable(now).pipe(
    Stream.concat(later),
    Stream.concat(Stream.never),
    Stream.map((line) => encoder.encode(line))
  )
  return { status: 200, headers, body }
}

const replicas = (endpoint: Lifecycle.Lifecycle, now: number): Exchange.Response =>
  Double.json(200, {
    items: Lifecycle.state(endpoint, now) === "running" ? [{ id: `${endpoint.name.split("/")[1]}-z7ghx` }] : []
  })

const change = (endpoint: Lifecycle.Lifecycle, { at, body }: Double.Received): Exchange.Response => {
  const changes = record(body)
  if (changes === undefined) return bad("the body is not a JSON object")
  const wrong = wrongScaling(changes)
  if (wrong !== undefined) return bad(wrong)
  Lifecycle.update(endpoint, changes, at)
  return Double.json(200, Lifecycle.show(endpoint, at))
}

/** The routes that are about one endpoint. */
const act = (
  { endpoints, options }: State,
  request: Double.Received,
  name: string,
  action: string | undefined
): Exchange.Response => {
  const endpoint = endpoints.get(name)
  if (endpoint === undefined) return refuse(404, "NOT_FOUND", "Not Found: endpoint not found")
  const { at, method } = request
  if (method !== "GET" && options.readers?.includes(Double.bearer(request) ?? "") === true) {
    return refuse(403, "FORBIDDEN", "Forbidden: missing permissions: inference.endpoints.write")
  }
  switch (`${method} ${action ?? ""}`) {
    case "GET ":
      break
    case "GET logs":
      return logs(endpoint, request)
    case "GET replica":
      return replicas(endpoint, at)
    case "DELETE ":
      endpoints.delete(name)
      return Double.json(200, {})
    case "PUT ":
      return change(endpoint, request)
    case "POST pause":
      Lifecycle.set(endpoint, "paused", at)
      break
    case "POST scale-to-zero":
      Lifecycle.set(endpoint, "scaledToZero", at)
      break
    case "POST resume": {
      const conflict = Lifecycle.resume(endpoint, at)
      if (conflict === "running") return bad("Endpoint is already running")
      if (conflict === "resuming") return refuse(409, "CONFLICT", "Conflict: another operation is in progress")
      break
    }
    default:
      return refuse(404, "NOT_FOUND", "404 Not Found")
  }
  return Double.json(200, Lifecycle.show(endpoint, at))
}

/**
 * Below `/v2/`.
 *
 * @category routes
 * @since 0.2.0
 */
export const api = (state: State, request: Double.Received): Exchange.Response => {
  const { options } = state
  if (!isKnown(options, Double.bearer(request))) return unauthorized()
  const [, about, namespace = "", name, action] =
    /^\/v2\/(endpoint|provider)(?:\/([^/]+)(?:\/([^/]+)(?:\/([^/]+))?)?)?$/.exec(request.url.pathname) ?? []
  if (about === undefined) return refuse(404, "NOT_FOUND", "404 Not Found")
  if (about === "provider") return Double.json(200, { vendors: options.hardware ?? Hardware.vendors })
  if (name !== undefined) return act(state, request, `${namespace}/${name}`, action)
  if (request.method === "GET") return list(state, request, namespace)
  if (options.readers?.includes(Double.bearer(request) ?? "") === true) {
    return refuse(403, "FORBIDDEN", "Forbidden: missing permissions: inference.endpoints.write")
  }
  const definition = record(request.body)
  return definition === undefined
    ? bad("the body is not a JSON object")
    : shown(create(state, namespace, definition, request.at), request.at)
}

/**
 * Below `/api/v1/catalog/`.
 *
 * @category routes
 * @since 0.2.0
 */
export const catalogue = (state: State, request: Double.Received): Exchange.Response => {
  const { options } = state
  const models = options.catalogue ?? Catalogue.models
  const path = request.url.pathname.replace(/^\/api\/v1\/catalog/, "")
  if (request.method === "GET" && path === "/list") {
    return Double.json(200, { items: Catalogue.list(models, request.url.searchParams) })
  }
  if (request.method !== "POST" || !path.endsWith("/deploy")) return refuse(404, "NOT_FOUND", "404 Not Found")
  if (!isKnown(options, Double.bearer(request))) return unauthorized()
  const body = record(request.body)
  const { config, namespace } = body ?? {}
  if (body === undefined || typeof namespace !== "string") return bad("missing field `namespace`")
  const definition = Catalogue.definition(models, path, body)
  if (definition === undefined) return refuse(404, "NOT_FOUND", "Not Found: no such recipe in the catalog")
  const given = inside(config, "name")
  const name = typeof given === "string" ? given : `endpoint-${state.endpoints.size + 1}`
  const made = create(state, namespace, { ...definition, name }, request.at)
  return "status" in made ? made : Double.json(200, { endpoint: Lifecycle.show(made, request.at) })
}
