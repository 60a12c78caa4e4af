/**
 * A schema's tree → what is sent to an engine that takes JSON Schema.
 *
 * @since 0.2.0
 */
import * as Result from "effect/Result"
import type { Dropped, Fault } from "../schema/tree/Dropped.ts"
import type { Document } from "../schema/tree/JsonSchemaTree.ts"
import { WRAP } from "../schema/Wrapper.ts"
import * as LlamaCpp from "./printers/LlamaCpp.ts"
import * as LlGuidance from "./printers/LlGuidance.ts"
import * as OpenAi from "./printers/OpenAi.ts"
import * as SchemaPrinter from "./printers/SchemaPrinter.ts"
import * as XGrammar from "./printers/XGrammar.ts"

/**
 * A schema for an engine.
 *
 * @category models
 * @since 0.2.0
 */
export interface Lowered {
  readonly schema: SchemaPrinter.Schema
  readonly wrap: string | undefined
  readonly dropped: ReadonlyArray<Dropped>
  /** Whether the schema follows the rules of OpenAI's strict mode; undefined for other engines. */
  readonly strict: boolean | undefined
}

const forms = { xgrammar: XGrammar.form, llguidance: LlGuidance.form, llamacpp: LlamaCpp.form }

/**
 * @category lowering
 * @since 0.2.0
 */
export const make = (
  document: Document,
  compiler: "xgrammar" | "llguidance" | "llamacpp",
  described = false
): Lowered => {
  const { definitions, dropped, schema } = SchemaPrinter.print(document, forms[compiler], { described })
  const whole = assemble(schema, definitions)
  return {
    schema: compiler === "llguidance" ? { ...whole, ...LlGuidance.guidance } : whole,
    wrap: undefined,
    dropped,
    strict: undefined
  }
}

/**
 * OpenAI's form, whose root is always an object. Strict if the schema allows it, or as the caller requests: `strict:
 * true` fails if it does not, `false` sends all of the schema.
 *
 * @category lowering
 * @since 0.2.0
 */
export const makeOpenAi = (
  document: Document,
  strict: boolean | undefined
): Result.Result<Lowered, Fault> => {
  const obstacle = strict === false ? undefined : OpenAi.obstacle(document)
  if (strict === true && obstacle !== undefined) {
    return Result.fail({
      path: obstacle.path,
      keyword: "strict",
      reason: `strict mode cannot express it: ${obstacle.reason}`,
      hint: "change the schema here, or leave the option strict unset"
    })
  }
  const isStrict = strict !== false && obstacle === undefined
  const { definitions, dropped, schema } = SchemaPrinter.print(
    document,
    isStrict ? OpenAi.strict : OpenAi.whole,
    { described: true }
  )
  const isWrapped = schema.type !== "object"
  const root = isWrapped
    ? { type: "object", properties: { [WRAP]: schema }, required: [WRAP], additionalProperties: false }
    : schema
  const loose: ReadonlyArray<Dropped> = isStrict ? [] : [{
    path: obstacle?.path ?? [],
    keyword: "strict",
    reason: `sent with strict: false, which providers follow as far as they can: ${
      obstacle?.reason ?? "the caller asked for it"
    }`,
    effect: "unenforced"
  }]
  return Result.succeed({
    schema: assemble(root, definitions),
    wrap: isWrapped ? WRAP : undefined,
    dropped: [...loose, ...dropped],
    strict: isStrict
  })
}

const assemble = (
  schema: SchemaPrinter.Schema,
  definitions: Readonly<Record<string, SchemaPrinter.Schema>>
): SchemaPrinter.Schema => Object.keys(definitions).length === 0 ? schema : { ...schema, $defs: definitions }
