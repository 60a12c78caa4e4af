/**
 * Reproducible randomness. Everything the simulator decides comes from a hash of the request and the simulator's seed,
 * so that a run can be repeated and two machines agree.
 *
 * @since 0.1.0
 */

/**
 * A source of numbers in `[0, 1)`.
 *
 * @category models
 * @since 0.1.0
 */
export type Random = () => number

/**
 * FNV-1a over UTF-16 code units, 32 bits, chained by passing an earlier hash as `basis`.
 *
 * @category hashing
 * @since 0.1.0
 */
export const hash = (text: string, basis = 0x811c9dc5): number => {
  let value = basis | 0
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193)
  }
  return value >>> 0
}

/**
 * Mulberry32: one 32-bit state, enough to vary texts but not meant for anything else.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (seed: number): Random => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/**
 * An integer in `[0, below)`.
 *
 * @category drawing
 * @since 0.1.0
 */
export const int = (random: Random, below: number): number => Math.floor(random() * below)

/**
 * A full-range u64, as TGI draws one when a sampled request names no seed. Most exceed what a double holds exactly.
 *
 * @category drawing
 * @since 0.1.0
 */
export const u64 = (random: Random): bigint =>
  (BigInt(int(random, 0x1_0000_0000)) << BigInt(32)) | BigInt(int(random, 0x1_0000_0000))
