/** `'%s and %5.1f' % values`, for `%` on a string and for the filter `format`. */
import { numberOf, textOf } from "../values/Compare.ts"
import { escapeText } from "../values/Escape.ts"
import { fail } from "../values/Failure.ts"
import type { Machine } from "../values/Machine.ts"
import { codePoints, quote, repr, str, textLength, typeName } from "../values/Text.ts"
import { Dict, Float, isList, Markup, Range, Tuple, Undefined, type Value } from "../values/Value.ts"
import { floatDigits } from "./FormatSpec.ts"

/** `%`, an optional `(key)`, flags, width, precision, an ignored length letter, and the conversion. */
const directive = /%(?:\(([^()]*)\))?([-+ #0]*)(\*|\d*)(?:\.(\*|\d*))?[hlL]?([\s\S]|$)/g

interface Conversion {
  readonly flags: string
  readonly width: number
  readonly precision: number | undefined
  readonly type: string
}

/** Hands out the values one by one, and knows at the end whether one was left over. */
class Arguments {
  private readonly values: ReadonlyArray<Value>
  private readonly single: Value
  private next = 0
  private keyed = false
  constructor(argument: Value) {
    this.values = argument instanceof Tuple ? argument.items : [argument]
    this.single = argument
  }

  take(): Value {
    const value = this.values[this.next++]
    return value === undefined ? fail("not enough arguments for format string") : value
  }

  byKey(key: string): Value {
    this.keyed = true
    if (!(this.single instanceof Dict)) return fail("format requires a mapping")
    const value = this.single.get(key)
    return value === undefined ? fail(`KeyError: ${quote(key)}`) : value
  }

  finish(): void {
    const spare = this.next < this.values.length && !this.keyed
    // a mapping (Python: anything with `__getitem__` that is not a tuple or str) may stay unused
    const { single } = this
    const mapping = single instanceof Dict || isList(single) || single instanceof Undefined || single instanceof Range
    if (spare && !mapping) fail("not all arguments converted during string formatting")
  }
}

const padTo = (sign: string, body: string, { flags, width }: Conversion, numeric: boolean): string => {
  const missing = width - textLength(sign) - textLength(body)
  if (missing <= 0) return sign + body
  if (flags.includes("-")) return sign + body + " ".repeat(missing)
  return flags.includes("0") && numeric ? sign + "0".repeat(missing) + body : " ".repeat(missing) + sign + body
}

const signFor = (negative: boolean, flags: string): string =>
  negative ? "-" : flags.includes("+") ? "+" : flags.includes(" ") ? " " : ""

const wholeOf = (value: Value, type: string): bigint => {
  const number = numberOf(value)
  if (number === undefined || (value instanceof Float && "xXo".includes(type))) {
    const need = "xXo".includes(type) ? "an integer" : "a real number"
    if (value instanceof Undefined) return fail(value.message)
    return fail(`%${type} format: ${need} is required, not ${typeName(value)}`)
  }
  if (typeof number === "number" && !Number.isFinite(number)) {
    return fail("cannot convert float infinity or NaN to integer")
  }
  return typeof number === "bigint" ? number : BigInt(Math.trunc(number))
}

const integer = (value: Value, conversion: Conversion): string => {
  const { flags, precision, type } = conversion
  const whole = wholeOf(value, type)
  const magnitude = whole < 0n ? -whole : whole
  let digits = magnitude.toString(type === "o" ? 8 : type === "x" || type === "X" ? 16 : 10)
  if (type === "X") digits = digits.toUpperCase()
  const prefix = flags.includes("#") && "xXo".includes(type) ? "0" + type : ""
  return padTo(signFor(whole < 0n, flags) + prefix, digits.padStart(precision ?? 0, "0"), conversion, true)
}

const real = (value: Value, conversion: Conversion): string => {
  const number = numberOf(value)
  if (number === undefined) {
    return value instanceof Undefined ? fail(value.message) : fail(`must be real number, not ${typeName(value)}`)
  }
  const float = Number(number)
  const { flags, precision, type } = conversion
  const digits = floatDigits(Math.abs(float), type, precision, flags.includes("#"))
  const negative = float < 0 || Object.is(float, -0)
  return padTo(signFor(negative, flags), /[EFG]/.test(type) ? digits.toUpperCase() : digits, conversion, true)
}

const character = (value: Value): string => {
  const text = textOf(value)
  if (text !== undefined) return textLength(text) === 1 ? text : fail("%c requires int or char")
  const number = numberOf(value)
  return number === undefined || value instanceof Float
    ? fail("%c requires int or char")
    : String.fromCodePoint(Number(number))
}

const asciiOnly = (text: string): string =>
  text.replace(/[^\0-\x7f]/gu, (char) => {
    const code = char.codePointAt(0) ?? 0
    return code < 256 ? "\\x" + code.toString(16) : code < 0x10000
      ? "\\u" + code.toString(16).padStart(4, "0")
      : "\\U" + code.toString(16).padStart(8, "0")
  })

const convert = (machine: Machine, value: Value, conversion: Conversion, escaping: boolean): string => {
  const { precision, type } = conversion
  if ("diuxXo".includes(type)) return integer(value, conversion)
  if ("eEfFgG".includes(type)) return real(value, conversion)
  if (type === "c") return padTo("", character(value), conversion, false)
  const printed = type === "s"
    ? str(machine, value)
    : type === "r"
    ? repr(machine, value)
    : asciiOnly(repr(machine, value))
  const safe = escaping && !(type === "s" && value instanceof Markup) ? escapeText(printed) : printed
  const cut = precision === undefined ? safe : codePoints(safe).slice(0, precision).join("")
  return padTo("", cut, conversion, false)
}

/** One number of a directive: absent, written, or `*` for the next argument. */
const measure = (machine: Machine, text: string, values: Arguments): number => {
  if (text !== "*") {
    machine.text(Number(text))
    machine.chars(Math.min(Number(text), 1100) * 4)
    return Number(text)
  }
  const value = values.take()
  if (typeof value !== "number") return fail("* wants int")
  machine.text(Math.abs(value))
  return value
}

/** `format % argument`; a tuple gives several values, a dict named ones. Markup escapes what is put into it. */
export const percent = (machine: Machine, format: Value, argument: Value): Value => {
  const text = textOf(format) ?? ""
  const values = new Arguments(argument)
  let length = text.length
  const out = text.replace(
    directive,
    (_, key: string | undefined, flags: string, width: string, precision: string | undefined, type: string) => {
      if (type === "") return fail("incomplete format")
      if (type === "%") return "%"
      const named = key === undefined ? undefined : values.byKey(key)
      const size = measure(machine, width, values)
      const digits = precision === undefined ? undefined : measure(machine, precision, values)
      if (!"diuxXoeEfFgGcsra".includes(type)) return fail(`unsupported format character '${type}'`)
      const conversion = { flags: size < 0 ? flags + "-" : flags, width: Math.abs(size), precision: digits, type }
      const part = convert(machine, named ?? values.take(), conversion, format instanceof Markup)
      machine.text(length += part.length)
      return part
    }
  )
  values.finish()
  return format instanceof Markup ? new Markup(out) : out
}
