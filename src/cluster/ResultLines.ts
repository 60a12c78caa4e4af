/**
 * The lines of results left by earlier claims of a shard, each row once.
 *
 * @since 0.2.0
 */

/** The row's index in its shard; undefined if the line is not one of a batch. */
const indexOf = (line: string): number | undefined => {
  try {
    const value: unknown = JSON.parse(line)
    const index = typeof value === "object" && value !== null && "index" in value ? value.index : undefined
    return typeof index === "number" ? index : undefined
  } catch {
    return undefined
  }
}

/**
 * What is taken over from earlier claims.
 *
 * @category models
 * @since 0.2.0
 */
export interface Inherited {
  readonly output: string
  readonly errors: string
  /** Rows that need not be requested again. */
  readonly rows: number
}

/**
 * The whole lines of texts, in the order of the claims that wrote them, each row once, results before failures. A last line
 * without a line end is torn and left out.
 *
 * @category conversions
 * @since 0.2.0
 */
export const inherit = (outputs: ReadonlyArray<string>, errors: ReadonlyArray<string>): Inherited => {
  const seen = new Set<number>()
  const added = (text: string): string =>
    text.slice(0, text.lastIndexOf("\n") + 1).split("\n").filter((line) => {
      const index = line === "" ? undefined : indexOf(line)
      if (index === undefined || seen.has(index)) return false
      seen.add(index)
      return true
    }).map((line) => `${line}\n`).join("")
  const output = outputs.map(added).join("")
  return { output, errors: errors.map(added).join(""), rows: seen.size }
}
