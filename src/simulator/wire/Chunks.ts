/**
 * Pieces of a body to chunks of bytes.
 *
 * @since 0.1.0
 */
import * as Random from "./Random.ts"
import type { Piece } from "./Transmission.ts"

/**
 * Where a body is cut into chunks: after a number of events, after a number of bytes, or anywhere, by a seed. Bytes may
 * split a character. A chunk always ends where a wait begins.
 *
 * @category models
 * @since 0.1.0
 */
export type Chunking = { readonly events: number } | { readonly bytes: number } | { readonly seed: number }

/**
 * Bytes that are sent together, the tokens that they complete, and the milliseconds before them.
 *
 * @category models
 * @since 0.1.0
 */
export interface Chunk {
  readonly bytes: Uint8Array
  readonly tokens: number
  readonly wait: number
}

const encoder = new TextEncoder()

/** The longest chunk that a seed cuts, in bytes. */
const longestCut = 48

const slices = (chunk: Chunk, size: () => number): ReadonlyArray<Chunk> => {
  const { bytes } = chunk
  const list: Array<Chunk> = []
  for (let at = 0; at < bytes.length;) {
    const end = at + Math.max(1, size())
    const last = end >= bytes.length
    list.push({ bytes: bytes.subarray(at, end), tokens: last ? chunk.tokens : 0, wait: at === 0 ? chunk.wait : 0 })
    at = end
  }
  return list
}

/** Joins up to `limit` pieces without a wait between them. */
const join = (pieces: ReadonlyArray<Piece>, limit: number): ReadonlyArray<Chunk> => {
  const list: Array<Chunk> = []
  for (let at = 0; at < pieces.length;) {
    const wait = pieces[at]?.wait ?? 0
    let text = ""
    let tokens = 0
    for (let count = 0; count < limit; count++) {
      const piece = pieces[at]
      if (piece === undefined || (count > 0 && piece.wait > 0)) break
      text += piece.text
      tokens += piece.tokens
      at++
    }
    list.push({ bytes: encoder.encode(text), tokens, wait })
  }
  return list
}

/**
 * Cuts pieces into chunks. They are encoded at once, because bytes take less memory than many short texts.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (pieces: ReadonlyArray<Piece>, chunking: Chunking): ReadonlyArray<Chunk> => {
  if ("events" in chunking) return join(pieces, Math.max(1, chunking.events))
  const random = Random.make("seed" in chunking ? chunking.seed : 0)
  const size = "bytes" in chunking ? () => chunking.bytes : () => 1 + Random.int(random, longestCut)
  return join(pieces, Infinity).flatMap((chunk) => slices(chunk, size))
}
