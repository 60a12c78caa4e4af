/**
 * Which ids were seen, and where, in twelve bytes an id: a hash table with open addressing of 64-bit hashes.
 *
 * A million ids need 25 MB. Two ids with one hash would be taken for a duplicate: one chance in 37 million for a million ids.
 *
 * @since 0.1.0
 */

const FIRST = 1 << 12

/** Two independent 32-bit hashes (FNV-1a and a multiplicative one, each with a finishing mix). */
const mix = (hash: number): number => {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/**
 * @category models
 * @since 0.1.0
 */
export interface IdTable {
  /** Remembers the id with its line. Gives the line that had it before, else undefined. */
  readonly add: (id: string, line: number) => number | undefined
}

class Table implements IdTable {
  #low = new Uint32Array(FIRST)
  #high = new Uint32Array(FIRST)
  /** Line numbers count from 1, so 0 marks a free slot. */
  #lines = new Uint32Array(FIRST)
  #size = 0

  readonly add = (id: string, line: number): number | undefined => {
    let a = 0x811c_9dc5
    let b = id.length
    for (let i = 0; i < id.length; i++) {
      const code = id.charCodeAt(i)
      a = Math.imul(a ^ code, 0x0100_0193)
      b = (Math.imul(b, 0x9e37_79b1) + code) | 0
    }
    const before = this.#insert(mix(a), mix(b), line)
    if (before === undefined && ++this.#size * 2 > this.#lines.length) this.#grow()
    return before
  }

  #insert(low: number, high: number, line: number): number | undefined {
    const mask = this.#lines.length - 1
    for (let slot = low & mask;; slot = (slot + 1) & mask) {
      const held = this.#lines[slot]
      if (held === 0) {
        this.#low[slot] = low
        this.#high[slot] = high
        this.#lines[slot] = line
        return undefined
      }
      if (this.#low[slot] === low && this.#high[slot] === high) return held
    }
  }

  #grow(): void {
    const [low, high, lines] = [this.#low, this.#high, this.#lines]
    this.#low = new Uint32Array(lines.length * 2)
    this.#high = new Uint32Array(lines.length * 2)
    this.#lines = new Uint32Array(lines.length * 2)
    for (let slot = 0; slot < lines.length; slot++) {
      const line = lines[slot] ?? 0
      if (line !== 0) this.#insert(low[slot] ?? 0, high[slot] ?? 0, line)
    }
  }
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (): IdTable => new Table()
