/**
 * A JSON parser that takes its text in pieces and shows what is known after each.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as JsonContainer from "./JsonContainer.ts"

/**
 * Where a text stops being JSON, in UTF-16 units from its start.
 *
 * @category models
 * @since 0.1.0
 */
export interface Failure {
  readonly offset: number
  readonly description: string
}

/**
 * A completed element of the watched array.
 *
 * @category models
 * @since 0.1.0
 */
export interface Element {
  readonly index: number
  readonly value: Schema.Json
}

/**
 * What to watch, and how deep values may nest.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The key of the root object that holds the watched array; by default the root itself is watched. */
  readonly wrap?: string | undefined
  /** How deep values may nest; 256 by default. */
  readonly maxDepth?: number | undefined
}

/** What the next character may be, or which token it continues. */
type Mode =
  | "value"
  | "first-item"
  | "first-key"
  | "key"
  | "colon"
  | "separator"
  | "string"
  | "escape"
  | "unicode"
  | "number"
  | "word"
  | "done"

const WORDS = [["true", true], ["false", false], ["null", null]] as const
const NUMBER = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/
const ESCAPES: Readonly<Record<string, string>> = {
  "\"": "\"",
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t"
}

/**
 * A JSON parser that is fed piece by piece and looks at each character once.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): PartialJson => new PartialJson(options)

/**
 * The state of the text read so far.
 *
 * @category models
 * @since 0.1.0
 */
export class PartialJson {
  readonly #wrap: string | undefined
  readonly #maxDepth: number
  readonly #stack: Array<JsonContainer.JsonContainer> = []
  readonly #elements: Array<Element> = []
  #mode: Mode = "value"
  #isKey = false
  /** The string that is being read; its escapes are resolved. */
  #text = ""
  /** What was read of a number, a word or four hex digits. */
  #token = ""
  #offset = 0
  #version = 0
  #root: Schema.Json | undefined
  #failure: Failure | undefined

  constructor(options: Options) {
    this.#wrap = options.wrap
    this.#maxDepth = options.maxDepth ?? 256
  }

  /** Grows whenever the partial value changes. */
  get version(): number {
    return this.#version
  }

  /** Where the text stopped being JSON; what was read before is kept. */
  get failure(): Failure | undefined {
    return this.#failure
  }

  /** Whether the value has ended; a number at the root only ends with the text. */
  get isDone(): boolean {
    return this.#mode === "done"
  }

  /** How many UTF-16 units were read. */
  get offset(): number {
    return this.#offset
  }

  /** Reads on. After a failure nothing more is read. */
  push(chunk: string): void {
    for (let at = 0; at < chunk.length && this.#failure === undefined;) {
      const next = this.#mode === "string" ? this.#string(chunk, at) : this.#step(chunk[at] ?? "", at)
      this.#offset += next - at
      at = next
    }
  }

  /** Reads until the first value ends, and returns its length; undefined if it never ends. */
  pushValue(text: string): number | undefined {
    for (let at = 0; at < text.length && this.#failure === undefined;) {
      const next = this.#mode === "string" ? this.#string(text, at) : this.#step(text[at] ?? "", at)
      this.#offset += next - at
      at = next
      if (this.isDone) return at
    }
    return undefined
  }

  /** The elements of the watched array that were completed since the last call. */
  takeElements(): ReadonlyArray<Element> {
    return this.#elements.splice(0)
  }

  /** The whole value, or where and why the text is not a value. */
  end(): Result.Result<Schema.Json, Failure> {
    if (this.#failure === undefined && this.#mode === "number") this.#endNumber()
    if (this.#failure !== undefined) return Result.fail(this.#failure)
    return this.#mode === "done" && this.#root !== undefined
      ? Result.succeed(this.#root)
      : Result.fail({ offset: this.#offset, description: "the text ends too early" })
  }

  /**
   * The value so far, with open parts closed: it costs as much as the nesting is deep, and open objects and arrays are only
   * copied when the value is read. Undefined while nothing is known.
   */
  snapshot(): () => Schema.Json | undefined {
    if (this.#mode === "done") {
      const root = this.#root
      return () => root
    }
    const frames = this.#stack.map((frame) => ({ frame, length: JsonContainer.lengthOf(frame) }))
    const keys = this.#stack.map((frame) => frame._tag === "Object" ? frame.keys.at(-1) : undefined)
    const leaf = this.#leaf()
    return () => {
      let inner = leaf()
      for (let level = frames.length - 1; level >= 0; level--) {
        const open = frames[level]
        if (open !== undefined) inner = JsonContainer.copy(open.frame, open.length, keys[level], inner)
      }
      return inner
    }
  }

  /**
   * The scalar that is being written, as far as it is certain. A long string is not read before it is needed, since that
   * would copy it.
   */
  #leaf(): () => Schema.Json | undefined {
    const text = this.#text
    const token = this.#token
    switch (this.#mode) {
      case "string":
      case "escape":
      case "unicode":
        return this.#isKey ? nothing : () => wellFormed(text)
      case "number":
        return () => {
          const certain = NUMBER.exec(token)?.[0]
          return certain === undefined ? undefined : Number(certain)
        }
      case "word":
        return () => WORDS.find(([word]) => word.startsWith(token))?.[1]
      default:
        return nothing
    }
  }

  #fail(description: string, ahead = 0): void {
    this.#failure = { offset: this.#offset + ahead, description }
  }

  /** The plain run of a string up to its end, an escape or the end of the chunk. */
  #string(chunk: string, from: number): number {
    let at = from
    for (; at < chunk.length; at++) {
      const code = chunk.charCodeAt(at)
      if (code === 0x22 || code === 0x5c) break
      if (code < 0x20) {
        this.#fail("a raw control character is in a string", at - from)
        return at
      }
    }
    if (at > from) {
      this.#text += chunk.slice(from, at)
      if (!this.#isKey) this.#version++
    }
    if (at === chunk.length) return at
    if (chunk.charCodeAt(at) === 0x5c) this.#mode = "escape"
    else if (this.#isKey) this.#endKey()
    else this.#complete(this.#text)
    return at + 1
  }

  #step(char: string, at: number): number {
    switch (this.#mode) {
      case "escape":
        this.#escape(char)
        return at + 1
      case "unicode":
        this.#unicode(char)
        return at + 1
      case "word":
        this.#word(char)
        return at + 1
      case "number":
        if (/[-+.0-9eE]/.test(char)) {
          this.#token += char
          this.#version++
          return at + 1
        }
        // the character after a number is not part of it
        this.#endNumber()
        return at
      default:
        if (char !== " " && char !== "\n" && char !== "\t" && char !== "\r") this.#structure(char)
        return at + 1
    }
  }

  #escape(char: string): void {
    if (char === "u") {
      this.#token = ""
      this.#mode = "unicode"
      return
    }
    const meant = ESCAPES[char]
    if (meant === undefined) return this.#fail("this escape is not known")
    this.#text += meant
    this.#version++
    this.#mode = "string"
  }

  #unicode(char: string): void {
    if (!/[0-9a-fA-F]/.test(char)) return this.#fail("\\u needs four hex digits")
    this.#token += char
    if (this.#token.length < 4) return
    this.#text += String.fromCharCode(Number.parseInt(this.#token, 16))
    this.#version++
    this.#mode = "string"
  }

  #word(char: string): void {
    this.#token += char
    const found = WORDS.find(([word]) => word.startsWith(this.#token))
    if (found === undefined) return this.#fail("this is not a JSON value")
    if (found[0] === this.#token) this.#complete(found[1])
  }

  #endNumber(): void {
    if (NUMBER.exec(this.#token)?.[0] !== this.#token) return this.#fail("this number is not valid in JSON")
    this.#complete(Number(this.#token))
  }

  #endKey(): void {
    const frame = this.#stack.at(-1)
    if (frame?._tag === "Object") frame.keys.push(this.#text)
    this.#mode = "colon"
  }

  #structure(char: string): void {
    const frame = this.#stack.at(-1)
    switch (this.#mode) {
      case "first-item":
        return char === "]" ? this.#close() : this.#value(char)
      case "value":
        return this.#value(char)
      case "first-key":
        return char === "}" ? this.#close() : this.#key(char)
      case "key":
        return this.#key(char)
      case "colon":
        if (char !== ":") return this.#fail("a colon is missing after the key")
        this.#mode = "value"
        return
      case "separator":
        if (char === (frame?._tag === "Array" ? "]" : "}")) return this.#close()
        if (char !== ",") return this.#fail("a comma or the end is missing")
        this.#mode = frame?._tag === "Array" ? "value" : "key"
        return
      default:
        return this.#fail("there is text after the value")
    }
  }

  #key(char: string): void {
    if (char !== "\"") return this.#fail("a key in double quotes is missing")
    this.#open(true)
  }

  #open(isKey: boolean): void {
    this.#isKey = isKey
    this.#text = ""
    this.#mode = "string"
    if (!isKey) this.#version++
  }

  #value(char: string): void {
    if (char === "\"") return this.#open(false)
    if (char === "{" || char === "[") {
      if (this.#stack.length >= this.#maxDepth) return this.#fail(`values nest deeper than ${this.#maxDepth}`)
      this.#stack.push(char === "[" ? { _tag: "Array", items: [] } : { _tag: "Object", keys: [], values: [] })
      this.#mode = char === "[" ? "first-item" : "first-key"
      this.#version++
      return
    }
    if (char === "-" || (char >= "0" && char <= "9")) {
      this.#token = char
      this.#mode = "number"
      this.#version++
      return
    }
    this.#token = ""
    this.#mode = "word"
    this.#version++
    this.#word(char)
  }

  #close(): void {
    const frame = this.#stack.pop()
    if (frame !== undefined) {
      this.#complete(frame._tag === "Array" ? frame.items : JsonContainer.build(frame, frame.values.length))
    }
  }

  /** A value has ended: from now on it belongs to the innermost open container. */
  #complete(value: Schema.Json): void {
    this.#version++
    const frame = this.#stack.at(-1)
    if (frame === undefined) {
      this.#root = value
      this.#mode = "done"
      return
    }
    this.#mode = "separator"
    if (frame._tag === "Object") frame.values.push(value)
    else {
      frame.items.push(value)
      if (this.#isWatched()) this.#elements.push({ index: frame.items.length - 1, value })
    }
  }

  #isWatched(): boolean {
    if (this.#wrap === undefined) return this.#stack.length === 1
    const root = this.#stack[0]
    return this.#stack.length === 2 && root?._tag === "Object" && root.keys.at(-1) === this.#wrap
  }
}

const nothing = () => undefined

/** Without the first half of a surrogate pair whose second half has not arrived. */
const wellFormed = (text: string): string => {
  const last = text.charCodeAt(text.length - 1)
  return last >= 0xd800 && last <= 0xdbff ? text.slice(0, -1) : text
}
