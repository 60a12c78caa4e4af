/**
 * The columns of a data set and their types, as the Python library `datasets` names them: plain values, lists, structs,
 * class labels, and JSON of any shape.
 *
 * @since 0.2.0
 */

/**
 * A plain value. `dtype` is Arrow's name: `string`, `bool`, `int8` to `uint64`, `float16` to `float64`, `binary`,
 * `timestamp[us, tz=UTC]`, `date32`, `time64[us]`, `duration[us]`, `decimal128(10, 2)`.
 *
 * @category models
 * @since 0.2.0
 */
export interface Value {
  readonly _tag: "Value"
  readonly dtype: string
}

/**
 * An integer that stands for one of these names, counted from 0.
 *
 * @category models
 * @since 0.2.0
 */
export interface ClassLabel {
  readonly _tag: "ClassLabel"
  readonly names: ReadonlyArray<string>
}

/**
 * @category models
 * @since 0.2.0
 */
export interface List {
  readonly _tag: "List"
  readonly feature: Feature
  /** How many elements every list has, if that is fixed. */
  readonly length?: number | undefined
  /** Whether offsets have 64 bits in memory (`LargeList`). */
  readonly large?: boolean | undefined
}

/**
 * @category models
 * @since 0.2.0
 */
export interface Struct {
  readonly _tag: "Struct"
  readonly fields: Features
}

/**
 * JSON of any shape, mixed types included.
 *
 * @category models
 * @since 0.2.0
 */
export interface Json {
  readonly _tag: "Json"
}

/**
 * A type that is read as its file stores it, and is not written: `Image`, `Audio`, `Translation`, ….
 *
 * @category models
 * @since 0.2.0
 */
export interface Other {
  readonly _tag: "Other"
  /** The name of the type. */
  readonly type: string
  /** The rest of its metadata. */
  readonly options: Readonly<Record<string, unknown>>
}

/**
 * @category models
 * @since 0.2.0
 */
export type Feature = Value | ClassLabel | List | Struct | Json | Other

/**
 * A column, or a field of a struct.
 *
 * @category models
 * @since 0.2.0
 */
export interface Field {
  readonly name: string
  readonly feature: Feature
}

/**
 * Columns in their order. Every one of them may be null in a row, as in Arrow.
 *
 * @category models
 * @since 0.2.0
 */
export type Features = ReadonlyArray<Field>

/**
 * Columns from an object of types, in the order of its keys.
 *
 * ```ts
 * Features.make({ id: Features.int64, tags: Features.list(Features.string) })
 * ```
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (columns: Readonly<Record<string, Feature>>): Features =>
  Object.entries(columns).map(([name, feature]) => ({ name, feature }))

/**
 * A plain value of a `dtype`.
 *
 * @category constructors
 * @since 0.2.0
 */
export const value = (dtype: string): Value => ({ _tag: "Value", dtype })

/** Text. @category constructors @since 0.2.0 */
export const string: Value = value("string")

/** True or false. @category constructors @since 0.2.0 */
export const bool: Value = value("bool")

/** Integers of 32 bits. @category constructors @since 0.2.0 */
export const int32: Value = value("int32")

/** Integers of 64 bits; those beyond 2^53 are read as bigint. @category constructors @since 0.2.0 */
export const int64: Value = value("int64")

/** Doubles. @category constructors @since 0.2.0 */
export const float64: Value = value("float64")

/** Bytes. @category constructors @since 0.2.0 */
export const binary: Value = value("binary")

/** JSON of any shape. @category constructors @since 0.2.0 */
export const json: Json = { _tag: "Json" }

/**
 * Instants in microseconds; read as ISO text with all digits, such as `2026-01-31T12:00:00.000001Z`.
 *
 * @category constructors
 * @since 0.2.0
 */
export const timestamp: Value = value("timestamp[us, tz=UTC]")

/**
 * @category constructors
 * @since 0.2.0
 */
export const list = (feature: Feature, options?: Pick<List, "length" | "large">): List => ({
  _tag: "List",
  feature,
  ...options
})

/**
 * @category constructors
 * @since 0.2.0
 */
export const struct = (fields: Readonly<Record<string, Feature>> | Features): Struct => ({
  _tag: "Struct",
  fields: isFields(fields) ? fields : make(fields)
})

const isFields = (fields: Readonly<Record<string, Feature>> | Features): fields is Features => Array.isArray(fields)

/**
 * @category constructors
 * @since 0.2.0
 */
export const classLabel = (names: ReadonlyArray<string>): ClassLabel => ({ _tag: "ClassLabel", names })

/**
 * The columns of these names, in the order of the columns; undefined if one of them is missing.
 *
 * @category accessors
 * @since 0.2.0
 */
export const select = (features: Features, names: ReadonlyArray<string>): Features | undefined => {
  const wanted = new Set(names)
  const found = features.filter(({ name }) => wanted.has(name))
  return found.length === wanted.size ? found : undefined
}

/**
 * Whether two descriptions have the same columns with the same types, in any order of columns and fields.
 *
 * @category predicates
 * @since 0.2.0
 */
export const equals = (left: Features, right: Features): boolean =>
  left.length === right.length && left.every(({ feature, name }) => {
    const other = right.find((field) => field.name === name)
    return other !== undefined && same(feature, other.feature)
  })

/**
 * Whether two types are the same.
 *
 * @category predicates
 * @since 0.2.0
 */
export const same = (left: Feature, right: Feature): boolean => {
  switch (left._tag) {
    case "Value":
      return right._tag === "Value" && right.dtype === left.dtype
    case "ClassLabel":
      return right._tag === "ClassLabel" && right.names.join("\0") === left.names.join("\0")
    case "List":
      return right._tag === "List" && right.length === left.length &&
        (right.large ?? false) === (left.large ?? false) &&
        same(left.feature, right.feature)
    case "Struct":
      return right._tag === "Struct" && equals(left.fields, right.fields)
    case "Json":
      return right._tag === "Json"
    case "Other":
      return right._tag === "Other" && right.type === left.type
  }
}
