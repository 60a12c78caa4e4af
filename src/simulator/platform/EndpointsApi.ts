/**
 * Dedicated endpoints in memory: the management API, and the gateway in front of each endpoint. Both share one state, which
 * changes with the clock of Effect: a resumed endpoint is pending, then initialising, then running.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Double from "../wire/Double.ts"
import * as Lifecycle from "./Lifecycle.ts"
import * as Management from "./Management.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Options extends Management.Options {
  /** Endpoints by `namespace/name`. */
  readonly endpoints?: Readonly<Record<string, Lifecycle.Options>>
  /** What runs behind the gateway of a ready endpoint. Default: 200 for every path. */
  readonly inner?: (name: string, definition: Readonly<Record<string, unknown>>) => Double.Handler
}

/** The hosts that the double answers on: the management API, the catalogue, and all endpoints. */
export const hosts = {
  api: "api.endpoints.huggingface.cloud",
  catalogue: "endpoints.huggingface.co",
  gateway: ".endpoints.huggingface.cloud"
}

/** A service of dedicated endpoints. */
export interface EndpointsApi {
  readonly api: Double.Double
  readonly catalogue: Double.Double
  readonly gateway: Double.Double
  readonly handlers: Readonly<Record<string, Double.Handler>>
  /** Puts an endpoint into a state, as a person at the console or the platform would. */
  readonly set: (name: string, state: string, message?: string) => Effect.Effect<void>
  readonly state: (name: string) => Effect.Effect<string | undefined>
}

/** The response of an endpoint's gateway; a request that is held gets one when a replica is ready or the time is up. */
const pass = Effect.fnUntraced(
  function*(options: Options, endpoints: ReadonlyMap<string, Lifecycle.Lifecycle>, request: Double.Received) {
    const found = [...endpoints].find(([, endpoint]) => endpoint.host === request.url.host)
    if (found === undefined) return Management.refuse(404, "NOT_FOUND", "404 Not Found")
    const [name, endpoint] = found
    const token = Double.bearer(request)
    if (endpoint.definition.type !== "public" && !Management.isKnown(options, token)) return Management.unauthorized()
    if (token !== undefined && endpoint.options.forbidden?.includes(token) === true) {
      return Management.refuse(403, "FORBIDDEN", "Forbidden: missing permissions: inference.endpoints.infer.write")
    }
    Lifecycle.wake(endpoint, request.at)
    const patience = Number(request.headers["x-scale-up-timeout"] ?? 0) * 1000
    const wait = Lifecycle.readyIn(endpoint, request.at)
    if (wait !== undefined && wait > 0) yield* Effect.sleep(Math.min(wait, patience))
    const now = yield* Clock.currentTimeMillis
    const state = Lifecycle.state(endpoint, now)
    if (state === "paused") {
      return Management.refuse(
        400,
        "BAD_REQUEST",
        "Bad Request: The endpoint is paused, ask a maintainer to restart it"
      )
    }
    if (state !== "running") return Management.refuse(503, "SERVICE_UNAVAILABLE", "503 Service Unavailable")
    Lifecycle.use(endpoint, now)
    return yield* options.inner === undefined
      ? Effect.succeed(Double.plain(200, "{}"))
      : options.inner(name, endpoint.definition)({ ...request, at: now })
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
      [name, Management.enrol(options, name, endpoint, start)] as const
    )
  )
  const managed: Management.State = { options, endpoints }
  const api = yield* Double.make((request) => Effect.sync(() => Management.api(managed, request)))
  const catalogue = yield* Double.make((request) => Effect.sync(() => Management.catalogue(managed, request)))
  const gateway = yield* Double.make((request) => pass(options, endpoints, request))
  const service: EndpointsApi = {
    api,
    catalogue,
    gateway,
    handlers: {
      [hosts.api]: api.handler,
      [hosts.catalogue]: catalogue.handler,
      [hosts.gateway]: gateway.handler
    },
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
