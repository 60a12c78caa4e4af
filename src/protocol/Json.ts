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
