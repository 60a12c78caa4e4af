/**
 * The form of llguidance, for servers that are known to compile with it. It refuses what it does not enforce, so everything
 * printed is enforced.
 *
 * @since 0.2.0
 */
import * as RegexDialect from "../../regex/RegexDialect.ts"
import type { Fields, List, Numeric } from "../../schema/tree/JsonSchemaTree.ts"
import { isSafeLimit } from "../../schema/tree/JsonSchemaTree.ts"
import * as Enforcement from "./Enforcement.ts"
import * as FurtherKeys from "./FurtherKeys.ts"
import type { Form, Pen, Schema } from "./SchemaPrinter.ts"
import * as SchemaPrinter from "./SchemaPrinter.ts"

const bounds = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"] as const

const numeric = (tree: Numeric, pen: Pen): Schema => {
  const out: Record<string, unknown> = { type: tree.integer ? "integer" : "number" }
  for (const keyword of bounds) {
    const bound = tree[keyword]
    if (bound === undefined || isSafeLimit(tree, bound)) continue
    if (Math.abs(bound) < 2 ** 53 && !String(bound).includes("e")) {
      Object.assign(out, pen.keep(tree.path, keyword, bound))
    } else pen.drop(tree.path, keyword, "a number this large or this precise is not accepted")
  }
  return out
}

const list = ({ max, min, prefix, rest }: List, pen: Pen): Schema => ({
  type: "array",
  ...prefix.length > 0 && { prefixItems: prefix.map(pen.print) },
  items: rest === undefined ? false : pen.print(rest),
  ...min > 0 && { minItems: min },
  ...max !== undefined && { maxItems: max }
})

const fields = (tree: Fields, pen: Pen): Schema => {
  const { max, min, path, properties, rests } = tree
  const further = FurtherKeys.print(tree, pen, (key) => `^(?:${RegexDialect.printPlain(key)})$`)
  const required = properties.filter((property) => property.required).length
  const isCounted = required === properties.length && rests.length > 0
  const out: Record<string, unknown> = { type: "object", ...SchemaPrinter.properties(tree, pen), ...further }
  const count = (keyword: "minProperties" | "maxProperties", value: number) => {
    if (isCounted) out[keyword] = value
    else pen.drop(path, keyword, Enforcement.keywords[keyword].note)
  }
  if (min > required) count("minProperties", min)
  if (max !== undefined && (rests.length > 0 || max < properties.length)) count("maxProperties", max)
  return out
}

/**
 * @category forms
 * @since 0.2.0
 */
export const form: Form = {
  compiler: "llguidance",
  text: SchemaPrinter.text("llguidance"),
  numeric,
  list,
  fields,
  free: () => ({})
}

/**
 * A key at the root that only llguidance reads: unknown keywords then become warnings, not refusals.
 *
 * @category constants
 * @since 0.2.0
 */
export const guidance: Schema = { "x-guidance": { lenient: true, coerce_one_of: true } }
