/**
 * The signature of requests to object stores that speak S3: AWS Signature Version 4. The secret itself is never sent.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as Redacted from "effect/Redacted"

/**
 * The credentials and the region.
 *
 * @category models
 * @since 0.2.0
 */
export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: Redacted.Redacted
  /** For temporary credentials. */
  readonly sessionToken?: Redacted.Redacted | undefined
  readonly region: string
}

const encoder = new TextEncoder()

const sha256 = async (bytes: Uint8Array): Promise<string> =>
  Hex.encode(new Uint8Array(await crypto.subtle.digest("SHA-256", Uint8Array.from(bytes))))

const hmac = async (key: Uint8Array, text: string): Promise<Uint8Array> => {
  const imported = await crypto.subtle.importKey(
    "raw",
    Uint8Array.from(key),
    { name: "HMAC", hash: "SHA-256" },
    false,
    [
      "sign"
    ]
  )
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, encoder.encode(text)))
}

/**
 * A part of a path or a query as the signature requires it: everything but letters, digits, `-`, `.`, `_` and `~` is
 * escaped.
 *
 * @category encoding
 * @since 0.2.0
 */
export const escape = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)

/** `20260131T120000Z`. */
const stamp = (millis: number): string => new Date(millis).toISOString().replaceAll(/[-:]|\.\d+/g, "")

const sign = async (
  { accessKeyId, region, secretAccessKey, sessionToken }: Credentials,
  method: string,
  url: URL,
  body: Uint8Array,
  now: number
): Promise<Readonly<Record<string, string>>> => {
  const time = stamp(now)
  const scope = `${time.slice(0, 8)}/${region}/s3/aws4_request`
  const headers = {
    "x-amz-content-sha256": await sha256(body),
    "x-amz-date": time,
    ...(sessionToken !== undefined && { "x-amz-security-token": Redacted.value(sessionToken) })
  }
  const signed = Object.entries({ host: url.host, ...headers }).toSorted(([a], [b]) => a < b ? -1 : 1)
  const names = signed.map(([name]) => name).join(";")
  const query = [...url.searchParams].map(([name, value]) => `${escape(name)}=${escape(value)}`).toSorted().join("&")
  const canonical = [
    method,
    url.pathname,
    query,
    ...signed.map(([name, value]) => `${name}:${value}`),
    "",
    names,
    headers["x-amz-content-sha256"]
  ].join("\n")
  const text = ["AWS4-HMAC-SHA256", time, scope, await sha256(encoder.encode(canonical))].join("\n")
  let key = encoder.encode(`AWS4${Redacted.value(secretAccessKey)}`)
  for (const part of scope.split("/")) key = Uint8Array.from(await hmac(key, part))
  const signature = Hex.encode(await hmac(key, text))
  return {
    ...headers,
    authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${names}, Signature=${signature}`
  }
}

/**
 * The headers of a request that is sent now; its path has to be escaped with `escape`.
 *
 * @category constructors
 * @since 0.2.0
 */
export const headers = (
  credentials: Credentials,
  method: string,
  url: URL,
  body: Uint8Array,
  now: number
): Effect.Effect<Readonly<Record<string, string>>> => Effect.promise(() => sign(credentials, method, url, body, now))
