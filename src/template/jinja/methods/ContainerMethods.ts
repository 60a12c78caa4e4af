/** The methods of list, tuple, dict and range that a template may call. Those that would change their object are only named. */
import * as Argument from "../values/Argument.ts"
import { equal, keyOf } from "../values/Compare.ts"
import { fail } from "../values/Failure.ts"
import { listOf } from "../values/Iterate.ts"
import type { Machine } from "../values/Machine.ts"
import { Dict, DictView, type Value } from "../values/Value.ts"

const listMutators = new Set(["append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"])
const dictMutators = new Set(["clear", "pop", "popitem", "setdefault", "update"])
/** Methods that change their object: the sandbox refuses the call, and this is what it looks at. */
export const mutators = (value: Value): ReadonlySet<string> => value instanceof Dict ? dictMutators : listMutators

const dict = (value: Value): Dict => value instanceof Dict ? value : fail("expected a dict")

const entry = (name: string, method: Argument.Native): readonly [string, Argument.Native] => [name, method]

const view = (kind: "keys" | "values" | "items") =>
  entry(kind, Argument.native(kind, "", (_, value) => new DictView(dict(value), kind)))

const copyDict = (machine: Machine, source: Dict): Dict => {
  const copy = new Dict()
  machine.items(source.size)
  for (const [key, value] of source.entries) copy.set(key, source.original(key), value)
  return copy
}

const get = Argument.native("get", "key default?", (machine, value, [key = null, fallback = null]) => {
  const found = dict(value).get(keyOf(machine, key))
  return found === undefined ? fallback : found
}, true)

const fromKeys = Argument.native("fromkeys", "iterable value?", (machine, _, [keys = null, value = null]) => {
  const made = new Dict()
  for (const key of listOf(machine, keys)) made.set(keyOf(machine, key), key, value)
  return made
}, true)

export const dictMethods: ReadonlyMap<string, Argument.Native> = new Map([
  view("keys"),
  view("values"),
  view("items"),
  entry("get", get),
  entry("copy", Argument.native("copy", "", (machine, value) => copyDict(machine, dict(value)))),
  entry("fromkeys", fromKeys)
])

const count = Argument.native(
  "count",
  "value",
  (machine, value, [wanted = null]) =>
    listOf(machine, value).filter((item) => item === wanted || equal(machine, item, wanted)).length,
  true
)

const index = Argument.native("index", "value start? stop?", (machine, value, [wanted = null, start = 0, stop]) => {
  const items = listOf(machine, value)
  const from = Argument.integer(start)
  const to = stop === undefined ? items.length : Argument.integer(stop)
  const first = Math.max(0, from < 0 ? from + items.length : from)
  const last = Math.min(items.length, to < 0 ? to + items.length : to)
  for (let i = first; i < last; i++) {
    const item = items[i] ?? null
    if (item === wanted || equal(machine, item, wanted)) return i
  }
  return fail("value is not in list")
}, true)

export const tupleMethods: ReadonlyMap<string, Argument.Native> = new Map([
  entry("count", count),
  entry("index", index)
])

export const listMethods: ReadonlyMap<string, Argument.Native> = new Map([
  ...tupleMethods,
  entry("copy", Argument.native("copy", "", listOf))
])
