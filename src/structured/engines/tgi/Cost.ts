/**
 * What a grammar costs TGI's server: it turns the text of a regex into an automaton and indexes the vocabulary by its
 * states, in pure Python, while the batch waits.
 *
 * @since 0.2.0
 */
import * as RegexDialect from "../../regex/RegexDialect.ts"
import type { Tree } from "../../schema/tree/JsonSchemaTree.ts"
import * as PerTree from "./PerTree.ts"
import * as RegexGrammar from "./RegexGrammar.ts"

/**
 * With more keys, those of an object without a required one are written in any order: every key may be the first, and
 * writing that out grows with the square of their number.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_OPTIONAL = 6

/**
 * @category models
 * @since 0.2.0
 */
export interface Cost {
  /** The length of the regex. */
  readonly characters: number
  /** About how many states its automaton has. */
  readonly states: number
  /** About how long one core of the server is busy with it, including the index over a vocabulary of 32,000 tokens. */
  readonly seconds: number
}

/**
 * The cost by the length, the states, and the states that count repetitions. Fitted to times of the server's own libraries:
 * the automaton costs by the length of its text and by the square of what is counted, the index by each state.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (characters: number, states: number, counted: number): Cost => ({
  characters,
  states,
  seconds: 0.9 * (characters / 3600) ** 1.5 + 2.5e-6 * counted ** 2 + 0.0035 * states
})

/**
 * The cost of the regex of a tree, whose objects of more than `optional` keys have them in any order.
 *
 * @category constructors
 * @since 0.2.0
 */
export const of: (tree: Tree, optional: number) => Cost = PerTree.remember((tree, optional) =>
  make(RegexGrammar.lengthOf(tree, optional), states(tree, optional), counted(tree, optional))
)

/**
 * The length from which a grammar costs more than the given seconds, whatever its states.
 *
 * @category accessors
 * @since 0.2.0
 */
export const charactersOf = (seconds: number): number => 3600 * (seconds / 0.9) ** (2 / 3)

/**
 * An estimate of the automaton states that the server builds for a tree.
 *
 * @category accessors
 * @since 0.2.0
 */
export const states = (tree: Tree, optional = MAX_OPTIONAL): number => statesOf(tree, optional)

const statesOf: (tree: Tree, optional: number) => number = PerTree.remember((tree, optional) =>
  estimate(tree, optional)
)

const estimate = (tree: Tree, optional: number): number => {
  const go = (tree: Tree) => states(tree, optional)
  switch (tree._tag) {
    case "Literal":
      return literal(tree)
    case "Text":
      return 3 + (tree.content === undefined ? 2 * (tree.max ?? tree.min) : RegexDialect.states(tree.content))
    case "Numeric":
      return tree.integer ? 3 : 9
    case "List": {
      const prefix = tree.prefix.reduce((sum, item) => sum + go(item) + 2, 4)
      if (tree.rest === undefined) return prefix
      const times = Math.max(1, (tree.max ?? tree.min + 1) - tree.prefix.length)
      return prefix + (go(tree.rest) + 2) * times
    }
    case "Fields": {
      const named = tree.properties.reduce((sum, { name, value }) => sum + name.length + 5 + go(value), 3)
      const rests = tree.rests.reduce((sum, { key, value }) => sum + go(key) + go(value) + 4, 0)
      const bare = tree.properties.length > 0 && tree.properties.every((property) => !property.required)
      if (bare && tree.properties.length > optional) {
        return shared(tree.properties.map(({ name, value }) => name.length + 5 + go(value))) + rests
      }
      // every key may be the first one: later ones are compiled again after each
      const factor = bare ? Math.max(1, Math.min(tree.properties.length / 2, 2)) : 1
      return named * factor + rests * Math.max(2, tree.max ?? tree.min + 1)
    }
    case "Union":
      return shared(tree.members.map(go))
    default:
      return 0
  }
}

const literal = (tree: Extract<Tree, { readonly _tag: "Literal" }>): number => {
  const prefixes = new Set<string>()
  for (const value of tree.values) {
    const written = JSON.stringify(value)
    for (let end = 1; end <= written.length; end++) prefixes.add(written.slice(0, end))
  }
  return prefixes.size
}

/** Alternatives share their ends, most of which become the same states. */
const shared = (members: ReadonlyArray<number>): number =>
  Math.max(1, ...members) + members.reduce((sum, member) => sum + member, 0) / 5

/** The states that count characters or items. */
const counted: (tree: Tree, optional: number) => number = PerTree.remember((tree, optional) => {
  const go = (tree: Tree) => counted(tree, optional)
  switch (tree._tag) {
    case "Text":
      return tree.content === undefined
        ? 2 * (tree.max ?? tree.min)
        : tree.content._tag === "Repeat" && (tree.content.max ?? tree.content.min) > 1
        ? RegexDialect.states(tree.content)
        : 0
    case "List": {
      const prefix = tree.prefix.reduce((sum, item) => sum + go(item), 0)
      const times = (tree.max ?? tree.min) - tree.prefix.length
      return tree.rest === undefined
        ? prefix
        : prefix + (times > 1 ? states(tree.rest, optional) * times : go(tree.rest))
    }
    case "Fields":
      return [...tree.properties, ...tree.rests].reduce((sum, { value }) => sum + go(value), 0)
    case "Union":
      return tree.members.reduce((sum, member) => sum + go(member), 0)
    default:
      return 0
  }
})
