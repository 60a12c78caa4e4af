/** All filters and tests by name, and those that call others by name: `map`, `select`, `reject` and their `attr` forms. */
import type { Native } from "../values/Argument.ts"
import { truthy } from "../values/Compare.ts"
import { fail } from "../values/Failure.ts"
import { iterate } from "../values/Iterate.ts"
import type { Machine } from "../values/Machine.ts"
import { str } from "../values/Text.ts"
import { Iter, type Kwargs, type Value } from "../values/Value.ts"
import { numberFilters } from "./NumberFilters.ts"
import { attributeGetter, type Getter, sequenceFilters } from "./SequenceFilters.ts"
import { plainTests, unary } from "./Tests.ts"
import { textFilters } from "./TextFilters.ts"

type Args = ReadonlyArray<Value>

const named = (kind: string, table: ReadonlyMap<string, Native>, machine: Machine, name: Value): Native => {
  const found = typeof name === "string" ? table.get(name) : undefined
  return found ?? fail(`No ${kind} named '${str(machine, name)}'.`)
}

const mapper = (machine: Machine, args: Args, kwargs: Kwargs): Getter => {
  const [name, ...rest] = args
  if (name !== undefined) {
    return (item) => named("filter", filters, machine, name).call(machine, item, rest, kwargs)
  }
  const attribute = kwargs.get("attribute")
  if (attribute === undefined) return fail("map requires a filter argument")
  for (const key of kwargs.keys()) {
    if (key !== "attribute" && key !== "default") fail(`Unexpected keyword argument '${key}'`)
  }
  return attributeGetter(machine, attribute, kwargs.get("default") ?? null)
}

function* mapped(machine: Machine, value: Value, args: Args, kwargs: Kwargs): Generator<Value> {
  if (!truthy(value)) return
  const get = mapper(machine, args, kwargs)
  for (const item of iterate(machine, value)) yield get(item)
}

const predicate = (machine: Machine, args: Args, kwargs: Kwargs): (item: Value) => boolean => {
  const [name, ...rest] = args
  if (name === undefined) return truthy
  return (item) => truthy(named("test", tests, machine, name).call(machine, item, rest, kwargs))
}

function* chosen(
  machine: Machine,
  value: Value,
  args: Args,
  kwargs: Kwargs,
  keep: boolean,
  byAttribute: boolean
): Generator<Value> {
  if (!truthy(value)) return
  const [attribute, ...rest] = args
  if (byAttribute && attribute === undefined) return fail("Missing parameter for attribute name")
  const get: Getter = byAttribute ? attributeGetter(machine, attribute ?? null) : (item) => item
  const test = predicate(machine, byAttribute ? rest : args, kwargs)
  for (const item of iterate(machine, value)) if (test(get(item)) === keep) yield item
}

const choosing = (keep: boolean, byAttribute: boolean): Native => ({
  call: (machine, value, args, kwargs) => new Iter(chosen(machine, value, args, kwargs, keep, byAttribute))
})

export const filters: ReadonlyMap<string, Native> = new Map<string, Native>([
  ...textFilters,
  ...numberFilters,
  ...sequenceFilters,
  ["map", { call: (machine, value, args, kwargs) => new Iter(mapped(machine, value, args, kwargs)) }],
  ["select", choosing(true, false)],
  ["reject", choosing(false, false)],
  ["selectattr", choosing(true, true)],
  ["rejectattr", choosing(false, true)]
])

export const tests: ReadonlyMap<string, Native> = new Map<string, Native>([
  ...plainTests,
  unary("filter", (value) => typeof value === "string" && filters.has(value)),
  unary("test", (value) => typeof value === "string" && tests.has(value))
])
