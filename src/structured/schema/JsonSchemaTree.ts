/**
 * A JSON Schema as it is meant: references resolved, conjunctions merged, kinds of values told apart. Every printer of a
 * grammar reads this tree; none reads the schema itself.
 *
 * @since 0.1.0
 */
import type { Regex } from "../regex/RegexSyntax.ts"

/**
 * Where in a JSON Schema document something stands: keys and indices from the root.
 *
 * @category models
 * @since 0.1.0
 */
export type Path = ReadonlyArray<string | number>

/**
 * Where what is sent differs from the schema.
 *
 * - `unenforced`: the engine may write values that the schema forbids. Nothing is lost, since the decoder checks them.
 * - `unwritable`: the engine cannot write some values that the schema allows.
 *
 * @category models
 * @since 0.1.0
 */
export interface Dropped {
  readonly path: Path
  readonly keyword: string
  readonly reason: string
  readonly effect: "unenforced" | "unwritable"
}

/**
 * Why a schema cannot be constrained: where, by which keyword, and what to write instead.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fault {
  readonly path: Path
  readonly keyword: string
  readonly reason: string
  readonly hint: string
}

/**
 * @category models
 * @since 0.1.0
 */
export type Scalar = string | number | boolean | null

/**
 * What a schema says for people and models: `title`, `description`, `default`, `examples`.
 *
 * @category models
 * @since 0.2.0
 */
export type About = Readonly<Record<string, unknown>>

/**
 * A named key of an object.
 *
 * @category models
 * @since 0.1.0
 */
export interface Property {
  readonly name: string
  readonly value: Tree
  readonly required: boolean
  readonly about?: About | undefined
}

/**
 * Keys beyond the named ones: what they look like and what they hold.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rest {
  readonly key: Text
  readonly value: Tree
}

/**
 * A string. `content` is the language of its decoded text, lengths are counted in code points, and both hold together.
 *
 * @category models
 * @since 0.1.0
 */
export interface Text {
  readonly _tag: "Text"
  readonly path: Path
  readonly min: number
  readonly max: number | undefined
  readonly content: Regex | undefined
  readonly format: string | undefined
}

/**
 * A number; the bounds of an integer are whole.
 *
 * @category models
 * @since 0.2.0
 */
export interface Numeric {
  readonly _tag: "Numeric"
  readonly path: Path
  readonly integer: boolean
  readonly minimum: number | undefined
  readonly maximum: number | undefined
  readonly exclusiveMinimum: number | undefined
  readonly exclusiveMaximum: number | undefined
  readonly multipleOf: number | undefined
}

/**
 * An array: `prefix` by position, then `rest`, counted together; without `rest` it ends after the prefix.
 *
 * @category models
 * @since 0.1.0
 */
export interface List {
  readonly _tag: "List"
  readonly path: Path
  readonly prefix: ReadonlyArray<Tree>
  readonly rest: Tree | undefined
  readonly min: number
  readonly max: number | undefined
}

/**
 * An object: its named properties in order, then keys of the rests. `min` and `max` count all of its keys.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fields {
  readonly _tag: "Fields"
  readonly path: Path
  readonly properties: ReadonlyArray<Property>
  readonly rests: ReadonlyArray<Rest>
  readonly min: number
  readonly max: number | undefined
  readonly about?: About | undefined
}

/**
 * Any JSON value. `said` tells whether the schema asks for it, or only does not forbid it (an absent
 * `additionalProperties` or `items`).
 *
 * @category models
 * @since 0.2.0
 */
export interface Free {
  readonly _tag: "Free"
  readonly path: Path
  readonly said: boolean
}

/**
 * `Never` has no values. A soft one (a contradiction) is left out where it is optional; a hard one (what is not a schema)
 * refuses the whole. `Ref` stands for a definition of the same document: a part that recurs, or is used more than once.
 *
 * @category models
 * @since 0.1.0
 */
export type Tree =
  | { readonly _tag: "Never"; readonly fault: Fault; readonly hard: boolean }
  | { readonly _tag: "Literal"; readonly values: ReadonlyArray<Scalar> }
  | Text
  | Numeric
  | List
  | Fields
  | { readonly _tag: "Union"; readonly members: ReadonlyArray<Tree> }
  | Free
  | { readonly _tag: "Ref"; readonly name: string }

/**
 * A tree with the definitions that its references name.
 *
 * @category models
 * @since 0.2.0
 */
export interface Document {
  readonly tree: Tree
  readonly definitions: ReadonlyMap<string, Tree>
  /** What no grammar can hold, on any engine. */
  readonly dropped: ReadonlyArray<Dropped>
}

/**
 * @category constructors
 * @since 0.1.0
 */
export const text = (path: Path, options: Partial<Omit<Text, "_tag" | "path">> = {}): Text => ({
  _tag: "Text",
  path,
  min: options.min ?? 0,
  max: options.max,
  content: options.content,
  format: options.format
})

/**
 * @category constructors
 * @since 0.2.0
 */
export const numeric = (path: Path, options: Partial<Omit<Numeric, "_tag" | "path">> = {}): Numeric => ({
  _tag: "Numeric",
  path,
  integer: options.integer ?? false,
  minimum: options.minimum,
  maximum: options.maximum,
  exclusiveMinimum: options.exclusiveMinimum,
  exclusiveMaximum: options.exclusiveMaximum,
  multipleOf: options.multipleOf
})

/**
 * @category constructors
 * @since 0.1.0
 */
export const literal = (values: ReadonlyArray<Scalar>): Tree => ({ _tag: "Literal", values })

/**
 * @category constructors
 * @since 0.1.0
 */
export const never = (fault: Fault, hard = false): Tree => ({ _tag: "Never", fault, hard })

const isHard = (tree: Tree): boolean => tree._tag === "Never" && tree.hard

/**
 * The tree of a contradiction.
 *
 * @category constructors
 * @since 0.2.0
 */
export const unsatisfiable = (path: Path, keyword: string, reason: string): Tree =>
  never({ path, keyword, reason, hint: "no JSON value can satisfy this part of the schema" })

/**
 * Whether two trees have the same language as far as their structure tells: paths and what is said about them do not count.
 */
const keyOf = (tree: Tree): string => {
  const known = keys.get(tree) ?? write(tree)
  keys.set(tree, known)
  return known
}

const keys = new WeakMap<Tree, string>()

const write = (tree: Tree): string =>
  JSON.stringify(tree, (key, value: unknown) => key === "path" || key === "about" ? undefined : value)

/** What equal trees have in common, at a glance: only trees of one outline are compared in full. */
const outlineOf = (tree: Tree): string => {
  switch (tree._tag) {
    case "Fields":
      return `Fields ${tree.min} ${tree.max} ${tree.rests.length} ${tree.properties.map(({ name }) => name).join("\n")}`
    case "List":
      return `List ${tree.min} ${tree.max} ${tree.prefix.length} ${tree.rest?._tag}`
    case "Text":
      return `Text ${tree.min} ${tree.max} ${tree.format} ${tree.content?._tag}`
    case "Union":
      return `Union ${tree.members.map(outlineOf).join()}`
    default:
      return keyOf(tree)
  }
}

/** The trees of which no two have the same language, as far as their structure tells. */
const different = (trees: ReadonlyArray<Tree>): ReadonlyArray<Tree> => {
  const seen = new Map<string, Array<Tree>>()
  return trees.filter((tree) => {
    const outline = outlineOf(tree)
    const alike = seen.get(outline) ?? []
    seen.set(outline, [...alike, tree])
    return !alike.some((other) => other === tree || keyOf(other) === keyOf(tree))
  })
}

/**
 * Alternatives: flattened, without impossible and equal members, scalars gathered in one literal.
 *
 * @category constructors
 * @since 0.1.0
 */
export const union = (members: ReadonlyArray<Tree>, path: Path, keyword: string): Tree => {
  const [only] = members
  if (members.length === 1 && only !== undefined) return only
  const flat = members.flatMap((member) => member._tag === "Union" ? member.members : [member])
  const hard = flat.find(isHard)
  if (hard !== undefined) return hard
  const free = flat.find((member) => member._tag === "Free")
  if (free !== undefined) return free
  const literals = flat.filter((member) => member._tag === "Literal")
  const [single, ...others] = literals
  const values = new Map(
    literals.flatMap(({ values }) => values.map((value) => [JSON.stringify(value), value] as const))
  )
  const gathering = single !== undefined && others.length === 0 ? single : literal([...values.values()])
  const isLiteral = flat.findIndex((member) => member._tag === "Literal")
  const gathered = flat.flatMap((member, index): ReadonlyArray<Tree> =>
    index === isLiteral ?
      [gathering] :
      member._tag === "Literal" || member._tag === "Never" ?
      [] :
      [
        member
      ]
  )
  const isWide = gathered.some((member) => member._tag === "Numeric" && isUnbounded(member))
  const kept = different(gathered).filter((member) => !isWide || member._tag !== "Numeric" || !member.integer)
  const [first, second] = kept
  if (first === undefined) return flat[0] ?? unsatisfiable(path, keyword, "it has no alternatives")
  if (second === undefined) return first
  const objects = kept.filter((member) => member._tag === "Fields").length
  return { _tag: "Union", members: objects > 1 ? kept.map(tagFirst) : kept }
}

/** A number without any limit, in which every other number is contained. */
const isUnbounded = (tree: Numeric): boolean =>
  !tree.integer && tree.minimum === undefined && tree.maximum === undefined &&
  tree.exclusiveMinimum === undefined && tree.exclusiveMaximum === undefined && tree.multipleOf === undefined

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

/**
 * An array, cut at the first position at which nothing can stand.
 *
 * @category constructors
 * @since 0.1.0
 */
export const list = (options: Omit<List, "_tag">): Tree => {
  const { path } = options
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
  if (rest !== undefined && prefix.length > 0) {
    const repeated = keyOf(rest)
    if (prefix.every((item) => keyOf(item) === repeated)) prefix = []
  }
  return { _tag: "List", path, prefix, rest: max === prefix.length ? undefined : rest, min: options.min, max }
}

/**
 * An object without the optional keys that no value can stand at; nothing where a required one is of that kind.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fields = (options: Omit<Fields, "_tag">): Tree => {
  for (const property of options.properties) {
    if (property.value._tag === "Never" && (property.required || property.value.hard)) return property.value
  }
  const hard = options.rests.map((rest) => rest.value).find(isHard)
  return hard ?? {
    ...options,
    _tag: "Fields",
    properties: options.properties.filter((property) => property.value._tag !== "Never"),
    rests: options.rests.filter((rest) => rest.value._tag !== "Never")
  }
}

/**
 * A JSON value as the tree of exactly that value.
 *
 * @category constructors
 * @since 0.1.0
 */
export const constant = (value: unknown, path: Path): Tree => {
  if (Array.isArray(value)) {
    const prefix = value.map((item, index) => constant(item, [...path, index]))
    return list({ path, prefix, rest: undefined, min: prefix.length, max: prefix.length })
  }
  if (typeof value === "object" && value !== null) {
    const properties = Object.entries(value).map(([name, item]) => ({
      name,
      value: constant(item, [...path, name]),
      required: true
    }))
    return fields({ path, properties, rests: [], min: 0, max: undefined })
  }
  return isScalar(value) ? literal([value]) : unsatisfiable(path, "const", "it is not a JSON value")
}

/**
 * @category guards
 * @since 0.1.0
 */
export const isScalar = (value: unknown): value is Scalar =>
  value === null || typeof value === "string" || typeof value === "boolean" || typeof value === "number"

/**
 * @category guards
 * @since 0.1.0
 */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * Whether a key is written with escapes in JSON.
 *
 * @category guards
 * @since 0.1.0
 */
export const needsEscape = (name: string): boolean => JSON.stringify(name) !== `"${name}"`

/**
 * Whether a bound of an integer only says that it is one that JavaScript holds: no wish of the author's.
 *
 * @category guards
 * @since 0.2.0
 */
export const isSafeLimit = ({ integer }: Numeric, bound: number | undefined): boolean =>
  integer && bound !== undefined && Math.abs(bound) === Number.MAX_SAFE_INTEGER

/**
 * A difference between what is sent and the schema. Patterns and formats are told by the path of the keyword, everything
 * else by that of the schema it stands in.
 *
 * @category constructors
 * @since 0.2.0
 */
export const difference = (
  path: Path,
  keyword: string,
  reason: string,
  effect: Dropped["effect"] = "unenforced"
): Dropped => ({
  path: (keyword === "pattern" || keyword === "format") && path.at(-1) !== keyword ? [...path, keyword] : path,
  keyword,
  reason,
  effect
})

/**
 * Each difference once.
 *
 * @category combinators
 * @since 0.2.0
 */
export const distinct = (dropped: ReadonlyArray<Dropped>): ReadonlyArray<Dropped> => {
  const seen = new Set<string>()
  return dropped.filter(({ effect, keyword, path }) => {
    const key = `${effect} ${keyword} ${path.join("\n")}`
    return seen.has(key) ? false : seen.add(key)
  })
}
