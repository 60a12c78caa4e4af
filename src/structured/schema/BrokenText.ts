/**
 * Half of a surrogate pair in a schema: it is not a character, so no grammar can contain it and no model can write it.
 *
 * @since 0.2.0
 */
import type { Fault } from "./tree/Dropped.ts"

/**
 * The fault of the first broken key or text; `undefined` if there is none.
 *
 * @category validation
 * @since 0.2.0
 */
export const faultOf = (schema: unknown): Fault | undefined => {
  const path = find(schema, new Set())
  return path === undefined ? undefined : {
    path: path.toReversed(),
    keyword: "text",
    reason: "half of a surrogate pair is not a character",
    hint: "write the whole character, or leave it out"
  }
}

/** The path from the broken text up to the value. */
const find = (value: unknown, seen: Set<object>): Array<string> | undefined => {
  if (typeof value === "string") return value.isWellFormed() ? undefined : []
  if (typeof value !== "object" || value === null || seen.has(value)) return undefined
  seen.add(value)
  for (const [key, inner] of Object.entries(value)) {
    const found = key.isWellFormed() ? find(inner, seen) : []
    if (found !== undefined) {
      found.push(key)
      return found
    }
  }
  return undefined
}
