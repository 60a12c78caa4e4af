/**
 * LZ4 frames → bytes, for chunks of Xet. Checksums are ignored: the assembled file is compared by its SHA-256.
 *
 * @since 0.2.0
 */

const MAGIC = 0x184d2204
const STORED = 0x8000_0000
const SHORTEST = 4

/** Bytes that grow as blocks are read: matches of a block may reach into the blocks before it. */
class Output {
  #bytes: Uint8Array
  #size = 0

  constructor(expected: number) {
    this.#bytes = new Uint8Array(Math.max(expected, 64))
  }

  #room(more: number): void {
    if (this.#size + more <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#size + more))
    grown.set(this.#bytes)
    this.#bytes = grown
  }

  add(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#bytes.set(bytes, this.#size)
    this.#size += bytes.length
  }

  /** Bytes from `distance` back, one after the other: a match may overlap itself. False if there are not that many. */
  repeat(distance: number, length: number): boolean {
    if (distance === 0 || distance > this.#size) return false
    this.#room(length)
    for (let at = 0; at < length; at++) this.#bytes[this.#size + at] = this.#bytes[this.#size + at - distance] ?? 0
    this.#size += length
    return true
  }

  take(): Uint8Array {
    return this.#bytes.subarray(0, this.#size)
  }
}

/** Adds a block; false if it is invalid. */
const block = (bytes: Uint8Array, output: Output): boolean => {
  let at = 0
  const lengthOf = (nibble: number): number => {
    let length = nibble
    if (nibble !== 15) return length
    for (let byte = 255; byte === 255;) {
      byte = bytes[at++] ?? 0
      length += byte
    }
    return length
  }
  while (at < bytes.length) {
    const token = bytes[at++] ?? 0
    const literals = lengthOf(token >> 4)
    if (at + literals > bytes.length) return false
    output.add(bytes.subarray(at, at + literals))
    at += literals
    // the last sequence has no match
    if (at === bytes.length) return true
    const distance = (bytes[at] ?? 0) | (bytes[at + 1] ?? 0) << 8
    at += 2
    if (!output.repeat(distance, lengthOf(token & 15) + SHORTEST)) return false
  }
  return true
}

/**
 * The content of a frame; undefined for an incomplete one.
 *
 * @category decoding
 * @since 0.2.0
 */
export const decode = (frame: Uint8Array, expected: number): Uint8Array | undefined => {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  if (frame.length < 7 || view.getUint32(0, true) !== MAGIC) return undefined
  const flags = view.getUint8(4)
  const [hasDictionary, hasSize, hasChecksums] = [(flags & 1) !== 0, (flags & 8) !== 0, (flags & 16) !== 0]
  const output = new Output(expected)
  let at = 7 + (hasSize ? 8 : 0) + (hasDictionary ? 4 : 0)
  while (at + 4 <= frame.length) {
    const head = view.getUint32(at, true)
    at += 4
    if (head === 0) return output.take()
    const size = head >= STORED ? head - STORED : head
    if (at + size > frame.length) return undefined
    const bytes = frame.subarray(at, at + size)
    if (head >= STORED) output.add(bytes)
    else if (!block(bytes, output)) return undefined
    at += size + (hasChecksums ? 4 : 0)
  }
  return undefined
}
