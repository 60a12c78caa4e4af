// Adapter over the built package: lowers JSON Schemas for TGI and writes instances in the order of the grammar.
import { Result } from "effect"
import * as JsonText from "../../dist/structured/engines/JsonText.js"
import * as Grammar from "../../dist/structured/Grammar.js"

const lowered = (schema) => {
  const out = Grammar.lower(Grammar.fromJsonSchema(schema))
  if (Result.isFailure(out)) throw out.failure.reason
  return out.success
}

export const lower = (schema) => {
  const { grammar, wrap } = lowered(schema)
  return wrap === undefined ? { grammar } : { grammar, wrap }
}

export const toText = (schema, instance) => {
  const { tree, wrap } = lowered(schema)
  const text = JsonText.write(tree, instance)
  return wrap === undefined ? text : `{${JSON.stringify(wrap)}:${text}}`
}
