/**
 * The form of xgrammar, the compiler of SGLang and the first choice of vLLM.
 *
 * A vLLM server compiles with one engine for its whole life, which its first structured request decides. So nothing is
 * printed here that its check would send to another one (`uniqueItems`, `multipleOf`, an unknown `format`, lengths next to a
 * pattern, `propertyNames`), and everything printed is accepted by llguidance too.
 *
 * @since 0.2.0
 */
import * as Result from "effect/Result"
import * as CharSet from "../../regex/CharSet.ts"
import * as RegexDialect from "../../regex/RegexDialect.ts"
import type { Regex } from "../../regex/RegexSyntax.ts"
import * as Formats from "../../schema/Formats.ts"
import type { Fields, List, Numeric, Text } from "../../schema/tree/JsonSchemaTree.ts"
import { isSafeLimit } from "../../schema/tree/JsonSchemaTree.ts"
import * as Enforcement from "./Enforcement.ts"
import * as FurtherKeys from "./FurtherKeys.ts"
import type { Form, Pen, Schema } from "./SchemaPrinter.ts"
import * as SchemaPrinter from "./SchemaPrinter.ts"

/** Below this, lengths are counted by keyword, and such a string contains no escapes; above, its pattern enforces them. */
const MAX_BARE = 128
/** Between these, counting takes the compiler up to 13 s; above, it uses a counter. */
const MAX_SLOW = 400
const MIN_FAST = 4000
const ENDLESS = 100_000
const MAX_ITEMS = 1000
const LIMIT = 2 ** 53

const text = (tree: Text, pen: Pen): Schema => {
  const { content, format, path } = tree
  if (content !== undefined) {
    if (format !== undefined) pen.drop(path, "format", "the pattern is enforced instead: a format would override it")
    const bounded = tree.min > 0 || tree.max !== undefined
      ? RegexDialect.bound(content, tree.min, tree.max)
      : content
    if (bounded === undefined) dropLengths(tree, pen, "characters are not counted next to a pattern")
    return { type: "string", pattern: patternOf(bounded ?? content, path, pen) }
  }
  if (format !== undefined) {
    const named = formatOf(format, path, pen)
    if (named !== undefined) {
      dropLengths(tree, pen, "characters are not counted next to a format")
      return { type: "string", ...named }
    }
  }
  return { type: "string", ...lengths(tree, pen) }
}

const dropLengths = ({ max, min, path }: Text, pen: Pen, reason: string): void => {
  if (min > 0) pen.drop(path, "minLength", reason)
  if (max !== undefined) pen.drop(path, "maxLength", reason)
}

const patternOf = (content: Regex, path: Text["path"], pen: Pen): string => {
  if (RegexDialect.hasEscapes(content)) {
    const reason = "no quotes, backslashes and line breaks are written in a string with a pattern"
    pen.drop(path, "pattern", reason, "unwritable")
  }
  return `^(?:${RegexDialect.printEscaped(content, CharSet.printPlainly, "rare")})$`
}

const formatOf = (format: string, path: Text["path"], pen: Pen): Schema | undefined => {
  const loose = Formats.loose.get(format)
  if (loose !== undefined) pen.drop(path, "format", loose)
  if (Enforcement.formats.xgrammar.has(format)) return { format }
  const source = Formats.patterns.get(format)
  const read = source === undefined ? undefined : RegexDialect.whole(source, "")
  if (read !== undefined && Result.isSuccess(read)) return { pattern: `^(?:${RegexDialect.printPlain(read.success)})$` }
  pen.drop(path, "format", Enforcement.keywords.format.note)
  return undefined
}

const lengths = (tree: Text, pen: Pen): Schema => {
  const { max, min, path } = tree
  if (max !== undefined && max <= MAX_BARE) {
    pen.drop(
      path,
      "maxLength",
      "no quotes, backslashes and line breaks are written in a string this short",
      "unwritable"
    )
    return { ...min > 0 && { minLength: min }, maxLength: max }
  }
  const isCounted = max !== undefined && (max <= MAX_SLOW || max >= MIN_FAST)
  if (max !== undefined && !isCounted) pen.drop(path, "maxLength", "counting this far takes the compiler seconds")
  if (min === 0 && !isCounted) return {}
  const most = isCounted ? max : Math.max(ENDLESS, min)
  return { pattern: `^${RegexDialect.CHAR}{${min},${most}}$` }
}

const bounds = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] as const

const numeric = (tree: Numeric, pen: Pen): Schema => {
  const out: Record<string, unknown> = { type: tree.integer ? "integer" : "number" }
  for (const keyword of bounds) {
    const bound = tree[keyword]
    if (bound === undefined || isSafeLimit(tree, bound)) continue
    if (Math.abs(bound) < LIMIT && isDecimal(bound)) Object.assign(out, pen.keep(tree.path, keyword, bound))
    else pen.drop(tree.path, keyword, "a bound this large or this precise is not accepted")
  }
  if (tree.multipleOf !== undefined) Object.assign(out, pen.keep(tree.path, "multipleOf", tree.multipleOf))
  return out
}

/** Whether a number is written without an exponent. */
const isDecimal = (value: number): boolean => !String(value).includes("e")

const list = (tree: List, pen: Pen): Schema => {
  const { max, min, path, prefix, rest } = tree
  if (prefix.length === 0 && rest === undefined) return { type: "array", items: {}, maxItems: 0 }
  const most = max !== undefined && max > MAX_ITEMS && max > prefix.length ? undefined : max
  if (most !== max) pen.drop(path, "maxItems", Enforcement.keywords.maxItems.note)
  if (min > MAX_ITEMS) pen.drop(path, "minItems", Enforcement.keywords.minItems.note)
  return {
    type: "array",
    ...prefix.length > 0 && { prefixItems: prefix.map(pen.print) },
    items: rest === undefined ? false : pen.print(rest),
    ...min > 0 && min <= MAX_ITEMS && { minItems: min },
    ...most !== undefined && (rest !== undefined || most < prefix.length) && { maxItems: most }
  }
}

const fields = (tree: Fields, pen: Pen): Schema => {
  const named = SchemaPrinter.properties(tree, pen)
  const further = FurtherKeys.print(
    tree,
    pen,
    (key) => `^(?:${RegexDialect.printEscaped(key, CharSet.printPlainly, "rare")})$`
  )
  return { type: "object", ...named, ...further, ...counts(tree, pen) }
}

/** The number of keys is counted if every declared one is required, in which case llguidance counts too. */
const counts = ({ max, min, path, properties, rests }: Fields, pen: Pen): Schema => {
  const required = properties.filter((property) => property.required).length
  const isCounted = required === properties.length && rests.length > 0
  const out: Record<string, unknown> = {}
  if (min > required) {
    if (isCounted) out.minProperties = min
    else pen.drop(path, "minProperties", Enforcement.keywords.minProperties.note)
  }
  if (max !== undefined && (rests.length > 0 || max < properties.length)) {
    if (isCounted) out.maxProperties = max
    else pen.drop(path, "maxProperties", Enforcement.keywords.maxProperties.note)
  }
  return out
}

/**
 * @category forms
 * @since 0.2.0
 */
export const form: Form = { compiler: "xgrammar", text, numeric, list, fields, free: () => ({}) }
