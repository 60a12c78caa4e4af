/**
 * An object store in memory that speaks S3 as far as results of batches need it: PUT, GET, and listings in pages, of one
 * bucket, for clients that sign as AWS does (Signature Version 4). The signature is recomputed here.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as Double from "../wire/Double.ts"
import type * as Exchange from "../wire/Exchange.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /** Default `bucket`. */
  readonly bucket?: string
  /** Secrets by the ids of their keys. Default `key` with the secret `secret`. */
  readonly keys?: Readonly<Record<string, string>>
  /** Default `us-east-1`. */
  readonly region?: string
  /** Keys per page of a listing. Default 1000. */
  readonly pageSize?: number
}

/**
 * @category models
 * @since 0.2.0
 */
export interface ObjectStore extends Double.Double {
  /** What is stored now, by key. */
  readonly objects: ReadonlyMap<string, Uint8Array>
}

const encoder = new TextEncoder()

const sha256 = async (bytes: Uint8Array): Promise<string> =>
  Hex.encode(new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from(bytes))))

const keyed = async (secret: Uint8Array, text: string): Promise<Uint8Array> => {
  const key = await crypto.subtle.importKey("raw", Uint8Array.from(secret), { name: "HMAC", hash: "SHA-256" }, false, [
    "sign"
  ])
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, encoder.encode(text)))
}

const xml = (status: number, code: string, message: string): Exchange.Response => ({
  status,
  headers: { "content-type": "application/xml" },
  body: `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`
})

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/

const FRESH = 15 * 60_000

/** Why the request is refused; undefined if its signature is right. */
const refusal = async (
  keys: Readonly<Record<string, string>>,
  region: string,
  request: Double.Received,
  bytes: Uint8Array,
  now: number
): Promise<Exchange.Response | undefined> => {
  const { headers, method, url } = request
  const [, id = "", day = "", at, names = "", signature] = AUTHORIZATION.exec(headers["authorization"] ?? "") ?? []
  const secret = keys[id]
  if (secret === undefined) return xml(403, "InvalidAccessKeyId", "The access key Id you provided does not exist.")
  const time = headers["x-amz-date"] ?? ""
  const sent = Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"))
  if (!(Math.abs(now - sent) < FRESH)) {
    return xml(403, "RequestTimeTooSkewed", "The time of the request is too far off.")
  }
  if (headers["x-amz-content-sha256"] !== await sha256(bytes)) {
    return xml(400, "XAmzContentSHA256Mismatch", "The body is not the one that was signed.")
  }
  const signed = names.split(";")
  if (!["host", "x-amz-content-sha256", "x-amz-date"].every((name) => signed.includes(name))) {
    return xml(403, "AccessDenied", "Headers are missing in the signature.")
  }
  const query = url.search.slice(1).split("&").filter((pair) => pair !== "").map((pair) =>
    pair.includes("=") ? pair : `${pair}=`
  )
  const canonical = [
    method,
    url.pathname,
    query.toSorted().join("&"),
    ...signed.map((name) => `${name}:${name === "host" ? url.host : headers[name]?.trim() ?? ""}`),
    "",
    names,
    headers["x-amz-content-sha256"]
  ].join("\n")
  const text = `AWS4-HMAC-SHA256\n${time}\n${day}/${region}/s3/aws4_request\n${await sha256(encoder.encode(canonical))}`
  const key = await keyed(
    await keyed(await keyed(await keyed(encoder.encode(`AWS4${secret}`), day), region), "s3"),
    "aws4_request"
  )
  return at === region && day === time.slice(0, 8) && signature === Hex.encode(await keyed(key, text))
    ? undefined
    : xml(403, "SignatureDoesNotMatch", "The request signature we calculated does not match the one you provided.")
}

/** The store's escaping of keys in a listing that requests it. */
const listed = (objects: ReadonlyMap<string, Uint8Array>, url: URL, size: number): Exchange.Response => {
  const prefix = url.searchParams.get("prefix") ?? ""
  const keys = [...objects.keys()].filter((key) => key.startsWith(prefix)).toSorted()
  const start = Number(url.searchParams.get("continuation-token") ?? 0)
  const end = Math.min(keys.length, start + size)
  const contents = keys.slice(start, end).map((key) =>
    `<Contents><Key>${encodeURIComponent(key).replaceAll("%2F", "/").replaceAll("%20", "+")}</Key><Size>${
      objects.get(key)?.length ?? 0
    }</Size></Contents>`
  ).join("")
  const more = end < keys.length
  return {
    status: 200,
    headers: { "content-type": "application/xml" },
    body: `<?xml version="1.0" encoding="UTF-8"?><ListBucketResult><IsTruncated>${more}</IsTruncated>${
      more ? `<NextContinuationToken>${end}</NextContinuationToken>` : ""
    }${contents}</ListBucketResult>`
  }
}

/**
 * A store whose bucket is the first part of the path.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = Effect.fnUntraced(function*(options: Options = {}) {
  const { bucket = "bucket", keys = { key: "secret" }, pageSize = 1000, region = "us-east-1" } = options
  const objects = new Map<string, Uint8Array>()
  const double = yield* Double.make(Effect.fnUntraced(function*(request: Double.Received) {
    const bytes = request.bytes ?? encoder.encode(request.body)
    const now = yield* Clock.currentTimeMillis
    const refused = yield* Effect.promise(() => refusal(keys, region, request, bytes, now))
    if (refused !== undefined) return refused
    const [, name, ...rest] = request.url.pathname.split("/").map(decodeURIComponent)
    const key = rest.join("/")
    if (name !== bucket) return xml(404, "NoSuchBucket", "The specified bucket does not exist")
    if (key === "") return listed(objects, request.url, pageSize)
    if (request.method === "PUT") {
      objects.set(key, bytes)
      return Double.plain(200, "", { etag: `"${(yield* Effect.promise(() => sha256(bytes))).slice(0, 32)}"` })
    }
    const found = objects.get(key)
    if (found === undefined) return xml(404, "NoSuchKey", "The specified key does not exist.")
    const response: Exchange.Response = {
      status: 200,
      headers: { "content-type": "application/octet-stream", "content-length": String(found.length) },
      body: request.method === "HEAD" ? "" : found
    }
    return response
  }))
  const made: ObjectStore = { ...double, objects }
  return made
})
