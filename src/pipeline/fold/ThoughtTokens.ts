/**
 * Separates the tokens of thinking from those of the answer, where the thinking is in the text between tags.
 *
 * @since 0.2.0
 */
import type { Token } from "../../Generation.ts"
import type * as ThoughtOpening from "../../template/thinking/ThoughtOpening.ts"
import * as ThoughtSplitter from "../../template/thinking/ThoughtSplitter.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Marker {
  /** Marks the tokens that were added last, `count` of them, and those before that had to wait for them. */
  readonly mark: (tokens: Array<Token>, count: number) => void
}

const markFrom = (tokens: Array<Token>, from: number, to: number) => {
  for (let at = from; at < to; at++) {
    const token = tokens[at]
    if (token !== undefined) tokens[at] = { ...token, reasoning: true }
  }
}

/**
 * Starts with no token. A tag belongs to the thinking that it opens or closes.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (opening: ThoughtOpening.Opening | undefined): Marker => {
  const splitter = ThoughtSplitter.make(opening)
  /** The first token that is not yet assigned to either. */
  let open = 0
  return {
    mark: (tokens, count) => {
      for (let at = tokens.length - count; at < tokens.length; at++) {
        const before = splitter.where()
        const pieces = splitter.push(tokens[at]?.text ?? "")
        const after = splitter.where()
        if (pieces.some(({ moved }) => moved === true)) markFrom(tokens, 0, at + 1)
        else if (before === "thinking" || after === "thinking") markFrom(tokens, open, at + 1)
        if (after !== "open" || before === "thinking") open = at + 1
      }
    }
  }
}
