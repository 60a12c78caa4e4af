/**
 * An OpenAI-compatible port in front of endpoints.
 *
 * @since 0.2.0
 */

/** The port as an Effect over a request. @since 0.2.0 */
export * as Proxy from "./Proxy.ts"

/** A model behind the port. @since 0.2.0 */
export * as Backend from "./Backend.ts"

/** Who may use it. @since 0.2.0 */
export * as Gate from "./Gate.ts"

/** How many requests at once, and per minute. @since 0.2.0 */
export * as ProxyPace from "./Pace.ts"

/** One request and its outcome. @since 0.2.0 */
export * as ProxyExchange from "./Exchange.ts"

/** Why a request gets no response from a model. @since 0.2.0 */
export * as Refusal from "./Refusal.ts"

/** Exchanges on a tape. @since 0.2.0 */
export * as Recording from "./Recording.ts"
