/**
 * The two forms of OpenAI's `json_schema` for the providers behind the router: `strict`, a small part of JSON Schema that is
 * enforced, and the whole of it, which each provider follows as far as it can.
 *
 * @since 0.2.0
 */
import * as RegexDialect from "../../regex/RegexDialect.ts"
import * as Members from "../../schema/Members.ts"
import { union } from "../../schema/tree/Compound.ts"
import type { Path } from "../../schema/tree/Dropped.ts"
import type { Document, Fields, List, Numeric, Property, Text, Tree } from "../../schema/tree/JsonSchemaTree.ts"
import { isSafeLimit, literal } from "../../schema/tree/JsonSchemaTree.ts"
import * as Enforcement from "./Enforcement.ts"
import type { Form, Pen, Schema } from "./SchemaPrinter.ts"
import * as SchemaPrinter from "./SchemaPrinter.ts"

const MAX_DEPTH = 10
const MAX_PROPERTIES = 5000

/**
 * Why a document has no strict form, and where; undefined if it has one.
 *
 * @category guards
 * @since 0.2.0
 */
export const obstacle = (document: Document): { readonly path: Path; readonly reason: string } | undefined => {
  const seen = new Set<Tree>()
  let properties = 0
  const visit = (tree: Tree, depth: number): { readonly path: Path; readonly reason: string } | undefined => {
    if (tree._tag === "Ref" || seen.has(tree)) {
      const target = tree._tag === "Ref" ? document.definitions.get(tree.name) : undefined
      return target === undefined || seen.has(target) ? undefined : visit(target, depth)
    }
    seen.add(tree)
    switch (tree._tag) {
      case "Free":
        return { path: tree.path, reason: "any value is allowed here" }
      case "List":
        if (tree.prefix.length > 0) return { path: tree.path, reason: "the items of a tuple differ by position" }
        return tree.rest === undefined
          ? { path: tree.path, reason: "an empty array has no items" }
          : visit(tree.rest, depth)
      case "Union":
        return first(tree.members, (member) => visit(member, depth))
      case "Fields": {
        properties += tree.properties.length
        if (depth >= MAX_DEPTH) return { path: tree.path, reason: `it nests deeper than ${MAX_DEPTH} levels` }
        if (properties > MAX_PROPERTIES) return { path: [], reason: `it has more than ${MAX_PROPERTIES} keys` }
        const rest = tree.rests.find(({ value }) => value._tag !== "Free" || value.said)
        if (rest !== undefined) return { path: tree.path, reason: "it has keys that are not declared by name" }
        return first(tree.properties, ({ value }) => visit(value, depth + 1))
      }
      default:
        return undefined
    }
  }
  return visit(document.tree, 0)
}

const first = <A, B>(values: ReadonlyArray<A>, f: (value: A) => B | undefined): B | undefined => {
  for (const value of values) {
    const found = f(value)
    if (found !== undefined) return found
  }
  return undefined
}

const counted = (pen: Pen, path: Path, keywords: Readonly<Record<string, number | undefined>>): Schema => {
  const out: Record<string, unknown> = {}
  for (const [keyword, value] of Object.entries(keywords)) {
    if (value === undefined || !isKeyword(keyword)) continue
    Object.assign(out, pen.keep(path, keyword, value))
  }
  return out
}

const isKeyword = (keyword: string): keyword is Enforcement.Keyword => Object.hasOwn(Enforcement.keywords, keyword)

const bounds = (tree: Numeric) => ({
  minimum: isSafeLimit(tree, tree.minimum) ? undefined : tree.minimum,
  maximum: isSafeLimit(tree, tree.maximum) ? undefined : tree.maximum,
  exclusiveMinimum: tree.exclusiveMinimum,
  exclusiveMaximum: tree.exclusiveMaximum,
  multipleOf: tree.multipleOf
})

const strictList = ({ max, min, path, rest }: List, pen: Pen): Schema => ({
  type: "array",
  items: rest === undefined ? {} : pen.print(rest),
  ...counted(pen, path, { minItems: min > 0 ? min : undefined, maxItems: max })
})

/** Strict mode supports descriptions and no other annotations. */
const description = (property: Property, pen: Pen): Schema => {
  const { description } = pen.about(property)
  return description === undefined ? {} : { description }
}

const strictFields = (tree: Fields, pen: Pen): Schema => {
  const { max, min, path, properties, rests } = tree
  if (rests.length > 0) pen.drop(path, "additionalProperties", "only the declared keys are written", "unwritable")
  if (min > properties.filter(({ required }) => required).length) {
    pen.drop(path, "minProperties", "the number of keys is not counted")
  }
  if (max !== undefined && max < properties.length) {
    pen.drop(path, "maxProperties", "the number of keys is not counted")
  }
  return {
    type: "object",
    ...tree.about?.description !== undefined && { description: tree.about.description },
    properties: SchemaPrinter.record(properties.map((property) => [
      property.name,
      { ...pen.print(nullable(property)), ...description(property, pen) }
    ])),
    required: properties.map(({ name }) => name),
    additionalProperties: false
  }
}

/** A key that may be left out is written as null instead, which `Absent` undoes. */
const nullable = ({ required, value }: Property): Tree =>
  required || Members.holds(value, null) ? value : union([value, literal([null])], [], "anyOf")

/**
 * The strict form, for a document without obstacles: closed objects, every key required, optional ones nullable.
 *
 * @category forms
 * @since 0.2.0
 */
export const strict: Form = {
  compiler: "openai",
  text: SchemaPrinter.text("openai"),
  numeric: (tree, pen) => ({
    type: tree.integer ? "integer" : "number",
    ...counted(pen, tree.path, bounds(tree))
  }),
  list: strictList,
  fields: strictFields,
  free: () => ({})
}

const defined = (keywords: Readonly<Record<string, unknown>>): Schema =>
  Object.fromEntries(Object.entries(keywords).filter(([, value]) => value !== undefined))

const keyPattern = ({ content, max, min }: Text): string => {
  const language = content ?? RegexDialect.anything
  const bounded = min > 0 || max !== undefined ? RegexDialect.bound(language, min, max) ?? language : language
  return `^(?:${RegexDialect.printPlain(bounded)})$`
}

const wholeFields = (tree: Fields, pen: Pen): Schema => {
  const { max, min, properties, rests } = tree
  const required = properties.filter((property) => property.required).map(({ name }) => name)
  const patterned = rests.filter(({ key }) => key.content !== undefined || key.min > 0 || key.max !== undefined)
  const other = rests.find((rest) => !patterned.includes(rest))
  return defined({
    type: "object",
    description: tree.about?.description,
    properties: properties.length === 0 && rests.length > 0 ? undefined : SchemaPrinter.record(
      properties.map((property) => [
        property.name,
        { ...pen.print(property.value), ...pen.about(property) }
      ])
    ),
    required: required.length === 0 ? undefined : required,
    patternProperties: patterned.length === 0
      ? undefined
      : SchemaPrinter.record(patterned.map(({ key, value }) => [keyPattern(key), pen.print(value)])),
    additionalProperties: other === undefined
      ? false
      : other.value._tag !== "Free"
      ? pen.print(other.value)
      : other.value.said
      ? true
      : undefined,
    minProperties: min > required.length ? min : undefined,
    maxProperties: max
  })
}

/**
 * All of JSON Schema, merged and with its references inside.
 *
 * @category forms
 * @since 0.2.0
 */
export const whole: Form = {
  compiler: "openai",
  text: ({ content, format, max, min }) =>
    defined({
      type: "string",
      pattern: content === undefined ? undefined : `^(?:${RegexDialect.printPlain(content)})$`,
      format,
      minLength: min > 0 ? min : undefined,
      maxLength: max
    }),
  numeric: (tree) => defined({ type: tree.integer ? "integer" : "number", ...bounds(tree) }),
  list: ({ max, min, prefix, rest }, pen) =>
    defined({
      type: "array",
      prefixItems: prefix.length === 0 ? undefined : prefix.map(pen.print),
      items: rest === undefined ? false : rest._tag === "Free" && !rest.said ? undefined : pen.print(rest),
      minItems: min > 0 ? min : undefined,
      maxItems: rest === undefined && max === prefix.length ? undefined : max
    }),
  fields: wholeFields,
  free: () => ({})
}
