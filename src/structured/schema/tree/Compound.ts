/**
 * Trees that are made of other trees, without the parts that no value can have.
 *
 * @since 0.1.0
 */
import type { Path } from "./Dropped.ts"
import type { Fields, List, Numeric, Property, Tree } from "./JsonSchemaTree.ts"
import { isHard, isScalar, literal, unsatisfiable } from "./JsonSchemaTree.ts"
import { different, keyOf } from "./Likeness.ts"

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
 * An array, cut at the first position that no value can have.
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
 * An object without the optional keys that cannot have a value; impossible if a required key cannot have one.
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
