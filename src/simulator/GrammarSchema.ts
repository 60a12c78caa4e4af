/**
 * JSON Schema as TGI's compiler reads it: in each object the first keyword it knows decides, the others are ignored.
 *
 * @since 0.1.0
 */
import * as GrammarPattern from "./GrammarPattern.ts"
import type { Random } from "./Random.ts"

/**
 * A schema that the router answers with 422.
 *
 * @category errors
 * @since 0.1.0
 */
export class Refusal {
  readonly stage: "grammar is not valid" | "cannot compile regex from schema"
  readonly message: string
  constructor(stage: Refusal["stage"], message: string) {
    this.stage = stage
    this.message = message
  }
}

/**
 * A recursive reference: the real router overflows its stack and dies.
 *
 * @category errors
 * @since 0.1.0
 */
export class Overflow {
  readonly reference: string
  constructor(reference: string) {
    this.reference = reference
  }
}

type Fields = Readonly<Record<string, unknown>>

/** @category guards @since 0.1.0 */
export const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * Writes one text of the language.
 *
 * @category models
 * @since 0.1.0
 */
export type Write = (random: Random) => string

const refuse = (message: string): never => {
  throw new Refusal("cannot compile regex from schema", message)
}

const types = ["array", "boolean", "integer", "null", "number", "object", "string"]
const schemas = ["items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else"]
const lists = ["allOf", "anyOf", "oneOf", "prefixItems"]
const maps = ["properties", "patternProperties", "$defs", "definitions"]
const numbers = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"]
const counts = ["minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"]
const texts = ["pattern", "format", "$ref", "$id", "title", "description"]

/**
 * What the draft 2020-12 meta-schema has against a schema, which the router asks first.
 *
 * @category checks
 * @since 0.1.0
 */
export const misfit = (schema: unknown): string | undefined => {
  if (typeof schema === "boolean") return undefined
  if (!isObject(schema)) return `${JSON.stringify(schema)} is not of types "object", "boolean"`
  for (const [keyword, value] of Object.entries(schema)) {
    const found = misfitOf(keyword, value)
    if (found !== undefined) return found
  }
  return undefined
}

const misfitOf = (keyword: string, value: unknown): string | undefined => {
  const shown = JSON.stringify(value)
  if (keyword === "type") {
    const named = Array.isArray(value) ? value : [value]
    const known = named.every((name) => types.some((type) => type === name)) && named.length > 0
    return known ? undefined : `${shown} is not valid under any of the given schemas`
  }
  if (schemas.includes(keyword)) return misfit(value)
  if (lists.includes(keyword)) {
    if (!Array.isArray(value)) return `${shown} is not of type "array"`
    return value.length === 0 ? `${shown} has less than 1 item` : first(value)
  }
  if (maps.includes(keyword)) return isObject(value) ? first(Object.values(value)) : `${shown} is not of type "object"`
  if (numbers.includes(keyword) && typeof value !== "number") return `${shown} is not of type "number"`
  if (counts.includes(keyword)) {
    if (typeof value !== "number" || !Number.isInteger(value)) return `${shown} is not of type "integer"`
    return value < 0 ? `${shown} is less than the minimum of 0` : undefined
  }
  if (texts.includes(keyword) && typeof value !== "string") return `${shown} is not of type "string"`
  if ((keyword === "required" || keyword === "enum") && !Array.isArray(value)) return `${shown} is not of type "array"`
  if (keyword !== "required" || !Array.isArray(value)) return undefined
  const other: unknown = value.find((name) => typeof name !== "string")
  return other === undefined ? undefined : `${JSON.stringify(other)} is not of type "string"`
}

const first = (values: ReadonlyArray<unknown>): string | undefined => {
  for (const value of values) {
    const found = misfit(value)
    if (found !== undefined) return found
  }
  return undefined
}

/**
 * Compiles a schema to a writer of texts, or throws `Refusal`, `Overflow` or the pattern's `Unsupported`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const compile = (root: Fields): Write => new Compiler(root).node(root, [root])

const ORDER = ["properties", "allOf", "anyOf", "oneOf", "prefixItems", "enum", "const", "$ref", "type"]

const count = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : undefined

const choose = <A>(items: ReadonlyArray<A>, random: Random): A | undefined => items[Math.floor(random() * items.length)]

const oneOf = (writers: ReadonlyArray<Write>): Write => (random) => choose(writers, random)?.(random) ?? ""

class Compiler {
  readonly #root: Fields

  constructor(root: Fields) {
    this.#root = root
  }

  node(schema: unknown, seen: ReadonlyArray<unknown>): Write {
    if (!isObject(schema)) return refuse(unsupported(schema))
    if (Object.keys(schema).length === 0) return anything(1)
    const keyword = ORDER.find((name) => Object.hasOwn(schema, name))
    switch (keyword) {
      case "properties":
        return this.#properties(schema, seen)
      case "allOf": {
        // TGI writes the members one behind the other
        const all = this.#all(schema.allOf, seen)
        return (random) => all.map((write) => write(random)).join("")
      }
      case "anyOf":
      case "oneOf":
        return oneOf(this.#all(schema[keyword], seen))
      case "prefixItems": {
        const items = this.#all(schema.prefixItems, seen)
        return (random) => `[${items.map((write) => write(random)).join(", ")}]`
      }
      case "enum":
        return oneOf((Array.isArray(schema.enum) ? schema.enum : []).map(scalar))
      case "const":
        return scalar(schema.const)
      case "$ref":
        return this.#reference(schema.$ref, seen)
      case "type":
        return this.#type(schema, seen)
      default:
        return refuse(unsupported(schema))
    }
  }

  #all(members: unknown, seen: ReadonlyArray<unknown>): ReadonlyArray<Write> {
    return (Array.isArray(members) ? members : []).map((member) => this.node(member, seen))
  }

  #reference(ref: unknown, seen: ReadonlyArray<unknown>): Write {
    const [base = "", pointer] = String(ref).split("#")
    if (pointer === undefined || (base !== "" && base !== this.#root.$id)) {
      return refuse(`External references are not supported: ${String(ref)}`)
    }
    let at: unknown = this.#root
    for (const part of pointer.split("/").filter((part) => part !== "")) {
      if (!isObject(at) || !Object.hasOwn(at, part)) return refuse(`Invalid reference path: ${part}`)
      at = at[part]
    }
    if (seen.includes(at)) throw new Overflow(String(ref))
    return this.node(at, [...seen, at])
  }

  #properties(schema: Fields, seen: ReadonlyArray<unknown>): Write {
    const required = Array.isArray(schema.required) ? schema.required : []
    const properties = Object.entries(isObject(schema.properties) ? schema.properties : {}).map(([name, value]) => ({
      // names are not escaped as JSON here, which is a mistake of the server
      key: `"${name}"`,
      write: this.node(value, seen),
      needed: required.includes(name)
    }))
    return (random) => {
      const present = properties.filter(({ needed }) => needed || random() < 0.7)
      return `{${present.map(({ key, write }) => `${key}: ${write(random)}`).join(", ")}}`
    }
  }

  #type(schema: Fields, seen: ReadonlyArray<unknown>): Write {
    switch (schema.type) {
      case "string":
        return text(schema)
      case "integer":
        return (random) => String(number(schema, random, 1))
      case "number":
        return (random) => String(number(schema, random, 0.5))
      case "boolean":
        return (random) => String(random() < 0.5)
      case "null":
        return () => "null"
      case "array":
        return this.#array(schema, seen)
      case "object":
        return this.#record(schema, seen)
      default:
        return refuse(typeof schema.type === "string" ? `Unsupported type: ${schema.type}` : "'type' must be a string")
    }
  }

  #array(schema: Fields, seen: ReadonlyArray<unknown>): Write {
    const low = count(schema.minItems) ?? 0
    const high = count(schema.maxItems)
    if (high === 0) return () => "[]"
    if (high !== undefined && high < low) throw new GrammarPattern.Unsupported("Repetition bounds are reversed")
    const item = Object.hasOwn(schema, "items") ? this.node(schema.items, seen) : anything(count(schema.depth) ?? 1)
    return (random) => {
      const length = low + Math.floor(random() * (Math.min(high ?? Infinity, Math.max(low, 1) + 2) - low + 1))
      return `[${Array.from({ length }, () => item(random)).join(", ")}]`
    }
  }

  #record(schema: Fields, seen: ReadonlyArray<unknown>): Write {
    const { additionalProperties: values } = schema
    if (schema.maxProperties === 0) return () => "{}"
    const value = values === undefined || values === true ? anything(count(schema.depth) ?? 1) : this.node(values, seen)
    const low = count(schema.minProperties) ?? 0
    return (random) => {
      const length = Math.max(low, Math.floor(random() * 3))
      return `{${
        Array.from({ length }, (_, index) =>
          `"${words[index % words.length]}${index < words.length ? "" : index}": ${value(random)}`).join(", ")
      }}`
    }
  }
}

const unsupported = (schema: unknown): string =>
  `Unsupported JSON Schema structure ${
    JSON.stringify(schema)
  } \nMake sure it is valid to the JSON Schema specification` +
  " and check if it's supported by Outlines.\nIf it should be supported, please open an issue."

const scalar = (value: unknown): Write => {
  if (typeof value === "object" && value !== null) {
    return refuse(`Unsupported data type in enum: ${JSON.stringify(value)}`)
  }
  return () => JSON.stringify(value)
}

const words = [
  "amber",
  "birch",
  "cedar",
  "delta",
  "ember",
  "fjord",
  "grove",
  "harbor",
  "iris",
  "juniper",
  "kestrel",
  "lark"
]

const phrase = (random: Random, length: number): string =>
  Array.from({ length }, () => choose(words, random) ?? "").join(" ")

/** Any value, to a depth: scalars, then lists and records of them. */
const anything = (depth: number): Write => (random) => {
  const kind = Math.floor(random() * (depth > 0 ? 5 : 4))
  if (kind === 0) return JSON.stringify(phrase(random, 1))
  if (kind === 1) return String(Math.floor(random() * 100))
  if (kind === 2) return String(random() < 0.5)
  return kind === 3 ? "null" : `[${anything(depth - 1)(random)}]`
}

/** The languages that TGI gives to formats; it writes no offsets and no lower limits on days. */
const formats: Readonly<Record<string, string>> = {
  "date-time":
    "20[0-2][0-9]-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])T(?:0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z",
  "date": "20[0-2][0-9]-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])",
  "time": "(?:0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z",
  "uuid": "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
}

const text = (schema: Fields): Write => {
  const low = count(schema.minLength)
  const high = count(schema.maxLength)
  if (low !== undefined || high !== undefined) {
    if (high !== undefined && high < (low ?? 0)) return refuse("maxLength must be greater than or equal to minLength")
    return (random) => {
      let out = phrase(random, 2)
      while (out.length < (low ?? 0)) out += ` ${phrase(random, 2)}`
      return `"${high === undefined ? out : out.slice(0, high)}"`
    }
  }
  if (typeof schema.pattern === "string") {
    const { pattern } = schema
    const bare = pattern.startsWith("^") && pattern.endsWith("$") ? pattern.slice(1, -1) : pattern
    return GrammarPattern.read(`"${bare}"`).write
  }
  if (typeof schema.format === "string") {
    const format = formats[schema.format]
    return format === undefined
      ? refuse(`Format ${schema.format} is not supported by Outlines`)
      : GrammarPattern.read(`"${format}"`).write
  }
  return (random) => `"${phrase(random, 1 + Math.floor(random() * 2))}"`
}

/** A small number inside the bounds, which the server would not enforce. */
const number = (schema: Fields, random: Random, step: number): number => {
  const bound = (inclusive: unknown, exclusive: unknown, direction: 1 | -1): number | undefined => {
    const grid = (value: number) => direction * Math.ceil((direction * value) / unit) * unit
    if (typeof exclusive === "number") {
      return grid(exclusive) === exclusive
        ? exclusive + direction * unit
        : grid(exclusive)
    }
    return typeof inclusive === "number" ? grid(inclusive) : undefined
  }
  const unit = typeof schema.multipleOf === "number" && schema.multipleOf > 0 ? schema.multipleOf : step
  const low = bound(schema.minimum, schema.exclusiveMinimum, 1)
  const high = bound(schema.maximum, schema.exclusiveMaximum, -1)
  const from = low ?? Math.min(0, high ?? 0)
  const steps = Math.max(0, Math.min(100, Math.floor(((high ?? Infinity) - from) / unit)))
  const drawn = from + Math.floor(random() * (steps + 1)) * unit
  // JavaScript writes large and small numbers with an exponent that the server spells differently
  return Math.abs(drawn) < 1e15 ? Number(drawn.toFixed(6)) : 0
}
