/** Plain JavaScript values to Python's, by the rule of JSON text: what `json.loads(JSON.stringify(value))` would give, losing nothing on the way. */
import { Failure } from "./Failure.ts"
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

const refuse = (path: string, what: string): never => {
  throw new Failure("InvalidInput", `${path} is ${what}, which has no JSON form`)
}

/**
 * A whole number is an int, even above 2^53, until JSON would write it with an exponent (from 1e21 on): then, and with a
 * fraction, it is a float. For a float that is whole, give a `Float` or JSON text.
 */
const fromNumber = (value: number): Value => {
  if (Number.isSafeInteger(value)) return value + 0
  return Number.isInteger(value) && Math.abs(value) < 1e21 ? BigInt(value) : new Float(value)
}

const fromBigInt = (value: bigint): Value => Number.isSafeInteger(Number(value)) ? Number(value) : value

const fromObject = (value: object, path: string, depth: number): Value => {
  if (depth > maxDepth) return refuse(path, `nested deeper than ${maxDepth} levels`)
  if (Array.isArray(value)) {
    return value.map((item: unknown, index) =>
      convert(item === undefined ? null : item, `${path}[${index}]`, depth + 1)
    )
  }
  // most values are plain objects, which need none of the tests for the others
  if (Object.getPrototypeOf(value) !== Object.prototype) {
    if (isEngineValue(value)) return value
    if (value instanceof Date) return convert(value.toJSON(), path, depth)
  }
  const entries: Iterable<readonly [unknown, unknown]> = value instanceof Map ? value : Object.entries(value)
  const dict = new Dict()
  for (const [key, item] of entries) {
    if (item === undefined) continue
    const name = String(key)
    dict.set(stringKey(name), name, convert(item, depth < 8 ? `${path}.${name}` : path, depth + 1))
  }
  return dict
}

const convert = (value: unknown, path: string, depth: number): Value => {
  switch (typeof value) {
    case "string":
    case "boolean":
      return value
    case "number":
      return fromNumber(value)
    case "bigint":
      return fromBigInt(value)
    case "object":
      return value === null ? null : fromObject(value, path, depth)
    default:
      return refuse(path, `a ${typeof value}`)
  }
}

/** Converts a value; keys whose value is `undefined` are left out. Throws a `Failure` of kind InvalidInput that names the place. */
export const fromUnknown = (value: unknown, name: string): Value => convert(value, name, 0)
