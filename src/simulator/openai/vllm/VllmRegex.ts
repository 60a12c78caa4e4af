/**
 * Regular expressions on vLLM: the compiler that checks them reports errors as Rust's parser does, and the one that
 * runs them fails on some that the first accepts.
 *
 * @since 0.2.0
 */
import * as Grammar from "../../grammar/Grammar.ts"
import * as Random from "../../wire/Random.ts"
import type { Constraint } from "../OpenAiRequest.ts"
import { broken, invalid } from "./VllmJson.ts"

/** What the parser reports, and the place that it underlines. */
type Mistake = readonly [why: string, from: number, length: number]

const lookAround = "look-around, including look-ahead and look-behind, is not supported"
const quantifiers = new Set(["*", "+", "?"])

/** A class, after its opening bracket: `undefined` if it is valid. */
const inClass = (pattern: string, start: number): Mistake | number => {
  for (let at = start + 1; at < pattern.length; at++) {
    const char = pattern[at]
    if (char === "\\") at += 1
    else if (char === "[" && pattern[at + 1] === ":") at = Math.max(at, pattern.indexOf(":]", at) + 1)
    else if (char === "]" && at > start + 1 && !(at === start + 2 && pattern[start + 1] === "^")) return at
    else if (
      pattern[at + 1] === "-" && /[^\\\]]/.test(pattern[at + 2] ?? "]") && (char ?? "") > (pattern[at + 2] ?? "")
    ) {
      return ["invalid character class range, the start must be <= the end", at, 3]
    }
  }
  return ["unclosed character class", start, 1]
}

const escaped = (pattern: string, at: number): Mistake | undefined => {
  const sign = pattern[at + 1]
  if (sign === undefined || (sign === "x" && at + 2 === pattern.length)) {
    return ["incomplete escape sequence, reached end of pattern prematurely", at + 1 + (sign === undefined ? 0 : 1), 1]
  }
  return /[0-9]/.test(sign) ? ["backreferences are not supported", at, 2] : undefined
}

const counted = (pattern: string, at: number): Mistake | undefined => {
  const end = pattern.indexOf("}", at)
  const inner = pattern.slice(at + 1, end === -1 ? pattern.length : end)
  if (end === -1) return ["unclosed counted repetition", at, 1]
  if (inner.startsWith(",")) return ["repetition quantifier expects a valid decimal", at + 1, 1]
  const [low, high] = inner.split(",").map(Number)
  return low !== undefined && high !== undefined && inner.at(-1) !== "," && low > high
    ? ["invalid repetition count range, the start must be <= the end", at, end - at + 1]
    : undefined
}

/** The first mistake that the parser finds. */
const mistakeOf = (pattern: string): Mistake | undefined => {
  const open: Array<number> = []
  let canRepeat = false
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at] ?? ""
    const repeats = quantifiers.has(char) || char === "{"
    if (repeats && !canRepeat) return ["repetition operator missing expression", at, 1]
    canRepeat = char !== "(" && char !== "|"
    let found: Mistake | number | undefined
    if (char === "\\") {
      found = escaped(pattern, at)
      at += 1
    } else if (char === "[") {
      found = inClass(pattern, at)
    } else if (char === "{") {
      found = counted(pattern, at)
    } else if (char === "(") {
      const look = /^\(\?<?[=!]/.exec(pattern.slice(at))?.[0]
      if (look !== undefined) return [lookAround, at, look.length]
      open.push(at)
      at += /^\(\?(?:P?<\w+>|[a-z]*[:)])?/.exec(pattern.slice(at))?.[0]?.length ?? 1
      at -= 1
      if (pattern[at] === ")") open.pop()
    } else if (char === ")" && open.pop() === undefined) {
      return ["unopened group", at, 1]
    }
    if (typeof found === "number") at = found
    else if (found !== undefined) return found
  }
  const unclosed = open.at(-1)
  return unclosed === undefined ? undefined : ["unclosed group", unclosed, 1]
}

const refuse = (pattern: string, why: string): never =>
  invalid(
    `Grammar error: at 1(8): invalid regex ${
      JSON.stringify(pattern)
    } (in regex): ${why}\n   1 | start: /${pattern}/\n` +
      "              ^"
  )

/** Valid for the compiler that checks, but not for the one that runs. */
const unrun = /\*\*|\(\?P<|\(\?[a-z]+[:)]|\\[pP](?:\{|[A-Z])/

/** The constraint for a pattern. @category readers @since 0.2.0 */
export const compile = (pattern: string): Constraint => {
  const mistake = mistakeOf(pattern)
  if (mistake !== undefined) {
    const [why, from, length] = mistake
    refuse(pattern, `regex parse error:\n    ${pattern}\n    ${" ".repeat(from)}${"^".repeat(length)}\nerror: ${why}`)
  }
  const boundary = /\\[bB]/.exec(pattern)?.[0]
  if (boundary !== undefined) {
    const kind = boundary === "\\b" ? "WordUnicode" : "WordUnicodeNegate"
    return refuse(pattern, `lookarounds not supported yet; ${kind} in regex /${pattern}/`)
  }
  if (unrun.test(pattern)) return broken()
  const plain = pattern.replace(/^\^/, "").replace(/\$$/, "").replaceAll(/\(\?<\w+>/g, "(?:")
  return Grammar.sample({ type: "regex", value: plain }, Random.make(0))._tag === "Ok"
    ? { _tag: "Regex", pattern: plain }
    : broken()
}
