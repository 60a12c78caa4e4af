/** The operators `+ - * / // % **` and the unary ones, with Python's types, rounding and errors. */
import { percent } from "../format/PercentFormat.ts"
import { numberOf, textOf } from "../values/Compare.ts"
import { escape, joinMarkup } from "../values/Escape.ts"
import { fail, tooMuch } from "../values/Failure.ts"
import type { Machine } from "../values/Machine.ts"
import { int, type Operator } from "../values/Number.ts"
import { typeName } from "../values/Text.ts"
import { Float, isList, Markup, Tuple, Undefined, type Value } from "../values/Value.ts"

/** Ints of more bits than this are refused: no prompt needs them, and their products cost too much. */
const maxBits = 100_000

const bits = (value: bigint): number => value.toString(16).length * 4

export const toFloat = (value: number | bigint): number => {
  const float = Number(value)
  return typeof value === "bigint" && !Number.isFinite(float) ? fail("int too large to convert to float") : float
}

const unsupported = (operator: string, a: Value, b: Value): never => {
  if (a instanceof Undefined) return fail(a.message)
  if (b instanceof Undefined) return fail(b.message)
  const sign = operator === "**" ? "** or pow()" : operator
  return fail(`unsupported operand type(s) for ${sign}: '${typeName(a)}' and '${typeName(b)}'`)
}

const exact = {
  "+": (a: bigint, b: bigint) => a + b,
  "-": (a: bigint, b: bigint) => a - b,
  "*": (a: bigint, b: bigint) => bits(a) + bits(b) > maxBits ? tooMuch("an integer grew too large") : a * b,
  "//": (a: bigint, b: bigint) => {
    if (b === 0n) return fail("integer division or modulo by zero")
    const quotient = a / b
    return a % b !== 0n && (a < 0n) !== (b < 0n) ? quotient - 1n : quotient
  },
  "%": (a: bigint, b: bigint) => {
    if (b === 0n) return fail("integer division or modulo by zero")
    const rest = a % b
    return rest !== 0n && (rest < 0n) !== (b < 0n) ? rest + b : rest
  }
}

/** Quotient and rest of floats as CPython computes them, with the signs of its zeros. */
const floatDivMod = (a: number, b: number): readonly [quotient: number, rest: number] => {
  const raw = a % b
  const flips = raw !== 0 && (raw < 0) !== (b < 0)
  const rest = raw === 0 ? (b < 0 ? -0 : 0) : flips ? raw + b : raw
  const quotient = (a - raw) / b - (flips ? 1 : 0)
  if (quotient === 0) return [a / b < 0 || Object.is(a / b, -0) ? -0 : 0, rest]
  const floor = Math.floor(quotient)
  return [quotient - floor > 0.5 ? floor + 1 : floor, rest]
}

const floats = {
  "+": (a: number, b: number) => a + b,
  "-": (a: number, b: number) => a - b,
  "*": (a: number, b: number) => a * b,
  "//": (a: number, b: number) => b === 0 ? fail("float floor division by zero") : floatDivMod(a, b)[0],
  "%": (a: number, b: number) => b === 0 ? fail("float modulo") : floatDivMod(a, b)[1]
}

const power = (machine: Machine, a: number | bigint, b: number | bigint, isFloat: boolean): Value => {
  if (isFloat || b < 0) {
    const base = toFloat(a)
    const exponent = toFloat(b)
    if (base === 0 && exponent < 0) return fail("0.0 cannot be raised to a negative power")
    if (base < 0 && Number.isFinite(exponent) && !Number.isInteger(exponent)) {
      return fail("complex numbers are not supported here")
    }
    const result = base === 1 ? 1 : base ** exponent
    const overflow = !Number.isFinite(result) && Number.isFinite(base) && Number.isFinite(exponent)
    return overflow ? fail("(34, 'Numerical result out of range')") : new Float(result)
  }
  const base = BigInt(a)
  if (base !== 0n && base !== 1n && base !== -1n && Number(b) * bits(base) > maxBits) {
    return tooMuch("an integer grew too large")
  }
  machine.spend(Number(b) > maxBits ? 1 : 1 + (Number(b) >> 4))
  return int(base ** BigInt(b))
}

const numbers = (machine: Machine, operator: Operator, a: Value, b: Value): Value | undefined => {
  const x = numberOf(a)
  const y = numberOf(b)
  if (x === undefined || y === undefined) return undefined
  const isFloat = a instanceof Float || b instanceof Float
  if (operator === "**") return power(machine, x, y, isFloat)
  if (operator === "/") {
    if (y == 0) return fail(isFloat ? "float division by zero" : "division by zero")
    return new Float(toFloat(x) / toFloat(y))
  }
  if (isFloat) return new Float(floats[operator](toFloat(x), toFloat(y)))
  if (typeof x === "bigint" || typeof y === "bigint") machine.spend(64)
  return int(exact[operator](BigInt(x), BigInt(y)))
}

const repeatList = (machine: Machine, items: ReadonlyArray<Value>, count: number): Array<Value> => {
  const times = Math.max(0, count)
  machine.items(items.length === 0 ? 0 : items.length * times)
  const result: Array<Value> = []
  if (items.length > 0) { for (let i = 0; i < times; i++) for (const item of items) result.push(item) }
  return result
}

const repeatText = (machine: Machine, text: string, count: number): string => {
  const times = text === "" ? 0 : Math.max(0, count)
  machine.text(text.length * times)
  return text.repeat(times)
}

/** A sequence times an int, in either order. */
const repeat = (machine: Machine, a: Value, b: Value): Value | undefined => {
  const [sequence, factor] = typeof a === "number" || typeof a === "boolean" || typeof a === "bigint" ? [b, a] : [a, b]
  if (typeof factor === "bigint") {
    return factor < 0n
      ? repeat(machine, sequence, 0)
      : tooMuch("a sequence grew too large")
  }
  if (typeof factor !== "number" && typeof factor !== "boolean") return undefined
  const count = Number(factor)
  if (typeof sequence === "string") return repeatText(machine, sequence, count)
  if (sequence instanceof Markup) return new Markup(repeatText(machine, sequence.text, count))
  if (isList(sequence)) return repeatList(machine, sequence, count)
  if (sequence instanceof Tuple) return new Tuple(repeatList(machine, sequence.items, count))
  return undefined
}

const concatenate = (machine: Machine, a: Value, b: Value): Value => {
  if (a instanceof Markup || b instanceof Markup) {
    if (textOf(a) !== undefined && textOf(b) !== undefined) {
      return joinMarkup(machine, [escape(machine, a), escape(machine, b)])
    }
  }
  if (isList(a) && isList(b)) {
    machine.items(a.length + b.length)
    return [...a, ...b]
  }
  if (a instanceof Tuple && b instanceof Tuple) {
    machine.items(a.items.length + b.items.length)
    return new Tuple([...a.items, ...b.items])
  }
  if (b instanceof Undefined) return unsupported("+", a, b)
  if (textOf(a) !== undefined) return fail(`can only concatenate str (not "${typeName(b)}") to str`)
  if (isList(a)) return fail(`can only concatenate list (not "${typeName(b)}") to list`)
  if (a instanceof Tuple) return fail(`can only concatenate tuple (not "${typeName(b)}") to tuple`)
  return unsupported("+", a, b)
}

export const add = (machine: Machine, a: Value, b: Value): Value => {
  if (typeof a === "string" && typeof b === "string") {
    machine.text(a.length + b.length)
    return a + b
  }
  if (typeof a === "number" && typeof b === "number") {
    const sum = a + b
    if (Number.isSafeInteger(sum)) return sum
  }
  return numbers(machine, "+", a, b) ?? concatenate(machine, a, b)
}

export const binary = (machine: Machine, operator: Operator, a: Value, b: Value): Value => {
  if (operator === "+") return add(machine, a, b)
  if (typeof a === "number" && typeof b === "number") {
    if (operator === "-" && Number.isSafeInteger(a - b)) return a - b
    if (operator === "%" && b !== 0) {
      const rest = a % b
      return rest !== 0 && (rest < 0) !== (b < 0) ? rest + b : rest + 0
    }
  }
  const result = numbers(machine, operator, a, b)
  if (result !== undefined) return result
  if (operator === "*") {
    const repeated = repeat(machine, a, b)
    if (repeated !== undefined) return repeated
  }
  if (operator === "%" && textOf(a) !== undefined) return percent(machine, a, b)
  return unsupported(operator, a, b)
}

export const negate = (value: Value): Value => {
  if (typeof value === "number") return 0 - value
  if (typeof value === "bigint") return int(-value)
  if (typeof value === "boolean") return 0 - Number(value)
  if (value instanceof Float) return new Float(-value.value)
  if (value instanceof Undefined) return fail(value.message)
  return fail(`bad operand type for unary -: '${typeName(value)}'`)
}

export const positive = (value: Value): Value => {
  if (typeof value === "number" || typeof value === "bigint" || value instanceof Float) return value
  if (typeof value === "boolean") return Number(value)
  if (value instanceof Undefined) return fail(value.message)
  return fail(`bad operand type for unary +: '${typeName(value)}'`)
}
