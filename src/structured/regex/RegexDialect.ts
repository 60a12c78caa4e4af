/**
 * JSON Schema patterns as languages of whole texts, and their spelling for each reader.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as CharSet from "./CharSet.ts"
import * as RegexParts from "./RegexParts.ts"
import * as RegexSyntax from "./RegexSyntax.ts"

type Regex = RegexSyntax.Regex
type Fault = RegexSyntax.RegexFault

/**
 * One character of a JSON string, raw or escaped, in TGI's dialect.
 *
 * @category constants
 * @since 0.1.0
 */
export const CHAR = String.raw`(?:[^"\\\x00-\x1F]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))`

/**
 * One character of a string as TGI's own grammar writes it: without line breaks and tabs, at half the cost.
 *
 * @category constants
 * @since 0.1.0
 */
export const PLAIN = String.raw`(?:[^"\\\x00-\x1F\x7F-\x9F]|\\["\\])`

/**
 * Every text.
 *
 * @category constants
 * @since 0.1.0
 */
export const anything = RegexSyntax.repeat(RegexSyntax.chars(CharSet.all), 0)

/**
 * The whole-text form of a JSON Schema pattern, which only searches: anchors become the presence or absence of
 * "anything" at the ends. Fails for what an automaton over whole texts cannot express, or only at a high cost.
 *
 * @category reading
 * @since 0.1.0
 */
export const whole = (source: string, flags: string): Result.Result<Regex, Fault> => {
  if (flags.includes("m")) return Result.fail({ construct: "flag m", position: 0, hint: "drop the flag" })
  return Result.flatMap(RegexSyntax.parse(source, "ecma", flags), (regex) => {
    const groups = new Map<string, Array<Regex>>()
    for (const [start, rest] of split(regex, "start")) {
      for (const [end, body] of split(rest, "end")) {
        const key = `${start}${end}`
        groups.set(key, [...(groups.get(key) ?? []), body])
      }
    }
    const options = Array.from(groups, ([key, bodies]) =>
      RegexSyntax.seq(
        ...(key.startsWith("true") ? [] : [anything]),
        RegexSyntax.alt(bodies),
        ...(key.endsWith("true") ? [] : [anything])
      ))
    const out = RegexSyntax.alt(options)
    const problem = RegexParts.find(out, unprintable)
    return problem === undefined ? Result.succeed(out) : Result.fail({ construct: problem, position: 0, hint: HINT })
  })
}

const HINT = "the response is still checked when it is decoded; write the pattern with classes and repetition only"

/** The alternatives of a pattern, each with whether it is anchored at that end of the text. */
const split = (regex: Regex, at: "start" | "end"): ReadonlyArray<readonly [boolean, Regex]> => {
  if (regex._tag === "Edge" && regex.at === at) return [[true, RegexSyntax.empty]]
  if (regex._tag === "Alt") return regex.options.flatMap((option) => split(option, at))
  if (regex._tag !== "Seq" || regex.parts.length === 0) return [[false, regex]]
  const edge = at === "start" ? regex.parts[0] : regex.parts.at(-1)
  if (edge === undefined) return [[false, regex]]
  const rest = at === "start" ? regex.parts.slice(1) : regex.parts.slice(0, -1)
  const found = split(edge, at)
  // a group without the anchor stays in one piece
  if (!found.some(([tied]) => tied)) return [[false, regex]]
  return found.map(([tied, part]) =>
    [tied, at === "start" ? RegexSyntax.seq(part, ...rest) : RegexSyntax.seq(...rest, part)] as const
  )
}

const unprintable = (part: Regex): string | undefined => {
  switch (part._tag) {
    case "Edge":
      return part.at === "start" ? "^ inside the pattern" : "$ inside the pattern"
    case "Look":
      return "lookahead"
    case "Chars":
      return part.set.length === 0 ? "an empty class" : undefined
    default:
      return undefined
  }
}

/**
 * An estimate of the automaton states that a regex costs the server.
 *
 * @category accessors
 * @since 0.1.0
 */
export const states = (regex: Regex): number => {
  const known = counts.get(regex) ?? estimate(regex)
  counts.set(regex, known)
  return known
}

const counts = new WeakMap<Regex, number>()

const estimate = (regex: Regex): number => {
  switch (regex._tag) {
    case "Chars":
      return 2
    case "Seq":
      return regex.parts.reduce((sum, part) => sum + states(part), 1)
    case "Alt":
      return regex.options.reduce((sum, option) => sum + states(option), 1)
    case "Repeat":
      return states(regex.of) * Math.max(1, regex.max ?? regex.min + 1)
    default:
      return 1
  }
}

/**
 * The pattern with its length in code points bounded too, if it repeats one class; otherwise undefined.
 *
 * @category combinators
 * @since 0.1.0
 */
export const bound = (regex: Regex, min: number, max: number | undefined): Regex | undefined => {
  if (regex._tag !== "Repeat" || regex.of._tag !== "Chars") return undefined
  const low = Math.max(regex.min, min)
  const high = Math.min(regex.max ?? Infinity, max ?? Infinity)
  return high < low ? undefined : RegexSyntax.repeat(regex.of, low, high === Infinity ? undefined : high)
}

/**
 * Texts other than the given ones; numeric escapes are left out, so that no name can be written in disguise.
 *
 * @category constructors
 * @since 0.1.0
 */
export const except = (names: ReadonlyArray<string>): Regex => {
  const rest = RegexSyntax.chars(CharSet.complement([[0, 0x1f]]))
  const at = (tails: ReadonlyArray<ReadonlyArray<string>>): Regex => {
    const next = new Map<string, Array<ReadonlyArray<string>>>()
    for (const [head, ...tail] of tails) {
      if (head !== undefined) next.set(head, [...(next.get(head) ?? []), tail])
    }
    const taken = CharSet.ofText([...next.keys()].join(""))
    const other = RegexSyntax.seq(
      RegexSyntax.chars(CharSet.subtract(CharSet.complement([[0, 0x1f]]), taken)),
      RegexSyntax.repeat(rest, 0)
    )
    const body = RegexSyntax.alt([
      other,
      ...Array.from(next, ([char, tail]) => RegexSyntax.seq(RegexSyntax.chars(CharSet.ofText(char)), at(tail)))
    ])
    return tails.some((tail) => tail.length === 0) ? body : RegexSyntax.repeat(body, 0, 1)
  }
  return at(names.map((name) => Array.from(name)))
}

const quote = 0x22
const backslash = 0x5c
const raw = CharSet.complement([[0, 0x1f], [quote, quote], [backslash, backslash]])
const short: ReadonlyArray<readonly [code: number, escape: string]> = [
  [quote, "\""],
  [backslash, "\\"],
  [8, "b"],
  [9, "t"],
  [10, "n"],
  [12, "f"],
  [13, "r"]
]
const hex = CharSet.ofText("0123456789abcdefABCDEF")

/**
 * How a reader of regexes spells the set of one character.
 *
 * @category models
 * @since 0.1.0
 */
export type Spelling = (set: CharSet.CharSet) => string

/**
 * A class as it may appear inside a JSON string: raw where JSON allows it, escaped where it does not. `escapes: "rare"`
 * avoids escapes wherever there is an alternative, for a compiler that loses them inside groups.
 */
const inString = (set: CharSet.CharSet, spell: Spelling, escapes: "all" | "rare"): string => {
  const plain = CharSet.intersect(set, raw)
  if (escapes === "rare" && plain.length > 0) return spell(plain)
  const slash = spell(CharSet.single(backslash))
  if (CharSet.isAll(set)) {
    const letters = spell(CharSet.ofText("\"\\/bfnrt"))
    return `(?:${spell(raw)}|${slash}(?:${letters}|${spell(CharSet.ofText("u"))}${spell(hex)}{4}))`
  }
  const options = plain.length === 0 ? [] : [spell(plain)]
  for (const [code, escape] of short) if (CharSet.has(set, code)) options.push(slash + spell(CharSet.ofText(escape)))
  const others = CharSet.subtract(CharSet.intersect(set, [[0, 0x1f]]), [[8, 10], [12, 13]])
  for (const [from, to] of others) {
    for (let code = from; code <= to; code++) {
      const digits = Array.from(`u00${code.toString(16).padStart(2, "0")}`, (char) => spell(CharSet.ofText(char)))
      options.push(slash + digits.join(""))
    }
  }
  return options.length === 1 ? options[0] ?? "" : `(?:${options.join("|")})`
}

/** Printed sets: a tree is printed more than once while costs are compared. */
const inStrings = new WeakMap<CharSet.CharSet, string>()

const spelledInString = (set: CharSet.CharSet): string => {
  let text = inStrings.get(set)
  if (text === undefined) {
    text = CharSet.isAll(set) ? CHAR : inString(set, CharSet.print, "all")
    inStrings.set(set, text)
  }
  return text
}

/**
 * The regex in TGI's dialect for the inside of a JSON string whose decoded text matches.
 *
 * @category printing
 * @since 0.1.0
 */
export const printInString = (regex: Regex): string => {
  const text = printed.get(regex) ?? print(regex, spelledInString)
  printed.set(regex, text)
  return text
}

const printed = new WeakMap<Regex, string>()

/**
 * The same in another spelling.
 *
 * @category printing
 * @since 0.1.0
 */
export const printEscaped = (regex: Regex, spell: Spelling, escapes: "all" | "rare"): string =>
  print(regex, (set) => inString(set, spell, escapes))

/**
 * The regex for the decoded text itself, in explicit classes: no two readers differ about it.
 *
 * @category printing
 * @since 0.1.0
 */
export const printPlain = (regex: Regex): string => print(regex, CharSet.print)

/**
 * Whether a character of the regex can only be written as an escape, next to others that need none.
 *
 * @category guards
 * @since 0.1.0
 */
export const hasEscapes = (regex: Regex): boolean => RegexParts.find(regex, mixed) !== undefined

const mixed = (part: Regex): Regex | undefined =>
  part._tag === "Chars" && CharSet.intersect(part.set, raw).length > 0 && CharSet.subtract(part.set, raw).length > 0
    ? part
    : undefined

const print = (regex: Regex, set: Spelling): string => {
  switch (regex._tag) {
    case "Chars":
      return set(regex.set)
    case "Seq":
      return regex.parts.map((part) => part._tag === "Alt" ? `(?:${print(part, set)})` : print(part, set)).join("")
    case "Alt":
      return regex.options.map((option) => print(option, set)).join("|")
    case "Repeat": {
      const body = print(regex.of, set)
      const atom = regex.of._tag === "Chars" && isAtom(body) ? body : `(?:${body})`
      return `${atom}${quantifier(regex.min, regex.max)}`
    }
    default:
      return ""
  }
}

/** One character, one class or one group. */
const isAtom = (text: string): boolean =>
  text.startsWith("(?:") || /^(?:\[(?:[^\\\]]|\\[^])*\]|\\x[0-9a-f]{2}|\\?[^])$/u.test(text)

/**
 * The shortest spelling of a repetition.
 *
 * @category printing
 * @since 0.1.0
 */
export const quantifier = (min: number, max: number | undefined): string =>
  max === undefined
    ? (min === 0 ? "*" : min === 1 ? "+" : `{${min},}`)
    : min === 0 && max === 1
    ? "?"
    : min === max
    ? (min === 1 ? "" : `{${min}}`)
    : `{${min},${max}}`

/**
 * A text as a literal of TGI's dialect.
 *
 * @category printing
 * @since 0.1.0
 */
export const literal = (text: string): string => {
  let written = ""
  for (const char of text) written += CharSet.printChar(char.codePointAt(0) ?? 0)
  return written
}
