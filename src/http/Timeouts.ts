import * as Duration from "effect/Duration"

/**
 * The limits on time of one call, each with a reason of its own (`Timeout` with its `phase`).
 *
 * - `connect` (10 s): until there is a connection. `NodeInferenceEndpoints` gives it to its transport; any other HTTP
 *   client keeps its own (`connectTimeout` of `NodeTransport.layerOptions`).
 * - `headers` (60 s): until the response headers of a stream. A unary answer sends its headers when it is complete, so
 *   there `total` holds alone.
 * - `firstEvent` (300 s): until the first event of a stream, the time in the server's queue included.
 * - `idle` (60 s): between two reads of a body; TGI sends a keep-alive every 15 s.
 * - `total` (10 min): the whole call, retries and waits included.
 *
 * @category models
 * @since 0.1.0
 */
export interface Timeouts {
  readonly connect: Duration.Duration
  readonly headers: Duration.Duration
  readonly firstEvent: Duration.Duration
  readonly idle: Duration.Duration
  readonly total: Duration.Duration
}

/**
 * The limits in force where nothing else is said.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults: Timeouts = {
  connect: Duration.seconds(10),
  headers: Duration.seconds(60),
  firstEvent: Duration.seconds(300),
  idle: Duration.seconds(60),
  total: Duration.minutes(10)
}

/**
 * The defaults with some limits replaced.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (overrides: { readonly [K in keyof Timeouts]?: Duration.Input | undefined } = {}): Timeouts => ({
  connect: overrides.connect === undefined ? defaults.connect : Duration.fromInputUnsafe(overrides.connect),
  headers: overrides.headers === undefined ? defaults.headers : Duration.fromInputUnsafe(overrides.headers),
  firstEvent: overrides.firstEvent === undefined ? defaults.firstEvent : Duration.fromInputUnsafe(overrides.firstEvent),
  idle: overrides.idle === undefined ? defaults.idle : Duration.fromInputUnsafe(overrides.idle),
  total: overrides.total === undefined ? defaults.total : Duration.fromInputUnsafe(overrides.total)
})
