/**
 * Undoes the `content-encoding` of a response body: one layer of gzip, deflate or br, a piece at a time.
 *
 * @since 0.1.0
 */
import * as Zlib from "node:zlib"

/**
 * What a client that can decode may ask for.
 *
 * @category constants
 * @since 0.1.0
 */
export const accepted = "gzip, deflate, br"

/**
 * The codings that can be undone. `deflate` is zlib's format by the standard and raw deflate by some servers.
 *
 * @category models
 * @since 0.1.0
 */
export type ContentCoding = "gzip" | "deflate" | "br"

/**
 * Reads a `content-encoding` header: the coding to undo, `undefined` when there is none, or `"unsupported"` for one that
 * is not known or for several on top of each other (a way to make a small body very large).
 *
 * @category decoding
 * @since 0.1.0
 */
export const fromHeader = (header: string): ContentCoding | "unsupported" | undefined => {
  switch (header.trim().toLowerCase()) {
    case "":
    case "identity":
      return undefined
    case "gzip":
    case "x-gzip":
      return "gzip"
    case "deflate":
      return "deflate"
    case "br":
      return "br"
    default:
      return "unsupported"
  }
}

/**
 * Who takes the decoded pieces.
 *
 * @category models
 * @since 0.1.0
 */
export interface Sink {
  readonly onPiece: (piece: Buffer) => void
  /** The input was consumed after `write` had asked to wait. */
  readonly onDrain: () => void
  readonly onEnd: () => void
  /** The input is no valid or no complete body of this coding. */
  readonly onFault: (fault: Error) => void
}

/**
 * A running decoder. It stands still while paused, so that a small input cannot grow without bound.
 *
 * @category models
 * @since 0.1.0
 */
export class Decoder {
  readonly #coding: ContentCoding
  readonly #sink: Sink
  #stream: Zlib.Gunzip | Zlib.Inflate | Zlib.InflateRaw | Zlib.BrotliDecompress | undefined

  constructor(coding: ContentCoding, sink: Sink) {
    this.#coding = coding
    this.#sink = sink
  }

  /** Takes a piece of the body; `false` asks to send no more before `onDrain`. */
  write(piece: Buffer): boolean {
    if (this.#stream === undefined) {
      this.#stream = open(this.#coding, piece)
        .on("data", this.#sink.onPiece)
        .on("drain", this.#sink.onDrain)
        .on("end", this.#sink.onEnd)
        .on("error", this.#sink.onFault)
    }
    return this.#stream.write(piece)
  }

  /** The body is complete. An empty one has nothing to decode, whatever its coding. */
  end(): void {
    if (this.#stream === undefined) this.#sink.onEnd()
    else this.#stream.end()
  }

  pause(): void {
    this.#stream?.pause()
  }

  resume(): void {
    this.#stream?.resume()
  }

  close(): void {
    this.#stream?.destroy()
  }
}

// zlib's header holds the method, 8, in the low half of its first byte; a raw stream that starts so would be a stored
// block whose padding is not zero, which no encoder writes
const open = (coding: ContentCoding, first: Buffer) => {
  if (coding === "gzip") return Zlib.createGunzip()
  if (coding === "br") return Zlib.createBrotliDecompress()
  return ((first[0] ?? 0) & 0x0f) === 0x08 ? Zlib.createInflate() : Zlib.createInflateRaw()
}
