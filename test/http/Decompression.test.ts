import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import * as Zlib from "node:zlib"
import * as Decompression from "../../src/http/Decompression.ts"
import { cut } from "../transport/Pieces.ts"

const ways = [
  { name: "gzip", encoding: "gzip", compress: Zlib.gzipSync },
  { name: "gzip by its old name", encoding: "x-gzip", compress: Zlib.gzipSync },
  { name: "gzip in another spelling", encoding: " GZIP ", compress: Zlib.gzipSync },
  { name: "deflate", encoding: "deflate", compress: Zlib.deflateSync },
  { name: "deflate without its wrapper", encoding: "deflate", compress: Zlib.deflateRawSync },
  { name: "br", encoding: "br", compress: Zlib.brotliCompressSync }
] as const

const inflated = (bytes: Uint8Array, sizes: ReadonlyArray<number>, encoding: string | undefined) =>
  Stream.mkString(Stream.decodeText(Decompression.decompress(
    Stream.fromIterable(cut(bytes, sizes)).pipe(Stream.rechunk(1)),
    encoding
  )))

const Sizes = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 40 }))).check(Schema.isMinLength(1))

/** What bodies look like: JSON, or an event stream. */
const bodyOf = (texts: ReadonlyArray<string>, isStream: boolean) =>
  isStream
    ? `: start\n\n${texts.map((text) => `data: ${JSON.stringify({ text })}\n\n`).join("")}`
    : JSON.stringify({ texts })

describe("Decompression", () => {
  for (const { compress, encoding, name } of ways) {
    it.effect.prop(
      `undoes ${name}, wherever the bytes are cut`,
      { texts: Schema.Array(Schema.String), isStream: Schema.Boolean, sizes: Sizes },
      ({ isStream, sizes, texts }) =>
        Effect.gen(function*() {
          const body = bodyOf(texts, isStream)
          assert.strictEqual(yield* inflated(compress(body), sizes, encoding), body)
        }),
      { arbitrary: { runs: 100 } }
    )
  }

  it.effect.prop(
    "passes a body that the HTTP client has decompressed already and left the header",
    {
      texts: Schema.Array(Schema.String),
      isStream: Schema.Boolean,
      sizes: Sizes,
      encoding: Schema.Literals(["gzip", "deflate", "br"])
    },
    ({ encoding, isStream, sizes, texts }) =>
      Effect.gen(function*() {
        const body = bodyOf(texts, isStream)
        assert.strictEqual(yield* inflated(new TextEncoder().encode(body), sizes, encoding), body)
      })
  )

  it.effect("takes an encoding that it does not know for none", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* inflated(new TextEncoder().encode("{}"), [1], "chunked"), "{}")
    }))

  it.effect("fails where the bytes are cut or are not what the header says", () =>
    Effect.gen(function*() {
      const bytes = Zlib.gzipSync("a long enough body that is cut in the middle of it")
      const faults = yield* Effect.all([
        Effect.flip(inflated(bytes.subarray(0, 40), [7], "gzip")),
        Effect.flip(inflated(Uint8Array.from({ length: 64 }, (_, at) => at), [7], "br"))
      ])
      assert.deepStrictEqual(faults, [
        { _tag: "DecompressionFault", encoding: "gzip" },
        { _tag: "DecompressionFault", encoding: "br" }
      ])
    }))

  it.effect("gives an empty body for an empty one", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* inflated(new Uint8Array(), [1], "gzip"), "")
    }))
})
