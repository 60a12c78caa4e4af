/**
 * The whole platform behind one port: which double takes which path.
 *
 * | path | handled by |
 * | --- | --- |
 * | `/v2/…` | the management API |
 * | `/api/v1/catalog/…` | the catalogue |
 * | `/endpoints/{namespace}/{name}/…` | the gateway of an endpoint |
 * | `/v1/…`, `/{provider}/v1/…`, `/hf-inference/…` | the serverless router |
 * | `/cdn/…` | the storage of the Hub |
 * | anything else | the Hub |
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Double from "../wire/Double.ts"
import type * as Exchange from "../wire/Exchange.ts"
import type * as EndpointsApi from "./EndpointsApi.ts"
import * as Lifecycle from "./Lifecycle.ts"

/**
 * The doubles behind the port.
 *
 * @category models
 * @since 0.2.0
 */
export interface Doubles {
  readonly hub: Double.Double
  readonly cdn: Double.Double
  readonly router: Double.Double
  readonly endpoints: EndpointsApi.EndpointsApi
}

/**
 * The address of the port in the platform's own URLs.
 *
 * @category models
 * @since 0.2.0
 */
export interface Origins {
  /** Without a trailing slash. */
  readonly origin: string
  /** Another name of the same port: clients keep their token only on the host that they gave it to. */
  readonly storage: string
}

/**
 * The origins of a port: the loopback interface has two names, any other host has one.
 *
 * @category constructors
 * @since 0.2.0
 */
export const origins = (origin: string): Origins => {
  const url = new URL(origin)
  const other: Readonly<Record<string, string>> = { "127.0.0.1": "localhost", localhost: "127.0.0.1" }
  const second = new URL(origin)
  second.hostname = other[url.hostname] ?? url.hostname
  return { origin: url.origin, storage: second.origin }
}

/** Where an endpoint is. @category accessors @since 0.2.0 */
export const endpointUrl = ({ origin }: Origins, name: string): string => `${origin}/endpoints/${name}`

/** Where the storage of the Hub is. @category accessors @since 0.2.0 */
export const storageUrl = ({ storage }: Origins): string => `${storage}/cdn`

const routed = /^\/(?:v1(?:\/|$)|hf-inference\/|(?:together|cerebras|featherless-ai|novita|deepinfra)\/)/

const page = ({ origin }: Origins): string =>
  `A simulated Hugging Face: Hub, router, management API and dedicated endpoints. It is not a model.

HF_ENDPOINT=${origin}
INFERENCE_ROUTER_URL=${origin}
INFERENCE_MANAGEMENT_URL=${origin}/v2

endpoints: GET ${origin}/v2/endpoint/{namespace}, each at ${origin}/endpoints/{namespace}/{name}
`

/**
 * Responds to all requests to the port.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (doubles: Doubles, at: Origins): Exchange.Handler => (request) =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const url = new URL(request.path, at.origin)
    const { pathname, search } = url
    const to = (double: Double.Double, url: URL) => double.handler({ ...request, url, at: now })
    if (pathname === "/") return Effect.succeed(Double.plain(200, page(at), { "content-type": "text/plain" }))
    if (pathname === "/health") return Effect.succeed(Double.plain(200, "OK", { "content-type": "text/plain" }))
    if (pathname.startsWith("/v2/")) return to(doubles.endpoints.api, url)
    if (pathname.startsWith("/api/v1/catalog/")) return to(doubles.endpoints.catalogue, url)
    const [, name, below = ""] = /^\/endpoints\/([^/]+\/[^/]+)(\/.*)?$/.exec(pathname) ?? []
    if (name !== undefined) {
      return to(doubles.endpoints.gateway, new URL(`${below}${search}`, `https://${Lifecycle.hostOf(name)}`))
    }
    if (pathname.startsWith("/cdn/")) return to(doubles.cdn, new URL(pathname.slice(4) + search, at.storage))
    return to(routed.test(pathname) ? doubles.router : doubles.hub, url)
  })
