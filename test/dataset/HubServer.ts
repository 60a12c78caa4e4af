/** The simulated Hub on a socket of this machine, for clients that are not ours, with its storage behind the same address. */
import { Clock, Effect } from "effect"
import { SimulatorServer } from "../../src/node/index.ts"
import * as Hub from "../../src/simulator/platform/Hub.ts"
import type * as Double from "../../src/simulator/wire/Double.ts"
import type * as Exchange from "../../src/simulator/wire/Exchange.ts"

export interface Options extends Omit<Hub.Options, "origins"> {
  /** Sees every request to the Hub or its storage before they do, and may respond in their place. */
  /** The storage says that it is on another host, as Python's client wants it, to which ours does not go without https. */
  readonly foreign?: boolean | undefined
  readonly before?: ((request: Double.Received) => Effect.Effect<Exchange.Response | undefined>) | undefined
}

/** What the environment has to say so that a client finds it. */
export const environment = (url: string, token: string, home: string) => ({
  HF_ENDPOINT: url,
  HF_TOKEN: token,
  HF_HOME: home
})

/** The storage has a host of its own, and refuses tokens of the Hub. Here they share one, to which clients give theirs. */
const toStorage = (request: Double.Received): Double.Received => ({
  ...request,
  headers: request.url.pathname.startsWith("/lfs/") ? { ...request.headers, authorization: undefined } : request.headers
})

export const make = Effect.fnUntraced(
  function*({ before = () => Effect.undefined, foreign = false, ...options }: Options) {
    let handlers: Readonly<Record<string, Double.Handler>> = {}
    const { url } = yield* SimulatorServer.serve((request) =>
      Effect.flatMap(Clock.currentTimeMillis, (at) => {
        const isStored = /^\/(?:lfs|v1|v2)\//.test(request.path)
        const host = isStored ? Hub.hosts.cdn : Hub.hosts.hub
        const received = {
          ...request,
          url: new URL(request.path, `https://${host}`),
          headers: { ...request.headers },
          at
        }
        return Effect.flatMap(before(received), (response) =>
          response === undefined
            ? handlers[host]?.(isStored ? toStorage(received) : received) ?? Effect.die(`there is no ${host}`)
            : Effect.succeed(response))
      })
    )
    const made = yield* Hub.make({
      ...options,
      origins: { hub: url, cdn: foreign ? url.replace("127.0.0.1", "localhost") : url }
    })
    handlers = made.handlers
    return { ...made, url }
  }
)
