/**
 * Where two values differ, and how the shapes of two responses differ.
 *
 * @since 0.2.0
 */
import type * as Schema from "effect/Schema"

/**
 * A place where a request differs from the taped one; undefined if it is absent.
 *
 * @category models
 * @since 0.2.0
 */
export interface Difference {
  readonly path: string
  readonly taped: Schema.Json | undefined
  readonly asked: Schema.Json | undefined
}

const isObject = (value: Schema.Json | undefined): value is Schema.JsonObject | Schema.JsonArray =>
  typeof value === "object" && value !== null

const isList = (value: Schema.JsonObject | Schema.JsonArray): boolean => Array.isArray(value)

const at = (value: Schema.JsonObject | Schema.JsonArray, key: string): Schema.Json | undefined =>
  Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined

/**
 * All places where they differ.
 *
 * @category comparison
 * @since 0.2.0
 */
export const between = (
  taped: Schema.Json | undefined,
  asked: Schema.Json | undefined,
  path = ""
): ReadonlyArray<Difference> => {
  if (isObject(taped) && isObject(asked) && isList(taped) === isList(asked)) {
    const keys = [...new Set([...Object.keys(taped), ...Object.keys(asked)])]
    return keys.flatMap((key) => between(at(taped, key), at(asked, key), path === "" ? key : `${path}.${key}`))
  }
  return JSON.stringify(taped) === JSON.stringify(asked) ? [] : [{ path, taped, asked }]
}

const show = (value: Schema.Json | undefined): string => {
  const text = value === undefined ? "nothing" : JSON.stringify(value)
  return text.length <= 120 ? text : `${text.slice(0, 100)}… (${text.length} characters)`
}

/**
 * Differences for people: one line each, at most ten.
 *
 * @category formatting
 * @since 0.2.0
 */
export const lines = (all: ReadonlyArray<Difference>): ReadonlyArray<string> => [
  ...all.slice(0, 10).map(({ asked, path, taped }) =>
    `${path === "" ? "the body" : path}: taped ${show(taped)}, requested ${show(asked)}`
  ),
  ...(all.length > 10 ? [`and ${all.length - 10} more`] : [])
]

type Shape = Map<string, string>

const collect = (value: Schema.Json, path: string, shape: Shape): void => {
  // any field may be null
  if (value === null) return
  if (Array.isArray(value)) {
    shape.set(path, "list")
    for (const item of value) collect(item, `${path}[]`, shape)
    return
  }
  if (!isObject(value)) {
    shape.set(path, typeof value)
    return
  }
  shape.set(path, "object")
  for (const [key, member] of Object.entries(value)) collect(member, path === "" ? key : `${path}.${key}`, shape)
}

/**
 * The fields of values with their types; places in lists are not distinguished.
 *
 * @category constructors
 * @since 0.2.0
 */
export const shapeOf = (values: ReadonlyArray<Schema.Json>): ReadonlyMap<string, string> => {
  const shape: Shape = new Map()
  for (const value of values) collect(value, "", shape)
  return shape
}

/**
 * What a live response lacks or has in another form than the taped one, and what is new in it.
 *
 * @category comparison
 * @since 0.2.0
 */
export const ofShapes = (
  taped: ReadonlyMap<string, string>,
  live: ReadonlyMap<string, string>
): { readonly changed: ReadonlyArray<string>; readonly added: ReadonlyArray<string> } => ({
  changed: [...taped].flatMap(([path, type]) => {
    const now = live.get(path)
    return now === type ? [] : [`${path}: taped ${type}, now ${now ?? "gone"}`]
  }),
  added: [...live].filter(([path]) => !taped.has(path)).map(([path, type]) => `${path}: ${type}`)
})
