/** Iteration and length, as with `iter()` and `len()`. */
import { fail } from "./Failure.ts"
import type { Machine } from "./Machine.ts"
import { codePoints, textLength, typeName } from "./Text.ts"
import { Dict, DictView, isList, Iter, Loop, Markup, Range, Tuple, Undefined, type Value } from "./Value.ts"

const rangeItems = (machine: Machine, range: Range): ReadonlyArray<Value> => {
  machine.spend(range.length >> 2)
  const items: Array<Value> = []
  for (let index = 0; index < range.length; index++) items.push(range.at(index))
  return items
}

/** The items of anything with a length, at once; `undefined` for what must be pulled or cannot be iterated. */
export const arrayOf = (machine: Machine, value: Value): ReadonlyArray<Value> | undefined => {
  if (isList(value)) return value
  if (value instanceof Tuple) return value.items
  if (value instanceof Dict) {
    machine.spend(value.size)
    return value.keys()
  }
  if (value instanceof DictView) {
    machine.spend(value.dict.size)
    return value.items()
  }
  if (value instanceof Undefined) return []
  if (typeof value === "string" || value instanceof Markup) {
    const text = typeof value === "string" ? value : value.text
    machine.chars(text.length)
    return codePoints(text)
  }
  return value instanceof Range ? rangeItems(machine, value) : undefined
}

export const isIterable = (value: Value): boolean =>
  typeof value === "string" || isList(value) || value instanceof Tuple || value instanceof Dict
  || value instanceof DictView || value instanceof Undefined || value instanceof Markup || value instanceof Range
  || value instanceof Iter || value instanceof Loop

function* steps(loop: Loop): Generator<Value> {
  while (loop.advance()) yield new Tuple([loop.current ?? null, loop])
}

export const iterator = (machine: Machine, value: Value): Iterator<Value> => {
  const items = arrayOf(machine, value)
  if (items !== undefined) return items[Symbol.iterator]()
  if (value instanceof Iter) return value.source
  if (value instanceof Loop) return steps(value)
  return fail(`'${typeName(value)}' object is not iterable`)
}

/** Pulls one by one and pays for each; a consumer that stops early leaves the rest for the next one. */
export function* iterate(machine: Machine, value: Value): Generator<Value> {
  const source = iterator(machine, value)
  for (let step = source.next(); step.done !== true; step = source.next()) {
    machine.spend(1)
    yield step.value
  }
}

/** `list(value)`. */
export const listOf = (machine: Machine, value: Value): Array<Value> => {
  const known = arrayOf(machine, value)
  if (known !== undefined) {
    machine.items(known.length)
    return [...known]
  }
  const items: Array<Value> = []
  for (const item of iterate(machine, value)) {
    items.push(item)
    if (items.length > machine.limits.items) machine.items(items.length)
  }
  return items
}

const paidLength = (machine: Machine, text: string): number => {
  machine.spend(text.length >> 4)
  const length = textLength(text)
  if (length !== text.length) machine.chars(text.length)
  return length
}

export const lengthOf = (machine: Machine, value: Value): number | undefined => {
  if (isList(value)) return value.length
  if (typeof value === "string") return paidLength(machine, value)
  if (value instanceof Dict) return value.size
  if (value instanceof Tuple) return value.items.length
  if (value instanceof Undefined) return 0
  if (value instanceof Markup) return paidLength(machine, value.text)
  if (value instanceof DictView) return value.dict.size
  if (value instanceof Range || value instanceof Loop) return value.length
  return undefined
}

/** `len(value)`. */
export const length = (machine: Machine, value: Value): number =>
  lengthOf(machine, value) ?? fail(`object of type '${typeName(value)}' has no len()`)
