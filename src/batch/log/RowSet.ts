/**
 * A set of row indices: one bit per row.
 *
 * @since 0.1.0
 */

/**
 * @category models
 * @since 0.1.0
 */
export interface RowSet {
  readonly has: (index: number) => boolean
  /** False if it was already in the set. */
  readonly add: (index: number) => boolean
  readonly size: () => number
}

class Bits implements RowSet {
  readonly #bytes: Uint8Array
  #size = 0

  constructor(rows: number) {
    this.#bytes = new Uint8Array(Math.ceil(rows / 8))
  }

  readonly has = (index: number): boolean => ((this.#bytes[index >>> 3] ?? 0) & (1 << (index & 7))) !== 0

  readonly add = (index: number): boolean => {
    if (this.has(index)) return false
    this.#bytes[index >>> 3] = (this.#bytes[index >>> 3] ?? 0) | (1 << (index & 7))
    this.#size++
    return true
  }

  readonly size = (): number => this.#size
}

/**
 * An empty set for this many rows.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (rows: number): RowSet => new Bits(rows)
