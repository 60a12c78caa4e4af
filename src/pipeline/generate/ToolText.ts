/**
 * Text that contains tool calls as a template writes them → deltas with the calls, as the text arrives.
 *
 * @since 0.2.0
 */
import type * as Generation from "../../Generation.ts"
import type { CallForm } from "../../template/CallForm.ts"

/**
 * Reads deltas one after the other. Text before and between calls stays text; what might be the opening of a call is
 * held back until that is known.
 *
 * @category models
 * @since 0.2.0
 */
export type ToolText = (delta: Generation.Delta) => Generation.Delta

/**
 * Starts a reading.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (form: CallForm): ToolText => {
  const reading = new Reading(form)
  return (delta) => {
    const isEnd = delta.finishReason !== undefined
    if (delta.text === undefined && !isEnd) return delta
    const { fragments, text } = reading.push(delta.text ?? "", isEnd)
    return {
      ...delta,
      text,
      // the text is the sum of what was emitted: the server's own text contains the calls too
      fullText: undefined,
      ...fragments.length > 0 && { toolCalls: fragments }
    }
  }
}

type Fragment = { index: number; name?: string; arguments: string }

class Reading {
  readonly #form: CallForm
  #mode: "text" | "name" | "arguments" | "after" = "text"
  #left = ""
  #index = -1
  #depth = 0
  #isString = false
  #isEscaped = false

  constructor(form: CallForm) {
    this.#form = form
  }

  push(more: string, isEnd: boolean): { readonly text: string; readonly fragments: ReadonlyArray<Fragment> } {
    const fragments: Array<Fragment> = []
    let text = ""
    this.#left += more
    for (let isMoving = true; isMoving;) {
      isMoving = false
      switch (this.#mode) {
        case "text": {
          const at = this.#left.indexOf(this.#form.open)
          const until = at < 0 ? this.#left.length - overlap(this.#left, this.#form.open) : at
          // whitespace before a call is not emitted
          const said = this.#left.slice(0, until).trimEnd()
          text += said
          if (at >= 0) isMoving = this.#enter("name", at + this.#form.open.length)
          else this.#left = this.#left.slice(said.length)
          break
        }
        case "name": {
          const at = this.#left.indexOf(this.#form.middle)
          if (at < 0) break
          this.#index++
          fragments.push({ index: this.#index, name: this.#left.slice(0, at), arguments: "" })
          isMoving = this.#enter("arguments", at + this.#form.middle.length)
          break
        }
        case "arguments": {
          const length = this.#scan()
          if (length > 0) fragments.push({ index: this.#index, arguments: this.#left.slice(0, length) })
          const isWhole = this.#depth === 0 && length > 0
          this.#left = this.#left.slice(length)
          if (isWhole) isMoving = this.#enter("after", 0)
          break
        }
        case "after": {
          const { between, close } = this.#form
          if (between !== undefined && this.#left.startsWith(between)) {
            isMoving = this.#enter("name", between.length)
          } else if (!isEnd && between?.startsWith(this.#left) === true) break
          else if (this.#left.startsWith(close)) isMoving = this.#enter("text", close.length)
          else if (!isEnd && close.startsWith(this.#left)) break
          else isMoving = this.#enter("text", 0)
          if (this.#left === "") isMoving = false
        }
      }
    }
    if (isEnd && this.#mode === "text") {
      text += this.#index < 0 ? this.#left : this.#left.trimEnd()
      this.#left = ""
    }
    // a call that was never named is only text
    if (isEnd && this.#mode === "name") text += this.#form.open + this.#left
    return { text, fragments }
  }

  #enter(mode: "text" | "name" | "arguments" | "after", length: number): boolean {
    this.#left = this.#left.slice(length)
    this.#mode = mode
    return true
  }

  /** How much of the rest belongs to the arguments: up to the brace that closes them. */
  #scan(): number {
    for (let at = 0; at < this.#left.length; at++) {
      const char = this.#left[at]
      if (this.#isEscaped) this.#isEscaped = false
      else if (char === "\\") this.#isEscaped = this.#isString
      else if (char === "\"") this.#isString = !this.#isString
      else if (!this.#isString && (char === "{" || char === "[")) this.#depth++
      else if (!this.#isString && (char === "}" || char === "]") && --this.#depth === 0) return at + 1
    }
    return this.#left.length
  }
}

/** How much of the end of a text may be the beginning of another. */
const overlap = (text: string, of: string): number => {
  for (let length = Math.min(text.length, of.length - 1); length > 0; length--) {
    if (text.endsWith(of.slice(0, length))) return length
  }
  return 0
}
