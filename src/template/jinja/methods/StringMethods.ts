/** The methods of str (and Markup) that a template may call. Positions count code points. */
import * as Argument from "../values/Argument.ts"
import { textOf } from "../values/Compare.ts"
import { escape } from "../values/Escape.ts"
import { fail } from "../values/Failure.ts"
import { iterate } from "../values/Iterate.ts"
import * as Letter from "../values/Letter.ts"
import type { Machine } from "../values/Machine.ts"
import { isSpace, trimEnd, trimStart } from "../values/Space.ts"
import { codePoints, isPlain, isPrintable, textLength, typeName } from "../values/Text.ts"
import { isList, Markup, Tuple, type Value } from "../values/Value.ts"

type Side = "both" | "left" | "right"

/** `strip(chars)`: a set of characters, or Unicode white space when it is None. */
export const strip = (text: string, chars: Value | undefined, side: Side): string => {
  if (chars === undefined || chars === null) {
    const left = side === "right" ? text : trimStart(text)
    return side === "left" ? left : trimEnd(left)
  }
  const set = new Set(codePoints(Argument.text(chars)))
  const points = codePoints(text)
  let start = 0
  let end = points.length
  if (side !== "right") { while (start < end && set.has(points[start] ?? "")) start++ }
  if (side !== "left") { while (end > start && set.has(points[end - 1] ?? "")) end-- }
  return points.slice(start, end).join("")
}

// oxlint-disable-next-line no-control-regex -- the line boundaries of str.splitlines
const lineBreak = /\r\n|[\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029]/g

export const splitLines = (text: string, keepEnds = false): Array<string> => {
  const lines: Array<string> = []
  let start = 0
  for (const match of text.matchAll(lineBreak)) {
    const end = match.index + match[0].length
    lines.push(text.slice(start, keepEnds ? end : match.index))
    start = end
  }
  if (start < text.length) lines.push(text.slice(start))
  return lines
}

/** `split()` at white space; what is left after `limit` parts stays as it is. */
export const splitSpaces = (text: string, limit = Infinity): Array<string> => {
  const parts: Array<string> = []
  let at = 0
  while (at < text.length) {
    while (at < text.length && isSpace(text.charCodeAt(at))) at++
    if (at >= text.length) break
    if (parts.length === limit) {
      parts.push(text.slice(at))
      break
    }
    const start = at
    while (at < text.length && !isSpace(text.charCodeAt(at))) at++
    parts.push(text.slice(start, at))
  }
  return parts
}

const splitSpacesRight = (text: string, limit: number): Array<string> => {
  const parts: Array<string> = []
  let at = text.length
  while (at > 0) {
    while (at > 0 && isSpace(text.charCodeAt(at - 1))) at--
    if (at === 0) break
    if (parts.length === limit) {
      parts.push(text.slice(0, at))
      break
    }
    const end = at
    while (at > 0 && !isSpace(text.charCodeAt(at - 1))) at--
    parts.push(text.slice(at, end))
  }
  return parts.toReversed()
}

const splitOn = (text: string, separator: string, limit: number): Array<string> => {
  const parts = text.split(separator)
  return parts.length <= limit + 1 ? parts : [...parts.slice(0, limit), parts.slice(limit).join(separator)]
}

const splitOnRight = (text: string, separator: string, limit: number): Array<string> => {
  const parts: Array<string> = []
  let end = text.length
  while (parts.length < limit) {
    const at = end < separator.length ? -1 : text.lastIndexOf(separator, end - separator.length)
    if (at < 0) break
    parts.push(text.slice(at + separator.length, end))
    end = at
  }
  parts.push(text.slice(0, end))
  return parts.toReversed()
}

const split = (
  machine: Machine,
  value: Value,
  [separator = null, maxSplit = -1]: Argument.Bound,
  right: boolean
): Array<string> => {
  const text = Argument.text(value)
  const wanted = Argument.integer(maxSplit)
  const limit = wanted < 0 ? Infinity : wanted
  machine.scan(text.length)
  let parts: Array<string>
  if (separator === null) parts = right ? splitSpacesRight(text, limit) : splitSpaces(text, limit)
  else {
    const mark = Argument.text(separator)
    if (mark === "") return fail("empty separator")
    parts = right ? splitOnRight(text, mark, limit) : splitOn(text, mark, limit)
  }
  machine.items(parts.length)
  return parts
}

export const replace = (machine: Machine, text: string, old: string, fresh: string, count: number): string => {
  machine.scan(text.length)
  const parts = old === "" ? ["", ...codePoints(text), ""] : text.split(old)
  const changes = count < 0 ? parts.length - 1 : Math.min(count, parts.length - 1)
  machine.spend(parts.length)
  machine.text(text.length + changes * Math.max(0, fresh.length - old.length))
  if (changes === parts.length - 1) return parts.join(fresh)
  return parts.slice(0, changes + 1).join(fresh) + (changes + 1 < parts.length ? old : "") +
    parts.slice(changes + 1).join(old)
}

/** The window `[start:end]` that find, count, index, startswith and endswith look at. */
const window = (text: string, start: Value, end: Value): readonly [text: string, offset: number] | undefined => {
  if (start === null && end === null) return [text, 0]
  const points = codePoints(text)
  const from = start === null ? 0 : Argument.integer(start)
  const to = end === null ? points.length : Argument.integer(end)
  const first = Math.max(0, from < 0 ? from + points.length : from)
  const last = Math.min(points.length, to < 0 ? to + points.length : to)
  return first > points.length || last < first ? undefined : [points.slice(first, last).join(""), first]
}

const find = (
  machine: Machine,
  value: Value,
  [part, start = null, end = null]: Argument.Bound,
  right: boolean
): number => {
  const text = Argument.text(value)
  machine.text(text.length)
  const wanted = Argument.text(part)
  const seen = window(text, start, end)
  if (seen === undefined) return -1
  const at = right ? seen[0].lastIndexOf(wanted) : seen[0].indexOf(wanted)
  return at < 0 ? -1 : seen[1] + (isPlain(seen[0]) ? at : textLength(seen[0].slice(0, at)))
}

const finder = (right: boolean, raising: boolean) => (machine: Machine, value: Value, args: Argument.Bound): Value => {
  const at = find(machine, value, args, right)
  return at < 0 && raising ? fail("substring not found") : at
}

const count = (machine: Machine, value: Value, [part, start = null, end = null]: Argument.Bound): Value => {
  const text = Argument.text(value)
  machine.scan(text.length)
  const wanted = Argument.text(part)
  const seen = window(text, start, end)
  if (seen === undefined) return 0
  if (wanted === "") return textLength(seen[0]) + 1
  let found = 0
  for (let at = seen[0].indexOf(wanted); at >= 0; at = seen[0].indexOf(wanted, at + wanted.length)) found++
  machine.spend(found >> 2)
  return found
}

const affix =
  (test: (text: string, part: string) => boolean) =>
  (machine: Machine, value: Value, [part = null, start = null, end = null]: Argument.Bound): Value => {
    machine.spend(1)
    const seen = window(Argument.text(value), start, end)
    const parts = part instanceof Tuple ? part.items.map(Argument.text) : [Argument.text(part)]
    return seen !== undefined && parts.some((wanted) => test(seen[0], wanted))
  }

const partition = (right: boolean) => (machine: Machine, value: Value, [separator]: Argument.Bound): Value => {
  const text = Argument.text(value)
  const mark = Argument.text(separator)
  machine.text(text.length)
  if (mark === "") return fail("empty separator")
  const at = right ? text.lastIndexOf(mark) : text.indexOf(mark)
  if (at < 0) return new Tuple(right ? ["", "", text] : [text, "", ""])
  return new Tuple([text.slice(0, at), mark, text.slice(at + mark.length)])
}

const justify =
  (place: (missing: number, width: number) => number) =>
  (machine: Machine, value: Value, [widthValue = 0, fillValue = " "]: Argument.Bound): Value => {
    const text = Argument.text(value)
    const width = Argument.integer(widthValue)
    const fill = Argument.text(fillValue)
    if (textLength(fill) !== 1) return fail("The fill character must be exactly one character long")
    const missing = width - textLength(text)
    if (missing <= 0) return text
    machine.text(width)
    const left = place(missing, width)
    return fill.repeat(left) + text + fill.repeat(missing - left)
  }

/** CPython puts the odd space on the left only if the width is odd. */
export const center = justify((missing, width) => (missing >> 1) + (missing & width & 1))

const zfill = (machine: Machine, value: Value, [width = 0]: Argument.Bound): Value => {
  const text = Argument.text(value)
  const missing = Argument.integer(width) - textLength(text)
  machine.text(Math.max(0, missing))
  const sign = /^[-+]/.exec(text)?.[0] ?? ""
  return missing <= 0 ? text : sign + "0".repeat(missing) + text.slice(sign.length)
}

const join = (machine: Machine, value: Value, [items = null]: Argument.Bound): Value => {
  const separator = Argument.text(value)
  const parts: Array<string> = []
  let length = 0
  for (const item of iterate(machine, items)) {
    const part = textOf(item)
    if (part === undefined) return fail(`sequence item ${parts.length}: expected str instance, ${typeName(item)} found`)
    machine.text(length += part.length + separator.length)
    parts.push(part)
  }
  return parts.join(separator)
}

const expandTabs = (machine: Machine, value: Value, [size = 8]: Argument.Bound): Value => {
  const width = Argument.integer(size)
  let column = 0
  let out = ""
  const text = Argument.text(value)
  machine.chars(text.length)
  for (const char of text) {
    if (char === "\t") {
      const fill = width > 0 ? width - column % width : 0
      machine.text(out.length + fill)
      out += " ".repeat(fill)
      column += fill
    } else {
      out += char
      column = char === "\n" || char === "\r" ? 0 : column + 1
    }
  }
  return out
}

const removeAffix = (prefix: boolean) => (_: Machine, value: Value, [part]: Argument.Bound): Value => {
  const text = Argument.text(value)
  const wanted = Argument.text(part)
  if (wanted === "" || !(prefix ? text.startsWith(wanted) : text.endsWith(wanted))) return text
  return prefix ? text.slice(wanted.length) : text.slice(0, -wanted.length)
}

/** `cost` is how much more expensive than a scan one character is. */
const mapped = (name: string, change: (text: string) => Value, cost = 1): readonly [string, Argument.Native] => [
  name,
  Argument.native(name, "", (machine, value) => {
    const text = Argument.text(value)
    machine.scan(text.length * cost)
    return change(text)
  }, true)
]

const positional = (
  name: string,
  parameters: string,
  run: (machine: Machine, value: Value, args: Argument.Bound) => Value
) => [name, Argument.native(name, parameters, run, true)] as const

const stripping = (name: string, side: Side) =>
  positional(name, "chars?", (machine, value, [chars]) => {
    const text = Argument.text(value)
    if (chars === undefined || chars === null) machine.text(text.length)
    else machine.chars(text.length)
    return strip(text, chars, side)
  })

const replaceMethod = (machine: Machine, value: Value, [old, fresh, limit = -1]: Argument.Bound): Value =>
  replace(machine, Argument.text(value), Argument.text(old), Argument.text(fresh), Argument.integer(limit))

const plainMethods: ReadonlyArray<readonly [string, Argument.Native]> = [
  stripping("strip", "both"),
  stripping("lstrip", "left"),
  stripping("rstrip", "right"),
  ["split", Argument.native("split", "sep? maxsplit?", (machine, value, args) => split(machine, value, args, false))],
  ["rsplit", Argument.native("rsplit", "sep? maxsplit?", (machine, value, args) => split(machine, value, args, true))],
  [
    "splitlines",
    Argument.native("splitlines", "keepends?", (machine, value, [keep = false]) => {
      const text = Argument.text(value)
      machine.scan(text.length)
      const lines = splitLines(text, Argument.integer(keep) !== 0)
      machine.items(lines.length)
      return lines
    })
  ],
  positional("replace", "old new count?", replaceMethod),
  positional("find", "sub start? end?", finder(false, false)),
  positional("rfind", "sub start? end?", finder(true, false)),
  positional("index", "sub start? end?", finder(false, true)),
  positional("rindex", "sub start? end?", finder(true, true)),
  positional("count", "sub start? end?", count),
  positional("startswith", "prefix start? end?", affix((text, part) => text.startsWith(part))),
  positional("endswith", "suffix start? end?", affix((text, part) => text.endsWith(part))),
  positional("partition", "sep", partition(false)),
  positional("rpartition", "sep", partition(true)),
  positional("center", "width fillchar?", center),
  positional("ljust", "width fillchar?", justify(() => 0)),
  positional("rjust", "width fillchar?", justify((missing) => missing)),
  positional("zfill", "width", zfill),
  positional("join", "iterable", join),
  ["expandtabs", Argument.native("expandtabs", "tabsize?", expandTabs)],
  positional("removeprefix", "prefix", removeAffix(true)),
  positional("removesuffix", "suffix", removeAffix(false)),
  mapped("upper", (text) => text.toUpperCase()),
  mapped("lower", (text) => text.toLowerCase()),
  mapped("capitalize", Letter.capitalize),
  mapped("title", Letter.titleCase, 8),
  mapped("swapcase", Letter.swapCase, 8),
  mapped("casefold", Letter.foldCase),
  mapped("islower", Letter.isLower),
  mapped("isupper", Letter.isUpper),
  mapped("istitle", Letter.isTitle, 8),
  mapped("isspace", (text) => text !== "" && trimEnd(text) === ""),
  mapped("isprintable", (text) => codePoints(text).every(isPrintable), 16),
  ...Object.entries(Letter.classes).map(([name, pattern]) => mapped(name, (text) => pattern.test(text)))
]

const toMarkup = (value: Value): Value =>
  typeof value === "string"
    ? new Markup(value)
    : isList(value)
    ? value.map(toMarkup)
    : value instanceof Tuple
    ? new Tuple(value.items.map(toMarkup))
    : value

/** On Markup the same methods escape what they are given and give Markup back. */
const aware = ([name, method]: readonly [string, Argument.Native]): readonly [string, Argument.Native] => [name, {
  call: (machine, value, args, kwargs) => {
    if (typeof value === "string") return method.call(machine, value, args, kwargs)
    const escaped = args.map((arg) => typeof arg === "string" ? escape(machine, arg) : arg)
    const items = name === "join"
      ? args.map((arg) => Array.from(iterate(machine, arg), (item) => escape(machine, item)))
      : escaped
    return toMarkup(method.call(machine, value, items, kwargs))
  }
}]

export const stringMethods: ReadonlyMap<string, Argument.Native> = new Map(plainMethods.map(aware))
