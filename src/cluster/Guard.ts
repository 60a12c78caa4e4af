/**
 * The service as a worker uses it: nothing is sent once its claim may have run out, while the job is paused, or beyond what
 * all workers together may send.
 *
 * @since 0.2.0
 */
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import * as Budget from "../batch/pace/Budget.ts"
import type * as Generation from "../Generation.ts"
import type { InferenceEndpointsLLM } from "../InferenceEndpointsLLM.ts"
import type * as Message from "../Message.ts"
import type { CallOptions } from "../Settings.ts"
import type { Allowance } from "./Allowance.ts"
import type { ClusterError } from "./ClusterError.ts"

/**
 * The limits of all workers of a job together.
 *
 * @category models
 * @since 0.2.0
 */
export interface Shared {
  /** Requests of all workers per minute. Default: no limit. */
  readonly requestsPerMinute?: number | undefined
  /**
   * Tokens that the whole job may use. Before a request is sent, the bytes of its prompt and `maxNewTokens` per generation
   * (1,024 if none is set) are reserved; what was not used is returned.
   */
  readonly tokens?: number | undefined
  /**
   * Dollars that the whole job may spend; needs a price for tokens read and written. Reserved and returned as tokens are,
   * and counted by the cost that the server reports, else by the price.
   */
  readonly dollars?: number | undefined
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
  /** The price of tokens, if dollars are limited. */
  readonly price?: Budget.Price | undefined
  /** Asks the table whether the claim still holds. */
  readonly ask: Effect.Effect<void, ClusterError>
}

/**
 * @category models
 * @since 0.2.0
 */
export interface Guard {
  readonly service: (llm: InferenceEndpointsLLM["Service"]) => InferenceEndpointsLLM["Service"]
  /** Reports that the claim has just been renewed. */
  readonly renewed: Effect.Effect<void>
  /** No request starts for this long from now. */
  readonly pause: (length: Duration.Duration) => Effect.Effect<void>
  /** Succeeds when the budget of the job is spent. */
  readonly exhausted: Effect.Effect<string>
  /** Fails with the failure of the database; never succeeds. */
  readonly broken: Effect.Effect<never, ClusterError>
  readonly tokens: () => { readonly input: number; readonly output: number }
  /** Requests in flight. */
  readonly inFlight: () => number
}

/** The share of a lease after which its holder checks before it sends. */
const TRUSTED = 0.8
const MAX_NEW_TOKENS = 1024
const MINUTE = 60
/** How many requests are booked at once. */
const BLOCK = 10
/** For how many requests a budget is reserved at once. */
const PURSE = 20
const LONGEST_PAUSE = Duration.minutes(10)
const LOOK = Duration.millis(200)

/** At least as many tokens as a request can use: a token of a prompt has at least one byte. */
const boundOf = (
  input: Message.Input,
  { maxNewTokens = MAX_NEW_TOKENS, numGenerations = 1 }: CallOptions
): Budget.Used => ({
  inputTokens: numGenerations * new TextEncoder().encode(JSON.stringify(input)).length,
  outputTokens: numGenerations * maxNewTokens
})

const usedOf = (generations: ReadonlyArray<Generation.Generation>): Budget.Used => ({
  inputTokens: generations.reduce((sum, { statistics }) => sum + (statistics.inputTokens ?? 0), 0),
  outputTokens: generations.reduce((sum, { statistics }) => sum + (statistics.outputTokens ?? 0), 0)
})

/** The cost of responses as the server reports it; undefined if some lack it. */
const toldOf = (generations: ReadonlyArray<Generation.Generation>): number | undefined =>
  generations.every(({ statistics }) => statistics.cost !== undefined)
    ? generations.reduce((sum, { statistics }) => sum + (statistics.cost ?? 0), 0)
    : undefined

const UNITS = ["tokens", "dollars"] as const

/** The amount of each limited unit. */
type Amounts = Readonly<Record<(typeof UNITS)[number], number>>

const amountsOf = (price: Budget.Price, used: Budget.Used): Amounts => ({
  tokens: used.inputTokens + used.outputTokens,
  dollars: Budget.ofTokens(price, used)
})

const SAID = {
  tokens: (allowed: number) => `${allowed} tokens`,
  dollars: (allowed: number) => `$${allowed}`
}

/**
 * Makes the guard of one claim. What it reserved and did not use is returned when the scope closes.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = Effect.fnUntraced(
  function*({ allowance, ask, job, lease, price = {}, worker, ...shared }: Options) {
    const broken = yield* Deferred.make<never, ClusterError>()
    const exhausted = yield* Deferred.make<string>()
    const one = yield* Semaphore.make(1)
    const millis = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos) / 1e6)
    const trusted = Duration.toMillis(lease) * TRUSTED
    let last = yield* millis
    let until = 0
    let booked = 0
    const purse = { tokens: 0, dollars: 0 }
    let inFlight = 0
    const tokens = { input: 0, output: 0 }

    /** A batch has no error for the database: the worker ends with it, and the request does not start. */
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

    const limits = UNITS.flatMap((unit) => {
      const allowed = shared[unit]
      return allowed === undefined ? [] : [{ unit, allowed }]
    })

    const put = (amounts: Amounts): void => {
      for (const { unit } of limits) purse[unit] += amounts[unit]
    }

    const reserve = Effect.fnUntraced(function*(amounts: Amounts) {
      for (const { allowed, unit } of limits) {
        const amount = amounts[unit]
        if (purse[unit] >= amount) continue
        const isLarge = yield* allowance.reserve(job, unit, amount * PURSE)
        const isSmall = isLarge || (yield* allowance.reserve(job, unit, amount))
        if (!isSmall) {
          yield* Deferred.succeed(exhausted, `the job's budget of ${SAID[unit](allowed)} is spent`)
          return yield* Effect.never
        }
        purse[unit] += isLarge ? amount * PURSE : amount
      }
      for (const { unit } of limits) purse[unit] -= amounts[unit]
    })

    /**
     * Returns what was not used; usage beyond the reservation, since a server may charge more than its price, is charged at
     * once.
     */
    const settle = Effect.fnUntraced(function*(bound: Amounts, spent: Amounts) {
      for (const { unit } of limits) {
        const left = bound[unit] - spent[unit]
        if (left >= 0) purse[unit] += left
        else yield* orBreak(allowance.giveBack(job, unit, left))
      }
    })

    for (const { allowed, unit } of limits) {
      yield* allowance.allow(job, unit, allowed)
      yield* Effect.addFinalizer(() =>
        purse[unit] > 0 ? Effect.ignore(allowance.giveBack(job, unit, purse[unit])) : Effect.void
      )
    }

    const service = (llm: InferenceEndpointsLLM["Service"]): InferenceEndpointsLLM["Service"] => ({
      ...llm,
      ready: Effect.catchTag(
        allowance.wake(job, worker, llm.ready),
        "ClusterError",
        (error) => orBreak(Effect.fail(error))
      ),
      generate: (input, options = {}) => {
        const bound = amountsOf(price, boundOf(input, options))
        return Effect.gen(function*() {
          yield* unpaused
          yield* orBreak(one.withPermit(Effect.andThen(rate, reserve(bound))))
          // last, since everything before may take time
          yield* orBreak(held)
          inFlight++
          const generated = yield* llm.generate(input, options).pipe(
            Effect.tapError((error) => {
              put(bound)
              return error.retryAfter === undefined
                ? Effect.void
                : orBreak(allowance.pause(job, Duration.min(error.retryAfter, LONGEST_PAUSE)))
            }),
            Effect.ensuring(Effect.sync(() => {
              inFlight--
            }))
          )
          const used = usedOf(generated.generations)
          tokens.input += used.inputTokens
          tokens.output += used.outputTokens
          const spent = amountsOf(price, used)
          yield* settle(bound, { ...spent, dollars: toldOf(generated.generations) ?? spent.dollars })
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
  }
)
