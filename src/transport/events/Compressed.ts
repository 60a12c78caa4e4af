/**
 * Bodies that are compressed although no header says so: a proxy compressed them twice, or removed the header.
 *
 * @since 0.2.0
 */

/**
 * Whether the first bytes of a body are those of a compressed one: gzip (RFC 1952) or Zstandard (RFC 8878).
 *
 * @category predicates
 * @since 0.2.0
 */
export const isIn = (bytes: Uint8Array): boolean =>
  (bytes[0] === 0x1F && bytes[1] === 0x8B) ||
  (bytes[0] === 0x28 && bytes[1] === 0xB5 && bytes[2] === 0x2F && bytes[3] === 0xFD)

/**
 * The same for a body that was read as UTF-8, where such bytes are invalid.
 *
 * @category predicates
 * @since 0.2.0
 */
export const isText = (text: string): boolean => text.startsWith("\u001F\uFFFD") || text.startsWith("(\uFFFD/\uFFFD")

/**
 * What is wrong with it.
 *
 * @category constants
 * @since 0.2.0
 */
export const description =
  "the response body is compressed, but its content-encoding does not say so: a proxy compressed it twice, or dropped the header"
