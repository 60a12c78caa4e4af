import type { Received } from "../wire/Reply.ts"
import type { Answer } from "./Answer.ts"
import type { Settings } from "./Options.ts"

/**
 * Everything a route may know while it responds to one request.
 *
 * @category models
 * @since 0.1.0
 */
export interface Turn {
  readonly settings: Settings
  readonly request: Received
  /** Milliseconds since the epoch, on the clock of Effect. */
  readonly now: number
  /**
   * The simulator's seed mixed with the body and how often this body came before: randomness for requests without a seed.
   */
  readonly chance: number
  /** Takes one of the server's permits until the reply has ended; false when none is free. */
  readonly takePermit: () => boolean
  /** Slots of the server in which generations run now. */
  readonly busy: () => number
  /** Generations that are running, in a slot or not. */
  readonly running: () => number
  /** Whether a server with a bounded queue takes one more request. */
  readonly admits: () => boolean
  /** The response that the test wants, if any. */
  readonly answer: (prompt: string) => Answer | undefined
  /** Counters of all responses so far. */
  readonly counters: Counters
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Counters {
  requests: number
  succeeded: number
  tokens: number
  readonly failures: Map<string, number>
}
