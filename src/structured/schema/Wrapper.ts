/**
 * The object around a value for engines that only accept objects.
 *
 * @since 0.2.0
 */

/**
 * The property that holds the value.
 *
 * @category constants
 * @since 0.1.0
 */
export const WRAP = "value"
