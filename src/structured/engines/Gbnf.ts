/**
 * A regex → a grammar in llama.cpp's notation.
 *
 * @since 0.1.0
 */
import * as CharSet from "../regex/CharSet.ts"
import type { Regex } from "../regex/RegexSyntax.ts"

/**
 * The grammar, or undefined if the regex has a lookahead, which such a grammar cannot express.
 *
 * @category printing
 * @since 0.1.0
 */
export const fromRegex = (regex: Regex): string | undefined => {
  const body = print(regex)
  return body === undefined ? undefined : `root ::= ${body === "" ? "\"\"" : body}`
}

const print = (regex: Regex): string | undefined => {
  switch (regex._tag) {
    case "Chars":
      return CharSet.printBracketed(regex.set)
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
