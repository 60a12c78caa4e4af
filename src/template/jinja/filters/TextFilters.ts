/** Filters that return text. */
import { percent } from "../format/PercentFormat.ts"
import { wrapLines } from "../format/WordWrap.ts"
import { add } from "../methods/Arithmetic.ts"
import { replace, splitLines, splitSpaces, stringMethods } from "../methods/StringMethods.ts"
import * as Argument from "../values/Argument.ts"
import { numberOf, textOf, truthy } from "../values/Compare.ts"
import { escape, escapeText } from "../values/Escape.ts"
import { fail } from "../values/Failure.ts"
import { iterate, length } from "../values/Iterate.ts"
import * as Json from "../values/Json.ts"
import type { Machine } from "../values/Machine.ts"
import { fixed } from "../values/Number.ts"
import { codePoints, str, textLength, typeName } from "../values/Text.ts"
import { Dict, isList, Markup, noKwargs, Tuple, Undefined, type Value } from "../values/Value.ts"
import { parseFloatText } from "./NumberFilters.ts"

/** `soft_str`: text, with Markup kept. */
const soft = (machine: Machine, value: Value): string | Markup => value instanceof Markup ? value : str(machine, value)

const entry = (
  name: string,
  parameters: string,
  run: (machine: Machine, value: Value, args: Argument.Bound) => Value
) => [name, Argument.native(name, parameters, run)] as const

/** A filter that is the str method of that name, after printing its value. */
const viaMethod = (name: string, parameters: string, method = name): readonly [string, Argument.Native] =>
  entry(name, parameters, (machine, value, args) => {
    const given = args.filter((arg) => arg !== undefined)
    return stringMethods.get(method)?.call(machine, soft(machine, value), given, noKwargs) ?? null
  })

/** Python's `[-\s({[<]+`, whose white space has the four separators and U+0085 besides. */
// oxlint-disable-next-line no-control-regex
const wordStart = /([-\s\x1c-\x1f\x85({[<]+)/

const title = (machine: Machine, value: Value): Value => {
  const text = str(machine, value)
  machine.chars(text.length)
  return text.split(wordStart).map((part) => {
    const [first = ""] = part
    return first.toUpperCase() + part.slice(first.length).toLowerCase()
  }).join("")
}

const replaceFilter = (
  machine: Machine,
  value: Value,
  [old = null, fresh = null, count = null]: Argument.Bound
): Value =>
  replace(
    machine,
    str(machine, value),
    str(machine, old),
    str(machine, fresh),
    count === null ? -1 : Argument.integer(count)
  )

const indent = (machine: Machine, value: Value, [width = 4, first = false, blank = false]: Argument.Bound): Value => {
  if (textOf(value) === undefined) add(machine, value, "\n")
  const text = Argument.text(value)
  const margin = textOf(width) ?? " ".repeat(Math.max(0, Math.min(Argument.integer(width), machine.limits.text)))
  const lines = splitLines(text + "\n")
  machine.items(lines.length)
  machine.text(text.length + margin.length * lines.length)
  const body = truthy(blank)
    ? lines.join("\n" + margin)
    : lines.map((line, index) => index === 0 || line === "" ? line : margin + line).join("\n")
  const out = truthy(first) ? margin + body : body
  return value instanceof Markup ? new Markup(out) : out
}

const truncate = (
  machine: Machine,
  value: Value,
  [size = 255, kill = false, end = "...", leeway = null]: Argument.Bound
): Value => {
  const limit = Argument.integer(size)
  const tail = Argument.text(end)
  const slack = leeway === null ? 5 : Argument.integer(leeway)
  if (limit < textLength(tail)) return fail(`expected length >= ${textLength(tail)}, got ${limit}`)
  if (slack < 0) return fail(`expected leeway >= 0, got ${slack}`)
  const text = textOf(value)
  if (text === undefined) {
    return length(machine, value) <= limit + slack
      ? value
      : fail(`cannot truncate '${typeName(value)}'`)
  }
  machine.chars(text.length)
  const points = codePoints(text)
  if (points.length <= limit + slack) return value
  const cut = points.slice(0, limit - textLength(tail)).join("")
  const space = cut.lastIndexOf(" ")
  return (truthy(kill) || space < 0 ? cut : cut.slice(0, space)) + tail
}

/** Cuts everything from an opening mark to its closing one; an opening mark that is never closed stays. */
const cutBetween = (text: string, open: string, close: string): string => {
  let out = ""
  let from = 0
  for (let start = text.indexOf(open); start >= 0; start = text.indexOf(open, from)) {
    const end = text.indexOf(close, start + open.length)
    if (end < 0) break
    out += text.slice(from, start)
    from = end + close.length
  }
  return out + text.slice(from)
}

const stripTags = (machine: Machine, value: Value): Value => {
  const text = str(machine, value)
  machine.chars(text.length)
  const bare = cutBetween(cutBetween(text, "<!--", "-->"), "<", ">")
  const plain = splitSpaces(bare).join(" ")
  return plain.replace(/&(?:lt|gt|amp|quot|#39|#34|nbsp);/g, (entity) => entities[entity] ?? entity)
}
const entities: Readonly<Record<string, string>> = {
  "&lt;": "<",
  "&gt;": ">",
  "&amp;": "&",
  "&quot;": "\"",
  "&#39;": "'",
  "&#34;": "\"",
  "&nbsp;": "\u00a0"
}

const wordPattern = /[\p{L}\p{N}_]+/gu
const wordCount = (machine: Machine, value: Value): Value => {
  const text = str(machine, value)
  machine.scan(text.length * 4)
  return text.match(wordPattern)?.length ?? 0
}

const wordWrap = (
  machine: Machine,
  value: Value,
  [width = 79, breakLong = true, separator = null, hyphens = true]: Argument.Bound
): Value => {
  const text = Argument.text(value)
  machine.chars(text.length)
  const options = { width: Argument.integer(width), breakLong: truthy(breakLong), hyphens: truthy(hyphens) }
  if (options.width <= 0) return fail(`invalid width ${options.width} (must be > 0)`)
  const lines = splitLines(text).map((line) =>
    wrapLines(machine, line, options).join(separator === null ? "\n" : Argument.text(separator))
  )
  return lines.join(separator === null ? "\n" : Argument.text(separator))
}

/** `urllib.parse.quote`: letters, digits and `_.-~` stay, and `/` outside a query. */
const quoteUrl = (machine: Machine, value: Value, query: boolean): string => {
  const text = str(machine, value)
  machine.text(text.length * 3)
  const quoted = encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (char) => "%" + char.charCodeAt(0).toString(16).toUpperCase()
  )
  return query ? quoted.replaceAll("%20", "+") : quoted.replaceAll("%2F", "/")
}

const urlEncode = (machine: Machine, value: Value): Value => {
  const single = textOf(value) !== undefined || value === null || numberOf(value) !== undefined
  if (single) return quoteUrl(machine, value, false)
  const pairs = value instanceof Dict
    ? Array.from(value.pairs(), (pair) => new Tuple(pair))
    : Array.from(iterate(machine, value))
  return pairs.map((pair) => {
    const items = pair instanceof Tuple ? pair.items : isList(pair) ? pair : []
    return items.length === 2
      ? `${quoteUrl(machine, items[0] ?? null, true)}=${quoteUrl(machine, items[1] ?? null, true)}`
      : fail("urlencode needs pairs of a name and a value")
  }).join("&")
}

const xmlAttributes = (machine: Machine, value: Value, [space = true]: Argument.Bound): Value => {
  if (!(value instanceof Dict)) return fail(`'${typeName(value)}' object has no attribute 'items'`)
  const parts: Array<string> = []
  for (const [key, item] of value.pairs()) {
    if (item === null || item instanceof Undefined) continue
    const name = Argument.text(key)
    if (/[\t-\r />=]/.test(name)) return fail(`Invalid character in attribute name: ${name}`)
    parts.push(`${escapeText(name)}="${escape(machine, item).text}"`)
  }
  const text = parts.join(" ")
  return truthy(space) && text !== "" ? " " + text : text
}

const sizes = ["k", "M", "G", "T", "P", "E", "Z", "Y"]
const fileSize = (_: Machine, value: Value, [binary = false]: Argument.Bound): Value => {
  const bytes = Number(
    numberOf(value) ?? parseFloatText(Argument.text(value)) ?? fail("could not convert string to float")
  )
  const two = truthy(binary)
  const base = two ? 1024 : 1000
  if (bytes === 1) return "1 Byte"
  if (bytes < base) return `${Math.trunc(bytes)} Bytes`
  const found = sizes.findIndex((_, index) => bytes < base ** (index + 2))
  const step = found < 0 ? sizes.length - 1 : found
  const prefix = sizes[step] ?? ""
  return `${fixed((base * bytes) / base ** (step + 2), 1)} ${two ? prefix.toUpperCase() + "i" : prefix}B`
}

/** The `tojson` that transformers puts in place of Jinja's: `json.dumps` without HTML escapes. */
const toJson = (
  machine: Machine,
  value: Value,
  [ascii = false, indentation = null, separators = null, sortKeys = false]: Argument.Bound
): Value =>
  Json.dumps(machine, value, { ascii: truthy(ascii), indent: indentation, separators, sortKeys: truthy(sortKeys) })

const escapeFilter = (machine: Machine, value: Value): Value => escape(machine, value)

export const formatNative: Argument.Native = {
  call: (machine, value, args, kwargs) => {
    if (args.length > 0 && kwargs.size > 0) {
      return fail("can't handle positional and keyword arguments at the same time")
    }
    const argument = kwargs.size > 0 ? Dict.fromStrings(kwargs) : new Tuple(args)
    return percent(machine, soft(machine, value), argument)
  }
}

export const textFilters: ReadonlyArray<readonly [string, Argument.Native]> = [
  viaMethod("upper", ""),
  viaMethod("lower", ""),
  viaMethod("capitalize", ""),
  viaMethod("trim", "chars?", "strip"),
  entry(
    "center",
    "width?",
    (machine, value, [width = 80]) =>
      stringMethods.get("center")?.call(machine, soft(machine, value), [width], noKwargs) ?? null
  ),
  entry("title", "", title),
  entry("string", "", soft),
  entry("safe", "", (machine, value) => new Markup(str(machine, value))),
  entry("e", "", escapeFilter),
  entry("escape", "", escapeFilter),
  entry("forceescape", "", (machine, value) => escape(machine, str(machine, value))),
  entry("replace", "old new count?", replaceFilter),
  entry("indent", "width? first? blank?", indent),
  entry("truncate", "length? killwords? end? leeway?", truncate),
  entry("striptags", "", stripTags),
  entry("wordcount", "", wordCount),
  entry("wordwrap", "width? break_long_words? wrapstring? break_on_hyphens?", wordWrap),
  entry("urlencode", "", urlEncode),
  entry("xmlattr", "autospace?", xmlAttributes),
  entry("filesizeformat", "binary?", fileSize),
  entry("tojson", "ensure_ascii? indent? separators? sort_keys?", toJson),
  ["format", formatNative]
]
