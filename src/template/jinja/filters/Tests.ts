/** Jinja's tests: what may stand after `is`, and what `select` and `reject` take by name. */
import { binary } from "../methods/Arithmetic.ts"
import { type Native, native } from "../values/Argument.ts"
import { contains, equal, type Order, order } from "../values/Compare.ts"
import { isIterable } from "../values/Iterate.ts"
import * as Letter from "../values/Letter.ts"
import type { Machine } from "../values/Machine.ts"
import { str } from "../values/Text.ts"
import { Callable, Dict, Float, isList, Loop, Markup, Range, Tuple, Undefined, type Value } from "../values/Value.ts"

export const unary = (name: string, test: (value: Value, machine: Machine) => boolean): readonly [string, Native] => [
  name,
  native(name, "", (machine, value) => test(value, machine))
]

const binaryTest = (
  names: string,
  test: (machine: Machine, value: Value, other: Value) => boolean
): ReadonlyArray<readonly [string, Native]> =>
  names.split(" ").map((
    name
  ) => [name, native(name, "other", (machine, value, [other = null]) => test(machine, value, other))])

const ordering = (names: string, operator: Order) =>
  binaryTest(names, (machine, a, b) => order(machine, operator, a, b))

const isInt = (value: Value): boolean => typeof value === "number" || typeof value === "bigint"
const isString = (value: Value): boolean => typeof value === "string" || value instanceof Markup
const isSequence = (value: Value): boolean =>
  isString(value) || isList(value) || value instanceof Tuple || value instanceof Dict || value instanceof Range
  || value instanceof Undefined
const rest = (machine: Machine, value: Value, divisor: Value, wanted: number): boolean =>
  equal(machine, binary(machine, "%", value, divisor), wanted)

/** Every test but `filter` and `test`, which need to know all the others. */
export const plainTests: ReadonlyArray<readonly [string, Native]> = [
  unary("defined", (value) => !(value instanceof Undefined)),
  unary("undefined", (value) => value instanceof Undefined),
  unary("none", (value) => value === null),
  unary("boolean", (value) => typeof value === "boolean"),
  unary("true", (value) => value === true),
  unary("false", (value) => value === false),
  unary("integer", isInt),
  unary("float", (value) => value instanceof Float),
  unary("number", (value) => isInt(value) || typeof value === "boolean" || value instanceof Float),
  unary("string", isString),
  unary("mapping", (value) => value instanceof Dict),
  unary("sequence", isSequence),
  unary("iterable", isIterable),
  unary("callable", (value) => value instanceof Callable || value instanceof Loop || value instanceof Undefined),
  unary("escaped", (value) => value instanceof Markup),
  unary("lower", (value, machine) => Letter.isLower(str(machine, value))),
  unary("upper", (value, machine) => Letter.isUpper(str(machine, value))),
  unary("odd", (value, machine) => rest(machine, value, 2, 1)),
  unary("even", (value, machine) => rest(machine, value, 2, 0)),
  ["divisibleby", native("divisibleby", "num", (machine, value, [num = null]) => rest(machine, value, num, 0))],
  ["in", native("in", "seq", (machine, value, [seq = null]) => contains(machine, seq, value))],
  ...binaryTest("sameas", (_, a, b) => a === b),
  ...binaryTest("== eq equalto", equal),
  ...binaryTest("!= ne", (machine, a, b) => !equal(machine, a, b)),
  ...ordering("> gt greaterthan", ">"),
  ...ordering(">= ge", ">="),
  ...ordering("< lt lessthan", "<"),
  ...ordering("<= le", "<=")
]
