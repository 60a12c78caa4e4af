/**
 * Pieces of a body to chunks of bytes.
 *
 * @since 0.1.0
 */
import * as Random from "./Random.ts"
import type { Piece } from "./Transmission.ts"

/**
 * Where a body is cut into chunks: after so many events, after so many bytes, or anywhere, by a seed. Bytes may split a
 * character.
 *
 * @category models
 * @since 0.1.0
 */
export type Chunking = { readonly events: number } | { readonly bytes: number } | { readonly seed: number }

const encoder = new TextEncoder()

const slices = (bytes: Uint8Array<ArrayBuffer>, size: () => number): Array<Uint8Array> => {
  const list: Array<Uint8Array> = []
  for (let at = 0; at < bytes.length;) {
    const end = at + Math.max(1, size())
    list.push(bytes.subarray(at, end))
    at = end
  }
  return list
}

/**
 * Gives out chunks: pieces up to the next wait, cut as the chunking says, each chunk with its tokens.
 *
 * @category chunks
 * @since 0.1.0
 */
export class Chunks {
  private readonly pieces: ReadonlyArray<Piece>
  private readonly chunking: Chunking
  private readonly random: Random.Random
  private at = 0
  private waited = false
  private readonly ready: Array<{ readonly bytes: Uint8Array; readonly tokens: number }> = []

  constructor(pieces: ReadonlyArray<Piece>, chunking: Chunking) {
    this.pieces = pieces
    this.chunking = chunking
    this.random = Random.make("seed" in chunking ? chunking.seed : 0)
  }

  /** Milliseconds to wait before the next chunk. */
  wait(): number {
    return this.ready.length > 0 || this.waited ? 0 : this.pieces[this.at]?.wait ?? 0
  }

  /** The wait is over. */
  elapsed(): void {
    this.waited = true
  }

  /** The next chunk, or `undefined` at the end. */
  next(): { readonly bytes: Uint8Array; readonly tokens: number } | undefined {
    return this.ready.shift() ?? this.fill()
  }

  private fill() {
    const limit = "events" in this.chunking ? Math.max(1, this.chunking.events) : Infinity
    let text = ""
    let tokens = 0
    for (let count = 0; count < limit; count++) {
      const piece = this.pieces[this.at]
      if (piece === undefined || (count > 0 && piece.wait > 0)) break
      text += piece.text
      tokens += piece.tokens
      this.at++
    }
    this.waited = false
    if (text === "") return undefined
    const bytes = encoder.encode(text)
    const { chunking } = this
    if ("events" in chunking) return { bytes, tokens }
    const size = "bytes" in chunking ? () => chunking.bytes : () => 1 + Random.int(this.random, 48)
    const parts = slices(bytes, size)
    this.ready.push(...parts.map((part, index) => ({ bytes: part, tokens: index === parts.length - 1 ? tokens : 0 })))
    return this.ready.shift()
  }
}
