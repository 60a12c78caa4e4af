/**
 * Faults that a transport detects by itself, in the form of those that the platform reports: an `Error` with a `code`. Where
 * undici has the same fault, its code is used.
 *
 * @since 0.2.0
 */

/**
 * An error with a `code` that identifies it.
 *
 * @category errors
 * @since 0.2.0
 */
export const fault = (code: string, message: string, cause?: unknown): Error =>
  Object.assign(cause === undefined ? new Error(message) : new Error(message, { cause }), { code })

/**
 * The body is larger than allowed.
 *
 * @category errors
 * @since 0.2.0
 */
export const tooLarge = (limit: number): Error =>
  fault("ERR_BODY_TOO_LARGE", `The response body is larger than ${limit} bytes, which is the limit set for it`)

/**
 * A time limit passed.
 *
 * @category errors
 * @since 0.2.0
 */
export const late = {
  headers: () => fault("UND_ERR_HEADERS_TIMEOUT", "No complete response headers within the time set for them"),
  silence: () =>
    fault("ERR_NO_SIGN_OF_LIFE", "No response headers for a long time, and then no response from the health route"),
  idle: () => fault("UND_ERR_BODY_TIMEOUT", "No body data within the idle timeout"),
  total: () => fault("ERR_TOTAL_TIMEOUT", "The response was not complete within the time set for the whole request"),
  firstEvent: () => fault("ERR_FIRST_EVENT_TIMEOUT", "No event within the time set for the first one")
} as const
