/**
 * Token counts of one generation from several sources.
 *
 * @since 0.2.0
 */
import type { Usage } from "../../Generation.ts"

const counts = ["inputTokens", "outputTokens", "cachedTokens", "reasoningTokens", "cost"] as const

type Known = { -readonly [K in keyof Usage]: Usage[K] }

/**
 * What is known; if two sources know it, the first one: a body before its headers.
 *
 * @category combinators
 * @since 0.2.0
 */
export const either = (known: Usage, other: Usage): Usage => {
  const merged: Known = {}
  for (const count of counts) {
    const told = known[count] ?? other[count]
    if (told !== undefined) merged[count] = told
  }
  return merged
}

/**
 * The counts of a server that reports zero although something was generated: its zeros are none.
 *
 * @category combinators
 * @since 0.2.0
 */
export const withoutZeros = (usage: Usage): Usage => {
  const some: Known = {}
  for (const count of counts) if (usage[count] !== 0 && usage[count] !== undefined) some[count] = usage[count]
  return some
}

/**
 * In a stream the last count applies, since some servers send the count so far with every event. Counts only grow, so a
 * zero after another count means nothing.
 *
 * @category combinators
 * @since 0.2.0
 */
export const later = (known: Usage, told: Usage): Usage => either(withoutZeros(told), either(known, told))

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
