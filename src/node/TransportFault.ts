/**
 * Faults that the Node transport finds by itself, in the form of those that Node and undici report.
 *
 * @since 0.1.0
 */

/**
 * An error with a `code` to tell it by.
 *
 * @category errors
 * @since 0.1.0
 */
export const fault = (code: string, message: string): Error => Object.assign(new Error(message), { code })
