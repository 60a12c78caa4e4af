/**
 * Bodies that are compressed although no header says so: a proxy compressed them twice, or removed the header.
 *
 * @since 0.2.0
 */

/** How gzip (RFC 1952) and Zstandard (RFC 8878) begin. */
const beginnings: ReadonlyArray<ReadonlyArray<number>> = [[0x1F, 0x8B], [0x28, 0xB5, 0x2F, 0xFD]]

/**
 * Whether the first bytes of a body are those of a compressed one.
 *
 * @category predicates
 * @since 0.2.0
 */
export const isIn = (bytes: Uint8Array): boolean =>
  beginnings.some((beginning) => beginning.every((byte, at) => bytes[at] === byte))

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
  "the body is compressed, but its content-encoding does not say so: a proxy compressed it twice, or dropped the header"
