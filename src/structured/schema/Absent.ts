/**
 * Keys that were written as null because an engine requires every key: they count as left out.
 *
 * @since 0.2.0
 */
import type * as Schema from "effect/Schema"
import * as Members from "./Members.ts"
import type { Document, Fields, Tree } from "./tree/JsonSchemaTree.ts"
import { isObject } from "./tree/JsonSchemaTree.ts"

/**
 * The value without nulls at keys that may be left out and must not be null. Every other value is returned unchanged, as the
 * same object.
 *
 * @category rewriting
 * @since 0.2.0
 */
export const restore = (
  { definitions, tree }: Pick<Document, "tree" | "definitions">,
  value: Schema.Json
): Schema.Json => {
  const go = (tree: Tree | undefined, value: Schema.Json): Schema.Json => {
    const at = Members.follow(tree, definitions)
    if (at === undefined || typeof value !== "object" || value === null) return value
    if (at._tag === "Union") {
      for (const member of at.members) {
        const restored = go(member, value)
        if (Members.holds(member, restored, definitions)) return restored
      }
      return value
    }
    if (at._tag === "List" && Array.isArray(value)) {
      const items = value.map((item: Schema.Json, index) => go(at.prefix[index] ?? at.rest, item))
      return items.some((item, index) => item !== value[index]) ? items : value
    }
    return at._tag === "Fields" && isRecord(value) ? fields(at, value) : value
  }
  const fields = (at: Fields, value: { readonly [key: string]: Schema.Json }): Schema.Json => {
    const known = new Map(at.properties.map((property) => [property.name, property]))
    let changed = false
    const entries = Object.entries(value).flatMap(([name, item]): ReadonlyArray<readonly [string, Schema.Json]> => {
      const property = known.get(name)
      if (item === null && property?.required === false && !Members.holds(property.value, null, definitions)) {
        changed = true
        return []
      }
      const restored = go(property?.value ?? at.rests[0]?.value, item)
      changed ||= restored !== item
      return [[name, restored]]
    })
    return changed ? Object.fromEntries(entries) : value
  }
  return go(tree, value)
}

const isRecord = (value: Schema.Json): value is { readonly [key: string]: Schema.Json } => isObject(value)
