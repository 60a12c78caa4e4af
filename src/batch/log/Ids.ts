/**
 * Ids of rows as 53-bit hashes, eight bytes a row: enough to find those that may come twice, which are then compared.
 *
 * @since 0.2.0
 */

const CHUNK = 1 << 16

/** A finishing mix of a 32-bit hash. */
const mix = (hash: number): number => {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/**
 * Two independent hashes of 32 bits (FNV-1a and a multiplicative one), of which 53 bits are kept.
 *
 * @category conversions
 * @since 0.2.0
 */
export const hash = (id: string): number => {
  let a = 0x811c_9dc5
  let b = id.length
  for (let i = 0; i < id.length; i++) {
    const code = id.charCodeAt(i)
    a = Math.imul(a ^ code, 0x0100_0193)
    b = (Math.imul(b, 0x9e37_79b1) + code) | 0
  }
  return (mix(b) & 0x1f_ffff) * 0x1_0000_0000 + mix(a)
}

/**
 * @category models
 * @since 0.2.0
 */
export class Ids {
  readonly #chunks: Array<Float64Array> = []
  #size = 0

  add(id: string): void {
    const at = this.#size++ % CHUNK
    if (at === 0) this.#chunks.push(new Float64Array(CHUNK))
    const chunk = this.#chunks.at(-1)
    if (chunk !== undefined) chunk[at] = hash(id)
  }

  /** Whether the row of this index has this id. */
  matches(index: number, id: string): boolean {
    return this.#chunks[Math.floor(index / CHUNK)]?.[index % CHUNK] === hash(id)
  }

  /** Hashes that occur more than once. */
  repeated(): ReadonlySet<number> {
    const all = new Float64Array(this.#size)
    for (const [at, chunk] of this.#chunks.entries()) {
      const from = at * CHUNK
      all.set(chunk.subarray(0, Math.min(CHUNK, this.#size - from)), from)
    }
    all.sort()
    const found = new Set<number>()
    for (let at = 1; at < all.length; at++) {
      const value = all[at]
      if (value !== undefined && value === all[at - 1]) found.add(value)
    }
    return found
  }
}
