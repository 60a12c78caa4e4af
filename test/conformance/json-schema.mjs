// Adapter over the built package: lowers JSON Schemas for an engine (TGI where none is named) and writes instances in
// the order of its grammar. `node json-schema.mjs schema.json [engine]` prints what would be sent.
import { Result } from "effect"
import { readFileSync } from "node:fs"
import { pathToFileURL } from "node:url"
import * as JsonText from "../../dist/structured/engines/JsonText.js"
import * as Grammar from "../../dist/structured/Grammar.js"

// each stands in place of the schema it was made from, so that a schema is read once
const sources = new WeakMap()
const sourceOf = (schema) => {
  if (typeof schema !== "object" || schema === null) return Grammar.fromJsonSchema(schema)
  const source = sources.get(schema) ?? Grammar.fromJsonSchema(schema)
  sources.set(schema, source)
  return source
}

const got = (result) => {
  if (Result.isFailure(result)) throw result.failure.reason
  return result.success
}

export const lower = (schema, engine = "tgi", options = {}) => {
  const source = sourceOf(schema)
  const constraint = got(Grammar.constrain(source, engine, "chat", options))
  const { dropped, fields } = constraint
  const wrap = constraint.wrap === undefined ? {} : { wrap: constraint.wrap }
  const grammar = engine === "tgi"
    ? got(Grammar.lower(source, options)).grammar
    : { type: "json_schema", value: got(Grammar.lowerSchema(source, engine, options)).schema }
  return { grammar, ...wrap, dropped, fields }
}

export const toText = (schema, instance, engine = "tgi", options = {}) => {
  const source = sourceOf(schema)
  const { wrap } = got(Grammar.constrain(source, engine, "chat", options))
  const text = engine === "tgi"
    ? JsonText.write(got(Grammar.lower(source, options)).tree, instance)
    : JsonText.write(got(Grammar.read(source)).tree, instance, {
      definitions: got(Grammar.read(source)).definitions,
      requiredFirst: engine === "llamacpp"
    })
  return wrap === undefined ? text : `{${JSON.stringify(wrap)}:${text}}`
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [, , file = "/dev/stdin", engine = "tgi"] = process.argv
  const { dropped, fields } = lower(JSON.parse(readFileSync(file, "utf8")), engine)
  console.log(JSON.stringify({ fields, dropped }, null, 2))
}
