/**
 * When a request of the Hub is repeated.
 *
 * @since 0.2.0
 */
import * as Retry from "../http/Retry.ts"

/**
 * The default policy: that of the Hub's own clients.
 *
 * @category constants
 * @since 0.2.0
 */
export const standard: Retry.Policy = Retry.make({
  attempts: 6,
  transientBase: "1 second",
  cap: "8 seconds",
  quota: false
})
