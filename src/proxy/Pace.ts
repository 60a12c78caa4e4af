/**
 * How many requests are in flight at once, how many begin per minute, and when all of them must wait because the server
 * asked for it. Waiting requests are served in order; one whose client leaves is removed from the queue.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as Concurrency from "../batch/pace/Concurrency.ts"
import * as Meter from "../batch/pace/Meter.ts"
import type { GenerateError } from "../InferenceEndpointsLLM.ts"
import { Refusal } from "./Refusal.ts"

/**
 * The limits.
 *
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /** Requests in flight at once: a number, or bounds between which a level is searched. Default 64. */
  readonly concurrency?: number | Concurrency.Bounds | undefined
  /** Requests that begin per minute. Default: no limit. */
  readonly requestsPerMinute?: number | undefined
  /** Requests that may wait in the queue; further ones get a 429. Default 1000. */
  readonly queue?: number | undefined
}

/**
 * @category models
 * @since 0.2.0
 */
export interface Pace {
  /** Waits for a place and keeps it for as long as the scope. Fails if too many are already waiting. */
  readonly enter: Effect.Effect<void, Refusal, Scope.Scope>
  /** A response ended, with its number of tokens. */
  readonly succeeded: (now: number, tokens: number) => void
  /** A request failed: if the server said when to retry, no request is sent before. */
  readonly failed: (now: number, error: GenerateError) => void
  readonly inFlight: () => number
  readonly waiting: () => number
}

interface Waiter {
  state: "waiting" | "granted" | "left"
  resume: () => void
}

/** Longer waits that a server asks for are left to the client. */
const LONGEST = 60_000

const busy = (message: string, millis: number): Refusal =>
  new Refusal({
    status: 429,
    type: "rate_limit_exceeded",
    code: "proxy_limit",
    message,
    retryAfter: Duration.millis(millis),
    final: false
  })

const throttling: ReadonlySet<string> = new Set(["RateLimited", "Overloaded", "Loading"])

/**
 * @category constructors
 * @since 0.2.0
 */
export const make = (options: Options = {}): Pace => {
  const level = Concurrency.make(options.concurrency ?? 64)
  const meter = options.requestsPerMinute === undefined ? undefined : Meter.make(options.requestsPerMinute)
  const most = options.queue ?? 1000
  const queue: Array<Waiter> = []
  let inFlight = 0
  let pausedUntil = 0

  const admit = (): void => {
    while (inFlight < level.limit()) {
      const next = queue.shift()
      if (next === undefined) return
      inFlight++
      next.state = "granted"
      next.resume()
    }
  }

  const leave = Effect.sync(() => {
    inFlight--
    admit()
  })

  const place = (restore: <A>(wait: Effect.Effect<A>) => Effect.Effect<A>) =>
    Effect.suspend(() => {
      if (inFlight < level.limit() && queue.length === 0) {
        inFlight++
        return Effect.void
      }
      if (queue.length >= most) {
        return Effect.fail(
          busy(`this proxy already has ${queue.length} requests waiting, which is its own limit`, 5000)
        )
      }
      const waiter: Waiter = { state: "waiting", resume: () => undefined }
      queue.push(waiter)
      const wait = Effect.callback<void>((resume) => {
        if (waiter.state === "granted") return resume(Effect.void)
        waiter.resume = () => resume(Effect.void)
      })
      return Effect.onInterrupt(restore(wait), () =>
        Effect.suspend(() => {
          if (waiter.state === "granted") return leave
          waiter.state = "left"
          queue.splice(queue.indexOf(waiter), 1)
          return Effect.void
        }))
    })

  /** Waits until the server accepts requests again, and until the minute has room. */
  const time = Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const pause = pausedUntil - now
    if (pause > LONGEST) {
      return Effect.fail(busy("the server behind this proxy is not taking requests for a while", pause))
    }
    const wait = Math.max(0, pause, Math.ceil(meter?.take(1, now) ?? 0))
    return wait === 0 ? Effect.void : Effect.sleep(wait)
  })

  return {
    enter: Effect.uninterruptibleMask((restore) =>
      Effect.gen(function*() {
        yield* place(restore)
        yield* Scope.addFinalizer(yield* Effect.scope, leave)
        yield* restore(time)
      })
    ),
    succeeded: (now, tokens) => {
      level.answered(now, tokens, inFlight)
      admit()
    },
    failed: (now, { reason, retryAfter }) => {
      if (!throttling.has(reason._tag)) return
      if (reason._tag !== "Loading") level.refused(level.limit())
      if (retryAfter !== undefined) pausedUntil = Math.max(pausedUntil, now + Duration.toMillis(retryAfter))
    },
    inFlight: () => inFlight,
    waiting: () => queue.length
  }
}
