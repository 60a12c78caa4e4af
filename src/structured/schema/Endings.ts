/**
 * Recursion that can end. A part that always contains itself has no finite values: it is left out if it is optional, and
 * refused otherwise.
 *
 * @since 0.2.0
 */
import * as Compound from "./tree/Compound.ts"
import type * as Dropped from "./tree/Dropped.ts"
import * as Tree from "./tree/JsonSchemaTree.ts"

type Whole = Pick<Tree.Document, "tree" | "definitions">

/**
 * The document without recursion that never ends.
 *
 * @category rewriting
 * @since 0.2.0
 */
export const prune = (whole: Whole): Whole => {
  if (whole.definitions.size === 0) return whole
  const ending = new Set<string>()
  for (let before = -1; before !== ending.size;) {
    before = ending.size
    for (const [name, tree] of whole.definitions) if (!ending.has(name) && ends(tree, ending)) ending.add(name)
  }
  if (ending.size === whole.definitions.size) return whole
  const rewrite = pruner(ending)
  const definitions = new Map<string, Tree.Tree>()
  for (const [name, tree] of whole.definitions) if (ending.has(name)) definitions.set(name, rewrite(tree, []))
  const root = whole.tree._tag === "Ref" && !ending.has(whole.tree.name)
    ? whole.definitions.get(whole.tree.name)
    : whole.tree
  return { tree: rewrite(root ?? whole.tree, []), definitions }
}

const ends = (tree: Tree.Tree, ending: ReadonlySet<string>): boolean => {
  switch (tree._tag) {
    case "Never":
      return false
    case "Ref":
      return ending.has(tree.name)
    case "Union":
      return tree.members.some((member) => ends(member, ending))
    case "List":
      return Array.from({ length: tree.min }, (_, index) => tree.prefix[index] ?? tree.rest).every((item) =>
        item !== undefined && ends(item, ending)
      )
    case "Fields":
      return tree.properties.every(({ required, value }) => !required || ends(value, ending))
    default:
      return true
  }
}

const pruner = (ending: ReadonlySet<string>) => {
  const rewrite = (tree: Tree.Tree, path: Dropped.Path): Tree.Tree => {
    switch (tree._tag) {
      case "Ref":
        return ending.has(tree.name) ? tree : Tree.never({
          path,
          keyword: "$ref",
          reason: "the recursion never ends: every value of it would hold another one",
          hint: "make the recursive part optional, nullable or an array, so that a value can end"
        })
      case "Union":
        return Compound.union(tree.members.map((member) => rewrite(member, path)), path, "anyOf")
      case "List":
        return Compound.list({
          ...tree,
          prefix: tree.prefix.map((item) => rewrite(item, tree.path)),
          rest: tree.rest === undefined ? undefined : rewrite(tree.rest, [...tree.path, "items"])
        })
      case "Fields":
        return Compound.fields({
          ...tree,
          properties: tree.properties.map((property) => ({
            ...property,
            value: rewrite(property.value, [...tree.path, "properties", property.name])
          })),
          rests: tree.rests.map((rest) => ({ ...rest, value: rewrite(rest.value, tree.path) }))
        })
      default:
        return tree
    }
  }
  return rewrite
}
