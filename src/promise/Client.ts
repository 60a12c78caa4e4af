/**
 * The service behind promises and async iterables.
 *
 * @since 0.2.0
 */
import * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Retry from "../http/Retry.ts"
import * as InferenceEndpointsLLM from "../InferenceEndpointsLLM.ts"
import * as Errors from "./Errors.ts"
import type { FileBatchControl, FileBatchOptions, FileBatchReport } from "./FileBatch.ts"
import type { BatchOptions, Client, JsonSchema, ObjectOptions, ObjectResult, Outcome, Standard } from "./index.ts"
import type { Abortable, Input, Options } from "./Options.ts"

/** The options of the service. A `Time` is a `Duration.Input` by its form. */
const settingsOf = (
  { attempts, timeouts, waitTimeout, ...options }: Options
): InferenceEndpointsLLM.LayerOptions => ({
  ...options,
  waitTimeout: waitTimeout satisfies Duration.Input | undefined,
  client: {
    timeouts,
    ...(attempts !== undefined && { retry: { ...Retry.standard, attempts } })
  }
})

const noFiles = () => {
  const message = "batchFile: this runtime has no files; on Node the same import has them, and `batch` runs everywhere"
  return new Errors.BatchFailure(message, { _tag: "InvalidOptions", message, isRetryable: false })
}

class Aborted {
  readonly _tag = "Aborted"
}

/** Fails when the signal is aborted; its listener goes with the fiber that waits. */
const aborted = (signal: AbortSignal): Effect.Effect<never, Aborted> =>
  Effect.callback((resume) => {
    const fail = () => resume(Effect.fail(new Aborted()))
    if (signal.aborted) return fail()
    signal.addEventListener("abort", fail, { once: true })
    return Effect.sync(() => signal.removeEventListener("abort", fail))
  })

const rejection = (error: unknown, signal: AbortSignal | undefined): unknown =>
  signal?.aborted === true ? signal.reason : Errors.from(error)

const withService = <A, E>(
  use: (llm: InferenceEndpointsLLM.InferenceEndpointsLLM["Service"]) => Effect.Effect<A, E>
) => Effect.flatMap(InferenceEndpointsLLM.InferenceEndpointsLLM, use)

/**
 * Loads the batch from file to file, where there are files.
 *
 * @category models
 * @since 0.2.0
 */
export type LoadFiles = () => Promise<{
  readonly run: (
    options: FileBatchOptions & FileBatchControl
  ) => Effect.Effect<FileBatchReport, unknown, InferenceEndpointsLLM.InferenceEndpointsLLM>
}>

/**
 * Makes a client over a layer of the service, which is built by the first call and ended by `close`; and over files, where
 * there are any.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (
  layerOf: (
    options: InferenceEndpointsLLM.LayerOptions
  ) => Layer.Layer<InferenceEndpointsLLM.InferenceEndpointsLLM, unknown>,
  loadFiles?: LoadFiles
) =>
(options: Options): Client => {
  const runtime = ManagedRuntime.make(layerOf(settingsOf(options)))

  const run = async <A>(
    effect: Effect.Effect<A, unknown, InferenceEndpointsLLM.InferenceEndpointsLLM>,
    signal: AbortSignal | undefined
  ): Promise<A> => {
    signal?.throwIfAborted()
    const exit = await runtime.runPromiseExit(effect, { signal })
    if (Exit.isSuccess(exit)) return exit.value
    throw rejection(Cause.squash(exit.cause), signal)
  }

  const iterate = async function*<A>(
    stream: Stream.Stream<A, unknown, InferenceEndpointsLLM.InferenceEndpointsLLM>,
    signal: AbortSignal | undefined
  ): AsyncGenerator<A, void, undefined> {
    signal?.throwIfAborted()
    try {
      const context = await runtime.context()
      yield* Stream.toAsyncIterableWith(
        signal === undefined ? stream : Stream.interruptWhen(stream, aborted(signal)),
        context
      )
    } catch (error) {
      throw rejection(error, signal)
    }
  }

  const close = () => runtime.dispose()

  return {
    generate: async (input, call) => {
      const { signal, ...rest } = call ?? {}
      const { generations } = await run(
        withService((llm) => llm.generate(input, { ...rest, numGenerations: 1 })),
        signal
      )
      const [generation] = generations
      if (generation === undefined) throw new Error("one generation was requested but none arrived")
      return generation
    },
    generateSeveral: async (input, call) => {
      const { signal, ...rest } = call ?? {}
      return (await run(withService((llm) => llm.generate(input, rest)), signal)).generations
    },
    stream: (input, call) => {
      const { signal, ...rest } = call ?? {}
      return iterate(
        Stream.unwrap(Effect.map(InferenceEndpointsLLM.InferenceEndpointsLLM, (llm) => llm.stream(input, rest))),
        signal
      )
    },
    object: async (input: Input, { schema: given, signal, ...call }: ObjectOptions<Standard<unknown> | JsonSchema>) => {
      const ObjectSchema = await import("./ObjectSchema.ts")
      const { finish, schema } = ObjectSchema.make(given)
      const { generation, value } = await run(
        withService((llm) => llm.generateObject(input, { ...call, schema })),
        signal
      )
      // the overloads declare the schema's own output
      return { value: await finish(value), generation } as ObjectResult<never>
    },
    decide: async (input, question, call) => {
      const { signal, ...rest } = call ?? {}
      const Decision = await import("../decide/Decision.ts")
      return run(Decision.decide(input, question, rest), signal)
    },
    batch: (inputs, call) => batch(inputs, call, iterate),
    batchFile: async ({ signal, ...options }) => {
      if (loadFiles === undefined) throw noFiles()
      const { run: runFiles } = await loadFiles()
      return run(runFiles(options), signal)
    },
    ready: (call) => run(withService((llm) => llm.ready), call?.signal),
    close,
    [Symbol.asyncDispose]: close
  }
}

type Iterate = <A>(
  stream: Stream.Stream<A, unknown, InferenceEndpointsLLM.InferenceEndpointsLLM>,
  signal: AbortSignal | undefined
) => AsyncGenerator<A, void, undefined>

const batch = (
  inputs: Iterable<Input> | AsyncIterable<Input>,
  { concurrency, options, ordered, signal }: BatchOptions & Abortable = {},
  iterate: Iterate
): AsyncGenerator<Outcome, void, undefined> => {
  const source = Symbol.asyncIterator in inputs
    ? Stream.fromAsyncIterable(inputs, (error) => error)
    : Stream.fromIterable(inputs)
  // not with Batch, which also needs files: this runs in browsers
  const outcomes = Stream.unwrap(Effect.zipWith(
    InferenceEndpointsLLM.InferenceEndpointsLLM,
    Effect.promise(() => import("../batch/Streaming.ts")),
    (llm, Streaming) =>
      Streaming.stream(Stream.map(source, (input) => ({ input })), Streaming.once(llm), {
        concurrency,
        options,
        ordered
      })
  ))
  return iterate(
    Stream.map(
      outcomes,
      ({ index, result }): Outcome =>
        Result.isSuccess(result)
          ? { index, ok: true, generations: result.success }
          : { index, ok: false, error: failureOf(result.failure) }
    ),
    signal
  )
}

const failureOf = (failure: InferenceEndpointsLLM.GenerateError): Errors.InferenceEndpointsError => {
  const error = Errors.from(failure)
  return error instanceof Errors.InferenceEndpointsError
    ? error
    : new Errors.InferenceFailure(failure.message, { _tag: "Unknown", message: failure.message, isRetryable: false })
}
