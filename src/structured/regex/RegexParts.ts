/**
 * What a regex holds.
 *
 * @since 0.2.0
 */
import type { Regex } from "./RegexSyntax.ts"

const partsOf = (regex: Regex): ReadonlyArray<Regex> => {
  switch (regex._tag) {
    case "Seq":
      return regex.parts
    case "Alt":
      return regex.options
    case "Repeat":
      return [regex.of]
    default:
      return []
  }
}

/**
 * The first find in a regex and its parts, from left to right; a lookahead is not looked into.
 *
 * @category accessors
 * @since 0.2.0
 */
export const find = <A>(regex: Regex, found: (part: Regex) => A | undefined): A | undefined => {
  const own = found(regex)
  if (own !== undefined) return own
  for (const part of partsOf(regex)) {
    const inner = find(part, found)
    if (inner !== undefined) return inner
  }
  return undefined
}

/** Whether there is a lookahead in it. @category guards @since 0.2.0 */
export const hasLook = (regex: Regex): boolean =>
  find(regex, (part) => part._tag === "Look" ? part : undefined) !== undefined
