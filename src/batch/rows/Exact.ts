/**
 * Numbers as they are written in the text of a row, if a JavaScript number would differ: integers above 2^53, `1.0`.
 *
 * Templates over columns read the text itself. In a request two places keep the digits: the arguments of earlier tool
 * calls, which go to the model as they are, and seeds.
 *
 * @since 0.2.0
 */
type Reviver = (key: string, value: unknown, context?: { readonly source?: string }) => unknown

/** What TypeScript's library does not know yet. */
interface RawJson {
  readonly rawJSON: (text: string) => unknown
  readonly isRawJSON: (value: unknown) => value is { readonly rawJSON: string }
}

// `JSON.rawJSON` and the reviver's context: in V8 since Node 21, in Bun and Deno; without them rows stay as they are
const raw = JSON as unknown as Partial<RawJson>

/** A number that a double may not represent, or would print differently. */
const RISKY = /\d{16}|\d\.\d*0(?!\d)|\d[eE]/

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const number = (source: string, key: string): number | bigint =>
  key === "seed" && /^\d+$/.test(source) && !Number.isSafeInteger(Number(source)) ? BigInt(source) : Number(source)

const plain = (value: unknown, key: string): unknown => {
  if (raw.isRawJSON?.(value) === true) return number(value.rawJSON, key)
  if (Array.isArray(value)) return value.map((item) => plain(item, key))
  if (!isObject(value)) return value
  return key === "tool_calls"
    ? call(value)
    : Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item, name)]))
}

/** A tool call, whose arguments are left as they are. */
const call = (value: Readonly<Record<string, unknown>>): unknown =>
  Object.fromEntries(
    Object.entries(value).map(([name, item]) => [
      name,
      name === "arguments" ? item : name === "function" && isObject(item) ? call(item) : plain(item, name)
    ])
  )

const exactly = (rawJSON: RawJson["rawJSON"]): Reviver => (_key, value, context) =>
  typeof value === "number" && context?.source !== undefined && String(value) !== context.source
    ? rawJSON(context.source)
    : value

/**
 * The digits of an integer in a column, which may not fit a number; undefined if it is not an integer, or the runtime
 * cannot tell.
 *
 * @category accessors
 * @since 0.2.0
 */
export const integer = (text: string, column: string): string | undefined => {
  const { rawJSON } = raw
  const columns = rawJSON === undefined ? undefined : JSON.parse(text, exactly(rawJSON))
  const value: unknown = isObject(columns) ? columns[column] : undefined
  const digits = raw.isRawJSON?.(value) === true ? value.rawJSON : undefined
  return digits !== undefined && /^-?\d+$/.test(digits) ? digits : undefined
}

/** Whether a column is a number, or may hold one: a row of texts needs no look at its text. */
const mayHold = (columns: Readonly<Record<string, unknown>>): boolean => {
  for (const name in columns) {
    const value = columns[name]
    if (typeof value === "number" || (typeof value === "object" && value !== null)) return true
  }
  return false
}

/**
 * The row with such numbers kept where they matter.
 *
 * @category conversions
 * @since 0.2.0
 */
export const row = <R extends { readonly columns: Readonly<Record<string, unknown>>; readonly text?: string }>(
  given: R
): R => {
  const { rawJSON } = raw
  if (given.text === undefined || rawJSON === undefined) return given
  if (!mayHold(given.columns) || !RISKY.test(given.text)) return given
  const columns = plain(JSON.parse(given.text, exactly(rawJSON)), "")
  return isObject(columns) ? { ...given, columns } : given
}
