/**
 * Values of rows ⇄ values of Parquet's libraries.
 *
 * In a row, a value is that of a line of JSON: instants, days, times of day and decimals are text with all of their
 * digits. Two kinds are not JSON: integers beyond 2^53 are bigint, and binary is a Uint8Array.
 *
 * @since 0.2.0
 */
import type { Feature, Features } from "../features/Features.ts"
import * as Temporal from "../features/Temporal.ts"
import * as ParquetSchema from "./ParquetSchema.ts"

/**
 * A value that does not fit its column. Thrown inside of this folder and caught there, since a Result per value would cost
 * more than the values.
 *
 * @category errors
 * @since 0.2.0
 */
export class Misfit extends Error {
  /** Where in the row: `messages[0].role`. */
  path: string = ""
}

/** Converts one value that is not null. */
type Convert = (value: unknown) => unknown

const shown = (value: unknown): string => {
  const text = typeof value === "bigint" ? `${value}n` : JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

const misfit = (expected: string, value: unknown): never => {
  throw new Misfit(`expected ${expected}, got ${shown(value)}`)
}

const at = (step: string, convert: Convert, value: unknown): unknown => {
  if (value === null || value === undefined) return value
  try {
    return convert(value)
  } catch (error) {
    if (error instanceof Misfit) error.path = step + error.path
    throw error
  }
}

const INTEGERS: Readonly<Record<string, readonly [min: bigint, max: bigint]>> = Object.fromEntries(
  [8, 16, 32, 64].flatMap((bits) => [
    [`int${bits}`, [-(2n ** BigInt(bits - 1)), 2n ** BigInt(bits - 1) - 1n] as const],
    [`uint${bits}`, [0n, 2n ** BigInt(bits) - 1n] as const]
  ])
)

const writeInteger = (dtype: string, [min, max]: readonly [bigint, bigint]): Convert => (value) => {
  const exact = typeof value === "bigint"
    ? value
    : typeof value === "number" && Number.isInteger(value)
    ? BigInt(value)
    : typeof value === "string" && /^-?\d{1,20}$/.test(value)
    ? BigInt(value)
    : misfit(`an integer (${dtype})`, value)
  if (exact < min || exact > max) misfit(`an integer of ${dtype}`, value)
  return dtype.endsWith("64") ? exact : Number(exact)
}

const or = <A>(expected: string, value: unknown, found: A | undefined): A => found ?? misfit(expected, value)

const writeNumber: Convert = (value) =>
  typeof value === "number" ? value : typeof value === "bigint" ? Number(value) : misfit("a number", value)

const writeText: Convert = (value) => typeof value === "string" ? value : misfit("a string", value)

const writeBinary: Convert = (value) =>
  value instanceof Uint8Array ? value : typeof value === "string" ? fromBase64(value) : misfit("bytes", value)

const fromBase64 = (text: string): Uint8Array => {
  try {
    return Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
  } catch {
    return misfit("bytes, or base64", text)
  }
}

const writePlain = (dtype: string): Convert => {
  const integer = INTEGERS[dtype]
  if (integer !== undefined) return writeInteger(dtype, integer)
  const decimal = ParquetSchema.decimalOf(dtype)
  if (decimal !== undefined) {
    return (value) => or(`a decimal with ${decimal.scale} digits`, value, Temporal.decimal(value, decimal.scale))
  }
  // Parquet has no seconds: they are stored as milliseconds
  const unit = Temporal.unitOf(dtype) === "s" ? "ms" : Temporal.unitOf(dtype)
  if (dtype.startsWith("timestamp[")) {
    return (value) => or(`an instant (${dtype})`, value, Temporal.instant(value, unit))
  }
  if (/^time(32|64)\[/.test(dtype)) {
    return (value) => {
      const time = or(`a time of day (${dtype})`, value, Temporal.time(value, unit))
      return unit === "ms" ? Number(time) : time
    }
  }
  if (dtype.startsWith("date")) return (value) => or("a day", value, Temporal.day(value))
  if (dtype === "bool") return (value) => typeof value === "boolean" ? value : misfit("true or false", value)
  if (dtype.startsWith("float") || dtype === "double") return writeNumber
  return dtype.includes("binary") ? writeBinary : writeText
}

const encoder = new TextEncoder()

/**
 * JSON text with the digits of bigints.
 *
 * @category encoding
 * @since 0.2.0
 */
export const jsonText = (value: unknown): string =>
  JSON.stringify(value, (_, item: unknown) => {
    if (typeof item === "bigint") return rawJson(item)
    return typeof item === "number" && !Number.isFinite(item) ? misfit("a finite number", item) : item
  })

/** A number as its digits, if the platform can (Node 21 and later, Bun, Deno); else as the nearest double. */
const rawJson = (value: bigint): unknown => {
  const raw = "rawJSON" in JSON && typeof JSON.rawJSON === "function" ? JSON.rawJSON : undefined
  return raw === undefined ? Number(value) : Reflect.apply(raw, JSON, [String(value)])
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const writeList = ({ feature, length }: Extract<Feature, { _tag: "List" }>): Convert => {
  const item = write(feature)
  return (value) => {
    if (!Array.isArray(value)) return misfit("a list", value)
    if (length !== undefined && value.length !== length) misfit(`a list of ${length}`, value)
    return value.map((element, index) => at(`[${index}]`, item, element))
  }
}

const writeStruct = (fields: Features): Convert => {
  const writers = fields.map(({ feature, name }) => [name, write(feature)] as const)
  const known = new Set(fields.map(({ name }) => name))
  return (value) => {
    if (!isObject(value)) return misfit("an object", value)
    for (const name of Object.keys(value)) {
      if (!known.has(name)) throw new Misfit(`the columns do not name the field ${JSON.stringify(name)}`)
    }
    return Object.fromEntries(writers.map(([name, convert]) => [name, at(`.${name}`, convert, value[name])]))
  }
}

/**
 * A value of a row → what is stored; throws a `Misfit`.
 *
 * @category encoding
 * @since 0.2.0
 */
export const write = (feature: Feature): Convert => {
  switch (feature._tag) {
    case "Value":
      return writePlain(feature.dtype)
    case "ClassLabel": {
      const ids = new Map(feature.names.map((name, id) => [name, BigInt(id)]))
      return (value) =>
        typeof value === "string"
          ? or(`one of ${feature.names.join(", ")}`, value, ids.get(value))
          : typeof value === "number" && (value === -1 || feature.names[value] !== undefined)
          ? BigInt(value)
          : misfit(`one of ${feature.names.join(", ")}`, value)
    }
    case "List":
      return writeList(feature)
    case "Struct":
      return writeStruct(feature.fields)
    case "Json":
      return (value) => encoder.encode(jsonText(value))
    case "Other":
      return (value) => value
  }
}

/**
 * A row's value of a column → what is stored, null included; throws a `Misfit` that knows its path.
 *
 * @category encoding
 * @since 0.2.0
 */
export const writeColumn = (name: string, feature: Feature): Convert => {
  const convert = write(feature)
  return (value) => at(name, convert, value)
}

const decoder = new TextDecoder()

const readDecimal = (value: unknown, scale: number): unknown => {
  if (typeof value === "bigint" || typeof value === "number") return Temporal.decimalText(BigInt(value), scale)
  if (!(value instanceof Uint8Array)) return value
  const unsigned = value.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
  return Temporal.decimalText(BigInt.asIntN(value.length * 8, unsigned), scale)
}

const readPlain = (dtype: string): Convert | undefined => {
  if (dtype === "int64" || dtype === "uint64") {
    return (value) =>
      typeof value === "bigint" && value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : value
  }
  const decimal = ParquetSchema.decimalOf(dtype)
  if (decimal !== undefined) return (value) => readDecimal(value, decimal.scale)
  if (/^time(32|64)\[/.test(dtype)) {
    const unit = Temporal.unitOf(dtype)
    return (value) =>
      typeof value === "bigint" || typeof value === "number" ? Temporal.timeText(BigInt(value), unit) : value
  }
  if (dtype.startsWith("timestamp[") && !dtype.includes("tz=")) {
    return (value) => typeof value === "string" ? value.replace(/Z$/, "") : value
  }
  return undefined
}

const readList = (item: Convert | undefined): Convert | undefined =>
  item === undefined
    ? undefined
    : (value) => Array.isArray(value) ? value.map((element) => element === null ? element : item(element)) : value

/** A missing value of the libraries is null. */
const orNull = (convert: Convert | undefined): Convert => (value) =>
  value === undefined || value === null ? null : convert === undefined ? value : convert(value)

const readStruct = (fields: Features): Convert => {
  const readers = fields.map(({ feature, name }) => [name, orNull(read(feature))] as const)
  return (value) =>
    isObject(value) ? Object.fromEntries(readers.map(([name, convert]) => [name, convert(value[name])])) : value
}

/** A stored value → a value of a row; undefined if no conversion is needed. */
const read = (feature: Feature): Convert | undefined => {
  switch (feature._tag) {
    case "Value":
      return readPlain(feature.dtype)
    case "ClassLabel":
      return readPlain("int64")
    case "List":
      return readList(orNull(read(feature.feature)))
    case "Struct":
      return readStruct(feature.fields)
    case "Json":
      return (value) =>
        value instanceof Uint8Array
          ? JSON.parse(decoder.decode(value))
          : typeof value === "string"
          ? JSON.parse(value)
          : value
    case "Other":
      return undefined
  }
}

/**
 * A stored value of a column → the row's value, with null for missing ones.
 *
 * @category decoding
 * @since 0.2.0
 */
export const readColumn = (feature: Feature): Convert => orNull(read(feature))
