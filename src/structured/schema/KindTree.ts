/**
 * The facts about numbers, strings and arrays → their trees.
 *
 * @since 0.2.0
 */
import * as Result from "effect/Result"
import * as RegexDialect from "../regex/RegexDialect.ts"
import type { Regex } from "../regex/RegexSyntax.ts"
import * as Facts from "./Facts.ts"
import * as Compound from "./tree/Compound.ts"
import type * as Dropped from "./tree/Dropped.ts"
import * as Tree from "./tree/JsonSchemaTree.ts"

/**
 * How the schemas of a part become a tree.
 *
 * @category models
 * @since 0.1.0
 */
export type TreeOf = (schemas: ReadonlyArray<Facts.Located>, path: Dropped.Path, reading: Facts.Reading) => Tree.Tree

/**
 * Whether a value of an enum satisfies the keywords next to it.
 *
 * @category guards
 * @since 0.2.0
 */
export const fits = (value: unknown, facts: Facts.Facts): boolean => {
  const { bounds } = facts
  const kind = value === null
    ? "null"
    : Array.isArray(value)
    ? "array"
    : Number.isInteger(value)
    ? "integer"
    : typeof value
  const known = facts.kinds?.some((name) => name === kind || (kind === "integer" && name === "number"))
  if (known === false) return false
  if (typeof value === "number") return inRange(value, bounds) && isMultiple(value, facts.multiples)
  if (typeof value !== "string") return true
  const length = Array.from(value).length
  return length >= (bounds.minLength ?? 0) && length <= (bounds.maxLength ?? Infinity) &&
    facts.patterns.every(({ flags, source }) => matches(source, value, flags))
}

/**
 * Whether a text matches a pattern of JSON Schema; one that JavaScript cannot read matches nothing.
 *
 * @category guards
 * @since 0.2.0
 */
export const matches = (source: string, text: string, flags = ""): boolean => {
  for (const unicode of ["u", ""]) {
    try {
      return new RegExp(source, `${flags.replaceAll(/[^ims]/g, "")}${unicode}`).test(text)
    } catch {
      // without the u flag more texts are valid patterns
    }
  }
  return false
}

const inRange = (value: number, bounds: Facts.Facts["bounds"]): boolean =>
  value >= (bounds.minimum ?? -Infinity) && value <= (bounds.maximum ?? Infinity) &&
  value > (bounds.exclusiveMinimum ?? -Infinity) && value < (bounds.exclusiveMaximum ?? Infinity)

const isMultiple = (value: number, of: ReadonlyArray<number>): boolean =>
  of.every((divisor) => Math.abs(value / divisor - Math.round(value / divisor)) < 1e-9)

/**
 * @category reading
 * @since 0.2.0
 */
export const fromNumber = (kind: "integer" | "number", facts: Facts.Facts, reading: Facts.Reading): Tree.Tree => {
  const { bounds, path } = facts
  const [multipleOf, ...others] = facts.multiples.toSorted((a, b) => b - a)
  if (others.some((other) => !isMultiple(multipleOf ?? 0, [other]))) {
    Facts.leave(reading, path, "multipleOf", "a grammar can enforce only one divisor")
  }
  const integer = kind === "integer" || (multipleOf !== undefined && Number.isInteger(multipleOf))
  const { exclusiveMaximum, exclusiveMinimum, maximum, minimum } = bounds
  const above = Math.max(minimum ?? -Infinity, exclusiveMinimum ?? -Infinity)
  const below = Math.min(maximum ?? Infinity, exclusiveMaximum ?? Infinity)
  if (above > below || (above === below && !inRange(above, bounds))) {
    return Tree.unsatisfiable(path, "minimum", "the bounds leave no number between them")
  }
  if (!integer) {
    return Tree.numeric(path, { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf })
  }
  const low = Math.ceil(above) === exclusiveMinimum ? above + 1 : Math.ceil(above)
  const high = Math.floor(below) === exclusiveMaximum ? below - 1 : Math.floor(below)
  if (low > high) return Tree.unsatisfiable(path, "minimum", "the bounds leave no integer between them")
  return Tree.numeric(path, {
    integer: true,
    multipleOf: multipleOf === 1 ? undefined : multipleOf,
    ...Number.isFinite(low) && { minimum: low === 0 ? 0 : low },
    ...Number.isFinite(high) && { maximum: high === 0 ? 0 : high }
  })
}

/**
 * A string: one pattern, one format and its lengths; further patterns and formats are left to the decoder.
 *
 * @category reading
 * @since 0.2.0
 */
export const fromText = (facts: Facts.Facts, reading: Facts.Reading): Tree.Tree => {
  const { bounds, formats, path } = facts
  const min = Math.max(0, Math.ceil(bounds.minLength ?? 0))
  const max = bounds.maxLength === undefined ? undefined : Math.floor(bounds.maxLength)
  if (max !== undefined && max < min) return Tree.unsatisfiable(path, "maxLength", `it is below minLength, ${min}`)
  const [format, ...others] = [...new Map(formats.map((rule) => [rule.source, rule])).values()]
  for (const other of others) {
    Facts.leave(reading, other.path, "format", "a grammar can enforce only one format per string")
  }
  return Tree.text(path, { min, max, content: contentOf(facts, reading), format: format?.source })
}

const contentOf = ({ patterns }: Facts.Facts, reading: Facts.Reading): Regex | undefined => {
  let content: Regex | undefined
  for (const { flags, path, source } of new Map(patterns.map((rule) => [rule.source + rule.flags, rule])).values()) {
    const read = RegexDialect.whole(source, flags)
    if (Result.isFailure(read)) {
      const { construct, hint, position } = read.failure
      Facts.leave(reading, path, "pattern", `${construct} at ${position} does not fit a grammar: ${hint}`)
    } else if (content !== undefined) {
      Facts.leave(reading, path, "pattern", "a grammar can enforce only one pattern per string")
    } else content = read.success
  }
  return content
}

/**
 * @category reading
 * @since 0.2.0
 */
export const fromItems = (facts: Facts.Facts, reading: Facts.Reading, treeOf: TreeOf): Tree.Tree => {
  const { bounds, items, path } = facts
  const min = Math.max(0, Math.ceil(bounds.minItems ?? 0))
  const max = bounds.maxItems === undefined ? undefined : Math.floor(bounds.maxItems)
  if (max !== undefined && max < min) {
    return Tree.unsatisfiable(path, "minItems", `it exceeds the ${max} items that maxItems allows`)
  }
  const length = Math.min(Math.max(0, ...items.map(({ prefix }) => prefix.length)), max ?? Infinity)
  const at = (index: number) =>
    items.flatMap(({ prefix, rest }) => {
      const item = prefix[index] ?? rest
      return item === undefined ? [] : [item]
    })
  const prefix = Array.from({ length }, (_, index) => treeOf(at(index), path, reading))
  const others = items.flatMap(({ rest }) => rest === undefined ? [] : [rest])
  const rest: Tree.Tree | undefined = max === length || (others.length === 0 && facts.closed.items)
    ? undefined
    : others.length === 0
    ? { _tag: "Free", path: [...path, "items"], said: false }
    : treeOf(others, path, reading)
  return Compound.list({ path, prefix, rest, min, max })
}
