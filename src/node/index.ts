/**
 * What needs Node.
 *
 * @since 0.1.0
 */

/** The service over the fast transport, with the token file and the shared disk cache. @since 0.1.0 */
export * as NodeInferenceEndpoints from "./NodeInferenceEndpoints.ts"

/** The fast `HttpClient`. @since 0.1.0 */
export * as NodeTransport from "./NodeTransport.ts"

/** The token that `hf auth login` saved. @since 0.1.0 */
export * as HubTokenFile from "./HubTokenFile.ts"

/** The cache of Hub files that Python's clients share. @since 0.1.0 */
export * as HubDiskCache from "./HubDiskCache.ts"

/** The simulator on a loopback port. @since 0.1.0 */
export * as SimulatorServer from "../simulator/SimulatorServer.ts"

/** The whole simulated platform on one port. @since 0.2.0 */
export * as PlatformServer from "../simulator/PlatformServer.ts"
