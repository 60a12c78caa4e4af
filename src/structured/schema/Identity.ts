/**
 * When two places of a document mean the same: by the identity of their schema objects, with references resolved.
 *
 * @since 0.2.0
 */
import * as Option from "effect/Option"
import type { Located } from "./Facts.ts"
import * as Reference from "./Reference.ts"
import { isObject } from "./tree/JsonSchemaTree.ts"

const MAX_HOPS = 64
/** Keywords that say nothing about values, so that a reference next to them is only a reference. */
const silent = new Set([
  "$ref",
  "$schema",
  "$id",
  "id",
  "$defs",
  "definitions",
  "title",
  "description",
  "default",
  "examples",
  "example",
  "$comment",
  "deprecated",
  "readOnly",
  "writeOnly"
])

/**
 * The final target of a schema that only refers.
 *
 * @category accessors
 * @since 0.2.0
 */
export const chase = (at: Located, document: object): Located => {
  let out = at
  for (let hops = 0; hops < MAX_HOPS; hops++) {
    const { root, schema } = out
    if (!isObject(schema) || typeof schema.$ref !== "string") return out
    if (!Object.keys(schema).every((keyword) => silent.has(keyword))) return out
    const found = Reference.resolve(schema.$ref, root, document)
    if (Option.isNone(found)) return out
    out = { ...out, ...found.value }
  }
  // a reference to itself: reading reports it
  return at
}

const ids = new WeakMap<object, number>()
let last = 0

const idOf = (schema: unknown): string => {
  if (typeof schema !== "object" || schema === null) return String(schema)
  const id = ids.get(schema) ?? ++last
  ids.set(schema, id)
  return String(id)
}

/**
 * The same text for the same schemas.
 *
 * @category accessors
 * @since 0.2.0
 */
export const keyOf = (schemas: ReadonlyArray<Located>): string =>
  [...new Set(schemas.map(({ schema }) => idOf(schema)))].join(" ")

/**
 * An unused name for the definition of a place: the last part of a reference, or of the path.
 *
 * @category constructors
 * @since 0.2.0
 */
export const nameOf = (schemas: ReadonlyArray<Located>, taken: Map<string, number>): string => {
  const [first] = schemas
  const ref = isObject(first?.schema) && typeof first.schema.$ref === "string" ? first.schema.$ref : ""
  const step = ref === "" ? first?.path.findLast((step) => typeof step === "string") : ref.split(/[/#]/).at(-1)
  const base = String(step ?? "").replaceAll(/%[0-9A-Fa-f]{2}|~[01]|[^A-Za-z0-9_]/g, "_").slice(0, 40) || "part"
  let count = taken.get(base) ?? 0
  let name = base
  // a name with a number may be one that somebody gave
  while (count > 0 && taken.has(name = `${base}_${count + 1}`)) count++
  taken.set(base, count + 1)
  if (name !== base) taken.set(name, 1)
  return name
}
