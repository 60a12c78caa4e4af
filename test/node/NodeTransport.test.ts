import { assert, describe, it } from "@effect/vitest"
import { Cause, Deferred, Effect, Exit, Fiber, Scope, Stream } from "effect"
import { HttpBody, HttpClient, type HttpClientError, HttpClientRequest } from "effect/http"
import { randomBytes } from "node:crypto"
import * as Zlib from "node:zlib"
import { type Limits, readingOf, sendOf } from "../../src/http/TransportLimits.ts"
import * as NodeTransport from "../../src/node/NodeTransport.ts"
import * as Loopback from "./Loopback.ts"

const withClient = (options: NodeTransport.Options = {}) => Effect.provide(NodeTransport.layerOptions(options))

/** Sends every request within limits; without any, in the client's own way. */
const limited = (limits: Limits | undefined) => <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.updateService(self, HttpClient.HttpClient, (client) => {
    const send = sendOf(client)
    return limits === undefined || send === undefined
      ? client
      : HttpClient.makeWith(
        (execute) => Effect.flatMap(execute, (request) => send(request, limits)),
        Effect.succeed<HttpClientRequest.HttpClientRequest>
      )
  })

const codeOf = (error: HttpClientError.HttpClientError): string => {
  const cause: unknown = "cause" in error.reason ? error.reason.cause : undefined
  return typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : ""
}

const told = (error: HttpClientError.HttpClientError) => [error.reason._tag, codeOf(error)]

/** How much comes of a body that is streamed until it is too large. */
const cutOff = Effect.fnUntraced(function*(url: string) {
  const response = yield* HttpClient.get(url)
  let received = 0
  const error = yield* response.stream.pipe(
    Stream.runForEach((bytes) => Effect.sync(() => received += bytes.length)),
    Effect.flip
  )
  assert.deepStrictEqual(told(error), ["DecodeError", "ERR_BODY_TOO_LARGE"])
  return received
})

const tokens = (count: number) => Array.from({ length: count }, (_, index) => `data:{"index":${index}}\n\n`)

const drain = (url: string) =>
  Effect.flatMap(HttpClient.get(url), (response) => Stream.mkString(Stream.decodeText(response.stream)))

const asked = (accept: string, options: NodeTransport.Options = {}) =>
  Effect.gen(function*() {
    const server = yield* Loopback.http((request, response) =>
      response.end(request.headers["accept-encoding"] ?? "none")
    )
    const response = yield* HttpClient.get(server.url, { headers: { accept } })
    return yield* response.text
  }).pipe(withClient(options))

const environment = (variables: Record<string, string>) =>
  Effect.acquireRelease(
    Effect.sync(() => Object.assign(process.env, variables)),
    () => Effect.sync(() => Object.keys(variables).forEach((name) => delete process.env[name]))
  )

/** With limits the client takes its short way, without them the way of every Effect client: both keep the same laws. */
const ways = [["with limits", { idle: 60_000 }], ["without limits", undefined]] as const

describe.each(ways)("a request %s", (_, limits) => {
  const given = limited(limits)

  it.live("gets the status, the headers and the text", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((request, response) => {
        response.writeHead(200, { "X-Request-Id": "r1", "content-type": "application/json" })
        request.pipe(response)
      })
      const response = yield* HttpClient.post(`${server.url}/generate?a=1#part`, {
        body: HttpBody.jsonUnsafe({ inputs: "grüße" })
      })
      assert.deepStrictEqual(
        [response.status, response.headers["x-request-id"], response.url, yield* response.text, yield* response.json],
        [200, "r1", `${server.url}/generate?a=1`, `{"inputs":"grüße"}`, { inputs: "grüße" }]
      )
    }).pipe(given, withClient()))

  it.live("streams the body as it comes", () =>
    Effect.gen(function*() {
      const seen = yield* Deferred.make<void>()
      const fork = Effect.runForkWith(yield* Effect.context())
      const server = yield* Loopback.http((_, response) => {
        response.write("first")
        fork(Effect.andThen(Deferred.await(seen), Effect.sync(() => response.end("second"))))
      })
      const response = yield* HttpClient.get(server.url)
      const texts = yield* response.stream.pipe(
        Stream.decodeText(),
        Stream.tap((text) => text === "first" ? Deferred.succeed(seen, undefined) : Effect.void),
        Stream.runCollect
      )
      assert.deepStrictEqual(texts, ["first", "second"])
    }).pipe(given, withClient()))

  it.live("closes its connection at once when interrupted before the head", () =>
    Effect.gen(function*() {
      const asked = yield* Deferred.make<void>()
      const server = yield* Loopback.http(() => Deferred.doneUnsafe(asked, Effect.void))
      const fiber = yield* Effect.forkChild(HttpClient.get(server.url))
      yield* Deferred.await(asked)
      yield* Fiber.interrupt(fiber)
      yield* server.closed(0)
    }).pipe(given, withClient()))

  it.live("closes its connection at once when interrupted while the text is read", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) => response.write("part"))
      const response = yield* HttpClient.get(server.url)
      const fiber = yield* Effect.forkChild(response.text, { startImmediately: true })
      yield* Fiber.interrupt(fiber)
      yield* server.closed(0)
    }).pipe(given, withClient()))

  it.live("closes its connection at once when the stream is left early", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) => response.write("data:1\n\n"))
      const first = yield* HttpClient.get(server.url).pipe(
        Effect.flatMap((response) => Stream.runHead(response.stream))
      )
      assert.isTrue(first._tag === "Some")
      yield* server.closed(0)
    }).pipe(given, withClient()))

  it.live("fails with TransportError when nothing listens", () =>
    Effect.gen(function*() {
      const server = yield* Effect.scoped(Loopback.http(() => undefined))
      const error = yield* Effect.flip(HttpClient.get(server.url))
      assert.deepStrictEqual(told(error), ["TransportError", "ECONNREFUSED"])
    }).pipe(given, withClient()))

  it.live("fails with InvalidUrlError for what is no URL", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(HttpClient.get("http://["))
      assert.strictEqual(error.reason._tag, "InvalidUrlError")
    }).pipe(given, withClient()))

  it.live("fails with TransportError for a header value that cannot be sent, without showing it", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(
        HttpClient.get("http://127.0.0.1:9", { headers: { authorization: "Bearer a\nb" } })
      )
      assert.deepStrictEqual(told(error), ["TransportError", "UND_ERR_INVALID_ARG"])
      assert.notInclude(String(error.cause), "Bearer")
    }).pipe(given, withClient()))
})

describe("the body", () => {
  it.live("can be read whole again, and streamed after it was read whole", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) => response.end("\uFEFFtext"))
      const response = yield* HttpClient.get(server.url)
      const all = [
        yield* response.text,
        yield* response.text,
        new TextDecoder().decode(yield* response.arrayBuffer),
        yield* Stream.mkString(Stream.decodeText(response.stream))
      ]
      assert.deepStrictEqual(all, ["text", "text", "text", "text"])
    }).pipe(withClient()))

  it.live("read whole by two readers at once reaches both", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) =>
        response.write("a", () => setImmediate(() => response.end("b")))
      )
      const response = yield* HttpClient.get(server.url)
      const texts = yield* Effect.all([response.text, response.text], { concurrency: 2 })
      assert.deepStrictEqual(texts, ["ab", "ab"])
    }).pipe(withClient()))

  it.live("can be streamed once", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) => response.end("text"))
      const response = yield* HttpClient.get(server.url)
      yield* Stream.runDrain(response.stream)
      assert.deepStrictEqual(told(yield* Effect.flip(response.text)), ["DecodeError", "ERR_BODY_READ"])
    }).pipe(withClient()))

  it.live("of a 204 is an empty stream and an empty text", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) => response.writeHead(204).end())
      const streamed = yield* Effect.flatMap(
        HttpClient.get(server.url),
        (response) => Stream.runCollect(response.stream)
      )
      const response = yield* HttpClient.get(server.url)
      assert.deepStrictEqual([streamed, yield* response.text, yield* response.json], [[], "", null])
    }).pipe(withClient()))

  it.live("of a HEAD request is empty whatever the head announces", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) => response.writeHead(200, { "content-length": "9" }).end())
      const response = yield* HttpClient.head(server.url)
      assert.deepStrictEqual([response.headers["content-length"], yield* response.text], ["9", ""])
    }).pipe(withClient()))

  it.live("that is no JSON fails as DecodeError", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) => response.end("<html>"))
      const error = yield* Effect.flip(Effect.flatMap(HttpClient.get(server.url), (response) => response.json))
      assert.strictEqual(error.reason._tag, "DecodeError")
    }).pipe(withClient()))

  it.live("cut short delivers what arrived and then fails as DecodeError", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.raw((socket) => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart"))
      const response = yield* HttpClient.get(server.url)
      const received: Array<string> = []
      const error = yield* response.stream.pipe(
        Stream.decodeText(),
        Stream.runForEach((text) => Effect.sync(() => received.push(text))),
        Effect.flip
      )
      assert.deepStrictEqual([received, error.reason._tag], [["part"], "DecodeError"])
    }).pipe(withClient()))

  it.live("reset in the middle fails as DecodeError", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.raw((socket) =>
        socket.write(
          "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\npart\r\n",
          () => socket.resetAndDestroy()
        )
      )
      const error = yield* Effect.flip(Effect.flatMap(HttpClient.get(server.url), (response) => response.text))
      assert.strictEqual(error.reason._tag, "DecodeError")
    }).pipe(withClient()))

  it.live("with a chunk of a wrong length fails as DecodeError", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.raw((socket) =>
        socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\npart\r\n0\r\n\r\n")
      )
      const error = yield* Effect.flip(Effect.flatMap(HttpClient.get(server.url), (response) => response.text))
      assert.strictEqual(error.reason._tag, "DecodeError")
    }).pipe(withClient()))
})

describe("a response that is wanted whole", () => {
  const whole = { limit: 1000 }
  const sent = (url: string) =>
    Effect.flatMap(HttpClient.HttpClient, (client) => {
      const send = sendOf(client) ?? assert.fail("no way to send within limits")
      return send(HttpClientRequest.get(url), {}, whole)
    })

  it.live("comes with its text, compressed or not", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http(({ url }, response) =>
        url === "/gzip"
          ? response.writeHead(200, { "content-encoding": "gzip" }).end(Zlib.gzipSync("größ"))
          : response.end("größ")
      )
      for (const path of ["", "/gzip"]) {
        const response = yield* sent(server.url + path)
        assert.deepStrictEqual([readingOf(response)?.arrivedText(), yield* response.text], ["größ", "größ"])
      }
    }).pipe(withClient()))

  it.live("comes by its head where it refuses, so that little of its body need be read", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) => response.writeHead(503).write("busy"))
      const response = yield* sent(server.url)
      assert.deepStrictEqual([response.status, readingOf(response)?.arrivedText()], [503, undefined])
    }).pipe(withClient()))

  it.live.each([
    ["cut short", "content-length: 100\r\n\r\npart", "UND_ERR_SOCKET"],
    ["too large by its head", "content-length: 1001\r\n\r\n", "ERR_BODY_TOO_LARGE"],
    ["too large by its body", `connection: close\r\n\r\n${"x".repeat(1001)}`, "ERR_BODY_TOO_LARGE"]
  ])("fails as one that is read later: %s", ([, rest, code]) =>
    Effect.gen(function*() {
      const server = yield* Loopback.raw((socket) => socket.end(`HTTP/1.1 200 OK\r\n${rest}`))
      const client = yield* HttpClient.HttpClient
      const send = sendOf(client) ?? assert.fail("no way to send within limits")
      const response = yield* send(HttpClientRequest.get(server.url), { maxBodyBytes: whole.limit }, whole)
      assert.isUndefined(readingOf(response)?.arrivedText())
      const error = yield* Effect.flip(readingOf(response)?.wholeText(whole) ?? Effect.succeed(""))
      assert.deepStrictEqual(told(error), ["DecodeError", code])
    }).pipe(withClient()))

  it.live("closes its connection when its reader leaves before the end", () =>
    Effect.gen(function*() {
      const written = yield* Deferred.make<void>()
      const server = yield* Loopback.http((_, response) =>
        response.write("part", () => Deferred.doneUnsafe(written, Effect.void))
      )
      const fiber = yield* Effect.forkChild(sent(server.url))
      yield* Deferred.await(written)
      yield* Fiber.interrupt(fiber)
      yield* server.closed(0)
    }).pipe(withClient()))
})

describe("the head", () => {
  it.live("is the final one when interim answers come before it", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.raw((socket) =>
        socket.write(
          "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" +
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
        )
      )
      const response = yield* HttpClient.get(server.url)
      assert.deepStrictEqual([response.status, response.headers.link, yield* response.text], [200, undefined, "ok"])
    }).pipe(withClient()))

  it.live("of a redirect is the answer", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) => response.writeHead(307, { location: "/elsewhere" }).end())
      const response = yield* HttpClient.post(server.url)
      assert.deepStrictEqual([response.status, response.headers.location], [307, "/elsewhere"])
    }).pipe(withClient()))

  it.live("larger than the limit fails as TransportError", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) => response.writeHead(200, { big: "x".repeat(3000) }).end())
      const error = yield* Effect.flip(HttpClient.get(server.url))
      assert.deepStrictEqual(told(error), ["TransportError", "UND_ERR_HEADERS_OVERFLOW"])
    }).pipe(withClient({ maxHeaderBytes: 2000 })))

  it.live("that is no HTTP fails as TransportError", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.raw((socket) => socket.end("SSH-2.0-OpenSSH\r\n"))
      const error = yield* Effect.flip(HttpClient.get(server.url))
      assert.strictEqual(error.reason._tag, "TransportError")
    }).pipe(withClient()))

  it.live("keeps every cookie", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) =>
        response.writeHead(200, { "set-cookie": ["a=1", "b=2"] }).end()
      )
      const response = yield* HttpClient.get(server.url)
      assert.deepStrictEqual(Object.keys(response.cookies.cookies), ["a", "b"])
    }).pipe(withClient()))
})

describe("a request body", () => {
  const echo = Loopback.http((request, response) => {
    response.writeHead(200, { "content-type": request.headers["content-type"] ?? "none" })
    request.pipe(response)
  })

  it.live("can be a stream", () =>
    Effect.gen(function*() {
      const server = yield* echo
      const response = yield* HttpClientRequest.post(server.url).pipe(
        HttpClientRequest.bodyStream(Stream.make("ab", "cd").pipe(Stream.encodeText)),
        HttpClient.execute
      )
      assert.strictEqual(yield* response.text, "abcd")
    }).pipe(withClient()))

  it.live("can be raw bytes", () =>
    Effect.gen(function*() {
      const server = yield* echo
      const response = yield* HttpClient.post(server.url, { body: HttpBody.raw("raw", { contentType: "text/plain" }) })
      assert.deepStrictEqual([response.headers["content-type"], yield* response.text], ["text/plain", "raw"])
    }).pipe(withClient()))

  it.live("can be a form", () =>
    Effect.gen(function*() {
      const server = yield* echo
      const form = new FormData()
      form.append("name", "value")
      const response = yield* HttpClient.post(server.url, { body: HttpBody.formData(form) })
      const received = yield* response.formData
      assert.strictEqual(received.get("name"), "value")
    }).pipe(withClient()))
})

describe("a kept connection", () => {
  const ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

  it.live("that was closed meanwhile costs a read no failure: it is sent again", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.raw((socket, nth) => nth === 0 ? socket.write(ok) : socket.destroy())
      const get = Effect.flatMap(HttpClient.get(server.url), (response) => response.text)
      assert.deepStrictEqual([yield* get, yield* get, yield* get, server.accepted()], ["ok", "ok", "ok", 3])
    }).pipe(withClient()))

  it.live("that is reset before a byte of the response costs a read no failure either", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.raw((socket, nth) => nth === 0 ? socket.write(ok) : socket.resetAndDestroy())
      const get = Effect.flatMap(HttpClient.get(server.url), (response) => response.text)
      assert.deepStrictEqual([yield* get, yield* get, server.accepted()], ["ok", "ok", 2])
    }).pipe(withClient()))

  it.live.each(["POST", "PUT", "DELETE"] as const)(
    "that was closed under a %s fails it, since the server may have taken it up",
    (method) =>
      Effect.gen(function*() {
        const server = yield* Loopback.raw((socket, nth) => nth === 0 ? socket.write(ok) : socket.destroy())
        yield* Effect.flatMap(HttpClient.get(server.url), (response) => response.text)
        const error = yield* Effect.flip(HttpClient.execute(HttpClientRequest.make(method)(server.url)))
        assert.deepStrictEqual([error.reason._tag, server.accepted()], ["TransportError", 1])
      }).pipe(withClient())
  )

  it.live("is the one that was used last", () =>
    Effect.gen(function*() {
      const used: Array<number> = []
      const server = yield* Loopback.raw((socket, _, connection) => {
        used.push(connection)
        setTimeout(() => socket.write(ok), 10)
      })
      const get = Effect.flatMap(HttpClient.get(server.url), (response) => response.text)
      yield* Effect.all([get, Effect.delay(get, 5)], { concurrency: 2 })
      yield* get
      yield* get
      assert.deepStrictEqual(used, [0, 1, 1, 1])
    }).pipe(withClient()))

  it.live("is the only one that is forgiven: a reset of a new connection fails", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.raw((socket) => socket.resetAndDestroy())
      const error = yield* Effect.flip(HttpClient.get(server.url))
      assert.deepStrictEqual([told(error), server.accepted()], [["TransportError", "ECONNRESET"], 1])
    }).pipe(withClient()))

  it.live("that was closed is replaced by a new one, and not by another kept one that may be closed too", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.raw((socket, nth) => nth === 0 ? socket.write(ok) : socket.resetAndDestroy())
      const get = Effect.flatMap(HttpClient.get(server.url), (response) => response.text)
      yield* Effect.all([get, get], { concurrency: 2 })
      assert.deepStrictEqual([yield* get, server.accepted()], ["ok", 3])
    }).pipe(withClient()))

  it.live("that the server closes while it is idle is not used again", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.raw((socket) => socket.write(ok, () => setImmediate(() => socket.end())))
      const get = Effect.flatMap(HttpClient.get(server.url), (response) => response.text)
      yield* get
      yield* server.closed(0)
      assert.deepStrictEqual([yield* get, server.accepted()], ["ok", 2])
    }).pipe(withClient()))

  it.live("is forgiven once: a request that was sent again and reset again fails", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.raw((socket, nth, connection) =>
        nth === 0 && connection === 0 ? socket.write(ok) : socket.resetAndDestroy()
      )
      const get = Effect.flatMap(HttpClient.get(server.url), (response) => response.text)
      yield* get
      const error = yield* Effect.flip(get)
      assert.deepStrictEqual([told(error), server.accepted()], [["TransportError", "ECONNRESET"], 2])
    }).pipe(withClient()))

  it.live("whose request could have been taken up is not forgiven", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.raw((socket, nth) => nth === 0 ? socket.write(ok) : socket.end("HTTP/1.1 2"))
      const get = Effect.flatMap(HttpClient.get(server.url), (response) => response.text)
      yield* get
      const error = yield* Effect.flip(get)
      assert.deepStrictEqual([error.reason._tag, server.accepted()], ["TransportError", 1])
    }).pipe(withClient()))

  it.live("carries one request after the other", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) => response.end("ok"))
      const get = Effect.flatMap(HttpClient.get(server.url), (response) => response.text)
      yield* Effect.replicateEffect(get, 20, { discard: true })
      assert.strictEqual(server.accepted(), 1)
    }).pipe(withClient()))
})

describe("the pool", () => {
  const streaming = Loopback.http((_, response) => {
    const frames = tokens(20)
    const next = () => {
      const frame = frames.shift()
      if (frame === undefined) response.end()
      else response.write(frame, () => setImmediate(next))
    }
    next()
  })

  it.live("opens as many connections as there are streams at once, and not as streams in all", () =>
    Effect.gen(function*() {
      const server = yield* streaming
      const texts = yield* Effect.forEach(Array.from({ length: 96 }), () => drain(server.url), { concurrency: 16 })
      assert.isTrue(texts.every((text) => text === tokens(20).join("")))
      assert.strictEqual(server.accepted(), 16)
    }).pipe(limited({}), withClient()))

  it.live("keeps to the connections it was given", () =>
    Effect.gen(function*() {
      const server = yield* streaming
      yield* Effect.forEach(Array.from({ length: 24 }), () => drain(server.url), { concurrency: 24, discard: true })
      assert.strictEqual(server.accepted(), 3)
    }).pipe(withClient({ connections: 3 })))

  it.live("serves those who wait in their order, also after a failure", () =>
    Effect.gen(function*() {
      const paths: Array<string> = []
      const server = yield* Loopback.http((request, response) => {
        paths.push(request.url ?? "")
        if (request.url === "/1") response.destroy()
        else setImmediate(() => response.end("ok"))
      })
      const get = (path: number) => Effect.exit(HttpClient.get(`${server.url}/${path}`))
      const exits = yield* Effect.forEach([1, 2, 3, 4], get, { concurrency: 4 })
      assert.deepStrictEqual(paths, ["/1", "/2", "/3", "/4"])
      assert.deepStrictEqual(exits.map(Exit.isSuccess), [false, true, true, true])
    }).pipe(withClient({ connections: 1 })))

  it.live("gives a withdrawn request no connection and loses none to it", () =>
    Effect.gen(function*() {
      const asked = yield* Deferred.make<void>()
      const go = yield* Deferred.make<void>()
      const fork = Effect.runForkWith(yield* Effect.context())
      const paths: Array<string> = []
      const server = yield* Loopback.http((request, response) => {
        paths.push(request.url ?? "")
        Deferred.doneUnsafe(asked, Effect.void)
        fork(Effect.andThen(Deferred.await(go), Effect.sync(() => response.end("ok"))))
      })
      const get = (path: string) => Effect.flatMap(HttpClient.get(server.url + path), (response) => response.text)
      const first = yield* Effect.forkChild(get("/first"))
      yield* Deferred.await(asked)
      const second = yield* Effect.forkChild(get("/second"), { startImmediately: true })
      yield* Fiber.interrupt(second)
      yield* Deferred.succeed(go, undefined)
      yield* Fiber.join(first)
      yield* get("/third")
      assert.deepStrictEqual([paths, server.accepted()], [["/first", "/third"], 1])
    }).pipe(withClient({ connections: 1 })))

  it.live("fails what comes after its scope, and what waited for a connection until then", () =>
    Effect.gen(function*() {
      const asked = yield* Deferred.make<void>()
      const server = yield* Loopback.http(() => Deferred.doneUnsafe(asked, Effect.void))
      const scope = yield* Scope.make()
      const client = yield* Scope.provide(NodeTransport.make({ connections: 1 }), scope)
      const get = Effect.flip(client.get(server.url))
      const first = yield* Effect.forkChild(get)
      yield* Deferred.await(asked)
      const second = yield* Effect.forkChild(get, { startImmediately: true })
      yield* Scope.close(scope, Exit.void)
      const errors = [yield* Fiber.join(first), yield* Fiber.join(second), yield* get]
      assert.deepStrictEqual(errors.map(codeOf), Array.from({ length: 3 }, () => "ERR_CLIENT_CLOSED"))
    }))

  it.live("is closed with its scope", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) => response.end("ok"))
      yield* Effect.flatMap(HttpClient.get(server.url), (response) => response.text).pipe(withClient())
      yield* server.closed(0)
    }))
})

describe("a response before the request was sent", () => {
  const large = new Uint8Array(12 * 1024 * 1024)

  it.live.each(["raw", "stream"] as const)(
    "leaves its connection to nobody: a %s body",
    (kind) =>
      Effect.gen(function*() {
        const server = yield* Loopback.raw((socket, nth, connection) => {
          if (connection > 0) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
          else if (nth === 0) {
            socket.pause()
            socket.write("HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig")
          }
        })
        const body = kind === "raw" ? HttpBody.raw(large) : HttpBody.stream(Stream.make(large))
        const refused = yield* HttpClient.post(server.url, { body })
        assert.deepStrictEqual([refused.status, yield* refused.text], [413, "big"])
        const next = yield* HttpClient.post(server.url, { body: HttpBody.text("small") })
        assert.deepStrictEqual([yield* next.text, server.accepted()], ["ok", 2])
      }).pipe(limited({ headers: 2000, total: 5000 }), withClient())
  )

  it.live("of any status leaves it to nobody, where some of the request is still to be sent", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.raw((socket, nth, connection) => {
        if (connection === 0 && nth === 0) socket.pause()
        socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
      })
      const post = (body: Uint8Array) =>
        Effect.flatMap(HttpClient.post(server.url, { body: HttpBody.raw(body) }), (response) => response.text)
      yield* post(large)
      yield* post(new Uint8Array(1))
      assert.strictEqual(server.accepted(), 2)
    }).pipe(limited({ headers: 2000, total: 5000 }), withClient()))
})

describe("backpressure", () => {
  const size = 64 * 1024

  it.live.each<readonly [coding: string, chunk: Uint8Array]>([
    ["identity", Buffer.alloc(size, "x")],
    // members of one gzip body, each as long as what is in it
    ["gzip", Zlib.gzipSync(randomBytes(size))]
  ])(
    "reaches the server: it cannot write more than the buffers on the way hold, %s",
    ([coding, chunk]) =>
      Effect.gen(function*() {
        const server = yield* Loopback.pouring(chunk, 1024, { "content-encoding": coding })
        const response = yield* HttpClient.get(server.url)
        // the server has time for a thousand other requests meanwhile
        const small = Effect.flatMap(HttpClient.get(`${server.url}/small`), (response) => response.text)
        yield* Effect.replicateEffect(small, 1000, { discard: true })
        assert.isBelow(server.written(), 512)
        const received = yield* Stream.runFold(response.stream, () => 0, (sum, bytes) => sum + bytes.length)
        assert.strictEqual(received, 1024 * size)
      }).pipe(withClient())
  )

  it.live("stops the decoder: what a small body grows to is not held for a slow reader", () =>
    Effect.gen(function*() {
      const length = 8 * 1024 * 1024
      const bomb = Zlib.gzipSync(Buffer.alloc(length))
      const server = yield* Loopback.http((request, response) =>
        request.url === "/small"
          ? response.end("ok")
          : response.writeHead(200, { "content-encoding": "gzip" }).end(bomb)
      )
      const response = yield* HttpClient.get(server.url)
      const small = Effect.flatMap(HttpClient.get(`${server.url}/small`), (response) => response.text)
      yield* Effect.replicateEffect(small, 1000, { discard: true })
      const held: Array<number> = []
      const reading = readingOf(response) ?? assert.fail("no reading")
      yield* reading.each((chunks) => {
        held.push(chunks.reduce((sum, bytes) => sum + bytes.length, 0))
        return true
      })
      assert.isBelow(held[0] ?? length, length / 2)
      assert.strictEqual(held.reduce((sum, bytes) => sum + bytes, 0), length)
    }).pipe(limited({ idle: 60_000 }), withClient()))
})

describe("limits", () => {
  it.live("of the head fail a request that gets none", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http(() => undefined)
      const error = yield* Effect.flip(HttpClient.get(server.url))
      assert.deepStrictEqual(told(error), ["TransportError", "UND_ERR_HEADERS_TIMEOUT"])
      yield* server.closed(0)
    }).pipe(limited({ headers: 50 }), withClient()))

  it.live.each(
    [
      ["comes a byte at a time", "HTTP/1.1 200 OK\r\nx-slow: ", "x"],
      ["is one interim response after the other", "", "HTTP/1.1 102 Processing\r\n\r\n"]
    ] as const
  )(
    "of the head fail one that %s",
    ([, start, drip]) =>
      Effect.gen(function*() {
        const server = yield* Loopback.raw((socket) => {
          socket.write(start)
          const dripping = setInterval(() => socket.write(drip), 10)
          socket.on("close", () => clearInterval(dripping))
        })
        const error = yield* Effect.flip(HttpClient.get(server.url))
        assert.deepStrictEqual(told(error), ["TransportError", "UND_ERR_HEADERS_TIMEOUT"])
        yield* server.closed(0)
      }).pipe(limited({ headers: 300 }), withClient())
  )

  it.live.each(["HTTP/1.1 200 OK\ncontent-length: 2\n\nok", "220 mail.example ESMTP\r\n", "\u0015\u0003\u0001"])(
    "are not waited for where the head cannot become one: %j",
    (head) =>
      Effect.gen(function*() {
        const server = yield* Loopback.raw((socket) => socket.write(head))
        const error = yield* Effect.flip(HttpClient.get(server.url))
        assert.strictEqual(error.reason._tag, "TransportError")
        assert.match(codeOf(error), /^HPE_/)
      }).pipe(limited({ headers: 60_000 }), withClient())
  )

  it.live("do not mind many small chunk extensions", () =>
    Effect.gen(function*() {
      const chunks = Array.from({ length: 5000 }, () => "1;a=b\r\nx\r\n").join("")
      const server = yield* Loopback.raw((socket) =>
        socket.write(`HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`)
      )
      const response = yield* HttpClient.get(server.url)
      assert.strictEqual(yield* response.text, "x".repeat(5000))
    }).pipe(limited({ headers: 5000 }), withClient()))

  it.live("of silence fail a stalled body after what had arrived", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) => response.write("part"))
      const received: Array<string> = []
      const response = yield* HttpClient.get(server.url)
      const error = yield* response.stream.pipe(
        Stream.decodeText(),
        Stream.runForEach((text) => Effect.sync(() => received.push(text))),
        Effect.flip
      )
      assert.deepStrictEqual([received, ...told(error)], [["part"], "DecodeError", "UND_ERR_BODY_TIMEOUT"])
      yield* server.closed(0)
    }).pipe(limited({ idle: 50 }), withClient()))

  it.live.each<readonly [string, string, string, Limits]>([
    ["the whole", "x", "ERR_TOTAL_TIMEOUT", { total: 500 }],
    ["the first event", ": still there\n\n", "ERR_FIRST_EVENT_TIMEOUT", { firstEvent: 200 }]
  ])(
    "of %s fail a head that does not come, and a body that only goes on",
    ([, text, code, limits]) =>
      Effect.gen(function*() {
        const server = yield* Loopback.http((request, response) => {
          const more = () => {
            if (!response.destroyed) response.write(text, () => setTimeout(more, 5))
          }
          if (request.url === "/body") more()
        })
        const head = yield* Effect.flip(HttpClient.get(`${server.url}/head`))
        const response = yield* HttpClient.get(`${server.url}/body`)
        const body = yield* Effect.flip(response.text)
        assert.deepStrictEqual([told(head), told(body)], [["TransportError", code], ["DecodeError", code]])
        yield* server.closed(0)
        yield* server.closed(1)
      }).pipe(limited(limits), withClient())
  )

  it.live("of the first event hold no longer than until it came", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) => {
        response.write("first ")
        setTimeout(() => response.end("last"), 400)
      })
      const response = yield* HttpClient.get(server.url)
      readingOf(response)?.firstEventCame()
      assert.strictEqual(yield* response.text, "first last")
    }).pipe(limited({ firstEvent: 200 }), withClient()))

  it.live("of size fail a body that announces more, before it is read", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) =>
        response.writeHead(200, { "content-length": "1000" }).write("x")
      )
      const response = yield* HttpClient.get(server.url)
      const error = yield* Effect.flip(response.text)
      assert.deepStrictEqual([response.status, ...told(error)], [200, "DecodeError", "ERR_BODY_TOO_LARGE"])
      yield* server.closed(0)
    }).pipe(limited({ maxBodyBytes: 999 }), withClient()))

  it.live("of size stop a stream that goes on for ever", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) => {
        const more = () => {
          if (!response.destroyed) response.write("x".repeat(1000), () => setImmediate(more))
        }
        more()
      })
      assert.isAtMost(yield* cutOff(server.url), 5000)
      yield* server.closed(0)
    }).pipe(limited({ maxBodyBytes: 5000 }), withClient()))

  it.live.each([{}, { "content-length": "1000" }])(
    "of size let a body of exactly that size pass, announced or not: %o",
    (headers) =>
      Effect.gen(function*() {
        const server = yield* Loopback.http((_, response) => {
          response.writeHead(200, headers).write("x".repeat(400))
          response.end("x".repeat(600))
        })
        const whole = yield* Effect.flatMap(HttpClient.get(server.url), (response) => response.text)
        assert.deepStrictEqual([whole.length, (yield* drain(server.url)).length], [1000, 1000])
      }).pipe(limited({ maxBodyBytes: 1000 }), withClient())
  )

  it.live("of the client bound a body that is read whole where the request has none", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) => response.end("x".repeat(1000)))
      const whole = yield* Effect.flip(Effect.flatMap(HttpClient.get(server.url), (response) => response.arrayBuffer))
      const streamed = yield* Effect.flatMap(HttpClient.get(server.url), (response) =>
        Stream.runFold(response.stream, () => 0, (sum, bytes) => sum + bytes.length))
      assert.deepStrictEqual([...told(whole), streamed], ["DecodeError", "ERR_BODY_TOO_LARGE", 1000])
    }).pipe(withClient({ maxBodyBytes: 100 })))

  it.live("are known to be kept, by the client and by the response", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) => response.end())
      const client = yield* HttpClient.HttpClient
      const send = sendOf(client) ?? assert.fail("no way to send within limits")
      assert.isDefined(readingOf(yield* send(HttpClientRequest.get(server.url), {})))
      assert.isUndefined(sendOf(HttpClient.mapRequest(client, (request) => request)))
    }).pipe(withClient()))
})

/** Two members or frames, one after the other. */
const inTwo = (compress: (bytes: Uint8Array) => Buffer) => (bytes: Uint8Array) =>
  Buffer.concat([compress(bytes.subarray(0, 99)), compress(bytes.subarray(99))])

describe("compression", () => {
  const text = "compressible ".repeat(1000)
  const codings = [
    ["gzip", Zlib.gzipSync],
    ["x-gzip", Zlib.gzipSync],
    ["GZIP", Zlib.gzipSync],
    ["deflate", Zlib.deflateSync],
    ["deflate", Zlib.deflateRawSync],
    ["br", Zlib.brotliCompressSync],
    ["zstd", Zlib.zstdCompressSync],
    ["gzip", inTwo(Zlib.gzipSync)],
    ["zstd", inTwo(Zlib.zstdCompressSync)]
  ] as const

  it.live.each(codings)(
    "%s is undone, by %o, for text and for streams",
    ([coding, compress]) =>
      Effect.gen(function*() {
        const server = yield* Loopback.http((_, response) =>
          response.writeHead(200, { "content-encoding": coding }).end(compress(Buffer.from(text)))
        )
        const response = yield* HttpClient.get(server.url)
        const streamed = yield* Effect.flatMap(
          HttpClient.get(server.url),
          (response) => Stream.mkString(Stream.decodeText(response.stream))
        )
        assert.isTrue((yield* response.text) === text && streamed === text)
        assert.isUndefined(response.headers["content-encoding"])
      }).pipe(withClient())
  )

  it.live("that expands beyond the limit is stopped there", () =>
    Effect.gen(function*() {
      const bomb = Zlib.gzipSync(Buffer.alloc(64 * 1024 * 1024))
      const server = yield* Loopback.http((_, response) =>
        response.writeHead(200, { "content-encoding": "gzip" }).end(bomb)
      )
      assert.isAtMost(yield* cutOff(server.url), 1_000_000)
    }).pipe(limited({ maxBodyBytes: 1_000_000 }), withClient()))

  it.live("that ends too early fails", () =>
    Effect.gen(function*() {
      const cut = Zlib.gzipSync(text).subarray(0, -9)
      const server = yield* Loopback.http((_, response) =>
        response.writeHead(200, { "content-encoding": "gzip" }).end(cut)
      )
      const error = yield* Effect.flip(Effect.flatMap(HttpClient.get(server.url), (response) => response.text))
      assert.deepStrictEqual(told(error), ["DecodeError", "Z_BUF_ERROR"])
    }).pipe(withClient()))

  it.live.each([["gzip", Zlib.gzipSync], ["deflate", Zlib.deflateSync]] as const)(
    "in %s may be padded with zeros, and with nothing else",
    ([coding, compress]) =>
      Effect.gen(function*() {
        const server = yield* Loopback.http(({ url }, response) =>
          response.writeHead(200, { "content-encoding": coding })
            .end(Buffer.concat([compress("text"), Buffer.from(url === "/zeros" ? "\0\0\0\0" : "more")]))
        )
        const get = (path: string) => Effect.flatMap(HttpClient.get(server.url + path), (response) => response.text)
        assert.strictEqual(yield* get("/zeros"), "text")
        assert.deepStrictEqual(told(yield* Effect.flip(get("/more"))), ["DecodeError", "Z_DATA_ERROR"])
      }).pipe(withClient())
  )

  it.live("that is none, though announced, fails", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) =>
        response.writeHead(200, { "content-encoding": "gzip" }).end("plain")
      )
      const error = yield* Effect.flip(Effect.flatMap(HttpClient.get(server.url), (response) => response.text))
      assert.deepStrictEqual(told(error), ["DecodeError", "Z_DATA_ERROR"])
    }).pipe(withClient()))

  it.live.each(["zip", "gzip, gzip"])("%s is refused", (coding) =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) =>
        response.writeHead(200, { "content-encoding": coding }).end("?")
      )
      const error = yield* Effect.flip(Effect.flatMap(HttpClient.get(server.url), (response) => response.text))
      assert.deepStrictEqual(told(error), ["DecodeError", "ERR_CONTENT_CODING"])
    }).pipe(withClient()))

  it.live("of nothing is nothing", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) =>
        response.writeHead(200, { "content-encoding": "gzip" }).end()
      )
      const response = yield* HttpClient.get(server.url)
      assert.strictEqual(yield* response.text, "")
    }).pipe(withClient()))

  it.live("is asked for where JSON is accepted, not for event streams, and not when switched off", () =>
    Effect.gen(function*() {
      const all = yield* Effect.all([
        asked("application/json"),
        asked("text/event-stream"),
        asked("application/json", { compression: false })
      ])
      assert.deepStrictEqual(all, ["gzip, deflate, br", "none", "none"])
    }))
})

describe("a proxy", () => {
  it.live("named by the options gets the request", () =>
    Effect.gen(function*() {
      const proxy = yield* Loopback.http((request, response) => response.end(`${request.url} ${request.headers.host}`))
      const response = yield* HttpClient.get("http://model.example/info").pipe(withClient({ proxy: proxy.url }))
      assert.strictEqual(yield* response.text, "http://model.example/info model.example")
    }))

  it.live("named by the environment gets the request, and never one for a loopback address", () =>
    Effect.gen(function*() {
      const proxy = yield* Loopback.http((request, response) => response.end(`proxied ${request.url}`))
      const server = yield* Loopback.http((_, response) => response.end("direct"))
      yield* environment({ http_proxy: proxy.url })
      const texts = yield* Effect.all([drain("http://model.example/info"), drain(server.url)]).pipe(withClient())
      assert.deepStrictEqual(texts, ["proxied http://model.example/info", "direct"])
    }))

  it.live.each(["http", "https"])(
    "that is not there is told as the proxy's fault, for %s too",
    (scheme) =>
      Effect.gen(function*() {
        const proxy = yield* Effect.scoped(Loopback.http(() => undefined))
        const direct = yield* Loopback.http((_, response) => response.end("direct"))
        yield* environment({ [`${scheme}_proxy`]: proxy.url })
        const { direct: text, failed } = yield* Effect.all({
          failed: Effect.flip(HttpClient.get(`${scheme}://model.example/info`)),
          direct: drain(direct.url)
        }).pipe(withClient())
        assert.deepStrictEqual([told(failed), text], [["TransportError", "ERR_PROXY_UNREACHABLE"], "direct"])
      })
  )

  it.live.each(
    [
      ["http", 407, "ERR_PROXY_AUTHENTICATION"],
      ["https", 407, "ERR_PROXY_AUTHENTICATION"],
      ["https", 403, "ERR_PROXY_REFUSED"],
      ["https", 502, "ERR_PROXY_GATEWAY"]
    ] as const
  )("refuses a request to %s by %i as itself", ([scheme, status, code]) =>
    Effect.gen(function*() {
      const proxy = yield* Loopback.raw((socket) =>
        socket.write(`HTTP/1.1 ${status} No\r\ncontent-length: 2\r\n\r\nno`)
      )
      const error = yield* Effect.flip(HttpClient.get(`${scheme}://model.example/info`)).pipe(
        withClient({ proxy: proxy.url })
      )
      assert.deepStrictEqual(told(error), ["TransportError", code])
    }))

  it.live("gets a large body in parts, with its length", () =>
    Effect.gen(function*() {
      const proxy = yield* Loopback.http((request, response) => {
        response.writeHead(200, { length: request.headers["content-length"] })
        request.pipe(response)
      })
      const body = new Uint8Array(300_000).fill(97)
      const text = yield* HttpClient.post("http://model.example/", { body: HttpBody.raw(body) }).pipe(
        Effect.flatMap((response) => Effect.map(response.text, (text) => [response.headers.length, text.length])),
        withClient({ proxy: proxy.url })
      )
      assert.deepStrictEqual(text, ["300000", 300_000])
    }))

  it.live("that is no URL fails the request without repeating it", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(HttpClient.get("http://model.example/info"))
      assert.deepStrictEqual(told(error), ["TransportError", "ERR_INVALID_PROXY"])
      assert.notInclude(Cause.pretty(Cause.fail(error)), "secret")
    }).pipe(withClient({ proxy: "user:secret@" })))
})

it.live("a scope that ends aborts the requests bound to it", () =>
  Effect.gen(function*() {
    const asked = yield* Deferred.make<void>()
    const server = yield* Loopback.http(() => Deferred.doneUnsafe(asked, Effect.void))
    const client = HttpClient.withScope(yield* HttpClient.HttpClient)
    const fiber = yield* Effect.forkChild(Effect.scoped(
      Effect.raceFirst(client.get(server.url), Deferred.await(asked))
    ))
    assert.isTrue(Exit.isSuccess(yield* Fiber.await(fiber)))
    yield* server.closed(0)
  }).pipe(withClient()))
