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
export const isIn = ([first, second, third, fourth]: Uint8Array): boolean =>
  (first === 0x1F && second === 0x8B) || (first === 0x28 && second === 0xB5 && third === 0x2F && fourth === 0xFD)

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
