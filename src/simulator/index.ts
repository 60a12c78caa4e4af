/**
 * Simulated servers, in this process and without a socket.
 *
 * @since 0.1.0
 */

/** What a simulated server answers. @since 0.1.0 */
export * as Answer from "./model/Answer.ts"

/** A data set repository in memory. @since 0.2.0 */
export * as DatasetRepo from "./platform/DatasetRepo.ts"

/** A load balancer in front of simulated engines. @since 0.2.0 */
export * as Balancer from "./Balancer.ts"

/** What the doubles of Hugging Face's services share, and the client that finds them by host. @since 0.1.0 */
export * as Double from "./wire/Double.ts"

/** Dedicated endpoints: management API and gateway. @since 0.1.0 */
export * as SimulatedEndpointsApi from "./platform/EndpointsApi.ts"

/** The seam between a simulated server and what carries it. @since 0.1.0 */
export * as Exchange from "./wire/Exchange.ts"

/** Things that go wrong, on demand. @since 0.1.0 */
export * as Fault from "./wire/Fault.ts"

/** A Hub with repositories and tokens. @since 0.1.0 */
export * as SimulatedHub from "./platform/Hub.ts"

/** What a simulated server received. @since 0.1.0 */
export * as Journal from "./wire/Journal.ts"

/** How a simulated server is set up. @since 0.1.0 */
export * as SimulatorOptions from "./model/Options.ts"

/** What a server accepts but does not do. @since 0.2.0 */
export * as Lies from "./model/Lies.ts"

/** Headers and bodies of simulated responses. @since 0.2.0 */
export * as Reply from "./wire/Reply.ts"

/** An object store that speaks S3, in memory. @since 0.2.0 */
export * as SimulatedObjectStore from "./platform/ObjectStore.ts"

/** The serverless router. @since 0.1.0 */
export * as SimulatedRouter from "./platform/Router.ts"

/** All of Hugging Face in memory: Hub, router, endpoints. @since 0.1.0 */
export * as Platform from "./Platform.ts"

/** A small Hugging Face to try a client on. @since 0.2.0 */
export * as SamplePlatform from "./platform/Sample.ts"

/** The inference server. @since 0.1.0 */
export * as Simulator from "./Simulator.ts"

/** Exchanges that took place, as JSON lines. @since 0.2.0 */
export * as Tape from "./tape/Tape.ts"

/** A server that answers from a tape. @since 0.2.0 */
export * as Replay from "./tape/Replay.ts"

/** Answers from a file. @since 0.2.0 */
export * as Script from "./model/Script.ts"
