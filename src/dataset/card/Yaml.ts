/**
 * Plain values → YAML as in data cards: blocks, two spaces, and quotes wherever a reader could take text for something else.
 * Reading is `effect/encoding/Yaml`.
 *
 * @since 0.2.0
 */
import type { Plain } from "../features/FeatureCard.ts"

const RESERVED = /^(?:true|false|yes|no|on|off|y|n|null|~|\.nan|\.inf)$/i

/** Text that every version of YAML reads as text. */
const BARE = /^[A-Za-z_/][\w./+-]*(?: [\w./+-]+)*(?:\*)?$/

const scalar = (value: string | number | boolean | null): string => {
  if (typeof value !== "string") return String(value)
  if (BARE.test(value) && !RESERVED.test(value)) return value
  // oxlint-disable-next-line no-control-regex -- what single quotes cannot hold
  return /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/.test(value) || !value.isWellFormed()
    ? JSON.stringify(value)
    : `'${value.replaceAll("'", "''")}'`
}

const isScalar = (value: Plain): value is string | number | boolean | null =>
  typeof value !== "object" || value === null

const isList = (value: Plain): value is ReadonlyArray<Plain> => Array.isArray(value)

const linesOf = (value: Plain): ReadonlyArray<string> => {
  if (isScalar(value)) return [scalar(value)]
  if (isList(value)) {
    if (value.length === 0) return ["[]"]
    return value.flatMap((item) =>
      // a list in a list is on lines of its own: not every reader accepts `- - `
      isList(item) && item.length > 0
        ? ["-", ...linesOf(item).map((line) => `  ${line}`)]
        : linesOf(item).map((line, at) => (at === 0 ? "- " : "  ") + line)
    )
  }
  const entries = Object.entries(value)
  if (entries.length === 0) return ["{}"]
  return entries.flatMap(([key, item]) => {
    const name = scalar(key)
    const [first = "", ...rest] = linesOf(item)
    if (isScalar(item) || first === "[]" || first === "{}") return [`${name}: ${first}`]
    // a list is below its key without more indentation, as datasets writes it
    return isList(item) ? [`${name}:`, first, ...rest] : [`${name}:`, ...[first, ...rest].map((line) => `  ${line}`)]
  })
}

/**
 * The text, ending in a line break.
 *
 * @category encoding
 * @since 0.2.0
 */
export const encode = (value: Plain): string => `${linesOf(value).join("\n")}\n`
