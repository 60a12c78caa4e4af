/**
 * The service as a worker uses it: nothing is sent once its claim may have run out, while the job is paused, or beyond what all
 * workers together may send.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type * as Generation from "../Generation.ts"
import type { InferenceEndpointsLLM } from "../InferenceEndpointsLLM.ts"
import type * as Message from "../Message.ts"
import type { CallOptions } from "../Settings.ts"
import type { Allowance } from "./Allowance.ts"
import type { ClusterError } from "./ClusterError.ts"

/**
 * What all workers of a job may do together.
 *
 * @category models
 * @since 0.2.0
 */
export interface Shared {
  /** Requests of all workers in any minute. Default: no limit. */
  readonly requestsPerMinute?: number | undefined
  /**
   * Tokens that the whole job may use. Before a request goes out, the bytes of its prompt and `maxNewTokens` for each
   * generation (1,024 where none is said) are reserved; what was not used is given back.
   */
  readonly tokens?: number | undefined
}

/**
 * What a guard needs to know.
 *
 * @category models
 * @since 0.2.0
 */
export interface Options extends Shared {
  readonly job: string
  readonly worker: string
  readonly allowance: Allowance["Service"]
  readonly lease: Duration.Duration
  /** Asks the table whether the claim still holds. */
  readonly ask: Effect.Effect<void, ClusterError>
}

/**
 * @category models
 * @since 0.2.0
 */
export interface Guard {
  readonly service: (llm: InferenceEndpointsLLM["Service"]) => InferenceEndpointsLLM["Service"]
  /** Tells that the claim was renewed just now. */
  readonly renewed: Effect.Effect<void>
  /** While it holds no request starts, for so long from now. */
  readonly pause: (length: Duration.Duration) => Effect.Effect<void>
  /** Succeeds when the budget of the job is spent. */
  readonly exhausted: Effect.Effect<string>
  /** Fails with what the database failed with; never succeeds. */
  readonly broken: Effect.Effect<never, ClusterError>
  readonly tokens: () => { readonly input: number; readonly output: number }
  /** Requests that were sent and have not ended. */
  readonly inFlight: () => number
}

/** The part of a lease after which its holder asks before it sends. */
const TRUSTED = 0.8
const MAX_NEW_TOKENS = 1024
const MINUTE = 60
/** Requests that are booked at once. */
const BLOCK = 10
/** Requests for which a budget is reserved at once. */
const PURSE = 20
const LONGEST_PAUSE = Duration.minutes(10)
const LOOK = Duration.millis(200)

/** At least as many tokens as a request can use: a token of a prompt has at least one byte. */
const boundOf = (input: Message.Input, { maxNewTokens = MAX_NEW_TOKENS, numGenerations = 1 }: CallOptions): number =>
  numGenerations * (new TextEncoder().encode(JSON.stringify(input)).length + maxNewTokens)

const usedOf = (generations: ReadonlyArray<Generation.Generation>) => ({
  input: generations.reduce((sum, { statistics }) => sum + (statistics.inputTokens ?? 0), 0),
  output: generations.reduce((sum, { statistics }) => sum + (statistics.outputTokens ?? 0), 0)
})

/**
 * Makes the guard of one claim. What it reserved and did not use is given back when the scope closes.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = Effect.fnUntraced(function*({ allowance, ask, job, lease, worker, ...shared }: Options) {
  const broken = yield* Deferred.make<never, ClusterError>()
  const exhausted = yield* Deferred.make<string>()
  const one = yield* Semaphore.make(1)
  const millis = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos) / 1e6)
  const trusted = Duration.toMillis(lease) * TRUSTED
  let last = yield* millis
  let until = 0
  let booked = 0
  let purse = 0
  let inFlight = 0
  const tokens = { input: 0, output: 0 }

  /** The batch has no word for a failed database: the worker ends by it, and the request does not start. */
  const orBreak = <A>(effect: Effect.Effect<A, ClusterError>): Effect.Effect<A> =>
    Effect.catch(effect, (error) => Effect.andThen(Deferred.fail(broken, error), Effect.never))

  const renewed = Effect.map(millis, (now) => {
    last = now
  })
  const pause = (length: Duration.Duration) =>
    Effect.map(millis, (now) => {
      until = now + Duration.toMillis(length)
    })

  const unpaused: Effect.Effect<void> = Effect.flatMap(
    millis,
    (now) => until <= now ? Effect.void : Effect.delay(unpaused, LOOK)
  )

  const held = Effect.flatMap(millis, (now) =>
    now - last < trusted ? Effect.void : one.withPermit(
      Effect.flatMap(millis, (again) => again - last < trusted ? Effect.void : Effect.andThen(ask, renewed))
    ))

  const rate = Effect.gen(function*() {
    const { requestsPerMinute } = shared
    if (requestsPerMinute === undefined) return
    if (booked === 0) {
      const perSecond = requestsPerMinute / MINUTE
      const block = Math.max(1, Math.min(BLOCK, Math.floor(perSecond)))
      yield* Effect.sleep(yield* allowance.book(`${job} requests`, block, perSecond, block))
      booked = block
    }
    booked--
  })

  const reserve = Effect.fnUntraced(function*(amount: number) {
    if (shared.tokens === undefined) return
    if (purse < amount) {
      const isLarge = yield* allowance.reserve(job, "tokens", amount * PURSE)
      const isSmall = isLarge || (yield* allowance.reserve(job, "tokens", amount))
      if (!isSmall) {
        yield* Deferred.succeed(exhausted, `the job's budget of ${shared.tokens} tokens is spent`)
        return yield* Effect.never
      }
      purse += isLarge ? amount * PURSE : amount
    }
    purse -= amount
  })

  if (shared.tokens !== undefined) {
    yield* allowance.allow(job, "tokens", shared.tokens)
    yield* Effect.addFinalizer(() => purse > 0 ? Effect.ignore(allowance.giveBack(job, "tokens", purse)) : Effect.void)
  }

  const service = (llm: InferenceEndpointsLLM["Service"]): InferenceEndpointsLLM["Service"] => ({
    ...llm,
    ready: Effect.catchTag(
      allowance.wake(job, worker, llm.ready),
      "ClusterError",
      (error) => orBreak(Effect.fail(error))
    ),
    generate: (input, options = {}) => {
      const amount = boundOf(input, options)
      return Effect.gen(function*() {
        yield* unpaused
        yield* orBreak(one.withPermit(Effect.andThen(rate, reserve(amount))))
        // last, since all before may take time
        yield* orBreak(held)
        inFlight++
        const generated = yield* llm.generate(input, options).pipe(
          Effect.tapError((error) => {
            purse += amount
            return error.retryAfter === undefined
              ? Effect.void
              : orBreak(allowance.pause(job, Duration.min(error.retryAfter, LONGEST_PAUSE)))
          }),
          Effect.ensuring(Effect.sync(() => {
            inFlight--
          }))
        )
        const used = usedOf(generated.generations)
        tokens.input += used.input
        tokens.output += used.output
        purse += Math.max(0, amount - used.input - used.output)
        return generated
      })
    }
  })

  const guard: Guard = {
    service,
    renewed,
    pause,
    exhausted: Deferred.await(exhausted),
    broken: Deferred.await(broken),
    tokens: () => tokens,
    inFlight: () => inFlight
  }
  return guard
})
