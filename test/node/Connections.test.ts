/** What the connections of the Node transport do beyond what any client of Effect does. */
import { assert, describe, it } from "@effect/vitest"
import { Deferred, Effect, Stream } from "effect"
import { HttpBody, HttpClient, HttpClientRequest } from "effect/http"
import { readFileSync } from "node:fs"
import * as Https from "node:https"
import type { AddressInfo } from "node:net"
import * as NodeTransport from "../../src/node/NodeTransport.ts"
import * as Loopback from "./Loopback.ts"

const withClient = (options: NodeTransport.Options = {}) => Effect.provide(NodeTransport.layerOptions(options))

const codeOf = (error: { readonly reason: object }): unknown =>
  "cause" in error.reason && typeof error.reason.cause === "object" && error.reason.cause !== null
    ? Reflect.get(error.reason.cause, "code")
    : undefined

const get = (url: string) => Effect.flatMap(HttpClient.get(url), (response) => response.text)

const file = (name: string) => readFileSync(new URL(`tls/${name}.pem`, import.meta.url), "utf8")

/** A server with a certificate that only it has signed. */
const secure = Effect.map(
  Effect.acquireRelease(
    Effect.callback<{ readonly server: Https.Server; readonly accepted: () => number }>((resume) => {
      let connections = 0
      const server = Https.createServer(
        { key: file("key"), cert: file("certificate") },
        (request, response) => response.end(`${request.method} ${request.headers.host?.replace(/:\d+$/, "")}`)
      )
      server.on("secureConnection", () => connections++)
      server.listen(0, "127.0.0.1", () => resume(Effect.succeed({ server, accepted: () => connections })))
    }),
    ({ server }) =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      })
  ),
  ({ accepted, server }) => ({ accepted, port: (server.address() as AddressInfo).port })
)

describe("TLS", () => {
  it.live("is spoken where the URL says so, on a connection that is kept", () =>
    Effect.gen(function*() {
      const { accepted, port } = yield* secure
      const text = get(`https://localhost:${port}/`)
      assert.deepStrictEqual([yield* text, yield* text, accepted()], ["GET localhost", "GET localhost", 1])
    }).pipe(withClient({ ca: file("certificate") })))

  it.live("is spoken to an address without a name", () =>
    Effect.gen(function*() {
      const { port } = yield* secure
      assert.strictEqual(yield* get(`https://127.0.0.1:${port}/`), "GET 127.0.0.1")
    }).pipe(withClient({ ca: [file("certificate")] })))

  it.live("is not spoken to a server that nobody vouches for, whatever the environment says", () =>
    Effect.gen(function*() {
      const { port } = yield* secure
      const error = yield* Effect.flip(get(`https://localhost:${port}/`))
      assert.deepStrictEqual([error.reason._tag, codeOf(error)], ["TransportError", "DEPTH_ZERO_SELF_SIGNED_CERT"])
    }).pipe(
      (self) =>
        Effect.acquireUseRelease(
          Effect.sync(() => Object.assign(process.env, { NODE_TLS_REJECT_UNAUTHORIZED: "0" })),
          () => self,
          () => Effect.sync(() => delete process.env.NODE_TLS_REJECT_UNAUTHORIZED)
        ),
      withClient()
    ))

  it.live("is not spoken to a server with another name", () =>
    Effect.gen(function*() {
      const { port } = yield* secure
      const error = yield* Effect.flip(get(`https://127.0.0.2:${port}/`))
      assert.strictEqual(error.reason._tag, "TransportError")
    }).pipe(withClient({ ca: file("certificate") })))

  it.live("is not mistaken for plain HTTP", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) => response.end("plain"))
      const error = yield* Effect.flip(get(server.url.replace("http:", "https:")))
      assert.strictEqual(error.reason._tag, "TransportError")
    }).pipe(withClient()))
})

describe("a connection", () => {
  it.live("is not kept where the server says that it closes it, or keeps it too briefly to be of use", () =>
    Effect.gen(function*() {
      for (const field of ["connection: close", "keep-alive: timeout=1"]) {
        const server = yield* Loopback.raw((socket) =>
          socket.write(`HTTP/1.1 200 OK\r\n${field}\r\ncontent-length: 2\r\n\r\nok`)
        )
        assert.deepStrictEqual([yield* get(server.url), yield* get(server.url), server.accepted()], ["ok", "ok", 2])
        yield* server.closed(0)
      }
    }).pipe(withClient()))

  it.live("is closed when it was free for as long as it may be", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) => response.end("ok"))
      yield* get(server.url)
      yield* server.closed(0)
      assert.strictEqual(yield* get(server.url), "ok")
    }).pipe(withClient({ keepAliveTimeout: "10 millis" })))

  it.live("is not kept after bytes that nobody asked for", () =>
    Effect.gen(function*() {
      const answer = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
      const server = yield* Loopback.raw((socket) => socket.write(answer + answer))
      assert.deepStrictEqual([yield* get(server.url), yield* get(server.url), server.accepted()], ["ok", "ok", 2])
    }).pipe(withClient()))

  it.live.each(["Infinity", "100 days", "1 minute"] as const)(
    "is opened within a limit of %s",
    (connectTimeout) =>
      Effect.gen(function*() {
        const server = yield* Loopback.http((_, response) => setTimeout(() => response.end("ok"), 20))
        assert.strictEqual(yield* get(server.url), "ok")
      }).pipe(withClient({ connectTimeout }))
  )

  it.live("is opened for no other protocol", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(get("ftp://127.0.0.1/"))
      assert.deepStrictEqual([error.reason._tag, codeOf(error)], ["TransportError", "ERR_INVALID_URL"])
    }).pipe(withClient()))

  it.live("reaches an address of IPv6", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(get("http://[::1]:9/"))
      assert.include(["ECONNREFUSED", "EADDRNOTAVAIL"], String(codeOf(error)))
    }).pipe(withClient()))
})

const send = (url: string, body: HttpBody.HttpBody) =>
  HttpClient.execute(HttpClientRequest.setBody(HttpClientRequest.post(url), body))

describe("a body in parts", () => {
  const echo = Loopback.http((request, response) => {
    response.writeHead(200, {
      framing: request.headers["transfer-encoding"] ?? String(request.headers["content-length"])
    })
    request.pipe(response)
  })

  it.live("larger than all buffers on the way arrives whole", () =>
    Effect.gen(function*() {
      const server = yield* echo
      const piece = new Uint8Array(64 * 1024).fill(97)
      const body = HttpBody.stream(Stream.range(1, 100).pipe(Stream.map(() => piece)))
      const response = yield* send(server.url, body)
      assert.strictEqual(response.headers.framing, "chunked")
      assert.strictEqual((yield* response.arrayBuffer).byteLength, 100 * piece.length)
    }).pipe(withClient()))

  it.live("of a length that is known is sent without chunks", () =>
    Effect.gen(function*() {
      const server = yield* echo
      const body = HttpBody.stream(Stream.make("ab", "", "cd").pipe(Stream.encodeText), "text/plain", 4)
      const response = yield* send(server.url, body)
      assert.deepStrictEqual([response.headers.framing, yield* response.text], ["4", "abcd"])
    }).pipe(withClient()))

  it.live.each([3, 5])("is refused where it is not as long as it says: %i", (contentLength) =>
    Effect.gen(function*() {
      const server = yield* echo
      const body = HttpBody.stream(Stream.make("ab", "cd").pipe(Stream.encodeText), "text/plain", contentLength)
      const error = yield* Effect.flip(send(server.url, body).pipe(Effect.flatMap((response) => response.text)))
      assert.strictEqual(codeOf(error), "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH")
    }).pipe(withClient()))

  it.live("is no longer made when its request is given up", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http(() => undefined)
      const stopped = yield* Deferred.make<void>()
      const endless = Stream.fromEffect(Effect.never).pipe(
        Stream.ensuring(Deferred.succeed(stopped, undefined))
      )
      yield* Effect.timeoutOption(send(server.url, HttpBody.stream(endless)), "50 millis")
      yield* Deferred.await(stopped)
      yield* server.closed(0)
    }).pipe(withClient()))

  it.live("is no longer made when the answer came before its end, and the connection is given up", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) => response.writeHead(413).end("too large"))
      const stopped = yield* Deferred.make<void>()
      const endless = Stream.make(new Uint8Array(10), new Uint8Array(10)).pipe(
        Stream.concat(Stream.fromEffect(Effect.never)),
        Stream.ensuring(Deferred.succeed(stopped, undefined))
      )
      const response = yield* send(server.url, HttpBody.stream(endless))
      assert.deepStrictEqual([response.status, yield* response.text], [413, "too large"])
      yield* Deferred.await(stopped)
      yield* server.closed(0)
    }).pipe(withClient()))

  it.live("that fails closes its connection", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http(() => undefined)
      const body = HttpBody.stream(Stream.concat(Stream.make(new Uint8Array(3)), Stream.fail(new Error("no more"))))
      const error = yield* Effect.flip(send(server.url, body))
      assert.strictEqual(error.reason._tag, "TransportError")
      yield* server.closed(0)
    }).pipe(withClient()))

  it.live("can be raw: bytes, a blob, a web stream, an iterable; and nothing else", () =>
    Effect.gen(function*() {
      const server = yield* echo
      const text = (raw: unknown) => Effect.flatMap(send(server.url, HttpBody.raw(raw)), (response) => response.text)
      const bytes = new TextEncoder().encode("größer")
      const blob = new Blob([bytes])
      for (const raw of [bytes, blob, blob.stream(), ["größ", "er"]]) assert.strictEqual(yield* text(raw), "größer")
      for (const raw of [7, { a: 1 }, [{ a: 1 }]]) {
        assert.strictEqual(codeOf(yield* Effect.flip(text(raw))), "UND_ERR_INVALID_ARG")
      }
    }).pipe(withClient()))
})
