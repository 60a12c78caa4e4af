/** `json.dumps` and `json.loads`: the filter `tojson`, and JSON text read without losing what a template can print. */
import * as Argument from "./Argument.ts"
import { sorted, textOf } from "./Compare.ts"
import { fail, Failure } from "./Failure.ts"
import type { Machine } from "./Machine.ts"
import { bigText, floatText, typeName } from "./Text.ts"
import { Dict, Float, isList, Tuple, type Value } from "./Value.ts"

interface Style {
  readonly machine: Machine
  readonly ascii: boolean
  readonly indent: string | undefined
  readonly itemSeparator: string
  readonly keySeparator: string
  readonly sortKeys: boolean
}

// oxlint-disable no-control-regex -- JSON escapes control characters
const short: Readonly<Record<string, string>> = {
  "\"": "\\\"",
  "\\": "\\\\",
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\b": "\\b",
  "\f": "\\f"
}
const escapeUnit = (unit: string): string => short[unit] ?? "\\u" + unit.charCodeAt(0).toString(16).padStart(4, "0")

const special = /["\\\0-\x1f]/
const specials = /["\\\0-\x1f]/g
const specialOrWide = /[^ !#-[\]-~]/
const specialsOrWide = /[^ !#-[\]-~]/g

export const encodeText = (text: string, ascii: boolean): string => {
  if (!(ascii ? specialOrWide : special).test(text)) return `"${text}"`
  return `"${text.replace(ascii ? specialsOrWide : specials, escapeUnit)}"`
}

const encodeFloat = (value: number): string =>
  Number.isFinite(value) ? floatText(value) : Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity"

const encodeKey = (style: Style, key: Value): string => {
  const text = textOf(key)
  if (text !== undefined) return encodeText(text, style.ascii)
  if (
    key === null || typeof key === "boolean" || typeof key === "number" || typeof key === "bigint" ||
    key instanceof Float
  ) {
    return `"${encode(style, key, "")}"`
  }
  return fail(`keys must be str, int, float, bool or None, not ${typeName(key)}`)
}

const pairsOf = (style: Style, dict: Dict): Iterable<readonly [Value, Value]> =>
  style.sortKeys
    ? sorted(
      style.machine,
      Array.from(dict.pairs(), (pair) => new Tuple(pair)),
      (pair) => pair instanceof Tuple ? pair.items[0] ?? null : null,
      false
    )
      .map((pair): readonly [Value, Value] =>
        pair instanceof Tuple ? [pair.items[0] ?? null, pair.items[1] ?? null] : [null, null]
      )
    : dict.pairs()

/** The members of an object or a list, one after the other, each on a line of its own where lines are indented. */
class Members {
  private readonly style: Style
  private readonly margin: string
  private readonly start: string
  private readonly between: string
  private text = ""
  private length = 0

  constructor(style: Style, margin: string) {
    this.style = style
    this.margin = margin
    this.start = style.indent === undefined ? "" : "\n" + margin + style.indent
    this.between = style.itemSeparator + this.start
    style.machine.enter(1)
  }

  add(part: string): void {
    this.style.machine.text(this.length += part.length + 2 + this.margin.length)
    this.text += (this.text === "" ? this.start : this.between) + part
  }

  end(open: string, close: string): string {
    this.style.machine.leave(1)
    if (this.text === "") return open + close
    return open + this.text + (this.style.indent === undefined ? close : "\n" + this.margin + close)
  }
}

const encodeDict = (style: Style, dict: Dict, margin: string, inner: string): string => {
  const members = new Members(style, margin)
  for (const [key, value] of pairsOf(style, dict)) {
    members.add(encodeKey(style, key) + style.keySeparator + encode(style, value, inner))
  }
  return members.end("{", "}")
}

const encodeList = (style: Style, items: ReadonlyArray<Value>, margin: string, inner: string): string => {
  const members = new Members(style, margin)
  for (const item of items) members.add(encode(style, item, inner))
  return members.end("[", "]")
}

const encode = (style: Style, value: Value, margin: string): string => {
  const text = typeof value === "string" ? value : textOf(value)
  if (text !== undefined) {
    style.machine.scan(text.length)
    const encoded = encodeText(text, style.ascii)
    style.machine.chars(encoded.length - text.length)
    return encoded
  }
  if (value === null) return "null"
  if (typeof value === "boolean") return value ? "true" : "false"
  if (typeof value === "number") return String(value)
  if (typeof value === "bigint") return bigText(value)
  if (value instanceof Float) return encodeFloat(value.value)
  const inner = margin + (style.indent ?? "")
  if (value instanceof Dict) return encodeDict(style, value, margin, inner)
  if (isList(value)) return encodeList(style, value, margin, inner)
  if (value instanceof Tuple) return encodeList(style, value.items, margin, inner)
  return fail(`Object of type ${typeName(value)} is not JSON serializable`)
}

export interface DumpOptions {
  readonly ascii: boolean
  /** None, a number of spaces, or the text to indent with. */
  readonly indent: Value
  /** None, or a pair of item and key separator. */
  readonly separators: Value
  readonly sortKeys: boolean
}

const separatorsOf = (options: DumpOptions): readonly [string, string] => {
  const { separators } = options
  if (separators === null) return [options.indent === null ? ", " : ",", ": "]
  const pair = separators instanceof Tuple ? separators.items : isList(separators) ? separators : []
  return pair.length === 2
    ? [Argument.text(pair[0]), Argument.text(pair[1])]
    : fail("separators must be a pair of strings")
}

/** `json.dumps(value, ensure_ascii=…, indent=…, separators=…, sort_keys=…)`. */
export const dumps = (machine: Machine, value: Value, options: DumpOptions): string => {
  const [itemSeparator, keySeparator] = separatorsOf(options)
  const width = textOf(options.indent) === undefined && options.indent !== null
    ? Math.max(0, Argument.integer(options.indent))
    : 0
  machine.text(width)
  const indent = options.indent === null ? undefined : textOf(options.indent) ?? " ".repeat(width)
  return encode(
    { machine, ascii: options.ascii, indent, itemSeparator, keySeparator, sortKeys: options.sortKeys },
    value,
    ""
  )
}

/** JSON as a template can print it without loss: objects are Maps, which keep the order of keys like `"2"`, and floats stay floats. */
export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Float
  | ReadonlyArray<JsonValue>
  | ReadonlyMap<string, JsonValue>

/** Nesting of JSON text that is still read, in levels. */
const maxNesting = 500

const space = /[ \t\n\r]*/y
const numeral = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?/y
const literal = /"(?:[^"\\\0-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
const word = /null|true|false|NaN|-?Infinity/y
const words: Readonly<Record<string, () => JsonValue>> = {
  null: () => null,
  true: () => true,
  false: () => false,
  NaN: () => new Float(NaN),
  Infinity: () => new Float(Infinity),
  "-Infinity": () => new Float(-Infinity)
}

class Reader {
  private readonly text: string
  private at = 0
  constructor(text: string) {
    this.text = text
  }

  private fail(): never {
    throw new Failure("InvalidInput", `not valid JSON at character ${this.at}`)
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at
    const match = pattern.exec(this.text)
    if (match !== null) this.at = pattern.lastIndex
    return match
  }

  private skip(mark: string): boolean {
    this.match(space)
    if (this.text[this.at] !== mark) return false
    this.at++
    return true
  }

  private string(): string | undefined {
    const match = this.match(literal)
    return match === null ? undefined : String(JSON.parse(match[0]))
  }

  private list(depth: number): ReadonlyArray<JsonValue> {
    const items: Array<JsonValue> = []
    if (this.skip("]")) return items
    do {
      items.push(this.value(depth))
    } while (this.skip(","))
    return this.skip("]") ? items : this.fail()
  }

  private map(depth: number): ReadonlyMap<string, JsonValue> {
    const map = new Map<string, JsonValue>()
    if (this.skip("}")) return map
    do {
      this.match(space)
      const key = this.string()
      if (key === undefined || !this.skip(":")) return this.fail()
      map.set(key, this.value(depth))
    } while (this.skip(","))
    return this.skip("}") ? map : this.fail()
  }

  private number(): JsonValue | undefined {
    const match = this.match(numeral)
    if (match === null) return undefined
    if (match[1] !== undefined || match[2] !== undefined) return new Float(Number(match[0]))
    const value = Number(match[0])
    return Number.isSafeInteger(value) ? value + 0 : BigInt(match[0])
  }

  value(depth: number): JsonValue {
    if (depth > maxNesting) throw new Failure("InvalidInput", `JSON nested deeper than ${maxNesting} levels`)
    if (this.skip("{")) return this.map(depth + 1)
    if (this.skip("[")) return this.list(depth + 1)
    const named = this.match(word)
    if (named !== null) return words[named[0]]?.() ?? null
    return this.string() ?? this.number() ?? this.fail()
  }

  end(): void {
    this.match(space)
    if (this.at < this.text.length) this.fail()
  }
}

/** `json.loads(text)`: whole floats stay floats, large integers exact, and keys in the order they were written. */
export const parse = (text: string): JsonValue => {
  const reader = new Reader(text)
  const value = reader.value(0)
  reader.end()
  return value
}
