/** The words of faults: what happened, where, what to do next, and whether another attempt may help. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import { TestClock } from "effect/testing"
import { readFileSync } from "node:fs"
import * as Fault from "../../src/http/Fault.ts"
import * as Retry from "../../src/http/Retry.ts"
import * as NodeTransport from "../../src/node/NodeTransport.ts"
import * as TgiClient from "../../src/transport/TgiClient.ts"
import * as Loopback from "../node/Loopback.ts"
import * as Wire from "../transport/Wire.ts"

/** How often a call is attempted that always fails so, and what it says. */
const failing = (answer: () => Wire.Answer, url = "http://tgi") => {
  const wire = Wire.make(answer)
  return Effect.gen(function*() {
    const client = yield* Wire.client({ url, retry: Retry.standard })
    const fiber = yield* Effect.forkChild(Effect.flip(client.generate(Wire.prompt)))
    yield* TestClock.adjust("1 hour")
    const error = yield* Fiber.join(fiber)
    return { attempts: error.attempts, message: error.message }
  }).pipe(Effect.provide(wire.layer))
}

/** The rows of the page on errors that name codes, and how often it says that each is attempted. */
const page = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8")
const attemptsOf: { readonly [word: string]: number } = { yes: 4, once: 2, no: 1 }
const rows = page.slice(page.indexOf("Faults below HTTP are")).split("\n").flatMap((line) => {
  const [, , codes, , again] = line.split("|").map((cell) => cell.trim())
  const attempts = again === undefined ? undefined : attemptsOf[again]
  return attempts === undefined
    ? []
    : [...(codes ?? "").matchAll(/`([A-Z_]+)`/g)].map(([, code = ""]) => [code, attempts] as const)
})

describe("the page on errors", () => {
  it("names codes", () => assert.isAbove(rows.length, 10))

  it.effect.each(rows.filter(([code]) => code !== "ERR_PROBABLY_CORS"))(
    "is right about %s: attempted %i times",
    ([code, attempts]) =>
      Effect.gen(function*() {
        const failed = yield* failing(() => Wire.nested(code), code === "ERR_INVALID_URL" ? "localhost" : undefined)
        assert.strictEqual(failed.attempts, attempts)
      })
  )
})

describe("a limit on time", () => {
  it("is worth another attempt, except for that of the whole call", () => {
    const phases = ["connect", "headers", "firstEvent", "idle", "total"] as const
    assert.deepStrictEqual(
      phases.filter((phase) => !Fault.isRetryable(Fault.timeout(phase, "1 second"))),
      ["total"]
    )
  })
})

describe("a fault", () => {
  it.effect.each(
    [
      ["EPROTO", 1, "does not speak TLS"],
      ["ERR_SSL_WRONG_VERSION_NUMBER", 1, "does not speak TLS"],
      ["CERT_HAS_EXPIRED", 1, "CERT_HAS_EXPIRED"],
      ["HPE_INVALID", 1, "not HTTP"],
      ["ERR_PROXY_UNREACHABLE", 1, "the proxy cannot be reached"],
      ["ERR_PROXY_AUTHENTICATION", 1, "credentials (407)"],
      ["ERR_PROXY_REFUSED", 1, "refused"],
      ["ERR_PROXY_GATEWAY", 4, "could not connect"],
      ["ENOTFOUND", 2, "host name is not known"],
      ["ECONNREFUSED", 4, "nothing listens there"]
    ] as const
  )("%s is attempted %i times and says: %s", ([code, attempts, words]) =>
    Effect.gen(function*() {
      const failed = yield* failing(() => Wire.nested(code))
      assert.strictEqual(failed.attempts, attempts)
      assert.include(failed.message, words)
    }))

  it.effect.each(["localhost:8080", "tgi.example/path", "ftp://tgi"])(
    "of a URL without a scheme of HTTP says how to write it: %s",
    (url) =>
      Effect.gen(function*() {
        const failed = yield* failing(() => Wire.fault("ERR_INVALID_URL"), url)
        assert.strictEqual(failed.attempts, 1)
        assert.include(failed.message, "lacks http:// or https://")
      })
  )
})

const told = (url: string) =>
  Effect.flatMap(
    TgiClient.make({ url, retry: Retry.standard }),
    (client) => Effect.flip(client.generate(Wire.prompt))
  ).pipe(Effect.provide(NodeTransport.layer))

describe("from Node", () => {
  it.live("https to a port without TLS is told as that, once", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.http((_, response) => response.end())
      const error = yield* told(server.url.replace("http:", "https:"))
      assert.strictEqual(error.attempts, 1)
      assert.include(error.message, "does not speak TLS")
    }))

  it.live("http to what speaks something else is told as that, once", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.raw((socket) => socket.end("220 mail.example ESMTP\r\n"))
      const error = yield* told(server.url)
      assert.strictEqual(error.attempts, 1)
      assert.include(error.message, "not HTTP")
    }))

  it.live("a URL without a scheme is told as that, once", () =>
    Effect.gen(function*() {
      const error = yield* told("localhost:8080")
      assert.strictEqual(error.attempts, 1)
      assert.include(error.message, "lacks http:// or https://")
    }))

  it.live("what breaks off is attempted again, counted, on a connection of its own", () =>
    Effect.gen(function*() {
      const server = yield* Loopback.raw((socket, nth, connection) => {
        if (connection === 0 && nth === 1) socket.destroy()
        else {
          const body = `{"generated_text":"a"}`
          socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
        }
      })
      const attempts = yield* Effect.gen(function*() {
        const client = yield* TgiClient.make({ url: server.url })
        const first = yield* client.generate(Wire.prompt)
        const second = yield* client.generate(Wire.prompt)
        return [first.meta.attempts, second.meta.attempts]
      }).pipe(Effect.provide(NodeTransport.layer))
      assert.deepStrictEqual([attempts, server.accepted()], [[1, 2], 2])
    }))
})

const inPage = (onLine: boolean) => <A, E, R>(self: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const before = Object.getOwnPropertyDescriptor(globalThis, "navigator")
      Object.assign(globalThis, { document: {}, location: { origin: "https://page.example" } })
      Object.defineProperty(globalThis, "navigator", { value: { onLine }, configurable: true })
      return before
    }),
    () => self,
    (before) =>
      Effect.sync(() => {
        Reflect.deleteProperty(globalThis, "document")
        Reflect.deleteProperty(globalThis, "location")
        if (before !== undefined) Object.defineProperty(globalThis, "navigator", before)
      })
  )

const refused = () => new TypeError("Failed to fetch")

describe("in a browser", () => {
  it.effect("another origin that never answered has probably not allowed it, which no attempt changes", () =>
    Effect.gen(function*() {
      const failed = yield* failing(refused, "https://one.example")
      assert.strictEqual(failed.attempts, 1)
      assert.include(failed.message, "(CORS)")
    }).pipe(inPage(true)))

  it.effect("the page's own origin, and a browser that is offline, are attempted again", () =>
    Effect.gen(function*() {
      assert.strictEqual((yield* inPage(true)(failing(refused, "https://page.example"))).attempts, 4)
      assert.strictEqual((yield* inPage(false)(failing(refused, "https://two.example"))).attempts, 4)
    }))

  it.effect("an origin that has answered before is attempted again", () =>
    Effect.gen(function*() {
      const wire = Wire.make(() => Wire.json({ generated_text: "a" }))
      yield* Effect.flatMap(Wire.client({ url: "https://three.example" }), (client) => client.generate(Wire.prompt))
        .pipe(
          Effect.provide(wire.layer)
        )
      assert.strictEqual((yield* failing(refused, "https://three.example")).attempts, 4)
    }).pipe(inPage(true)))
})
