/**
 * What a model must write, before the engine is known: a JSON value of a schema, a text that matches a regex, or one of
 * several texts.
 *
 * @since 0.1.0
 */
import type * as Schema from "effect/Schema"
import * as SchemaDocument from "./schema/SchemaDocument.ts"
import * as Tree from "./schema/tree/JsonSchemaTree.ts"

/**
 * A JSON value of a schema; `emptyStruct` says how to read Effect's empty struct.
 *
 * @category models
 * @since 0.1.0
 */
export interface JsonSource {
  readonly _tag: "Json"
  readonly document: SchemaDocument.Document
  readonly emptyStruct: boolean
}

/**
 * What the model must write, for any engine.
 *
 * @category models
 * @since 0.1.0
 */
export type Source =
  | JsonSource
  | { readonly _tag: "Regex"; readonly pattern: string }
  | { readonly _tag: "Choice"; readonly choices: ReadonlyArray<string> }

/**
 * The encoded side of a Schema. The same schema object gives the same document object.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromSchema = (schema: Schema.Constraint): JsonSource => {
  let source = sources.get(schema.ast)
  if (source === undefined) {
    source = { _tag: "Json", document: SchemaDocument.fromSchema(schema), emptyStruct: true }
    sources.set(schema.ast, source)
  }
  return source
}

const sources = new WeakMap<object, JsonSource>()

/**
 * Makes a Schema stand for a source that was not made from it.
 *
 * @category constructors
 * @since 0.2.0
 */
export const remember = (schema: Schema.Constraint, source: JsonSource): void => {
  sources.set(schema.ast, source)
}

/**
 * A JSON Schema, draft 2020-12 or older; anything that is not a schema is refused when it is lowered.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromJsonSchema = (schema: unknown): JsonSource => ({
  _tag: "Json",
  document: Tree.isObject(schema) ? schema : { allOf: [schema] },
  emptyStruct: false
})

/**
 * A regex that matches the whole text. JavaScript's and Python's spellings are both read.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromRegex = (pattern: string): Source => ({ _tag: "Regex", pattern })

/**
 * One of these texts, without quotes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromChoices = (choices: ReadonlyArray<string>): Source => ({ _tag: "Choice", choices })
