/** Filters over lists, mappings and other iterables. Those that Python writes as generators are lazy here too. */
import { add } from "../methods/Arithmetic.ts"
import { attributeOnly, getitem } from "../methods/Attribute.ts"
import * as Argument from "../values/Argument.ts"
import { equal, keyOf, order, sorted, textOf, truthy } from "../values/Compare.ts"
import { fail } from "../values/Failure.ts"
import { arrayOf, iterate, length, listOf } from "../values/Iterate.ts"
import type { Machine } from "../values/Machine.ts"
import { at } from "../values/Slice.ts"
import { codePoints, str, typeName } from "../values/Text.ts"
import { Dict, GroupTuple, Iter, type Key, Markup, Tuple, Undefined, type Value } from "../values/Value.ts"

export type Getter = (item: Value) => Value

/** `"a.0.b"` is a path of keys and indices; None is the item itself. */
const pathOf = (attribute: Value): ReadonlyArray<Value> => {
  if (attribute === null) return []
  const text = textOf(attribute)
  return text === undefined ? [attribute] : text.split(".").map((part) => /^\d+$/.test(part) ? Number(part) : part)
}

const follow = (machine: Machine, item: Value, path: ReadonlyArray<Value>, fallback: Value): Value => {
  let value = item
  for (const part of path) {
    value = getitem(machine, value, part)
    if (fallback !== null && value instanceof Undefined) value = fallback
  }
  return value
}

export const attributeGetter = (machine: Machine, attribute: Value, fallback: Value = null): Getter => {
  const path = pathOf(attribute)
  return path.length === 0 ? (item) => item : (item) => follow(machine, item, path, fallback)
}

const ignoreCase = (value: Value): Value =>
  typeof value === "string" ? value.toLowerCase() : value instanceof Markup ? value.text.toLowerCase() : value

/** The key to compare by: an attribute, in lower case unless the template asks for case. */
const keyGetter = (machine: Machine, attribute: Value, caseSensitive: Value, fallback: Value = null): Getter => {
  const get = attributeGetter(machine, attribute, fallback)
  return truthy(caseSensitive) ? get : (item) => ignoreCase(get(item))
}

const sort = (
  machine: Machine,
  value: Value,
  [reverse = false, caseSensitive = false, attribute = null]: Argument.Bound
): Value => {
  const text = textOf(attribute)
  const getters = (text === undefined ? [attribute] : text.split(",")).map((one) =>
    keyGetter(machine, one, caseSensitive)
  )
  const [first = (item: Value) => item] = getters
  const key: Getter = getters.length === 1 ? (item) => [first(item)] : (item) => getters.map((get) => get(item))
  return sorted(machine, listOf(machine, value), key, truthy(reverse))
}

const dictSort = (
  machine: Machine,
  value: Value,
  [caseSensitive = false, by = "key", reverse = false]: Argument.Bound
): Value => {
  const position = by === "key" ? 0 : by === "value" ? 1 : fail("You can only sort by either \"key\" or \"value\"")
  if (value instanceof Undefined) return fail(value.message)
  if (!(value instanceof Dict)) return fail(`'${typeName(value)}' object has no attribute 'items'`)
  const pairs = Array.from(value.pairs(), (pair) => new Tuple(pair))
  machine.items(pairs.length)
  const key: Getter = (pair) => {
    const part = pair instanceof Tuple ? pair.items[position] ?? null : null
    return truthy(caseSensitive) ? part : ignoreCase(part)
  }
  return sorted(machine, pairs, key, truthy(reverse))
}

function* distinct(machine: Machine, value: Value, key: Getter): Generator<Value> {
  const seen = new Set<Key>()
  for (const item of iterate(machine, value)) {
    const mark = keyOf(machine, key(item))
    machine.spend(4)
    if (seen.has(mark)) continue
    seen.add(mark)
    yield item
  }
}

const extreme = (operator: "<" | ">") =>
(
  machine: Machine,
  value: Value,
  [caseSensitive = false, attribute = null]: Argument.Bound
): Value => {
  const key = keyGetter(machine, attribute, caseSensitive)
  let best: { readonly item: Value; readonly key: Value } | undefined
  for (const item of iterate(machine, value)) {
    const mark = key(item)
    if (best === undefined || order(machine, operator, mark, best.key)) best = { item, key: mark }
  }
  return best === undefined ? new Undefined(() => "No aggregated item, sequence was empty.") : best.item
}

const groupBy = (
  machine: Machine,
  value: Value,
  [attribute = null, fallback = null, caseSensitive = false]: Argument.Bound
): Value => {
  const key = keyGetter(machine, attribute, caseSensitive, fallback)
  const shown = attributeGetter(machine, attribute, fallback)
  const groups: Array<{ readonly key: Value; readonly items: Array<Value> }> = []
  for (const item of sorted(machine, listOf(machine, value), key, false)) {
    const mark = key(item)
    const last = groups.at(-1)
    if (last !== undefined && equal(machine, last.key, mark)) last.items.push(item)
    else groups.push({ key: mark, items: [item] })
  }
  return groups.map(({ items, key }) => new GroupTuple([truthy(caseSensitive) ? key : shown(items[0] ?? null), items]))
}

const sum = (machine: Machine, value: Value, [attribute = null, start = 0]: Argument.Bound): Value => {
  if (textOf(start) !== undefined) return fail("sum() can't sum strings [use ''.join(seq) instead]")
  const get = attributeGetter(machine, attribute)
  let total = start
  for (const item of iterate(machine, value)) total = add(machine, total, get(item))
  return total
}

const join = (machine: Machine, value: Value, [separator = "", attribute = null]: Argument.Bound): Value => {
  const mark = str(machine, separator)
  const get = attributeGetter(machine, attribute)
  const parts: Array<string> = []
  let size = 0
  for (const item of iterate(machine, value)) {
    const part = str(machine, get(item))
    machine.text(size += part.length + mark.length)
    parts.push(part)
  }
  return parts.join(mark)
}

const first = (machine: Machine, value: Value): Value => {
  if (textOf(value) !== undefined) {
    return at(machine, value, 0) ?? new Undefined(() => "No first item, sequence was empty.")
  }
  for (const item of iterate(machine, value)) return item
  return new Undefined(() => "No first item, sequence was empty.")
}

const last = (machine: Machine, value: Value): Value => {
  if (textOf(value) !== undefined) {
    return at(machine, value, -1) ?? new Undefined(() => "No last item, sequence was empty.")
  }
  const items = arrayOf(machine, value)
  if (items === undefined) return fail(`'${typeName(value)}' object is not reversible`)
  const item = items.at(-1)
  return item === undefined ? new Undefined(() => "No last item, sequence was empty.") : item
}

const reverse = (machine: Machine, value: Value): Value => {
  const text = textOf(value)
  if (text !== undefined) {
    machine.chars(text.length)
    const reversed = codePoints(text).toReversed().join("")
    return value instanceof Markup ? new Markup(reversed) : reversed
  }
  const items = arrayOf(machine, value)
  if (items === undefined) return listOf(machine, value).toReversed()
  machine.items(items.length)
  return new Iter(items.toReversed()[Symbol.iterator](), "list_reverseiterator")
}

function* items(value: Value): Generator<Value> {
  if (value instanceof Undefined) return
  if (!(value instanceof Dict)) return fail("Can only get item pairs from a mapping.")
  for (const pair of value.pairs()) yield new Tuple(pair)
}

function* batch(machine: Machine, value: Value, size: Value, fill: Value): Generator<Value> {
  let row: Array<Value> = []
  for (const item of iterate(machine, value)) {
    if (equal(machine, row.length, size)) {
      yield row
      row = []
    }
    row.push(item)
  }
  if (row.length === 0) return
  if (fill !== null && row.length < Argument.integer(size)) {
    machine.items(Argument.integer(size))
    while (row.length < Argument.integer(size)) row.push(fill)
  }
  yield row
}

function* slices(machine: Machine, value: Value, count: Value, fill: Value): Generator<Value> {
  const all = listOf(machine, value)
  const parts = Argument.integer(count)
  if (parts === 0) return fail("integer division or modulo by zero")
  const size = Math.floor(all.length / parts)
  const longer = all.length % parts
  let start = 0
  for (let part = 0; part < parts; part++) {
    machine.spend(1)
    const end = start + size + (part < longer ? 1 : 0)
    const row = all.slice(start, end)
    if (fill !== null && part >= longer) row.push(fill)
    start = end
    yield row
  }
}

const entry = (
  name: string,
  parameters: string,
  run: (machine: Machine, value: Value, args: Argument.Bound) => Value
) => [name, Argument.native(name, parameters, run)] as const

const defaultFilter = (_: Machine, value: Value, [fallback = "", boolean = false]: Argument.Bound): Value =>
  value instanceof Undefined || (truthy(boolean) && !truthy(value)) ? fallback : value

export const sequenceFilters: ReadonlyArray<readonly [string, Argument.Native]> = [
  entry("default", "default_value? boolean?", defaultFilter),
  entry("d", "default_value? boolean?", defaultFilter),
  entry("length", "", (machine, value) => length(machine, value)),
  entry("count", "", (machine, value) => length(machine, value)),
  entry("list", "", (machine, value) => listOf(machine, value)),
  entry("first", "", first),
  entry("last", "", last),
  entry("reverse", "", reverse),
  entry("join", "d? attribute?", join),
  entry("items", "", (_, value) => new Iter(items(value))),
  entry("attr", "name", (machine, value, [name = null]) => attributeOnly(machine, value, Argument.text(name))),
  entry("sort", "reverse? case_sensitive? attribute?", sort),
  entry("dictsort", "case_sensitive? by? reverse?", dictSort),
  entry(
    "unique",
    "case_sensitive? attribute?",
    (machine, value, [caseSensitive = false, attribute = null]) =>
      new Iter(distinct(machine, value, keyGetter(machine, attribute, caseSensitive)))
  ),
  entry("min", "case_sensitive? attribute?", extreme("<")),
  entry("max", "case_sensitive? attribute?", extreme(">")),
  entry("sum", "attribute? start?", sum),
  entry("groupby", "attribute default? case_sensitive?", groupBy),
  entry(
    "batch",
    "linecount fill_with?",
    (machine, value, [size = null, fill = null]) => new Iter(batch(machine, value, size, fill))
  ),
  entry(
    "slice",
    "slices fill_with?",
    (machine, value, [count = null, fill = null]) => new Iter(slices(machine, value, count, fill))
  )
]
