/** Python's truth, equality, order, membership and hashing. */
import { fail } from "./Failure.ts"
import { iterate } from "./Iterate.ts"
import type { Machine } from "./Machine.ts"
import { describe, floatText, quote, repr, typeName } from "./Text.ts"
import {
  Dict,
  DictView,
  Float,
  isList,
  type Key,
  Markup,
  Namespace,
  Range,
  stringKey,
  Tuple,
  Undefined,
  type Value
} from "./Value.ts"

export const truthy = (value: Value): boolean => {
  switch (typeof value) {
    case "boolean":
      return value
    case "string":
      return value !== ""
    case "number":
      return value !== 0
    case "bigint":
      return value !== 0n
  }
  if (value === null || value instanceof Undefined) return false
  if (isList(value)) return value.length > 0
  if (value instanceof Dict) return value.size > 0
  if (value instanceof Tuple) return value.items.length > 0
  if (value instanceof Float) return value.value !== 0
  if (value instanceof Markup) return value.text !== ""
  if (value instanceof DictView) return value.dict.size > 0
  if (value instanceof Range) return value.length > 0
  return true
}

/** The text of a str or Markup, else `undefined`. */
export const textOf = (value: Value): string | undefined =>
  typeof value === "string" ? value : value instanceof Markup ? value.text : undefined

/** The number behind an int, a bool or a float, else `undefined`. Exact: a bigint stays one. */
export const numberOf = (value: Value): number | bigint | undefined =>
  typeof value === "number" || typeof value === "bigint"
    ? value
    : typeof value === "boolean"
    ? Number(value)
    : value instanceof Float
    ? value.value
    : undefined

const arraysEqual = (machine: Machine, a: ReadonlyArray<Value>, b: ReadonlyArray<Value>): boolean => {
  if (a.length !== b.length) return false
  machine.enter(1)
  let equal = true
  for (let i = 0; equal && i < a.length; i++) equal = same(machine, a[i] ?? null, b[i] ?? null)
  machine.leave(1)
  return equal
}

/** Equality inside containers: identical or equal, so that a NaN is found in the list that holds it. */
const same = (machine: Machine, a: Value, b: Value): boolean => a === b || equal(machine, a, b)

const dictsEqual = (machine: Machine, a: Dict, b: Dict): boolean => {
  if (a.size !== b.size) return false
  machine.enter(1)
  let equal = true
  for (const [key, value] of a.entries) {
    const other = b.get(key)
    if (other === undefined || !same(machine, value, other)) {
      equal = false
      break
    }
  }
  machine.leave(1)
  return equal
}

export const equal = (machine: Machine, a: Value, b: Value): boolean => {
  machine.spend(1)
  if (a instanceof Undefined || b instanceof Undefined) return a instanceof Undefined && b instanceof Undefined
  const text = textOf(a)
  if (text !== undefined) {
    const other = textOf(b)
    if (other !== undefined && text.length === other.length) machine.spend(text.length >> 5)
    return text === other
  }
  const number = numberOf(a)
  if (number !== undefined) {
    const other = numberOf(b)
    // loose equality compares a number and a bigint by value
    return other !== undefined && number == other
  }
  if (isList(a)) return isList(b) && arraysEqual(machine, a, b)
  if (a instanceof Dict) return b instanceof Dict && dictsEqual(machine, a, b)
  if (a instanceof Tuple) return b instanceof Tuple && arraysEqual(machine, a.items, b.items)
  if (a instanceof Range) {
    return b instanceof Range && a.length === b.length
      && (a.length === 0 || (a.start === b.start && (a.length === 1 || a.step === b.step)))
  }
  if (a instanceof DictView && b instanceof DictView && a.kind !== "values" && a.kind === b.kind) {
    return a.dict.size === b.dict.size && a.items().every((item) => contains(machine, b, item))
  }
  return a === b
}

const compareTexts = (a: string, b: string): number => {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    let x = a.charCodeAt(i)
    let y = b.charCodeAt(i)
    if (x === y) continue
    // surrogates sort above the rest of the basic plane, as code points do
    if (x >= 0xd800 && y >= 0xd800) {
      x = x >= 0xe000 ? x - 0x800 : x + 0x2000
      y = y >= 0xe000 ? y - 0x800 : y + 0x2000
    }
    return x - y
  }
  return a.length - b.length
}

const signs = { "<": -1, "<=": -1, ">": 1, ">=": 1 } as const
export type Order = keyof typeof signs
const holds = (operator: Order, difference: number): boolean =>
  difference === 0 ? operator.length === 2 : Math.sign(difference) === signs[operator]

const unordered = (operator: Order, a: Value, b: Value): never =>
  fail(`'${operator}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`)

const orderSequences = (
  machine: Machine,
  operator: Order,
  a: ReadonlyArray<Value>,
  b: ReadonlyArray<Value>
): boolean => {
  machine.enter(1)
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a[i] ?? null
    const y = b[i] ?? null
    if (same(machine, x, y)) continue
    const result = order(machine, operator, x, y)
    machine.leave(1)
    return result
  }
  machine.leave(1)
  return holds(operator, a.length - b.length)
}

export const order = (machine: Machine, operator: Order, a: Value, b: Value): boolean => {
  if (typeof a === "number" && typeof b === "number") return holds(operator, a - b)
  if (a instanceof Undefined) return fail(a.message)
  if (b instanceof Undefined) return fail(b.message)
  const text = textOf(a)
  if (text !== undefined) {
    const other = textOf(b)
    if (other === undefined) return unordered(operator, a, b)
    machine.spend(1 + (Math.min(text.length, other.length) >> 6))
    return holds(operator, compareTexts(text, other))
  }
  const number = numberOf(a)
  if (number !== undefined) {
    const other = numberOf(b)
    if (other === undefined) return unordered(operator, a, b)
    return number == other
      ? operator.length === 2
      : number < other
      ? signs[operator] < 0
      : number > other && signs[operator] > 0
  }
  if (isList(a) && isList(b)) return orderSequences(machine, operator, a, b)
  if (a instanceof Tuple && b instanceof Tuple) return orderSequences(machine, operator, a.items, b.items)
  return unordered(operator, a, b)
}

/** `sorted`: stable, by `<` alone, raising where Python raises. */
export const sorted = (
  machine: Machine,
  items: ReadonlyArray<Value>,
  keyFor: (item: Value) => Value,
  reverse: boolean
): Array<Value> => {
  const keyed = items.map((item) => ({ item, key: keyFor(item) }))
  const compare = (a: Value, b: Value): number => order(machine, "<", a, b) ? -1 : order(machine, "<", b, a) ? 1 : 0
  keyed.sort((a, b) => {
    machine.spend(1)
    return reverse ? compare(b.key, a.key) : compare(a.key, b.key)
  })
  return keyed.map((entry) => entry.item)
}

export const contains = (machine: Machine, container: Value, item: Value): boolean => {
  const text = textOf(container)
  if (text !== undefined) {
    const part = textOf(item)
    if (part === undefined) {
      if (item instanceof Undefined) return fail(`'in <string>' requires string as left operand, not Undefined`)
      return fail(`'in <string>' requires string as left operand, not ${typeName(item)}`)
    }
    machine.spend(1 + (text.length >> 4))
    return text.includes(part)
  }
  if (container instanceof Dict) return container.get(keyOf(machine, item)) !== undefined
  if (container instanceof DictView && container.kind === "keys") {
    return container.dict.get(keyOf(machine, item)) !== undefined
  }
  if (container === null || typeof container !== "object" || container instanceof Float) {
    return fail(`argument of type '${typeName(container)}' is not iterable`)
  }
  if (isList(container)) {
    for (const entry of container) if (same(machine, entry, item)) return true
    return false
  }
  for (const entry of iterate(machine, container)) if (same(machine, entry, item)) return true
  return false
}

/** The Map key of a Python key; raises for what cannot be hashed. */
export const keyOf = (machine: Machine, value: Value): Key => {
  if (typeof value === "string") return stringKey(value)
  if (typeof value === "number" || typeof value === "bigint" || value === null) return value
  if (typeof value === "boolean") return value ? 1 : 0
  if (value instanceof Float) {
    return Number.isInteger(value.value) && !Number.isSafeInteger(value.value) ? BigInt(value.value) : value.value
  }
  if (value instanceof Markup) return stringKey(value.text)
  if (value instanceof Tuple) {
    machine.enter(1)
    let key = "\0t"
    for (const item of value.items) {
      const part = keyOf(machine, item)
      machine.text(key.length)
      const text = typeof part === "object" && part !== null ? repr(machine, item) : String(part)
      key += `${typeof part}${text.length}:${text}`
    }
    machine.leave(1)
    return key
  }
  if (value instanceof Undefined) return undefinedKey
  if (isList(value) || value instanceof Dict || value instanceof Namespace || value instanceof DictView) {
    return fail(`unhashable type: '${typeName(value)}'`)
  }
  return value
}

/** Every undefined value hashes alike, as they are all equal. */
const undefinedKey = { undefined: true }

/** The value under a key, or an undefined one that says what was missing where. */
export const missing = (machine: Machine, container: Value, key: Value): Undefined =>
  new Undefined(() =>
    typeof key === "string"
      ? `'${describe(container)}' has no attribute ${quote(key)}`
      : `${describe(container)} has no element ${key instanceof Float ? floatText(key.value) : repr(machine, key)}`
  )
