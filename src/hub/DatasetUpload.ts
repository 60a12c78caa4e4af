/**
 * The bytes of a large file → the Hub's storage, by LFS: in one piece or in numbered parts, or not at all if it has them.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as RoundTrip from "../http/RoundTrip.ts"
import * as DatasetTree from "./DatasetTree.ts"
import * as HubError from "./HubError.ts"
import type * as HubHttp from "./HubHttp.ts"

/**
 * A large file to send.
 *
 * @category models
 * @since 0.2.0
 */
export interface Upload {
  readonly path: string
  readonly size: number
  /** In hexadecimal. */
  readonly sha256: string
  /** The bytes from `start` to before `end`; each attempt requests them again. */
  readonly read: (start: number, end: number) => Stream.Stream<Uint8Array, unknown>
}

type Send = (request: HubHttp.Request) => Effect.Effect<HubHttp.Answer, HubError.Reason>

/** Enough for a connection of 256 kB/s. */
const timeoutOf = (bytes: number) => `${30 + Math.ceil(bytes / 262_144)} seconds` as const

const decodeBatch = RoundTrip.json(DatasetTree.LfsBatch)

const invalid = (subject: string, detail: string) => new HubError.InvalidResponse({ subject, detail })

const put = Effect.fnUntraced(function*(send: Send, upload: Upload, url: string, start: number, end: number) {
  const { headers } = yield* send({
    method: "PUT",
    subject: upload.path,
    path: url,
    content: { type: "application/octet-stream", size: end - start, bytes: upload.read(start, end) },
    timeout: timeoutOf(end - start)
  })
  return headers["etag"]
})

const inParts = Effect.fnUntraced(
  function*(send: Send, upload: Upload, href: string, size: number, urls: ReadonlyArray<string>) {
    if (urls.length !== Math.ceil(upload.size / size)) {
      return yield* invalid(
        upload.path,
        `the Hub offers ${urls.length} parts of ${size} bytes for ${upload.size} bytes`
      )
    }
    const parts = yield* Effect.forEach(urls, (url, at) =>
      Effect.flatMap(
        put(send, upload, url, at * size, Math.min(upload.size, (at + 1) * size)),
        (etag) =>
          etag === undefined
            ? Effect.fail(invalid(upload.path, `the storage returned no etag for part ${at + 1}`))
            : Effect.succeed({ partNumber: at + 1, etag })
      ), { concurrency: 4 })
    yield* send({
      method: "POST",
      subject: upload.path,
      path: href,
      body: { oid: upload.sha256, parts },
      timeout: "60 seconds"
    })
  }
)

/**
 * Sends what the Hub does not have; returns whether anything had to be sent.
 *
 * @category running
 * @since 0.2.0
 */
export const run = Effect.fnUntraced(function*(send: Send, repo: string, branch: string, upload: Upload) {
  const answer = yield* send({
    method: "POST",
    subject: upload.path,
    path: `/datasets/${repo}.git/info/lfs/objects/batch`,
    headers: { accept: "application/vnd.git-lfs+json" },
    content: {
      type: "application/vnd.git-lfs+json",
      ...textContent(JSON.stringify({
        operation: "upload",
        transfers: ["basic", "multipart"],
        objects: [{ oid: upload.sha256, size: upload.size }],
        hash_algo: "sha256",
        ref: { name: branch }
      }))
    },
    aboutRepo: true,
    timeout: "60 seconds"
  })
  const batch = decodeBatch(answer)
  if (Result.isFailure(batch)) return yield* invalid(upload.path, batch.failure)
  const [object] = batch.success.objects
  if (object?.error !== undefined && object.error !== null) return yield* invalid(upload.path, object.error.message)
  const actions = object?.actions
  if (actions?.upload === undefined) return false
  const { header, href } = actions.upload
  const chunkSize = Number(header?.["chunk_size"])
  if (Number.isSafeInteger(chunkSize) && chunkSize > 0) {
    const urls = Object.entries(header ?? {}).filter(([name]) => /^\d+$/.test(name)).toSorted(([left], [right]) =>
      Number(left) - Number(right)
    ).map(([, url]) => url)
    yield* inParts(send, upload, href, chunkSize, urls)
  } else yield* put(send, upload, href, 0, upload.size)
  if (actions.verify !== undefined) {
    yield* send({
      method: "POST",
      subject: upload.path,
      path: actions.verify.href,
      body: { oid: upload.sha256, size: upload.size },
      timeout: "60 seconds"
    })
  }
  return true
})

const encoder = new TextEncoder()

/**
 * A text as a body.
 *
 * @category constructors
 * @since 0.2.0
 */
export const textContent = (text: string): Pick<RoundTrip.Content, "bytes" | "size"> => {
  const bytes = encoder.encode(text)
  return { size: bytes.length, bytes: Stream.succeed(bytes) }
}
