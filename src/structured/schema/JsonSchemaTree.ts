import * as RegexDialect from "../regex/RegexDialect.ts"
import type { Regex } from "../regex/RegexSyntax.ts"

/** Where in a JSON Schema document something stands: keys and indices from the root. */
export type Path = ReadonlyArray<string | number>

/** A constraint that a grammar does not carry. It is not lost: the decoder still enforces it. */
export interface Dropped {
  readonly path: Path
  readonly keyword: string
  readonly reason: string
}

/** Why a schema cannot be constrained: where, by which keyword, and what to write instead. */
export interface Fault {
  readonly path: Path
  readonly keyword: string
  readonly reason: string
  readonly hint: string
}

export type Scalar = string | number | boolean | null

export interface Property {
  readonly name: string
  readonly value: Tree
  readonly required: boolean
}

/** Keys beyond the named ones: what they look like and what they hold. */
export interface Rest {
  readonly key: Text
  readonly value: Tree
}

export interface Text {
  readonly _tag: "Text"
  readonly min: number
  readonly max: number | undefined
  /** The language of the decoded string; lengths do not apply beside it. */
  readonly content: Regex | undefined
}

/**
 * A JSON Schema with references inlined, conjunctions merged and types told apart: what the grammar emitters read.
 *
 * `Never` has no values. A soft one (a contradiction, recursion at its depth) is left out where it is optional; a hard
 * one (a keyword that no grammar can say) refuses the whole schema.
 */
export type Tree =
  | { readonly _tag: "Never"; readonly fault: Fault; readonly hard: boolean }
  | { readonly _tag: "Literal"; readonly values: ReadonlyArray<Scalar> }
  | Text
  | { readonly _tag: "Integer"; readonly signed: boolean }
  | { readonly _tag: "Decimal" }
  | {
    readonly _tag: "List"
    readonly prefix: ReadonlyArray<Tree>
    readonly rest: Tree | undefined
    readonly min: number
    readonly max: number | undefined
  }
  | {
    readonly _tag: "Fields"
    readonly properties: ReadonlyArray<Property>
    readonly rests: ReadonlyArray<Rest>
    readonly min: number
    readonly max: number | undefined
  }
  | { readonly _tag: "Union"; readonly members: ReadonlyArray<Tree> }

export const text = (options: Partial<Omit<Text, "_tag">> = {}): Text => ({
  _tag: "Text",
  min: options.min ?? 0,
  max: options.max,
  content: options.content
})
export const literal = (values: ReadonlyArray<Scalar>): Tree => ({ _tag: "Literal", values })
export const never = (fault: Fault, hard = false): Tree => ({ _tag: "Never", fault, hard })

const isHard = (tree: Tree): boolean => tree._tag === "Never" && tree.hard

const unsatisfiable = (path: Path, keyword: string, reason: string): Tree =>
  never({ path, keyword, reason, hint: "no JSON value can satisfy this part of the schema" })

/** Alternatives: flattened, without impossible and equal members, scalars gathered in one literal. */
export const union = (members: ReadonlyArray<Tree>, path: Path, keyword: string): Tree => {
  const flat = members.flatMap((member) => member._tag === "Union" ? member.members : [member])
  const hard = flat.find(isHard)
  if (hard !== undefined) return hard
  const seen = new Map<string, Tree>()
  const values = new Map<string, Scalar>()
  for (const member of flat) {
    if (member._tag === "Literal") { for (const value of member.values) values.set(JSON.stringify(value), value) }
    if (member._tag === "Literal" && values.size > 0) seen.set("Literal", literal([...values.values()]))
    else if (member._tag !== "Never") seen.set(JSON.stringify(member), member)
  }
  const kinds = new Set([...seen.values()].map((member) => member._tag))
  const kept = [...seen.values()].filter((member) => member._tag !== "Integer" || !kinds.has("Decimal"))
  const [first, second] = kept
  if (first === undefined) return flat[0] ?? unsatisfiable(path, keyword, "it has no alternatives")
  if (second === undefined) return first
  const objects = kept.filter((member) => member._tag === "Fields").length
  return { _tag: "Union", members: objects > 1 ? kept.map(tagFirst) : kept }
}

const isTag = (property: Property): boolean =>
  property.required && property.value._tag === "Literal" && property.value.values.length === 1

/** A union is easier to write when the property that tells its members apart comes first. */
const tagFirst = (tree: Tree): Tree => {
  if (tree._tag !== "Fields") return tree
  return {
    ...tree,
    properties: [...tree.properties.filter(isTag), ...tree.properties.filter((property) => !isTag(property))]
  }
}

/** An array: `prefix` by position, then `rest`, counted together; without `rest` it ends after the prefix. */
export const list = (
  options: {
    readonly prefix: ReadonlyArray<Tree>
    readonly rest: Tree | undefined
    readonly min: number
    readonly max: number | undefined
  },
  path: Path
): Tree => {
  const hard = [...options.prefix, ...options.rest === undefined ? [] : [options.rest]].find(isHard)
  if (hard !== undefined) return hard
  const stop = options.prefix.findIndex((item) => item._tag === "Never")
  let prefix = stop < 0 ? options.prefix : options.prefix.slice(0, stop)
  const rest = stop < 0 && options.rest?._tag !== "Never" ? options.rest : undefined
  const max = rest === undefined ? Math.min(prefix.length, options.max ?? Infinity) : options.max
  if (max !== undefined && options.min > max) {
    const cause = options.prefix[stop] ?? options.rest
    return cause?._tag === "Never"
      ? cause
      : unsatisfiable(path, "minItems", `it exceeds the ${max} items that are possible`)
  }
  if (max !== undefined && prefix.length > max) prefix = prefix.slice(0, max)
  const repeated = JSON.stringify(rest)
  if (rest !== undefined && prefix.every((item) => JSON.stringify(item) === repeated)) prefix = []
  return { _tag: "List", prefix, rest: max === prefix.length ? undefined : rest, min: options.min, max }
}

/** An object: its named properties in order, then keys of the rests; `min` and `max` count the rests' pairs. */
export const fields = (
  options: {
    readonly properties: ReadonlyArray<Property>
    readonly rests: ReadonlyArray<Rest>
    readonly min: number
    readonly max: number | undefined
  }
): Tree => {
  for (const property of options.properties) {
    if (property.value._tag === "Never" && (property.required || property.value.hard)) return property.value
  }
  const hard = options.rests.map((rest) => rest.value).find(isHard)
  return hard ?? {
    _tag: "Fields",
    properties: options.properties.filter((property) => property.value._tag !== "Never"),
    rests: options.rests.filter((rest) => rest.value._tag !== "Never"),
    min: options.min,
    max: options.max
  }
}

/** A JSON value as the tree of exactly that value. */
export const constant = (value: unknown, path: Path): Tree => {
  if (Array.isArray(value)) {
    const prefix = value.map((item, index) => constant(item, [...path, index]))
    return list({ prefix, rest: undefined, min: prefix.length, max: prefix.length }, path)
  }
  if (typeof value === "object" && value !== null) {
    const properties = Object.entries(value).map(([name, item]) => ({
      name,
      value: constant(item, [...path, name]),
      required: true
    }))
    return fields({ properties, rests: [], min: 0, max: undefined })
  }
  return isScalar(value) ? literal([value]) : unsatisfiable(path, "const", "it is not a JSON value")
}

export const isScalar = (value: unknown): value is Scalar =>
  value === null || typeof value === "string" || typeof value === "boolean" || typeof value === "number"

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Whether a value has the structure of a tree; patterns and lengths are not looked at. */
export const holds = (tree: Tree, value: unknown): boolean => {
  switch (tree._tag) {
    case "Never":
      return false
    case "Literal":
      return tree.values.some((allowed) => Object.is(allowed, value))
    case "Text":
      return typeof value === "string"
    case "Integer":
      return Number.isInteger(value)
    case "Decimal":
      return typeof value === "number"
    case "Union":
      return tree.members.some((member) => holds(member, value))
    case "List":
      return Array.isArray(value) && value.length >= tree.min && value.length <= (tree.max ?? Infinity) &&
        value.every((item, index) => {
          const at = tree.prefix[index] ?? tree.rest
          return at !== undefined && holds(at, item)
        })
    case "Fields":
      return isObject(value) && hasFields(tree, value)
  }
}

const hasFields = (tree: Extract<Tree, { readonly _tag: "Fields" }>, value: Readonly<Record<string, unknown>>) => {
  const fits = ({ name, required, value: at }: Property) =>
    Object.hasOwn(value, name) ? holds(at, value[name]) : !required
  const names = new Set(tree.properties.map(({ name }) => name))
  return tree.properties.every(fits) &&
    Object.keys(value).every((name) => names.has(name) || tree.rests.some((rest) => holds(rest.value, value[name])))
}

/** Whether the grammar's text would need JSON escapes inside a key: TGI's own compiler writes such keys wrongly. */
export const needsEscape = (name: string): boolean => JSON.stringify(name) !== `"${name}"`

/** An estimate of the automaton states that the server builds for a tree; 600 take it some 0.3 s, 1500 seconds. */
export const states = (tree: Tree): number => {
  switch (tree._tag) {
    case "Never":
      return 0
    case "Literal": {
      const prefixes = new Set<string>()
      for (const value of tree.values) {
        const written = JSON.stringify(value)
        for (let end = 1; end <= written.length; end++) prefixes.add(written.slice(0, end))
      }
      return prefixes.size
    }
    case "Text":
      return 3 + (tree.content === undefined ? 2 * (tree.max ?? tree.min) : RegexDialect.states(tree.content))
    case "Integer":
      return 3
    case "Decimal":
      return 9
    case "List": {
      const prefix = tree.prefix.reduce((sum, item) => sum + states(item) + 2, 4)
      if (tree.rest === undefined) return prefix
      const times = Math.max(1, (tree.max ?? tree.min + 1) - tree.prefix.length)
      return prefix + (states(tree.rest) + 2) * times
    }
    case "Fields": {
      const named = tree.properties.reduce((sum, { name, value }) => sum + name.length + 5 + states(value), 3)
      const rests = tree.rests.reduce((sum, { key, value }) => sum + states(key) + states(value) + 4, 0)
      const optional = tree.properties.length > 0 && tree.properties.every((property) => !property.required)
      // every key may be the first one: later ones are compiled again behind each
      const factor = optional ? Math.max(1, Math.min(tree.properties.length / 2, 2)) : 1
      return named * factor + rests * Math.max(2, tree.max ?? tree.min + 1)
    }
    case "Union":
      return tree.members.reduce((sum, member) => sum + states(member), 1)
  }
}
