/**
 * Separates thinking from the answer in a text that marks it with tags, piece by piece.
 *
 * Thinking precedes the answer and occurs nowhere else: a tag in the middle of an answer is part of it. It begins with a tag
 * of the table, or in the prompt, where many templates put the opening tag; then only the closing one is generated, and only
 * afterwards is it known that the text before it was thinking. A second closing tag, written by models that were made to
 * stop thinking, belongs to neither side.
 *
 * @since 0.1.0
 */
import { families, type Family } from "./ThinkingTags.ts"
import { type Opening, unknown } from "./ThoughtOpening.ts"

/** What some models put around the answer after their thinking: Hunyuan, ERNIE, Command, gpt-oss. */
const wrappers: ReadonlyArray<readonly [open: string, close: string]> = [
  ["<answer>", "</answer>"],
  ["<response>", "</response>"],
  ["<|START_RESPONSE|>", "<|END_RESPONSE|>"],
  ["<|start|>assistant<|channel|>final<|message|>", "<|return|>"]
]

/**
 * A part of the text. `moved`: all text so far was thinking.
 *
 * @category models
 * @since 0.1.0
 */
export interface Piece {
  readonly thinking: boolean
  readonly text: string
  readonly moved?: boolean
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Splitter {
  readonly push: (text: string) => ReadonlyArray<Piece>
  /** The text has ended: text that was held back because it could begin a tag is emitted. */
  readonly end: () => ReadonlyArray<Piece>
  /** The server itself separates the thinking: the text contains no thought, whatever the prompt says. */
  readonly separated: () => void
  /** Where the text currently is: inside a thought, in the answer, or not yet decided. */
  readonly where: () => "thinking" | "answer" | "open"
}

/**
 * Starts a splitter.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (opening: Opening = unknown): Splitter => new State(opening)

const alone = families.filter((family) => family.alone)

class State implements Splitter {
  #at: "start" | "thinking" | "behind" | "answer"
  #family: Family | undefined
  #wrapper: string | undefined = undefined
  #held = ""
  /** Nothing was generated inside the thought that the prompt opened. */
  #isFresh = true
  /** The server separated the thinking, so a closing tag without an opening one is text like any other. */
  #isSeparated = false

  constructor(opening: Opening) {
    this.#family = opening._tag === "Unknown" ? undefined : opening.family
    this.#at = opening._tag === "Unknown" ? "start" : opening._tag === "Inside" ? "thinking" : "behind"
  }

  where(): "thinking" | "answer" | "open" {
    return this.#at === "thinking" || this.#at === "answer" ? this.#at : "open"
  }

  separated(): void {
    this.#isSeparated = true
    if (this.#isFresh && this.#at === "thinking") this.#at = "behind"
  }

  push(text: string): ReadonlyArray<Piece> {
    const pieces: Array<Piece> = []
    let rest: string | undefined = this.#held + text
    this.#held = ""
    while (rest !== undefined) {
      rest = this.#at === "thinking"
        ? this.#thinking(rest, pieces)
        : this.#at === "answer"
        ? this.#answer(rest, pieces)
        : this.#between(rest)
    }
    return pieces
  }

  end(): ReadonlyArray<Piece> {
    const pieces = this.#held === "" ? [] : [{ thinking: this.#at === "thinking", text: this.#held }]
    this.#held = ""
    return pieces
  }

  /** Before any text: a tag may open a thought, or a wrapper around the answer. */
  #between(rest: string): string | undefined {
    const body = rest.trimStart()
    const opened = families.find(({ open }) => body.startsWith(open))
    if (opened !== undefined) {
      this.#family = opened
      this.#isFresh = false
      this.#at = "thinking"
      return body.slice(opened.open.length)
    }
    const wrapped = this.#at === "behind" ? wrappers.find(([open]) => body.startsWith(open)) : undefined
    if (wrapped !== undefined) {
      this.#wrapper = wrapped[1]
      this.#at = "answer"
      return body.slice(wrapped[0].length)
    }
    if (families.some(({ open }) => open.startsWith(body)) || (this.#at === "behind" && beginsWrapper(body))) {
      this.#held = rest
      return undefined
    }
    this.#at = "answer"
    return rest
  }

  #thinking(text: string, pieces: Array<Piece>): string | undefined {
    const rest = this.#isFresh ? this.#withoutOpen(text) : text
    if (rest === undefined) return undefined
    const closes = this.#families().map(({ close }) => close)
    const found = first(rest, closes)
    if (found === undefined) return this.#give(rest, closes, true, pieces)
    const { at, tag } = found
    if (at > 0) pieces.push({ thinking: true, text: rest.slice(0, at) })
    this.#family ??= alone.find(({ close }) => close === tag)
    this.#at = "behind"
    return rest.slice(at + tag.length)
  }

  /** Some models repeat the tag that is already in their prompt. */
  #withoutOpen(text: string): string | undefined {
    const body = text.trimStart()
    const opens = this.#families().map(({ open }) => open)
    if (opens.some((open) => open.startsWith(body))) {
      this.#held = text
      return undefined
    }
    this.#isFresh = false
    const open = opens.find((open) => body.startsWith(open))
    return open === undefined ? text : body.slice(open.length)
  }

  /** The family of the thought, or all possible ones. */
  #families(): ReadonlyArray<Family> {
    return this.#family === undefined ? alone : [this.#family]
  }

  #answer(rest: string, pieces: Array<Piece>): string | undefined {
    const closes = this.#family !== undefined
      ? [this.#family.close]
      : this.#isSeparated
      ? []
      : alone.map(({ close }) => close)
    const tags = this.#wrapper === undefined ? closes : [...closes, this.#wrapper]
    const found = first(rest, tags)
    if (found === undefined) return this.#give(rest, tags, false, pieces)
    const { at, tag } = found
    if (at > 0) pieces.push({ thinking: false, text: rest.slice(0, at) })
    if (tag === this.#wrapper) this.#wrapper = undefined
    else if (this.#family === undefined) {
      this.#family = alone.find(({ close }) => close === tag)
      this.#at = "behind"
      // text emitted by this push is thinking; text emitted earlier has to be moved
      for (const [index, piece] of pieces.entries()) pieces[index] = { ...piece, thinking: true }
      pieces.unshift({ thinking: true, text: "", moved: true })
    }
    return rest.slice(at + tag.length)
  }

  /** Emits a text without a tag, except for an end that could begin one. */
  #give(rest: string, tags: ReadonlyArray<string>, thinking: boolean, pieces: Array<Piece>): undefined {
    const kept = Math.max(0, ...tags.map((tag) => tailOf(rest, tag)))
    if (rest.length > kept) pieces.push({ thinking, text: rest.slice(0, rest.length - kept) })
    this.#held = rest.slice(rest.length - kept)
    return undefined
  }
}

const beginsWrapper = (text: string): boolean => wrappers.some(([open]) => open.startsWith(text))

/** The first of these tags in a text. */
const first = (
  text: string,
  tags: ReadonlyArray<string>
): { readonly at: number; readonly tag: string } | undefined => {
  let found: { readonly at: number; readonly tag: string } | undefined
  for (const tag of tags) {
    const at = text.indexOf(tag)
    if (at !== -1 && (found === undefined || at < found.at)) found = { at, tag }
  }
  return found
}

/** How many characters at the end of a text could be the beginning of a tag. */
const tailOf = (text: string, tag: string): number => {
  for (let length = Math.min(text.length, tag.length - 1); length > 0; length--) {
    if (tag.startsWith(text.slice(text.length - length))) return length
  }
  return 0
}
