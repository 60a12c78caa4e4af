/**
 * How clients of all engines request a shape: OpenAI's `response_format`, TGI's forms of it, and the fields of vLLM, SGLang
 * and llama.cpp. All become one structured output, which the dialect of the engine then writes in its own form.
 *
 * @since 0.2.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { OutputSpecInput } from "../structured/OutputSpec.ts"
import { invalid, type Refusal } from "./Refusal.ts"

type Body = Readonly<Record<string, unknown>>
type Reading = Result.Result<OutputSpecInput | undefined, Refusal>

/**
 * The fields that are read here.
 *
 * @category constants
 * @since 0.2.0
 */
export const fields = [
  "guided_choice",
  "guided_json",
  "guided_regex",
  "json_schema",
  "regex",
  "response_format",
  "structured_outputs"
] as const

const isObject = Schema.is(Schema.Record(Schema.String, Schema.Json))

const json = (field: string, schema: unknown): Reading =>
  typeof schema === "string" || isObject(schema)
    ? Result.succeed({ format: "json", schema })
    : Result.fail(invalid(field, `${field} must be a JSON Schema`))

const regex = (field: string, pattern: unknown): Reading =>
  typeof pattern === "string"
    ? Result.succeed({ format: "regex", schema: pattern })
    : Result.fail(invalid(field, `${field} must be a regular expression as a string`))

const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, "\\$&")

const choice = (field: string, texts: unknown): Reading =>
  Array.isArray(texts) && texts.length > 0 && texts.every((text) => typeof text === "string")
    ? Result.succeed({ format: "regex", schema: texts.map(escaped).join("|") })
    : Result.fail(invalid(field, `${field} must be a list of strings`))

const format = (given: unknown): Reading => {
  if (!isObject(given)) return Result.fail(invalid("response_format", "response_format must be an object"))
  const { json_schema: wrapped, schema, type, value } = given
  switch (type) {
    case "text":
      return Result.succeed(undefined)
    case "json_object":
      // llama.cpp takes a schema here, and TGI calls it value
      return json("response_format.schema", schema ?? value ?? { type: "object" })
    case "json":
      return json("response_format.value", value)
    case "regex":
      return regex("response_format.value", value)
    case "json_schema":
      return isObject(wrapped)
        ? json("response_format.json_schema.schema", wrapped["schema"] ?? { type: "object" })
        : json("response_format.value", value)
    default:
      return Result.fail(
        invalid(
          "response_format.type",
          `response_format.type ${JSON.stringify(type)} is not one that can be translated`
        )
      )
  }
}

const outputs = (given: unknown): Reading => {
  if (!isObject(given)) return Result.fail(invalid("structured_outputs", "structured_outputs must be an object"))
  if (given["json"] !== undefined) return json("structured_outputs.json", given["json"])
  if (given["regex"] !== undefined) return regex("structured_outputs.regex", given["regex"])
  if (given["choice"] !== undefined) return choice("structured_outputs.choice", given["choice"])
  return Result.fail(
    invalid(
      "structured_outputs",
      "structured_outputs must contain json, regex or choice: nothing else can be translated"
    )
  )
}

const readers: { readonly [K in typeof fields[number]]: (value: unknown) => Reading } = {
  response_format: format,
  structured_outputs: outputs,
  guided_json: (value) => json("guided_json", value),
  guided_regex: (value) => regex("guided_regex", value),
  guided_choice: (value) => choice("guided_choice", value),
  json_schema: (value) => json("json_schema", value),
  regex: (value) => regex("regex", value)
}

/**
 * `response_format` in OpenAI's own form; undefined if it is absent or another engine's.
 *
 * @category accessors
 * @since 0.2.0
 */
export const native = ({ response_format: given }: Body): unknown =>
  isObject(given) && given["value"] === undefined &&
    (given["type"] === "json_schema" || (given["type"] === "json_object" && given["schema"] === undefined))
    ? given
    : undefined

/**
 * The requested shape; undefined if there is none. Two at once are refused.
 *
 * @category decoding
 * @since 0.2.0
 */
export const read = (body: Body): Reading => {
  const given = fields.filter((field) => body[field] !== undefined)
  const [first, second] = given
  if (first === undefined) return Result.succeed(undefined)
  return second === undefined
    ? readers[first](body[first])
    : Result.fail(invalid(second, `${given.join(" and ")} cannot be combined`))
}
