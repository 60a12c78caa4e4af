/**
 * Columns ⇄ the JSON that `datasets` keeps in the metadata of a Parquet file under the key `huggingface`.
 *
 * The text is written by hand, because JavaScript moves keys such as `"0"` to the front of an object.
 *
 * @since 0.2.0
 */
import type { Feature, Features, Field } from "./Features.ts"
import * as Columns from "./Features.ts"

/**
 * The key of the metadata.
 *
 * @category constants
 * @since 0.2.0
 */
export const key = "huggingface"

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const fieldsText = (fields: Features): string =>
  `{${fields.map(({ feature, name }) => `${JSON.stringify(name)}: ${featureText(feature)}`).join(", ")}}`

/**
 * Versions before 4 do not know `List` and fail on it; all of them know the form with brackets, and `Sequence` for a fixed
 * length, which means something else for structs.
 */
const listText = ({ feature, large, length }: Extract<Feature, { _tag: "List" }>): string => {
  const inner = featureText(feature)
  if (large === true) return `{"feature": ${inner}, "_type": "LargeList"}`
  if (length === undefined) return `[${inner}]`
  return `{"feature": ${inner}, "length": ${length}, "_type": "${feature._tag === "Struct" ? "List" : "Sequence"}"}`
}

const featureText = (feature: Feature): string => {
  switch (feature._tag) {
    case "Value":
      return `{"dtype": ${JSON.stringify(feature.dtype)}, "_type": "Value"}`
    case "ClassLabel":
      return `{"names": ${JSON.stringify(feature.names)}, "_type": "ClassLabel"}`
    case "List":
      return listText(feature)
    case "Struct":
      return fieldsText(feature.fields)
    case "Json":
      return `{"_type": "Json"}`
    case "Other":
      return JSON.stringify({ ...feature.options, _type: feature.type })
  }
}

/**
 * The text of the metadata.
 *
 * @category encoding
 * @since 0.2.0
 */
export const encode = (features: Features): string => `{"info": {"features": ${fieldsText(features)}}}`

const fieldsOf = (value: Readonly<Record<string, unknown>>): Features | undefined => {
  const fields: Array<Field> = []
  for (const [name, given] of Object.entries(value)) {
    const feature = featureOf(given)
    if (feature === undefined) return undefined
    fields.push({ name, feature })
  }
  return fields
}

/** A list of structs of older files is a struct of lists. */
const sequence = (feature: Feature, length: { readonly length?: number }): Feature =>
  feature._tag === "Struct"
    ? Columns.struct(feature.fields.map(({ feature, name }) => ({ name, feature: Columns.list(feature, length) })))
    : Columns.list(feature, length)

const listOf = (value: Readonly<Record<string, unknown>>, type: string): Feature | undefined => {
  const feature = featureOf(value["feature"])
  if (feature === undefined) return undefined
  const given = value["length"]
  const length = typeof given === "number" && given >= 0 ? { length: given } : {}
  return type === "Sequence"
    ? sequence(feature, length)
    : Columns.list(feature, { ...length, ...(type === "LargeList" && { large: true }) })
}

/**
 * One type of the metadata; undefined if it is not one.
 *
 * @category decoding
 * @since 0.2.0
 */
export const featureOf = (value: unknown): Feature | undefined => {
  if (Array.isArray(value)) {
    const feature = featureOf(value[0])
    return feature === undefined ? undefined : Columns.list(feature)
  }
  if (!isObject(value)) return undefined
  const type = value["_type"]
  if (typeof type !== "string") {
    const fields = fieldsOf(value)
    return fields === undefined ? undefined : Columns.struct(fields)
  }
  switch (type) {
    case "Value":
      return typeof value["dtype"] === "string" ? Columns.value(value["dtype"]) : undefined
    case "ClassLabel": {
      const names = value["names"]
      return Array.isArray(names) && names.every((name) => typeof name === "string")
        ? Columns.classLabel(names)
        : undefined
    }
    case "List":
    case "LargeList":
    case "Sequence":
      return listOf(value, type)
    case "Json":
      return Columns.json
    default: {
      const { _type, ...options } = value
      return { _tag: "Other", type, options }
    }
  }
}

/**
 * The columns of a metadata text; undefined if it describes none.
 *
 * @category decoding
 * @since 0.2.0
 */
export const decode = (text: string): Features | undefined => {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return undefined
  }
  const info = isObject(parsed) ? parsed["info"] : undefined
  const features = isObject(info) ? info["features"] : undefined
  return isObject(features) ? fieldsOf(features) : undefined
}
