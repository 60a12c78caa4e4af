/**
 * Values of a schema, made from its tree: to see what a grammar of it can and cannot write.
 *
 * @since 0.2.0
 */
import type * as Schema from "effect/Schema"
import * as CharSet from "../regex/CharSet.ts"
import type { Regex } from "../regex/RegexSyntax.ts"
import * as Members from "./Members.ts"
import type { Document, Fields, List, Numeric, Text, Tree } from "./tree/JsonSchemaTree.ts"
import { literal } from "./tree/JsonSchemaTree.ts"

const MAX_DEPTH = 6
/** Texts with characters that JSON escapes, and others. */
const texts = ["word", "two words", "say \"yes\"", "first\nsecond", "C:\\temp", "é😀"]
const formats: Readonly<Record<string, string>> = {
  "date-time": "2024-02-29T12:30:00Z",
  date: "2024-02-29",
  time: "12:30:00Z",
  duration: "P1D",
  email: "someone@example.com",
  hostname: "example.com",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
  uuid: "123e4567-e89b-12d3-a456-426614174000",
  uri: "https://example.com/a",
  byte: "aGVsbG8="
}

/** A sequence that is the same in every run. */
const sequence = (seed: number) => {
  let state = seed * 2654435761 + 1
  return (below: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return below <= 0 ? 0 : (state >>> 8) % below
  }
}

type Next = ReturnType<typeof sequence>

/**
 * A value of a document, the same for the same number; undefined if none is found, as for unknown formats.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = ({ definitions, tree }: Document, seed: number): Schema.Json | undefined => {
  const next = sequence(seed)
  const go = (tree: Tree | undefined, depth: number): Schema.Json | undefined => {
    const at = Members.follow(tree, definitions)
    switch (at?._tag) {
      case "Literal":
        return at.values[next(at.values.length)]
      case "Text":
        return text(at, next)
      case "Numeric":
        return numeric(at, next)
      case "List":
        return list(at, depth)
      case "Fields":
        return fields(at, depth)
      case "Free":
        return [1, "first\nsecond", { key: [true, { inner: [] }] }][next(3)]
      case "Union": {
        // the scalars end a recursion
        const flat = at.members.filter((member) => ["Literal", "Text", "Numeric"].includes(member._tag))
        const members = depth > MAX_DEPTH && flat.length > 0 ? flat : at.members
        return go(members[next(members.length)], depth + 1)
      }
      default:
        return undefined
    }
  }
  const list = (at: List, depth: number): Schema.Json | undefined => {
    const most = Math.min(at.max ?? Infinity, at.rest === undefined ? at.prefix.length : Infinity)
    const length = depth > MAX_DEPTH ? at.min : Math.min(most, Math.max(at.min, at.prefix.length - next(2)) + next(3))
    const items = Array.from({ length }, (_, index) => go(at.prefix[index] ?? at.rest, depth + 1))
    return items.every((item) => item !== undefined) ? items : undefined
  }
  const fields = (at: Fields, depth: number): Schema.Json | undefined => {
    const out: Record<string, Schema.Json> = {}
    for (const { name, required, value } of at.properties) {
      if (!required && (depth > MAX_DEPTH || next(2) === 0)) continue
      const made = go(value, depth + 1)
      if (made !== undefined) Object.defineProperty(out, name, { value: made, enumerable: true, configurable: true })
      else if (required) return undefined
    }
    const [rest] = at.rests
    if (rest !== undefined && depth <= MAX_DEPTH && (next(2) === 0 || Object.keys(out).length < at.min)) {
      const key = rest.key.content === undefined ? "further" : ofRegex(rest.key.content, next)
      const made = go(rest.value, depth + 1)
      if (made !== undefined && !Object.hasOwn(out, key)) out[key] = made
    }
    const count = Object.keys(out).length
    return count < at.min || count > (at.max ?? Infinity) ? undefined : out
  }
  return go(tree ?? literal([null]), 0)
}

const text = ({ content, format, max = Infinity, min }: Text, next: Next): string | undefined => {
  if (content !== undefined) {
    const made = ofRegex(content, next)
    const length = Array.from(made).length
    return length >= min && length <= max ? made : undefined
  }
  if (format !== undefined) return formats[format]
  const chars = Array.from((texts[next(texts.length)] ?? "").padEnd(Math.min(min, 2000), "x"))
  return chars.slice(0, Math.min(max, chars.length)).join("")
}

const numeric = (
  { exclusiveMaximum, exclusiveMinimum, integer, maximum, minimum, multipleOf }: Numeric,
  next: Next
) => {
  const low = minimum ?? exclusiveMinimum ?? Math.min(0, (maximum ?? exclusiveMaximum ?? 1000) - 1000)
  const high = maximum ?? exclusiveMaximum ?? low + 1000
  const step = multipleOf ?? (integer ? 1 : (high - low) / 8)
  const first = Math.ceil(low / step)
  const count = Math.max(1, Math.floor(high / step) - first + 1)
  const value = (first + next(Math.min(count, 50))) * step
  if (value === exclusiveMinimum || value === exclusiveMaximum) return (low + high) / 2
  return value < low || value > high ? low : value
}

const ofRegex = (regex: Regex, next: Next): string => {
  switch (regex._tag) {
    case "Chars": {
      const ascii = CharSet.intersect(regex.set, [[0x20, 0x7e]])
      const ranges = ascii.length > 0 && next(4) > 0 ? ascii : regex.set
      const [from = 0x78, to = 0x78] = ranges[next(ranges.length)] ?? []
      const code = from + next(Math.min(to - from + 1, 64))
      return String.fromCodePoint(code >= 0xd800 && code <= 0xdfff ? from : code)
    }
    case "Seq":
      return regex.parts.map((part) => ofRegex(part, next)).join("")
    case "Alt": {
      const option = regex.options[next(regex.options.length)]
      return option === undefined ? "" : ofRegex(option, next)
    }
    case "Repeat": {
      const times = regex.min + next(Math.min((regex.max ?? regex.min + 3) - regex.min + 1, 4))
      return Array.from({ length: times }, () => ofRegex(regex.of, next)).join("")
    }
    default:
      return ""
  }
}
