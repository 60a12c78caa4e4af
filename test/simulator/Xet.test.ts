import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import * as Hub from "../../src/simulator/platform/Hub.ts"
import * as Lz4 from "../../src/simulator/platform/xet/Lz4.ts"
import * as Xet from "../../src/simulator/platform/xet/Xet.ts"
import type * as Double from "../../src/simulator/wire/Double.ts"

/** What two clients sent for the same two files. */
const recordings: ReadonlyArray<{
  readonly client: string
  readonly files: ReadonlyArray<{ readonly sha256: string }>
  readonly sent: ReadonlyArray<{ readonly path: string; readonly body: string }>
}> = JSON.parse(readFileSync(new URL("../fixtures/xet.json", import.meta.url), "utf8"))

const concat = (pieces: ReadonlyArray<Uint8Array>): Uint8Array => new Uint8Array(Buffer.concat(pieces))

const numbers = (size: number, set: (view: DataView) => void): Uint8Array => {
  const bytes = new Uint8Array(size)
  set(new DataView(bytes.buffer))
  return bytes
}

/** A frame of LZ4 with one block: `stored`, or a run of its first byte as literals and an overlapping match. */
const frame = (bytes: Uint8Array): Uint8Array => {
  const isRun = bytes.length >= 20 && bytes.every((byte) => byte === bytes[0])
  const matched = bytes.length - 6
  const extra = matched - 4 - 15
  const block = isRun
    ? [
      0x1f,
      bytes[0] ?? 0,
      1,
      0,
      ...Array.from({ length: Math.floor(extra / 255) }, () => 255),
      extra % 255,
      0x50,
      ...bytes.subarray(0, 5)
    ]
    : [...bytes]
  const head = isRun ? block.length : block.length + 0x8000_0000
  return concat([
    Uint8Array.of(0x04, 0x22, 0x4d, 0x18, 0x60, 0x70, 0x73),
    numbers(4, (view) => view.setUint32(0, head, true)),
    Uint8Array.from(block),
    new Uint8Array(4)
  ])
}

const grouped = (bytes: Uint8Array): Uint8Array =>
  concat([0, 1, 2, 3].map((group) => bytes.filter((_, at) => at % 4 === group)))

const chunk = (bytes: Uint8Array, scheme: number): Uint8Array => {
  const stored = scheme === 0 ? bytes : frame(scheme === 1 ? bytes : grouped(bytes))
  return concat([
    Uint8Array.of(
      0,
      stored.length & 255,
      stored.length >> 8 & 255,
      stored.length >> 16,
      scheme,
      bytes.length & 255,
      bytes.length >> 8 & 255,
      bytes.length >> 16
    ),
    stored
  ])
}

/** Words of eight bytes with the lowest first, as shards write the digits of a hash. */
const hash = (digits: string): Uint8Array =>
  concat(
    [0, 16, 32, 48].map((at) =>
      numbers(8, (view) => view.setBigUint64(0, BigInt(`0x${digits.slice(at, at + 16)}`), true))
    )
  )

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex")

interface Stored {
  readonly terms: ReadonlyArray<
    { readonly xorb: string; readonly start: number; readonly end: number; readonly length: number }
  >
  readonly sha256: string
}

const entry = (digits: string, ...words: ReadonlyArray<number>) =>
  concat([hash(digits), numbers(16, (view) => words.forEach((word, at) => view.setUint32(at * 4, word, true)))])

const shard = (files: ReadonlyArray<Stored>): Uint8Array =>
  concat([
    new TextEncoder().encode("HFRepoMetaData"),
    new Uint8Array(34),
    ...files.flatMap(({ sha256, terms }) => [
      entry("1".repeat(64), 0xc000_0000, terms.length),
      ...terms.map(({ end, length, start, xorb }) => entry(xorb, 0, length, start, end)),
      ...terms.map(() => entry("2".repeat(64))),
      entry(sha256)
    ]),
    concat([new Uint8Array(32).fill(255), new Uint8Array(16)]),
    concat([new Uint8Array(32).fill(255), new Uint8Array(16)])
  ])

const bytesOf = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))).check(
  Schema.isMinLength(1),
  Schema.isMaxLength(60)
)
const Piece = Schema.Struct({ bytes: bytesOf, scheme: Schema.Literals([0, 1, 2]), repeated: Schema.Boolean })

/** What a client sends for a file of these pieces: two xorbs, cut where `at` says. */
const sent = (pieces: ReadonlyArray<typeof Piece.Type>, at: number) => {
  const chunks = pieces.map(({ bytes, repeated, scheme }) => ({
    scheme,
    bytes: Uint8Array.from(repeated ? Array.from({ length: bytes.length * 9 + 20 }, () => bytes[0] ?? 0) : bytes)
  }))
  const lots = [chunks.slice(0, at), chunks.slice(at)].filter((lot) => lot.length > 0)
  const xorbs = lots.map((lot, number) =>
    [
      `${number + 3}`.repeat(64),
      // what follows the chunks is the client's own directory of them
      concat([...lot.map(({ bytes, scheme }) => chunk(bytes, scheme)), new TextEncoder().encode("XETBLOB")])
    ] as const
  )
  const terms = lots.map((lot, number) => ({
    xorb: `${number + 3}`.repeat(64),
    start: 0,
    end: lot.length,
    length: lot.reduce((sum, { bytes }) => sum + bytes.length, 0)
  }))
  return { whole: concat(chunks.map(({ bytes }) => bytes)), xorbs, terms }
}

const request = (method: string, path: string, token: string, bytes: Uint8Array): Double.Received => ({
  method,
  url: new URL(path, "https://cdn-lfs.hf.example"),
  headers: { authorization: `Bearer ${token}` },
  body: "",
  bytes,
  at: 0
})

describe("what Xet's clients send", () => {
  it.prop("is put together again to the bytes of the file, whatever its chunks, their compression and the xorbs", [
    Schema.Array(Piece).check(Schema.isMinLength(1), Schema.isMaxLength(6)),
    Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 6 }))
  ], ([pieces, at]) => {
    const { terms, whole, xorbs } = sent(pieces, at)
    const [file] = Xet.files(shard([{ terms, sha256: "a".repeat(64) }])) ?? []
    assert.deepStrictEqual(file?.terms, terms)
    const found = file === undefined ? "no file" : Xet.assemble(file, new Map(xorbs))
    assert.deepStrictEqual(found, whole)
  })

  it.effect("is a file of large storage, by the SHA-256 that its shard says; another one is refused", () =>
    Effect.gen(function*() {
      const hub = yield* Hub.make({})
      const post = (path: string, bytes: Uint8Array, token = "xet_write") =>
        hub.cdn.handler(request("POST", path, token, bytes))
      const { terms, whole, xorbs } = sent([{ bytes: [1, 2, 3], scheme: 1, repeated: true }], 0)
      const right = shard([{ terms, sha256: sha256(whole) }])
      assert.strictEqual((yield* post("/v1/shards", right)).status, 400)
      for (const [name, bytes] of xorbs) {
        assert.strictEqual((yield* post(`/v1/xorbs/default/${name}`, bytes, "hf_ada")).status, 401)
        assert.strictEqual((yield* post(`/v1/xorbs/default/${name}`, bytes)).status, 200)
      }
      assert.strictEqual((yield* post("/v1/xorbs/default/" + "9".repeat(64), Uint8Array.of(1, 2))).status, 400)
      assert.strictEqual((yield* post("/v1/shards", shard([{ terms, sha256: "b".repeat(64) }]))).status, 400)
      assert.strictEqual((yield* post("/v1/shards", right)).status, 200)
      const got = yield* hub.cdn.handler({
        ...request("GET", `/lfs/${sha256(whole)}?X-Amz-Signature=a`, "", new Uint8Array()),
        headers: {}
      })
      assert.deepStrictEqual(got.body, whole)
    }))

  for (const { client, files, sent: recorded } of recordings) {
    it.effect(`is put together as ${client} sent it: text, and numbers grouped by their bytes`, () =>
      Effect.gen(function*() {
        const hub = yield* Hub.make({})
        for (const { body, path } of recorded) {
          const { status } = yield* hub.cdn.handler(
            request("POST", path, "xet_write", new Uint8Array(Buffer.from(body, "base64")))
          )
          assert.strictEqual(status, 200, path)
        }
        for (const file of files) {
          const got = yield* hub.cdn.handler({
            ...request("GET", `/lfs/${file.sha256}?X-Amz-Signature=a`, "", new Uint8Array()),
            headers: {}
          })
          assert.instanceOf(got.body, Uint8Array)
          if (got.body instanceof Uint8Array) assert.strictEqual(sha256(got.body), file.sha256)
        }
      }))
  }

  it("is refused where a frame or a shard is cut", () => {
    const whole = frame(new Uint8Array(100).fill(7))
    assert.deepStrictEqual(Lz4.decode(whole, 100), new Uint8Array(100).fill(7))
    for (let cut = 0; cut < whole.length; cut++) assert.isUndefined(Lz4.decode(whole.subarray(0, cut), 100))
    const { terms } = sent([{ bytes: [1], scheme: 0, repeated: false }], 0)
    const all = shard([{ terms, sha256: "a".repeat(64) }])
    for (let cut = 0; cut < all.length - 96; cut += 16) assert.isUndefined(Xet.files(all.subarray(0, cut)))
  })
})
