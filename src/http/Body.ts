/**
 * A whole body within a limit, on every client.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { HttpClientError, TransportError } from "effect/http/HttpClientError"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Stream from "effect/Stream"
import * as Bytes from "./Bytes.ts"
import * as Decompression from "./Decompression.ts"
import * as TransportLimits from "./TransportLimits.ts"

export type { Size } from "./TransportLimits.ts"

type Failure = HttpClientError | Decompression.Fault

const decoder = new TextDecoder()

/**
 * Reads a body as text, at most `limit` bytes of it after decompression. A longer one fails with the code
 * `ERR_BODY_TOO_LARGE`, or is cut off if `cut` is set.
 *
 * @category decoding
 * @since 0.1.0
 */
export const text = (
  response: HttpClientResponse,
  size: TransportLimits.Size
): Effect.Effect<string, Failure> => {
  const reading = TransportLimits.readingOf(response)
  if (reading !== undefined) return reading.wholeText(size)
  const length = Number(response.headers["content-length"] ?? Number.NaN)
  return response.headers["content-encoding"] === undefined && length <= size.limit
    ? response.text
    : Effect.map(bytes(response, size), (all) => decoder.decode(all))
}

/**
 * Reads a body as bytes, within the same limit.
 *
 * @category decoding
 * @since 0.2.0
 */
export const bytes = (
  response: HttpClientResponse,
  { cut = false, limit }: TransportLimits.Size
): Effect.Effect<Uint8Array, Failure> => {
  const reading = TransportLimits.readingOf(response)
  if (reading !== undefined) return reading.bytes({ cut, limit })
  return Effect.suspend(() => {
    const chunks: Array<Uint8Array> = []
    let size = 0
    const coding = response.headers["content-encoding"]
    return (coding === undefined ? response.stream : Decompression.decompress(response.stream, coding)).pipe(
      Stream.catchIf(isEmpty, () => Stream.empty),
      Stream.takeUntil((chunk) => {
        chunks.push(chunk)
        return (size += chunk.byteLength) > limit
      }),
      Stream.runDrain,
      Effect.flatMap(() =>
        size > limit && !cut ? Effect.fail(tooLarge(response)) : Effect.succeed(Bytes.join(chunks).subarray(0, limit))
      )
    )
  })
}

const isEmpty = (error: Failure): boolean => error._tag === "HttpClientError" && error.reason._tag === "EmptyBodyError"

const tooLarge = (response: HttpClientResponse) =>
  new HttpClientError({
    reason: new TransportError({ request: response.request, cause: { code: "ERR_BODY_TOO_LARGE" } })
  })
