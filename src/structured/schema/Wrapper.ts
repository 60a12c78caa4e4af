/**
 * The object around a value where an engine only takes objects.
 *
 * @since 0.2.0
 */

/**
 * The property under which the value stands.
 *
 * @category constants
 * @since 0.1.0
 */
export const WRAP = "value"
