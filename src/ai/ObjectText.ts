/**
 * The seam to structured output: the service returns a value of a Schema, and `effect/ai` expects its JSON text.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Generation from "../Generation.ts"
import type * as LLM from "../InferenceEndpointsLLM.ts"
import type * as Message from "../Message.ts"
import type * as Objects from "../pipeline/object/Objects.ts"
import * as Grammar from "../structured/Grammar.ts"
import * as Wrapper from "../structured/schema/Wrapper.ts"
import * as StructuredOutput from "../structured/StructuredOutput.ts"

/**
 * Generates the value of a Schema, constrained by the grammar of the engine that answers, and retried as often as the
 * options say. Returns the generation with the JSON of the value as its text: with nothing around it, and without the
 * object that wraps it for engines that only accept objects.
 *
 * @category running
 * @since 0.1.0
 */
export const generate = (
  llm: LLM.InferenceEndpointsLLM["Service"],
  input: ReadonlyArray<Message.Message>,
  options: Objects.ObjectOptions<Schema.Top>
): Effect.Effect<Generation.Generation, LLM.GenerateError> => {
  const generated = llm.generateObject(input, { ...options, name: nameOf(options) })
  // what decoding needs is among the requirements of `LanguageModel.generateObject`, within which this runs
  const ready = generated as Effect.Effect<Effect.Success<typeof generated>, LLM.GenerateError>
  return Effect.flatMap(ready, ({ generation }) =>
    Effect.map(
      StructuredOutput.fromJsonSchema({}, { lenient: options.lenient }).decode({ text: generation.text }),
      ({ value }) => ({
        ...generation,
        text: JSON.stringify(restored(options.schema, unwrapped(options.schema, value)))
      })
    ))
}

/** OpenAI's form of a schema requires a name of at most 64 letters, digits, `_` and `-`. */
const nameOf = ({ name }: Objects.ObjectOptions<Schema.Top>): string | undefined =>
  name?.replaceAll(/[^\w-]/g, "_").slice(0, 64)

/** Keys that an engine wrote as null because it requires all of them are removed again. */
const restored = (schema: Schema.Top, value: Schema.Json): Schema.Json =>
  StructuredOutput.withoutAbsent(Grammar.fromSchema(schema), value)

/** The response has decoded, so a text that does not fit by itself is inside the wrapper. */
const unwrapped = (schema: Schema.Top, value: Schema.Json): Schema.Json => {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, Wrapper.WRAP)) return value
  return Schema.is(Schema.toEncoded(Schema.toCodecJson(schema)))(value)
    ? value
    : Reflect.get(value, Wrapper.WRAP)
}
