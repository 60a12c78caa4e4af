import { NodeHttpClient } from "@effect/platform-node"
import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer } from "effect"
import { FetchHttpClient, type HttpClient } from "effect/http"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import * as Hub from "../../src/hub/Hub.ts"
import * as NodeTransport from "../../src/node/NodeTransport.ts"
import * as World from "./World.ts"

const clients: ReadonlyArray<readonly [name: string, layer: Layer.Layer<HttpClient.HttpClient>]> = [
  ["fetch", FetchHttpClient.layer],
  ["the undici client of Effect", NodeHttpClient.layerUndici],
  ["our client", NodeTransport.layer]
]

/** A server on this machine until the test ends, and what it received. */
const serve = (answer: (request: IncomingMessage, response: ServerResponse) => void) =>
  Effect.gen(function*() {
    const received: Array<IncomingMessage> = []
    const server = createServer((request, response) => {
      received.push(request)
      answer(request, response)
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.callback<void>((resume) => {
          server.closeAllConnections()
          server.close(() => resume(Effect.void))
        })
    )
    // a server that listens on a port has an address of this form
    const { port } = server.address() as AddressInfo
    return { url: `http://127.0.0.1:${port}`, received }
  })

const file = { repo: "org/m", path: "config.json" }

describe.each(clients)("the Hub over %s", (_, client) => {
  const hub = (baseUrl: string) =>
    Layer.build(Hub.layer({ baseUrl, token: World.token, retry: { attempts: 1 } }).pipe(Layer.provide(client))).pipe(
      Effect.map((context) => Context.get(context, Hub.Hub))
    )

  it.live("follows a rename with the token", () =>
    Effect.gen(function*() {
      const { received, url } = yield* serve((request, response) =>
        request.url?.startsWith("/org/m/") === true
          ? response.writeHead(307, { location: "/org/n/resolve/main/config.json" }).end("moved")
          : response.writeHead(200, { "x-repo-commit": World.commit, etag: "\"e\"" }).end("{}")
      )
      const bytes = yield* (yield* hub(url)).file(file)
      assert.strictEqual(new TextDecoder().decode(bytes), "{}")
      assert.deepStrictEqual(
        received.map(({ headers }) => headers.authorization),
        Array(2).fill(`Bearer ${World.token}`)
      )
      for (const { headers } of received) assert.doesNotHaveAnyKeys(headers, ["traceparent", "b3"])
    }))

  it.live("goes to no other server in the clear", () =>
    Effect.gen(function*() {
      const { received, url } = yield* serve((_, response) =>
        response.writeHead(302, { location: "http://hub.example/x" }).end()
      )
      const { reason } = yield* Effect.flip((yield* hub(url)).file(file))
      assert.strictEqual(reason._tag, "InvalidResponse")
      assert.lengthOf(received, 1)
    }))

  it.live("says in words that nobody answers, and keeps the token out of them", () =>
    Effect.gen(function*() {
      const { url } = yield* Effect.scoped(serve((_, response) => response.end()))
      const error = yield* Effect.flip((yield* hub(url)).modelInfo("org/m"))
      assert.strictEqual(error.reason._tag, "Transport")
      assert.include(error.message, "ECONNREFUSED")
      assert.notInclude(error.message, World.token)
    }))

  it.live("says when a file ends too early", () =>
    Effect.gen(function*() {
      const { url } = yield* serve((_, response) => {
        response.writeHead(200, { "x-repo-commit": World.commit, etag: "e", "content-length": "100" }).write("{")
        setImmediate(() => response.destroy())
      })
      assert.strictEqual((yield* Effect.flip((yield* hub(url)).file(file))).reason._tag, "Transport")
    }))
})
