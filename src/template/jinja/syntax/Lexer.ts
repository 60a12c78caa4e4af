/**
 * Template text to tokens, by the rules that Jinja's own lexer has: white space control, `trim_blocks`, `lstrip_blocks`,
 * `raw`, comments, balanced brackets. One pass, linear in the source.
 */
import { Failure } from "../values/Failure.ts"
import { int } from "../values/Number.ts"
import { isSpace, trimEnd } from "../values/Space.ts"
import { Float, type Value } from "../values/Value.ts"

export interface LexOptions {
  /** Drop the first newline after a block or comment tag. */
  readonly trimBlocks: boolean
  /** Drop the whitespace between the start of a line and a block or comment tag. */
  readonly lstripBlocks: boolean
}

/** An operator's kind is its text. */
export interface Token {
  readonly kind: string
  readonly text: string
  readonly value: Value
  readonly line: number
}

const operators: ReadonlySet<string> = new Set([..."-+/*%~[](){}<>=.:|,;", "//", "**", "==", "!=", ">=", "<="])
const float = /(?<!\.)(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?[eE][+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/y
const integer = /0[bB](?:_?[01])+|0[oO](?:_?[0-7])+|0[xX](?:_?[\da-fA-F])+|[1-9](?:_?\d)*|0(?:_?0)*/y
const name = /[\p{L}\p{N}_]+/uy
const lineFeed = 10
const doubleQuote = 34
const singleQuote = 39
const backslash = 92
const isDigit = (code: number): boolean => code >= 48 && code <= 57
/** Letters, digits and the underscore of ASCII. */
const isWordCode = (code: number): boolean =>
  (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95 || isDigit(code)

const identifier = /^[\p{XID_Start}_]\p{XID_Continue}*$/u
const closers: Readonly<Record<string, string>> = { "{": "}", "(": ")", "[": "]" }

const simpleEscapes: Readonly<Record<string, string>> = {
  "\n": "",
  "\\": "\\",
  "'": "'",
  "\"": "\"",
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v"
}

const escapePattern = /\\(?:([0-7]{1,3})|x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([\s\S]))/g

/** Python's escapes; an unknown one keeps its backslash. */
const unescape = (body: string, line: number): string =>
  !body.includes("\\") ? body : body.replace(escapePattern, (whole, octal, hex, unicode, wide, other) => {
    if (octal !== undefined) return String.fromCharCode(parseInt(octal, 8))
    const code = hex ?? unicode ?? wide
    if (code !== undefined) {
      const point = parseInt(code, 16)
      if (point > 0x10ffff) throw new Failure("Syntax", "illegal Unicode character in a string", line)
      return String.fromCodePoint(point)
    }
    if (other === "N") throw new Failure("Syntax", "character names (\\N{…}) in strings are not supported", line)
    if (other === "x" || other === "u" || other === "U") {
      throw new Failure("Syntax", `truncated ${whole} escape in a string`, line)
    }
    return simpleEscapes[other] ?? whole
  })

/** Line ends become `\n`, and one at the very end of the template is dropped. */
const normalize = (source: string): string => {
  const text = source.includes("\r") ? source.replace(/\r\n?/g, "\n") : source
  return text.endsWith("\n") ? text.slice(0, -1) : text
}

const countLines = (text: string): number => {
  let count = 0
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count++
  return count
}

class Lexer {
  private readonly source: string
  private readonly options: LexOptions
  private readonly tokens: Array<Token> = []
  private at = 0
  private line = 1
  /** Whether the last tag swallowed a newline, so that what follows starts a line. */
  private lineStarting = true

  constructor(source: string, options: LexOptions) {
    this.source = source
    this.options = options
  }

  run(): ReadonlyArray<Token> {
    while (this.at < this.source.length) this.root()
    this.push("eof", "")
    return this.tokens
  }

  private push(kind: string, text: string, value: Value = null): void {
    this.tokens.push({ kind, text, value, line: this.line })
  }

  private nextTag(): number {
    for (let at = this.source.indexOf("{", this.at); at >= 0; at = this.source.indexOf("{", at + 1)) {
      const mark = this.source[at + 1]
      if (mark === "%" || mark === "{" || mark === "#") return at
    }
    return -1
  }

  /** Literal text before a tag, cut as the tag's sign and `lstrip_blocks` say. */
  private data(text: string, sign: string, strips: boolean): void {
    let kept = text
    if (sign === "-") kept = trimEnd(text)
    else if (sign !== "+" && strips && this.options.lstripBlocks) {
      const start = text.lastIndexOf("\n") + 1
      if ((start > 0 || this.lineStarting) && start < text.length && trimEnd(text.slice(start)) === "") {
        kept = text.slice(0, start)
      }
    }
    if (kept !== "") this.push("data", kept)
    this.line += countLines(text)
  }

  private root(): void {
    const tag = this.nextTag()
    if (tag < 0) {
      this.push("data", this.source.slice(this.at))
      this.at = this.source.length
      return
    }
    const text = this.source.slice(this.at, tag)
    const mark = this.source[tag + 1]
    const after = this.source[tag + 2] ?? ""
    const sign = after === "-" || after === "+" ? after : ""
    this.data(text, sign, mark !== "{")
    this.at = tag + 2 + sign.length
    if (mark === "#") this.comment()
    else if (mark === "{") this.expression("variable_begin", "variable_end", "}}")
    else if (!this.raw()) this.expression("block_begin", "block_end", "%}")
  }

  private skipSpace(): void {
    while (this.at < this.source.length && isSpace(this.source.charCodeAt(this.at))) this.at++
  }

  /** Consumes what a closing tag swallows: all white space after `-`, nothing after `+`, else one newline of a block. */
  private endTag(start: number, sign: string, trims: boolean): void {
    if (sign === "-") this.skipSpace()
    else if (sign === "" && trims && this.options.trimBlocks && this.source[this.at] === "\n") this.at++
    const swallowed = this.source.slice(start, this.at)
    this.line += countLines(swallowed)
    this.lineStarting = swallowed.endsWith("\n")
  }

  private comment(): void {
    const end = this.source.indexOf("#}", this.at)
    if (end < 0) throw new Failure("Syntax", "Missing end of comment tag", this.line)
    const before = end > this.at ? this.source[end - 1] ?? "" : ""
    const start = this.at
    this.at = end + 2
    this.endTag(start, before === "-" || before === "+" ? before : "", true)
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.at
    return pattern.exec(this.source)?.[0]
  }

  /** `{% raw %}`: everything up to `{% endraw %}` is text. */
  private raw(): boolean {
    const open = this.match(/\s*raw\s*-?%\}/y)
    if (open === undefined) return false
    const start = this.at
    this.at += open.length
    if (open.endsWith("-%}")) this.skipSpace()
    this.line += countLines(this.source.slice(start, this.at))
    this.lineStarting = this.source[this.at - 1] === "\n"
    for (let tag = this.source.indexOf("{%", this.at); tag >= 0; tag = this.source.indexOf("{%", tag + 2)) {
      const pattern = /\{%([-+]?)\s*endraw\s*([-+]?)%\}/y
      pattern.lastIndex = tag
      const close = pattern.exec(this.source)
      if (close === null) continue
      this.data(this.source.slice(this.at, tag), close[1] ?? "", true)
      this.at = tag + close[0].length
      this.endTag(tag, close[2] ?? "", true)
      return true
    }
    throw new Failure("Syntax", "Missing end of raw directive", this.line)
  }

  /** The sign before the end of a tag, `""` if there is none; `undefined` if the tag continues. */
  private isEnd(end: string, isBlock: boolean): string | undefined {
    const sign = this.source[this.at] ?? ""
    if (sign === end[0]) return this.source.startsWith(end, this.at) ? "" : undefined
    if (sign !== "-" && (sign !== "+" || !isBlock)) return undefined
    return this.source.startsWith(end, this.at + 1) ? sign : undefined
  }

  private expression(begin: string, finish: string, end: string): void {
    this.push(begin, "")
    const open: Array<string> = []
    const isBlock = end === "%}"
    while (this.at < this.source.length) {
      const sign = open.length === 0 ? this.isEnd(end, isBlock) : undefined
      if (sign !== undefined) {
        this.push(finish, end)
        const start = this.at
        this.at += sign.length + end.length
        this.endTag(start, sign, isBlock)
        return
      }
      const code = this.source.charCodeAt(this.at)
      if (!isSpace(code)) this.token(code, open)
      else {
        if (code === lineFeed) this.line++
        this.at++
      }
    }
  }

  private token(code: number, open: Array<string>): void {
    if (code === doubleQuote || code === singleQuote) return this.string(code)
    if (isDigit(code)) return this.number()
    const word = this.word()
    if (word !== undefined) {
      this.push("name", word)
      this.at += word.length
      return
    }
    const char = this.source[this.at] ?? ""
    const two = this.source.slice(this.at, this.at + 2)
    const mark = operators.has(two) ? two : char
    if (!operators.has(mark)) throw new Failure("Syntax", `unexpected char '${char}' at ${this.at}`, this.line)
    this.balance(mark, open)
    this.push(mark, mark)
    this.at += mark.length
  }

  /** A name at the current position; only one with letters beyond ASCII needs the Unicode tables. */
  private word(): string | undefined {
    let end = this.at
    while (isWordCode(this.source.charCodeAt(end))) end++
    if (!(this.source.charCodeAt(end) >= 128)) return end === this.at ? undefined : this.source.slice(this.at, end)
    const found = this.match(name)
    if (found !== undefined && !identifier.test(found)) {
      throw new Failure("Syntax", "Invalid character in identifier", this.line)
    }
    return found
  }

  private balance(mark: string, open: Array<string>): void {
    const closer = closers[mark]
    if (closer !== undefined) open.push(closer)
    else if (mark === "}" || mark === ")" || mark === "]") {
      const expected = open.pop()
      if (expected === undefined) throw new Failure("Syntax", `unexpected '${mark}'`, this.line)
      if (expected !== mark) throw new Failure("Syntax", `unexpected '${mark}', expected '${expected}'`, this.line)
    }
  }

  private string(quote: number): void {
    let end = this.at + 1
    for (let code; end < this.source.length && (code = this.source.charCodeAt(end)) !== quote;) {
      end += code === backslash ? 2 : 1
    }
    if (end >= this.source.length) {
      throw new Failure("Syntax", `unexpected char ${String.fromCharCode(quote)} at ${this.at}`, this.line)
    }
    const body = this.source.slice(this.at + 1, end)
    this.push("string", body, unescape(body, this.line))
    this.line += countLines(body)
    this.at = end + 1
  }

  private number(): void {
    const real = this.match(float)
    if (real !== undefined) {
      this.push("float", real, new Float(Number(real.replaceAll("_", ""))))
      this.at += real.length
      return
    }
    const whole = this.match(integer) ?? "0"
    const digits = whole.replaceAll("_", "")
    if (digits.length > 4300) throw new Failure("Syntax", "an integer has more than 4300 digits", this.line)
    this.push("integer", whole, int(BigInt(digits)))
    this.at += whole.length
  }
}

export const tokenize = (source: string, options: LexOptions): ReadonlyArray<Token> =>
  new Lexer(normalize(source), options).run()
