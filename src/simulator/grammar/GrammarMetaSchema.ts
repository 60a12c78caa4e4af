/**
 * The draft 2020-12 meta-schema, as far as schemas violate it in practice: TGI's router checks it before anything else.
 *
 * @since 0.1.0
 */

/** @category models @since 0.1.0 */
export type Fields = Readonly<Record<string, unknown>>

/** @category guards @since 0.1.0 */
export const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const types = ["array", "boolean", "integer", "null", "number", "object", "string"]
const schemas = ["items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else"]
const lists = ["allOf", "anyOf", "oneOf", "prefixItems"]
const maps = ["properties", "patternProperties", "$defs", "definitions"]
const numbers = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]
const counts = ["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"]
const texts = ["pattern", "format", "$ref", "$id", "title", "description"]

/**
 * What the draft 2020-12 meta-schema rejects in a schema, which the router checks first.
 *
 * @category checks
 * @since 0.1.0
 */
export const misfit = (schema: unknown): string | undefined => {
  if (typeof schema === "boolean") return undefined
  if (!isObject(schema)) return `${JSON.stringify(schema)} is not of types "boolean", "object"`
  for (const [keyword, value] of Object.entries(schema)) {
    const found = misfitOf(keyword, value)
    if (found !== undefined) return found
  }
  return undefined
}

const misfitOf = (keyword: string, value: unknown): string | undefined => {
  const shown = JSON.stringify(value)
  if (keyword === "type") {
    const named = Array.isArray(value) ? value : [value]
    const known = named.every((name) => types.some((type) => type === name)) && named.length > 0
    return known ? undefined : `${shown} is not valid under any of the schemas listed in the 'anyOf' keyword`
  }
  if (schemas.includes(keyword)) return misfit(value)
  if (lists.includes(keyword)) {
    if (!Array.isArray(value)) return `${shown} is not of type "array"`
    return value.length === 0 ? `${shown} has less than 1 item` : first(value)
  }
  if (maps.includes(keyword)) return isObject(value) ? first(Object.values(value)) : `${shown} is not of type "object"`
  if (numbers.includes(keyword) && typeof value !== "number") return `${shown} is not of type "number"`
  if (counts.includes(keyword)) {
    if (typeof value !== "number" || !Number.isInteger(value)) return `${shown} is not of type "integer"`
    return value < 0 ? `${shown} is less than the minimum of 0` : undefined
  }
  if (texts.includes(keyword) && typeof value !== "string") return `${shown} is not of type "string"`
  if ((keyword === "required" || keyword === "enum") && !Array.isArray(value)) return `${shown} is not of type "array"`
  if (keyword !== "required" || !Array.isArray(value)) return undefined
  const other: unknown = value.find((name) => typeof name !== "string")
  return other === undefined ? undefined : `${JSON.stringify(other)} is not of type "string"`
}

const first = (values: ReadonlyArray<unknown>): string | undefined => {
  for (const value of values) {
    const found = misfit(value)
    if (found !== undefined) return found
  }
  return undefined
}
