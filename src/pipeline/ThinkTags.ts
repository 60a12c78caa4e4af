/**
 * Tells thinking from answer in a text that marks it with `<think>` and `</think>`, piece by piece.
 *
 * Some templates put the opening tag into the prompt, so that only the closing one is generated: what stands before a
 * closing tag that nothing opened can only be known as thinking after the fact, and is then left in the text.
 *
 * @since 0.1.0
 */

/**
 * @category models
 * @since 0.1.0
 */
export interface Piece {
  readonly thinking: boolean
  readonly text: string
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Splitter {
  readonly push: (text: string) => ReadonlyArray<Piece>
  /** The text has ended: what was held back because it could begin a tag is given out. */
  readonly end: () => ReadonlyArray<Piece>
}

const OPEN = "<think>"
const CLOSE = "</think>"

/**
 * Starts a splitter. `opened` says that the prompt ended with the opening tag.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (opened = false): Splitter => {
  let thinking = opened
  let held = ""
  const push = (text: string): ReadonlyArray<Piece> => {
    const pieces: Array<Piece> = []
    let rest = held + text
    held = ""
    for (;;) {
      const tag = thinking ? CLOSE : OPEN
      const at = rest.indexOf(tag)
      if (at === -1) break
      if (at > 0) pieces.push({ thinking, text: rest.slice(0, at) })
      thinking = !thinking
      rest = rest.slice(at + tag.length)
    }
    const kept = tailOf(rest, thinking ? CLOSE : OPEN)
    if (rest.length > kept) pieces.push({ thinking, text: rest.slice(0, rest.length - kept) })
    held = rest.slice(rest.length - kept)
    return pieces
  }
  return {
    push,
    end: () => {
      const pieces = held === "" ? [] : [{ thinking, text: held }]
      held = ""
      return pieces
    }
  }
}

/** How many characters at the end of a text could be the beginning of a tag. */
const tailOf = (text: string, tag: string): number => {
  for (let length = Math.min(text.length, tag.length - 1); length > 0; length--) {
    if (tag.startsWith(text.slice(text.length - length))) return length
  }
  return 0
}
