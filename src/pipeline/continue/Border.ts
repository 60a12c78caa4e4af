/**
 * Where a text that was cut by its token limit is continued: after which of its last tokens.
 *
 * @since 0.2.0
 */
import type * as Generation from "../../Generation.ts"
import * as Residual from "../../structured/regex/Residual.ts"

/**
 * A text, and the tokens that followed it and may still be thrown away.
 *
 * @category models
 * @since 0.2.0
 */
export interface Choice {
  /** One delta per token. */
  readonly deltas: ReadonlyArray<Generation.Delta>
  readonly text: string
  /** The state of the grammar after the text, where there is one. */
  readonly place: Residual.Place | undefined
  readonly language: Residual.Residual | undefined
  readonly stop: ReadonlyArray<string>
  /** Whether the deltas are all that a request returned: little of it may then be thrown away. */
  readonly isShort: boolean
  /** Whether the server trims whitespace at the end, as TGI's chat route does. */
  readonly isTrimmed: boolean
}

/**
 * How many of the deltas to keep; undefined if the text itself does not begin a text of the language. Under a grammar
 * the cut is where the fewest parts are pending: the residuals there are short and few, and servers cache few of them.
 * It is never within a character, an escape or the beginning of a stop sequence, and not after a space, which models
 * expect in their next token.
 *
 * @category accessors
 * @since 0.2.0
 */
export const choose = ({ deltas, isShort, isTrimmed, language, place, stop, text }: Choice): number | undefined => {
  if (language !== undefined && place === undefined) return undefined
  let written = text
  let at = place
  let best: { readonly count: number; readonly depth: number } | undefined
  let last = 0
  for (let count = 0; count <= deltas.length; count++) {
    const delta = count === 0 ? undefined : deltas[count - 1]
    const said = delta?.text ?? ""
    written += said
    if (language !== undefined && at !== undefined) {
      at = language.read(at, said)
      if (at === undefined) break
    }
    // a token without text is the first half of a character
    if (count > 0 && said === "" && count < deltas.length || isHalf(written)) continue
    last = count
    if (isBegun(written, stop) || ((isTrimmed || at !== undefined) && /\s$/.test(written))) continue
    if (at !== undefined && isEscaping(written)) continue
    const depth = at === undefined || isShort ? 0 : Residual.depth(at)
    if (best === undefined || depth <= best.depth) best = { count, depth }
  }
  return best?.count ?? last
}

/** Whether a text ends within a character: with half of a surrogate pair, or with a replacement character. */
const isHalf = (text: string): boolean => /[\uD800-\uDBFF\uFFFD]$/.test(text)

/** Whether a text ends within an escape of a JSON string. */
const isEscaping = (text: string): boolean => {
  const [slashes = ""] = /\\+(?=(?:u[0-9a-fA-F]{0,3})?$)/.exec(text) ?? []
  return slashes.length % 2 === 1
}

/** Whether a text ends with the beginning of a stop sequence. */
const isBegun = (text: string, stop: ReadonlyArray<string>): boolean =>
  stop.some((sequence) => {
    for (let length = sequence.length - 1; length > 0; length--) {
      if (text.endsWith(sequence.slice(0, length))) return true
    }
    return false
  })
