/**
 * Chunks of bytes, joined.
 *
 * @since 0.2.0
 */

/**
 * The chunks one after the other. A single one is not copied.
 *
 * @category conversions
 * @since 0.2.0
 */
export const join = (pieces: ReadonlyArray<Uint8Array>): Uint8Array => {
  const [only] = pieces
  if (only !== undefined && pieces.length === 1) return only
  let size = 0
  for (const piece of pieces) size += piece.length
  const joined = new Uint8Array(size)
  let at = 0
  for (const piece of pieces) {
    joined.set(piece, at)
    at += piece.length
  }
  return joined
}
