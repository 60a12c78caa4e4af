/**
 * A tree → the JSON grammar of TGI.
 *
 * @since 0.1.0
 */
import * as RegexDialect from "../../regex/RegexDialect.ts"
import { needsEscape } from "../../schema/tree/JsonSchemaTree.ts"
import type { Fields, List, Tree } from "../../schema/tree/JsonSchemaTree.ts"

/**
 * A JSON Schema that TGI's compiler reads correctly: no keyword in it is ignored, none hides another.
 *
 * @category models
 * @since 0.1.0
 */
export type TgiSchema = { readonly [keyword: string]: unknown }

const MAX_TUPLES = 8
/**
 * The schema for TGI's JSON grammar, or undefined if TGI's reading of JSON Schema cannot express it, or would write an
 * object of more than `optional` keys, none of them required, once per key.
 *
 * @category printing
 * @since 0.1.0
 */
export const print = (tree: Tree, optional: number): TgiSchema | undefined => {
  const go = (tree: Tree) => print(tree, optional)
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
      return list(tree, go)
    case "Fields":
      return fields(tree, optional, go)
    case "Union":
      return all(tree.members, go, (members) => ({ anyOf: members }))
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

type Go = (tree: Tree) => TgiSchema | undefined

const all = <A>(trees: ReadonlyArray<Tree>, go: Go, f: (schemas: ReadonlyArray<TgiSchema>) => A): A | undefined => {
  const out: Array<TgiSchema> = []
  for (const tree of trees) {
    const schema = go(tree)
    if (schema === undefined) return undefined
    out.push(schema)
  }
  return f(out)
}

const none: TgiSchema = { type: "array", maxItems: 0 }

const list = (tree: List, go: Go): TgiSchema | undefined => {
  const { max, min, prefix, rest } = tree
  if (rest !== undefined) {
    if (prefix.length > 0) return undefined
    const items = go(rest)
    return items && { type: "array", items, ...min > 0 && { minItems: min }, ...max !== undefined && { maxItems: max } }
  }
  // TGI writes every element of a tuple: one that may end early is a choice of tuples
  if (prefix.length - min >= MAX_TUPLES) return undefined
  return all(prefix, go, (items) => {
    const tuples: Array<TgiSchema> = []
    for (let length = prefix.length; length >= min; length--) {
      tuples.push(
        length === 0 ? none : { type: "array", prefixItems: items.slice(0, length), minItems: length, maxItems: length }
      )
    }
    return tuples.length === 1 ? tuples[0] : { anyOf: tuples }
  })
}

const fields = (tree: Fields, optional: number, go: Go): TgiSchema | undefined => {
  const { max, min, properties, rests } = tree
  const [rest, ...more] = rests
  if (rest !== undefined) {
    const plain = rest.key.content === undefined && rest.key.min === 0 && rest.key.max === undefined
    if (more.length > 0 || properties.length > 0 || !plain || min > 1 || max !== undefined) return undefined
    const value = go(rest.value)
    return value && { type: "object", additionalProperties: value, ...min > 0 && { minProperties: min } }
  }
  const required = properties.filter((property) => property.required).map(({ name }) => name)
  if (min > 0 || properties.some(({ name }) => needsEscape(name))) return undefined
  if (required.length === 0 && properties.length > optional) return undefined
  return all(properties.map(({ value }) => value), go, (values) => ({
    type: "object",
    properties: Object.fromEntries(properties.map(({ about, name }, index) => [name, { ...about, ...values[index] }])),
    required,
    additionalProperties: false
  }))
}
