/**
 * Token counts of one generation from several sources.
 *
 * @since 0.2.0
 */
import type { Usage } from "../../Generation.ts"

const counts = ["inputTokens", "outputTokens", "cachedTokens", "reasoningTokens", "cost"] as const

const merge = (value: (count: typeof counts[number]) => number | undefined): Usage => {
  const merged: { -readonly [K in keyof Usage]: Usage[K] } = {}
  for (const count of counts) {
    const told = value(count)
    if (told !== undefined) merged[count] = told
  }
  return merged
}

/**
 * What is known; if two sources know it, the first one: a body before its headers.
 *
 * @category combinators
 * @since 0.2.0
 */
export const either = (known: Usage, other: Usage): Usage => merge((count) => known[count] ?? other[count])

/**
 * In a stream the last count applies, since some servers send the count so far with every event. Counts only grow, so a
 * zero after another count means nothing.
 *
 * @category combinators
 * @since 0.2.0
 */
export const later = (known: Usage, told: Usage): Usage =>
  merge((count) => (told[count] || known[count]) ?? told[count])

/**
 * A server that reports zero although something was generated did not count.
 *
 * @category combinators
 * @since 0.2.0
 */
export const withoutZeros = (usage: Usage): Usage =>
  usage.outputTokens === 0 ? merge((count) => usage[count] || undefined) : usage

/**
 * The counts of several requests for one generation. Prompt tokens count once, those of the first request: the later ones
 * are the same prompt and the text generated so far.
 *
 * @category combinators
 * @since 0.2.0
 */
export const summed = (some: Usage, more: Usage): Usage => {
  const sum = (count: "outputTokens" | "reasoningTokens" | "cost") =>
    some[count] === undefined && more[count] === undefined ? {} : { [count]: (some[count] ?? 0) + (more[count] ?? 0) }
  const inputTokens = some.inputTokens ?? more.inputTokens
  const cachedTokens = some.cachedTokens ?? more.cachedTokens
  return {
    ...inputTokens !== undefined && { inputTokens },
    ...cachedTokens !== undefined && { cachedTokens },
    ...sum("outputTokens"),
    ...sum("reasoningTokens"),
    ...sum("cost")
  }
}
