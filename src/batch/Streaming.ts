/**
 * A stream of inputs through work → a stream of outcomes.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import type * as Generation from "../Generation.ts"
import type { InferenceEndpointsLLM } from "../InferenceEndpointsLLM.ts"
import type * as Message from "../Message.ts"
import type { CallOptions } from "../Settings.ts"
import * as BatchError from "./BatchError.ts"
import type { Raised } from "./pace/Fault.ts"
import * as Pace from "./pace/Pace.ts"
import * as Pool from "./pace/Pool.ts"
import { tokensOf } from "./report/Tally.ts"
import * as Source from "./rows/Source.ts"
import * as Work from "./Work.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Input {
  /** Default: the index. */
  readonly id?: string | undefined
  readonly input: Message.Input
  /** Options of this input, which override those of the batch. */
  readonly options?: CallOptions | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Options extends Pace.Options {
  /** Options of every row. */
  readonly options?: CallOptions | undefined
  /** Outcomes in the order of the inputs; a slow row then holds back those after it. Default false: as completed. */
  readonly ordered?: boolean | undefined
  /** Fails with the first row that fails. Default false: failures are outcomes. */
  readonly failFast?: boolean | undefined
  /** How long rows in flight may take to finish when the endpoint is given up. Default 30 seconds. */
  readonly drain?: Duration.Input | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Outcome<E> {
  readonly id: string
  readonly index: number
  readonly result: Result.Result<ReadonlyArray<Generation.Generation>, E>
}

interface Item {
  readonly index: number
  readonly input: Input
}

/** How many outcomes, in multiples of the concurrency, may wait for an earlier one. */
const AHEAD = 4

/** Passes outcomes on in the order of their index; a row starts only while few enough wait. */
const inOrder = <E>(room: number, deliver: (outcome: Outcome<E>) => Effect.Effect<void>) => {
  const permits = Semaphore.makeUnsafe(room)
  const lock = Semaphore.makeUnsafe(1)
  const waiting = new Map<number, Outcome<E>>()
  let next = 0
  const flush = Effect.gen(function*() {
    for (let outcome = waiting.get(next); outcome !== undefined; outcome = waiting.get(next)) {
      waiting.delete(next++)
      yield* deliver(outcome)
      yield* permits.release(1)
    }
  })
  return {
    admit: permits.take(1),
    deliver: (outcome: Outcome<E>) =>
      Effect.suspend(() => {
        waiting.set(outcome.index, outcome)
        return lock.withPermit(flush)
      })
  }
}

/**
 * One row as one call of the service.
 *
 * @category running
 * @since 0.2.0
 */
export const once = (llm: InferenceEndpointsLLM["Service"]) => {
  const plainly = Work.unrepeated()
  return (input: Message.Input, options: CallOptions) =>
    plainly(Effect.map(llm.generate(input, options), ({ generations }) => generations))
}

/**
 * @category running
 * @since 0.1.0
 */
export const stream = <E extends Raised, E2, R>(
  inputs: Stream.Stream<Input, E2, R>,
  generate: (input: Message.Input, options: CallOptions) => Effect.Effect<ReadonlyArray<Generation.Generation>, E>,
  options: Options = {}
): Stream.Stream<Outcome<E>, E | E2 | BatchError.BatchError, R> =>
  Stream.unwrap(Effect.sync(() => {
    const pace = Pace.make(options)
    return Stream.callback<Outcome<E>, E | E2 | BatchError.BatchError, R>((queue) =>
      Effect.gen(function*() {
        const control = Pool.control<BatchError.BatchError>([pace])
        const send = (outcome: Outcome<E>) => Effect.asVoid(Queue.offer(queue, outcome))
        const order = options.ordered === true ? inOrder(pace.most * AHEAD, send) : undefined
        const source = Source.make(yield* Stream.toPull(inputs))
        let count = 0
        const item = () =>
          Effect.mapEager(
            source(),
            (input): Item | undefined => input === undefined ? undefined : { index: count++, input }
          )
        yield* Pool.run<Item, ReadonlyArray<Generation.Generation>, E, E | E2, never, R, BatchError.BatchError>(
          {
            next: order === undefined ? item : () => Effect.flatMap(order.admit, item),
            work: ({ input }) => generate(input.input, { concurrency: 1, ...options.options, ...input.options }),
            tokens: tokensOf,
            delivered: ({ index, input }, outcome) => {
              const result = Result.mapError(outcome, ({ error }) => error)
              return options.failFast === true && Result.isFailure(result)
                ? Effect.fail(result.failure)
                : (order?.deliver ?? send)({ id: input.id ?? String(index), index, result })
            }
          },
          [pace],
          control,
          {
            drain: options.drain ?? "30 seconds",
            giveUp,
            // a suspect holds back the rows after it, which would otherwise wait for it forever
            ...(order !== undefined && { suspects: 1 })
          }
        )
        const why = control.why()
        if (why !== undefined) return yield* why
        return yield* Queue.end(queue)
      }), { bufferSize: pace.most })
  }))

const giveUp = (
  { message, reason, stage }: { readonly stage: string; readonly reason: string; readonly message: string }
) => BatchError.make(new BatchError.Stopped({ stage, reason, problem: message }))
