/** A whole response without a head, over the transports that keep limits by themselves, on a real port. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, type Layer } from "effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as Http from "node:http"
import * as FetchTransport from "../../src/http/FetchTransport.ts"
import * as Retry from "../../src/http/Retry.ts"
import * as NodeTransport from "../../src/node/NodeTransport.ts"
import * as TgiClient from "../../src/transport/TgiClient.ts"
import * as Wire from "../transport/Wire.ts"
import * as Loopback from "./Loopback.ts"

const transports: ReadonlyArray<readonly [name: string, layer: Layer.Layer<HttpClient.HttpClient>]> = [
  ["undici", NodeTransport.layer],
  ["fetch", FetchTransport.layer]
]

/** Responds to the health route, and may then respond to what waits. */
type Health = (nth: number, response: Http.ServerResponse, waiting: () => Http.ServerResponse) => void

const asking = (transport: Layer.Layer<HttpClient.HttpClient>, health: Health) =>
  Effect.gen(function*() {
    let waiting: Http.ServerResponse | undefined
    let looks = 0
    const server = yield* Loopback.http((request, response) => {
      if (request.url === "/health") {
        return health(++looks, response, () => {
          if (waiting === undefined) throw new Error("the health route was asked before the request had come")
          return waiting
        })
      }
      waiting = response
    })
    const client = yield* TgiClient.make({
      url: server.url,
      retry: Retry.none,
      timeouts: { firstEvent: "20 millis" }
    })
    return { result: yield* Effect.result(client.generate(Wire.prompt)), looks: () => looks, server }
  }).pipe(Effect.provide(transport))

describe.each(transports)("a whole response that has no head for long, over %s", (_, transport) => {
  it.live("is waited for as long as the health route answers", () =>
    Effect.gen(function*() {
      const { looks, result } = yield* asking(transport, (nth, response, waiting) => {
        response.end()
        if (nth < 3) return
        waiting().writeHead(200, { "content-type": "application/json" })
        waiting().end(JSON.stringify({ generated_text: "at last" }))
      })
      assert.strictEqual(result._tag, "Success")
      assert.isAtLeast(looks(), 3)
    }))

  it.live("is given up, and its connection closed, when the health route is silent", () =>
    Effect.gen(function*() {
      const { result, server } = yield* asking(transport, (nth, response) => {
        if (nth < 2) response.end()
        else response.destroy()
      })
      assert.strictEqual(result._tag, "Failure")
      if (result._tag === "Failure") {
        assert.deepInclude(result.failure.reason, { _tag: "Transport", code: "ERR_NO_SIGN_OF_LIFE" })
      }
      yield* server.closed(0)
    }))
})
