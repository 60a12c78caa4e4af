/**
 * Which definitions of a document lead to which others.
 *
 * @since 0.2.0
 */
import type { Document, Tree } from "../../schema/tree/JsonSchemaTree.ts"

/**
 * By name, every definition that the tree of a definition leads to, including itself if it recurs.
 *
 * @category accessors
 * @since 0.2.0
 */
export const of = (definitions: Document["definitions"]): ReadonlyMap<string, ReadonlySet<string>> => {
  const known = reached.get(definitions) ?? make(definitions)
  reached.set(definitions, known)
  return known
}

const reached = new WeakMap<Document["definitions"], ReadonlyMap<string, ReadonlySet<string>>>()

const make = (definitions: Document["definitions"]): ReadonlyMap<string, ReadonlySet<string>> => {
  // the first use of a definition is written in place, not as a reference
  const names = new Map(Array.from(definitions, ([name, tree]) => [tree, name] as const))
  const next = new Map(Array.from(definitions, ([name, tree]) => [name, stepsOf(tree, names)] as const))
  return new Map(Array.from(definitions.keys(), (name) => {
    const seen = new Set<string>()
    const open = [...next.get(name) ?? []]
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (seen.has(at)) continue
      seen.add(at)
      open.push(...next.get(at) ?? [])
    }
    return [name, seen] as const
  }))
}

/** The definitions that a tree refers to directly. */
const stepsOf = (tree: Tree, names: ReadonlyMap<Tree, string>): ReadonlySet<string> => {
  const out = new Set<string>()
  const visit = (at: Tree): void => {
    const name = at._tag === "Ref" ? at.name : at === tree ? undefined : names.get(at)
    if (name !== undefined) out.add(name)
    else for (const part of partsOf(at)) visit(part)
  }
  visit(tree)
  return out
}

const partsOf = (tree: Tree): ReadonlyArray<Tree> => {
  switch (tree._tag) {
    case "Union":
      return tree.members
    case "List":
      return tree.rest === undefined ? tree.prefix : [...tree.prefix, tree.rest]
    case "Fields":
      return [...tree.properties, ...tree.rests].map(({ value }) => value)
    default:
      return []
  }
}
