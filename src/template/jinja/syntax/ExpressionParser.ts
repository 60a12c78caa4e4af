/** Tokens to expressions, by the grammar and precedence of Jinja 3.1. */
import { Failure } from "../values/Failure.ts"
import type { Operator } from "../values/Number.ts"
import type { Value } from "../values/Value.ts"
import type { Arguments, Comparator, Expression } from "./Ast.ts"
import { describeToken, type TokenStream } from "./TokenStream.ts"

/** Height of an expression tree: postfixes and filters nest without brackets, so the parser's own depth does not bound it. */
const maxHeight = 300

const none: Arguments = { args: [], kwargs: [], dynArgs: undefined, dynKwargs: undefined }

const tallest = (nodes: Iterable<Expression | undefined>): number => {
  let height = 0
  for (const node of nodes) if (node !== undefined && node.height > height) height = node.height
  if (height >= maxHeight) throw new Failure("TooMuchWork", `an expression nests deeper than ${maxHeight} levels`)
  return height + 1
}

const argumentNodes = (call: Arguments): ReadonlyArray<Expression | undefined> => [
  ...call.args,
  ...call.kwargs.map(([, value]) => value),
  call.dynArgs,
  call.dynKwargs
]

/** Names that are values, and cannot be assigned to. */
export const constants: ReadonlyMap<string, Value> = new Map<string, Value>([
  ["true", true],
  ["True", true],
  ["false", false],
  ["False", false],
  ["none", null],
  ["None", null]
])

const comparators = new Set<string>(["==", "!=", "<", "<=", ">", ">="])
const isComparator = (kind: string): kind is Comparator => comparators.has(kind)
const additive = new Set<string>(["+", "-"])
const multiplicative = new Set<string>(["*", "/", "//", "%"])
const isOperator = (kind: string, set: ReadonlySet<string>): kind is Operator => set.has(kind)

export const parseExpression = (stream: TokenStream, withConditional = true): Expression =>
  stream.nested(() => withConditional ? parseConditional(stream) : parseOr(stream))

const parseConditional = (stream: TokenStream): Expression => {
  const { line } = stream.current
  let node = parseOr(stream)
  while (stream.skipName("if")) {
    const test = parseOr(stream)
    const otherwise = stream.skipName("else") ? stream.nested(() => parseConditional(stream)) : undefined
    node = { type: "Conditional", test, outcome: node, otherwise, line, height: tallest([test, node, otherwise]) }
  }
  return node
}

const parseOr = (stream: TokenStream): Expression => {
  const { line } = stream.current
  const first = parseAnd(stream)
  if (!stream.isName("or")) return first
  const items = [first]
  while (stream.skipName("or")) items.push(parseAnd(stream))
  return chain("Or", items, line)
}

const parseAnd = (stream: TokenStream): Expression => {
  const { line } = stream.current
  const first = parseNot(stream)
  if (!stream.isName("and")) return first
  const items = [first]
  while (stream.skipName("and")) items.push(parseNot(stream))
  return chain("And", items, line)
}

const chain = (type: "Or" | "And" | "Concat", items: ReadonlyArray<Expression>, line: number): Expression => ({
  type,
  items,
  line,
  height: tallest(items)
})

const parseNot = (stream: TokenStream): Expression => {
  const { line } = stream.current
  if (!stream.skipName("not")) return parseCompare(stream)
  const node = stream.nested(() => parseNot(stream))
  return { type: "Not", node, line, height: tallest([node]) }
}

const comparator = (stream: TokenStream): Comparator | undefined => {
  const { kind } = stream.current
  if (isComparator(kind)) {
    stream.next()
    return kind
  }
  if (stream.skipName("in")) return "in"
  if (stream.isName("not") && stream.ahead.kind === "name" && stream.ahead.text === "in") {
    stream.next()
    stream.next()
    return "not in"
  }
  return undefined
}

const parseCompare = (stream: TokenStream): Expression => {
  const { line } = stream.current
  const first = parseSum(stream)
  let found = comparator(stream)
  if (found === undefined) return first
  const rest: Array<readonly [Comparator, Expression]> = []
  for (; found !== undefined; found = comparator(stream)) rest.push([found, parseSum(stream)])
  return { type: "Compare", first, rest, line, height: tallest([first, ...rest.map(([, node]) => node)]) }
}

const math = (
  stream: TokenStream,
  operators: ReadonlySet<string>,
  operand: (stream: TokenStream) => Expression
): Expression => {
  const { line } = stream.current
  const first = operand(stream)
  if (!operators.has(stream.current.kind)) return first
  const rest: Array<readonly [Operator, Expression]> = []
  for (let { kind } = stream.current; isOperator(kind, operators); { kind } = stream.current) {
    stream.next()
    rest.push([kind, operand(stream)])
  }
  return { type: "Math", first, rest, line, height: tallest([first, ...rest.map(([, node]) => node)]) }
}

const parseSum = (stream: TokenStream): Expression => math(stream, additive, parseConcat)

const parseConcat = (stream: TokenStream): Expression => {
  const { line } = stream.current
  const first = parseProduct(stream)
  if (!stream.is("~")) return first
  const items = [first]
  while (stream.skip("~")) items.push(parseProduct(stream))
  return chain("Concat", items, line)
}

const parseProduct = (stream: TokenStream): Expression => math(stream, multiplicative, parsePower)
const powers = new Set(["**"])
const parseFactor = (stream: TokenStream): Expression => parseUnary(stream, true)
const parsePower = (stream: TokenStream): Expression => math(stream, powers, parseFactor)

const parseUnary = (stream: TokenStream, withFilters: boolean): Expression => {
  const { line } = stream.current
  const type = stream.skip("-") ? "Negate" : stream.skip("+") ? "Positive" : undefined
  let node: Expression
  if (type === undefined) node = parsePrimary(stream)
  else {
    const operand = stream.nested(() => parseUnary(stream, false))
    node = { type, node: operand, line, height: tallest([operand]) }
  }
  const postfixed = parsePostfix(stream, node)
  return withFilters ? parseFilters(stream, postfixed) : postfixed
}

const parsePrimary = (stream: TokenStream): Expression => {
  const token = stream.current
  const { line } = token
  switch (token.kind) {
    case "name": {
      stream.next()
      const value = constants.get(token.text)
      return value === undefined
        ? { type: "Name", name: token.text, line, height: 1 }
        : { type: "Const", value, line, height: 1 }
    }
    case "string": {
      let text = ""
      while (stream.is("string")) text += String(stream.next().value)
      return { type: "Const", value: text, line, height: 1 }
    }
    case "integer":
    case "float":
      return { type: "Const", value: stream.next().value, line, height: 1 }
    case "(": {
      stream.next()
      const node = parseTuple(stream, { parenthesized: true })
      stream.expect(")")
      return node
    }
    case "[":
      return parseList(stream)
    case "{":
      return parseDict(stream)
    default:
      return stream.fail(token.kind === "eof" ? "unexpected end of template" : `unexpected '${describeToken(token)}'`)
  }
}

interface TupleOptions {
  readonly parenthesized?: boolean
  readonly withConditional?: boolean
  /** A name that ends the tuple, such as `recursive`. */
  readonly endName?: string
}

/** Whether a tuple without parentheses ends here. */
export const isTupleEnd = (stream: TokenStream, endName: string | undefined): boolean =>
  stream.is("variable_end") || stream.is("block_end") || stream.is(")") ||
  (endName !== undefined && stream.isName(endName))

/** One expression, or a tuple of several with commas between or after. */
export const parseTuple = (stream: TokenStream, options: TupleOptions = {}): Expression => {
  const { line } = stream.current
  const items: Array<Expression> = []
  let isTuple = false
  while (true) {
    if (items.length > 0) stream.expect(",")
    if (isTupleEnd(stream, options.endName)) break
    items.push(parseExpression(stream, options.withConditional ?? true))
    if (!stream.is(",")) break
    isTuple = true
  }
  const [first] = items
  if (!isTuple && first !== undefined) return first
  if (!isTuple && options.parenthesized !== true) {
    return stream.fail(`Expected an expression, got '${describeToken(stream.current)}'`)
  }
  return { type: "Tuple", items, line, height: tallest(items) }
}

const parseList = (stream: TokenStream): Expression => {
  const { line } = stream.expect("[")
  const items: Array<Expression> = []
  while (!stream.is("]")) {
    if (items.length > 0) stream.expect(",")
    if (stream.is("]")) break
    items.push(parseExpression(stream))
  }
  stream.expect("]")
  return { type: "List", items, line, height: tallest(items) }
}

const parseDict = (stream: TokenStream): Expression => {
  const { line } = stream.expect("{")
  const pairs: Array<readonly [Expression, Expression]> = []
  while (!stream.is("}")) {
    if (pairs.length > 0) stream.expect(",")
    if (stream.is("}")) break
    const key = parseExpression(stream)
    stream.expect(":")
    pairs.push([key, parseExpression(stream)])
  }
  stream.expect("}")
  return { type: "Dict", pairs, line, height: tallest(pairs.flat()) }
}

const parsePostfix = (stream: TokenStream, start: Expression): Expression => {
  let node = start
  while (true) {
    if (stream.is(".")) node = parseDot(stream, node)
    else if (stream.is("[")) node = parseSubscript(stream, node)
    else if (stream.is("(")) node = parseCall(stream, node)
    else return node
  }
}

const parseFilters = (stream: TokenStream, start: Expression): Expression => {
  let node = start
  while (true) {
    if (stream.skip("|")) node = parseFilter(stream, node)
    else if (stream.isName("is")) node = parseTest(stream, node)
    else if (stream.is("(")) node = parseCall(stream, node)
    else return node
  }
}

const parseDot = (stream: TokenStream, node: Expression): Expression => {
  const { line } = stream.expect(".")
  const token = stream.next()
  if (token.kind === "name") return { type: "Attribute", node, name: token.text, line, height: tallest([node]) }
  if (token.kind !== "integer") return stream.fail("expected name or number", token.line)
  return {
    type: "Item",
    node,
    key: { type: "Const", value: token.value, line, height: 1 },
    line,
    height: tallest([node])
  }
}

type Subscript = Expression | { readonly type: "Range"; readonly parts: ReadonlyArray<Expression | undefined> }

const parseSubscript = (stream: TokenStream, node: Expression): Expression => {
  const { line } = stream.expect("[")
  const keys: Array<Subscript> = []
  while (!stream.is("]")) {
    if (keys.length > 0) stream.expect(",")
    keys.push(parseSubscribed(stream))
  }
  stream.expect("]")
  const [only] = keys
  if (keys.length === 1 && only !== undefined) {
    if (only.type !== "Range") return { type: "Item", node, key: only, line, height: tallest([node, only]) }
    const [start, stop, step] = only.parts
    return { type: "Slice", node, start, stop, step, line, height: tallest([node, start, stop, step]) }
  }
  const items = keys.map((key) =>
    key.type === "Range" ? stream.fail("a slice cannot be part of a tuple key", line) : key
  )
  const key: Expression = { type: "Tuple", items, line, height: tallest(items) }
  return { type: "Item", node, key, line, height: tallest([node, key]) }
}

const parseSubscribed = (stream: TokenStream): Subscript => {
  const isBound = () => !stream.is(":") && !stream.is("]") && !stream.is(",")
  let start: Expression | undefined
  if (!stream.is(":")) {
    start = parseExpression(stream)
    if (!stream.is(":")) return start
  }
  stream.expect(":")
  const stop = isBound() ? parseExpression(stream) : undefined
  const step = stream.skip(":") && isBound() ? parseExpression(stream) : undefined
  return { type: "Range", parts: [start, stop, step] }
}

export const parseCall = (stream: TokenStream, node: Expression): Expression => {
  const { line } = stream.current
  const call = parseArguments(stream)
  return { type: "Call", node, call, line, height: tallest([node, ...argumentNodes(call)]) }
}

const parseArguments = (stream: TokenStream): Arguments => {
  const { line } = stream.expect("(")
  const args: Array<Expression> = []
  const kwargs: Array<readonly [string, Expression]> = []
  let dynArgs: Expression | undefined
  let dynKwargs: Expression | undefined
  const ensure = (holds: boolean) => holds || stream.fail("invalid syntax for function call expression", line)
  for (let first = true; !stream.is(")"); first = false) {
    if (!first) {
      stream.expect(",")
      if (stream.is(")")) break
    }
    if (stream.skip("*")) {
      ensure(dynArgs === undefined && dynKwargs === undefined)
      dynArgs = parseExpression(stream)
    } else if (stream.skip("**")) {
      ensure(dynKwargs === undefined)
      dynKwargs = parseExpression(stream)
    } else if (stream.is("name") && stream.ahead.kind === "=") {
      ensure(dynKwargs === undefined)
      const key = stream.next().text
      stream.next()
      ensure(!kwargs.some(([name]) => name === key))
      kwargs.push([key, parseExpression(stream)])
    } else {
      ensure(dynArgs === undefined && dynKwargs === undefined && kwargs.length === 0)
      args.push(parseExpression(stream))
    }
  }
  stream.expect(")")
  return { args, kwargs, dynArgs, dynKwargs }
}

const dottedName = (stream: TokenStream): string => {
  let name = stream.expect("name").text
  while (stream.skip(".")) name += "." + stream.expect("name").text
  return name
}

/** One filter after its `|`; `node` is undefined in `{% filter %}` and `{% set x | … %}`, where the block's text is the value. */
export const parseFilter = (stream: TokenStream, node: Expression | undefined): Expression => {
  const { line } = stream.current
  const name = dottedName(stream)
  const call = stream.is("(") ? parseArguments(stream) : none
  return { type: "Filter", node, name, call, line, height: tallest([node, ...argumentNodes(call)]) }
}

/** The rest of a chain whose first filter has no value of its own. */
export const parseFilterChain = (stream: TokenStream, start: Expression | undefined): Expression | undefined => {
  let node = start
  while (stream.skip("|")) node = parseFilter(stream, node)
  return node
}

const startsOperand = (stream: TokenStream): boolean => {
  const { kind } = stream.current
  if (kind === "name") return !stream.isName("else") && !stream.isName("or") && !stream.isName("and")
  return kind === "string" || kind === "integer" || kind === "float" || kind === "(" || kind === "[" || kind === "{"
}

const testArguments = (stream: TokenStream): Arguments => {
  if (stream.is("(")) return parseArguments(stream)
  if (!startsOperand(stream)) return none
  if (stream.isName("is")) return stream.fail("You cannot chain multiple tests with is")
  return { ...none, args: [stream.nested(() => parsePostfix(stream, parsePrimary(stream)))] }
}

const parseTest = (stream: TokenStream, node: Expression): Expression => {
  const { line } = stream.next()
  const negated = stream.skipName("not")
  const name = dottedName(stream)
  const call = testArguments(stream)
  const test: Expression = { type: "Test", node, name, call, line, height: tallest([node, ...argumentNodes(call)]) }
  return negated ? { type: "Not", node: test, line, height: tallest([test]) } : test
}
