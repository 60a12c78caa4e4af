/**
 * Which variables a template needs: those that it names, without those that it sets itself and those that it tests for.
 *
 * @since 0.2.0
 */
import { globals } from "./jinja/filters/Globals.ts"
import { parse } from "./jinja/syntax/Parser.ts"
import { defaultOptions } from "./jinja/Template.ts"

/** Names that are part of the language. */
const own = new Set([...globals.keys(), "loop", "self", "caller", "varargs", "kwargs"])

const isNode = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

/** A chain of attributes by constant names, from a variable; undefined for anything else. */
const pathOf = (node: unknown): ReadonlyArray<string> | undefined => {
  if (!isNode(node)) return undefined
  if (node.type === "Name" && "height" in node) return [String(node.name)]
  const inner = node.type === "Attribute" || node.type === "Item" ? pathOf(node.node) : undefined
  if (inner === undefined) return undefined
  if (node.type === "Attribute") return [...inner, String(node.name)]
  return isNode(node.key) && node.key.type === "Const" && typeof node.key.value === "string"
    ? [...inner, node.key.value]
    : undefined
}

interface Found {
  readonly paths: Map<string, ReadonlyArray<string>>
  readonly bound: Set<string>
  /** Paths that the template tests for, or gives a default. */
  readonly guarded: Set<string>
}

const keyOf = (path: ReadonlyArray<string>): string => JSON.stringify(path)

const add = (found: Found, path: ReadonlyArray<string>): void => void found.paths.set(keyOf(path), path)

const visit = (node: unknown, found: Found): void => {
  if (Array.isArray(node)) {
    for (const item of node) visit(item, found)
    return
  }
  if (!isNode(node)) return
  if (node.type === "Name" && !("height" in node)) found.bound.add(String(node.name))
  if (node.type === "Macro") found.bound.add(String(node.name))
  if ((node.type === "Macro" || node.type === "CallBlock") && isNode(node.signature)) {
    const { params } = node.signature
    if (Array.isArray(params)) { for (const name of params) found.bound.add(String(name)) }
  }
  const guards = (node.type === "Test" && (node.name === "defined" || node.name === "undefined")) ||
    (node.type === "Filter" && (node.name === "default" || node.name === "d"))
  const guarded = guards ? pathOf(node.node) : undefined
  if (guarded !== undefined) found.guarded.add(keyOf(guarded))
  const path = pathOf(node)
  if (path !== undefined) return add(found, path)
  if (node.type === "Call" && isNode(node.node) && node.node.type === "Attribute") {
    // the last name of a method call is the method
    const subject = pathOf(node.node.node)
    if (subject === undefined) visit(node.node.node, found)
    else add(found, subject)
    visit(node.call, found)
    return
  }
  for (const value of Object.values(node)) visit(value, found)
}

/**
 * The variables that a template needs, each with the attributes that are read from it. The text must compile.
 *
 * @category accessors
 * @since 0.2.0
 */
export const required = (source: string): ReadonlyArray<ReadonlyArray<string>> => {
  const found: Found = { paths: new Map(), bound: new Set(), guarded: new Set() }
  visit(parse(source, defaultOptions), found)
  const isGuarded = (path: ReadonlyArray<string>): boolean =>
    path.some((_, at) => found.guarded.has(keyOf(path.slice(0, at + 1))))
  return [...found.paths.values()].filter((path) => {
    const [root = ""] = path
    return !own.has(root) && !found.bound.has(root) && !isGuarded(path)
  })
}

/**
 * The first of these paths that is missing in the variables, as the template writes it. A list, a string or a number on
 * the way is left to the template.
 *
 * @category accessors
 * @since 0.2.0
 */
export const missing = (
  paths: ReadonlyArray<ReadonlyArray<string>>,
  variables: Readonly<Record<string, unknown>>
): string | undefined => {
  for (const path of paths) {
    let value: unknown = variables
    for (const [at, name] of path.entries()) {
      if (typeof value !== "object" || value === null || Array.isArray(value)) break
      if (!Object.hasOwn(value, name)) return path.slice(0, at + 1).join(".")
      value = Reflect.get(value, name)
    }
  }
  return undefined
}
