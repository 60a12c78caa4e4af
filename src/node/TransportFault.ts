/**
 * Faults that the Node transport finds, in the form of those that Node reports. The codes of those that undici knows too are
 * undici's, since through a proxy it is undici that reports them.
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
