/** The limit on a whole body, on clients that keep none by themselves: those of other platforms, and those made by hand. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { HttpClientRequest, HttpClientResponse } from "effect/http"
import { gzipSync } from "node:zlib"
import * as Body from "../../src/http/Body.ts"
import * as Fault from "../../src/http/Fault.ts"

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
