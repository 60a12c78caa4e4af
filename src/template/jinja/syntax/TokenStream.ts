/** The parser's view of the tokens: one current token, one ahead, and the two kinds of failure a parser has. */
import { Failure } from "../values/Failure.ts"
import type { Token } from "./Lexer.ts"

export const describeToken = (token: Token): string =>
  token.kind === "name" ? token.text : token.kind === "eof" ? "end of template" : token.kind.replace("_", " ")

export class TokenStream {
  private readonly tokens: ReadonlyArray<Token>
  private readonly last: Token
  private at = 0
  private nesting = 0
  private readonly maxNesting: number

  constructor(tokens: ReadonlyArray<Token>, maxNesting: number) {
    this.tokens = tokens
    this.maxNesting = maxNesting
    this.last = tokens.at(-1) ?? { kind: "eof", text: "", value: null, line: 1 }
    this.current = tokens[0] ?? this.last
  }

  current: Token

  get ahead(): Token {
    return this.tokens[this.at + 1] ?? this.last
  }

  next(): Token {
    const token = this.current
    this.current = this.tokens[++this.at] ?? this.last
    return token
  }

  is(kind: string): boolean {
    return this.current.kind === kind
  }

  isName(text: string): boolean {
    const token = this.current
    return token.kind === "name" && token.text === text
  }

  skip(kind: string): boolean {
    if (this.current.kind !== kind) return false
    this.next()
    return true
  }

  skipName(text: string): boolean {
    if (!this.isName(text)) return false
    this.next()
    return true
  }

  expect(kind: string): Token {
    if (this.is(kind)) return this.next()
    const { current } = this
    const found = describeToken(current)
    return this.fail(
      current.kind === "eof" ?
        `unexpected end of template, expected '${kind.replace("_", " ")}'.`
        : `expected token '${kind.replace("_", " ")}', got '${found}'`
    )
  }

  fail(message: string, line = this.current.line): never {
    throw new Failure("Syntax", message, line)
  }

  /** Runs one level of a recursive rule, and refuses to go deeper than the stack allows. */
  nested<A>(rule: () => A): A {
    if (++this.nesting > this.maxNesting) {
      throw new Failure("TooMuchWork", `the template nests deeper than ${this.maxNesting} levels`, this.current.line)
    }
    const result = rule()
    this.nesting--
    return result
  }
}
