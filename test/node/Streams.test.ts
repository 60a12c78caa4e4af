/** Streams of the client over the Node transport, which keeps their limits and reads on after their end by itself. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Stream } from "effect"
import type * as Http from "node:http"
import * as Retry from "../../src/http/Retry.ts"
import * as NodeTransport from "../../src/node/NodeTransport.ts"
import * as TgiClient from "../../src/transport/TgiClient.ts"
import * as Wire from "../transport/Wire.ts"
import * as Loopback from "./Loopback.ts"

const streaming = (
  answer: (response: Http.ServerResponse) => void,
  timeouts: TgiClient.Options["timeouts"],
  test: (client: TgiClient.TgiClient["Service"], server: Loopback.Loopback) => Effect.Effect<void, unknown>
) =>
  Effect.gen(function*() {
    const server = yield* Loopback.http((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" })
      answer(response)
    })
    const client = TgiClient.layer({ url: server.url, retry: Retry.none, timeouts })
    yield* Effect.flatMap(TgiClient.TgiClient, (client) => test(client, server)).pipe(
      Effect.provide(client.pipe(Layer.provide(NodeTransport.layer)))
    )
  })

const collect = (client: TgiClient.TgiClient["Service"]) =>
  Effect.map(Stream.runCollect(client.generateStream(Wire.prompt)), (frames) => frames.map(({ token }) => token.text))

describe("after the end mark", () => {
  it.live("a body that ends a little later gives its connection back", () =>
    streaming(
      (response) => {
        response.write(Wire.token("a") + Wire.last("a"))
        setTimeout(() => response.end(": bye\n\n"), 20)
      },
      undefined,
      (client, server) =>
        Effect.gen(function*() {
          for (let nth = 0; nth < 5; nth++) assert.deepStrictEqual(yield* collect(client), ["a", "</s>"])
          assert.strictEqual(server.accepted(), 1)
        })
    ))

  it.live("a body that does not end is waited for briefly, and closed", () =>
    streaming(
      (response) => response.write(Wire.token("a") + Wire.last("a")),
      undefined,
      (client, server) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* collect(client), ["a", "</s>"])
          yield* server.closed(0)
        })
    ))

  it.live("a body that goes on for ever is left, and closed", () =>
    streaming(
      (response) => {
        const more = () => {
          if (!response.destroyed) response.write(`: ${"x".repeat(4000)}\n\n`, () => setImmediate(more))
        }
        response.write(Wire.token("a") + Wire.last("a"), more)
      },
      undefined,
      (client, server) =>
        Effect.gen(function*() {
          assert.deepStrictEqual(yield* collect(client), ["a", "</s>"])
          yield* server.closed(0)
        })
    ))

  it.live("a connection that breaks changes nothing", () =>
    streaming(
      (response) => {
        response.write(Wire.token("a") + Wire.last("a"))
        setTimeout(() => response.destroy(), 20)
      },
      undefined,
      (client) => Effect.map(collect(client), (texts) => assert.deepStrictEqual(texts, ["a", "</s>"]))
    ))
})

describe("the limit on the first event", () => {
  it.live("is told by its phase, where nothing but comments come", () =>
    streaming(
      (response) => {
        const more = () => {
          if (!response.destroyed) response.write(": wait\n\n", () => setTimeout(more, 5))
        }
        more()
      },
      { firstEvent: "150 millis" },
      (client, server) =>
        Effect.gen(function*() {
          const { reason } = yield* Effect.flip(Stream.runDrain(client.generateStream(Wire.prompt)))
          assert.deepInclude(reason, { _tag: "Timeout", phase: "firstEvent" })
          yield* server.closed(0)
        })
    ))

  it.live("does not bound what comes after it", () =>
    streaming(
      (response) => {
        response.write(Wire.token("a"))
        setTimeout(() => response.end(Wire.last("a")), 300)
      },
      { firstEvent: "150 millis" },
      (client) => Effect.map(collect(client), (texts) => assert.deepStrictEqual(texts, ["a", "</s>"]))
    ))
})
