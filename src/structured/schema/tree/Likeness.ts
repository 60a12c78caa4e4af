/**
 * Which trees of a schema are alike.
 *
 * @since 0.2.0
 */
import type { Tree } from "./JsonSchemaTree.ts"

/**
 * A key that is equal for trees with the same language, as far as their structure shows: paths and descriptions do not
 * count.
 *
 * @category getters
 * @since 0.2.0
 */
export const keyOf = (tree: Tree): string => {
  const known = keys.get(tree) ?? write(tree)
  keys.set(tree, known)
  return known
}

const keys = new WeakMap<Tree, string>()

const write = (tree: Tree): string =>
  JSON.stringify(tree, (key, value: unknown) => key === "path" || key === "about" ? undefined : value)

/** A cheap outline that equal trees share: only trees with the same outline are compared in full. */
const outlineOf = (tree: Tree): string => {
  switch (tree._tag) {
    case "Fields":
      return `Fields ${tree.min} ${tree.max} ${tree.rests.length} ${tree.properties.map(({ name }) => name).join("\n")}`
    case "List":
      return `List ${tree.min} ${tree.max} ${tree.prefix.length} ${tree.rest?._tag}`
    case "Text":
      return `Text ${tree.min} ${tree.max} ${tree.format} ${tree.content?._tag}`
    case "Union":
      return `Union ${tree.members.map(outlineOf).join()}`
    default:
      return keyOf(tree)
  }
}

/**
 * The trees without duplicates, as far as their structure shows.
 *
 * @category combinators
 * @since 0.2.0
 */
export const different = (trees: ReadonlyArray<Tree>): ReadonlyArray<Tree> => {
  const seen = new Map<string, Array<Tree>>()
  return trees.filter((tree) => {
    const outline = outlineOf(tree)
    const alike = seen.get(outline) ?? []
    seen.set(outline, [...alike, tree])
    return !alike.some((other) => other === tree || keyOf(other) === keyOf(tree))
  })
}
