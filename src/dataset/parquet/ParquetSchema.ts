/**
 * Columns ⇄ the schema of a Parquet file.
 *
 * Written files never use the logical type INTEGER, which some readers refuse: the older converted types give the widths and
 * signs of integers. Every column and every element may be null.
 *
 * @since 0.2.0
 */
import type { SchemaElement as Read, SchemaTree } from "hyparquet"
import * as DatasetError from "../DatasetError.ts"
import type { Feature, Features } from "../features/Features.ts"
import * as Columns from "../features/Features.ts"
import * as Temporal from "../features/Temporal.ts"

/** An element as both the reader and the older copy of its types in the writer know it. */
type SchemaElement = Omit<Read, "logical_type"> & {
  readonly logical_type?: Exclude<NonNullable<Read["logical_type"]>, { type: "FILE" }>
}

type Leaf = Omit<SchemaElement, "name" | "repetition_type">

const PARQUET_UNITS = { s: "MILLIS", ms: "MILLIS", us: "MICROS", ns: "NANOS" } as const

const ARROW_UNITS = { MILLIS: "ms", MICROS: "us", NANOS: "ns" } as const

const PLAIN: Readonly<Record<string, Leaf>> = {
  string: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  large_string: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  string_view: { type: "BYTE_ARRAY", converted_type: "UTF8" },
  binary: { type: "BYTE_ARRAY" },
  large_binary: { type: "BYTE_ARRAY" },
  bool: { type: "BOOLEAN" },
  int8: { type: "INT32", converted_type: "INT_8" },
  int16: { type: "INT32", converted_type: "INT_16" },
  int32: { type: "INT32" },
  int64: { type: "INT64" },
  uint8: { type: "INT32", converted_type: "UINT_8" },
  uint16: { type: "INT32", converted_type: "UINT_16" },
  uint32: { type: "INT32", converted_type: "UINT_32" },
  uint64: { type: "INT64", converted_type: "UINT_64" },
  float16: { type: "FIXED_LEN_BYTE_ARRAY", type_length: 2, logical_type: { type: "FLOAT16" } },
  float32: { type: "FLOAT" },
  float64: { type: "DOUBLE" },
  date32: { type: "INT32", converted_type: "DATE" }
}

/**
 * Precision and scale of a `dtype` such as `decimal128(10, 2)`.
 *
 * @category accessors
 * @since 0.2.0
 */
export const decimalOf = (dtype: string): { readonly precision: number; readonly scale: number } | undefined => {
  const [, precision, scale] = /^decimal(?:32|64|128)\((\d+),\s*(\d+)\)$/.exec(dtype) ?? []
  return precision === undefined ? undefined : { precision: Number(precision), scale: Number(scale) }
}

const plainOf = (dtype: string): Leaf | undefined => {
  const decimal = decimalOf(dtype)
  if (decimal !== undefined) {
    return decimal.precision > 38
      ? undefined
      : { type: "FIXED_LEN_BYTE_ARRAY", type_length: 16, converted_type: "DECIMAL", ...decimal }
  }
  const unit = PARQUET_UNITS[Temporal.unitOf(dtype)]
  if (dtype.startsWith("timestamp[")) {
    return { type: "INT64", logical_type: { type: "TIMESTAMP", isAdjustedToUTC: dtype.includes("tz="), unit } }
  }
  if (/^time(32|64)\[/.test(dtype)) {
    const type = unit === "MILLIS" ? "INT32" : "INT64"
    return { type, logical_type: { type: "TIME", isAdjustedToUTC: false, unit } }
  }
  return PLAIN[dtype]
}

const leafOf = (feature: Feature): Leaf | undefined =>
  feature._tag === "Value"
    ? plainOf(feature.dtype)
    : feature._tag === "ClassLabel"
    ? PLAIN["int64"]
    : feature._tag === "Json"
    ? { type: "BYTE_ARRAY", logical_type: { type: "JSON" } }
    : undefined

const unsupported = (column: string, problem: string) =>
  DatasetError.of("write")(new DatasetError.UnsupportedType({ column, problem }))

const elementsOf = (name: string, feature: Feature, path: string): Array<SchemaElement> | DatasetError.DatasetError => {
  if (feature._tag === "List") {
    const inner = elementsOf("element", feature.feature, `${path}[]`)
    return !Array.isArray(inner) ? inner : [
      { name, repetition_type: "OPTIONAL", converted_type: "LIST", num_children: 1 },
      { name: "list", repetition_type: "REPEATED", num_children: 1 },
      ...inner
    ]
  }
  if (feature._tag === "Struct") {
    if (feature.fields.length === 0) return unsupported(path, "is a struct without fields: declare it as Json")
    const group: Array<SchemaElement> = [{ name, repetition_type: "OPTIONAL", num_children: feature.fields.length }]
    for (const field of feature.fields) {
      const inner = elementsOf(field.name, field.feature, `${path}.${field.name}`)
      if (!Array.isArray(inner)) return inner
      group.push(...inner)
    }
    return group
  }
  const leaf = leafOf(feature)
  if (leaf !== undefined) return [{ name, repetition_type: "OPTIONAL", ...leaf }]
  const type = feature._tag === "Value" ? feature.dtype : feature._tag === "Other" ? feature.type : feature._tag
  return unsupported(
    path,
    `has the type ${type}, which is not written to Parquet: declare it as string, binary or Json`
  )
}

/**
 * The schema of a file with these columns; fails with the column that Parquet or its readers cannot represent.
 *
 * @category encoding
 * @since 0.2.0
 */
export const encode = (features: Features): Array<SchemaElement> | DatasetError.DatasetError => {
  const root = elementsOf("schema", Columns.struct(features), "")
  if (!Array.isArray(root)) return root
  const [, ...columns] = root
  return [{ name: "schema", num_children: features.length }, ...columns]
}

const integers: Readonly<Record<string, string>> = {
  INT_8: "int8",
  INT_16: "int16",
  INT_32: "int32",
  INT_64: "int64",
  UINT_8: "uint8",
  UINT_16: "uint16",
  UINT_32: "uint32",
  UINT_64: "uint64"
}

const physical: Readonly<Record<string, string>> = {
  BOOLEAN: "bool",
  INT32: "int32",
  INT64: "int64",
  INT96: "timestamp[ns]",
  FLOAT: "float32",
  DOUBLE: "float64",
  BYTE_ARRAY: "binary",
  FIXED_LEN_BYTE_ARRAY: "binary"
}

const logicalOf = ({ converted_type, logical_type, precision, scale, type }: Read): string | undefined => {
  switch (logical_type?.type) {
    case "TIMESTAMP":
      return `timestamp[${ARROW_UNITS[logical_type.unit]}${logical_type.isAdjustedToUTC ? ", tz=UTC" : ""}]`
    case "TIME":
      return logical_type.unit === "MILLIS" ? "time32[ms]" : `time64[${ARROW_UNITS[logical_type.unit]}]`
    case "INTEGER":
      return `${logical_type.isSigned ? "" : "u"}int${logical_type.bitWidth}`
    case "STRING":
    case "ENUM":
    case "UUID":
      return "string"
    case "DATE":
      return "date32"
    case "FLOAT16":
      return "float16"
    case "DECIMAL":
      return `decimal128(${logical_type.precision}, ${logical_type.scale})`
  }
  switch (converted_type) {
    case "UTF8":
    case "ENUM":
      return "string"
    case "DATE":
      return "date32"
    case "DECIMAL":
      return `decimal128(${precision ?? 38}, ${scale ?? 0})`
    case "TIME_MILLIS":
      return "time32[ms]"
    case "TIME_MICROS":
      return "time64[us]"
    case "TIMESTAMP_MILLIS":
      return "timestamp[ms, tz=UTC]"
    case "TIMESTAMP_MICROS":
      return "timestamp[us, tz=UTC]"
    default:
      return converted_type === undefined ? physical[type ?? ""] : integers[converted_type]
  }
}

const isList = ({ children, element }: SchemaTree): boolean =>
  (element.converted_type === "LIST" || element.logical_type?.type === "LIST") && children.length === 1

const isMap = ({ element }: SchemaTree): boolean =>
  element.converted_type === "MAP" || element.logical_type?.type === "MAP"

const featureOf = (tree: SchemaTree): Feature => {
  const { children, element } = tree
  if (children.length === 0) {
    if (element.converted_type === "JSON" || element.logical_type?.type === "JSON") return Columns.json
    return Columns.value(logicalOf(element) ?? "binary")
  }
  // a map is read as an object with any keys
  if (isMap(tree)) return Columns.json
  const [repeated] = children
  if (isList(tree) && repeated !== undefined) {
    const [inner] = repeated.children
    return Columns.list(featureOf(repeated.children.length === 1 && inner !== undefined ? inner : repeated))
  }
  return Columns.struct(children.map((child) => ({ name: child.element.name, feature: featureOf(child) })))
}

/**
 * The columns of a file's schema.
 *
 * @category decoding
 * @since 0.2.0
 */
export const decode = (root: SchemaTree): Features =>
  root.children.map((child) => ({ name: child.element.name, feature: featureOf(child) }))
