/**
 * Many inputs through the service: a stream to a stream, or a file to a file that survives any crash.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import * as Queue from "effect/Queue"
import type * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import type * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import type * as Generation from "../Generation.ts"
import * as InferenceEndpointsLLM from "../InferenceEndpointsLLM.ts"
import type * as Message from "../Message.ts"
import type { CallOptions } from "../Settings.ts"
import type * as BatchError from "./BatchError.ts"
import * as Progress from "./report/Progress.ts"
import type { Report } from "./report/Report.ts"
import * as Digest from "./rows/Digest.ts"
import { isRecord } from "./rows/Row.ts"
import * as Runner from "./Runner.ts"
import * as Streaming from "./Streaming.ts"
import * as Task from "./Task.ts"
import * as Work from "./Work.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface RunOptions extends Runner.Options {
  /** Where progress goes: standard error (the default), nowhere, or a function. */
  readonly progress?: "stderr" | "none" | Runner.OnEvent | undefined
  /**
   * Further endpoints by name, which share the rows with the one in the context: each has its own pace and its own faults,
   * and the rows of an endpoint that is given up go to the others.
   */
  readonly others?: Readonly<Record<string, InferenceEndpointsLLM.InferenceEndpointsLLM["Service"]>> | undefined
  /** What to request instead of text: decisions, vectors, scores. Default: text. */
  readonly task?: Task.Task | undefined
  /**
   * Asks each endpoint for sixteen words at once before the first row, and leaves out an endpoint that mixes up its
   * callers. Default false.
   */
  readonly canary?: boolean | undefined
}

/**
 * The service as a batch sees it. Retries are left to the batch: it knows the other rows, and what their outcomes say
 * about the endpoint.
 *
 * @category constructors
 * @since 0.2.0
 */
export const work = (
  llm: InferenceEndpointsLLM.InferenceEndpointsLLM["Service"],
  name?: string,
  task?: Task.Task
): Work.Work<Task.Failed> => ({
  name,
  generate: task === undefined ? Streaming.once(llm) : doing(llm, task),
  ready: llm.ready,
  about: Effect.map(llm.about, ({ pricing, template, ...about }) => ({
    model: about.model,
    revision: about.revision ?? "",
    provider: about.provider ?? "",
    engine: about.engine,
    engineVersion: about.engineVersion ?? "",
    // the text of a template is long; a repository is identified by its name
    template: template === undefined || /^[\w.-]+\/[\w.-]+@\S+$/.test(template) ? template ?? "" : Digest.of(template),
    capacity: about.capacity,
    contextLength: about.contextLength,
    price: pricing && { inputPerMillion: pricing.input, outputPerMillion: pricing.output },
    isPinned: about.isPinned
  })),
  fingerprint: task === undefined
    ? llm.fingerprint
    : { ...(isRecord(llm.fingerprint) ? llm.fingerprint : { service: llm.fingerprint }), task: taskOf(task) },
  ...(task !== undefined && { task: JSON.stringify(taskOf(task)) })
})

const doing = (llm: InferenceEndpointsLLM.InferenceEndpointsLLM["Service"], task: Task.Task) => {
  const generate = Task.generate(llm, task)
  const plainly = Work.unrepeated()
  return (
    input: Message.Input,
    options: CallOptions
  ): Effect.Effect<ReadonlyArray<Generation.Generation>, Task.Failed> => plainly(generate(input, options))
}

/** A task as the manifest holds it. */
const taskOf = (task: Task.Task): Schema.JsonObject => JSON.parse(JSON.stringify(task))

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
 * @example
 * ```ts
 * import { Stream } from "effect"
 * import { Batch } from "effect-inference-endpoints/batch"
 *
 * const outcomes = Batch.stream(
 *   Stream.fromIterable(["One?", "Two?"]).pipe(Stream.map((input) => ({ input }))),
 *   { options: { maxNewTokens: 32 } }
 * )
 * ```
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
    (llm) => Streaming.stream(inputs, Streaming.once(llm), options)
  ))

/**
 * Generates for the rows of a JSONL file into a JSONL file: every row ends exactly once in the output or the errors file,
 * whatever happens in between. Run again, it continues where it stopped; a finished one sends nothing.
 *
 * @example
 * ```ts
 * import { NodeServices } from "@effect/platform-node"
 * import { Effect } from "effect"
 * import { Batch } from "effect-inference-endpoints/batch"
 * import { NodeInferenceEndpoints } from "effect-inference-endpoints/node"
 *
 * const program = Batch.run({ input: "questions.jsonl", output: "answers.jsonl" }).pipe(
 *   Effect.provide([NodeInferenceEndpoints.layer({ baseUrl: "http://localhost:8080" }), NodeServices.layer])
 * )
 * ```
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
    return yield* Runner.run(Task.rowsOf(options, options.task), worksOf(options, llm), onEvent)
  })

const worksOf = (
  { canary = false, others = {}, task }: RunOptions,
  llm: InferenceEndpointsLLM.InferenceEndpointsLLM["Service"]
) =>
  [[undefined, llm] as const, ...Object.entries(others)].map(([name, one]) => {
    const made = work(one, name, task)
    return canary && task === undefined ? { ...made, ready: Effect.andThen(made.ready, looked(one)) } : made
  })

/** Fails if the server mixes up its callers. The code that checks for it is loaded only when it is requested. */
const looked = (llm: InferenceEndpointsLLM.InferenceEndpointsLLM["Service"]) =>
  Effect.flatMap(
    Effect.promise(() => import("../prove/Canary.ts")),
    (Canary) => Effect.provideService(Canary.check(), InferenceEndpointsLLM.InferenceEndpointsLLM, llm)
  )

/**
 * As `run`, for programs that watch: what happens as a stream, with the report in the last event. Snapshots that nobody
 * has read yet are replaced by later ones. Ending the stream early interrupts the batch, which leaves its files whole.
 *
 * @category running
 * @since 0.1.0
 */
export const events = (
  options: Omit<RunOptions, "progress">
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
        yield* Runner.run(
          Task.rowsOf(options, options.task),
          worksOf(options, llm),
          (event) => Effect.asVoid(Queue.offer(queue, event))
        )
        yield* Queue.end(queue)
      }),
    { bufferSize: EVENTS, strategy: "sliding" }
  )

/** Events that wait for a reader. */
const EVENTS = 256
