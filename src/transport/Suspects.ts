/**
 * Requests that may have crashed the server. A generation is safe to repeat, unless it is what brings the server down: then
 * every repetition brings it down again.
 *
 * After a connection that broke off without a response, the same body is sent again only when the health route has
 * responded. A body that was broken off twice, the last time while it was the only request in flight, is given up as
 * `Fatal`: where others were in flight too, any of them may have been the cause.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Hash from "effect/Hash"
import * as Semaphore from "effect/Semaphore"
import { Fatal, type Reason } from "../InferenceError.ts"
import type { Failed } from "./Attempt.ts"

/** How many bodies are remembered; the oldest are forgotten. */
const REMEMBERED = 256

/** How many suspects may be in flight at once. */
const TURNS = 1024

/** Broken off once, a body may have been somebody else's victim. */
const FATAL = 2

/** The codes of a connection that was there and broke off. */
const brokenOff: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "UND_ERR_SOCKET", "ERR_STREAM_PREMATURE_CLOSE"])

const isBreak = (reason: Reason): boolean =>
  reason._tag === "Transport" && reason.retryable && reason.code !== undefined && brokenOff.has(reason.code)

/**
 * What is known of the bodies that went to one server.
 *
 * @category models
 * @since 0.2.0
 */
export class Suspects {
  /** How often each was broken off, by a digest: bodies are long. */
  readonly #breaks = new Map<string, number>()
  /** One that was broken off often is sent while no other suspect is, so that it shows whether it is the cause. */
  readonly #turns = Semaphore.makeUnsafe(TURNS)
  #inFlight = 0
  #sent = 0

  /**
   * One attempt at sending a body. `health` fails where the server does not respond on its health route. `body` is called
   * only when there is something to tell apart.
   */
  attempt<A>(
    body: () => string,
    send: Effect.Effect<A, Failed>,
    health: Effect.Effect<unknown, Failed>
  ): Effect.Effect<A, Failed> {
    return Effect.suspend(() => {
      if (this.#breaks.size === 0) return this.#watched(body, send)
      const key = digest(body())
      const breaks = this.#breaks.get(key)
      if (breaks === undefined) return this.#watched(body, send)
      const checked = Effect.tap(Effect.andThen(health, this.#watched(body, send)), () => {
        this.#breaks.delete(key)
        return Effect.void
      })
      return this.#turns.withPermits(breaks < FATAL ? 1 : TURNS)(checked)
    })
  }

  #watched<A>(body: () => string, send: Effect.Effect<A, Failed>): Effect.Effect<A, Failed> {
    return Effect.suspend(() => {
      const nth = ++this.#sent
      const first = this.#inFlight++ === 0
      const judged = Effect.mapError(send, (failed) =>
        isBreak(failed.reason)
          ? this.#judged(failed, digest(body()), first && this.#sent === nth)
          : failed)
      return Effect.onExit(judged, () => {
        this.#inFlight--
        return Effect.void
      })
    })
  }

  #judged(failed: Failed, key: string, alone: boolean): Failed {
    const breaks = (this.#breaks.get(key) ?? 0) + 1
    const isFatal = breaks >= FATAL && alone
    this.#breaks.delete(key)
    // a fatal body that the caller sends again all the same needs to break off but once more
    this.#breaks.set(key, isFatal ? FATAL - 1 : breaks)
    for (const oldest of this.#breaks.keys()) {
      if (this.#breaks.size <= REMEMBERED) break
      this.#breaks.delete(oldest)
    }
    return isFatal ? { ...failed, reason: new Fatal({ description: failed.reason.message }) } : failed
  }
}

const digest = (body: string): string => `${body.length}:${Hash.string(body)}`

/**
 * Whether a failed health check shows that the server is there all the same: a route that it does not have, or that it
 * protects.
 *
 * @category predicates
 * @since 0.2.0
 */
export const isUp = ({ reason }: Failed): boolean => "status" in reason && reason.status < 500
