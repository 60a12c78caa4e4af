const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

const write = (value: unknown): string | undefined => {
  if (typeof value === "bigint") return value.toString()
  if (Array.isArray(value)) return `[${value.map((item) => write(item) ?? "null").join(",")}]`
  if (!isRecord(value) || "toJSON" in value) return JSON.stringify(value)
  const members: Array<string> = []
  for (const key of Object.keys(value)) {
    const member = write(value[key])
    if (member !== undefined) members.push(`${JSON.stringify(key)}:${member}`)
  }
  return `{${members.join(",")}}`
}

type Body = Readonly<Record<string, unknown>>

/** The texts of bodies that were assembled instead of serialised. */
const written = new WeakMap<Body, string>()

/** Takes the place of the integer while the rest is written. */
const MARK = "\u0000integer"

/** The body with another value under a path. */
const replaced = (body: Body, [key = "", ...rest]: ReadonlyArray<string>, value: unknown): Body => {
  const own = body[key]
  return { ...body, [key]: rest.length === 0 ? value : replaced(isRecord(own) ? own : {}, rest, value) }
}

/**
 * A body that is written once, for many that differ only in the integer under a path.
 *
 * @since 0.2.0
 */
export const withInteger = (body: Body, path: ReadonlyArray<string>): (value: number | bigint) => Body => {
  let parts: ReadonlyArray<string> | undefined
  return (value) => {
    parts ??= stringify(replaced(body, path, MARK)).split(JSON.stringify(MARK))
    const made = replaced(body, path, value)
    const [before, after] = parts
    // a text of the caller's may contain the mark as well
    if (parts.length === 2 && before !== undefined && after !== undefined) {
      written.set(made, `${before}${value}${after}`)
    }
    return made
  }
}

/**
 * `JSON.stringify` that writes a bigint as the integer it is. A TGI seed is a u64, and the engines read integers of that
 * size; a JavaScript number would round them. Otherwise it throws where `JSON.stringify` would.
 *
 * @since 0.1.0
 */
export const stringify = (body: Readonly<Record<string, unknown>>): string => {
  const known = written.get(body)
  if (known !== undefined) return known
  try {
    return JSON.stringify(body)
  } catch {
    return write(body) ?? "{}"
  }
}

/**
 * The path of a text that contains half of a surrogate pair, which is not a character: UTF-8 cannot represent it, and
 * servers refuse it with a 400 or a 500, or replace it. Keys are texts too. `undefined` if all are whole.
 *
 * @since 0.2.0
 */
export const brokenText = (value: unknown, path: ReadonlyArray<string> = []): ReadonlyArray<string> | undefined => {
  const found = broken(value)
  return found === undefined ? undefined : [...path, ...found.toReversed()]
}

/** The path from the broken text up to the value: nearly all values have none, and then no path is allocated. */
const broken = (value: unknown): Array<string> | undefined => {
  if (typeof value === "string") return value.isWellFormed() ? undefined : []
  if (!isRecord(value) || value instanceof Uint8Array) return undefined
  for (const key of Object.keys(value)) {
    const found = key.isWellFormed() ? broken(value[key]) : []
    if (found !== undefined) {
      found.push(key)
      return found
    }
  }
  return undefined
}
