/**
 * One request to the port and what came of it, for logs and tapes.
 *
 * @since 0.2.0
 */
import type * as Headers from "effect/http/Headers"
import type { Refusal } from "./Refusal.ts"

/**
 * How a response ended: `complete`; `cut`, by an error behind the port, after some of it was sent; or `left`, since the
 * client went away.
 *
 * @category models
 * @since 0.2.0
 */
export type Ending = "complete" | "cut" | "left"

/**
 * A request that has ended. Times are milliseconds since it came.
 *
 * @category models
 * @since 0.2.0
 */
export interface Exchange {
  readonly id: string
  readonly method: string
  readonly path: string
  /** The model that was asked for; undefined where none was, or none that there is. */
  readonly model: string | undefined
  readonly request: { readonly headers: Headers.Headers; readonly body: unknown }
  /** The status that was sent; undefined where the client left before. */
  readonly status: number | undefined
  /** Why it failed, whatever status had been sent by then. */
  readonly failure: Refusal | undefined
  /** A whole response. */
  readonly body: object | undefined
  /** The events of a stream with their times, comments left out; undefined for a whole response, or where nobody keeps them. */
  readonly events: ReadonlyArray<readonly [number, string]> | undefined
  readonly ending: Ending
  readonly head: number | undefined
  readonly duration: number
  readonly inputTokens: number | undefined
  readonly outputTokens: number | undefined
  readonly cost: number | undefined
  /** What answered, where that is known. */
  readonly answeredBy: AnsweredBy | undefined
}

/**
 * @category models
 * @since 0.2.0
 */
export interface AnsweredBy {
  readonly model: string
  readonly engine: string
  readonly version?: string
}

type Mutable = { -readonly [K in keyof Exchange]: Exchange[K] }

/**
 * An exchange in flight.
 *
 * @category models
 * @since 0.2.0
 */
export interface Open extends Omit<Mutable, "events"> {
  events: Array<readonly [number, string]> | undefined
}

/**
 * The status that is true of an exchange: that of its failure, else the one that was sent; 499 where the client left.
 *
 * @category accessors
 * @since 0.2.0
 */
export const trueStatus = ({ ending, failure, status }: Pick<Exchange, "ending" | "failure" | "status">): number =>
  failure?.status ?? (ending === "left" ? 499 : status ?? 499)
