import * as Result from "effect/Result"
import * as CharSet from "./CharSet.ts"
import * as RegexSyntax from "./RegexSyntax.ts"

type Regex = RegexSyntax.Regex
type Fault = RegexSyntax.RegexFault

/** One character of a JSON string, raw or escaped, in TGI's dialect. */
export const CHAR = String.raw`(?:[^"\\\x00-\x1F]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))`

const anything = RegexSyntax.repeat(RegexSyntax.chars(CharSet.all), 0)

/** Says whether TGI's model server can compile a pattern, naming the first construct that it cannot. */
export const check = (pattern: string): Result.Result<Regex, Fault> => RegexSyntax.parse(pattern, "tgi")

/**
 * The whole-text form of a JSON Schema pattern, which only searches: anchors become the presence or absence of
 * "anything" at the ends. Fails for what an automaton over whole texts cannot say, or not cheaply.
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
    const problem = unprintable(out)
    return problem === undefined ? Result.succeed(out) : Result.fail({ construct: problem, position: 0, hint: HINT })
  })
}

const HINT = "the answer is still checked when it is decoded; write the pattern with classes and repetition only"

/** The alternatives of a pattern, each with whether it is tied to that end of the text. */
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

const unprintable = (regex: Regex): string | undefined => {
  switch (regex._tag) {
    case "Edge":
      return regex.at === "start" ? "^ inside the pattern" : "$ inside the pattern"
    case "Look":
      return "lookahead"
    case "Chars":
      return regex.set.length === 0 ? "an empty class" : undefined
    case "Repeat":
      return unprintable(regex.of)
    case "Seq":
    case "Alt": {
      for (const part of regex._tag === "Seq" ? regex.parts : regex.options) {
        const problem = unprintable(part)
        if (problem !== undefined) return problem
      }
      return undefined
    }
  }
}

/** An estimate of the automaton states that a regex costs the server. */
export const states = (regex: Regex): number => {
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

/** The pattern with its length in code points bounded too, where it repeats one class; otherwise nothing. */
export const bound = (regex: Regex, min: number, max: number | undefined): Regex | undefined => {
  if (regex._tag !== "Repeat" || regex.of._tag !== "Chars") return undefined
  const low = Math.max(regex.min, min)
  const high = Math.min(regex.max ?? Infinity, max ?? Infinity)
  return high < low ? undefined : RegexSyntax.repeat(regex.of, low, high === Infinity ? undefined : high)
}

/** Texts other than the given ones; escapes by number are left out, so that no name can be written in disguise. */
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
const short: ReadonlyArray<readonly [number, string]> = [
  [quote, String.raw`\\"`],
  [backslash, String.raw`\\\\`],
  [8, String.raw`\\b`],
  [9, String.raw`\\t`],
  [10, String.raw`\\n`],
  [12, String.raw`\\f`],
  [13, String.raw`\\r`]
]

/** A class as it may stand inside a JSON string: raw where JSON allows it, by escape where it does not. */
const inString = (set: CharSet.CharSet): string => {
  if (CharSet.isAll(set)) return CHAR
  const plain = CharSet.intersect(set, raw)
  const options = plain.length === 0 ? [] : [CharSet.print(plain)]
  for (const [code, text] of short) if (CharSet.has(set, code)) options.push(text)
  const others = CharSet.subtract(CharSet.intersect(set, [[0, 0x1f]]), [[8, 10], [12, 13]])
  for (const [from, to] of others) {
    for (let code = from; code <= to; code++) options.push(String.raw`\\u00${code.toString(16).padStart(2, "0")}`)
  }
  return options.length === 1 ? options[0] ?? "" : `(?:${options.join("|")})`
}

/** The regex in TGI's dialect for the inside of a JSON string whose decoded text matches. */
export const printInString = (regex: Regex): string => print(regex, inString)

const print = (regex: Regex, set: (set: CharSet.CharSet) => string): string => {
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

const isAtom = (text: string): boolean =>
  text.startsWith("[") || text.startsWith("(?:") || !text.startsWith(String.raw`\\`)

/** The shortest spelling of a repetition. */
export const quantifier = (min: number, max: number | undefined): string =>
  max === undefined
    ? (min === 0 ? "*" : min === 1 ? "+" : `{${min},}`)
    : min === 0 && max === 1
    ? "?"
    : min === max
    ? (min === 1 ? "" : `{${min}}`)
    : `{${min},${max}}`

/** A text as a literal of TGI's dialect. */
export const literal = (text: string): string =>
  Array.from(text, (char) => CharSet.printChar(char.codePointAt(0) ?? 0)).join("")
