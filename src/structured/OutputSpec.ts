/**
 * Structured output described by plain data, for configurations and data sets.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as StructuredOutput from "./StructuredOutput.ts"
import * as StructuredOutputError from "./StructuredOutputError.ts"

/**
 * Structured output as configurations and data sets describe it: plain data.
 *
 * @category schemas
 * @since 0.1.0
 */
export const OutputSpec = Schema.Union([
  Schema.Struct({
    format: Schema.Literal("json"),
    /** A JSON Schema, or the JSON text of one. */
    schema: Schema.Union([Schema.String, Schema.Record(Schema.String, Schema.Json)]),
    whitespacePattern: Schema.optionalKey(Schema.String)
  }),
  Schema.Struct({
    format: Schema.Literal("regex"),
    /** The pattern, which matches the whole response. */
    schema: Schema.String,
    whitespacePattern: Schema.optionalKey(Schema.String)
  })
])
/**
 * A description as it is decoded.
 *
 * @category schemas
 * @since 0.1.0
 */
export type OutputSpec = typeof OutputSpec.Type

/**
 * As `OutputSpec`, where the program may give a Schema that needs no services in place of a JSON Schema.
 *
 * @category models
 * @since 0.1.0
 */
export type OutputSpecInput = OutputSpec | {
  readonly format: "json"
  readonly schema: Schema.ConstraintDecoder<unknown>
  readonly whitespacePattern?: string
}

/**
 * A structured output, and what in its description has no effect.
 *
 * @category models
 * @since 0.1.0
 */
export interface Interpreted {
  readonly output: StructuredOutput.StructuredOutput<unknown>
  readonly warnings: ReadonlyArray<string>
}

const isSchema = (value: OutputSpecInput["schema"]): value is Schema.ConstraintDecoder<unknown> =>
  Schema.isSchema(value)

type Reading = Result.Result<Interpreted, StructuredOutputError.StructuredOutputError>

const known = new WeakMap<OutputSpecInput, Reading>()

/**
 * Reads a description; fails if its JSON text is not valid JSON. No engine lets a client choose the whitespace between
 * tokens. The same description object is read once.
 *
 * @category reading
 * @since 0.1.0
 */
export const interpret = (spec: OutputSpecInput, options?: StructuredOutput.Options): Reading => {
  if (options !== undefined) return read(spec, options)
  let reading = known.get(spec)
  if (reading === undefined) {
    reading = read(spec, {})
    known.set(spec, reading)
  }
  return reading
}

const read = (spec: OutputSpecInput, options: StructuredOutput.Options): Reading => {
  const warnings = spec.whitespacePattern === undefined
    ? []
    : ["whitespacePattern has no effect: the engine decides about whitespace between JSON tokens"]
  if (spec.format === "regex") {
    return Result.succeed({ output: StructuredOutput.fromRegex(spec.schema, options), warnings })
  }
  if (isSchema(spec.schema)) return Result.succeed({ output: StructuredOutput.make(spec.schema, options), warnings })
  if (typeof spec.schema !== "string") {
    return Result.succeed({ output: StructuredOutput.fromJsonSchema(spec.schema, options), warnings })
  }
  const parsed = Schema.decodeResult(Schema.fromJsonString(Schema.Json))(spec.schema)
  return Result.isSuccess(parsed)
    ? Result.succeed({ output: StructuredOutput.fromJsonSchema(parsed.success, options), warnings })
    : Result.fail(StructuredOutputError.unsupported({
      path: ["schema"],
      keyword: "schema",
      reason: "the text is not JSON",
      hint: "pass a JSON Schema as an object or as its JSON text"
    }))
}
