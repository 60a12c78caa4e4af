/**
 * What Xet's clients send, taken apart: xorbs into their chunks, shards into files, and files assembled from both. Hashes of
 * chunks, xorbs and files are not computed again: what counts is the SHA-256 of the whole.
 *
 * @since 0.2.0
 */
import * as Bytes from "../../wire/Bytes.ts"
import * as Lz4 from "./Lz4.ts"

/**
 * A run of chunks of a xorb.
 *
 * @category models
 * @since 0.2.0
 */
export interface Term {
  /** The xorb, as its address names it. */
  readonly xorb: string
  /** The first chunk. */
  readonly start: number
  /** The chunk after the last. */
  readonly end: number
  /** Bytes of all of them. */
  readonly length: number
}

/**
 * A file as a shard describes it.
 *
 * @category models
 * @since 0.2.0
 */
export interface File {
  readonly hash: string
  readonly terms: ReadonlyArray<Term>
  /** If the shard has it. */
  readonly sha256: string | undefined
}

const CHUNK_HEAD = 8
const ENTRY = 48
const HASH = 32
const VERIFIED = 0x8000_0000
const DESCRIBED = 0x4000_0000

const uint24 = (view: DataView, at: number): number => view.getUint16(at, true) | view.getUint8(at + 2) << 16

/** Bytes in four groups, by their place in a word of four, back into their order. */
const ungrouped = (bytes: Uint8Array): Uint8Array => {
  const found = new Uint8Array(bytes.length)
  let from = 0
  for (let group = 0; group < 4; group++) {
    for (let at = group; at < bytes.length; at += 4) found[at] = bytes[from++] ?? 0
  }
  return found
}

const chunkOf = (scheme: number, stored: Uint8Array, size: number): Uint8Array | undefined => {
  if (scheme === 0) return stored
  const bytes = scheme === 1 || scheme === 2 ? Lz4.decode(stored, size) : undefined
  return bytes === undefined || scheme === 1 ? bytes : ungrouped(bytes)
}

/**
 * The chunks of a xorb, as they were before compression; undefined if it is invalid. What follows the last chunk is ignored.
 *
 * @category decoding
 * @since 0.2.0
 */
export const chunks = (xorb: Uint8Array): ReadonlyArray<Uint8Array> | undefined => {
  const view = new DataView(xorb.buffer, xorb.byteOffset, xorb.length)
  const found: Array<Uint8Array> = []
  for (let at = 0; at + CHUNK_HEAD <= xorb.length && view.getUint8(at) === 0;) {
    const [stored, scheme, size] = [uint24(view, at + 1), view.getUint8(at + 4), uint24(view, at + 5)]
    const bytes = chunkOf(scheme, xorb.subarray(at + CHUNK_HEAD, at + CHUNK_HEAD + stored), size)
    if (bytes?.length !== size) return undefined
    found.push(bytes)
    at += CHUNK_HEAD + stored
  }
  return found.length === 0 ? undefined : found
}

/** A hash as addresses write it: four words of 64 bits, each with its highest digit first. */
const hashAt = (view: DataView, at: number): string =>
  [0, 8, 16, 24].map((word) => view.getBigUint64(at + word, true).toString(16).padStart(16, "0")).join("")

const END = "f".repeat(64)

/**
 * The files of a shard; undefined if it is invalid.
 *
 * @category decoding
 * @since 0.2.0
 */
export const files = (shard: Uint8Array): ReadonlyArray<File> | undefined => {
  if (shard.length < 2 * ENTRY || new TextDecoder().decode(shard.subarray(0, 14)) !== "HFRepoMetaData") return undefined
  const view = new DataView(shard.buffer, shard.byteOffset, shard.length)
  const found: Array<File> = []
  let at = ENTRY
  while (at + ENTRY <= shard.length) {
    const hash = hashAt(view, at)
    if (hash === END) return found
    const [flags, count] = [view.getUint32(at + HASH, true), view.getUint32(at + HASH + 4, true)]
    const isVerified = flags >= VERIFIED
    const isDescribed = (isVerified ? flags - VERIFIED : flags) >= DESCRIBED
    const first = at + ENTRY
    const after = first + count * ENTRY * (isVerified ? 2 : 1)
    if (after + (isDescribed ? ENTRY : 0) > shard.length) return undefined
    const terms = Array.from({ length: count }, (_, term): Term => {
      const from = first + term * ENTRY
      return {
        xorb: hashAt(view, from),
        length: view.getUint32(from + HASH + 4, true),
        start: view.getUint32(from + HASH + 8, true),
        end: view.getUint32(from + HASH + 12, true)
      }
    })
    found.push({ hash, terms, sha256: isDescribed ? hashAt(view, after) : undefined })
    at = after + (isDescribed ? ENTRY : 0)
  }
  return undefined
}

/**
 * The bytes of a file; or an error, as the end of a sentence that begins with the file.
 *
 * @category conversions
 * @since 0.2.0
 */
export const assemble = ({ terms }: File, xorbs: ReadonlyMap<string, Uint8Array>): Uint8Array | string => {
  const pieces: Array<Uint8Array> = []
  for (const { end, length, start, xorb } of terms) {
    const stored = xorbs.get(xorb)
    if (stored === undefined) return `names the xorb ${xorb}, which was not sent`
    const taken = chunks(stored)?.slice(start, end) ?? []
    const size = taken.reduce((sum, chunk) => sum + chunk.length, 0)
    if (taken.length !== end - start || size !== length) {
      return `has ${length} bytes in the chunks ${start} to ${end} of the xorb ${xorb}, which has ${size} there`
    }
    pieces.push(...taken)
  }
  return Bytes.join(pieces)
}
