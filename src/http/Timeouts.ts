/**
 * The time limits of one call.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"

/**
 * The limits that have a reason of their own.
 *
 * @category models
 * @since 0.2.0
 */
export type Phase = "connect" | "headers" | "firstEvent" | "idle" | "total"

/**
 * The time limits of one call, each with a reason of its own (`Timeout` with its `phase`).
 *
 * - `connect` (10 s): until there is a connection. `NodeInferenceEndpoints` passes it to its transport; any other HTTP
 *   client keeps its own (`connectTimeout` of `NodeTransport.layerOptions`).
 * - `firstEvent` (300 s): until the first event of a stream, including the time in the server's queue. A whole response
 *   has no limit of its own before its headers: after this long without them the health route is checked; no response
 *   there ends the call; with one, the call waits on, up to `total`.
 * - `headers` (as `firstEvent`): until the response headers of a stream. Some engines send them with the first token, after
 *   the queue and the prompt.
 * - `idle` (60 s): between two reads of a body; TGI sends a keep-alive every 15 s.
 * - `total` (10 min): the whole call, including retries, waits and finding out where the endpoint is.
 *
 * @category models
 * @since 0.1.0
 */
export type Timeouts = { readonly [P in Phase]: Duration.Duration }

/**
 * Limits as a caller gives them; what is absent keeps its default.
 *
 * @category models
 * @since 0.2.0
 */
export type Input = { readonly [P in Phase]?: Duration.Input | undefined }

/**
 * The limits in force by default.
 *
 * @category constants
 * @since 0.1.0
 */
export const defaults: Timeouts = {
  connect: Duration.seconds(10),
  headers: Duration.seconds(300),
  firstEvent: Duration.seconds(300),
  idle: Duration.seconds(60),
  total: Duration.minutes(10)
}

/**
 * The defaults with some limits replaced. The headers of a stream get the same time as its first event.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (overrides: Input = {}): Timeouts => {
  const of = (phase: Phase, otherwise: Duration.Duration): Duration.Duration => {
    const given = overrides[phase]
    return given === undefined ? otherwise : Duration.fromInputUnsafe(given)
  }
  const firstEvent = of("firstEvent", defaults.firstEvent)
  return {
    connect: of("connect", defaults.connect),
    headers: of("headers", firstEvent),
    firstEvent,
    idle: of("idle", defaults.idle),
    total: of("total", defaults.total)
  }
}
