/**
 * Functions that are computed for the same tree again and again while grammars of more and less detail are compared.
 *
 * @since 0.2.0
 */
import type { Tree } from "../../schema/tree/JsonSchemaTree.ts"

/**
 * A function of a tree and of the number of optional keys that stay in order, computed once for each. The order of keys does
 * not matter for a scalar.
 *
 * @category combinators
 * @since 0.2.0
 */
export const remember = <A>(compute: (tree: Tree, optional: number) => A): (tree: Tree, optional: number) => A => {
  const known = new WeakMap<Tree, Map<number, A>>()
  return (tree, optional) => {
    const key = tree._tag === "Literal" || tree._tag === "Text" || tree._tag === "Numeric" ? 0 : optional
    const made = known.get(tree) ?? new Map<number, A>()
    known.set(tree, made)
    let out = made.get(key)
    if (out === undefined) {
      out = compute(tree, optional)
      made.set(key, out)
    }
    return out
  }
}
