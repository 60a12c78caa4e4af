/**
 * What nlohmann's JSON library says of a text that is not JSON: the place in bytes read, what was parsed, and all that was
 * read since the last string or number began.
 *
 * @since 0.2.0
 */

type Token =
  | "string literal"
  | "number literal"
  | "true literal"
  | "false literal"
  | "null literal"
  | "'['"
  | "']'"
  | "'{'"
  | "'}'"
  | "':'"
  | "','"
  | "end of input"

const signs: Readonly<Record<string, Token>> = {
  "[": "'['",
  "]": "']'",
  "{": "'{'",
  "}": "'}'",
  ":": "':'",
  ",": "','"
}
const words: Readonly<Record<string, Token>> = { t: "true literal", f: "false literal", n: "null literal" }
const spelled: Readonly<Record<string, string>> = { t: "true", f: "false", n: "null" }

const controls =
  "NUL,SOH,STX,ETX,EOT,ENQ,ACK,BEL,BS,HT,LF,VT,FF,CR,SO,SI,DLE,DC1,DC2,DC3,DC4,NAK,SYN,ETB,CAN,EM,SUB,ESC,FS,GS,RS,US"
    .split(",")
const shorts: Readonly<Record<number, string>> = { 8: "\\b", 9: "\\t", 10: "\\n", 12: "\\f", 13: "\\r" }

const hex = (code: number): string => code.toString(16).toUpperCase().padStart(4, "0")

const isDigit = (char: string | undefined): boolean => char !== undefined && /^[0-9]$/.test(char)

const VALUE = "'[', '{', or a literal"

/** A complaint of the library, thrown inside and given back by {@link complaint}. */
class Complaint {
  readonly message: string
  constructor(message: string) {
    this.message = message
  }
}

class Reader {
  readonly #chars: ReadonlyArray<string>
  #next = 0
  #line = 0
  #column = 0
  /** All that was read since a token began that keeps its text. */
  #read = ""

  constructor(text: string) {
    this.#chars = Array.from(text)
  }

  check(): void {
    this.#value(this.#token("value"))
    const rest = this.#token("value", "end of input")
    if (rest !== "end of input") this.#unexpected(rest, "value", "end of input")
  }

  #get(): string | undefined {
    const char = this.#chars[this.#next++]
    this.#column += char === undefined ? 1 : new TextEncoder().encode(char).length
    if (char === undefined) return undefined
    this.#read += char
    if (char === "\n") {
      this.#line++
      this.#column = 0
    }
    return char
  }

  #unget(): void {
    const char = this.#chars[--this.#next]
    this.#column -= 1
    if (char !== undefined) this.#read = this.#read.slice(0, -char.length)
  }

  #throw(what: string): never {
    throw new Complaint(
      `[json.exception.parse_error.101] parse error at line ${this.#line + 1}, column ${this.#column}: ${what}`
    )
  }

  #unexpected(token: Token, context: string, expected: string): never {
    return this.#throw(`syntax error while parsing ${context} - unexpected ${token}; expected ${expected}`)
  }

  #wrong(message: string, context: string, expected?: string): never {
    const shown = [...this.#read].map((char) => char < " " ? `<U+${hex(char.charCodeAt(0))}>` : char).join("")
    return this.#throw(
      `syntax error while parsing ${context} - ${message}; last read: '${shown}'${
        expected === undefined ? "" : `; expected ${expected}`
      }`
    )
  }

  #token(context: string, expected?: string): Token {
    let char = this.#get()
    while (char === " " || char === "\t" || char === "\n" || char === "\r") char = this.#get()
    if (char === undefined) return "end of input"
    const sign = signs[char]
    if (sign !== undefined) return sign
    if (char === "\"") return this.#string(context, expected)
    if (char === "-" || /[0-9]/.test(char)) return this.#number(char, context, expected)
    const word = words[char]
    if (word === undefined) return this.#wrong("invalid literal", context, expected)
    for (const letter of (spelled[char] ?? "").slice(1)) {
      if (this.#get() !== letter) return this.#wrong("invalid literal", context, expected)
    }
    return word
  }

  #string(context: string, expected?: string): Token {
    this.#read = "\""
    const wrong = (message: string): never => this.#wrong(`invalid string: ${message}`, context, expected)
    for (;;) {
      const char = this.#get()
      if (char === undefined) return wrong("missing closing quote")
      if (char === "\"") return "string literal"
      const code = char.codePointAt(0) ?? 0
      if (code < 0x20) {
        const short = shorts[code]
        return wrong(
          `control character U+${hex(code)} (${controls[code] ?? ""}) must be escaped to \\u${hex(code)}${
            short === undefined ? "" : ` or ${short}`
          }`
        )
      }
      if (char === "\\") this.#escape(wrong)
      else if (code >= 0xd800 && code <= 0xdfff) return wrong("ill-formed UTF-8 byte")
    }
  }

  #escape(wrong: (message: string) => never): void {
    const char = this.#get() ?? ""
    if (char !== "u") {
      if (!"\"\\/bfnrt".includes(char) || char === "") wrong("forbidden character after backslash")
      return
    }
    const unit = this.#unit(wrong)
    if (unit >= 0xdc00 && unit <= 0xdfff) wrong("surrogate U+DC00..U+DFFF must follow U+D800..U+DBFF")
    if (unit < 0xd800 || unit > 0xdbff) return
    const low = "surrogate U+D800..U+DBFF must be followed by U+DC00..U+DFFF"
    if (this.#get() !== "\\" || this.#get() !== "u") wrong(low)
    const second = this.#unit(wrong)
    if (second < 0xdc00 || second > 0xdfff) wrong(low)
  }

  #unit(wrong: (message: string) => never): number {
    let unit = 0
    for (let digit = 0; digit < 4; digit++) {
      const char = this.#get() ?? ""
      if (!/^[0-9a-fA-F]$/.test(char)) return wrong("'\\u' must be followed by 4 hex digits")
      unit = unit * 16 + Number.parseInt(char, 16)
    }
    return unit
  }

  #number(first: string, context: string, expected?: string): Token {
    this.#read = first
    const wrong = (what: string): never => this.#wrong(`invalid number; expected ${what}`, context, expected)
    let char: string | undefined = first
    if (char === "-") {
      char = this.#get()
      if (!isDigit(char)) return wrong("digit after '-'")
    }
    // a leading zero stands alone
    if (char === "0") char = this.#get()
    else while (isDigit(char)) char = this.#get()
    if (char === ".") {
      char = this.#get()
      if (!isDigit(char)) return wrong("digit after '.'")
      while (isDigit(char)) char = this.#get()
    }
    if (char === "e" || char === "E") {
      char = this.#get()
      const isSigned = char === "+" || char === "-"
      if (isSigned) char = this.#get()
      if (!isDigit(char)) return wrong(isSigned ? "digit after exponent sign" : "'+', '-', or digit after exponent")
      while (isDigit(char)) char = this.#get()
    }
    this.#unget()
    if (!Number.isFinite(Number(this.#read))) {
      throw new Complaint(`[json.exception.out_of_range.406] number overflow parsing '${this.#read}'`)
    }
    return "number literal"
  }

  #value(token: Token): void {
    if (token === "'{'") this.#object()
    else if (token === "'['") this.#array()
    else if (token === "end of input" && this.#chars.length === 0) {
      this.#throw(
        "attempting to parse an empty input; check that your input string or stream contains the expected JSON"
      )
    } else if (!token.endsWith("literal")) this.#unexpected(token, "value", VALUE)
  }

  #array(): void {
    let token = this.#token("value")
    if (token === "']'") return
    for (;;) {
      this.#value(token)
      token = this.#token("array", "']'")
      if (token === "']'") return
      if (token !== "','") return this.#unexpected(token, "array", "']'")
      token = this.#token("value")
    }
  }

  #object(): void {
    let token = this.#token("object key", "string literal")
    if (token === "'}'") return
    for (;;) {
      if (token !== "string literal") return this.#unexpected(token, "object key", "string literal")
      token = this.#token("object separator", "':'")
      if (token !== "':'") return this.#unexpected(token, "object separator", "':'")
      this.#value(this.#token("value"))
      token = this.#token("object", "'}'")
      if (token === "'}'") return
      if (token !== "','") return this.#unexpected(token, "object", "'}'")
      token = this.#token("object key", "string literal")
    }
  }
}

/**
 * What is wrong with a text that is not JSON; `undefined` for one that is.
 *
 * @category failures
 * @since 0.2.0
 */
export const complaint = (text: string): string | undefined => {
  try {
    new Reader(text).check()
    return undefined
  } catch (error) {
    if (error instanceof Complaint) return error.message
    throw error
  }
}
