/**
 * One request to the port and its outcome, for logs and tapes.
 *
 * @since 0.2.0
 */
import type * as Headers from "effect/http/Headers"
import type { Refusal } from "./Refusal.ts"

/**
 * How a response ended: `complete`; `cut`, by an error behind the port, after some of it was sent; or `left`, because the
 * client disconnected.
 *
 * @category models
 * @since 0.2.0
 */
export type Ending = "complete" | "cut" | "left"

/**
 * A request that has ended. Times are milliseconds since its arrival.
 *
 * @category models
 * @since 0.2.0
 */
export interface Exchange {
  readonly id: string
  readonly method: string
  readonly path: string
  /** The requested model; undefined if none or an unknown one was requested. */
  readonly model: string | undefined
  readonly request: { readonly headers: Headers.Headers; readonly body: unknown }
  /** The status that was sent; undefined if the client left before. */
  readonly status: number | undefined
  /** Why it failed, whatever status had been sent by then. */
  readonly failure: Refusal | undefined
  /** A whole response. */
  readonly body: object | undefined
  /** The events of a stream with their times, without comments; undefined for a whole response, or if nobody keeps them. */
  readonly events: ReadonlyArray<readonly [number, string]> | undefined
  readonly ending: Ending
  readonly head: number | undefined
  readonly duration: number
  readonly inputTokens: number | undefined
  readonly outputTokens: number | undefined
  readonly cost: number | undefined
  /** The server that responded, if known. */
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
 * The true status of an exchange: that of its failure, else the one that was sent; 499 if the client left.
 *
 * @category accessors
 * @since 0.2.0
 */
export const trueStatus = ({ ending, failure, status }: Pick<Exchange, "ending" | "failure" | "status">): number =>
  failure?.status ?? (ending === "left" ? 499 : status ?? 499)
