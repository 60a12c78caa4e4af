/**
 * Any JSON value, as far as a grammar of bounded size can describe it.
 *
 * @since 0.1.0
 */
import type { Regex } from "../../regex/RegexSyntax.ts"
import type { Path } from "../../schema/tree/Dropped.ts"
import type { Tree } from "../../schema/tree/JsonSchemaTree.ts"
import { literal, numeric, text } from "../../schema/tree/JsonSchemaTree.ts"

/**
 * The values that nest at most this deep: 0 for scalars only. `content` is the language of their strings.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (path: Path, depth: number, content: Regex | undefined): Tree => {
  let out: ReadonlyArray<Tree> = [text(path, { content }), numeric(path), literal([true, false, null])]
  const scalars = out
  for (let level = 0; level < depth; level++) {
    const value: Tree = { _tag: "Union", members: out }
    out = [
      ...scalars,
      { _tag: "List", path, prefix: [], rest: value, min: 0, max: undefined },
      { _tag: "Fields", path, properties: [], rests: [{ key: text(path), value }], min: 0, max: undefined }
    ]
  }
  return { _tag: "Union", members: out }
}
