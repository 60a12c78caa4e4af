/**
 * Grammars in TGI's form: what it refuses, in its words, and otherwise a text of the grammar's language. There is no
 * shared code with the client's compiler, so that the two cannot agree on a mistake.
 *
 * @since 0.1.0
 */
import * as Json from "../wire/Json.ts"
import type { Random } from "../wire/Random.ts"
import * as GrammarMetaSchema from "./GrammarMetaSchema.ts"
import * as GrammarPattern from "./GrammarPattern.ts"
import * as GrammarScalar from "./GrammarScalar.ts"
import * as GrammarSchema from "./GrammarSchema.ts"

/**
 * A text inside the language; a refusal before generation (422); or a failure of the backend during it (424), or of the
 * router itself (502): a recursive schema exhausts its stack.
 *
 * @category models
 * @since 0.1.0
 */
export type Sample =
  | { readonly _tag: "Ok"; readonly text: string }
  | { readonly _tag: "Refused"; readonly status: 422; readonly error: string; readonly errorType: "validation" }
  | { readonly _tag: "Failed"; readonly status: 424 | 502; readonly error: string; readonly errorType: string }

const refused = (detail: string): Sample => ({
  _tag: "Refused",
  status: 422,
  error: `Input validation error: ${detail}`,
  errorType: "validation"
})

const failed = (detail: string): Sample => ({
  _tag: "Failed",
  status: 424,
  error: `Request failed during generation: Server error: ${detail}`,
  errorType: "generation"
})

/**
 * Draws a text from a grammar. `json` takes a schema or its JSON text, `named` a schema, `regex` a pattern.
 *
 * @category sampling
 * @since 0.1.0
 */
export const sample = (grammar: { readonly type: string; readonly value: unknown }, random: Random): Sample => {
  try {
    if (grammar.type === "regex") {
      return { _tag: "Ok", text: GrammarPattern.read(String(grammar.value)).write(random) }
    }
    const { type, value } = grammar
    const schema = typeof value === "string" && type !== "named" ? parse(value) : value
    if (!GrammarMetaSchema.isObject(schema) && typeof value !== "string" && type !== "named") {
      return refused("grammar is not supported")
    }
    const misfit = GrammarMetaSchema.misfit(schema)
    if (misfit !== undefined) return refused(`grammar is not valid: ${misfit}`)
    if (!GrammarMetaSchema.isObject(schema) || !Object.hasOwn(schema, "properties")) {
      return refused("grammar is not valid: Grammar must have a 'properties' field")
    }
    return { _tag: "Ok", text: GrammarSchema.compile(schema)(random) }
  } catch (error) {
    if (error instanceof GrammarPattern.Unsupported) return failed(error.message)
    if (error instanceof GrammarScalar.Refusal) return refused(`${error.stage}: ${error.message}`)
    if (error instanceof GrammarSchema.Overflow) {
      return { _tag: "Failed", status: 502, error: "Bad Gateway", errorType: "overflow" }
    }
    throw error
  }
}

const parse = (text: string): unknown => {
  const node = Json.parse(text)
  if (!(node instanceof Json.SyntaxFailure)) return Json.toUnknown(node)
  const message = `${node.message}${Json.position(text, node.offset)}`
  throw new GrammarScalar.Refusal("grammar is not valid", message)
}
