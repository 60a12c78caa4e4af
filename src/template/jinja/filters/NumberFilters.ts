/** Filters that return numbers. */
import { binary, negate } from "../methods/Arithmetic.ts"
import * as Argument from "../values/Argument.ts"
import { numberOf, textOf } from "../values/Compare.ts"
import { fail } from "../values/Failure.ts"
import type { Machine } from "../values/Machine.ts"
import { divideEven, int, round as roundFloat } from "../values/Number.ts"
import { trimEnd, trimStart } from "../values/Space.ts"
import { typeName } from "../values/Text.ts"
import { Float, Undefined, type Value } from "../values/Value.ts"

const strip = (text: string): string => trimEnd(trimStart(text))

const floatPattern = /^[-+]?(?:(?:\d+(?:_\d+)*)(?:\.(?:\d+(?:_\d+)*)?)?|\.\d+(?:_\d+)*)(?:[eE][-+]?\d+(?:_\d+)*)?$/

/** `float(text)`; `undefined` is ValueError. */
export const parseFloatText = (text: string): number | undefined => {
  const bare = strip(text)
  if (floatPattern.test(bare)) return Number(bare.replaceAll("_", ""))
  const special = /^([-+]?)(inf|infinity|nan)$/i.exec(bare)
  if (special === null) return undefined
  const value = special[2]?.toLowerCase() === "nan" ? NaN : Infinity
  return special[1] === "-" ? -value : value
}

const prefixes: Readonly<Record<string, number>> = { "0x": 16, "0o": 8, "0b": 2 }

/** `int(text, base)`; `undefined` is ValueError. */
const parseInteger = (machine: Machine, text: string, base: number): number | bigint | undefined => {
  if (base !== 0 && (base < 2 || base > 36)) return undefined
  const match = /^([-+]?)(0[xXoObB])?(_?[0-9a-zA-Z]+(?:_[0-9a-zA-Z]+)*)$/.exec(strip(text))
  if (match === null) return undefined
  const [, sign, prefix = "", tail = ""] = match
  const marked = prefixes[prefix.toLowerCase()]
  const usesPrefix = marked !== undefined && (base === 0 || base === marked)
  const radix = usesPrefix ? marked : base === 0 ? 10 : base
  const digits = ((usesPrefix ? "" : prefix) + tail).replaceAll("_", "").toLowerCase()
  if (!usesPrefix && tail.startsWith("_")) return undefined
  if (base === 0 && !usesPrefix && /^0+[1-9]/.test(digits)) return undefined
  if (digits.length > 4300) return fail("Exceeds the limit (4300 digits) for integer string conversion")
  machine.spend(digits.length)
  if (radix === 10) return /^\d+$/.test(digits) ? int(BigInt(sign + digits)) : undefined
  machine.spend(digits.length * (digits.length >> 4))
  let value = 0n
  for (const digit of digits) {
    const number = parseInt(digit, 36)
    if (!(number < radix)) return undefined
    value = value * BigInt(radix) + BigInt(number)
  }
  return int(sign === "-" ? -value : value)
}

const truncated = (value: number): number | bigint | undefined =>
  Number.isFinite(value) ? int(BigInt(Math.trunc(value))) : undefined

const intFilter = (machine: Machine, value: Value, [fallback = 0, base = 10]: Argument.Bound): Value => {
  if (value instanceof Undefined) return fail(value.message)
  const text = textOf(value)
  if (text !== undefined) {
    const whole = parseInteger(machine, text, Argument.integer(base))
    if (whole !== undefined) return whole
    const float = parseFloatText(text)
    return (float === undefined ? undefined : truncated(float)) ?? fallback
  }
  if (value instanceof Float) {
    if (Number.isNaN(value.value)) return fallback
    return truncated(value.value) ?? fail("cannot convert float infinity to integer")
  }
  const number = numberOf(value)
  return number === undefined ? fallback : number
}

const floatFilter = (_: Machine, value: Value, [fallback = new Float(0)]: Argument.Bound): Value => {
  if (value instanceof Undefined) return fail(value.message)
  const text = textOf(value)
  const number = text === undefined ? numberOf(value) : parseFloatText(text)
  return number === undefined ? fallback : new Float(Number(number))
}

const abs = (_: Machine, value: Value): Value => {
  const number = numberOf(value)
  if (number === undefined) {
    return value instanceof Undefined ? fail(value.message) : fail(`bad operand type for abs(): '${typeName(value)}'`)
  }
  if (value instanceof Float) return new Float(Math.abs(value.value))
  return number < 0 ? negate(number) : number
}

const roundInteger = (value: number | bigint, digits: number): Value => {
  if (digits >= 0) return value
  if (digits < -4300) return 0
  const unit = 10n ** BigInt(-digits)
  const whole = BigInt(value)
  const rounded = divideEven(whole < 0n ? -whole : whole, unit) * unit
  return int(whole < 0n ? -rounded : rounded)
}

const round = (machine: Machine, value: Value, [precision = 0, method = "common"]: Argument.Bound): Value => {
  const name = textOf(method)
  if (name !== "common" && name !== "ceil" && name !== "floor") return fail("method must be common, ceil or floor")
  const number = numberOf(value)
  if (number === undefined) {
    return value instanceof Undefined
      ? fail(value.message)
      : fail(`type ${typeName(value)} doesn't define __round__ method`)
  }
  if (name === "common") {
    const digits = Argument.integer(precision)
    return value instanceof Float ? new Float(roundFloat(value.value, digits)) : roundInteger(number, digits)
  }
  const unit = binary(machine, "**", 10, precision)
  const scaled = numberOf(binary(machine, "*", value, unit)) ?? 0
  const whole = typeof scaled === "bigint" ? scaled : BigInt(name === "ceil" ? Math.ceil(scaled) : Math.floor(scaled))
  return binary(machine, "/", int(whole), unit)
}

const entry = (
  name: string,
  parameters: string,
  run: (machine: Machine, value: Value, args: Argument.Bound) => Value
) => [name, Argument.native(name, parameters, run)] as const

export const numberFilters: ReadonlyArray<readonly [string, Argument.Native]> = [
  entry("int", "default? base?", intFilter),
  entry("float", "default?", floatFilter),
  entry("abs", "", abs),
  entry("round", "precision? method?", round)
]
