/** Reads one argument as the type that a function asks for, or fails as Python does. */
import { textOf } from "./Compare.ts"
import { fail } from "./Failure.ts"
import { typeName } from "./Text.ts"
import { Undefined, type Value } from "./Value.ts"

const wrong = (wanted: string, value: Value): never =>
  value instanceof Undefined ? fail(value.message) : fail(`expected ${wanted}, not '${typeName(value)}'`)

export const text = (value: Value | undefined): string => {
  if (value === undefined) return ""
  return textOf(value) ?? (value instanceof Undefined
    ? fail(`expected str, not 'Undefined': ${value.message}`)
    : fail(`expected str, not '${typeName(value)}'`))
}

/** An int (bools count as 0 and 1); a larger one than JavaScript can index with is cut, as slices do. */
export const integer = (value: Value): number =>
  typeof value === "number"
    ? value
    : typeof value === "boolean"
    ? Number(value)
    : typeof value === "bigint"
    ? (value < 0n ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER)
    : wrong("int", value)
