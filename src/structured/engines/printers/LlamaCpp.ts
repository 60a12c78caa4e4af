/**
 * The form of llama.cpp's own reader of JSON Schema.
 *
 * @since 0.2.0
 */
import * as Result from "effect/Result"
import * as CharSet from "../../regex/CharSet.ts"
import * as RegexDialect from "../../regex/RegexDialect.ts"
import type { Regex } from "../../regex/RegexSyntax.ts"
import * as Formats from "../../schema/Formats.ts"
import { union } from "../../schema/tree/Compound.ts"
import type { Fields, List, Numeric, Text } from "../../schema/tree/JsonSchemaTree.ts"
import { needsEscape } from "../../schema/tree/JsonSchemaTree.ts"
import * as Enforcement from "./Enforcement.ts"
import * as FurtherKeys from "./FurtherKeys.ts"
import type { Form, Pen, Schema } from "./SchemaPrinter.ts"
import * as SchemaPrinter from "./SchemaPrinter.ts"

/** llama.cpp refuses grammars whose repetitions amount to more than 2,000 rules. */
const MAX_LENGTH = 1900
const MAX_REPETITIONS = 900
const MAX_ITEMS = 300
const MAX_TUPLES = 8
/** Names from which its rule for "any other key" makes an invalid class. */
const UNSAFE = /[\]^]/
const SAFE = Number.MAX_SAFE_INTEGER

const text = (tree: Text, pen: Pen): Schema => {
  const { content, format, max, min, path } = tree
  const pattern = contentOf(tree, pen)
  if (pattern !== undefined) {
    const bounded = min > 0 || max !== undefined ? RegexDialect.bound(pattern, min, max) : pattern
    const isHeld = bounded !== undefined && repetitions(bounded) <= MAX_REPETITIONS
    if (!isHeld && min > 0) pen.drop(path, "minLength", "characters are not counted next to a pattern")
    if (!isHeld && max !== undefined) pen.drop(path, "maxLength", "characters are not counted next to a pattern")
    const kept = isHeld ? bounded : pattern
    return { type: "string", pattern: `^${RegexDialect.printEscaped(kept, CharSet.printBracketed, "all")}$` }
  }
  if (content !== undefined) pen.drop(path, "pattern", "its repetitions are more than llama.cpp accepts")
  if (format !== undefined) pen.drop(path, "format", Enforcement.keywords.format.note)
  const [low, high] = [min <= MAX_LENGTH ? min : 0, max !== undefined && max <= MAX_LENGTH ? max : undefined]
  if (low !== min) pen.drop(path, "minLength", "llama.cpp does not count this far")
  if (high !== max) pen.drop(path, "maxLength", "llama.cpp does not count this far")
  return { type: "string", ...low > 0 && { minLength: low }, ...high !== undefined && { maxLength: high } }
}

const contentOf = ({ content, format, path }: Text, pen: Pen): Regex | undefined => {
  if (content !== undefined) {
    if (format !== undefined) pen.drop(path, "format", "the pattern is enforced instead")
    return repetitions(content) <= MAX_REPETITIONS ? content : undefined
  }
  const source = format === undefined ? undefined : Formats.patterns.get(format)
  const loose = format === undefined ? undefined : Formats.loose.get(format)
  if (loose !== undefined) pen.drop(path, "format", loose)
  const read = source === undefined ? undefined : RegexDialect.whole(source, "")
  return read !== undefined && Result.isSuccess(read) ? read.success : undefined
}

/** How many rules a regex amounts to when its counted repetitions are written out. */
const repetitions = (regex: Regex): number => {
  switch (regex._tag) {
    case "Repeat":
      return repetitions(regex.of) * Math.max(1, regex.max ?? regex.min)
    case "Seq":
      return regex.parts.reduce((sum, part) => sum + repetitions(part), 0)
    case "Alt":
      return regex.options.reduce((sum, option) => sum + repetitions(option), 1)
    default:
      return 1
  }
}

/** Both bounds of an integer are always sent: otherwise it could have up to 16 digits, more than a number can hold. */
const numeric = (tree: Numeric, pen: Pen): Schema => {
  const { integer, maximum = SAFE, minimum = -SAFE, path } = tree
  if (tree.multipleOf !== undefined) pen.drop(path, "multipleOf", Enforcement.keywords.multipleOf.note)
  if (integer) {
    return { type: "integer", minimum: Math.max(minimum, -SAFE), maximum: Math.min(maximum, SAFE) }
  }
  for (const keyword of ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] as const) {
    if (tree[keyword] !== undefined) pen.drop(path, keyword, Enforcement.keywords[keyword].note)
  }
  return { type: "number" }
}

const list = (tree: List, pen: Pen): Schema => {
  const { max, min, path, prefix, rest } = tree
  const isOver = rest?._tag === "Free" && !rest.said && prefix.length > 0 && prefix.length >= min
  if (isOver) pen.drop(path, "items", "no items are written after the tuple", "unwritable")
  if (rest === undefined || isOver) return tuple(tree, pen)
  if (prefix.length > 0) pen.drop(path, "prefixItems", Enforcement.keywords.prefixItems.note)
  const most = max !== undefined && max > MAX_ITEMS ? undefined : max
  if (most !== max) pen.drop(path, "maxItems", Enforcement.keywords.maxItems.note)
  if (min > MAX_ITEMS) pen.drop(path, "minItems", Enforcement.keywords.minItems.note)
  return {
    type: "array",
    items: pen.print(union([...prefix, rest], path, "items")),
    ...min > 0 && min <= MAX_ITEMS && { minItems: min },
    ...most !== undefined && { maxItems: most }
  }
}

/** Every element of a tuple is written: one that may end early is a choice of tuples. */
const tuple = ({ min, path, prefix }: List, pen: Pen): Schema => {
  const shortest = Math.max(min, prefix.length - MAX_TUPLES)
  if (shortest > min) pen.drop(path, "prefixItems", "shorter tuples are not written", "unwritable")
  const items = prefix.map(pen.print)
  const tuples: Array<Schema> = []
  for (let length = prefix.length; length >= shortest; length--) {
    tuples.push(
      length === 0 ? { type: "array", maxItems: 0 } : {
        type: "array",
        prefixItems: items.slice(0, length),
        minItems: length,
        maxItems: length
      }
    )
  }
  const [only, ...more] = tuples
  return only !== undefined && more.length === 0 ? only : { anyOf: tuples }
}

const fields = (tree: Fields, pen: Pen): Schema => {
  const { max, min, path, properties, rests } = tree
  const required = properties.filter((property) => property.required).length
  if (min > required) pen.drop(path, "minProperties", Enforcement.keywords.minProperties.note)
  if (max !== undefined && (rests.length > 0 || max < properties.length)) {
    pen.drop(path, "maxProperties", Enforcement.keywords.maxProperties.note)
  }
  const isUnsafe = properties.some(({ name }) => name === "" || UNSAFE.test(name) || needsEscape(name))
  if (isUnsafe && rests.length > 0) {
    pen.drop(path, "additionalProperties", "next to such a key, only declared ones are written", "unwritable")
  }
  const further = isUnsafe ? { additionalProperties: false } : FurtherKeys.print(tree, pen, undefined)
  return { type: "object", ...SchemaPrinter.properties(tree, pen), ...further }
}

/**
 * @category forms
 * @since 0.2.0
 */
export const form: Form = { compiler: "llamacpp", text, numeric, list, fields, free: () => ({}) }
