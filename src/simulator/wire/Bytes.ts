/**
 * Bytes on the wire: how many a text is, and pieces as one.
 *
 * @since 0.2.0
 */

/**
 * Length in UTF-8 bytes. A lone surrogate counts as the three bytes of U+FFFD.
 *
 * @category measuring
 * @since 0.2.0
 */
export const length = (text: string): number => {
  let bytes = text.length
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code < 0x80) continue
    if (code >= 0xd800 && code < 0xdc00 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00) {
      bytes += 2
      index++
    } else {
      bytes += code < 0x800 ? 1 : 2
    }
  }
  return bytes
}

/**
 * The pieces one after the other; one alone as it is.
 *
 * @category conversions
 * @since 0.2.0
 */
export const join = (pieces: ReadonlyArray<Uint8Array>): Uint8Array => {
  const [only] = pieces
  if (only !== undefined && pieces.length === 1) return only
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    all.set(piece, at)
    at += piece.length
  }
  return all
}
