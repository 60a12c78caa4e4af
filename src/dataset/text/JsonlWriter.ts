/**
 * Rows → lines of JSON to which every reader gives the same types: every column in every line, in the order of the columns,
 * one type per column, and whole numbers of 64 bits with all of their digits.
 *
 * `datasets` fixes types by the first 10 MB; columns that are null or empty there still load with the columns in the card.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as DatasetError from "../DatasetError.ts"
import type { Feature, Features } from "../features/Features.ts"
import type { Row } from "../parquet/Parquet.ts"
import * as ParquetValue from "../parquet/ParquetValue.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /** The name of the file in messages. */
  readonly path: string
  readonly features: Features
}

type Text = (value: unknown) => string

const fieldsOf = (fields: Features): Text => {
  const writers = fields.map(({ feature, name }) => [name, `${JSON.stringify(name)}:`, textOf(feature)] as const)
  return (value) =>
    `{${
      writers.map(([name, key, text]) =>
        key + text(typeof value === "object" && value !== null ? Reflect.get(value, name) : null)
      ).join(",")
    }}`
}

const orNull = (text: Text): Text => (value) => value === null || value === undefined ? "null" : text(value)

const isFloat = (dtype: string): boolean => dtype.startsWith("float") || dtype === "double"

/** A whole number in a column of floats keeps its point, so that no block of the file is read as integers. */
const floatText: Text = (value) => {
  const text = ParquetValue.jsonText(value)
  return /^-?\d+$/.test(text) ? `${text}.0` : text
}

const base64 = (bytes: Uint8Array): string => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))

const plainText: Text = (value) =>
  ParquetValue.jsonText(
    value instanceof Uint8Array ? base64(value) : value instanceof Date ? value.toISOString() : value
  )

const textOf = (feature: Feature): Text => {
  switch (feature._tag) {
    case "Value":
      return orNull(isFloat(feature.dtype) ? floatText : plainText)
    case "List": {
      const item = textOf(feature.feature)
      return orNull((value) => Array.isArray(value) ? `[${value.map(item).join(",")}]` : "null")
    }
    case "Struct":
      return orNull(fieldsOf(feature.fields))
    default:
      return orNull(plainText)
  }
}

/**
 * Begins a file; its groups are its lines.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = ({ features, path }: Options) => {
  const checks = features.map(({ feature, name }) => ({ name, check: ParquetValue.writeColumn(name, feature) }))
  const known = new Set(features.map(({ name }) => name))
  const line = fieldsOf(features)
  const encoder = new TextEncoder()
  let written = 0
  return {
    group: (rows: ReadonlyArray<Row>): Effect.Effect<Uint8Array, DatasetError.DatasetError> =>
      Effect.suspend(() => {
        const lines: Array<string> = []
        for (const [index, row] of rows.entries()) {
          const invalid = (problem: string) =>
            Effect.fail(DatasetError.of("write")(new DatasetError.InvalidRow({ path, row: written + index, problem })))
          const extra = Object.keys(row).find((name) => !known.has(name))
          if (extra !== undefined) return invalid(`the features do not name the column ${JSON.stringify(extra)}`)
          try {
            for (const { check, name } of checks) check(row[name])
            lines.push(`${line(row)}\n`)
          } catch (error) {
            if (!(error instanceof ParquetValue.Misfit)) throw error
            return invalid(`${error.path}: ${error.message}`)
          }
        }
        written += rows.length
        return Effect.succeed(encoder.encode(lines.join("")))
      }),
    finish: Effect.succeed(new Uint8Array())
  }
}
