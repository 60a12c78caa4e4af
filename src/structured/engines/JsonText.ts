/**
 * A value → the JSON text that a grammar allows for it: keys in the order of the grammar, no whitespace.
 *
 * @since 0.1.0
 */
import * as Members from "../schema/Members.ts"
import { isObject } from "../schema/tree/JsonSchemaTree.ts"
import type { Document, Tree } from "../schema/tree/JsonSchemaTree.ts"

/**
 * How an engine orders keys, and the targets of a tree's references.
 *
 * @category models
 * @since 0.2.0
 */
export interface Order {
  readonly definitions?: Document["definitions"] | undefined
  /** Whether the engine writes required keys before all others. */
  readonly requiredFirst?: boolean | undefined
}

/**
 * The JSON text of a value, useful for examples in a prompt. A value outside the tree is written as it is, with nothing
 * added or left out.
 *
 * @category printing
 * @since 0.1.0
 */
export const write = (tree: Tree | undefined, value: unknown, order: Order = {}): string => {
  const definitions = order.definitions ?? new Map<string, Tree>()
  const go = (tree: Tree | undefined, value: unknown): string => {
    if (Array.isArray(value)) {
      const items = pick(tree, definitions, value, "List")
      return `[${value.map((item, index) => go(items?.prefix[index] ?? items?.rest, item)).join(",")}]`
    }
    if (!isObject(value)) return JSON.stringify(value) ?? "null"
    const fields = pick(tree, definitions, value, "Fields")
    const properties = fields?.properties ?? []
    const sorted = order.requiredFirst === true
      ? [...properties.filter(({ required }) => required), ...properties.filter(({ required }) => !required)]
      : properties
    const known = new Map(sorted.map((property) => [property.name, property.value] as const))
    const names = [...known.keys()].filter((name) => Object.hasOwn(value, name))
    const others = Object.keys(value).filter((name) => !known.has(name))
    const rest = fields?.rests[0]?.value
    const pairs = [...names, ...others].map((name) =>
      `${JSON.stringify(name)}:${go(known.get(name) ?? rest, value[name])}`
    )
    return `{${pairs.join(",")}}`
  }
  return go(tree, value)
}

const pick = <T extends "List" | "Fields">(
  tree: Tree | undefined,
  definitions: Document["definitions"],
  value: unknown,
  tag: T
): Extract<Tree, { readonly _tag: T }> | undefined => {
  const at = Members.follow(tree, definitions)
  const members = at?._tag === "Union" ? at.members.map((member) => Members.follow(member, definitions)) : [at]
  const candidates = members.filter((member): member is Extract<Tree, { readonly _tag: T }> => member?._tag === tag)
  return candidates.find((member) => Members.holds(member, value, definitions)) ?? candidates[0]
}
