import type * as Arr from "effect/Array"
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import type { HttpClientError } from "effect/http/HttpClientError"
import type * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"

/** The formats of the web platform, by their names in `content-encoding`. */
const formats: { readonly [encoding: string]: string } = {
  gzip: "gzip",
  "x-gzip": "gzip",
  deflate: "deflate",
  br: "brotli"
}

/**
 * The bytes are not what `content-encoding` says, or this platform can not read that encoding.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fault {
  readonly _tag: "DecompressionFault"
  readonly encoding: string
}

/** Whether bytes can be the start of JSON or of an event stream: a compressed body shows a control byte at once. */
const isText = (bytes: Uint8Array): boolean =>
  bytes.subarray(0, 16).every((byte) => byte >= 32 ? byte !== 127 : byte === 9 || byte === 10 || byte === 13)

type Chunk = Arr.NonEmptyReadonlyArray<Uint8Array>

/**
 * Undoes one `content-encoding` of a body: gzip, deflate, and br where the platform has it (Node 24.7, some browsers).
 *
 * Some HTTP clients decompress by themselves and leave the header as it was, so the bytes decide: a body that begins as
 * text passes as it is. An encoding that is not known (one provider sends `chunked`) is taken for none.
 *
 * @category combinators
 * @since 0.1.0
 */
export const decompress = (
  self: Stream.Stream<Uint8Array, HttpClientError>,
  encoding: string | undefined
): Stream.Stream<Uint8Array, HttpClientError | Fault> => {
  const format = encoding === undefined ? undefined : formats[encoding.trim().toLowerCase()]
  if (encoding === undefined || format === undefined) return self
  const onError = (): Fault => ({ _tag: "DecompressionFault", encoding })
  return Stream.transformPull(self, (pull, scope) =>
    Effect.sync(() => {
      let body: Pull.Pull<Chunk, HttpClientError | Fault> | undefined
      return Effect.suspend(() =>
        body ?? Effect.flatMap(pull, (head) => {
          if (isText(head[0])) {
            body = pull
            return Effect.succeed(head)
          }
          let first = true
          const replayed = Effect.suspend(() => {
            if (!first) return pull
            first = false
            return Effect.succeed(head)
          })
          return open(format, onError).pipe(
            Effect.flatMap((channel) => Channel.toTransform(channel)(replayed, scope)),
            Effect.flatMap((inflated) => body = inflated)
          )
        })
      )
    }))
}

const open = (format: string, onError: () => Fault) =>
  Effect.map(
    Effect.try({
      // throws where the platform does not know the format: its type names only those of the standard, and what comes
      // out is always a Uint8Array
      try: () => new DecompressionStream(format as CompressionFormat) as TransformStream<Uint8Array, Uint8Array>,
      catch: onError
    }),
    (transform) =>
      Channel.fromTransformStream<HttpClientError, Uint8Array, Uint8Array, Fault>({
        evaluate: () => transform,
        onError
      })
  )
