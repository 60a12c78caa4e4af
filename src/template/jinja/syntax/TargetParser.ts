/** Tokens to the left sides of assignments. */
import type { Target } from "./Ast.ts"
import { constants, isTupleEnd } from "./ExpressionParser.ts"
import { describeToken, type TokenStream } from "./TokenStream.ts"

const parseTargetItem = (stream: TokenStream, withNamespace: boolean): Target => {
  const token = stream.current
  const { line } = token
  if (stream.skip("(")) {
    const target = stream.nested(() => parseTarget(stream, { parenthesized: true, withNamespace: false }))
    stream.expect(")")
    return target
  }
  if (token.kind !== "name" || constants.has(token.text)) {
    return stream.fail(`can't assign to '${describeToken(token)}'`)
  }
  stream.next()
  if (withNamespace && stream.skip(".")) {
    return { type: "NamespaceRef", name: token.text, attribute: stream.expect("name").text, line }
  }
  return { type: "Name", name: token.text, line }
}

/** The left side of `set`, `for` and `with`: a name, `namespace.attribute`, or a tuple of them. */
export const parseTarget = (
  stream: TokenStream,
  options: { readonly withNamespace?: boolean; readonly endName?: string; readonly parenthesized?: boolean } = {}
): Target => {
  const { line } = stream.current
  const items: Array<Target> = []
  let isTuple = false
  while (true) {
    if (items.length > 0) stream.expect(",")
    if (isTupleEnd(stream, options.endName) || (items.length > 0 && stream.is("="))) break
    items.push(parseTargetItem(stream, options.withNamespace ?? false))
    if (!stream.is(",")) break
    isTuple = true
  }
  const [first] = items
  if (!isTuple && first !== undefined) return first
  if (!isTuple && options.parenthesized !== true) {
    return stream.fail(`Expected an expression, got '${describeToken(stream.current)}'`)
  }
  return { type: "Tuple", items, line }
}
