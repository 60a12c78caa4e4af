/**
 * A regular expression as an automaton whose states are what may still follow: partial derivatives. Nothing is built ahead,
 * so that a large expression costs no more than the texts that are read.
 *
 * @since 0.2.0
 */
import * as CharSet from "./CharSet.ts"
import * as RegexSyntax from "./RegexSyntax.ts"

type Regex = RegexSyntax.Regex

/**
 * What is still to be matched, in order: a shared list, so that equal ends are the same object.
 *
 * @category models
 * @since 0.2.0
 */
export interface Continuation {
  readonly head: Regex
  readonly tail: Continuation | undefined
}

/**
 * The ways in which a text may continue. `undefined` among them is the end of the expression.
 *
 * @category models
 * @since 0.2.0
 */
export type State = ReadonlySet<Continuation | undefined>

/**
 * @category models
 * @since 0.2.0
 */
export interface Automaton {
  readonly start: State
  /** The state after one more character, given as its code point. */
  readonly step: (state: State, code: number) => State
  /** The same before it is unfolded to the next characters: short to write. Empty if nothing may follow this way. */
  readonly advance: (state: State, code: number) => State
  /** The result of `advance`, unfolded to the next characters, as `step` expects it. */
  readonly unfold: (lists: State) => State
}

/**
 * The automaton of an expression over whole texts. It has no anchors, and a lookahead matches nothing.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (regex: Regex): Automaton => {
  const lists = new Map<Regex, Map<Continuation | undefined, Continuation>>()
  const counters = new Map<Regex, Map<string, Regex>>()

  const push = (head: Regex, tail: Continuation | undefined): Continuation => {
    const tails = lists.get(head) ?? new Map<Continuation | undefined, Continuation>()
    lists.set(head, tails)
    const list = tails.get(tail) ?? { head, tail }
    tails.set(tail, list)
    return list
  }

  /** The repetition with one round less, the same object for the same counts. */
  const fewer = (repeat: Extract<Regex, { readonly _tag: "Repeat" }>): Regex => {
    const min = Math.max(0, repeat.min - 1)
    const max = repeat.max === undefined ? undefined : repeat.max - 1
    if (min === repeat.min && max === repeat.max) return repeat
    const known = counters.get(repeat.of) ?? new Map<string, Regex>()
    counters.set(repeat.of, known)
    const key = `${min},${max}`
    const made = known.get(key) ?? RegexSyntax.repeat(repeat.of, min, max)
    known.set(key, made)
    return made
  }

  /** Adds to a state what a continuation amounts to before its next character. */
  const expand = (
    list: Continuation | undefined,
    into: Set<Continuation | undefined>,
    seen: Set<Continuation>
  ): void => {
    if (list === undefined) {
      into.add(undefined)
      return
    }
    if (seen.has(list)) return
    seen.add(list)
    const { head, tail } = list
    switch (head._tag) {
      case "Chars":
        into.add(list)
        return
      case "Seq":
        return expand(head.parts.reduceRight<Continuation | undefined>((at, part) => push(part, at), tail), into, seen)
      case "Alt":
        for (const option of head.options) expand(push(option, tail), into, seen)
        return
      case "Repeat":
        if (head.min === 0) expand(tail, into, seen)
        if (head.max === undefined || head.max > 1) expand(push(head.of, push(fewer(head), tail)), into, seen)
        else if (head.max === 1) expand(push(head.of, tail), into, seen)
        return
      default:
        return
    }
  }

  const from = (lists: Iterable<Continuation | undefined>): State => {
    const into = new Set<Continuation | undefined>()
    const seen = new Set<Continuation>()
    for (const list of lists) expand(list, into, seen)
    return into
  }

  const advance = (state: State, code: number): State => {
    const next = new Set<Continuation | undefined>()
    for (const list of state) {
      if (list?.head._tag === "Chars" && CharSet.has(list.head.set, code)) next.add(list.tail)
    }
    return next
  }

  return {
    start: from([push(regex, undefined)]),
    step: (state, code) => from(advance(state, code)),
    advance,
    unfold: from
  }
}

/**
 * Whether a text that ends here is matched.
 *
 * @category guards
 * @since 0.2.0
 */
export const accepts = (state: State): boolean => state.has(undefined)

/**
 * Whether an expression matches a whole text.
 *
 * @category guards
 * @since 0.2.0
 */
export const test = (regex: Regex, text: string): boolean => {
  const automaton = make(regex)
  let state = automaton.start
  for (const char of text) {
    state = automaton.step(state, char.codePointAt(0) ?? 0)
    if (state.size === 0) return false
  }
  return accepts(state)
}
