/**
 * Structured outputs of vLLM: which constraint a request names, what its checks refuse, and what its compiler, xgrammar,
 * makes of it. A schema that passes the checks but not the compiler is a failure inside the engine.
 *
 * @since 0.2.0
 */
import * as Gbnf from "../../grammar/Gbnf.ts"
import * as XgrammarSchema from "../../grammar/XgrammarSchema.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import * as PythonJson from "../../wire/PythonJson.ts"
import type { Constraint } from "../OpenAiRequest.ts"
import { broken, invalid } from "./VllmJson.ts"
import * as VllmRegex from "./VllmRegex.ts"

type Body = Pydantic.Body

const given = (value: unknown): boolean => value !== undefined && value !== null

/** Whether a text is a structural tag of one of its two forms. */
const isTag = (text: unknown): boolean => {
  const tag = typeof text === "string" ? PythonJson.parse(text) : undefined
  return Pydantic.isBody(tag) && tag["type"] === "structural_tag" &&
    (Pydantic.isBody(tag["format"]) || (Array.isArray(tag["structures"]) && Array.isArray(tag["triggers"])))
}

/**
 * What is checked of `structured_outputs` before its types.
 *
 * @category checks
 * @since 0.2.0
 */
export const check = (body: Body, choice: unknown, chat: boolean): void => {
  const outputs = body["structured_outputs"]
  if (!given(outputs)) return
  if (!Pydantic.isBody(outputs)) {
    const type = typeof outputs === "string" ? "str" : Array.isArray(outputs) ? "list" : "int"
    return broken(`'${type}' object has no attribute 'get'`)
  }
  const count = ["json", "regex", "choice"].filter((name) => given(outputs[name])).length
  if (count > 1) {
    const message = "You can only use one kind of constraints for structured outputs ('json', 'regex' or 'choice')."
    return chat ? invalid(message) : invalid(message, "structured_outputs")
  }
  if (given(outputs["structural_tag"]) && !isTag(outputs["structural_tag"])) {
    invalid("Invalid structured_outputs structural_tag specification.", "structured_outputs")
  }
  if (chat && count > 0 && given(choice) && choice !== "none" && choice !== "auto" && choice !== "required") {
    invalid("You can only either use constraints for structured outputs or tools, not both.")
  }
}

/** The constraint that a request names, as written. @category models @since 0.2.0 */
export interface Asked {
  readonly json?: unknown
  readonly regex?: string
  readonly choice?: ReadonlyArray<unknown>
  readonly grammar?: string
}

const kinds = ["json", "regex", "choice", "grammar", "json_object"]

const shown = (fields: Body): string => {
  const all = Object.fromEntries(kinds.map((name) => [name, fields[name] ?? null]))
  return Pydantic.repr({
    ...all,
    disable_any_whitespace: false,
    disable_additional_properties: false,
    whitespace_pattern: null,
    structural_tag: fields["structural_tag"] ?? null,
    _backend: null,
    _backend_was_auto: false
  })
}

/** The one constraint of a request; none in a present field, or several, are refused. @category readers @since 0.2.0 */
export const read = (outputs: Body | undefined, format: Body | undefined): Asked => {
  const type = format?.["type"]
  const wrapper = Pydantic.isBody(format?.["json_schema"]) ? format["json_schema"] : {}
  const own = type === "json_schema"
    ? { json: wrapper["schema"] }
    : type === "json_object"
    ? { json_object: true }
    : type === "structural_tag"
    ? { structural_tag: JSON.stringify(format) }
    : undefined
  if (outputs === undefined && own === undefined) return {}
  const fields: Body = { ...outputs, ...own }
  const count = [...kinds, "structural_tag"].filter((name) => given(fields[name])).length
  if (count > 1) {
    return invalid(
      `You can only use one kind of structured outputs constraint but multiple are specified: ${shown(fields)}`
    )
  }
  if (count < 1) {
    return invalid(`You must use one kind of structured outputs constraint but none are specified: ${shown(fields)}`)
  }
  const { choice, grammar, json, regex } = fields
  return {
    ...(given(json) && { json: typeof json === "string" ? parsed(json) : json }),
    ...(fields["json_object"] === true && { json: { type: "object", additionalProperties: true } }),
    ...(typeof regex === "string" && { regex }),
    ...(Array.isArray(choice) && { choice }),
    ...(typeof grammar === "string" && { grammar })
  }
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return invalid("Invalid JSON grammar specification.")
  }
}

/** What the second compiler, which checks what the first does not support, refuses in a schema. */
const refusedKey = (schema: unknown): string | undefined => {
  if (Array.isArray(schema)) return schema.map(refusedKey).find((found) => found !== undefined)
  if (!Pydantic.isBody(schema)) return undefined
  const { format, type } = schema
  if (type === "array") {
    const key = ["uniqueItems", "contains", "minContains", "maxContains"].find((name) => given(schema[name]))
    if (key !== undefined) return `Unimplemented keys: ["${key}"]`
  }
  if (type === "string" && typeof format === "string" && !XgrammarSchema.formats.has(format)) {
    return `Unknown format: ${format}`
  }
  return Object.values(schema).map(refusedKey).find((found) => found !== undefined)
}

const schemaOf = (json: unknown): Constraint => {
  const key = refusedKey(json)
  if (key !== undefined) return invalid(`Grammar error: ${key}`)
  const compiled = XgrammarSchema.compile(json)
  if (compiled._tag === "Enforced") return { _tag: "Schema", schema: compiled.schema }
  switch (compiled.why) {
    case "pointer":
    case "type":
    case "pattern":
      return invalid(`Grammar error: ${compiled.message}`)
    default:
      return broken()
  }
}

/** Compiles the requested constraint. @category readers @since 0.2.0 */
export const compile = ({ choice, grammar, json, regex }: Asked): Constraint | undefined => {
  if (json !== undefined) return schemaOf(json)
  if (regex !== undefined) return VllmRegex.compile(regex)
  if (choice !== undefined) {
    return choice.length === 0
      ? invalid("Choice '[]' cannot be an empty list")
      : { _tag: "Choice", choices: choice.map(String) }
  }
  if (grammar === undefined) return undefined
  const read = Gbnf.parse(grammar)
  return read === undefined
    ? invalid(`Invalid grammar specification: Failed to convert the grammar from GBNF to Lark: ${grammar}`)
    : { _tag: "Grammar", grammar: read }
}
