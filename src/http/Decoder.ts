/**
 * A running decoder of one content coding: gzip, deflate, br or zstd, as the bytes arrive, by the platform's zlib
 * (Node, Bun and Deno have it; where it is absent, as in a browser, `fetch` has already decoded the body).
 *
 * A body may hold several gzip members or zstd frames, as files that were written in parts do; it is read to its end.
 *
 * @since 0.2.0
 */
import { fault } from "./TransportFault.ts"

/**
 * The codings that can be undone. `deflate` is zlib's format by the standard, and raw deflate for some servers.
 *
 * @category models
 * @since 0.2.0
 */
export type Coding = "gzip" | "deflate" | "br" | "zstd"

/** The parts of `node:zlib` that are used here. */
interface Inflater {
  readonly bytesWritten: number
  readonly write: (bytes: Uint8Array, taken: () => void) => boolean
  readonly end: () => void
  readonly pause: () => void
  readonly resume: () => void
  readonly destroy: () => void
  readonly on: (
    event: "data" | "end" | "error",
    // the argument depends on the event: bytes with `data`, an error with `error`
    listener: ((bytes: Uint8Array) => void) | (() => void) | ((error: Error) => void)
  ) => this
}

interface Zlib {
  readonly createGunzip: () => Inflater
  readonly createInflate: () => Inflater
  readonly createInflateRaw: () => Inflater
  readonly createBrotliDecompress: () => Inflater
  readonly createZstdDecompress?: () => Inflater
}

/** Loaded by name, so that nothing from Node is imported where there is no Node. */
const platform: Zlib | undefined = (globalThis as {
  readonly process?: { readonly getBuiltinModule?: (name: string) => Zlib | undefined }
}).process?.getBuiltinModule?.("node:zlib")

/**
 * The codings that a client that can decode may accept.
 *
 * @category constants
 * @since 0.2.0
 */
export const accepted = "gzip, deflate, br"

/**
 * Reads a `content-encoding` header: the coding to undo, `undefined` if there is none, or `"unsupported"` for an
 * unknown one, or for several on top of each other (a way to make a small body very large).
 *
 * @category decoding
 * @since 0.2.0
 */
export const fromHeader = (header: string): Coding | "unsupported" | undefined => {
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
    case "zstd":
      return platform?.createZstdDecompress === undefined ? "unsupported" : "zstd"
    default:
      return "unsupported"
  }
}

/**
 * The receiver of the decoded chunks.
 *
 * @category models
 * @since 0.2.0
 */
export interface Sink {
  readonly onChunk: (chunk: Uint8Array) => void
  /** All of the input so far is consumed. */
  readonly onDrain: () => void
  readonly onEnd: () => void
  /** The input is not a valid, or not a complete, body of this coding. */
  readonly onFault: (fault: Error) => void
}

/** Bytes that may wait to be decoded. */
const HIGH_WATER = 64 * 1024

/**
 * A running decoder. It stops while paused, so that a small input cannot grow without bound.
 *
 * @category models
 * @since 0.2.0
 */
export class Decoder {
  readonly #coding: Coding
  readonly #sink: Sink
  #inflater: Inflater | undefined
  readonly #waiting: Array<Uint8Array> = []
  #queued = 0
  #busy = false
  #paused = false
  #complete = false
  #closed = false
  /** What follows a zstd frame in the chunk that ended it: zlib stops there. */
  #rest: Uint8Array | undefined
  #frameOver = false

  constructor(coding: Coding, sink: Sink) {
    this.#coding = coding
    this.#sink = sink
  }

  /** Whether some of the input is not consumed yet. */
  get busy(): boolean {
    return this.#busy
  }

  /** Takes a chunk of the body; `false` asks the caller to send no more before `onDrain`. */
  write(chunk: Uint8Array): boolean {
    if (chunk.length === 0 || this.#closed) return true
    if (this.#busy) {
      this.#waiting.push(chunk)
      this.#queued += chunk.length
    } else this.#feed(chunk)
    return this.#queued < HIGH_WATER
  }

  /** The body is complete. An empty one has nothing to decode, whatever its coding. */
  end(): void {
    this.#complete = true
    if (this.#inflater === undefined) this.#sink.onEnd()
    else if (!this.#busy) this.#endOf(this.#inflater)
  }

  /** zlib reports its end once, even before that of the input. */
  #endOf(inflater: Inflater): void {
    if (this.#frameOver && this.#coding !== "zstd") this.#sink.onEnd()
    else inflater.end()
  }

  pause(): void {
    this.#paused = true
    this.#inflater?.pause()
  }

  resume(): void {
    this.#paused = false
    this.#inflater?.resume()
  }

  close(): void {
    this.#closed = true
    this.#inflater?.destroy()
  }

  #feed(chunk: Uint8Array): void {
    const inflater = this.#inflater ??= this.#open(chunk)
    if (inflater === undefined) return
    const before = inflater.bytesWritten
    this.#busy = true
    inflater.write(chunk, () => this.#taken(inflater, chunk, inflater.bytesWritten - before))
  }

  #taken(inflater: Inflater, chunk: Uint8Array, consumed: number): void {
    if (this.#closed || inflater !== this.#inflater) return
    if (consumed < chunk.length) {
      const rest = chunk.subarray(consumed)
      if (this.#coding === "zstd") {
        this.#rest = rest
        if (this.#frameOver) this.#nextFrame()
        return
      }
      // zlib does not report what follows the end of a body, which may be padded with zeros and nothing else
      if (rest.some((byte) => byte !== 0)) {
        this.close()
        this.#sink.onFault(fault("Z_DATA_ERROR", "The coded body has ended, but more bytes follow"))
        return
      }
    }
    this.#busy = false
    const next = this.#waiting.shift()
    if (next !== undefined) {
      this.#queued -= next.length
      this.#feed(next)
    } else if (this.#complete) this.#endOf(inflater)
    else this.#sink.onDrain()
  }

  #ended(inflater: Inflater): void {
    if (this.#closed || inflater !== this.#inflater) return
    if (this.#rest !== undefined) this.#nextFrame()
    else if (this.#complete && !this.#busy) this.#sink.onEnd()
    else this.#frameOver = true
  }

  /** Continues after the end of a frame, once all of that frame has been handed over. */
  #nextFrame(): void {
    const rest = this.#rest
    this.#rest = undefined
    this.#frameOver = false
    this.#inflater = undefined
    if (rest !== undefined) this.#feed(rest)
  }

  #open(first: Uint8Array): Inflater | undefined {
    const inflater = platform === undefined ? undefined : create(platform, this.#coding, first)
    if (inflater === undefined) {
      this.#closed = true
      this.#sink.onFault(unsupported(this.#coding))
      return undefined
    }
    inflater
      .on("data", (bytes: Uint8Array) => this.#sink.onChunk(bytes))
      .on("end", () => this.#ended(inflater))
      .on("error", (error: Error) => {
        if (!this.#closed) this.#sink.onFault(error)
      })
    if (this.#paused) inflater.pause()
    return inflater
  }
}

/**
 * The failure of a body whose coding cannot be undone here.
 *
 * @category errors
 * @since 0.2.0
 */
export const unsupported = (coding: string): Error =>
  fault("ERR_CONTENT_CODING", `The content coding of the response (${coding}) is not one this platform can decode`)

// zlib's header holds the method, 8, in the low half of its first byte; a raw stream with such a byte would be a stored
// block whose padding is not zero, which no encoder writes
const create = (zlib: Zlib, coding: Coding, first: Uint8Array): Inflater | undefined => {
  switch (coding) {
    case "gzip":
      return zlib.createGunzip()
    case "br":
      return zlib.createBrotliDecompress()
    case "zstd":
      return zlib.createZstdDecompress?.()
    case "deflate":
      return ((first[0] ?? 0) & 0x0f) === 0x08 ? zlib.createInflate() : zlib.createInflateRaw()
  }
}
