/**
 * The storage of large files: signed addresses on a host of its own, which takes no credential, and the content-addressed
 * store for Xet clients.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Bytes from "../wire/Bytes.ts"
import * as Double from "../wire/Double.ts"
import type * as Exchange from "../wire/Exchange.ts"
import * as Repo from "./DatasetRepo.ts"
import * as Xet from "./xet/Xet.ts"

/**
 * What is stored.
 *
 * @category models
 * @since 0.2.0
 */
export interface Storage {
  /** Files by their SHA-256. */
  readonly files: Map<string, Uint8Array>
  /** Parts of files that are still being sent: by SHA-256, then by number. */
  readonly parts: Map<string, Map<number, Uint8Array>>
  /** Xorbs by their hash, as received. */
  readonly xorbs: Map<string, Uint8Array>
  /** Shards as received. */
  readonly shards: Array<Uint8Array>
}

/**
 * @category constructors
 * @since 0.2.0
 */
export const make = (): Storage => ({ files: new Map(), parts: new Map(), xorbs: new Map(), shards: [] })

/**
 * The bytes of a request as received.
 *
 * @category reading
 * @since 0.2.0
 */
export const bytesOf = (request: Double.Received): Uint8Array => request.bytes ?? new TextEncoder().encode(request.body)

/**
 * The range of a `Range` header within a number of bytes: its start, and its exclusive end.
 *
 * @category reading
 * @since 0.2.0
 */
export const rangeOf = (
  header: string | undefined,
  size: number
): { readonly start: number; readonly end: number } | "unsatisfiable" | undefined => {
  const [, from = "", to = ""] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? []
  if (from === "" && to === "") return undefined
  const start = from === "" ? Math.max(0, size - Number(to)) : Number(from)
  const end = from === "" || to === "" ? size : Math.min(size, Number(to) + 1)
  return start >= end ? "unsatisfiable" : { start, end }
}

/**
 * Bytes, or the requested part of them.
 *
 * @category answers
 * @since 0.2.0
 */
export const content = (
  request: Double.Received,
  bytes: Uint8Array,
  headers: Readonly<Record<string, string>>
): Exchange.Response => {
  const range = rangeOf(request.headers["range"], bytes.length)
  if (range === "unsatisfiable") {
    return Double.plain(416, "", { ...headers, "content-range": `bytes */${bytes.length}` })
  }
  const body = range === undefined ? bytes : bytes.subarray(range.start, range.end)
  return {
    status: range === undefined ? 200 : 206,
    headers: {
      "accept-ranges": "bytes",
      "content-type": "application/octet-stream",
      ...headers,
      "content-length": String(body.length),
      ...(range !== undefined && { "content-range": `bytes ${range.start}-${range.end - 1}/${bytes.length}` })
    },
    body: request.method === "HEAD" ? "" : body
  }
}

const joined = (parts: ReadonlyMap<number, Uint8Array>): Uint8Array =>
  Bytes.join([...parts].toSorted(([left], [right]) => left - right).map(([, bytes]) => bytes))

const kept = (storage: Storage, oid: string, bytes: Uint8Array): Effect.Effect<Exchange.Response> =>
  Effect.map(Repo.digest("SHA-256", bytes), (sha256) => {
    if (sha256 !== oid) return Double.plain(400, "<Error><Code>BadDigest</Code></Error>")
    storage.files.set(oid, bytes)
    return Double.plain(200, "", { etag: `"${oid.slice(0, 32)}"` })
  })

const put = (storage: Storage, request: Double.Received, oid: string): Effect.Effect<Exchange.Response> => {
  const part = request.url.searchParams.get("partNumber")
  if (part === null) return kept(storage, oid, bytesOf(request))
  const parts = storage.parts.get(oid) ?? new Map<number, Uint8Array>()
  storage.parts.set(oid, parts.set(Number(part), bytesOf(request)))
  return Effect.succeed(Double.plain(200, "", { etag: `"part-${part}"` }))
}

/**
 * Signed addresses: `PUT` and `GET` of a file by its SHA-256, parts by their number, and the end of an upload in parts.
 *
 * @category routes
 * @since 0.2.0
 */
export const signed = (storage: Storage, request: Double.Received): Effect.Effect<Exchange.Response> => {
  const oid = /^\/lfs\/([0-9a-f]{64})$/.exec(request.url.pathname)?.[1]
  if (oid === undefined) return Effect.succeed(Double.plain(404, "<Error><Code>NoSuchKey</Code></Error>"))
  if (request.headers["authorization"] !== undefined) {
    return Effect.succeed(Double.plain(400, "<Error>Only one auth mechanism allowed</Error>"))
  }
  if (!request.url.searchParams.has("X-Amz-Signature")) {
    return Effect.succeed(Double.plain(403, "<Error><Code>AccessDenied</Code></Error>"))
  }
  if (request.method === "PUT") return put(storage, request, oid)
  if (request.method === "POST") {
    return Effect.map(
      kept(storage, oid, joined(storage.parts.get(oid) ?? new Map())),
      (answer) => answer.status === 200 ? Double.json(200, {}) : answer
    )
  }
  const bytes = storage.files.get(oid)
  return Effect.succeed(
    bytes === undefined
      ? Double.plain(404, "<Error><Code>NoSuchKey</Code></Error>")
      : content(request, bytes, { etag: `"${oid}"` })
  )
}

/** Assembles the files of a shard; each is kept under its SHA-256, which has to be the one in the shard. */
const assembled = Effect.fnUntraced(function*(storage: Storage, shard: Uint8Array) {
  const files = Xet.files(shard)
  if (files === undefined) return Double.json(400, { error: "this is not a shard" })
  for (const file of files) {
    const bytes = Xet.assemble(file, storage.xorbs)
    if (typeof bytes === "string") return Double.json(400, { error: `the file ${file.hash} ${bytes}` })
    const sha256 = yield* Repo.digest("SHA-256", bytes)
    if (file.sha256 !== undefined && file.sha256 !== sha256) {
      return Double.json(400, { error: `the file ${file.hash} has the SHA-256 ${sha256}, and not ${file.sha256}` })
    }
    storage.files.set(sha256, bytes)
  }
  storage.shards.push(shard)
  return Double.json(200, { result: 1 })
})

/**
 * The store of Xet clients: nothing is known for deduplication, xorbs are kept, and the files of shards are assembled.
 *
 * @category routes
 * @since 0.2.0
 */
export const cas = (storage: Storage, request: Double.Received): Effect.Effect<Exchange.Response> => {
  const { pathname } = request.url
  if (Double.bearer(request)?.startsWith("xet_") !== true) return Effect.succeed(Double.plain(401, "unauthorized"))
  const xorb = /^\/v1\/xorbs\/default\/([0-9a-f]{64})$/.exec(pathname)?.[1]
  if (request.method === "POST" && xorb !== undefined) {
    const bytes = bytesOf(request)
    if (Xet.chunks(bytes) === undefined) return Effect.succeed(Double.json(400, { error: "this is not a xorb" }))
    const known = storage.xorbs.has(xorb)
    storage.xorbs.set(xorb, bytes)
    return Effect.succeed(Double.json(200, { was_inserted: !known }))
  }
  if (request.method === "POST" && pathname === "/v1/shards") return assembled(storage, bytesOf(request))
  return Effect.succeed(Double.plain(404, "not found"))
}
