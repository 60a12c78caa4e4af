import { holds, isObject } from "../schema/JsonSchemaTree.ts"
import type { Tree } from "../schema/JsonSchemaTree.ts"

/**
 * The JSON text that a grammar of this tree allows for a value: keys in the order of the tree, no blanks. Useful for
 * examples in a prompt. A value outside the tree is written as it is, with nothing added or left out.
 */
export const write = (tree: Tree | undefined, value: unknown): string => {
  if (Array.isArray(value)) {
    const at = tree && pick(tree, value, "List")
    const items = at?._tag === "List" ? at : undefined
    return `[${value.map((item, index) => write(items?.prefix[index] ?? items?.rest, item)).join(",")}]`
  }
  if (!isObject(value)) return JSON.stringify(value) ?? "null"
  const at = tree && pick(tree, value, "Fields")
  const fields = at?._tag === "Fields" ? at : undefined
  const known = new Map((fields?.properties ?? []).map((property) => [property.name, property.value] as const))
  const names = [...known.keys()].filter((name) => Object.hasOwn(value, name))
  const others = Object.keys(value).filter((name) => !known.has(name))
  const rest = fields?.rests[0]?.value
  const pairs = [...names, ...others].map((name) =>
    `${JSON.stringify(name)}:${write(known.get(name) ?? rest, value[name])}`
  )
  return `{${pairs.join(",")}}`
}

const pick = (tree: Tree, value: unknown, tag: Tree["_tag"]): Tree | undefined => {
  if (tree._tag !== "Union") return tree._tag === tag ? tree : undefined
  const candidates = tree.members.filter((member) => member._tag === tag)
  return candidates.find((member) => holds(member, value)) ?? candidates[0]
}
