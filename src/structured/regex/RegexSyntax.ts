/**
 * Regular expressions as trees, from each of the spellings that people write.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as CharSet from "./CharSet.ts"

/**
 * A regular expression as a tree. Lazy and greedy repetition are the same here: only the language counts.
 *
 * @category models
 * @since 0.1.0
 */
export type Regex =
  | { readonly _tag: "Chars"; readonly set: CharSet.CharSet }
  | { readonly _tag: "Seq"; readonly parts: ReadonlyArray<Regex> }
  | { readonly _tag: "Alt"; readonly options: ReadonlyArray<Regex> }
  | { readonly _tag: "Repeat"; readonly of: Regex; readonly min: number; readonly max: number | undefined }
  | { readonly _tag: "Edge"; readonly at: "start" | "end" | "word" }
  | { readonly _tag: "Look"; readonly negative: boolean; readonly of: Regex }

/**
 * Why a text is not a regular expression of the flavour: the construct, where it starts (in code points), what to do.
 *
 * @category models
 * @since 0.1.0
 */
export interface RegexFault {
  readonly construct: string
  readonly position: number
  readonly hint: string
}

/**
 * `ecma`: what JSON Schema's `pattern` is written in. `tgi`: the dialect of TGI's model server, Python's interegular,
 * which always matches the whole text and has no anchors. `any`: what both know and other engines use, for a regex that
 * may have been written for any of them.
 *
 * @category models
 * @since 0.1.0
 */
export type Flavour = "ecma" | "tgi" | "any"

/**
 * Matches only the empty text.
 *
 * @category constructors
 * @since 0.1.0
 */
export const empty: Regex = { _tag: "Seq", parts: [] }
/**
 * Matches one character of a set.
 *
 * @category constructors
 * @since 0.1.0
 */
export const chars = (set: CharSet.CharSet): Regex => ({ _tag: "Chars", set })
/**
 * Matches the parts one after the other; sequences inside of it are flattened.
 *
 * @category constructors
 * @since 0.1.0
 */
export const seq = (...parts: ReadonlyArray<Regex>): Regex => {
  const flat = parts.flatMap((part) => part._tag === "Seq" ? part.parts : [part])
  const only = flat.length === 1 ? flat[0] : undefined
  return only ?? { _tag: "Seq", parts: flat }
}
/**
 * Matches any of the options.
 *
 * @category constructors
 * @since 0.1.0
 */
export const alt = (options: ReadonlyArray<Regex>): Regex =>
  options.length === 1 && options[0] !== undefined ? options[0] : { _tag: "Alt", options }
/**
 * Matches that many times in a row; without `max` any number of times.
 *
 * @category constructors
 * @since 0.1.0
 */
export const repeat = (of: Regex, min: number, max?: number): Regex => ({ _tag: "Repeat", of, min, max })

const digit: CharSet.CharSet = [[0x30, 0x39]]
const word: CharSet.CharSet = [[0x30, 0x39], [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]]
const asciiSpace: CharSet.CharSet = [[9, 13], [32, 32]]
const ecmaSpace = CharSet.of([
  ...asciiSpace,
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff]
])
const controls: Readonly<Record<string, number>> = { f: 12, n: 10, r: 13, t: 9, v: 11 }
const notNewline = CharSet.complement(CharSet.single(10))
const ecmaDot = CharSet.complement([[10, 10], [13, 13], [0x2028, 0x2029]])

class Unreadable {
  readonly fault: RegexFault
  constructor(construct: string, position: number, hint: string) {
    this.fault = { construct, position, hint }
  }
}

/**
 * Reads a pattern. Of the flags, `i` and `s` are honoured; the caller decides about the others.
 *
 * @category reading
 * @since 0.1.0
 */
export const parse = (source: string, flavour: Flavour, flags = ""): Result.Result<Regex, RegexFault> => {
  try {
    return Result.succeed(new Reader(source, flavour, flags).read())
  } catch (error) {
    if (error instanceof Unreadable) return Result.fail(error.fault)
    if (error instanceof RangeError) {
      return Result.fail({ construct: "nesting", position: 0, hint: "the groups nest too deeply; flatten them" })
    }
    throw error
  }
}

class Reader {
  readonly #text: ReadonlyArray<string>
  readonly #flavour: Flavour
  readonly #ecma: boolean
  #fold: boolean
  #dot: CharSet.CharSet
  #at = 0

  constructor(source: string, flavour: Flavour, flags: string) {
    this.#text = Array.from(source)
    this.#flavour = flavour
    this.#ecma = flavour === "ecma"
    this.#fold = flags.includes("i")
    this.#dot = flags.includes("s") ? CharSet.all : this.#ecma ? ecmaDot : notNewline
  }

  read(): Regex {
    const out = this.#alternatives()
    if (this.#at < this.#text.length) this.#fail(")", this.#at, "remove the unbalanced ) or escape it")
    return out
  }

  #fail(construct: string, position: number, hint: string): never {
    throw new Unreadable(construct, position, hint)
  }

  #ahead(length: number): string {
    return this.#text.slice(this.#at, this.#at + length).join("")
  }

  #alternatives(): Regex {
    const [fold, dot] = [this.#fold, this.#dot]
    const options = [this.#sequence()]
    while (this.#text[this.#at] === "|") {
      this.#at++
      options.push(this.#sequence())
    }
    this.#fold = fold
    this.#dot = dot
    return alt(options)
  }

  #sequence(): Regex {
    const parts: Array<Regex> = []
    while (this.#at < this.#text.length && this.#text[this.#at] !== "|" && this.#text[this.#at] !== ")") {
      const start = this.#at
      const atom = this.#atom()
      if (atom === undefined) continue
      const quantifier = this.#quantifier()
      if (quantifier === undefined) parts.push(atom)
      else if (atom._tag === "Edge" || atom._tag === "Look") {
        this.#fail(`repeated ${atom._tag === "Edge" ? "anchor" : "lookahead"}`, start, "drop the quantifier")
      } else parts.push(repeat(atom, quantifier[0], quantifier[1]))
    }
    return seq(...parts)
  }

  #chars(set: CharSet.CharSet): Regex {
    return chars(this.#fold ? CharSet.foldCase(set) : set)
  }

  #atom(): Regex | undefined {
    const start = this.#at
    const char = this.#text[this.#at++] ?? ""
    switch (char) {
      case "(":
        return this.#group(start)
      case "[":
        return this.#chars(this.#class(start))
      case ".":
        return chars(this.#dot)
      case "\\":
        return this.#edge(start) ?? this.#chars(this.#escape(false))
      case "^":
      case "$":
        if (this.#flavour !== "tgi") return { _tag: "Edge", at: char === "^" ? "start" : "end" }
        return this.#fail(char, start, "the grammar always matches the whole text: remove the anchor")
      case "*":
      case "+":
      case "?":
        return this.#fail(char, start, "there is nothing to repeat: escape it")
      default:
        if (char === "{" && !this.#ecma) this.#fail("{", start, "escape it as \\{")
        return this.#chars(CharSet.single(char.codePointAt(0) ?? 0))
    }
  }

  /** The anchors that are escapes, for a reader that knows them all. */
  #edge(start: number): Regex | undefined {
    const at = { b: "word", A: "start", z: "end", Z: "end" } as const
    const char = this.#text[start + 1]
    if (this.#flavour !== "any" || (char !== "b" && char !== "A" && char !== "z" && char !== "Z")) return undefined
    this.#at++
    return { _tag: "Edge", at: at[char] }
  }

  /** `(?i:` and `(?s:`, or `(?i)` for the rest of the group. Returns whether a body follows. */
  #flags(): boolean | undefined {
    const found = /^\?([is]+)([:)])/.exec(this.#ahead(5))
    if (found === null || this.#ecma) return undefined
    this.#at += found[0].length
    if (found[1]?.includes("i") === true) this.#fold = true
    if (found[1]?.includes("s") === true) this.#dot = CharSet.all
    return found[2] === ":"
  }

  #group(start: number): Regex | undefined {
    let look: boolean | undefined
    const [fold, dot] = [this.#fold, this.#dot]
    const flagged = this.#flags()
    if (flagged === false) return undefined
    if (flagged === undefined && this.#text[this.#at] === "?") {
      const head = this.#ahead(4)
      if (head.startsWith("?:")) this.#at += 2
      else if (head.startsWith("?=") || head.startsWith("?!")) {
        look = head[1] === "!"
        this.#at += 2
      } else if (head.startsWith("?<=") || head.startsWith("?<!")) {
        this.#fail(`(${head.slice(0, 3)}`, start, "lookbehind is not supported: write the pattern without it")
      } else if (head.startsWith("?P<") || head.startsWith("?<")) {
        if (this.#flavour !== "any" && this.#ecma === head.startsWith("?P<")) {
          this.#fail(`(${head.slice(0, 3)}`, start, this.#ecma ? "write (?<name>…)" : "write (?P<name>…) or (?:…)")
        }
        while (this.#at < this.#text.length && this.#text[this.#at] !== ">") this.#at++
        this.#at++
      } else if (head.startsWith("?#") && this.#flavour === "any") {
        while (this.#at < this.#text.length && this.#text[this.#at] !== ")") this.#at++
        this.#at++
        return undefined
      } else this.#fail(`(${head.slice(0, 2)}`, start, "this kind of group is not supported: use (?:…)")
    }
    const body = this.#alternatives()
    if (this.#text[this.#at] !== ")") this.#fail("(", start, "close the group")
    this.#at++
    this.#fold = fold
    this.#dot = dot
    return look === undefined ? body : { _tag: "Look", negative: look, of: body }
  }

  #quantifier(): readonly [number, number | undefined] | undefined {
    const start = this.#at
    const char = this.#text[start]
    let bounds: readonly [number, number | undefined] | undefined
    if (char === "*" || char === "+" || char === "?") {
      this.#at++
      bounds = char === "*" ? [0, undefined] : char === "+" ? [1, undefined] : [0, 1]
    } else if (char === "{") {
      const found = /^\{(\d*)(,(\d*))?\}/.exec(this.#ahead(32))
      const [whole, low = "", comma, high = ""] = found ?? []
      if (whole === undefined || (this.#ecma && low === "")) {
        if (this.#ecma) return undefined
        return this.#fail("{", start, "escape it as \\{ or write {n}, {n,} or {n,m}")
      }
      this.#at += whole.length
      const min = Number(low)
      bounds = [min, comma === undefined ? min : high === "" ? undefined : Number(high)]
      if (bounds[1] !== undefined && bounds[1] < min) this.#fail(whole, start, "the bounds are reversed")
    }
    if (bounds !== undefined && this.#text[this.#at] === "?") this.#at++
    return bounds
  }

  #class(start: number): CharSet.CharSet {
    const ranges: Array<readonly [number, number]> = []
    const negated = this.#text[this.#at] === "^"
    if (negated) this.#at++
    while (this.#text[this.#at] !== "]") {
      if (this.#at >= this.#text.length) this.#fail("[", start, "close the class")
      const from = this.#classMember()
      const next = this.#text[this.#at + 1]
      if (this.#text[this.#at] !== "-" || next === "]" || next === undefined) ranges.push(...from)
      else {
        const dash = this.#at++
        const to = this.#classMember()
        const low = one(from)
        const high = one(to)
        if (low === undefined || high === undefined) {
          if (!this.#ecma) this.#fail("range", dash, "a range needs a single character on both sides: escape the -")
          ranges.push(...from, [0x2d, 0x2d], ...to)
        } else if (low > high) this.#fail("range", dash, "the range is reversed")
        else ranges.push([low, high])
      }
    }
    this.#at++
    const set = this.#fold ? CharSet.foldCase(CharSet.of(ranges)) : CharSet.of(ranges)
    return negated ? CharSet.complement(set) : set
  }

  #classMember(): CharSet.CharSet {
    const char = this.#text[this.#at++] ?? ""
    return char === "\\" ? this.#escape(true) : CharSet.single(char.codePointAt(0) ?? 0)
  }

  #hex(digits: number): number | undefined {
    const text = this.#ahead(digits)
    if (text.length !== digits || !/^[0-9a-fA-F]+$/.test(text)) return undefined
    this.#at += digits
    return Number.parseInt(text, 16)
  }

  #escape(inClass: boolean): CharSet.CharSet {
    const start = this.#at - 1
    const char = this.#text[this.#at++]
    if (char === undefined) return this.#fail("\\", start, "a backslash needs a character after it")
    const space = this.#ecma ? ecmaSpace : asciiSpace
    const set = { d: digit, w: word, s: space }[char.toLowerCase()]
    if (set !== undefined) return char === char.toLowerCase() ? set : CharSet.complement(set)
    const control = controls[char]
    if (control !== undefined) return CharSet.single(control)
    if (char === "x") {
      const code = this.#hex(2)
      return code === undefined ? this.#fail("\\x", start, "write two hex digits after \\x") : CharSet.single(code)
    }
    if (inClass && char === "b") return CharSet.single(8)
    if ("bBAZ".includes(char)) return this.#fail(`\\${char}`, start, "the text is matched whole: remove it")
    if (char === "p" || char === "P") return this.#fail(`\\${char}`, start, "list the characters in a class instead")
    const isEcma = this.#ecma || (this.#flavour === "any" && /[uck]/.test(char))
    const special = isEcma ? this.#ecmaEscape(char, start) : this.#tgiEscape(char, start, inClass)
    if (special !== undefined) return CharSet.single(special)
    return CharSet.single(char.codePointAt(0) ?? 0)
  }

  #ecmaEscape(char: string, start: number): number | undefined {
    if (/[1-9k]/.test(char)) return this.#fail(`\\${char}`, start, "backreferences are not supported: repeat the group")
    if (char === "0") return 0
    if (char === "c") return (this.#text[this.#at++]?.codePointAt(0) ?? 0) % 32
    if (char !== "u") return undefined
    const braced = /^\{([0-9a-fA-F]{1,6})\}/.exec(this.#ahead(8))
    if (braced?.[1] !== undefined) {
      this.#at += braced[0].length
      return Math.min(Number.parseInt(braced[1], 16), 0x10ffff)
    }
    const high = this.#hex(4)
    if (high === undefined || high < 0xd800 || high > 0xdbff || this.#ahead(2) !== "\\u") return high
    const back = this.#at
    this.#at += 2
    const low = this.#hex(4)
    if (low !== undefined && low >= 0xdc00 && low <= 0xdfff) return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
    this.#at = back
    return high
  }

  #tgiEscape(char: string, start: number, inClass: boolean): number | undefined {
    if (char === "a") return 7
    if (char === "0" && this.#flavour === "tgi") return this.#fail("\\0", start, "write \\x00")
    if (/[0-7]/.test(char)) {
      const octal = /^[0-7]{1,3}/.exec(this.#text.slice(this.#at - 1, this.#at + 2).join(""))?.[0] ?? char
      if (inClass || char === "0" || octal.length === 3) {
        this.#at += octal.length - 1
        return Number.parseInt(octal, 8) % 256
      }
    }
    if (/[0-9]/.test(char)) return this.#fail(`\\${char}`, start, "backreferences are not supported: repeat the group")
    if (char === "u" || char === "U" || char === "N") {
      return this.#fail(`\\${char}`, start, "write the character itself")
    }
    if (/\p{L}/u.test(char)) return this.#fail(`\\${char}`, start, "this escape is not known: write the letter itself")
    return undefined
  }
}

const one = (set: CharSet.CharSet): number | undefined => {
  const first = set[0]
  return set.length === 1 && first !== undefined && first[0] === first[1] ? first[0] : undefined
}
