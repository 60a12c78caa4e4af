/**
 * A tree → one regex of its JSON texts, for TGI.
 *
 * @since 0.1.0
 */
import * as RegexDialect from "../../regex/RegexDialect.ts"
import type { Fields, List, Numeric, Property, Rest, Text, Tree } from "../../schema/tree/JsonSchemaTree.ts"
import * as PerTree from "./PerTree.ts"

const GAP = " ?"
const COMMA = `${GAP},${GAP}`
const COLON = `${GAP}:${GAP}`
/** The approximate cost of a letter of a declared key in the pattern of all other keys. */
const LETTER = 40
const INTEGER = "(?:0|[1-9][0-9]*)"
/** Positive exponents end at 299: a larger one could make a number that JavaScript cannot represent. */
const DECIMAL = `${INTEGER}(?:\\.[0-9]+)?(?:[eE](?:\\+?[12]?[0-9]{1,2}|-[0-9]{1,3}))?`

/**
 * One regex in TGI's dialect for the JSON texts of a tree that was made for TGI: at most one space in a gap, keys in
 * order. An object with more than `optional` keys and none required has them in any order.
 *
 * @category printing
 * @since 0.1.0
 */
export const print = (tree: Tree, optional: number): string => {
  const go = (tree: Tree) => print(tree, optional)
  switch (tree._tag) {
    case "Literal":
      return group(tree.values.map((value) => RegexDialect.literal(JSON.stringify(value))))
    case "Text":
      return text(tree)
    case "Numeric":
      return `${isSigned(tree) ? "-?" : ""}${tree.integer ? INTEGER : DECIMAL}`
    case "List":
      return `\\[${GAP}${list(tree, 0, go)}${GAP}\\]`
    case "Fields":
      return `\\{${GAP}${fields(tree, optional, go)}${GAP}\\}`
    case "Union":
      return group(tree.members.map(go))
    default:
      return ""
  }
}

/**
 * The length of the regex, without writing it: if it is too long to send it is too long to write.
 *
 * @category accessors
 * @since 0.2.0
 */
export const lengthOf: (tree: Tree, optional: number) => number = PerTree.remember((tree, optional) => {
  const go = (tree: Tree) => lengthOf(tree, optional)
  switch (tree._tag) {
    case "Union":
      return tree.members.reduce((sum, member) => sum + go(member) + 1, 3)
    case "List": {
      const prefix = tree.prefix.reduce((sum, item) => sum + go(item) + 12, 8)
      return tree.rest === undefined ? prefix : prefix + (tree.prefix.length > 0 ? 1 : 2) * go(tree.rest) + 16
    }
    case "Fields": {
      const { properties, rests } = tree
      // a key that differs from all others is written as a tree of their letters
      const letters = properties.reduce((sum, { name }) => sum + name.length, 0)
      const keys = rests.map(({ key, value }) =>
        go(key) + go(value) + (key.content === undefined ? LETTER * letters : 0) + 6
      )
      const others = keys.reduce((sum, length) => sum + length, 0)
      const pairs = properties.map(({ name, value }) => JSON.stringify(name).length + go(value) + 14)
      const all = pairs.reduce((sum, length) => sum + length, 8)
      if (properties.some((property) => property.required)) return all + others
      // in a list of pairs each is written twice; otherwise each key once for every key before it
      return rests.length > 0 || properties.length > optional
        ? 2 * (all + others)
        : pairs.reduce((sum, length, index) => sum + length * (index + 1), 8)
    }
    default:
      return print(tree, optional).length
  }
})

/** Whether a number may be below zero. */
const isSigned = ({ exclusiveMinimum = -1, minimum = -1 }: Numeric): boolean => minimum < 0 && exclusiveMinimum < 0

const group = (options: ReadonlyArray<string>): string =>
  options.length === 1 ? options[0] ?? "" : `(?:${options.join("|")})`

const text = ({ content, max, min }: Text): string =>
  content === undefined
    ? `"${RegexDialect.PLAIN}${RegexDialect.quantifier(min, max)}"`
    : `"(?:${RegexDialect.printInString(content)})"`

type Go = (tree: Tree) => string

const list = (tree: List, index: number, go: Go): string => {
  const { max, min, prefix, rest } = tree
  const item = prefix[index]
  if (item !== undefined) {
    const body = `${index > 0 ? COMMA : ""}${go(item)}${list(tree, index + 1, go)}`
    return index < min ? body : `(?:${body})?`
  }
  return rest === undefined
    ? ""
    : repeated(go(rest), min - index, max === undefined ? undefined : max - index, index > 0)
}

/** Items with commas between them, and one before the first if something precedes it. */
const repeated = (item: string, min: number, max: number | undefined, follows: boolean): string => {
  if (max !== undefined && max <= 0) return ""
  const more = `(?:${COMMA}${item})`
  if (follows) return `${more}${RegexDialect.quantifier(Math.max(0, min), max)}`
  const most = max === undefined ? undefined : max - 1
  const body = most === 0 ? item : `${item}${more}${RegexDialect.quantifier(Math.max(0, min - 1), most)}`
  return min > 0 ? body : `(?:${body})?`
}

const fields = (tree: Fields, optional: number, go: Go): string => {
  const { max, min, properties, rests } = tree
  const pairs = properties.map((property) => pair(property, go))
  const names = properties.map(({ name }) => name)
  const others = rests.map((rest) => further(rest, names, go))
  const last = properties.findLastIndex((property) => property.required)
  if (last >= 0) {
    const named = pairs.map((body, index) => {
      const placed = index < last ? body + COMMA : index > last ? COMMA + body : body
      return properties[index]?.required === true ? placed : `(?:${placed})?`
    })
    return named.join("") + (others.length > 0 ? repeated(group(others), 0, undefined, true) : "")
  }
  if (pairs.length === 0) return others.length === 0 ? "" : repeated(group(others), min, max, false)
  // any order, since writing out which key comes first costs a copy of all that follow
  if (others.length > 0 || pairs.length > optional) {
    return repeated(group([...pairs, ...others]), min, undefined, false)
  }
  const firsts = pairs.map((body, index) =>
    body + pairs.slice(index + 1).map((next) => `(?:${COMMA}${next})?`).join("")
  )
  return min > 0 ? group(firsts) : `(?:${firsts.join("|")})?`
}

const pair = ({ name, value }: Property, go: Go): string =>
  `${RegexDialect.literal(JSON.stringify(name))}${COLON}${go(value)}`

/** A key other than the named ones, with its value. */
const further = ({ key, value }: Rest, names: ReadonlyArray<string>, go: Go): string => {
  const other = names.length > 0 && key.content === undefined
    ? text({ ...key, content: RegexDialect.except(names) })
    : text(key)
  return `${other}${COLON}${go(value)}`
}
