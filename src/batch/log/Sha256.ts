/**
 * SHA-256 (FIPS 180-4) of bytes that come in pieces. The platforms' own digest takes only whole buffers, and an input may
 * be larger than memory.
 *
 * @since 0.1.0
 */

/** The first 32 bits of the fractional part of a root of each of the first primes, by the standard. */
const fraction = (value: number): number => ((value - Math.floor(value)) * 0x1_0000_0000) | 0

const primes = (count: number): ReadonlyArray<number> => {
  const found: Array<number> = []
  for (let n = 2; found.length < count; n++) if (found.every((prime) => n % prime !== 0)) found.push(n)
  return found
}

const K = Int32Array.from(primes(64), (prime) => fraction(Math.cbrt(prime)))
const INITIAL = Int32Array.from(primes(8), (prime) => fraction(Math.sqrt(prime)))

/** What a typed array holds at a place that is known to be inside it. */
const at = (array: Int32Array, index: number): number => array[index] ?? 0

/**
 * @category models
 * @since 0.1.0
 */
export interface Sha256 {
  readonly update: (bytes: Uint8Array) => void
  /** The digest as hex; the value takes no more bytes afterwards. */
  readonly hex: () => string
}

class State implements Sha256 {
  readonly #hash = Int32Array.from(INITIAL)
  readonly #words = new Int32Array(64)
  readonly #block = new Uint8Array(64)
  #filled = 0
  #length = 0

  readonly update = (bytes: Uint8Array): void => {
    this.#length += bytes.length
    let from = 0
    if (this.#filled > 0) {
      from = Math.min(64 - this.#filled, bytes.length)
      this.#block.set(bytes.subarray(0, from), this.#filled)
      this.#filled += from
      if (this.#filled < 64) return
      this.#compress(this.#block, 0)
      this.#filled = 0
    }
    for (; from + 64 <= bytes.length; from += 64) this.#compress(bytes, from)
    this.#block.set(bytes.subarray(from), 0)
    this.#filled = bytes.length - from
  }

  #compress(bytes: Uint8Array, from: number): void {
    const w = this.#words
    const view = new DataView(bytes.buffer, bytes.byteOffset + from, 64)
    for (let i = 0; i < 16; i++) w[i] = view.getInt32(i * 4)
    for (let i = 16; i < 64; i++) {
      const x = at(w, i - 15)
      const y = at(w, i - 2)
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
      w[i] = (at(w, i - 16) + s0 + at(w, i - 7) + s1) | 0
    }
    let [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = this.#hash
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + at(K, i) + at(w, i)) | 0
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
      h = g
      g = f
      f = e
      e = (d + t1) | 0
      d = c
      c = b
      b = a
      a = (t1 + t2) | 0
    }
    const sums = [a, b, c, d, e, f, g, h]
    for (let i = 0; i < 8; i++) this.#hash[i] = (at(this.#hash, i) + (sums[i] ?? 0)) | 0
  }

  readonly hex = (): string => {
    const length = this.#length
    const padded = new Uint8Array(this.#filled < 56 ? 64 - this.#filled : 128 - this.#filled)
    padded[0] = 0x80
    const view = new DataView(padded.buffer)
    view.setUint32(padded.length - 8, Math.floor(length / 0x2000_0000))
    view.setUint32(padded.length - 4, (length * 8) >>> 0)
    this.update(padded)
    return Array.from(this.#hash, (word) => (word >>> 0).toString(16).padStart(8, "0")).join("")
  }
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const make = (): Sha256 => new State()

/**
 * The digest of a text.
 *
 * @category accessors
 * @since 0.1.0
 */
export const ofText = (text: string): string => {
  const hash = make()
  hash.update(new TextEncoder().encode(text))
  return hash.hex()
}
