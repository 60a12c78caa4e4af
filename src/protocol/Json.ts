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

/**
 * `JSON.stringify` that writes a bigint as the integer it is. A TGI seed is a u64, and the engines read integers of that
 * size; a JavaScript number would round them. Throws where `JSON.stringify` would for another reason.
 *
 * @since 0.1.0
 */
export const stringify = (body: Readonly<Record<string, unknown>>): string => {
  try {
    return JSON.stringify(body)
  } catch {
    return write(body) ?? "{}"
  }
}

/**
 * Where a text holds half of a surrogate pair, which is not a character: UTF-8 cannot hold it, and servers refuse it with a
 * 400, a 500, or replace it. Keys are texts too. `undefined` where all are whole.
 *
 * @since 0.2.0
 */
export const brokenText = (value: unknown, path: ReadonlyArray<string> = []): ReadonlyArray<string> | undefined => {
  if (typeof value === "string") return value.isWellFormed() ? undefined : path
  if (!isRecord(value) || value instanceof Uint8Array) return undefined
  for (const key of Object.keys(value)) {
    const found = key.isWellFormed() ? brokenText(value[key], [...path, key]) : [...path, key]
    if (found !== undefined) return found
  }
  return undefined
}
