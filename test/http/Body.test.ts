/** The limit on a whole body, on clients that keep none by themselves: those of other platforms, and those made by hand. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import { HttpClient, HttpClientRequest, HttpClientResponse } from "effect/http"
import { TestClock } from "effect/testing"
import { gzipSync } from "node:zlib"
import * as Body from "../../src/http/Body.ts"
import * as Fault from "../../src/http/Fault.ts"
import * as RoundTrip from "../../src/http/RoundTrip.ts"

const request = HttpClientRequest.get("http://server/")

/** A response in pieces of so many bytes, which says its length or not. */
const responseOf = (
  bytes: Uint8Array,
  { announced = true, headers = {}, piece = 7 }: {
    readonly announced?: boolean
    readonly headers?: Record<string, string>
    readonly piece?: number
  } = {}
) => {
  let at = 0
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= bytes.length) return controller.close()
      controller.enqueue(bytes.slice(at, at += piece))
    }
  })
  return HttpClientResponse.fromWeb(
    request,
    new Response(body, { headers: { ...headers, ...(announced && { "content-length": String(bytes.length) }) } })
  )
}

const ways: ReadonlyArray<
  readonly [name: string, response: (text: string) => HttpClientResponse.HttpClientResponse]
> = [
  ["of a length that is announced", (text) => responseOf(new TextEncoder().encode(text))],
  ["of a length that nobody tells", (text) => responseOf(new TextEncoder().encode(text), { announced: false })],
  ["that is coded", (text) => responseOf(gzipSync(text), { headers: { "content-encoding": "gzip" } })]
]

const Words = Schema.String.check(Schema.isMinLength(1), Schema.isMaxLength(200))

const tagOf = (error: Parameters<typeof Fault.from>[0]): string => Fault.from(error, {})._tag

describe.each(ways)("a whole body %s", (_, response) => {
  it.effect.prop("is read up to its limit, in bytes after decompression", [Words], ([text]) =>
    Effect.gen(function*() {
      const limit = new TextEncoder().encode(text).length
      const whole = text.toWellFormed()
      assert.strictEqual(yield* Body.text(response(whole), { limit: limit * 3 }), whole)
    }))

  it.effect("of just the limit is whole", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* Body.text(response("größer"), { limit: 8 }), "größer")
    }))

  it.effect("beyond its limit fails, as text and as bytes", () =>
    Effect.gen(function*() {
      const text = "x".repeat(1000)
      assert.strictEqual(tagOf(yield* Effect.flip(Body.text(response(text), { limit: 999 }))), "TooLarge")
      assert.strictEqual(tagOf(yield* Effect.flip(Body.bytes(response(text), { limit: 999 }))), "TooLarge")
    }))

  it.effect("is cut off at its limit where that is asked for", () =>
    Effect.gen(function*() {
      const size = { limit: 3, cut: true }
      assert.strictEqual(yield* Body.text(response("abcdef"), size), "abc")
      assert.strictEqual((yield* Body.bytes(response("abcdef"), size)).length, 3)
    }))
})

describe("a body without an end", () => {
  it.effect("is read no further than its limit", () =>
    Effect.gen(function*() {
      let sent = 0
      const body = new ReadableStream<Uint8Array>({
        pull: (controller) => {
          sent += 1000
          if (sent > 1_000_000) controller.close()
          else controller.enqueue(new Uint8Array(1000))
        }
      }, { highWaterMark: 0 })
      const response = HttpClientResponse.fromWeb(request, new Response(body))
      assert.strictEqual(tagOf(yield* Effect.flip(Body.bytes(response, { limit: 2000 }))), "TooLarge")
      assert.isAtMost(sent, 5000)
    }))
})

const clientOf = (response: () => Response) =>
  HttpClient.make((request) => Effect.sync(() => HttpClientResponse.fromWeb(request, response())))

const read = (self: Effect.Effect<unknown, Fault.Fault>): Effect.Effect<string> =>
  Effect.match(self, { onFailure: ({ _tag }) => _tag, onSuccess: () => "read" })

describe("the body of a round trip", () => {
  it.effect("that does not end is left after five minutes", () =>
    Effect.gen(function*() {
      const endless = clientOf(() => new Response(new ReadableStream({ pull: () => new Promise(() => {}) })))
      const run = RoundTrip.run(endless, { method: "GET", url: "http://server/" })
      const fiber = yield* Effect.forkChild(Effect.flip(run), { startImmediately: true })
      yield* TestClock.adjust("299 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("2 seconds")
      const exit = fiber.pollUnsafe()
      assert.strictEqual(exit?._tag === "Success" ? exit.value._tag : "waiting", "Timeout")
    }))

  it.effect("has a limit on its size, whether it is run or opened; one that is read as it comes has none", () =>
    Effect.gen(function*() {
      const client = clientOf(() => new Response("x".repeat(1000)))
      for (const [limit, tag] of [[1000, "read"], [999, "TooLarge"]] as const) {
        const request = { method: "GET", url: "http://server/", limit } as const
        assert.strictEqual(yield* read(RoundTrip.run(client, request)), tag)
        const opened = yield* RoundTrip.open(client, request)
        assert.strictEqual(yield* read(opened.answer), tag)
        const other = yield* RoundTrip.open(client, request)
        assert.strictEqual(yield* Stream.runFold(other.body, () => 0, (sum, bytes) => sum + bytes.length), 1000)
      }
    }))
})
