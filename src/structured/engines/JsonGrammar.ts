/**
 * A tree → the JSON grammar of TGI.
 *
 * @since 0.1.0
 */
import * as RegexDialect from "../regex/RegexDialect.ts"
import { needsEscape } from "../schema/JsonSchemaTree.ts"
import type { Tree } from "../schema/JsonSchemaTree.ts"
import { MAX_OPTIONAL } from "./Cost.ts"

/**
 * A JSON Schema that TGI's compiler reads as it is meant: no keyword in it is ignored, none hides another.
 *
 * @category models
 * @since 0.1.0
 */
export type TgiSchema = { readonly [keyword: string]: unknown }

const MAX_TUPLES = 8
/**
 * The schema for TGI's JSON grammar, or nothing where TGI's reading of JSON Schema cannot say it.
 *
 * @category printing
 * @since 0.1.0
 */
export const print = (tree: Tree): TgiSchema | undefined => {
  switch (tree._tag) {
    case "Literal": {
      const kind = kindOf(tree.values)
      return kind === undefined ? { enum: tree.values } : { type: kind }
    }
    case "Text":
      return {
        type: "string",
        ...tree.content === undefined
          ? { ...tree.min > 0 && { minLength: tree.min }, ...tree.max !== undefined && { maxLength: tree.max } }
          : { pattern: `(?:${RegexDialect.printInString(tree.content)})` }
      }
    case "Numeric":
      return { type: tree.integer ? "integer" : "number" }
    case "List":
      return list(tree)
    case "Fields":
      return fields(tree)
    case "Union":
      return all(tree.members, (members) => ({ anyOf: members }))
    default:
      return undefined
  }
}

const kindOf = (values: ReadonlyArray<unknown>): string | undefined =>
  values.length === 1 && values[0] === null
    ? "null"
    : values.length === 2 && values.includes(true) && values.includes(false)
    ? "boolean"
    : undefined

const all = <A>(trees: ReadonlyArray<Tree>, f: (schemas: ReadonlyArray<TgiSchema>) => A): A | undefined => {
  const out: Array<TgiSchema> = []
  for (const tree of trees) {
    const schema = print(tree)
    if (schema === undefined) return undefined
    out.push(schema)
  }
  return f(out)
}

const none: TgiSchema = { type: "array", maxItems: 0 }

const list = (tree: Extract<Tree, { readonly _tag: "List" }>): TgiSchema | undefined => {
  const { max, min, prefix, rest } = tree
  if (rest !== undefined) {
    if (prefix.length > 0) return undefined
    const items = print(rest)
    return items && { type: "array", items, ...min > 0 && { minItems: min }, ...max !== undefined && { maxItems: max } }
  }
  // TGI writes every element of a tuple: one that may end early is a choice of tuples
  if (prefix.length - min >= MAX_TUPLES) return undefined
  return all(prefix, (items) => {
    const tuples: Array<TgiSchema> = []
    for (let length = prefix.length; length >= min; length--) {
      tuples.push(
        length === 0 ? none : { type: "array", prefixItems: items.slice(0, length), minItems: length, maxItems: length }
      )
    }
    return tuples.length === 1 ? tuples[0] : { anyOf: tuples }
  })
}

const fields = (tree: Extract<Tree, { readonly _tag: "Fields" }>): TgiSchema | undefined => {
  const { max, min, properties, rests } = tree
  const [rest, ...more] = rests
  if (rest !== undefined) {
    const plain = rest.key.content === undefined && rest.key.min === 0 && rest.key.max === undefined
    if (more.length > 0 || properties.length > 0 || !plain || min > 1 || max !== undefined) return undefined
    const value = print(rest.value)
    return value && { type: "object", additionalProperties: value, ...min > 0 && { minProperties: min } }
  }
  const required = properties.filter((property) => property.required).map(({ name }) => name)
  if (min > 0 || properties.some(({ name }) => needsEscape(name))) return undefined
  if (required.length === 0 && properties.length > MAX_OPTIONAL) return undefined
  return all(properties.map(({ value }) => value), (values) => ({
    type: "object",
    properties: Object.fromEntries(properties.map(({ name }, index) => [name, values[index]])),
    required,
    additionalProperties: false
  }))
}
