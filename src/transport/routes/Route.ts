/**
 * What a reader of a stream needs to know about its route.
 *
 * @since 0.2.0
 */
import type * as Arr from "effect/Array"
import type { Guard } from "../../protocol/Guard.ts"
import type * as EventLayout from "../events/EventLayout.ts"
import type { Read } from "./Reading.ts"

/**
 * What the events of a route look like.
 *
 * @category models
 * @since 0.1.0
 */
export interface Route<F> {
  readonly guard: Guard<F>
  /** What varies in its events of a token; the first that fits is used. */
  readonly layouts: ReadonlyArray<EventLayout.Layout<F>>
  /** A second reading of the payload of a frame that ends the generation, for numbers that `JSON.parse` rounds. */
  readonly refine?: ((frame: F, data: string) => F) | undefined
  /** The text that a frame adds to the generation, to say in an error what had arrived. */
  readonly text: (frame: F) => string
  /** Whether a frame looks like an event of the route. Others are ignored: a heartbeat, or a note from a proxy. */
  readonly fits: (frame: F) => boolean
  /** Whether a frame adds to the generation, as a role, usage and heartbeats do not. */
  readonly says: (frame: F) => boolean
  /**
   * Whether a frame ends the generation: `finished` when only usage or `[DONE]` may follow, `over` when nothing does. A
   * stream that ends without either, and without `[DONE]`, was cut.
   */
  readonly ends: (frame: F) => "no" | "finished" | "over"
  /** The finish reason of a frame that ends the generation, if it stands for a failure. */
  readonly failure: (frame: F) => string | undefined
  /** Reads a whole response that was sent instead of a stream. */
  readonly whole?: Read<Arr.NonEmptyReadonlyArray<F>> | undefined
}
