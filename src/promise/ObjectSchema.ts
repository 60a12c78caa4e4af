/**
 * Schemas as the promise entry takes them: any that follow the Standard Schema specification and provide their JSON Schema
 * (zod 4.2 and later, ArkType, Valibot by `@valibot/to-json-schema`, Effect by `Schema.toStandardSchemaV1` and
 * `Schema.toStandardJSONSchemaV1`), or a plain JSON Schema. https://standardschema.dev
 *
 * @since 0.2.0
 */
import * as Schema from "effect/Schema"
import * as Grammar from "../structured/Grammar.ts"
import * as StructuredOutput from "../structured/StructuredOutput.ts"
import * as Errors from "./Errors.ts"
import type { JsonSchema, Standard } from "./index.ts"

const isStandard = (schema: Standard<unknown> | JsonSchema): schema is Standard<unknown> => "~standard" in schema

const refused = (problem: string): Errors.StructuredOutputFailure =>
  new Errors.StructuredOutputFailure(problem, { _tag: "UnsupportedSchema", message: problem, isRetryable: false })

type Issues = NonNullable<Exclude<Awaited<ReturnType<Standard<unknown>["~standard"]["validate"]>>["issues"], undefined>>

const filterIssues = (issues: Issues) =>
  issues.map(({ message, path = [] }) => ({
    path: path.map((step) => typeof step === "object" ? step.key : step),
    issue: message
  }))

/** A schema as JSON Schema. For a library whose schemas do not provide it, pass the JSON Schema itself. */
const documentOf = ({ "~standard": { jsonSchema, vendor } }: Standard<unknown>): Grammar.JsonSource => {
  if (jsonSchema === undefined) {
    throw refused(
      `this schema of ${vendor} does not provide its JSON Schema, which a model needs: pass one that follows Standard JSON Schema, ` +
        "or a plain JSON Schema"
    )
  }
  return Grammar.fromJsonSchema(jsonSchema.input({ target: "draft-2020-12" }))
}

/**
 * A schema for the service, and how the final value is made from the model's text. Throws if a schema does not provide its
 * JSON Schema.
 *
 * @category conversions
 * @since 0.2.0
 */
export const make = (
  given: Standard<unknown> | JsonSchema
): { readonly schema: Schema.Codec<Schema.Json>; readonly finish: (value: Schema.Json) => Promise<unknown> } => {
  if (!isStandard(given)) return { schema: StructuredOutput.schemaOf(given), finish: (value) => Promise.resolve(value) }
  const source = documentOf(given)
  const { validate } = given["~standard"]
  // asynchronous validation happens at the end, where it is not retried
  const schema = Schema.Json.check(Schema.makeFilter((value) => {
    const result = validate(value)
    return result instanceof Promise || result.issues === undefined ? undefined : filterIssues(result.issues)
  }))
  Grammar.remember(schema, source)
  return {
    schema,
    finish: async (value) => {
      const result = await validate(value)
      if (result.issues === undefined) return result.value
      const message = `the response does not match the schema: ${
        result.issues.map(({ message }) => message).join("; ")
      }`
      throw new Errors.StructuredOutputFailure(message, {
        _tag: "Mismatch",
        message,
        isRetryable: false,
        issues: result.issues
      })
    }
  }
}
