/** Tokens to statements. */
import type { Body, Expression, Signature, Statement, Target } from "./Ast.ts"
import { parseExpression, parseFilter, parseFilterChain, parseTuple } from "./ExpressionParser.ts"
import { type LexOptions, tokenize } from "./Lexer.ts"
import { parseTarget } from "./TargetParser.ts"
import { TokenStream } from "./TokenStream.ts"

/** Nesting of brackets and blocks in one template. CPython's own parser gives up before this. */
const maxNesting = 100

class Parser {
  private readonly stream: TokenStream
  /** Tags that would end the blocks that are open, innermost last: for a helpful message. */
  private readonly ends: Array<ReadonlyArray<string>> = []
  constructor(stream: TokenStream) {
    this.stream = stream
  }

  body(ends: ReadonlyArray<string>): Body {
    return this.stream.nested(() => {
      this.ends.push(ends)
      const statements: Array<Statement> = []
      while (!this.stream.is("eof")) {
        const statement = this.piece(ends)
        if (statement === undefined) break
        statements.push(statement)
      }
      if (this.stream.is("eof") && ends.length > 0) this.failAtEnd(ends)
      this.ends.pop()
      return statements
    })
  }

  private failAtEnd(ends: ReadonlyArray<string>): never {
    return this.stream.fail(
      `Unexpected end of template. Jinja was looking for the following tags: ${
        ends.map((end) => `'${end}'`).join(" or ")
      }.`
    )
  }

  /** Text, an expression or a statement; `undefined` at a tag that ends the block. */
  private piece(ends: ReadonlyArray<string>): Statement | undefined {
    const { stream } = this
    const token = stream.next()
    if (token.kind === "data") return { type: "Text", text: token.text, line: token.line }
    if (token.kind === "variable_begin") {
      const value = parseTuple(stream)
      stream.expect("variable_end")
      return { type: "Print", value, line: value.line }
    }
    if (stream.is("name") && ends.includes(stream.current.text)) return undefined
    const statement = this.statement()
    stream.expect("block_end")
    return statement
  }

  /** The body of a tag, up to and including the name of one of the tags that end it. */
  private block(...ends: ReadonlyArray<string>): Body {
    this.stream.skip(":")
    this.stream.expect("block_end")
    return this.body(ends)
  }

  /** A body with a single ending tag, whose name is consumed. */
  private closed(end: string): Body {
    const body = this.block(end)
    this.stream.next()
    return body
  }

  private statement(): Statement {
    const { stream } = this
    const token = stream.current
    if (token.kind !== "name") return stream.fail("tag name expected")
    const { line } = stream.next()
    switch (token.text) {
      case "for":
        return this.for(line)
      case "if":
        return this.if(line)
      case "set":
        return this.set(line)
      case "macro":
        return this.macro(line)
      case "call":
        return this.call(line)
      case "filter": {
        const filter = parseFilterChain(stream, parseFilter(stream, undefined))
        return {
          type: "FilterBlock",
          filter: filter ?? stream.fail("expected a filter"),
          body: this.closed("endfilter"),
          line
        }
      }
      case "with":
        return this.with(line)
      case "generation":
        return { type: "Generation", body: this.closed("endgeneration"), line }
      case "autoescape":
        return { type: "Scope", head: parseExpression(stream), body: this.closed("endautoescape"), line }
      case "break":
        return { type: "Break", line }
      case "continue":
        return { type: "Continue", line }
      case "print":
        return this.print(line)
      case "block":
        return this.named(line)
      case "extends":
      case "include":
      case "import":
      case "from":
        return this.load(token.text, line)
      default:
        return this.unknown(token.text, line)
    }
  }

  private unknown(name: string, line: number): never {
    const ends = this.ends.at(-1) ?? []
    const hint = ends.length === 0
      ? ""
      : ` Jinja was looking for the following tags: ${ends.map((end) => `'${end}'`).join(" or ")}.`
    return this.stream.fail(`Encountered unknown tag '${name}'.${hint}`, line)
  }

  private for(line: number): Statement {
    const { stream } = this
    const target = parseTarget(stream, { endName: "in" })
    if (!stream.skipName("in")) return stream.fail("expected token 'in'")
    const iter = parseTuple(stream, { withConditional: false, endName: "recursive" })
    const test = stream.skipName("if") ? parseExpression(stream) : undefined
    const recursive = stream.skipName("recursive")
    const body = this.block("endfor", "else")
    const otherwise = stream.next().text === "endfor" ? [] : this.closed("endfor")
    return { type: "For", target, iter, test, recursive, body, otherwise, line }
  }

  private if(line: number): Statement {
    const branches: Array<readonly [Expression, Body]> = []
    while (true) {
      const test = parseTuple(this.stream, { withConditional: false })
      branches.push([test, this.block("elif", "else", "endif")])
      const end = this.stream.next().text
      if (end === "elif") continue
      return { type: "If", branches, otherwise: end === "else" ? this.closed("endif") : [], line }
    }
  }

  private set(line: number): Statement {
    const { stream } = this
    const target = parseTarget(stream, { withNamespace: true })
    if (stream.skip("=")) return { type: "Set", target, value: parseTuple(stream), line }
    const filter = parseFilterChain(stream, undefined)
    return { type: "SetBlock", target, filter, body: this.closed("endset"), line }
  }

  private signature(): Signature {
    const { stream } = this
    const params: Array<string> = []
    const defaults: Array<Expression> = []
    stream.expect("(")
    while (!stream.is(")")) {
      if (params.length > 0) stream.expect(",")
      const param = stream.expect("name").text
      if (stream.skip("=")) defaults.push(parseExpression(stream))
      else if (defaults.length > 0) stream.fail("non-default argument follows default argument")
      if (params.includes(param)) stream.fail(`duplicate argument '${param}' in function definition`)
      params.push(param)
    }
    stream.expect(")")
    return { params, defaults }
  }

  private macro(line: number): Statement {
    const name = this.stream.expect("name").text
    const signature = this.signature()
    return { type: "Macro", name, signature, body: this.closed("endmacro"), line }
  }

  private call(line: number): Statement {
    const { stream } = this
    const signature = stream.is("(") ? this.signature() : { params: [], defaults: [] }
    const call = parseExpression(stream)
    if (call.type !== "Call") return stream.fail("expected call", line)
    return { type: "CallBlock", signature, call, body: this.closed("endcall"), line }
  }

  private with(line: number): Statement {
    const { stream } = this
    const targets: Array<Target> = []
    const values: Array<Expression> = []
    while (!stream.is("block_end")) {
      if (targets.length > 0) stream.expect(",")
      targets.push(parseTarget(stream))
      stream.expect("=")
      values.push(parseExpression(stream))
    }
    return { type: "With", targets, values, body: this.closed("endwith"), line }
  }

  /** `{% print a, b %}`: each value printed after the other. */
  private print(line: number): Statement {
    const { stream } = this
    const items: Array<Expression> = []
    while (!stream.is("block_end")) {
      if (items.length > 0) stream.expect(",")
      items.push(parseExpression(stream))
    }
    const height = 1 + Math.max(0, ...items.map((item) => item.height))
    return { type: "Print", value: { type: "Concat", items, line, height }, line }
  }

  private named(line: number): Statement {
    const { stream } = this
    const name = stream.expect("name").text
    const scoped = stream.skipName("scoped")
    const required = stream.skipName("required")
    const body = this.closed("endblock")
    stream.skipName(name)
    if (required && body.some((piece) => piece.type !== "Text" || piece.text.trim() !== "")) {
      return stream.fail("Required blocks can only contain comments or whitespace")
    }
    return { type: "Block", name, scoped, body, line }
  }

  private context(): void {
    if ((this.stream.isName("with") || this.stream.isName("without")) && this.stream.ahead.text === "context") {
      this.stream.next()
      this.stream.next()
    }
  }

  private load(tag: string, line: number): Statement {
    const { stream } = this
    const template = parseExpression(stream)
    const stores: Array<string> = []
    if (tag === "include" && stream.skipName("ignore") && !stream.skipName("missing")) stream.fail("expected 'missing'")
    if (tag === "import") {
      if (!stream.skipName("as")) stream.fail("expected token 'as'")
      stores.push(stream.expect("name").text)
    }
    if (tag === "from") {
      if (!stream.skipName("import")) stream.fail("expected token 'import'")
      do {
        const name = stream.expect("name").text
        stores.push(stream.skipName("as") ? stream.expect("name").text : name)
      } while (stream.skip(","))
    }
    if (tag !== "extends") this.context()
    return { type: "Load", template, stores, line }
  }
}

/** Parses a template; throws a `Failure` of kind Syntax or TooMuchWork. */
export const parse = (source: string, options: LexOptions): Body =>
  new Parser(new TokenStream(tokenize(source, options), maxNesting)).body([])
