/**
 * What may still follow a text under a regex: the residual of the regex after that text, as a regex of its own. With it, a
 * server that starts its grammar over in each request can continue the text.
 *
 * @since 0.2.0
 */
import * as Result from "effect/Result"
import * as Automaton from "./Automaton.ts"
import * as CharSet from "./CharSet.ts"
import * as RegexDialect from "./RegexDialect.ts"
import * as RegexParts from "./RegexParts.ts"
import * as RegexSyntax from "./RegexSyntax.ts"

type Regex = RegexSyntax.Regex

/**
 * A place in a text of the language: the ways in which it may continue. `undefined` among them is the end.
 *
 * @category models
 * @since 0.2.0
 */
export type Place = Automaton.State

/**
 * A regex whose texts are followed.
 *
 * @category models
 * @since 0.2.0
 */
export interface Residual {
  readonly start: Place
  /** The place after a text, from a place; undefined if no text of the language continues like that. */
  readonly read: (place: Place, text: string) => Place | undefined
  /** How much of a text, in UTF-16 units, begins a text of the language, and the place after it. */
  readonly longest: (text: string) => { readonly length: number; readonly place: Place }
}

/**
 * The residuals of a regex in TGI's dialect. Fails for an invalid one, and for a lookahead, after which no short regex
 * describes what may follow.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (source: string): Result.Result<Residual, RegexSyntax.RegexFault> =>
  Result.flatMap(RegexSyntax.parse(source, "tgi"), (regex) => {
    if (RegexParts.hasLook(regex)) {
      const hint = "write what may follow instead: no regex expresses what a lookahead leaves"
      return Result.fail({ construct: "lookahead", position: source.search(/\(\?[=!]/), hint })
    }
    const whole = interned()(regex)
    const { advance, start: unfolded, unfold } = Automaton.make(whole)
    const start: Place = new Set([{ head: whole, tail: undefined }])
    const step = (place: Place, code: number): Place => advance(place === start ? unfolded : unfold(place), code)
    const read = (from: Place, text: string): Place | undefined => {
      let place = from
      for (const char of text) {
        place = step(place, char.codePointAt(0) ?? 0)
        if (place.size === 0) return undefined
      }
      return place
    }
    const longest = (text: string) => {
      let place = start
      let length = 0
      for (const char of text) {
        const next = step(place, char.codePointAt(0) ?? 0)
        if (next.size === 0) break
        place = next
        length += char.length
      }
      return { length, place }
    }
    return Result.succeed({ start, read, longest })
  })

/** Equal parts become the same object, so that equal continuations are recognised by identity. */
const interned = () => {
  const known = new Map<string, Regex>()
  const ids = new Map<Regex, number>()
  const once = (key: string, regex: Regex): Regex => {
    const made = known.get(key) ?? regex
    if (!known.has(key)) {
      known.set(key, made)
      ids.set(made, ids.size)
    }
    return made
  }
  const go = (regex: Regex): Regex => {
    switch (regex._tag) {
      case "Chars":
        return once(`c${regex.set.join(";")}`, regex)
      case "Seq": {
        const parts = regex.parts.map(go)
        return once(`s${parts.map((part) => ids.get(part)).join()}`, { _tag: "Seq", parts })
      }
      case "Alt": {
        const options = [...new Set(regex.options.map(go))]
        return once(`a${options.map((part) => ids.get(part)).join()}`, RegexSyntax.alt(options))
      }
      case "Repeat": {
        const of = go(regex.of)
        return once(`r${ids.get(of)},${regex.min},${regex.max}`, RegexSyntax.repeat(of, regex.min, regex.max))
      }
      default:
        return regex
    }
  }
  return go
}

/**
 * Whether the text may end here.
 *
 * @category guards
 * @since 0.2.0
 */
export const mayEnd = (place: Place): boolean =>
  [...place].some((list) => {
    for (let at = list; at !== undefined; at = at.tail) if (!isNullable(at.head)) return false
    return true
  })

/**
 * Whether nothing may follow: the text is complete.
 *
 * @category guards
 * @since 0.2.0
 */
export const isWhole = (place: Place): boolean => [...place].every((list) => list === undefined)

const isNullable = (regex: Regex): boolean => {
  switch (regex._tag) {
    case "Seq":
      return regex.parts.every(isNullable)
    case "Alt":
      return regex.options.some(isNullable)
    case "Repeat":
      return regex.min === 0 || isNullable(regex.of)
    default:
      return false
  }
}

/**
 * How many parts are pending: few between the items of a list, many inside them. A place with few pending parts is good
 * to continue from, since its residual is short and shared with others.
 *
 * @category accessors
 * @since 0.2.0
 */
export const depth = (place: Place): number => {
  let most = 0
  for (const list of place) {
    let count = 0
    for (let at = list; at !== undefined; at = at.tail) count++
    most = Math.max(most, count)
  }
  return most
}

/**
 * The regex of what may follow, in TGI's dialect. An empty string if the text is complete; that is not a grammar there,
 * so nothing should be sent then.
 *
 * @category printing
 * @since 0.2.0
 */
export const print = (place: Place): string => {
  const lists = Array.from(place, (list) => {
    const parts: Array<Regex> = []
    for (let at = list; at !== undefined; at = at.tail) parts.push(at.head)
    return parts
  })
  const whole = union(lists)
  return whole._tag === "Alt" ? `(?:${RegexDialect.printPlain(whole)})` : RegexDialect.printPlain(whole)
}

type Parts = ReadonlyArray<Regex>

/** Sequences as one regex: a common end is written once, then what groups of them begin or end with. */
const union = (lists: ReadonlyArray<Parts>): Regex => {
  const [first = [], ...others] = lists
  if (others.length === 0) return RegexSyntax.seq(...first)
  let shared = 0
  const ends = (parts: Parts) => parts.at(-1 - shared)
  while (ends(first) !== undefined && others.every((parts) => ends(parts) === ends(first))) shared++
  const tail = shared === 0 ? [] : first.slice(-shared)
  const heads = shared === 0 ? lists : lists.map((parts) => parts.slice(0, -shared))
  const filled = heads.filter((parts) => parts.length > 0)
  const choice = alternatives(filled)
  return RegexSyntax.seq(filled.length < heads.length ? optional(choice) : choice, ...tail)
}

const optional = (regex: Regex): Regex => isNullable(regex) ? regex : RegexSyntax.repeat(regex, 0, 1)

const alternatives = (lists: ReadonlyArray<Parts>): Regex => {
  if (lists.length < 2) return RegexSyntax.seq(...lists[0] ?? [])
  const byFirst = groups(lists, 0)
  const byLast = groups(lists, -1)
  const isByFirst = byFirst.size < byLast.size
  const made = Array.from((isByFirst ? byFirst : byLast).entries(), ([part, group]): Regex => {
    if (group.length === 1) return RegexSyntax.seq(...group[0] ?? [])
    const rest = union(group.map((parts) => isByFirst ? parts.slice(1) : parts.slice(0, -1)))
    return isByFirst ? RegexSyntax.seq(part, rest) : RegexSyntax.seq(rest, part)
  })
  const sets = made.flatMap((option) => option._tag === "Chars" ? option.set : [])
  const rest = made.filter((option) => option._tag !== "Chars")
  return RegexSyntax.alt(sets.length === 0 ? rest : [RegexSyntax.chars(CharSet.of(sets)), ...rest])
}

const groups = (lists: ReadonlyArray<Parts>, at: 0 | -1): ReadonlyMap<Regex, ReadonlyArray<Parts>> => {
  const out = new Map<Regex, Array<Parts>>()
  for (const parts of lists) {
    const part = parts.at(at)
    if (part === undefined) continue
    const group = out.get(part) ?? []
    group.push(parts)
    out.set(part, group)
  }
  return out
}
