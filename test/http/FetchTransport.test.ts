/** The laws of a transport that keeps limits, over `fetch` against servers on a loopback port. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Fiber, Layer, Stream } from "effect"
import { HttpBody, type HttpClientError, HttpClientRequest } from "effect/http"
import * as Zlib from "node:zlib"
import * as FetchTransport from "../../src/http/FetchTransport.ts"
import * as Retry from "../../src/http/Retry.ts"
import { type Limits, readingOf, sendOf } from "../../src/http/TransportLimits.ts"
import * as TgiClient from "../../src/transport/TgiClient.ts"
import * as Loopback from "../node/Loopback.ts"
import * as Wire from "../transport/Wire.ts"

const within = (limits: Limits) => (request: HttpClientRequest.HttpClientRequest) =>
  (sendOf(FetchTransport.client) ?? assert.fail("it keeps no limits"))(request, limits)

const codeOf = ({ reason }: HttpClientError.HttpClientError): unknown => {
  const cause: unknown = "cause" in reason ? reason.cause : undefined
  return typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined
}

const ways = [
  ["with limits", within({ idle: 60_000 })],
  ["without limits", (request: HttpClientRequest.HttpClientRequest) => FetchTransport.client.execute(request)]
] as const

describe.each(ways)("a request %s", (_, send) => {
  const get = (url: string) => send(HttpClientRequest.get(url))

  it.live("gets the status, the headers and the text, as often as asked", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((request, response) => {
        response.writeHead(201, { "X-Request-Id": "r1", "set-cookie": ["a=1", "b=2"] })
        request.pipe(response)
      })
      const body = HttpBody.jsonUnsafe({ inputs: "grüße" })
      const response = yield* send(
        HttpClientRequest.setBody(HttpClientRequest.post(`${server.url}/generate?a=1`), body)
      )
      assert.deepStrictEqual(
        [response.status, response.headers["x-request-id"], yield* response.text, yield* response.json],
        [201, "r1", `{"inputs":"grüße"}`, { inputs: "grüße" }]
      )
      assert.deepStrictEqual(Object.keys(response.cookies.cookies), ["a", "b"])
      assert.strictEqual(new TextDecoder().decode(yield* response.arrayBuffer), `{"inputs":"grüße"}`)
    }))

  it.live("gives a body of known length as text, as bytes, and as a stream after that", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) =>
        response.writeHead(200, { "content-length": "6" }).end("größ")
      )
      const response = yield* get(server.url)
      const text = yield* response.text
      const streamed = yield* Stream.mkString(Stream.decodeText(response.stream))
      const bytes = yield* Effect.flatMap(get(server.url), (response) => response.arrayBuffer)
      assert.deepStrictEqual([text, streamed, bytes.byteLength], ["größ", "größ", 6])
    }))

  it.live("streams the body as it comes", () =>
    Effect.gen(function*() {
      const seen = yield* Deferred.make<void>()
      const fork = Effect.runForkWith(yield* Effect.context())
      const server = yield* Loopback.http((_, response) => {
        response.write("first")
        fork(Effect.andThen(Deferred.await(seen), Effect.sync(() => response.end("second"))))
      })
      const response = yield* get(server.url)
      const texts = yield* response.stream.pipe(
        Stream.decodeText(),
        Stream.tap((text) => text === "first" ? Deferred.succeed(seen, undefined) : Effect.void),
        Stream.runCollect
      )
      assert.deepStrictEqual(texts, ["first", "second"])
    }))

  it.live("closes its connection when interrupted before the head", () =>
    Effect.gen(function*() {
      const asked = yield* Deferred.make<void>()
      const server = yield* Loopback.http(() => Deferred.doneUnsafe(asked, Effect.void))
      const fiber = yield* Effect.forkChild(get(server.url))
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(fiber)
      yield* server.closed(0)
    }))

  it.live("closes its connection when interrupted while the text is read, or when the stream is left", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) => response.write("part"))
      const response = yield* get(server.url)
      const fiber = yield* Effect.forkChild(response.text, { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      yield* server.closed(0)
      yield* Effect.flatMap(get(server.url), (response) => Stream.runHead(response.stream))
      yield* server.closed(1)
    }))

  it.live("fails with TransportError and its code when nothing listens, and where it cannot be sent", () =>
    Effect.gen(function*() {
      const server = yield* Effect.scoped(Loopback.http(() => undefined))
      const refused = yield* Effect.flip(get(server.url))
      assert.strictEqual(refused.reason._tag, "TransportError")
      const unsendable = yield* Effect.flip(
        send(HttpClientRequest.get(server.url, { headers: { authorization: "Bearer a\nb" } }))
      )
      assert.strictEqual(unsendable.reason._tag, "TransportError")
    }))

  it.live("takes a redirect for the response", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) => response.writeHead(307, { location: "/elsewhere" }).end())
      assert.strictEqual((yield* get(server.url)).status, 307)
    }))

  it.live("reads a coded body, whose head then speaks of what is read", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) =>
        response.writeHead(200, { "content-encoding": "gzip" }).end(Zlib.gzipSync("text"))
      )
      const response = yield* get(server.url)
      assert.deepStrictEqual([yield* response.text, response.headers["content-encoding"]], ["text", undefined])
    }))
})

const limited = (
  name: string,
  limits: Limits,
  code: string,
  answer: Parameters<typeof Loopback.http>[0]
) =>
  it.live(`${name}, and close the connection`, () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http(answer)
      const call = Effect.flatMap(
        within(limits)(HttpClientRequest.get(server.url)),
        (response) => Stream.runDrain(response.stream)
      )
      assert.strictEqual(codeOf(yield* Effect.flip(call)), code)
      yield* server.closed(0)
    }))

const sent = (url: string) =>
  (sendOf(FetchTransport.client) ?? assert.fail("it keeps no limits"))(HttpClientRequest.get(url), {}, {
    limit: 1000
  })

describe("a response that is wanted whole", () => {
  it.live("comes with its text, whatever it says of its length", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http(({ url }, response) =>
        url === "/known" ? response.writeHead(200, { "content-length": "6" }).end("größ") : response.end("größ")
      )
      for (const path of ["/known", "/"]) {
        const response = yield* sent(server.url + path)
        assert.deepStrictEqual([readingOf(response)?.arrivedText(), yield* response.text], ["größ", "größ"])
      }
    }))

  it.live("comes by its head where it refuses", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) => response.writeHead(503).write("busy"))
      const response = yield* sent(server.url)
      assert.deepStrictEqual([response.status, readingOf(response)?.arrivedText()], [503, undefined])
    }))
})

describe("limits", () => {
  limited("of the head fail a request that gets none", { headers: 50 }, "UND_ERR_HEADERS_TIMEOUT", () => undefined)
  limited(
    "of silence fail a stalled body",
    { idle: 50 },
    "UND_ERR_BODY_TIMEOUT",
    (_, response) => void response.write("part")
  )
  limited("of the whole fail what only goes on", { total: 200 }, "ERR_TOTAL_TIMEOUT", (_, response) => {
    const more = () => {
      if (!response.destroyed) response.write("x", () => setTimeout(more, 5))
    }
    more()
  })
  limited("of size stop what goes on for ever", { maxBodyBytes: 5000 }, "ERR_BODY_TOO_LARGE", (_, response) => {
    const more = () => {
      if (!response.destroyed) response.write("x".repeat(1000), () => setImmediate(more))
    }
    more()
  })
  limited("of size fail what announces more", { maxBodyBytes: 999 }, "ERR_BODY_TOO_LARGE", (_, response) => {
    response.writeHead(200, { "content-length": "1000" }).write("x")
  })

  it.live("cut a body off where its reader says so", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) => response.end("x".repeat(1000)))
      const response = yield* within({})(HttpClientRequest.get(server.url))
      const reading = readingOf(response) ?? assert.fail("no reading")
      assert.strictEqual(yield* reading.wholeText({ limit: 100, cut: true }), "x".repeat(100))
    }))

  it.live("reach the server as backpressure", () =>
    Effect.gen(function*() {
      const size = 64 * 1024
      const server = yield* Loopback.pouring(Buffer.alloc(size, "x"), 1024)
      const send = within({})
      const response = yield* send(HttpClientRequest.get(server.url))
      const received = yield* Stream.runFoldEffect(response.stream, () => 0, (sum, bytes) =>
        sum > 0
          ? Effect.succeed(sum + bytes.length)
          // the server has time for many other requests after the first chunk was read
          : send(HttpClientRequest.get(`${server.url}/small`)).pipe(
            Effect.flatMap(({ text }) => text),
            Effect.replicateEffect(500, { discard: true }),
            Effect.map(() => {
              assert.isBelow(server.written(), 512)
              return bytes.length
            })
          ))
      assert.strictEqual(received, 1024 * size)
    }))
})

const over = (answer: Parameters<typeof Loopback.http>[0]) =>
  Effect.map(
    Loopback.http(answer),
    ({ url }) => TgiClient.layer({ url, retry: Retry.none }).pipe(Layer.provide(FetchTransport.layer))
  )

describe("the client of a server over it", () => {
  it.live("gets whole responses and streams", () =>
    Effect.gen(function*() {
      const layer = yield* over((request, response) => {
        if (request.headers.accept === "text/event-stream") {
          response.writeHead(200, { "content-type": "text/event-stream" })
          response.write(Wire.token("a"))
          setTimeout(() => response.end(Wire.last("a")), 10)
        } else response.end(`{"generated_text":"a"}`)
      })
      const client = yield* Effect.provide(TgiClient.TgiClient, layer)
      const { value } = yield* client.generate(Wire.prompt)
      const frames = yield* Stream.runCollect(client.generateStream(Wire.prompt))
      assert.deepStrictEqual([value.generated_text, frames.map(({ token }) => token.text)], ["a", ["a", "</s>"]])
    }).pipe(Effect.scoped))
})
