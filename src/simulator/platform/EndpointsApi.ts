/**
 * Dedicated endpoints in memory: the management API, and the gateway in front of each endpoint. Both see one state, which
 * moves with the clock of Effect: a resumed endpoint is pending, then initialising, then running.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Double from "../wire/Double.ts"
import type * as Exchange from "../wire/Exchange.ts"
import * as Lifecycle from "./Lifecycle.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Endpoints by `namespace/name`. */
  readonly endpoints?: Readonly<Record<string, Lifecycle.Options>>
  /** Tokens that may do everything; others get a 401. Default: any token. */
  readonly tokens?: ReadonlyArray<string>
  /** Tokens that may read and call endpoints, but not change them. */
  readonly readers?: ReadonlyArray<string>
  /** Namespaces that cannot pay. */
  readonly broke?: ReadonlyArray<string>
  /** Items of a page. Default 20. */
  readonly pageSize?: number
  /** What runs behind the gateway of a ready endpoint. Default: 200 for every path. */
  readonly inner?: (name: string) => Double.Handler
}

/** The hosts that the double answers on: the management API, and all endpoints. */
export const hosts = { api: "api.endpoints.huggingface.cloud", gateway: ".endpoints.huggingface.cloud" }

const refuse = (status: number, code: string, message: string): Exchange.Response =>
  Double.json(status, { error: message, code }, { "x-request-id": "fNiXJx" })

const unauthorized = (): Exchange.Response => refuse(401, "UNAUTHORIZED", "401 Unauthorized")

const isKnown = (options: Options, token: string | undefined): boolean =>
  token !== undefined &&
  (options.tokens === undefined || options.tokens.includes(token) || options.readers?.includes(token) === true)

/** The JSON object of a body; an empty one when there is none. */
const record = (body: string): Readonly<Record<string, unknown>> => {
  const value: unknown = body === "" ? {} : JSON.parse(body)
  return typeof value === "object" && value !== null ? { ...value } : {}
}

/** A service of dedicated endpoints. */
export interface EndpointsApi {
  readonly api: Double.Double
  readonly gateway: Double.Double
  readonly handlers: Readonly<Record<string, Double.Handler>>
  /** Puts an endpoint into a state, as a person at the console or the platform would. */
  readonly set: (name: string, state: string, message?: string) => Effect.Effect<void>
  readonly state: (name: string) => Effect.Effect<string | undefined>
}

/** The part of the management API that is about one endpoint. */
const act = (
  options: Options,
  endpoints: Map<string, Lifecycle.Lifecycle>,
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
  if (method === "DELETE") {
    endpoints.delete(name)
    return Double.json(200, {})
  }
  if (method === "PUT") {
    Lifecycle.update(endpoint, record(request.body), at)
  } else if (action === "pause") {
    Lifecycle.set(endpoint, "paused", at)
  } else if (action === "scale-to-zero") {
    Lifecycle.set(endpoint, "scaledToZero", at)
  } else if (action === "resume") {
    const conflict = Lifecycle.resume(endpoint, at)
    if (conflict === "running") return refuse(400, "BAD_REQUEST", "Bad Request: Endpoint is already running")
    if (conflict === "resuming") return refuse(409, "CONFLICT", "Conflict: another operation is in progress")
  }
  return Double.json(200, Lifecycle.show(endpoint, at))
}

const list = (
  options: Options,
  endpoints: ReadonlyMap<string, Lifecycle.Lifecycle>,
  request: Double.Received,
  namespace: string
): Exchange.Response => {
  const query = request.url.searchParams
  const search = query.get("search") ?? ""
  const size = options.pageSize ?? 20
  const start = Number(query.get("cursor") ?? 0)
  const all = [...endpoints].flatMap(([name, endpoint]) =>
    name.startsWith(`${namespace}/`) && name.slice(namespace.length + 1).includes(search)
      ? [Lifecycle.show(endpoint, request.at)]
      : []
  )
  return Double.json(200, {
    items: all.slice(start, start + size),
    ...(start + size < all.length && { nextCursor: String(start + size) })
  })
}

const manage = (
  options: Options,
  endpoints: Map<string, Lifecycle.Lifecycle>,
  request: Double.Received
): Exchange.Response => {
  if (!isKnown(options, Double.bearer(request))) return unauthorized()
  const [namespace = "", name, action] = request.url.pathname.replace("/v2/endpoint/", "").split("/")
  if (name !== undefined) return act(options, endpoints, request, `${namespace}/${name}`, action)
  if (request.method === "GET") return list(options, endpoints, request, namespace)
  if (options.broke?.includes(namespace) === true) {
    return refuse(403, "FORBIDDEN", `Forbidden: Payment method required for namespace: ${namespace}`)
  }
  const body = record(request.body)
  const created = Lifecycle.make(
    `${namespace}/${String(body.name)}`,
    { state: "pending", definition: body },
    request.at
  )
  endpoints.set(`${namespace}/${String(body.name)}`, created)
  return Double.json(200, Lifecycle.show(created, request.at))
}

/** What the gateway of an endpoint answers; a held request is answered when a replica is there or the time is up. */
const pass = Effect.fnUntraced(
  function*(options: Options, endpoints: ReadonlyMap<string, Lifecycle.Lifecycle>, request: Double.Received) {
    const found = [...endpoints].find(([, endpoint]) => endpoint.host === request.url.host)
    if (found === undefined) return refuse(404, "NOT_FOUND", "404 Not Found")
    const [name, endpoint] = found
    const token = Double.bearer(request)
    if (endpoint.options.type !== "public" && !isKnown(options, token)) return unauthorized()
    if (token !== undefined && endpoint.options.forbidden?.includes(token) === true) {
      return refuse(403, "FORBIDDEN", "Forbidden: missing permissions: inference.endpoints.infer.write")
    }
    Lifecycle.wake(endpoint, request.at)
    const patience = Number(request.headers["x-scale-up-timeout"] ?? 0) * 1000
    const wait = Lifecycle.readyIn(endpoint, request.at)
    if (wait !== undefined && wait > 0) yield* Effect.sleep(Math.min(wait, patience))
    const now = yield* Clock.currentTimeMillis
    const state = Lifecycle.state(endpoint, now)
    if (state === "paused") {
      return refuse(400, "BAD_REQUEST", "Bad Request: The endpoint is paused, ask a maintainer to restart it")
    }
    if (state !== "running") return refuse(503, "SERVICE_UNAVAILABLE", "503 Service Unavailable")
    return yield* options.inner === undefined
      ? Effect.succeed(Double.plain(200, "{}"))
      : options.inner(name)({ ...request, at: now })
  }
)

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: Options = {}) {
  const start = yield* Clock.currentTimeMillis
  const endpoints = new Map(
    Object.entries(options.endpoints ?? {}).map(([name, endpoint]) =>
      [name, Lifecycle.make(name, endpoint, start)] as const
    )
  )
  const api = yield* Double.make((request) => Effect.sync(() => manage(options, endpoints, request)))
  const gateway = yield* Double.make((request) => pass(options, endpoints, request))
  const service: EndpointsApi = {
    api,
    gateway,
    handlers: { [hosts.api]: api.handler, [hosts.gateway]: gateway.handler },
    set: (name, state, message) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const endpoint = endpoints.get(name)
        if (endpoint !== undefined) Lifecycle.set(endpoint, state, now, message)
      }),
    state: (name) =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const endpoint = endpoints.get(name)
        return endpoint === undefined ? undefined : Lifecycle.state(endpoint, now)
      })
  }
  return service
})
