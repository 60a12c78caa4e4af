/**
 * The tokens of a prompt that a server repeats before the generated ones (`returnFullText` on the completions route): they
 * belong to the prompt.
 *
 * @since 0.2.0
 */
import type { Delta, Token } from "../../Generation.ts"

/**
 * Starts with the whole prompt. The result moves the tokens that make it up from `tokens` to `prefill`.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (prompt: string): (delta: Delta) => Delta => {
  let left = prompt
  const isPrompt = ({ text }: Token): boolean => {
    if (left === "") return false
    if (left.startsWith(text)) {
      left = left.slice(text.length)
      return true
    }
    // a token before the text that is not part of it, such as BOS; a part of a character has no text of its own
    if (left !== prompt && !text.includes("\uFFFD")) left = ""
    return left !== ""
  }
  return (delta) => {
    if (delta.tokens === undefined || left === "") return delta
    const end = delta.tokens.findIndex((token) => !isPrompt(token))
    const prefill = end === -1 ? delta.tokens : delta.tokens.slice(0, end)
    return { ...delta, prefill, tokens: end === -1 ? [] : delta.tokens.slice(end) }
  }
}
