/** Python's view of text: code points, its own white space, and what `str()` and `repr()` print. */
import { fail } from "./Failure.ts"
import type { Machine } from "./Machine.ts"
import {
  Callable,
  Cycler,
  Dict,
  DictView,
  Float,
  isList,
  Iter,
  Loop,
  Markup,
  Namespace,
  Range,
  Tuple,
  Undefined,
  type Value
} from "./Value.ts"

const astral = /[\ud800-\udbff][\udc00-\udfff]/

/** Whether UTF-16 units and code points are the same thing in this text, as they nearly always are. */
export const isPlain = (text: string): boolean => !astral.test(text)

export const codePoints = (text: string): ReadonlyArray<string> => isPlain(text) ? text.split("") : Array.from(text)

export const textLength = (text: string): number => {
  if (isPlain(text)) return text.length
  let count = 0
  for (const _ of text) count++
  return count
}

/** `float.__repr__`: the shortest digits, an exponent below 1e-4 and from 1e16 on, always a point or an exponent. */
export const floatText = (value: number): string => {
  if (Number.isNaN(value)) return "nan"
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf"
  if (Object.is(value, -0)) return "-0.0"
  const [mantissa = "", exponentText = "0"] = value.toExponential().split("e")
  const exponent = Number(exponentText)
  if (value !== 0 && (exponent < -4 || exponent >= 16)) {
    const digits = Math.abs(exponent) < 10 ? "0" + Math.abs(exponent) : String(Math.abs(exponent))
    return `${mantissa}e${exponent < 0 ? "-" : "+"}${digits}`
  }
  const plain = exponent < 0 ? decimalOf(mantissa, exponent) : String(value)
  return plain.includes(".") ? plain : plain + ".0"
}

const decimalOf = (mantissa: string, exponent: number): string => {
  const sign = mantissa.startsWith("-") ? "-" : ""
  return `${sign}0.${"0".repeat(-exponent - 1)}${mantissa.replace("-", "").replace(".", "")}`
}

/** CPython refuses to print longer ints (`sys.set_int_max_str_digits`). */
const maxDigits = 4300

export const bigText = (value: bigint): string => {
  const text = value.toString()
  if (text.length > maxDigits) fail(`Exceeds the limit (${maxDigits} digits) for integer string conversion`)
  return text
}

const simpleText = /^[\x20-\x26\x28-\x5b\x5d-\x7e]*$/
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Zs}]/u
export const isPrintable = (char: string): boolean => char === " " || !unprintable.test(char)

const escapeChar = (char: string, quote: string): string => {
  if (char === quote || char === "\\") return "\\" + char
  if (char === "\n") return "\\n"
  if (char === "\r") return "\\r"
  if (char === "\t") return "\\t"
  const code = char.codePointAt(0) ?? 0
  if (code >= 32 && code < 127) return char
  if (code > 160 && isPrintable(char)) return char
  if (code < 256) return "\\x" + code.toString(16).padStart(2, "0")
  return code < 0x10000 ? "\\u" + code.toString(16).padStart(4, "0") : "\\U" + code.toString(16).padStart(8, "0")
}

/** `repr` of a str: single quotes unless the text holds one and no double quote. */
export const quote = (text: string): string => {
  if (simpleText.test(text)) return `'${text}'`
  const mark = text.includes("'") && !text.includes("\"") ? "\"" : "'"
  let out = mark
  for (const char of text) out += escapeChar(char, mark)
  return out + mark
}

export const typeName = (value: Value): string => {
  if (value === null) return "NoneType"
  switch (typeof value) {
    case "boolean":
      return "bool"
    case "number":
    case "bigint":
      return "int"
    case "string":
      return "str"
  }
  if (isList(value)) return "list"
  if (value instanceof Float) return "float"
  if (value instanceof Markup) return "Markup"
  if (value instanceof Tuple) return "tuple"
  if (value instanceof Dict) return "dict"
  if (value instanceof DictView) return "dict_" + value.kind
  if (value instanceof Range) return "range"
  if (value instanceof Iter) return value.kind
  if (value instanceof Undefined) return "Undefined"
  if (value instanceof Namespace) return "Namespace"
  if (value instanceof Cycler) return "Cycler"
  if (value instanceof Loop) return "LoopContext"
  return "function"
}

/** `str(value)`: what `{{ }}`, `~`, `|string` and `join` print. */
export const str = (machine: Machine, value: Value): string => {
  if (typeof value === "string") return value
  if (value instanceof Markup) return value.text
  if (value instanceof Undefined) return ""
  return repr(machine, value)
}

const joinRepr = (machine: Machine, items: Iterable<Value>): string => {
  const parts: Array<string> = []
  let length = 0
  for (const item of items) {
    const part = repr(machine, item)
    machine.text(length += part.length + 2)
    machine.spend(1)
    parts.push(part)
  }
  return parts.join(", ")
}

const container = (machine: Machine, open: string, close: string, items: Iterable<Value>): string => {
  machine.enter(1)
  const text = open + joinRepr(machine, items) + close
  machine.leave(1)
  return text
}

const dictRepr = (machine: Machine, pairs: Iterable<readonly [Value, Value]>): string => {
  machine.enter(1)
  const parts: Array<string> = []
  let length = 0
  for (const [key, value] of pairs) {
    const part = `${repr(machine, key)}: ${repr(machine, value)}`
    machine.text(length += part.length + 2)
    parts.push(part)
  }
  machine.leave(1)
  return `{${parts.join(", ")}}`
}

const tupleRepr = (machine: Machine, items: ReadonlyArray<Value>): string =>
  container(machine, "(", items.length === 1 ? ",)" : ")", items)

/** `repr(value)`: what is printed inside a list, a tuple or a dict. */
export const repr = (machine: Machine, value: Value): string => {
  if (value === null) return "None"
  switch (typeof value) {
    case "string":
      machine.scan(value.length)
      if (simpleText.test(value)) return `'${value}'`
      machine.chars(value.length)
      return quote(value)
    case "boolean":
      return value ? "True" : "False"
    case "number":
      return String(value)
    case "bigint":
      return bigText(value)
  }
  if (isList(value)) return container(machine, "[", "]", value)
  if (value instanceof Dict) return dictRepr(machine, value.pairs())
  if (value instanceof Float) return floatText(value.value)
  if (value instanceof Tuple) return tupleRepr(machine, value.items)
  if (value instanceof Markup) return `Markup(${quote(value.text)})`
  if (value instanceof Undefined) return "Undefined"
  if (value instanceof DictView) return `dict_${value.kind}(${container(machine, "[", "]", value.items())})`
  if (value instanceof Range) {
    return `range(${value.start}, ${value.stop}${value.step === 1 ? "" : `, ${value.step}`})`
  }
  if (value instanceof Namespace) return `<Namespace ${dictRepr(machine, value.attributes)}>`
  if (value instanceof Loop) return `<LoopContext ${value.index0 + 1}/${value.length}>`
  if (value instanceof Callable) return value.label
  return `<${typeName(value)} object>`
}

/** How an undefined value names the thing it was looked up on. */
export const describe = (value: Value): string => value === null ? "None" : `${typeName(value)} object`
