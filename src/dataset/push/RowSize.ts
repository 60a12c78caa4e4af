/**
 * How many bytes a row takes in Arrow's memory layout: the `num_bytes` of a card.
 *
 * @since 0.2.0
 */
import type { Feature, Features } from "../features/Features.ts"
import type { Row } from "../parquet/Parquet.ts"
import { jsonText } from "../parquet/ParquetValue.ts"

type Size = (value: unknown) => number

/** UTF-8 without encoding it. */
const utf8 = (text: string): number => {
  let bytes = text.length
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    // each half of a pair counts two of its four bytes
    if (code >= 0x80) bytes += code < 0x800 || (code >= 0xd800 && code < 0xe000) ? 1 : 2
  }
  return bytes
}

const widthOf = (dtype: string): number =>
  dtype === "bool"
    ? 1 / 8
    : /^(?:u?int8)$/.test(dtype)
    ? 1
    : /^(?:u?int16|float16)$/.test(dtype)
    ? 2
    : /^(?:u?int32|float32|date32|time32)/.test(dtype)
    ? 4
    : dtype.startsWith("decimal")
    ? 16
    : 8

const sizeOf = (feature: Feature): Size => {
  switch (feature._tag) {
    case "Value":
      if (/string|binary/.test(feature.dtype)) {
        const offset = feature.dtype.startsWith("large_") ? 8 : 4
        return (value) =>
          offset + (typeof value === "string" ? utf8(value) : value instanceof Uint8Array ? value.length : 0)
      }
      return () => widthOf(feature.dtype)
    case "ClassLabel":
      return () => 8
    case "List": {
      const item = sizeOf(feature.feature)
      const offset = feature.large === true ? 8 : 4
      return (value) =>
        Array.isArray(value) ? value.reduce((sum: number, element) => sum + item(element), offset) : offset
    }
    case "Struct": {
      const fields = feature.fields.map(({ feature, name }) => [name, sizeOf(feature)] as const)
      return (value) =>
        fields.reduce(
          (sum, [name, size]) =>
            sum + size(typeof value === "object" && value !== null ? Reflect.get(value, name) : null),
          0
        )
    }
    case "Json":
    case "Other":
      return (value) => 4 + (value === null || value === undefined ? 0 : utf8(jsonText(value)))
  }
}

/**
 * The size of rows with these columns.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (features: Features): (row: Row) => number => sizeOf({ _tag: "Struct", fields: features })
