/**
 * What constrains the output of SGLang, and the schemas of its tools.
 *
 * @since 0.2.0
 */
import * as Gbnf from "../../grammar/Gbnf.ts"
import * as Grammar from "../../grammar/Grammar.ts"
import * as XgrammarSchema from "../../grammar/XgrammarSchema.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import * as PythonJson from "../../wire/PythonJson.ts"
import * as Random from "../../wire/Random.ts"
import type { Constraint, OpenAiRequest } from "../OpenAiRequest.ts"
import { type Refused, refused } from "./SglangRefusal.ts"
import * as SglangSchema from "./SglangSchema.ts"

const isRegex = (pattern: string): boolean =>
  Grammar.sample({ type: "regex", value: pattern.replace(/^\^/, "").replace(/\$$/, "") }, Random.make(0))._tag === "Ok"

/**
 * The one constraint of a request; two are refused, and so is what its compiler refuses.
 *
 * @category conversions
 * @since 0.2.0
 */
export const constraintOf = (
  format: Pydantic.Body | undefined,
  own: { readonly schema: string | undefined; readonly regex: string | undefined; readonly ebnf: string | undefined }
): Constraint | undefined | Refused => {
  const wrapper = Pydantic.isBody(format?.["json_schema"]) ? format["json_schema"] : undefined
  const schema = format?.["type"] === "json_schema"
    ? wrapper?.["schema"]
    : format?.["type"] === "json_object"
    ? { type: "object", additionalProperties: true }
    : own.schema === undefined
    ? undefined
    : parsed(own.schema)
  if (schema instanceof NotJson) return refused(`Failed to compile json grammar: ${schema.why}`)
  const ebnf = own.ebnf === "" ? undefined : own.ebnf
  const given = [schema, own.regex, ebnf].filter((value) => value !== undefined)
  if (given.length > 1) {
    return refused("Only one of json_schema, regex, ebnf, or structural_tag can be set.")
  }
  if (schema !== undefined) {
    const why = SglangSchema.unsupported(schema)
    if (why !== undefined) return refused(`Failed to compile json grammar: ${why}`)
    const compiled = XgrammarSchema.compile(schema)
    return compiled._tag === "Refused"
      ? refused(`Failed to compile json grammar: ${compiled.message}`, "BadRequestError")
      : { _tag: "Schema", schema: compiled.schema }
  }
  if (own.regex !== undefined) {
    return isRegex(own.regex)
      ? { _tag: "Regex", pattern: own.regex }
      : refused("Failed to compile regex grammar: Regex parsing error", "BadRequestError")
  }
  if (ebnf === undefined) return undefined
  const grammar = Gbnf.parse(ebnf)
  return grammar === undefined
    ? refused("Failed to compile ebnf grammar: EBNF parser error", "BadRequestError")
    : { _tag: "Grammar", grammar }
}

/**
 * A request to a server without a call parser or a reasoning parser: a required call is written as text, and an
 * optional one is not read from it.
 *
 * @category conversions
 * @since 0.2.0
 */
export const unparsed = (request: OpenAiRequest): OpenAiRequest => {
  const { toolChoice: choice, tools } = request
  const [tool] = typeof choice === "object" ? tools.filter(({ name }) => name === choice.name) : tools
  const forced = tool !== undefined && choice !== "auto" && choice !== "none"
  return {
    ...request,
    tools: [],
    toolChoice: "none",
    thinking: false,
    ...(forced && { constraint: { _tag: "Schema", schema: written(tool) } })
  }
}

/** A list of one call, as it is written where no other form is known. */
const written = ({ name, parameters }: OpenAiRequest["tools"][number]): object => ({
  type: "array",
  minItems: 1,
  maxItems: 1,
  items: {
    type: "object",
    properties: { name: { const: name }, parameters: parameters ?? { type: "object" } },
    required: ["name", "parameters"],
    additionalProperties: false
  }
})

class NotJson {
  readonly why: string
  constructor(why: string) {
    this.why = why
  }
}

const parsed = (text: string): unknown => {
  const mistake = PythonJson.mistake(text)
  return mistake === undefined ? JSON.parse(text) : new NotJson(PythonJson.shown(text, mistake))
}

const schemaTypes = new Set(["array", "boolean", "integer", "null", "number", "object", "string"])

/**
 * What the meta-schema rejects in the parameters of a tool, as far as it is distinguished here.
 *
 * @category conversions
 * @since 0.2.0
 */
export const badParameters = (parameters: unknown): string | undefined => {
  if (parameters === undefined || parameters === null) return undefined
  if (!Pydantic.isBody(parameters)) return `${Pydantic.repr(parameters)} is not of type 'object', 'boolean'`
  const { properties, required, type } = parameters
  const named: ReadonlyArray<unknown> = Array.isArray(type) ? type : type === undefined ? [] : [type]
  if (named.some((name) => typeof name !== "string" || !schemaTypes.has(name))) {
    return `${Pydantic.repr(type)} is not valid under any of the given schemas`
  }
  if (required !== undefined && !Array.isArray(required)) return `${Pydantic.repr(required)} is not of type 'array'`
  if (properties !== undefined && !Pydantic.isBody(properties)) {
    return `${Pydantic.repr(properties)} is not of type 'object'`
  }
  return Object.values(properties ?? {}).map(badParameters).find((found) => found !== undefined)
}
