/** A simulated Hub with people on it, a folder that is gone after the test, and rows. */
import { NodeServices } from "@effect/platform-node"
import { Effect, FileSystem, Layer, Stream } from "effect"
import { HttpClient } from "effect/http"
import { DatasetFiles, Features } from "../../src/dataset/index.ts"
import * as HubDatasets from "../../src/hub/HubDatasets.ts"
import * as Hub from "../../src/simulator/platform/Hub.ts"
import * as Double from "../../src/simulator/wire/Double.ts"

export const token = "hf_ada"

export interface Options extends Hub.Options {
  /** Responses that come in place of the Hub's own, by the number of the request. */
  readonly stumbles?: (request: Double.Received, nth: number) => ReturnType<typeof Double.plain> | undefined
  readonly token?: string | false
}

export const layerOf = (hub: HubDatasets.HubDatasets["Service"]) => Layer.succeed(HubDatasets.HubDatasets, hub)

/** The Hub's client over another network, that does not wait between attempts. */
export const datasetsOf = (client: HttpClient.HttpClient, as: string | false = token) =>
  Effect.map(
    HubDatasets.make({ token: as, retry: { transientBase: 1, throttledBase: 1, cap: 1 } }).pipe(
      Effect.provideService(HttpClient.HttpClient, client)
    ),
    layerOf
  )

export const make = Effect.fnUntraced(function*({ stumbles, token: as = token, ...options }: Options = {}) {
  const users = {
    [token]: { name: "ada", orgs: ["org"] },
    hf_reader: { name: "bob", access: ["org/gated", "org/secret"], write: false },
    ...options.users
  }
  const hub = yield* Hub.make({ ...options, users })
  let count = 0
  const handlers = Object.fromEntries(
    Object.entries(hub.handlers).map(([host, handler]): [string, Double.Handler] => [
      host,
      (request) => {
        const stumble = stumbles?.(request, count++)
        return stumble === undefined ? handler(request) : Effect.succeed(stumble)
      }
    ])
  )
  const client = Double.client(handlers)
  const datasets = yield* HubDatasets.make({ token: as, retry: { transientBase: 1, throttledBase: 1, cap: 1 } }).pipe(
    Effect.provideService(HttpClient.HttpClient, client)
  )
  return {
    ...hub,
    client,
    hub: datasets,
    layer: layerOf(datasets),
    routes: Effect.map(hub.hub.received, (all) => all.map(({ method, url }) => `${method} ${url.pathname}`)),
    stored: Effect.map(hub.cdn.received, (all) => all.map(({ method, url }) => `${method} ${url.pathname}`))
  }
})

export const folder = Effect.flatMap(
  FileSystem.FileSystem,
  (fs) => fs.makeTempDirectoryScoped({ prefix: "dataset-" })
)

export const columns = Features.make({
  id: Features.int64,
  label: Features.classLabel(["no", "yes"]),
  messages: Features.list(Features.struct({ role: Features.string, content: Features.string }))
})

export const rows = (count: number, from = 0) =>
  Array.from({ length: count }, (_, at) => ({
    id: from + at,
    label: (from + at) % 2,
    messages: [{ role: "user", content: `question ${from + at}` }]
  }))

export const written = Effect.fnUntraced(function*(
  count: number,
  options: Partial<DatasetFiles.Options> & { readonly from?: number } = {}
) {
  return yield* DatasetFiles.write(Stream.fromIterable(rows(count, options.from)), {
    folder: yield* folder,
    features: columns,
    ...options
  })
})

export const node = NodeServices.layer
