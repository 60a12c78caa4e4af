/**
 * What a schema loses on the way to an engine, and why a schema is refused, each with its place.
 *
 * @since 0.1.0
 */

/**
 * A place in a JSON Schema document: keys and indices from the root.
 *
 * @category models
 * @since 0.1.0
 */
export type Path = ReadonlyArray<string | number>

/**
 * Where what is sent differs from the schema.
 *
 * - `unenforced`: the engine may write values that the schema forbids. Nothing is lost, since the decoder checks them.
 * - `unwritable`: the engine cannot write some values that the schema allows.
 *
 * @category models
 * @since 0.1.0
 */
export interface Dropped {
  readonly path: Path
  readonly keyword: string
  readonly reason: string
  readonly effect: "unenforced" | "unwritable"
}

/**
 * Why a schema cannot be constrained: where, by which keyword, and what to write instead.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fault {
  readonly path: Path
  readonly keyword: string
  readonly reason: string
  readonly hint: string
}

/**
 * A difference between what is sent and the schema. Patterns and formats have the path of the keyword, everything else that
 * of the schema that contains it.
 *
 * @category constructors
 * @since 0.2.0
 */
export const difference = (
  path: Path,
  keyword: string,
  reason: string,
  effect: Dropped["effect"] = "unenforced"
): Dropped => ({
  path: (keyword === "pattern" || keyword === "format") && path.at(-1) !== keyword ? [...path, keyword] : path,
  keyword,
  reason,
  effect
})

/**
 * Each difference once.
 *
 * @category combinators
 * @since 0.2.0
 */
export const distinct = (dropped: ReadonlyArray<Dropped>): ReadonlyArray<Dropped> => {
  const seen = new Set<string>()
  return dropped.filter(({ effect, keyword, path }) => {
    const key = `${effect} ${keyword} ${path.join("\n")}`
    return seen.has(key) ? false : seen.add(key)
  })
}
