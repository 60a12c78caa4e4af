/**
 * Invalid schema objects: keywords whose values have no meaning. Such a schema is refused on every engine, since each would
 * read it differently.
 *
 * @since 0.2.0
 */
import type { Fault, Path } from "./tree/Dropped.ts"
import { isObject } from "./tree/JsonSchemaTree.ts"

type Keywords = Readonly<Record<string, unknown>>

/**
 * The names that `type` may have.
 *
 * @category constants
 * @since 0.2.0
 */
export const KINDS = ["string", "number", "integer", "boolean", "null", "array", "object"] as const

const isKind = (name: unknown): boolean => KINDS.some((kind) => kind === name)
const isSchema = (value: unknown): boolean => typeof value === "boolean" || isObject(value)
const isList = (value: unknown): value is ReadonlyArray<unknown> => Array.isArray(value)

/** Each keyword with what its value must be; the rest of the reading relies on it. */
const rules: ReadonlyArray<readonly [ReadonlyArray<string>, string, (value: unknown, keywords: Keywords) => boolean]> =
  [
    [
      ["type"],
      "must be one of the seven type names, or a list of them",
      (value) => isList(value) ? value.length > 0 && value.every(isKind) : isKind(value)
    ],
    [["enum"], "must be a list with at least one value", (value) => isList(value) && value.length > 0],
    // drafts 3 and 4 had a boolean next to the key itself
    [
      ["required"],
      "must be a list of key names",
      (value) => typeof value === "boolean" || (isList(value) && value.every((name) => typeof name === "string"))
    ],
    [["properties", "patternProperties", "$defs", "definitions"], "must be an object of schemas", isObject],
    [["anyOf", "oneOf", "allOf"], "must be a list of schemas", (value) => isList(value) && value.length > 0],
    [["prefixItems"], "must be a list of schemas", isList],
    [["items"], "must be a schema", (value) => isSchema(value) || isList(value)],
    [["additionalProperties", "additionalItems", "propertyNames", "not"], "must be a schema", isSchema],
    [["$ref"], "must be a reference, as a string", (value) => typeof value === "string"],
    [["pattern"], "must be a regular expression", (value) => typeof value === "string" && isRegex(value)],
    [
      ["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"],
      "must be a count",
      (value) => typeof value === "number" && value >= 0
    ],
    [["minimum", "maximum"], "must be a number", (value) => typeof value === "number"],
    [
      ["exclusiveMinimum", "exclusiveMaximum"],
      "must be a number",
      (value) => typeof value === "number" || typeof value === "boolean"
    ],
    [["multipleOf"], "must be a number above 0", (value) => typeof value === "number" && value > 0]
  ]

const byKeyword = new Map(rules.flatMap((rule) => rule[0].map((keyword) => [keyword, rule] as const)))

const isRegex = (source: string): boolean =>
  ["u", ""].some((flags) => {
    try {
      return new RegExp(source, flags).source !== undefined
    } catch {
      return false
    }
  })

/**
 * The first keyword of a schema object that has no meaning, if there is one.
 *
 * @category validation
 * @since 0.2.0
 */
export const find = (schema: Keywords, path: Path): Fault | undefined => {
  for (const keyword of Object.keys(schema)) {
    const rule = byKeyword.get(keyword)
    const value = schema[keyword]
    if (rule === undefined || value === undefined || rule[2](value, schema)) continue
    return {
      path: [...path, keyword],
      keyword,
      reason: `${keyword} ${rule[1]}, got ${preview(value)}`,
      hint: "correct the schema: every engine would read it differently"
    }
  }
  return patternKeys(schema, path)
}

const patternKeys = ({ patternProperties }: Keywords, path: Path): Fault | undefined => {
  const broken = isObject(patternProperties) ? Object.keys(patternProperties).find((key) => !isRegex(key)) : undefined
  return broken === undefined ? undefined : {
    path: [...path, "patternProperties", broken],
    keyword: "patternProperties",
    reason: `the key ${JSON.stringify(broken)} must be a regular expression`,
    hint: "correct the pattern"
  }
}

const preview = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}
