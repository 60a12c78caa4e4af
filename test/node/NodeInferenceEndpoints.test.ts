import { assert, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import { once } from "node:events"
import { type AddressInfo, createServer, type Socket } from "node:net"
import { Retry, TgiClient } from "../../src/index.ts"
import { NodeInferenceEndpoints } from "../../src/node/index.ts"

/** The port of a server that takes connections and says nothing, so that no TLS handshake ever ends. */
const mute = Effect.map(
  Effect.acquireRelease(
    Effect.promise(async () => {
      const sockets: Array<Socket> = []
      const server = createServer((socket) => sockets.push(socket)).listen(0, "127.0.0.1")
      await once(server, "listening")
      return { server, sockets }
    }),
    ({ server, sockets }) =>
      Effect.sync(() => {
        for (const socket of sockets) socket.destroy()
        server.close()
      })
  ),
  // a listening TCP server has an address with a port
  ({ server }) => (server.address() as AddressInfo).port
)

it.live("the limit on connecting that the service is told is the one that the transport keeps", () =>
  Effect.gen(function*() {
    const url = `https://127.0.0.1:${yield* mute}`
    const client = { timeouts: { connect: "80 millis" }, retry: Retry.none } as const
    const error = yield* TgiClient.make({ url, ...client }).pipe(
      Effect.flatMap((tgi) => Stream.runDrain(tgi.generateStream({ inputs: "Hi" }))),
      Effect.flip,
      Effect.provide(NodeInferenceEndpoints.layer({ baseUrl: url, apiKey: false, client })),
      Effect.timeout("8 seconds")
    )
    assert.strictEqual(error._tag, "InferenceError", `${error}`)
    assert.deepInclude(error._tag === "InferenceError" ? error.reason : undefined, {
      _tag: "Timeout",
      phase: "connect"
    })
  }))
