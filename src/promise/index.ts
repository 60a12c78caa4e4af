/**
 * The client for programs without Effect: promises, async iterables, error classes.
 *
 * ```ts
 * import { connect } from "effect-inference-endpoints/promise"
 *
 * await using llm = connect({ baseUrl: "http://localhost:8080" })
 * const { text } = await llm.generate("Why is the sky red at sunset?", { maxNewTokens: 64 })
 * ```
 *
 * @since 0.2.0
 */
import type { Decision, Question } from "../decide/Distribution.ts"
import type { Event, Generation } from "../Generation.ts"
import type { InferenceEndpointsError } from "./Errors.ts"
import type { FileBatchControl, FileBatchOptions, FileBatchReport } from "./FileBatch.ts"
import type { Abortable, CallOptions, Input, Json } from "./Options.ts"

export {
  BatchFailure,
  DecisionFailure,
  EndpointFailure,
  InferenceEndpointsError,
  InferenceFailure,
  type Reason,
  StructuredOutputFailure,
  TemplateFailure
} from "./Errors.ts"

export type { Decision, Question } from "../decide/Distribution.ts"
export type {
  Event,
  FinishReason,
  Generation,
  ServerTimings,
  Statistics,
  Token,
  ToolCall,
  ToolCallDelta,
  Usage
} from "../Generation.ts"
export type * from "./FileBatch.ts"
export type * from "./Options.ts"

/**
 * How a batch runs.
 *
 * @category models
 * @since 0.2.0
 */
export interface BatchOptions {
  /** Requests at once; by default it adapts to the endpoint. */
  readonly concurrency?: number | undefined
  /** Outcomes in the order of the inputs; by default as they are finished. */
  readonly ordered?: boolean | undefined
  /** Options of every row. */
  readonly options?: Omit<CallOptions, "signal"> | undefined
}

/**
 * The outcome of one input of a batch.
 *
 * @category models
 * @since 0.2.0
 */
export type Outcome =
  | { readonly index: number; readonly ok: true; readonly generations: ReadonlyArray<Generation> }
  | { readonly index: number; readonly ok: false; readonly error: InferenceEndpointsError }

/**
 * A JSON Schema, as data.
 *
 * @category models
 * @since 0.2.0
 */
export interface JsonSchema {
  readonly [keyword: string]: unknown
}

/**
 * A schema that follows the Standard Schema specification (https://standardschema.dev), with its JSON Schema.
 *
 * @category models
 * @since 0.2.0
 */
export interface Standard<Output> {
  readonly "~standard": {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>
    readonly jsonSchema?: {
      readonly input: (options: { readonly target: "draft-2020-12" }) => Record<string, unknown>
    } | undefined
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined
  }
}

/**
 * The result of validation: a value, or what is wrong and where.
 *
 * @category models
 * @since 0.2.0
 */
export type StandardResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | {
    readonly issues: ReadonlyArray<{
      readonly message: string
      readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined
    }>
  }

/**
 * How a value is generated.
 *
 * @category models
 * @since 0.2.0
 */
export interface ObjectOptions<S> extends Omit<CallOptions, "numGenerations" | "structuredOutput"> {
  /** Any Standard Schema that provides its JSON Schema, or a plain JSON Schema. */
  readonly schema: S
  /** How many times to retry, with the list of problems, when a response does not fit; 0 by default. */
  readonly retries?: number | undefined
  /** Ignores code fences and prose around the JSON, for engines without grammars; false by default. */
  readonly lenient?: boolean | undefined
}

/**
 * A value, and the generation that it was read from.
 *
 * @category models
 * @since 0.2.0
 */
export interface ObjectResult<A> {
  readonly value: A
  readonly generation: Generation
}

/**
 * How to decide.
 *
 * @category models
 * @since 0.2.0
 */
export interface DecideOptions
  extends Omit<CallOptions, "numGenerations" | "structuredOutput" | "maxNewTokens" | "delivery">
{
  /** The least total probability of all labels; 0.5 by default. */
  readonly minimumMass?: number | undefined
  /** In how many orders the labels are shown; 1 by default. */
  readonly orders?: number | undefined
  /** Shows labels as letters, for labels that begin alike; false by default. */
  readonly codes?: boolean | undefined
  /** The engine's own route, or the log probabilities of a token; `auto` by default. */
  readonly route?: "auto" | "native" | "tokens" | undefined
}

/**
 * A connected model. It holds sockets and timers, so end it with `close`, or declare it with `await using`.
 *
 * @category models
 * @since 0.2.0
 */
export interface Client extends AsyncDisposable {
  /** Generates once. */
  readonly generate: (input: Input, options?: Omit<CallOptions, "numGenerations">) => Promise<Generation>
  /** Generates `numGenerations` times for one input, each with its own seed. */
  readonly generateSeveral: (input: Input, options?: CallOptions) => Promise<ReadonlyArray<Generation>>
  /**
   * Streams one generation; the last event is `Finish` with the whole. A stream that does not finish throws. Leaving
   * the loop closes the socket, so that the server stops.
   */
  readonly stream: (input: Input, options?: CallOptions) => AsyncIterableIterator<Event>
  /** Generates a value of a schema, on any engine, or fails with exactly why there is none. */
  readonly object: {
    <Output>(input: Input, options: ObjectOptions<Standard<Output>>): Promise<ObjectResult<Output>>
    (input: Input, options: ObjectOptions<JsonSchema>): Promise<ObjectResult<Json>>
  }
  /** Decides which label answers a question, and how likely each one is. */
  readonly decide: <const L extends string>(
    input: Input,
    question: Question<L>,
    options?: DecideOptions
  ) => Promise<Decision<L>>
  /** Generates for many inputs; a failed one is an outcome and does not end the batch. */
  readonly batch: (
    inputs: Iterable<Input> | AsyncIterable<Input>,
    options?: BatchOptions & Abortable
  ) => AsyncIterableIterator<Outcome>
  /**
   * Generates for the rows of a file into a file, on Node: every row ends exactly once in the output or the errors file,
   * whatever happens in between. Run again, it continues where it stopped; a finished one sends nothing. An abort of
   * `signal` rejects and leaves the files whole. It cannot start: `BatchFailure`, before anything is sent.
   */
  readonly batchFile: (options: FileBatchOptions & FileBatchControl & Abortable) => Promise<FileBatchReport>
  /** Finds the endpoint, wakes it and waits for it, so that a problem with it shows before any work begins. */
  readonly ready: (options?: Abortable) => Promise<void>
  /** Ends what is in flight and closes all sockets. */
  readonly close: () => Promise<void>
}
