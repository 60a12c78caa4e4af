import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import type { HttpClientError } from "effect/http/HttpClientError"
import * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"

/** The formats of the web platform, by their names in `content-encoding`. */
const formats: { readonly [encoding: string]: string } = {
  gzip: "gzip",
  "x-gzip": "gzip",
  deflate: "deflate",
  br: "brotli"
}

/**
 * The bytes are not what `content-encoding` says, or this platform cannot read that encoding.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fault {
  readonly _tag: "DecompressionFault"
  readonly encoding: string
}

/** How many bytes are looked at to tell a compressed body from one that the HTTP client has decompressed already. */
const ENOUGH = 32

/** Whether bytes can be the start of a text: compressed ones show a control byte or break UTF-8 within a few bytes. */
const isText = (bytes: Uint8Array): boolean => {
  if (bytes.some((byte) => byte < 32 ? byte !== 9 && byte !== 10 && byte !== 13 : byte === 127)) return false
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true })
    return true
  } catch {
    return false
  }
}

/** The zlib wrapper that `deflate` means (RFC 9110, 8.4.1.2); some servers send the bare format. */
const isZlib = ([first = 0, second = 0]: Uint8Array): boolean => (first & 15) === 8 && (first * 256 + second) % 31 === 0

type Chunk = Arr.NonEmptyReadonlyArray<Uint8Array>

/**
 * Undoes one `content-encoding` of a body: gzip, deflate, and br where the platform has it (Node 24.7, some browsers).
 *
 * Some HTTP clients decompress by themselves and leave the header as it was, so the first bytes decide: a body that begins
 * as text passes as it is. An encoding that is not known (one provider sends `chunked`) is taken for none.
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
        body ?? Effect.flatMap(beginning(pull), ({ rest, start }) => {
          if (isText(start)) return body = rest
          return open(format === "deflate" && !isZlib(start) ? "deflate-raw" : format, onError).pipe(
            Effect.flatMap((channel) => Channel.toTransform(channel)(rest, scope)),
            Effect.flatMap((inflated) => body = inflated)
          )
        })
      )
    }))
}

interface Beginning {
  /** The first bytes, `ENOUGH` of them where the body is that long. */
  readonly start: Uint8Array
  /** The whole body, what was looked at included. */
  readonly rest: Pull.Pull<Chunk, HttpClientError>
}

/** Reads until there are enough bytes to look at. */
const beginning = (pull: Pull.Pull<Chunk, HttpClientError>): Pull.Pull<Beginning, HttpClientError> => {
  const pieces: Array<Uint8Array> = []
  let size = 0
  let ended = false
  let given = false
  const rest = Effect.suspend((): Pull.Pull<Chunk, HttpClientError> => {
    if (!given && Arr.isArrayNonEmpty(pieces)) {
      given = true
      return Effect.succeed(pieces)
    }
    return ended ? Cause.done() : pull
  })
  const look = (): Pull.Pull<Beginning, HttpClientError> => Effect.succeed({ start: startOf(pieces), rest })
  const more: Pull.Pull<Beginning, HttpClientError> = Pull.matchEffect(pull, {
    onSuccess: (chunk) => {
      for (const piece of chunk) {
        pieces.push(piece)
        size += piece.byteLength
      }
      return size < ENOUGH ? more : look()
    },
    onFailure: Effect.failCause,
    onDone: () => {
      ended = true
      return size === 0 ? Cause.done() : look()
    }
  })
  return more
}

const startOf = (pieces: ReadonlyArray<Uint8Array>): Uint8Array => {
  const start: Array<number> = []
  for (const piece of pieces) {
    if (start.length < ENOUGH) start.push(...piece.subarray(0, ENOUGH - start.length))
  }
  return Uint8Array.from(start)
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
