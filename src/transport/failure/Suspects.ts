/**
 * Requests that may have crashed the server. A generation is safe to repeat, unless it brings the server down: then every
 * repetition does so again.
 *
 * After a connection that broke off without a response, the same body is only sent again once the health route has
 * responded. A body whose connection broke off twice, the last time while it was the only request in flight, is given
 * up as `Fatal`: if others were in flight too, any of them may have been the cause.
 *
 * Usually it is a request's tools or grammar that crash the server. If two requests with the same ones were fatal and
 * none had a response, others with them are not sent for five minutes.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { Fatal, type Reason } from "../../InferenceError.ts"
import * as BodyDigest from "./BodyDigest.ts"
import type { Failed } from "./Failed.ts"

/** How many bodies are remembered; the oldest are forgotten. */
const REMEMBERED = 256

/** How many suspects may be in flight at once. */
const TURNS = 1024

/** A body whose connection broke off once may have been the victim of another one. */
const FATAL = 2

/** How many fatal bodies of one structure mark it as deadly, and for how many milliseconds. */
const KNOWN = 2
const KNOWN_FOR = 300_000

/** The codes of a connection that was established and broke off. */
const brokenOff: ReadonlySet<string> = new Set(["ECONNRESET", "EPIPE", "UND_ERR_SOCKET", "ERR_STREAM_PREMATURE_CLOSE"])

const isBreak = (reason: Reason): boolean =>
  reason._tag === "Transport" && reason.retryable && reason.code !== undefined && brokenOff.has(reason.code)

type Body = Readonly<Record<string, unknown>>

/** What is known about tools or a grammar that were in fatal bodies. */
interface Deadly {
  readonly bodies: ReadonlySet<string>
  readonly description: string
  readonly until: number
}

/**
 * What is known about the bodies that were sent to one server.
 *
 * @category models
 * @since 0.2.0
 */
export class Suspects {
  /** How often the connection of each broke off. */
  readonly #breaks = new Map<string, number>()
  /** The structures of fatal bodies. */
  readonly #deadly = new Map<string, Deadly>()
  /**
   * A body whose connection often broke off is only sent while no other suspect is in flight, which shows whether it is
   * the cause.
   */
  readonly #turns = Semaphore.makeUnsafe(TURNS)
  #inFlight = 0
  #sent = 0

  /** One attempt at sending a body. `health` fails if the server does not respond on its health route. */
  attempt<A>(
    body: Body,
    send: Effect.Effect<A, Failed>,
    health: () => Effect.Effect<unknown, Failed>
  ): Effect.Effect<A, Failed> {
    return Effect.suspend(() => {
      // nearly always there are no suspects
      if (this.#breaks.size === 0) return this.#watched(body, send)
      const structure = this.#deadly.size === 0 ? undefined : BodyDigest.structure(body)
      return structure !== undefined && this.#deadly.has(structure)
        ? Effect.flatMap(Clock.currentTimeMillis, (now) => {
          const refused = this.#refused(body, structure, now)
          return refused === undefined ? this.#known(body, send, health, structure) : Effect.fail(refused)
        })
        : this.#known(body, send, health, undefined)
    })
  }

  #known<A>(
    body: Body,
    send: Effect.Effect<A, Failed>,
    health: () => Effect.Effect<unknown, Failed>,
    structure: string | undefined
  ): Effect.Effect<A, Failed> {
    const key = BodyDigest.make(body)
    const breaks = this.#breaks.get(key)
    const watched = Effect.suspend(() => this.#watched(body, send))
    if (breaks === undefined && structure === undefined) return watched
    const innocent = Effect.tap(breaks === undefined ? watched : Effect.flatMap(health(), () => watched), () => {
      this.#breaks.delete(key)
      if (structure !== undefined) this.#deadly.delete(structure)
      return Effect.void
    })
    return this.#turns.withPermits(breaks === undefined || breaks < FATAL ? 1 : TURNS)(innocent)
  }

  /** It counts as in flight from here. */
  #watched<A>(body: Body, send: Effect.Effect<A, Failed>): Effect.Effect<A, Failed> {
    const nth = ++this.#sent
    const first = this.#inFlight++ === 0
    const judged = Effect.catch(send, (failed) =>
      isBreak(failed.reason)
        ? this.#judged(failed, body, first && this.#sent === nth)
        : Effect.fail(failed))
    return Effect.onExitPrimitive(judged, this.#left)
  }

  readonly #left = (): undefined => {
    this.#inFlight--
    return undefined
  }

  #judged(failed: Failed, body: Body, alone: boolean): Effect.Effect<never, Failed> {
    const key = BodyDigest.make(body)
    const breaks = (this.#breaks.get(key) ?? 0) + 1
    const isFatal = breaks >= FATAL && alone
    this.#breaks.delete(key)
    // a fatal body that the caller sends again anyway needs to break off only once more
    this.#breaks.set(key, isFatal ? FATAL - 1 : breaks)
    trim(this.#breaks)
    if (!isFatal) return Effect.fail(failed)
    const description = failed.reason.message
    const reason = new Fatal({ description, request: BodyDigest.describe(body) })
    const structure = BodyDigest.structure(body)
    if (structure === undefined) return Effect.fail({ ...failed, reason })
    return Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const bodies = new Set(this.#deadly.get(structure)?.bodies).add(key)
      this.#deadly.set(structure, { bodies, description, until: now + KNOWN_FOR })
      trim(this.#deadly)
      return Effect.fail({ ...failed, reason })
    })
  }

  #refused(body: Body, structure: string, now: number): Failed | undefined {
    const deadly = this.#deadly.get(structure)
    if (deadly === undefined || deadly.bodies.size < KNOWN || now >= deadly.until) return undefined
    const { bodies, description } = deadly
    const reason = new Fatal({ description, request: BodyDigest.describe(body), others: bodies.size })
    return { reason, requestId: undefined, shouldRetry: undefined }
  }
}

const trim = (remembered: Map<string, unknown>): void => {
  for (const oldest of remembered.keys()) {
    if (remembered.size <= REMEMBERED) break
    remembered.delete(oldest)
  }
}

/**
 * Whether a failed health check shows that the server is up all the same: it lacks the route, or protects it.
 *
 * @category predicates
 * @since 0.2.0
 */
export const isUp = ({ reason }: Failed): boolean => "status" in reason && reason.status < 500
