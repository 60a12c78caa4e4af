/**
 * Alternatives of which no two can match one value: then `oneOf` means the same as `anyOf`.
 *
 * @since 0.2.0
 */
import type { Located } from "./Facts.ts"
import * as Identity from "./Identity.ts"
import { isObject } from "./tree/JsonSchemaTree.ts"

type Keywords = Readonly<Record<string, unknown>>

/**
 * Whether the alternatives differ by their types, or by the value of a key that all of them require.
 *
 * @category guards
 * @since 0.2.0
 */
export const are = (members: ReadonlyArray<Located>, document: object): boolean => {
  const schemas: Array<Keywords> = []
  for (const member of members) {
    const { schema } = Identity.chase(member, document)
    if (!isObject(schema)) return false
    schemas.push(schema)
  }
  if (apart(schemas.map(({ type }) => typeof type === "string" ? numeric(type) : undefined))) return true
  const [first] = schemas
  const keys = first !== undefined && isObject(first.properties) ? Object.keys(first.properties) : []
  return keys.some((key) => apart(schemas.map((schema) => tagOf(schema, key))))
}

/** An integer is a number too. */
const numeric = (type: string): ReadonlyArray<string> => [type === "integer" ? "number" : type]

/** The values that a required key may have, if they are listed. */
const tagOf = ({ properties, required }: Keywords, key: string): ReadonlyArray<string> | undefined => {
  if (!Array.isArray(required) || !required.includes(key) || !isObject(properties)) return undefined
  const tag = properties[key]
  if (!isObject(tag)) return undefined
  const values = Object.hasOwn(tag, "const") ? [tag.const] : Array.isArray(tag.enum) ? tag.enum : undefined
  return values?.map((value) => JSON.stringify(value))
}

/** Whether no value is listed twice; false if some values are not listed. */
const apart = (lists: ReadonlyArray<ReadonlyArray<string> | undefined>): boolean => {
  const all = lists.flatMap((list) => list ?? [])
  return !lists.includes(undefined) && new Set(all).size === all.length
}
