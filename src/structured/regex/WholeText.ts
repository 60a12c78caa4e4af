/**
 * A regex that is matched against whole texts: anchors that only say so are removed.
 *
 * @since 0.2.0
 */
import * as Result from "effect/Result"
import * as CharSet from "./CharSet.ts"
import * as RegexParts from "./RegexParts.ts"
import * as RegexSyntax from "./RegexSyntax.ts"

type Regex = RegexSyntax.Regex

/**
 * A regex without anchors, and which of them were removed.
 *
 * @category models
 * @since 0.1.0
 */
export interface WholeText {
  readonly regex: Regex
  readonly removed: ReadonlyArray<string>
}

const word: CharSet.CharSet = [[0x30, 0x39], [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]]
const names = { start: "^", end: "$", word: "\\b" } as const

/**
 * Removes `^` and `\b` at the start and `$` and `\b` at the end. A word boundary is only removed if the text begins or
 * ends with a word character; an anchor anywhere else has no form in a grammar.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (regex: Regex): Result.Result<WholeText, RegexSyntax.RegexFault> => {
  const removed = new Set<string>()
  const out = trim(trim(regex, "start", removed), "end", removed)
  const left = RegexParts.find(out, anchor)
  return left === undefined ? Result.succeed({ regex: out, removed: [...removed] }) : Result.fail({
    construct: left,
    position: 0,
    hint: "a grammar matches the whole text: write what is next to the anchor instead"
  })
}

const trim = (regex: Regex, at: "start" | "end", removed: Set<string>): Regex => {
  if (regex._tag === "Alt") return RegexSyntax.alt(regex.options.map((option) => trim(option, at, removed)))
  const parts = regex._tag === "Seq" ? regex.parts : [regex]
  const edge = at === "start" ? parts[0] : parts.at(-1)
  if (edge === undefined) return regex
  const rest = RegexSyntax.seq(...at === "start" ? parts.slice(1) : parts.slice(0, -1))
  if (edge._tag === "Edge") {
    if (edge.at === "word" ? !isOfWord(outer(rest, at)) : edge.at !== at) return regex
    removed.add(names[edge.at])
    return trim(rest, at, removed)
  }
  if (edge._tag !== "Alt" && edge._tag !== "Seq") return regex
  const inner = trim(edge, at, removed)
  return at === "start" ? RegexSyntax.seq(inner, rest) : RegexSyntax.seq(rest, inner)
}

/** The characters that a text can begin or end with; undefined if it can be empty. */
const outer = (regex: Regex, at: "start" | "end"): CharSet.CharSet | undefined => {
  switch (regex._tag) {
    case "Chars":
      return regex.set
    case "Alt": {
      const sets = regex.options.map((option) => outer(option, at))
      return sets.includes(undefined) ? undefined : CharSet.of(sets.flatMap((set) => set ?? []))
    }
    case "Repeat":
      return regex.min > 0 ? outer(regex.of, at) : undefined
    case "Seq": {
      let all: CharSet.CharSet = []
      for (const part of at === "start" ? regex.parts : regex.parts.toReversed()) {
        const set = outer(part, at) ?? (part._tag === "Repeat" ? outer({ ...part, min: 1 }, at) : undefined)
        if (set === undefined && part._tag === "Edge") continue
        if (set === undefined) return undefined
        all = CharSet.of([...all, ...set])
        if (outer(part, at) !== undefined) return all
      }
      return undefined
    }
    default:
      return undefined
  }
}

const isOfWord = (set: CharSet.CharSet | undefined): boolean =>
  set !== undefined && set.length > 0 && CharSet.subtract(set, word).length === 0

const anchor = (part: Regex): string | undefined =>
  part._tag === "Edge" ? `${names[part.at]} inside the regex` : undefined
