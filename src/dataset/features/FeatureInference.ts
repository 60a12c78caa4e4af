/**
 * Rows → the narrowest columns that hold all of them. Folds over any number of rows in constant memory.
 *
 * Whole numbers are `int64` until one with a fraction makes them `float64`; values of several kinds make a column `Json`,
 * and so do objects that have more than 64 different keys. A column that is always null is `string`.
 *
 * @since 0.2.0
 */
import type { Feature, Features } from "./Features.ts"
import * as Columns from "./Features.ts"

/**
 * What is known about a column so far.
 *
 * @category models
 * @since 0.2.0
 */
export type Shape =
  | { readonly _tag: "Nothing" }
  | { readonly _tag: "Plain"; readonly dtype: "bool" | "int64" | "uint64" | "float64" | "string" | "binary" }
  | { readonly _tag: "Array"; readonly of: Shape }
  | { readonly _tag: "Object"; readonly of: ReadonlyMap<string, Shape> }
  | { readonly _tag: "Any" }

/**
 * Nothing is known yet.
 *
 * @category constants
 * @since 0.2.0
 */
export const nothing: Shape = { _tag: "Nothing" }

const anything: Shape = { _tag: "Any" }

const MAX_KEYS = 64

const plain = (dtype: Extract<Shape, { _tag: "Plain" }>["dtype"]): Shape => ({ _tag: "Plain", dtype })

const integerOf = (value: bigint): Shape =>
  value >= -(2n ** 63n) && value < 2n ** 63n
    ? plain("int64")
    : value >= 0n && value < 2n ** 64n
    ? plain("uint64")
    : anything

const shapeOf = (value: unknown): Shape => {
  if (value === null || value === undefined) return nothing
  switch (typeof value) {
    case "boolean":
      return plain("bool")
    case "string":
      return plain("string")
    case "bigint":
      return integerOf(value)
    case "number":
      return Number.isSafeInteger(value) && !Object.is(value, -0) ? plain("int64") : plain("float64")
  }
  if (Array.isArray(value)) {
    return {
      _tag: "Array",
      of: value.reduce((shape: Shape, item) => add(shape, item), nothing)
    }
  }
  if (value instanceof Uint8Array) return plain("binary")
  return capped(fieldsIn(value))
}

const fieldsIn = (value: object): ReadonlyMap<string, Shape> =>
  new Map(Object.entries(value).map(([name, item]) => [name, shapeOf(item)]))

const capped = (of: ReadonlyMap<string, Shape>): Shape => of.size > MAX_KEYS ? anything : { _tag: "Object", of }

const joinFields = (left: ReadonlyMap<string, Shape>, right: ReadonlyMap<string, Shape>) => {
  const fields = new Map(left)
  for (const [name, shape] of right) fields.set(name, join(fields.get(name) ?? nothing, shape))
  return fields
}

/**
 * The narrowest type that holds both.
 *
 * @category combining
 * @since 0.2.0
 */
export const join = (left: Shape, right: Shape): Shape => {
  if (left._tag === "Nothing") return right
  if (right._tag === "Nothing" || left._tag === "Any") return left
  if (left._tag === "Plain" && right._tag === "Plain") {
    if (left.dtype === right.dtype) return left
    const both = new Set([left.dtype, right.dtype])
    return both.has("int64") && both.has("float64") ? plain("float64") : anything
  }
  if (left._tag === "Array" && right._tag === "Array") return { _tag: "Array", of: join(left.of, right.of) }
  if (left._tag === "Object" && right._tag === "Object") return capped(joinFields(left.of, right.of))
  return anything
}

const add = (shape: Shape, value: unknown): Shape => join(shape, shapeOf(value))

/**
 * The state after another row, which may have any number of columns.
 *
 * @category combining
 * @since 0.2.0
 */
export const addRow = (shape: Shape, row: Readonly<Record<string, unknown>>): Shape => ({
  _tag: "Object",
  of: joinFields(shape._tag === "Object" ? shape.of : new Map(), fieldsIn(row))
})

const featureOf = (shape: Shape): Feature => {
  switch (shape._tag) {
    case "Nothing":
      return Columns.string
    case "Plain":
      return Columns.value(shape.dtype)
    case "Array":
      return Columns.list(featureOf(shape.of))
    case "Object":
      return shape.of.size === 0 ? Columns.json : Columns.struct(fieldsOf(shape.of))
    case "Any":
      return Columns.json
  }
}

const fieldsOf = (fields: ReadonlyMap<string, Shape>): Features =>
  [...fields].map(([name, shape]) => ({ name, feature: featureOf(shape) }))

/**
 * The columns of the rows so far; none without rows.
 *
 * @category conversions
 * @since 0.2.0
 */
export const features = (shape: Shape): Features => shape._tag === "Object" ? fieldsOf(shape.of) : []

/**
 * The columns of rows.
 *
 * @category constructors
 * @since 0.2.0
 */
export const fromRows = (rows: Iterable<Readonly<Record<string, unknown>>>): Features => {
  let shape: Shape = nothing
  for (const row of rows) shape = addRow(shape, row)
  return features(shape)
}
