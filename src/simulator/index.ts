/**
 * Simulated servers, in the process and without a socket.
 *
 * @since 0.1.0
 */

/** What a simulated server answers. @since 0.1.0 */
export * as Answer from "./Answer.ts"

/** The seam between a simulated server and what carries it. @since 0.1.0 */
export * as Exchange from "./Exchange.ts"

/** Things that go wrong, on demand. @since 0.1.0 */
export * as Fault from "./Fault.ts"

/** What a simulated server received. @since 0.1.0 */
export * as Journal from "./Journal.ts"

/** How a simulated server is set up. @since 0.1.0 */
export * as Options from "./Options.ts"

/** The inference server. @since 0.1.0 */
export * as Simulator from "./Simulator.ts"
