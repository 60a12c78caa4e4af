/**
 * Grammars in the notation of llama.cpp, which xgrammar reads too: rules over literals, classes of characters and groups.
 *
 * @since 0.2.0
 */
import * as Random from "../wire/Random.ts"

type Item =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "class"; readonly ranges: ReadonlyArray<readonly [number, number]>; readonly negative: boolean }
  | { readonly kind: "rule"; readonly name: string }
  | { readonly kind: "group"; readonly options: Options }
  | { readonly kind: "repeat"; readonly item: Item; readonly min: number; readonly max: number }

type Options = ReadonlyArray<ReadonlyArray<Item>>

/**
 * A parsed grammar.
 *
 * @category models
 * @since 0.2.0
 */
export interface Gbnf {
  readonly rules: ReadonlyMap<string, Options>
  /** The fewest rules that a derivation of each rule passes through. */
  readonly heights: ReadonlyMap<string, number>
}

/** The largest number of repetitions that llama.cpp accepts. @category constants @since 0.2.0 */
export const mostRepetitions = 2000

/** Why a text is not a grammar: the offset at which parsing ended. */
class Malformed {
  readonly offset: number
  constructor(offset: number) {
    this.offset = offset
  }
}

const escapes: Readonly<Record<string, string>> = {
  n: "\n",
  r: "\r",
  t: "\t",
  "\\": "\\",
  "\"": "\"",
  "[": "[",
  "]": "]"
}
const hexDigits: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 }

class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  rules(): Map<string, Options> {
    const rules = new Map<string, Options>()
    this.#space(true)
    while (this.#at < this.#text.length) {
      const name = this.#match(/[A-Za-z0-9_-]+/y)
      this.#space(false)
      if (this.#match(/::=/y) === "" || name === "") throw new Malformed(this.#at)
      this.#space(true)
      rules.set(name, this.#options(false))
      if (this.#at < this.#text.length && this.#match(/\r?\n/y) === "") throw new Malformed(this.#at)
      this.#space(true)
    }
    return rules
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0] ?? ""
    this.#at += found.length
    return found
  }

  #space(lines: boolean): void {
    this.#match(lines ? /(?:\s|#[^\n]*)*/y : /(?:[ \t]|#[^\n]*)*/y)
  }

  #options(nested: boolean): Options {
    const options = [this.#sequence(nested)]
    while (this.#match(/\|/y) !== "") {
      this.#space(true)
      options.push(this.#sequence(nested))
    }
    return options
  }

  #sequence(nested: boolean): ReadonlyArray<Item> {
    const items: Array<Item> = []
    for (;;) {
      const item = this.#item()
      if (item === undefined) return items
      items.push(this.#repeated(item))
      this.#space(nested)
    }
  }

  #item(): Item | undefined {
    if (this.#match(/"/y) !== "") {
      let text = ""
      while (this.#match(/"/y) === "") text += this.#char()
      this.#space(false)
      return { kind: "text", text }
    }
    if (this.#match(/\[/y) !== "") return this.#class()
    if (this.#match(/\(/y) !== "") {
      this.#space(true)
      const options = this.#options(true)
      if (this.#match(/\)/y) === "") throw new Malformed(this.#at)
      return { kind: "group", options }
    }
    if (this.#match(/\./y) !== "") return { kind: "class", ranges: [], negative: true }
    const name = this.#match(/[A-Za-z0-9_-]+(?!\s*::=)/y)
    return name === "" ? undefined : { kind: "rule", name }
  }

  #class(): Item {
    const negative = this.#match(/\^/y) !== ""
    const ranges: Array<readonly [number, number]> = []
    while (this.#match(/\]/y) === "") {
      const from = this.#char().codePointAt(0) ?? 0
      const ranged = this.#match(/-(?!\])/y) !== ""
      ranges.push([from, ranged ? this.#char().codePointAt(0) ?? 0 : from])
    }
    this.#space(false)
    return { kind: "class", ranges, negative }
  }

  #char(): string {
    const char = this.#match(/[^]/uy)
    if (char === "") throw new Malformed(this.#at)
    if (char !== "\\") return char
    const letter = this.#match(/[^]/uy)
    const digits = hexDigits[letter]
    if (digits === undefined) return escapes[letter] ?? this.#unknown()
    const code = Number.parseInt(this.#text.slice(this.#at, this.#at + digits), 16)
    this.#at += digits
    return code <= 0x10ffff ? String.fromCodePoint(code) : this.#unknown()
  }

  #unknown(): never {
    throw new Malformed(this.#at)
  }

  #repeated(item: Item): Item {
    const mark = this.#match(/[*+?]|\{\s*\d+\s*(?:,\s*\d*\s*)?\}/y)
    if (mark === "") return item
    this.#space(false)
    const [low = "0", high] = mark.startsWith("{") ? mark.slice(1, -1).split(",") : []
    const min = mark === "+" ? 1 : Number(low)
    const max = mark === "?"
      ? 1
      : mark.startsWith("{")
      ? high === undefined ? min : Number(high.trim() || Infinity)
      : Infinity
    if (min > mostRepetitions || (max !== Infinity && max > mostRepetitions)) throw new Malformed(this.#at)
    return { kind: "repeat", item, min, max }
  }
}

const names = (items: ReadonlyArray<Item>): ReadonlyArray<string> =>
  items.flatMap((item) =>
    item.kind === "rule"
      ? [item.name]
      : item.kind === "group"
      ? item.options.flatMap(names)
      : item.kind === "repeat"
      ? names([item.item])
      : []
  )

const heightOf = (item: Item, heights: ReadonlyMap<string, number>): number => {
  switch (item.kind) {
    case "rule":
      return heights.get(item.name) ?? Infinity
    case "group":
      return Math.min(...item.options.map((option) => heightOfAll(option, heights)))
    case "repeat":
      return item.min === 0 ? 0 : heightOf(item.item, heights)
    default:
      return 0
  }
}

const heightOfAll = (items: ReadonlyArray<Item>, heights: ReadonlyMap<string, number>): number =>
  Math.max(0, ...items.map((item) => heightOf(item, heights)))

const measure = (rules: ReadonlyMap<string, Options>): ReadonlyMap<string, number> => {
  const heights = new Map<string, number>()
  for (let round = 0; round <= rules.size; round++) {
    for (const [name, options] of rules) {
      const height = 1 + Math.min(...options.map((option) => heightOfAll(option, heights)))
      if (height < (heights.get(name) ?? Infinity)) heights.set(name, height)
    }
  }
  return heights
}

/**
 * Reads a grammar; `undefined` if it is invalid: no rule `root`, a rule that is missing, a group that is not closed, a
 * root that has no finite text.
 *
 * @category constructors
 * @since 0.2.0
 */
export const parse = (text: string): Gbnf | undefined => {
  try {
    const rules = new Reader(text).rules()
    const missing = [...rules.values()].flat().flatMap(names).some((name) => !rules.has(name))
    if (missing || !rules.has("root")) return undefined
    const heights = measure(rules)
    return heights.get("root") === undefined ? undefined : { rules, heights }
  } catch (error) {
    if (error instanceof Malformed) return undefined
    throw error
  }
}

/** Deeper than this the shortest way out is taken. */
const comfortableDepth = 24

const readable: ReadonlyArray<readonly [number, number]> = [[97, 122], [48, 57], [65, 90], [32, 126]]

const inRanges = (ranges: ReadonlyArray<readonly [number, number]>, code: number): boolean =>
  ranges.some(([from, to]) => code >= from && code <= to)

const character = (item: Item & { readonly kind: "class" }, random: Random.Random): string => {
  for (const [low, high] of readable) {
    const codes = Array.from({ length: high - low + 1 }, (_, index) => low + index)
      .filter((code) => inRanges(item.ranges, code) !== item.negative)
    const code = codes[Random.int(random, codes.length)]
    if (code !== undefined) return String.fromCodePoint(code)
  }
  return item.negative ? "\u00e9" : String.fromCodePoint(item.ranges[0]?.[0] ?? 32)
}

/**
 * Draws a text of the grammar's language.
 *
 * @category sampling
 * @since 0.2.0
 */
export const sample = (grammar: Gbnf, random: Random.Random): string => {
  const choose = (options: Options, depth: number): string => {
    const heights = options.map((option) => heightOfAll(option, grammar.heights))
    const least = depth > comfortableDepth ? Math.min(...heights) : Infinity
    const open = options.filter((_, at) => (heights[at] ?? Infinity) !== Infinity && (heights[at] ?? 0) <= least)
    return (open[Random.int(random, open.length)] ?? []).map((item) => write(item, depth)).join("")
  }
  const write = (item: Item, depth: number): string => {
    switch (item.kind) {
      case "text":
        return item.text
      case "class":
        return character(item, random)
      case "rule":
        return choose(grammar.rules.get(item.name) ?? [], depth + 1)
      case "group":
        return choose(item.options, depth)
      case "repeat": {
        const most = Math.min(item.max, item.min + (depth > comfortableDepth ? 0 : 4))
        const times = item.min + Random.int(random, most - item.min + 1)
        return Array.from({ length: times }, () => write(item.item, depth + 1)).join("")
      }
    }
  }
  return choose(grammar.rules.get("root") ?? [], 0)
}
