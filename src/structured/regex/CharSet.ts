/**
 * Sets of characters, by code point.
 *
 * @since 0.1.0
 */

/**
 * A set of Unicode code points: ascending, disjoint, inclusive ranges.
 *
 * @category models
 * @since 0.1.0
 */
export type CharSet = ReadonlyArray<readonly [from: number, to: number]>

const LAST = 0x10ffff

/**
 * Every code point.
 *
 * @category constants
 * @since 0.1.0
 */
export const all: CharSet = [[0, LAST]]

/**
 * The union of ranges in any order.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = (ranges: ReadonlyArray<readonly [number, number]>): CharSet => {
  const out: Array<readonly [number, number]> = []
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = out.at(-1)
    if (last !== undefined && from <= last[1] + 1) out[out.length - 1] = [last[0], Math.max(last[1], to)]
    else out.push([from, to])
  }
  return out
}

/**
 * The set of one code point.
 *
 * @category constructors
 * @since 0.1.0
 */
export const single = (code: number): CharSet => [[code, code]]

/**
 * The set of the characters of a text.
 *
 * @category constructors
 * @since 0.1.0
 */
export const ofText = (text: string): CharSet =>
  of(Array.from(text, (char) => [char.codePointAt(0) ?? 0, char.codePointAt(0) ?? 0] as const))

/**
 * Every other code point.
 *
 * @category combinators
 * @since 0.1.0
 */
export const complement = (set: CharSet): CharSet => {
  const out: Array<readonly [number, number]> = []
  let next = 0
  for (const [from, to] of set) {
    if (from > next) out.push([next, from - 1])
    next = to + 1
  }
  if (next <= LAST) out.push([next, LAST])
  return out
}

/**
 * The code points of both sets.
 *
 * @category combinators
 * @since 0.1.0
 */
export const intersect = (left: CharSet, right: CharSet): CharSet =>
  of(
    left.flatMap(([from, to]) =>
      right.flatMap(([a, b]) => a > to || b < from ? [] : [[Math.max(a, from), Math.min(b, to)] as const])
    )
  )

/**
 * The code points of the first set that are not in the second.
 *
 * @category combinators
 * @since 0.1.0
 */
export const subtract = (left: CharSet, right: CharSet): CharSet => intersect(left, complement(right))

/**
 * Whether a code point is in the set.
 *
 * @category guards
 * @since 0.1.0
 */
export const has = (set: CharSet, code: number): boolean => set.some(([from, to]) => from <= code && code <= to)

/**
 * Whether the set is every code point.
 *
 * @category guards
 * @since 0.1.0
 */
export const isAll = (set: CharSet): boolean => set.length === 1 && set[0]?.[0] === 0 && set[0][1] === LAST

/**
 * Adds the other case of every letter; of long ranges outside ASCII, only of the ASCII part.
 *
 * @category combinators
 * @since 0.1.0
 */
export const foldCase = (set: CharSet): CharSet => {
  const extra: Array<readonly [number, number]> = [...set]
  for (const [from, to] of set) {
    for (const [low, high, shift] of [[0x41, 0x5a, 32], [0x61, 0x7a, -32]] as const) {
      if (from <= high && to >= low) extra.push([Math.max(from, low) + shift, Math.min(to, high) + shift])
    }
    if (to - from > 512) continue
    for (let code = Math.max(from, 0x80); code <= to; code++) {
      const char = String.fromCodePoint(code)
      for (const other of [char.toLowerCase(), char.toUpperCase()]) {
        if (Array.from(other).length === 1) extra.push([other.codePointAt(0) ?? code, other.codePointAt(0) ?? code])
      }
    }
  }
  return of(extra)
}

const hex = (code: number, digits: number): string => code.toString(16).padStart(digits, "0")
const special = /^[\\.^$*+?{}[\]()|-]$/

const member = (code: number): string => {
  if (code < 0x20 || (code >= 0x7f && code <= 0xff)) return `\\x${hex(code, 2)}`
  const char = String.fromCodePoint(code)
  return special.test(char) ? `\\${char}` : char
}

const printed: Array<string> = Array.from({ length: 128 }, (_, code) => member(code))

/**
 * One character as a literal of TGI's regex dialect.
 *
 * @category printing
 * @since 0.1.0
 */
export const printChar = (code: number): string => printed[code] ?? member(code)

/**
 * The set as a literal or a class of TGI's regex dialect; an empty set has no text there.
 *
 * @category printing
 * @since 0.1.0
 */
export const print = (set: CharSet): string => {
  const first = set[0]
  if (set.length === 1 && first !== undefined && first[0] === first[1]) return member(first[0])
  const negated = set.at(-1)?.[1] === LAST
  const inside = members(negated ? complement(set) : set)
  // an empty negated class is not in the dialect; every code point is a class and its complement
  return inside === "" ? "[\\s\\S]" : `[${negated ? "^" : ""}${inside}]`
}

const members = (set: CharSet): string =>
  set.map(([from, to]) =>
    from === to ? member(from) : to === from + 1 ? member(from) + member(to) : `${member(from)}-${member(to)}`
  ).join("")

/**
 * The set as `print` has it, but a class negates characters of ASCII alone: xgrammar 0.2.7 cannot build every other one
 * (`[^\u1680]`, and so `\S`, is an error inside it).
 *
 * @category printing
 * @since 0.2.0
 */
export const printPlainly = (set: CharSet): string =>
  !isAll(set) && set.at(-1)?.[1] === LAST && (complement(set).at(-1)?.[1] ?? 0) > 0x7f
    ? `[${members(set)}]`
    : print(set)

/**
 * The set as a class of llama.cpp's pattern reader and of its grammars: everything but plain characters by number.
 *
 * @category printing
 * @since 0.1.0
 */
export const printBracketed = (set: CharSet): string => {
  if (isAll(set)) return "[\\x00-\\U0010FFFF]"
  const negated = set.at(-1)?.[1] === LAST
  const ranges = negated ? complement(set) : set
  const inside = ranges.map(([from, to]) => from === to ? bracketed(from) : `${bracketed(from)}-${bracketed(to)}`)
  return `[${negated ? "^" : ""}${inside.join("")}]`
}

const bracketed = (code: number): string => {
  const char = String.fromCodePoint(code)
  if (/^[A-Za-z0-9 _.,:;@]$/.test(char)) return char
  return code <= 0xff
    ? `\\x${hex(code, 2).toUpperCase()}`
    : code <= 0xffff
    ? `\\u${hex(code, 4).toUpperCase()}`
    : `\\U${hex(code, 8).toUpperCase()}`
}
