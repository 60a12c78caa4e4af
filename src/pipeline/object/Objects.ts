/**
 * Values instead of text: a Schema goes in with the messages, and a value of it comes out, or exactly why not.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import type * as Generation from "../../Generation.ts"
import * as GenerationOptions from "../../GenerationOptions.ts"
import type * as Message from "../../Message.ts"
import type * as Settings from "../../Settings.ts"
import * as Feedback from "../../structured/decode/Feedback.ts"
import * as ObjectStream from "../../structured/decode/ObjectStream.ts"
import type { Step } from "../../structured/decode/Repair.ts"
import type { Constraint } from "../../structured/Grammar.ts"
import * as Grammar from "../../structured/Grammar.ts"
import type { Document } from "../../structured/schema/SchemaDocument.ts"
import * as StructuredOutput from "../../structured/StructuredOutput.ts"
import type { Attempt, StructuredOutputError } from "../../structured/StructuredOutputError.ts"

/**
 * What to generate a value with: a Schema, everything that `generate` takes for one generation, and:
 *
 * - `retries`: how often to ask again when the answer does not decode (default 0). A wrong shape is sent back with the list
 *   of problems, a response that the token limit cut is repeated with twice the limit; each time with the next seed.
 * - `salvage`: a response that was cut off, or is not JSON, is continued from where it was still good (default false; TGI
 *   only), instead of being repeated.
 * - `lenient`: ignores code fences, prose and thinking around the JSON (default false), for engines without grammars.
 * - `depth`, `free`, `target`, `name`, `strict`, `compiler`: how the Schema becomes a grammar (see `Grammar.Options`).
 *
 * @category models
 * @since 0.1.0
 */
export interface ObjectOptions<S extends Schema.Constraint>
  extends Omit<Settings.CallOptions, "numGenerations" | "structuredOutput">, StructuredOutput.Options
{
  readonly schema: S
  readonly retries?: number | undefined
  readonly salvage?: boolean | undefined
}

/**
 * What to generate a value with if the schema is a plain JSON Schema: the value is JSON that it allows, as far as that
 * can be checked here; a schema that cannot be read fails with `UnsupportedSchema` and its path.
 *
 * @category models
 * @since 0.2.0
 */
export interface JsonObjectOptions extends Omit<ObjectOptions<Schema.Constraint>, "schema"> {
  readonly schema: Document
}

/**
 * What to stream a value with. For an array, `element` decodes every element as soon as it is complete.
 *
 * @category models
 * @since 0.1.0
 */
export interface ObjectStreamOptions<S extends Schema.Constraint, I extends Schema.Constraint>
  extends Omit<ObjectOptions<S>, "retries">
{
  readonly element?: I | undefined
}

/**
 * A value and where it comes from.
 *
 * @category models
 * @since 0.1.0
 */
export interface ObjectResult<A> {
  readonly value: A
  readonly generation: Generation.Generation
  /** The generations before this one that did not decode. */
  readonly attempts: ReadonlyArray<Attempt>
  /** What had to be removed around the JSON. */
  readonly repairs: ReadonlyArray<Step>
  /** Where the grammar differs from the Schema; the decoder has checked what the grammar does not enforce. */
  readonly dropped: Constraint["dropped"]
}

/**
 * A generation and the constraint that it was made under.
 *
 * @category models
 * @since 0.1.0
 */
export interface Constrained {
  readonly generation: Generation.Generation
  readonly constraint: Constraint | undefined
  /** Why fewer tokens were requested than wanted, if so: requesting more would not help. */
  readonly capped?: string | undefined
}

/**
 * A generation that is streamed, and the constraint that it is made under.
 *
 * @category models
 * @since 0.1.0
 */
export interface Streamed<E> {
  readonly events: Stream.Stream<Generation.Event, E>
  readonly constraint: Constraint | undefined
}

/**
 * What this module needs of the service.
 *
 * @category models
 * @since 0.1.0
 */
export interface Means<E> {
  /** The options of the service, from which further attempts start if the call sets none. */
  readonly defaults: GenerationOptions.GenerationOptions
  readonly ask: (
    input: Message.Input,
    call: Settings.CallOptions,
    output: StructuredOutput.StructuredOutput<unknown, unknown>
  ) => Effect.Effect<Constrained, E>
  readonly stream: (
    input: Message.Input,
    call: Settings.CallOptions,
    output: StructuredOutput.StructuredOutput<unknown, unknown>
  ) => Effect.Effect<Streamed<E>, E>
}

const split = <S extends Schema.Constraint>(options: ObjectOptions<S>) => {
  const { compiler, depth, free, lenient, name, retries = 0, salvage = false, schema, strict, target, ...call } =
    options
  const how = { compiler, depth, free, lenient, name, strict, target }
  return { call, retries, salvage, output: StructuredOutput.make(schema, how) }
}

/**
 * Options with a plain JSON Schema as options with a Schema of its values.
 *
 * @category conversions
 * @since 0.2.0
 */
export const fromJsonSchema = (options: JsonObjectOptions): ObjectOptions<Schema.Codec<Schema.Json>> => ({
  ...options,
  schema: StructuredOutput.schemaOf(options.schema)
})

/**
 * Whether options hold a plain JSON Schema.
 *
 * @category guards
 * @since 0.2.0
 */
export const isJsonSchema = <S extends Schema.Constraint>(
  options: ObjectOptions<S> | JsonObjectOptions
): options is JsonObjectOptions => !Schema.isSchema(options.schema)

/** The conversation with the response that did not fit, and what is wrong with it. Raw text can only be sent again. */
const corrected = (input: Message.Input, correction: Feedback.Round["correction"]): Message.Input => {
  if (correction === undefined || (typeof input === "object" && "raw" in input)) return input
  const messages: ReadonlyArray<Message.Message> = typeof input === "string"
    ? [{ role: "user", content: input }]
    : input
  return [...messages, { role: "assistant", content: correction.answer }, {
    role: "user",
    content: correction.feedback
  }]
}

/**
 * Generates a value.
 *
 * @category running
 * @since 0.1.0
 */
export const generate = <E, S extends Schema.Constraint>(
  means: Means<E>,
  input: Message.Input,
  options: ObjectOptions<S>
): Effect.Effect<ObjectResult<S["Type"]>, E | StructuredOutputError, S["DecodingServices"]> => {
  const { call, output, retries, salvage } = split(options)
  const seed = call.seed ?? means.defaults.seed
  const limit = call.maxNewTokens ?? means.defaults.maxNewTokens ?? GenerationOptions.MAX_NEW_TOKENS
  const ask = ({ broken, correction, index, truncations }: Feedback.Round) =>
    Effect.map(
      means.ask(salvage && broken !== undefined ? input : corrected(input, correction), {
        ...call,
        ...(salvage && broken !== undefined && { continueFrom: broken }),
        ...(seed !== undefined && index > 0 && { seed: GenerationOptions.seedAfter(seed, index) }),
        ...(truncations > 0 &&
          { maxNewTokens: limit * 2 ** truncations })
      }, output),
      ({ capped, constraint, generation }) => ({
        text: generation.text,
        isFinal: capped !== undefined && generation.finishReason === "length",
        finishReason: generation.refusal === undefined ? generation.finishReason : "refusal",
        wrap: constraint?.wrap,
        generation,
        constraint
      })
    )
  return Effect.map(
    Feedback.retryWithFeedback(output, { times: retries, ask }),
    ({ answer, attempts, repairs, value }) => ({
      value,
      generation: answer.generation,
      attempts,
      repairs,
      dropped: answer.constraint?.dropped ?? []
    })
  )
}

/**
 * Streams a value as it grows: partial values, elements, and at the end the decoded value.
 *
 * @category running
 * @since 0.1.0
 */
export const stream = <E, S extends Schema.Constraint, I extends Schema.Constraint = Schema.Never>(
  means: Means<E>,
  input: Message.Input,
  { element, ...options }: ObjectStreamOptions<S, I>
): Stream.Stream<
  ObjectStream.Event<S["Type"], I["Type"]>,
  E | StructuredOutputError,
  S["DecodingServices"] | I["DecodingServices"]
> => {
  const { call, output } = split(options)
  return Stream.unwrap(Effect.map(means.stream(input, call, output), ({ constraint, events }) =>
    ObjectStream.make(
      output,
      Stream.map(events, (event) =>
        event._tag === "Text"
          ? { text: event.text }
          : event._tag === "TextWasReasoning"
          ? { text: "", restarts: true }
          : event._tag === "Finish"
          ? { text: "", finishReason: event.generation.finishReason }
          : { text: "" }),
      {
        wrap: constraint?.wrap,
        element,
        restore: element && ((value) => StructuredOutput.withoutAbsent(Grammar.fromSchema(element), value))
      }
    )))
}
