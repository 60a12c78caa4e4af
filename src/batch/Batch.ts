/**
 * Many inputs through the service: a stream to a stream, or a file to a file that survives anything.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import * as Queue from "effect/Queue"
import type * as Result from "effect/Result"
import type * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import type * as Generation from "../Generation.ts"
import * as InferenceEndpointsLLM from "../InferenceEndpointsLLM.ts"
import * as BatchError from "./BatchError.ts"
import type * as Budget from "./pace/Budget.ts"
import * as Progress from "./report/Progress.ts"
import type { Report } from "./report/Report.ts"
import * as Runner from "./Runner.ts"
import * as Streaming from "./Streaming.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface RunOptions extends Runner.Options {
  /** Where progress goes: standard error (the default), nowhere, or a function. */
  readonly progress?: "stderr" | "none" | Runner.OnEvent | undefined
}

/** The service as the batch core sees it: the only place that knows both. */
const workOf = (llm: InferenceEndpointsLLM.InferenceEndpointsLLM["Service"]) => ({
  generate: (...call: Parameters<typeof llm.generate>) =>
    Effect.map(llm.generate(...call), ({ generations }) => generations),
  ready: llm.ready,
  fingerprint: llm.fingerprint
})

/**
 * A result, or the failure, of one input.
 *
 * @category models
 * @since 0.1.0
 */
export interface Outcome {
  readonly id: string
  readonly index: number
  readonly result: Result.Result<ReadonlyArray<Generation.Generation>, InferenceEndpointsLLM.GenerateError>
}

/**
 * Generates for a stream of inputs. Failures of a row are values, unless `failFast`; the stream itself fails when the
 * endpoint does not come back within `patience`. Memory does not grow with the number of inputs.
 *
 * @category running
 * @since 0.1.0
 */
export const stream = <E, R>(
  inputs: Stream.Stream<Streaming.Input, E, R>,
  options: Streaming.Options = {}
): Stream.Stream<
  Outcome,
  E | BatchError.BatchError | InferenceEndpointsLLM.GenerateError,
  R | InferenceEndpointsLLM.InferenceEndpointsLLM
> =>
  Stream.unwrap(Effect.map(
    InferenceEndpointsLLM.InferenceEndpointsLLM,
    (llm) => Streaming.stream(inputs, workOf(llm).generate, options)
  ))

/**
 * Generates for the rows of a JSONL file into a JSONL file: every row ends exactly once in the output or the errors file,
 * whatever happens in between. Run again, it goes on where it stopped; a finished one sends nothing.
 *
 * @category running
 * @since 0.1.0
 */
export const run = (
  options: RunOptions
): Effect.Effect<
  Report,
  BatchError.BatchError,
  InferenceEndpointsLLM.InferenceEndpointsLLM | FileSystem.FileSystem | Path.Path | Stdio.Stdio
> =>
  Effect.gen(function*() {
    const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
    const { progress = "stderr" } = options
    const onEvent = progress === "stderr"
      ? yield* Progress.printer
      : progress === "none"
      ? () => Effect.void
      : progress
    return yield* Runner.run({ ...options, price: yield* priceOf(options, llm) }, workOf(llm), onEvent)
  })

/** The price that the options say; for a budget in dollars without one, what the router publishes. */
const priceOf = (
  { budget, price }: Runner.Options,
  llm: InferenceEndpointsLLM.InferenceEndpointsLLM["Service"]
): Effect.Effect<Budget.Price | undefined, BatchError.BatchError> =>
  price !== undefined || budget?.dollars === undefined ? Effect.succeed(price) : Effect.mapBoth(llm.pricing, {
    onSuccess: (published) => published && { inputPerMillion: published.input, outputPerMillion: published.output },
    onFailure: ({ _tag: stage, message: problem, reason }) =>
      BatchError.make(new BatchError.Stopped({ stage, reason: reason._tag, problem }))
  })

/**
 * As `run`, for programs that watch: what happens as a stream, with the report in the last event. Snapshots that nobody
 * has read yet are replaced by later ones. Leaving the stream interrupts the batch, which leaves its files whole.
 *
 * @category running
 * @since 0.1.0
 */
export const events = (
  options: Runner.Options
): Stream.Stream<
  Progress.Event,
  BatchError.BatchError,
  InferenceEndpointsLLM.InferenceEndpointsLLM | FileSystem.FileSystem | Path.Path
> =>
  Stream.callback<
    Progress.Event,
    BatchError.BatchError,
    InferenceEndpointsLLM.InferenceEndpointsLLM | FileSystem.FileSystem | Path.Path
  >(
    (queue) =>
      Effect.gen(function*() {
        const llm = yield* InferenceEndpointsLLM.InferenceEndpointsLLM
        const price = yield* priceOf(options, llm)
        yield* Runner.run({ ...options, price }, workOf(llm), (event) => Effect.asVoid(Queue.offer(queue, event)))
        yield* Queue.end(queue)
      }),
    { bufferSize: EVENTS, strategy: "sliding" }
  )

/** Events that wait for a reader. */
const EVENTS = 256
