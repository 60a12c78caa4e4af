/**
 * What surrounds JSON in the text of an unconstrained model: prose, and thinking between the tags of any family.
 *
 * @since 0.2.0
 */
import { families } from "../../template/thinking/ThinkingTags.ts"
import type { Opening } from "../../template/thinking/ThoughtOpening.ts"
import * as ThoughtSplitter from "../../template/thinking/ThoughtSplitter.ts"

/** Closing tags that by themselves show that the text before them was thinking. */
const closes = families.filter(({ alone }) => alone).map(({ close }) => close)
const LONGEST = Math.max(...closes.map((close) => close.length))

/**
 * A text without its thinking; undefined if there is none.
 *
 * @category decoding
 * @since 0.2.0
 */
export const withoutThinking = (text: string): string | undefined => {
  const splitter = ThoughtSplitter.make()
  let said = ""
  let isSplit = false
  for (const { moved, text: piece, thinking } of [...splitter.push(text), ...splitter.end()]) {
    isSplit ||= thinking || moved === true
    if (moved === true) said = ""
    else if (!thinking) said += piece
  }
  return isSplit ? said : undefined
}

/** Where the next value may begin, except for tags that begin with a bracket. */
const beginning = (text: string, from: number): number => {
  const found = text.slice(from).search(/[{[]/)
  return found === -1 ? text.length : from + found
}

const mayBeTag = (rest: string): boolean => families.some(({ open }) => open.startsWith(rest) || rest.startsWith(open))

/**
 * The reader of the value that was found.
 *
 * @category models
 * @since 0.2.0
 */
export interface Reader {
  readonly read: (text: string) => void
  /** The value has ended, or the text was not a value. */
  readonly isOver: () => boolean
  /** Another value follows. */
  readonly restart: () => void
}

/** The first closing tag after a place. */
const closeBehind = (text: string, from: number) => {
  let found: { readonly start: number; readonly end: number } | undefined
  for (const close of closes) {
    const start = text.indexOf(close, Math.max(0, from - close.length + 1))
    if (start !== -1 && (found === undefined || start < found.start)) found = { start, end: start + close.length }
  }
  return found
}

/**
 * Finds the value in a text that arrives in pieces: skips everything before its first brace or bracket. A value within a
 * thought, as a closing tag after it shows, is followed by another.
 *
 * @category models
 * @since 0.2.0
 */
export class Finder {
  readonly #reader: Reader
  #splitter = ThoughtSplitter.make()
  #isInValue = false
  /** An end that could begin a tag and has not been examined; and one of a value that was already read. */
  #held = ""
  #tail = ""

  constructor(reader: Reader) {
    this.#reader = reader
  }

  push(piece: string): void {
    if (this.#isInValue) return this.#value(piece)
    const text = this.#held + piece
    this.#held = ""
    const value = this.#prose(text)
    if (this.#isInValue) this.#value(value)
  }

  #value(piece: string): void {
    const text = this.#tail + piece
    let at = this.#tail.length
    for (let found = closeBehind(text, at); found !== undefined; found = closeBehind(text, at)) {
      const { end, start } = found
      if (start > at) this.#reader.read(text.slice(at, start))
      if (this.#reader.isOver()) {
        this.#reader.restart()
        this.restart()
        return this.push(text.slice(end))
      }
      // a tag inside a string of the value is a part of it
      this.#reader.read(text.slice(Math.max(start, at), end))
      at = end
    }
    this.#reader.read(text.slice(at))
    this.#tail = text.slice(-LONGEST)
  }

  /** Everything so far was thinking. */
  restart(): void {
    const [family] = families
    const behind: Opening = family === undefined ? { _tag: "Unknown" } : { _tag: "Behind", family }
    this.#splitter = ThoughtSplitter.make(behind)
    this.#isInValue = false
    this.#held = ""
    this.#tail = ""
  }

  #prose(text: string): string {
    for (let from = 0; from < text.length;) {
      const at = beginning(text, from)
      this.#splitter.push(text.slice(from, at))
      if (at === text.length) break
      if (this.#splitter.where() === "open" && mayBeTag(text.slice(at))) {
        // the rest may be the beginning of a tag
        if (families.some(({ open }) => open.length > text.length - at && open.startsWith(text.slice(at)))) {
          this.#held = text.slice(at)
          break
        }
      } else if (this.#splitter.where() !== "thinking") {
        this.#isInValue = true
        return text.slice(at)
      }
      this.#splitter.push(text.slice(at, at + 1))
      from = at + 1
    }
    return ""
  }
}
