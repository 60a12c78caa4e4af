/**
 * Columns ⇄ the `features` of a data card's `dataset_info`, as plain values for YAML.
 *
 * @since 0.2.0
 */
import * as Metadata from "./FeatureMetadata.ts"
import type { Feature, Features } from "./Features.ts"
import * as Columns from "./Features.ts"

/**
 * A value of the card: what YAML can represent.
 *
 * @category models
 * @since 0.2.0
 */
export type Plain = string | number | boolean | null | ReadonlyArray<Plain> | { readonly [key: string]: Plain }

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const snake = (name: string): string => name.replace(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase()

const camel = (name: string): string =>
  name.split("_").map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join("")

/** The element of a list, in its shortest form: the name of a plain type, the fields of a struct, or a type. */
const element = (feature: Feature): Plain => {
  const form = encodeFeature(feature)
  const keys = Object.keys(form)
  return keys.length === 1 && (keys[0] === "struct" || keys[0] === "dtype") ? form[keys[0]] ?? null : form
}

const encodeFeature = (feature: Feature): { readonly [key: string]: Plain } => {
  switch (feature._tag) {
    case "Value":
      return { dtype: feature.dtype }
    case "ClassLabel":
      return {
        dtype: { class_label: { names: Object.fromEntries(feature.names.map((name, at) => [String(at), name])) } }
      }
    case "List":
      return {
        [feature.large === true ? "large_list" : "list"]: element(feature.feature),
        ...(feature.length !== undefined && { length: feature.length })
      }
    case "Struct":
      return { struct: encode(feature.fields) }
    case "Json":
      return { dtype: "json" }
    case "Other": {
      // the metadata came out of JSON
      const options = feature.options as { readonly [key: string]: Plain }
      return { dtype: Object.keys(options).length === 0 ? snake(feature.type) : { [snake(feature.type)]: options } }
    }
  }
}

/**
 * The list in the card.
 *
 * @category encoding
 * @since 0.2.0
 */
export const encode = (features: Features): ReadonlyArray<{ readonly [key: string]: Plain }> =>
  features.map(({ feature, name }) => ({ name, ...encodeFeature(feature) }))

/** The names of plain types, with the arguments that some of them take. */
const PLAIN =
  /^(?:null|bool|u?int(?:8|16|32|64)|float(?:16|32|64)?|double|(?:large_)?(?:string|binary)|string_view|binary_view|date(?:32|64)|(?:time(?:32|64)|timestamp|duration)\[.*\]|decimal(?:32|64|128|256)\(.*\))$/

const decodeElement = (value: unknown): Feature | undefined =>
  typeof value === "string"
    ? decodeDtype(value)
    : Array.isArray(value)
    ? structOf(value)
    : isObject(value)
    ? decodeFeature(value)
    : undefined

const structOf = (value: unknown): Feature | undefined => {
  const fields = decode(value)
  return fields === undefined ? undefined : Columns.struct(fields)
}

const decodeDtype = (dtype: string): Feature | undefined =>
  PLAIN.test(dtype) ? Columns.value(dtype) : Metadata.featureOf({ _type: camel(dtype) })

const decodeNamed = (type: string, options: unknown): Feature | undefined => {
  if (!isObject(options)) return undefined
  const names = options["names"]
  const given = type === "class_label" && isObject(names)
    ? {
      ...options,
      names: Object.entries(names).toSorted(([left], [right]) => Number(left) - Number(right)).map(([, name]) =>
        // YAML reads an unquoted `no` of an old card as text, but an unquoted 1 as a number
        String(name)
      )
    }
    : options
  return Metadata.featureOf({ ...given, _type: camel(type) })
}

const decodeList = (kind: string, value: unknown, length: unknown): Feature | undefined => {
  const fixed = typeof length === "number" && length >= 0 ? { length } : {}
  const feature = decodeElement(value)
  if (feature === undefined) return undefined
  // a sequence of named fields was a struct of lists
  return kind === "sequence" && Array.isArray(value) && feature._tag === "Struct"
    ? Columns.struct(feature.fields.map(({ feature, name }) => ({ name, feature: Columns.list(feature, fixed) })))
    : Columns.list(feature, { ...fixed, ...(kind === "large_list" && { large: true }) })
}

const decodeFeature = (given: Readonly<Record<string, unknown>>): Feature | undefined => {
  const [kind = "", value] = Object.entries(given).find(([name]) => name !== "name" && name !== "length") ?? []
  switch (kind) {
    case "dtype": {
      if (typeof value === "string") return decodeDtype(value)
      const [type = "", options] = isObject(value) ? Object.entries(value)[0] ?? [] : []
      return decodeNamed(type, options)
    }
    case "list":
    case "large_list":
    case "sequence":
      return decodeList(kind, value, given["length"])
    case "struct":
      return structOf(value)
    default:
      return decodeNamed(kind, value)
  }
}

/**
 * The columns that a card's `features` describes; undefined if it is not such a list.
 *
 * @category decoding
 * @since 0.2.0
 */
export const decode = (value: unknown): Features | undefined => {
  if (!Array.isArray(value)) return undefined
  const features = value.flatMap((field: unknown) => {
    const feature = isObject(field) ? decodeFeature(field) : undefined
    return feature === undefined || !isObject(field) || typeof field["name"] !== "string"
      ? []
      : [{ name: field["name"], feature }]
  })
  return features.length === value.length ? features : undefined
}
