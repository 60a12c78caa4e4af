/**
 * An object or array that is being read and may not be closed yet.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"

/**
 * An object or array that is being read: it only grows, so that its first entries can be read later.
 *
 * @category models
 * @since 0.1.0
 */
export type JsonContainer =
  | { readonly _tag: "Array"; readonly items: Array<Schema.Json> }
  | { readonly _tag: "Object"; readonly keys: Array<string>; readonly values: Array<Schema.Json> }

/**
 * How many entries are complete.
 *
 * @category accessors
 * @since 0.1.0
 */
export const lengthOf = (frame: JsonContainer): number =>
  frame._tag === "Array" ? frame.items.length : frame.values.length

/**
 * The object of the first entries.
 *
 * @category constructors
 * @since 0.1.0
 */
export const build = (
  frame: Extract<JsonContainer, { readonly _tag: "Object" }>,
  length: number
): { [key: string]: Schema.Json } => {
  const out: { [key: string]: Schema.Json } = {}
  for (let index = 0; index < length; index++) {
    const key = frame.keys[index]
    const value = frame.values[index]
    if (key !== undefined && value !== undefined) assign(out, key, value)
  }
  return out
}

const assign = (record: { [key: string]: Schema.Json }, key: string, value: Schema.Json): void => {
  if (key !== "__proto__") record[key] = value
  else Object.defineProperty(record, key, { value, configurable: true, enumerable: true, writable: true })
}

/**
 * The first entries as a value of its own, with one more that is still open.
 *
 * @category constructors
 * @since 0.1.0
 */
export const copy = (
  frame: JsonContainer,
  length: number,
  key: string | undefined,
  inner: Schema.Json | undefined
): Schema.Json => {
  if (frame._tag === "Array") {
    const items = frame.items.slice(0, length)
    if (inner !== undefined) items.push(inner)
    return items
  }
  const out = build(frame, length)
  if (inner !== undefined && key !== undefined) assign(out, key, inner)
  return out
}
