/**
 * Texts of scalars: words, small numbers, and texts of patterns and formats.
 *
 * @since 0.1.0
 */
import type { Random } from "../wire/Random.ts"
import type { Fields } from "./GrammarMetaSchema.ts"
import * as GrammarPattern from "./GrammarPattern.ts"

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
 * Writes one text of the language.
 *
 * @category models
 * @since 0.1.0
 */
export type Write = (random: Random) => string

/** Ends the compilation with the server's message. @since 0.1.0 */
export const refuse = (message: string): never => {
  throw new Refusal("cannot compile regex from schema", message)
}

/** One of the items, if there are any. @since 0.1.0 */
export const choose = <A>(items: ReadonlyArray<A>, random: Random): A | undefined =>
  items[Math.floor(random() * items.length)]

/** A bound as the server reads it: anything but an integer counts as absent. @since 0.1.0 */
export const count = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : undefined

/** Readable material. @since 0.1.0 */
export const words = [
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
export const anything = (depth: number): Write => (random) => {
  const kind = Math.floor(random() * (depth > 0 ? 5 : 4))
  if (kind === 0) return JSON.stringify(phrase(random, 1))
  if (kind === 1) return String(Math.floor(random() * 100))
  if (kind === 2) return String(random() < 0.5)
  return kind === 3 ? "null" : `[${anything(depth - 1)(random)}]`
}

/** What TGI accepts for each format; there are no UTC offsets, and days have no lower limit. */
const formats: Readonly<Record<string, string>> = {
  "date-time":
    "20[0-2][0-9]-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])T(?:0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z",
  "date": "20[0-2][0-9]-(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])",
  "time": "(?:0[0-9]|1[0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z",
  "uuid": "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
}

/**
 * A JSON string that fits the schema's lengths, pattern or format: the server reads the first of these.
 *
 * @since 0.1.0
 */
export const text = (schema: Fields): Write => {
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
export const number = (schema: Fields, random: Random, step: number): number => {
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
