import * as CharSet from "../regex/CharSet.ts"
import type { Regex } from "../regex/RegexSyntax.ts"

/** A regex as a grammar in llama.cpp's notation, or nothing where it looks ahead, which such a grammar cannot. */
export const fromRegex = (regex: Regex): string | undefined => {
  const body = print(regex)
  return body === undefined ? undefined : `root ::= ${body === "" ? "\"\"" : body}`
}

const print = (regex: Regex): string | undefined => {
  switch (regex._tag) {
    case "Chars":
      return charClass(regex.set)
    case "Seq":
      return join(regex.parts.map((part) => part._tag === "Alt" ? grouped(print(part)) : print(part)), " ")
    case "Alt":
      return join(regex.options.map((option) => print(option)).map((option) => option === "" ? "\"\"" : option), " | ")
    case "Repeat": {
      const body = print(regex.of)
      if (body === undefined) return undefined
      const bounds = regex.max === undefined
        ? (regex.min === 0 ? "*" : regex.min === 1 ? "+" : `{${regex.min},}`)
        : `{${regex.min},${regex.max}}`
      return `${regex.of._tag === "Chars" ? body : grouped(body)}${bounds}`
    }
    default:
      return undefined
  }
}

const grouped = (body: string | undefined): string | undefined => body === undefined ? undefined : `(${body})`

const join = (parts: ReadonlyArray<string | undefined>, separator: string): string | undefined =>
  parts.includes(undefined) ? undefined : parts.filter((part) => part !== "").join(separator)

const escape = (code: number): string => {
  const char = String.fromCodePoint(code)
  if (/^[A-Za-z0-9 _.,:;@]$/.test(char)) return char
  return code <= 0xff
    ? `\\x${code.toString(16).padStart(2, "0").toUpperCase()}`
    : code <= 0xffff
    ? `\\u${code.toString(16).padStart(4, "0").toUpperCase()}`
    : `\\U${code.toString(16).padStart(8, "0").toUpperCase()}`
}

const charClass = (set: CharSet.CharSet): string => {
  if (CharSet.isAll(set)) return "[\\x00-\\U0010FFFF]"
  const negated = set.at(-1)?.[1] === 0x10ffff
  const ranges = negated ? CharSet.complement(set) : set
  const inside = ranges.map(([from, to]) => from === to ? escape(from) : `${escape(from)}-${escape(to)}`)
  return `[${negated ? "^" : ""}${inside.join("")}]`
}
