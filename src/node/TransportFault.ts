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

const stale = new WeakSet<Error>()

/**
 * Notes that a kept connection was closed under a request, before a byte of its answer.
 *
 * @category errors
 * @since 0.1.0
 */
export const markStale = (error: Error): void => {
  stale.add(error)
}

/**
 * Tells whether a request failed because a kept connection was closed under it, before a byte of its answer. The server
 * never took it up then, and sending it again is safe. Behind a proxy undici connects by itself: there it is known by the
 * socket in the error, and some resets are not recognised.
 *
 * @category guards
 * @since 0.1.0
 */
export const isStale = (error: Error & { readonly code?: unknown; readonly socket?: unknown }): boolean =>
  stale.has(error) ||
  (error.code === "UND_ERR_SOCKET" && typeof error.socket === "object" && error.socket !== null &&
    "bytesRead" in error.socket && Number(error.socket.bytesRead) > 0)
