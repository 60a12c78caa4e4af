import * as Effect from "effect/Effect"
import { HttpClientError, TransportError } from "effect/http/HttpClientError"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Stream from "effect/Stream"
import * as Decompression from "./Decompression.ts"
import * as TransportLimits from "./TransportLimits.ts"

/**
 * Reads a body as text, at most `limit` bytes of it after decompression. A longer one fails with the code
 * `ERR_BODY_TOO_LARGE`, or is cut off where `cut` says so.
 *
 * @category decoding
 * @since 0.1.0
 */
export const text = (
  response: HttpClientResponse,
  limit: number,
  options?: { readonly cut?: boolean | undefined }
): Effect.Effect<string, HttpClientError | Decompression.Fault> => {
  if (TransportLimits.readingOf(response) !== undefined) return response.text
  const encoding = response.headers["content-encoding"]
  const length = Number(response.headers["content-length"] ?? Number.NaN)
  if (encoding === undefined && length <= limit) return response.text
  return Decompression.decompress(response.stream, encoding).pipe(
    Stream.catchIf(isEmpty, () => Stream.empty),
    (bytes) => options?.cut === true ? takeBytes(bytes, limit) : boundBytes(bytes, limit, response),
    Stream.decodeText(),
    Stream.mkString
  )
}

const isEmpty = (error: HttpClientError | Decompression.Fault): boolean =>
  error._tag === "HttpClientError" && error.reason._tag === "EmptyBodyError"

const takeBytes = <E>(self: Stream.Stream<Uint8Array, E>, limit: number): Stream.Stream<Uint8Array, E> =>
  Stream.suspend(() => {
    let size = 0
    return Stream.takeUntil(self, (piece) => (size += piece.byteLength) >= limit)
  })

const boundBytes = <E>(self: Stream.Stream<Uint8Array, E>, limit: number, response: HttpClientResponse) =>
  Stream.suspend(() => {
    let size = 0
    return Stream.tap(
      self,
      (piece) => (size += piece.byteLength) <= limit ? Effect.void : Effect.fail(tooLarge(response))
    )
  })

const tooLarge = (response: HttpClientResponse) =>
  new HttpClientError({
    reason: new TransportError({ request: response.request, cause: { code: "ERR_BODY_TOO_LARGE" } })
  })
