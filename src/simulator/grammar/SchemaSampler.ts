/**
 * Draws JSON that satisfies a schema, for engines that compile schemas themselves and accept more of them than TGI does:
 * any root, lists of types, references, bounds of numbers.
 *
 * @since 0.1.0
 */
import * as Random from "../wire/Random.ts"
import * as Grammar from "./Grammar.ts"

/** A schema object as it came over the wire. */
type Schema = Readonly<Record<string, unknown>>

const isSchema = (value: unknown): value is Schema =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const list = (value: unknown): ReadonlyArray<unknown> => Array.isArray(value) ? value : []

const number = (value: unknown): number | undefined => typeof value === "number" ? value : undefined

const words = ["amber", "birch", "coral", "delta", "ember", "fjord", "grove", "harbor"]

const formats: Readonly<Record<string, string>> = {
  date: "2026-03-14",
  time: "15:09:26Z",
  "date-time": "2026-03-14T15:09:26Z",
  uuid: "3f2b8c1e-5d4a-4b6f-9c7d-0a1b2c3d4e5f",
  email: "someone@example.com",
  uri: "https://example.com/",
  ipv4: "192.0.2.1"
}

/** Deeper than this only required parts are written, so that a recursive schema ends where it can. */
const comfortableDepth = 6
const depthLimit = 64

const resolve = (root: Schema, reference: string): unknown =>
  reference.split("/").slice(1).reduce<unknown>(
    (at, part) => isSchema(at) ? at[decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~")] : undefined,
    root
  )

const text = (schema: Schema, random: Random.Random): string => {
  if (typeof schema.pattern === "string") {
    const drawn = Grammar.sample({ type: "regex", value: schema.pattern.replace(/^\^/, "").replace(/\$$/, "") }, random)
    if (drawn._tag === "Ok") return drawn.text
  }
  if (typeof schema.format === "string" && formats[schema.format] !== undefined) return formats[schema.format] ?? ""
  const word = () => words[Random.int(random, words.length)] ?? ""
  let value = `${word()} ${word()}`
  while (value.length < (number(schema.minLength) ?? 0)) value += ` ${word()}`
  return value.slice(0, number(schema.maxLength) ?? value.length)
}

const numeric = (schema: Schema, integer: boolean, random: Random.Random): number => {
  const step = number(schema.multipleOf) ?? (integer ? 1 : 0.5)
  const above = number(schema.exclusiveMinimum)
  const below = number(schema.exclusiveMaximum)
  const top = number(schema.maximum) ?? (below === undefined ? undefined : below - step)
  const low = number(schema.minimum) ?? (above === undefined ? undefined : above + step) ?? Math.min(0, top ?? 0)
  const first = Math.ceil(low / step)
  const last = Math.floor((top ?? low + 100 * step) / step)
  return (first + Random.int(random, Math.max(1, last - first + 1))) * step
}

const items = (schema: Schema, root: Schema, random: Random.Random, depth: number): ReadonlyArray<unknown> => {
  const prefix = list(schema.prefixItems).map((item) => draw(item, root, random, depth))
  const least = Math.max(prefix.length, number(schema.minItems) ?? 0)
  const most = number(schema.maxItems) ?? least + (depth > comfortableDepth ? 0 : 2)
  const length = schema.items === undefined || schema.items === false
    ? least
    : least + Random.int(random, Math.max(1, most - least + 1))
  return [...prefix, ...Array.from({ length: length - prefix.length }, () => draw(schema.items, root, random, depth))]
}

const properties = (schema: Schema, root: Schema, random: Random.Random, depth: number): Record<string, unknown> => {
  const required = new Set(list(schema.required))
  const known = isSchema(schema.properties) ? schema.properties : {}
  const names = new Set([...Object.keys(known), ...required])
  const value: Record<string, unknown> = {}
  for (const name of names) {
    if (typeof name !== "string") continue
    if (!required.has(name) && (depth > comfortableDepth || random() < 0.3)) continue
    value[name] = draw(known[name], root, random, depth)
  }
  return value
}

const typed = (type: unknown, schema: Schema, root: Schema, random: Random.Random, depth: number): unknown => {
  switch (type) {
    case "string":
      return text(schema, random)
    case "integer":
    case "number":
      return numeric(schema, type === "integer", random)
    case "boolean":
      return random() < 0.5
    case "null":
      return null
    case "array":
      return items(schema, root, random, depth)
    default:
      return properties(schema, root, random, depth)
  }
}

const typeOf = (schema: Schema, random: Random.Random): unknown => {
  if (Array.isArray(schema.type)) return schema.type[Random.int(random, schema.type.length)]
  if (schema.type !== undefined) return schema.type
  if (schema.properties !== undefined || schema.required !== undefined) return "object"
  if (schema.items !== undefined || schema.prefixItems !== undefined) return "array"
  return schema.minimum !== undefined || schema.maximum !== undefined ? "number" : "string"
}

const draw = (schema: unknown, root: Schema, random: Random.Random, depth: number): unknown => {
  if (!isSchema(schema) || depth > depthLimit) return null
  if (typeof schema.$ref === "string") return draw(resolve(root, schema.$ref), root, random, depth + 1)
  if (schema.const !== undefined) return schema.const
  const choices = list(schema.enum)
  if (choices.length > 0) return choices[Random.int(random, choices.length)]
  const union = [...list(schema.anyOf), ...list(schema.oneOf)]
  if (union.length > 0) {
    return draw(
      union[depth > comfortableDepth ? union.length - 1 : Random.int(random, union.length)],
      root,
      random,
      depth + 1
    )
  }
  const [first, ...rest] = list(schema.allOf)
  if (isSchema(first)) {
    const merged = rest.filter(isSchema).reduce<Schema>((left, right) => ({ ...left, ...right }), first)
    return draw({ ...merged, ...schema, allOf: undefined }, root, random, depth + 1)
  }
  return typed(typeOf(schema, random), schema, root, random, depth + 1)
}

/**
 * JSON text that a schema accepts. Keywords that it does not know are not enforced.
 *
 * @category sampling
 * @since 0.1.0
 */
export const sample = (schema: unknown, random: Random.Random): string =>
  JSON.stringify(draw(schema, isSchema(schema) ? schema : {}, random, 0))
