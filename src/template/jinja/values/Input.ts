/** Plain JavaScript values to Python's, by the rule of JSON text: what `json.loads(JSON.stringify(value))` would give, losing nothing on the way. */
import { Failure } from "./Failure.ts"
import { parse } from "./Json.ts"
import {
  Callable,
  Cycler,
  Dict,
  DictView,
  Float,
  Iter,
  Loop,
  Markup,
  Namespace,
  Range,
  stringKey,
  Tuple,
  Undefined,
  type Value
} from "./Value.ts"

/** Nesting of a value given to a template, in levels; it also ends a value that contains itself. */
const maxDepth = 500

const classes = [Dict, Float, Markup, Tuple, DictView, Range, Iter, Undefined, Namespace, Cycler, Callable, Loop]
const isEngineValue = (
  value: object
): value is Exclude<Value, null | boolean | number | bigint | string | ReadonlyArray<Value>> =>
  classes.some((type) => value instanceof type)

/** The path from the root to the current value: its name, then a key or an index for each level. */
type Trail = Array<string | number>

/** Levels of a trail that are shown. */
const shownDepth = 8

const refuse = (trail: Trail, depth: number, what: string): never => {
  const [root, ...steps] = trail.slice(0, Math.min(depth, shownDepth) + 1)
  const path = `${root}${steps.map((step) => typeof step === "number" ? `[${step}]` : `.${step}`).join("")}`
  throw new Failure("InvalidInput", `${path} is ${what}, which has no JSON form`)
}

/**
 * A whole number is an int, even above 2^53, until JSON would write it with an exponent (from 1e21 on): then, and with a
 * fraction, it is a float. For a float that is whole, pass a `Float` or JSON text.
 */
const fromNumber = (value: number): Value => {
  if (Number.isSafeInteger(value)) return value + 0
  return Number.isInteger(value) && Math.abs(value) < 1e21 ? BigInt(value) : new Float(value)
}

const fromBigInt = (value: bigint): Value => Number.isSafeInteger(Number(value)) ? Number(value) : value

// `JSON.isRawJSON` is not in TypeScript's library yet; a runtime without it makes no such values
const { isRawJSON } = JSON as { readonly isRawJSON?: (value: unknown) => boolean }

/** A number with its digits, from `JSON.rawJSON`. */
const isRawJson = (value: object): value is { readonly rawJSON: string } => isRawJSON?.(value) === true

const fromList = (list: ReadonlyArray<unknown>, trail: Trail, depth: number): Value => {
  const items: Array<Value> = []
  for (let i = 0; i < list.length; i++) {
    const item = list[i]
    trail[depth + 1] = i
    items.push(typeof item === "string" ? item : item === undefined ? null : convert(item, trail, depth + 1))
  }
  return items
}

/** An object whose keys are all there and are all their own Map keys; `undefined` for another one. */
const fromRecord = (record: Readonly<Record<string, unknown>>, trail: Trail, depth: number): Value | undefined => {
  const names = Object.keys(record)
  const values: Array<Value> = []
  for (let i = 0; i < names.length; i++) {
    const name = names[i] ?? ""
    const item = record[name]
    if (item === undefined || name.charCodeAt(0) === 0) return undefined
    trail[depth + 1] = name
    values.push(typeof item === "string" ? item : convert(item, trail, depth + 1))
  }
  return Dict.fromNames(names, values)
}

const isPlain = (value: object): value is Readonly<Record<string, unknown>> =>
  Object.getPrototypeOf(value) === Object.prototype

const fromObject = (value: object, trail: Trail, depth: number): Value => {
  if (depth > maxDepth) return refuse(trail, depth, `nested deeper than ${maxDepth} levels`)
  if (Array.isArray(value)) return fromList(value, trail, depth)
  // most values are plain objects, which need none of the tests for the others
  if (isPlain(value)) {
    const dict = fromRecord(value, trail, depth)
    if (dict !== undefined) return dict
  } else {
    if (isEngineValue(value)) return value
    if (isRawJson(value)) return convert(parse(value.rawJSON), trail, depth)
    if ("toJSON" in value && typeof value.toJSON === "function") return convert(value.toJSON(), trail, depth)
    // as transformers does with images and arrays: a template asks whether they are there, and never what they hold
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer || value instanceof Blob) {
      return `<${value.constructor.name}>`
    }
  }
  const entries: Iterable<readonly [unknown, unknown]> = value instanceof Map ? value : Object.entries(value)
  const dict = new Dict()
  for (const [key, item] of entries) {
    if (item === undefined) continue
    const name = String(key)
    trail[depth + 1] = name
    dict.set(stringKey(name), name, convert(item, trail, depth + 1))
  }
  return dict
}

const convert = (value: unknown, trail: Trail, depth: number): Value => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value
    case "number":
      return fromNumber(value)
    case "bigint":
      return fromBigInt(value)
    case "object":
      return value === null ? null : fromObject(value, trail, depth)
    default:
      return refuse(trail, depth, `a ${typeof value}`)
  }
}

/** Converts a value; keys whose value is `undefined` are left out. Throws a `Failure` of kind InvalidInput that names the place. */
export const fromUnknown = (value: unknown, name: string): Value => convert(value, [name], 0)
