/**
 * Regular expressions as TGI's model server reads them: the dialect of Python's interegular. It has no anchors, always
 * matches the whole text, and fails for unknown syntax.
 *
 * @since 0.1.0
 */
import type { Random } from "../wire/Random.ts"

type Ranges = ReadonlyArray<readonly [number, number]>

type Node =
  | { readonly kind: "set"; readonly ranges: Ranges }
  | { readonly kind: "all"; readonly parts: ReadonlyArray<Node> }
  | { readonly kind: "any"; readonly options: ReadonlyArray<Node> }
  | { readonly kind: "repeat"; readonly node: Node; readonly min: number; readonly max: number | undefined }
  | { readonly kind: "look"; readonly source: string; readonly negative: boolean }

/**
 * What the dialect does not allow, worded as the server would report it.
 *
 * @category errors
 * @since 0.1.0
 */
export class Unsupported {
  readonly message: string
  constructor(message: string) {
    this.message = message
  }
}

/**
 * A parsed pattern.
 *
 * @category models
 * @since 0.1.0
 */
export interface Pattern {
  /** A text that matches. */
  readonly write: (random: Random) => string
}

const TOP = 0x10ffff
const invert = (ranges: Ranges): Ranges => {
  const out: Array<readonly [number, number]> = []
  let next = 0
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    if (from > next) out.push([next, from - 1])
    next = Math.max(next, to + 1)
  }
  if (next <= TOP) out.push([next, TOP])
  return out
}
const digits: Ranges = [[48, 57]]
const word: Ranges = [[48, 57], [65, 90], [95, 95], [97, 122]]
const space: Ranges = [[9, 13], [32, 32]]
const classes: Readonly<Record<string, Ranges>> = {
  d: digits,
  w: word,
  s: space,
  D: invert(digits),
  W: invert(word),
  S: invert(space)
}
const letters: Readonly<Record<string, number>> = { a: 7, b: 8, f: 12, n: 10, r: 13, t: 9, v: 11 }
const point = (char: string | undefined): number => char?.codePointAt(0) ?? 0

const shown = (ranges: Ranges): string => String.fromCodePoint(ranges[0]?.[0] ?? 0)

const fail = (message: string): never => {
  throw new Unsupported(message)
}

/**
 * Reads a pattern, or throws `Unsupported`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = (source: string): Pattern => {
  const chars = Array.from(source)
  let at = 0
  let looks = false
  const escape = (inClass: boolean): Ranges => {
    const char = chars[at++]
    if (char === undefined) return fail("Unexpected end of pattern after \\")
    if (char === "x") {
      const code = chars.slice(at, at + 2).join("")
      if (!/^[0-9a-fA-F]{2}$/.test(code)) return fail("Invalid \\x escape")
      at += 2
      return [[Number.parseInt(code, 16), Number.parseInt(code, 16)]]
    }
    const octal = /^[0-7]{1,3}/.exec(chars.slice(at - 1, at + 2).join(""))?.[0]
    if (octal !== undefined && (inClass || octal.startsWith("0") || octal.length === 3)) {
      at += octal.length - 1
      return [[Number.parseInt(octal, 8), Number.parseInt(octal, 8)]]
    }
    if (/[0-9]/.test(char)) return fail("Group references are not implemented")
    const set = classes[char]
    if (set !== undefined) return set
    if (/[pPuU]/.test(char)) return fail("regex module unicode properties are not supported.")
    if (/[AZB]/.test(char) || (char === "b" && !inClass)) return fail(`Escape \\${char} is not implemented`)
    const code = letters[char]
    if (code !== undefined) return [[code, code]]
    return /\p{L}/u.test(char) ? fail("") : [[point(char), point(char)]]
  }

  const member = (): Ranges => {
    const char = chars[at++]
    return char === "\\" ? escape(true) : [[point(char), point(char)]]
  }

  const charClass = (): Ranges => {
    const negative = chars[at] === "^"
    if (negative) at++
    const ranges: Array<readonly [number, number]> = []
    while (chars[at] !== "]") {
      if (at >= chars.length) return fail("")
      const from = member()
      if (chars[at] !== "-" || chars[at + 1] === "]") ranges.push(...from)
      else {
        at++
        const to = member()
        const [low, high] = [from[0]?.[0] ?? 0, to[0]?.[1] ?? 0]
        if (from.length > 1 || to.length > 1 || low > high) {
          return fail(`Invalid Character-range: ${shown(from)}-${shown(to)}`)
        }
        ranges.push([low, high])
      }
    }
    at++
    return negative ? invert(ranges) : ranges
  }

  const group = (): Node | undefined => {
    const head = chars.slice(at, at + 3).join("")
    if (head.startsWith("?#")) {
      while (at < chars.length && chars[at] !== ")") at++
      at++
      return undefined
    }
    let look: boolean | undefined
    if (head.startsWith("?:")) at += 2
    else if (head.startsWith("?=") || head.startsWith("?!")) {
      look = head.startsWith("?!")
      at += 2
    } else if (head === "?P<") {
      const end = chars.indexOf(">", at)
      at = end < 0 ? fail("Unterminated group name") : end + 1
    } else if (head.startsWith("?<")) return fail(/^\?<[=!]/.test(head) ? "lookbacks are not implemented" : "")
    else if (head.startsWith("?")) {
      return fail(`Unknown group-extension: '${head[1] ?? ""}' (Context: '${chars.slice(at - 1, at + 5).join("")}'`)
    }
    const start = at
    const body = options()
    if (chars[at] !== ")") return fail("")
    at++
    if (look === undefined) return body
    looks = true
    return { kind: "look", source: chars.slice(start, at - 1).join(""), negative: look }
  }

  const atom = (): Node | undefined => {
    const char = chars[at++] ?? ""
    if (char === "(") return group()
    if (char === "[") return { kind: "set", ranges: charClass() }
    if (char === "\\") return { kind: "set", ranges: escape(false) }
    if (char === ".") return { kind: "set", ranges: invert([[10, 10]]) }
    if (char === "^" || char === "$") return fail(`'${char}'`)
    if ("*+?{".includes(char)) return fail("")
    return { kind: "set", ranges: [[point(char), point(char)]] }
  }

  const bounds = (): readonly [number, number | undefined] | undefined => {
    const found = /^(?:[*+?]|\{(\d*)(,(\d*))?\})\??/.exec(chars.slice(at, at + 32).join(""))
    if (found === null) return chars[at] === "{" ? fail("") : undefined
    at += found[0].length
    const [whole, low = "", comma, high = ""] = found
    if (whole.startsWith("*")) return [0, undefined]
    if (whole.startsWith("+")) return [1, undefined]
    if (whole.startsWith("?")) return [0, 1]
    const max = comma === undefined ? Number(low) : high === "" ? undefined : Number(high)
    return max !== undefined && max < Number(low)
      ? fail(`Can't multiply an FSM by ${max - Number(low)}`)
      : [Number(low), max]
  }

  const sequence = (): Node => {
    const parts: Array<Node> = []
    while (at < chars.length && chars[at] !== "|" && chars[at] !== ")") {
      let node = atom()
      if (node === undefined) continue
      for (let times = bounds(); times !== undefined; times = bounds()) {
        node = { kind: "repeat", node, min: times[0], max: times[1] }
      }
      parts.push(node)
    }
    return { kind: "all", parts }
  }

  const options = (): Node => {
    const all = [sequence()]
    while (chars[at] === "|") {
      at++
      all.push(sequence())
    }
    return { kind: "any", options: all }
  }

  const root = options()
  if (at < chars.length) fail("")
  if (!looks) return { write: (random) => write(root, random) }
  // no generator satisfies a lookahead except by chance: JavaScript's engine decides, where these patterns mean the
  // same
  const judge = new RegExp(`^(?:${source.replaceAll("(?P<", "(?<")})$`, "s")
  return {
    write: (random) => {
      for (let tries = 0; tries < 500; tries++) {
        const text = write(root, random)
        if (judge.test(text)) return text
      }
      return fail("no text was found for the lookahead")
    }
  }
}

const pick = <A>(items: ReadonlyArray<A>, random: Random): A | undefined => items[Math.floor(random() * items.length)]

const readable: Ranges = [[97, 122], [48, 57], [65, 90], [33, 126], [32, 32]]

/** A character of a set: a letter if possible, else a digit, else something printable. */
const letter = (ranges: Ranges, random: Random): string => {
  for (const [low, high] of readable) {
    const inside = ranges.flatMap(([from, to]) =>
      from > high || to < low ? [] : [[Math.max(from, low), Math.min(to, high)] as const]
    )
    const range = pick(inside, random)
    if (range !== undefined) return String.fromCodePoint(range[0] + Math.floor(random() * (range[1] - range[0] + 1)))
  }
  const first = ranges[0]
  if (first === undefined) throw new Unsupported("an empty class matches nothing")
  return String.fromCodePoint(first[0])
}

const write = (node: Node, random: Random): string => {
  switch (node.kind) {
    case "set":
      return letter(node.ranges, random)
    case "all":
      return node.parts.map((part) => write(part, random)).join("")
    case "any": {
      const option = pick(node.options, random)
      return option === undefined ? "" : write(option, random)
    }
    case "look":
      return ""
    case "repeat": {
      const most = Math.min(node.max ?? Infinity, node.min + 4)
      const times = node.min + Math.floor(random() * (most - node.min + 1))
      return Array.from({ length: times }, () => write(node.node, random)).join("")
    }
  }
}
