/**
 * What SGLang 0.5.23 refuses of a JSON Schema before its compiler sees it: constraints that the compiler takes and does not
 * enforce.
 *
 * @since 0.2.0
 */
import * as Pydantic from "../../wire/Pydantic.ts"

type Body = Pydantic.Body

const single = [
  "additionalItems",
  "additionalProperties",
  "contains",
  "contentSchema",
  "else",
  "if",
  "items",
  "not",
  "propertyNames",
  "then",
  "unevaluatedItems",
  "unevaluatedProperties"
]
const lists = ["allOf", "anyOf", "oneOf", "prefixItems"]
const maps = ["$defs", "definitions", "dependentSchemas", "patternProperties", "properties", "dependencies"]

const ignored = [
  "contains",
  "dependentRequired",
  "dependentSchemas",
  "else",
  "if",
  "maxContains",
  "minContains",
  "multipleOf",
  "not",
  "then",
  "uniqueItems"
]

const formats = new Set([
  "date",
  "date-time",
  "duration",
  "email",
  "hostname",
  "ipv4",
  "ipv6",
  "json-pointer",
  "relative-json-pointer",
  "time",
  "uri",
  "uri-reference",
  "uri-template",
  "uuid"
])

/** The schemas inside a schema, each with its place. */
const parts = (schema: Body): ReadonlyArray<readonly [place: string, part: unknown]> => [
  ...single.flatMap((name): ReadonlyArray<readonly [string, unknown]> => {
    const part = schema[name]
    return Array.isArray(part)
      ? name === "items" ? part.map((item: unknown, at) => [`${name}/${at}`, item] as const) : []
      : [[name, part]]
  }),
  ...lists.flatMap((name) => {
    const all = schema[name]
    return Array.isArray(all) ? all.map((part: unknown, at) => [`${name}/${at}`, part] as const) : []
  }),
  ...maps.flatMap((name) => {
    const all = schema[name]
    return Pydantic.isBody(all)
      ? Object.entries(all).map(([key, part]) =>
        [`${name}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`, part] as const
      )
      : []
  })
]

const describesText = ({ type }: Body): boolean =>
  type === undefined || type === null || type === "string" || (Array.isArray(type) && type.includes("string"))

const wrongText = (schema: Body): string | undefined => {
  if (!describesText(schema)) return undefined
  const { format } = schema
  if (format !== undefined && !(typeof format === "string" && formats.has(format))) {
    return `string format ${Pydantic.repr(format)} is not implemented`
  }
  const groups = [
    ...(format === undefined ? [] : ["format"]),
    ...("pattern" in schema ? ["pattern"] : []),
    ...("minLength" in schema || "maxLength" in schema ? ["minLength/maxLength"] : [])
  ]
  return groups.length > 1 ? `constraints ${groups.join(", ")} cannot be enforced together` : undefined
}

/**
 * Why a schema is refused; nothing where it is left to the compiler.
 *
 * @category checks
 * @since 0.2.0
 */
export const unsupported = (schema: unknown, place = "#"): string | undefined => {
  if (!Pydantic.isBody(schema)) return undefined
  const keys = ignored.filter((name) => name in schema)
  const why = keys.length > 0 ? `keyword(s) ${keys.join(", ")} would be ignored` : wrongText(schema)
  if (why !== undefined) return `JSON Schema at ${place} is not supported by xgrammar: ${why}`
  for (const [name, part] of parts(schema)) {
    const found = unsupported(part, `${place}/${name}`)
    if (found !== undefined) return found
  }
  return undefined
}
