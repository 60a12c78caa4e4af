/**
 * Which values a tree contains.
 *
 * @since 0.2.0
 */
import type { Fields, Property, Tree } from "./tree/JsonSchemaTree.ts"
import { isObject } from "./tree/JsonSchemaTree.ts"

/**
 * The definitions that references are resolved with.
 *
 * @category models
 * @since 0.2.0
 */
export type Definitions = ReadonlyMap<string, Tree>

const none: Definitions = new Map()

/**
 * A tree that is not a reference; undefined if the reference cannot be resolved.
 *
 * @category accessors
 * @since 0.2.0
 */
export const follow = (tree: Tree | undefined, definitions: Definitions): Tree | undefined => {
  let at = tree
  for (let steps = 0; at?._tag === "Ref" && steps <= definitions.size; steps++) at = definitions.get(at.name)
  return at?._tag === "Ref" ? undefined : at
}

/**
 * Whether a value has the structure of a tree; patterns, lengths and bounds are ignored.
 *
 * @category guards
 * @since 0.1.0
 */
export const holds = (tree: Tree, value: unknown, definitions: Definitions = none): boolean => {
  switch (tree._tag) {
    case "Never":
      return false
    case "Literal":
      return tree.values.some((allowed) => Object.is(allowed, value))
    case "Text":
      return typeof value === "string"
    case "Numeric":
      return typeof value === "number" && (!tree.integer || Number.isInteger(value))
    case "Free":
      return value !== undefined
    case "Ref": {
      const target = follow(tree, definitions)
      return target !== undefined && holds(target, value, definitions)
    }
    case "Union":
      return tree.members.some((member) => holds(member, value, definitions))
    case "List":
      return Array.isArray(value) && value.length >= tree.min && value.length <= (tree.max ?? Infinity) &&
        value.every((item, index) => {
          const at = tree.prefix[index] ?? tree.rest
          return at !== undefined && holds(at, item, definitions)
        })
    case "Fields":
      return isObject(value) && hasFields(tree, value, definitions)
  }
}

const hasFields = (tree: Fields, value: Readonly<Record<string, unknown>>, definitions: Definitions): boolean => {
  const fits = ({ name, required, value: at }: Property) =>
    Object.hasOwn(value, name) ? holds(at, value[name], definitions) : !required
  const names = new Set(tree.properties.map(({ name }) => name))
  return tree.properties.every(fits) &&
    Object.keys(value).every((name) =>
      names.has(name) || tree.rests.some((rest) => holds(rest.value, value[name], definitions))
    )
}
