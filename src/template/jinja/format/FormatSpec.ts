/** Python's format specification `[[fill]align][sign][#][0][width][grouping][.precision][type]`, for ints, floats and strings. */
import { numberOf } from "../values/Compare.ts"
import { fail } from "../values/Failure.ts"
import type { Machine } from "../values/Machine.ts"
import { exponential, fixed } from "../values/Number.ts"
import { codePoints, floatText, str, textLength, typeName } from "../values/Text.ts"
import { Float, Markup, Undefined, type Value } from "../values/Value.ts"

export interface Spec {
  readonly fill: string
  readonly align: string
  readonly sign: string
  readonly alternate: boolean
  readonly zero: boolean
  readonly width: number
  readonly grouping: string
  readonly precision: number | undefined
  readonly type: string
}

const pattern = /^(?:(.)?([<>=^]))?([-+ ]?)(#?)(0?)(\d*)([,_]?)(?:\.(\d+))?(.?)$/su

export const parseSpec = (machine: Machine, text: string): Spec => {
  const match = pattern.exec(text)
  if (match === null) return fail(`Invalid format specifier '${text}'`)
  const [, fill, align, sign, alternate, zero, width, grouping, precision, type] = match
  const spec = {
    fill: fill ?? (zero === "0" ? "0" : " "),
    align: align ?? "",
    sign: sign ?? "",
    alternate: alternate === "#",
    zero: zero === "0",
    width: Number(width ?? 0),
    grouping: grouping ?? "",
    precision: precision === undefined ? undefined : Number(precision),
    type: type ?? ""
  }
  machine.text(spec.width)
  machine.text(spec.precision ?? 0)
  machine.chars(Math.min(spec.precision ?? 0, 1100) * 4)
  return spec
}

export const pad = (text: string, spec: Spec, fallback: string, prefix = ""): string => {
  const missing = spec.width - textLength(prefix) - textLength(text)
  if (missing <= 0) return prefix + text
  const align = spec.align || fallback
  if (align === "=") return prefix + spec.fill.repeat(missing) + text
  if (align === "<") return prefix + text + spec.fill.repeat(missing)
  if (align === ">") return spec.fill.repeat(missing) + prefix + text
  const left = missing >> 1
  return spec.fill.repeat(left) + prefix + text + spec.fill.repeat(missing - left)
}

const group = (digits: string, separator: string, size: number): string => {
  const parts: Array<string> = []
  for (let end = digits.length; end > 0; end -= size) parts.unshift(digits.slice(Math.max(0, end - size), end))
  return parts.join(separator)
}

/** Zero padding inside a grouped number is grouped too: `f"{1:08,}"` is `0,000,001`. */
const groupTo = (digits: string, separator: string, size: number, width: number): string => {
  let text = group(digits, separator, size)
  while (text.length < width) {
    digits = "0" + digits
    text = group(digits, separator, size)
    if (text.startsWith(separator)) return "0" + text
  }
  return text
}

const signOf = (negative: boolean, spec: Spec): string => negative ? "-" : spec.sign === "-" ? "" : spec.sign

const bases: Readonly<Record<string, readonly [number, string]>> = {
  b: [2, "0b"],
  o: [8, "0o"],
  x: [16, "0x"],
  X: [16, "0X"]
}

const assemble = (negative: boolean, prefix: string, body: string, spec: Spec, size: number): string => {
  const sign = signOf(negative, spec) + prefix
  if (spec.grouping === "") return pad(body, spec, spec.zero ? "=" : ">", sign)
  const [whole = "", ...rest] = body.split(/(?=[.e%])/)
  const tail = rest.join("")
  const fills = spec.fill === "0" && (spec.align === "=" || (spec.align === "" && spec.zero))
  const width = fills ? spec.width - sign.length - tail.length : 0
  return pad(groupTo(whole, spec.grouping, size, width) + tail, spec, spec.zero ? "=" : ">", sign)
}

const formatInt = (value: number | bigint, spec: Spec): string => {
  const negative = value < 0
  const magnitude = BigInt(value) < 0n ? -BigInt(value) : BigInt(value)
  if (spec.type === "c") return pad(String.fromCodePoint(Number(value)), spec, "<")
  if (spec.precision !== undefined) return fail("Precision not allowed in integer format specifier")
  const base = bases[spec.type]
  if (base === undefined) return assemble(negative, "", magnitude.toString(), spec, 3)
  const digits = magnitude.toString(base[0])
  const prefix = spec.alternate ? base[1] : ""
  return assemble(
    negative,
    prefix,
    spec.type === "X" ? digits.toUpperCase() : digits,
    spec,
    spec.grouping === "_" ? 4 : 3
  )
}

const general = (value: number, precision: number, alternate: boolean): string => {
  const digits = precision === 0 ? 1 : precision
  if (value === 0) return alternate ? "0." + "0".repeat(digits - 1) : "0"
  const exponent = Number(exponential(value, digits - 1).split("e")[1])
  const text = exponent < -4 || exponent >= digits
    ? exponential(value, digits - 1)
    : fixed(value, digits - 1 - exponent)
  if (alternate) return text
  const [mantissa = "", tail] = text.split("e")
  const short = mantissa.includes(".") ? mantissa.replace(/\.?0+$/, "") : mantissa
  return tail === undefined ? short : `${short}e${tail}`
}

export const floatDigits = (value: number, type: string, precision: number | undefined, alternate: boolean): string => {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : "inf"
  switch (type) {
    case "e":
    case "E":
      return exponential(value, precision ?? 6)
    case "f":
    case "F":
      return fixed(value, precision ?? 6) + (alternate && precision === 0 ? "." : "")
    case "%":
      return fixed(value * 100, precision ?? 6) + "%"
    case "g":
    case "G":
      return general(value, precision ?? 6, alternate)
    case "n":
      return general(value, precision ?? 6, alternate)
    default: {
      if (precision === undefined) return floatText(value)
      const text = general(value, precision, alternate)
      return /[.e]/.test(text) ? text : text.length > precision ? exponential(value, precision - 1) : text + ".0"
    }
  }
}

const formatFloat = (value: number, spec: Spec): string => {
  const negative = value < 0 || Object.is(value, -0)
  const digits = floatDigits(Math.abs(value), spec.type, spec.precision, spec.alternate)
  return assemble(
    negative,
    "",
    spec.type === "E" || spec.type === "G" || spec.type === "F" ? digits.toUpperCase() : digits,
    spec,
    3
  )
}

const formatText = (text: string, spec: Spec): string => {
  if (spec.sign !== "") return fail("Sign not allowed in string format specifier")
  if (spec.align === "=") return fail("'=' alignment not allowed in string format specifier")
  if (spec.grouping !== "") return fail(`Cannot specify '${spec.grouping}' with 's'.`)
  if (spec.alternate) return fail("Alternate form (#) not allowed in string format specifier")
  return pad(spec.precision === undefined ? text : codePoints(text).slice(0, spec.precision).join(""), spec, "<")
}

const unknown = (spec: Spec, value: Value): never =>
  fail(`Unknown format code '${spec.type}' for object of type '${typeName(value)}'`)

/** `format(value, spec)`. */
export const format = (machine: Machine, value: Value, text: string): string => {
  if (text === "") return str(machine, value)
  if (typeof value === "string" || value instanceof Markup) {
    const spec = parseSpec(machine, text)
    return spec.type === "" || spec.type === "s" ? formatText(str(machine, value), spec) : unknown(spec, value)
  }
  const number = numberOf(value)
  if (number === undefined) {
    return fail(
      `unsupported format string passed to ${value instanceof Undefined ? "Undefined" : typeName(value)}.__format__`
    )
  }
  const spec = parseSpec(machine, text)
  if (value instanceof Float) {
    return spec.type === "" || "eEfFgGn%".includes(spec.type) ? formatFloat(value.value, spec) : unknown(spec, value)
  }
  if (spec.type === "" || "bcdoxXn".includes(spec.type)) return formatInt(number, spec)
  return "eEfFgG%".includes(spec.type) ? formatFloat(Number(number), spec) : unknown(spec, value)
}
