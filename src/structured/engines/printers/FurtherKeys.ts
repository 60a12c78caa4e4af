/**
 * The keys of an object beyond its named ones, for compilers that read `additionalProperties` and at most one pattern.
 *
 * @since 0.2.0
 */
import * as RegexDialect from "../../regex/RegexDialect.ts"
import type { Regex } from "../../regex/RegexSyntax.ts"
import { union } from "../../schema/tree/Compound.ts"
import type { Fields, Rest } from "../../schema/tree/JsonSchemaTree.ts"
import * as Enforcement from "./Enforcement.ts"
import type { Pen, Schema } from "./SchemaPrinter.ts"

/**
 * `additionalProperties` or `patternProperties` of an object. Keys by several patterns become keys of any name whose
 * values fit one of the patterns. `keyPattern` prints a pattern of keys; without it, keys are never distinguished by
 * pattern.
 *
 * @category printing
 * @since 0.2.0
 */
export const print = (tree: Fields, pen: Pen, keyPattern: ((key: Regex) => string) | undefined): Schema => {
  const { path, properties, rests } = tree
  const [only, ...more] = rests
  if (only === undefined) return { additionalProperties: false }
  const key = keyOf(only)
  if (keyPattern !== undefined && key !== undefined && more.length === 0 && properties.length === 0) {
    if (RegexDialect.hasEscapes(key)) {
      pen.drop(path, "patternProperties", "no quotes and backslashes are written in a key", "unwritable")
    }
    return { patternProperties: { [keyPattern(key)]: pen.print(only.value) }, additionalProperties: false }
  }
  if (rests.some((rest) => keyOf(rest) !== undefined)) {
    const keyword = rests.some((rest) => rest.key.content !== undefined) ? "patternProperties" : "propertyNames"
    pen.drop(path, keyword, Enforcement.keywords[keyword].note)
  }
  const value = union(rests.map((rest) => rest.value), path, "additionalProperties")
  return { additionalProperties: value._tag === "Free" ? true : pen.print(value) }
}

/** The language of the names of a rest, if there is one. */
const keyOf = ({ key }: Rest): Regex | undefined => {
  if (key.min === 0 && key.max === undefined) return key.content
  return RegexDialect.bound(key.content ?? RegexDialect.anything, key.min, key.max) ?? key.content
}
