/**
 * The parameters of tools in the form of each engine's grammar. Models read them too, so descriptions of keys are kept.
 *
 * @since 0.2.0
 */
import * as Result from "effect/Result"
import * as SchemaLowering from "./engines/SchemaLowering.ts"
import * as TgiLowering from "./engines/tgi/TgiLowering.ts"
import * as Grammar from "./Grammar.ts"
import * as Dropped from "./schema/tree/Dropped.ts"
import * as Tree from "./schema/tree/JsonSchemaTree.ts"
import * as StructuredOutputError from "./StructuredOutputError.ts"

/**
 * The parameters of a tool for an engine.
 *
 * @category models
 * @since 0.2.0
 */
export interface ToolGrammar {
  readonly parameters: Readonly<Record<string, unknown>>
  /** Whether the engine is asked to enforce them; undefined if it does so anyway. */
  readonly strict: boolean | undefined
  readonly dropped: ReadonlyArray<Grammar.Dropped>
}

const lowered = new WeakMap<object, Map<string, Result.Result<ToolGrammar, Dropped.Fault>>>()

/** Why parameters cannot be those of a tool. @category constants @since 0.2.0 */
export const notAnObject: Dropped.Fault = {
  path: [],
  keyword: "type",
  reason: "the parameters of a tool must be one object",
  hint: "put alternatives and lists under a key"
}

/** The parameters of a tool without any. */
const none = { type: "object", properties: {}, additionalProperties: false }

/**
 * The parameters of a tool for an engine, or why it cannot enforce them: an error with the path from the tool's name on.
 * The same document gives the same parameters.
 *
 * - TGI: without references (a recursive one ends its server), written out to a depth.
 * - vLLM and SGLang: always `strict`, without which vLLM enforces nothing.
 * - The router and OpenAI's form: `strict` if the schema allows it.
 *
 * @category lowering
 * @since 0.2.0
 */
export const make = (
  tool: { readonly name: string; readonly parameters: unknown },
  engine: Grammar.EngineKind
): Result.Result<ToolGrammar, StructuredOutputError.StructuredOutputError> => {
  const { name, parameters } = tool
  const isEmpty = !Tree.isObject(parameters) || Object.keys(parameters).length === 0
  const source = Grammar.fromJsonSchema(isEmpty ? none : parameters)
  const known = lowered.get(source.document) ?? new Map<string, Result.Result<ToolGrammar, Dropped.Fault>>()
  lowered.set(source.document, known)
  const made = known.get(engine) ?? lower(source, engine)
  known.set(engine, made)
  return Result.mapError(
    made,
    (fault) => StructuredOutputError.unsupported({ ...fault, path: ["tools", name, ...fault.path] })
  )
}

const lower = (source: Grammar.JsonSource, engine: Grammar.EngineKind): Result.Result<ToolGrammar, Dropped.Fault> => {
  const read = Grammar.document(source)
  if (Result.isFailure(read)) return Result.fail(read.failure)
  const document = read.success
  const root = document.tree._tag === "Ref" ? document.definitions.get(document.tree.name) : document.tree
  if (root?._tag !== "Fields") {
    return Result.fail(notAnObject)
  }
  if (engine === "tgi") return onTgi(document, root)
  if (engine === "openai" || engine === "router") {
    return Result.map(SchemaLowering.makeOpenAi(document, undefined), ({ dropped, schema, strict }) => ({
      parameters: schema,
      strict: strict === true ? true : undefined,
      dropped
    }))
  }
  const { dropped, schema } = SchemaLowering.make(document, engine === "llamacpp" ? engine : "xgrammar", true)
  return Result.succeed({
    parameters: schema,
    strict: engine === "vllm" || engine === "sglang" ? true : undefined,
    dropped
  })
}

/** TGI accepts tools by schema only, and only with the keys of an object named. */
const onTgi = (document: Tree.Document, root: Tree.Fields): Result.Result<ToolGrammar, Dropped.Fault> => {
  const isRecord = root.properties.length === 0 && root.rests.some(({ value }) => value._tag === "Free")
  const closed: Tree.Document = isRecord
    ? { ...document, tree: { ...root, rests: [], min: 0 } }
    : document
  const made = TgiLowering.make(closed, { depth: 3, free: "bounded", target: "json", shown: true })
  return Result.flatMap(made, ({ dropped, grammar, wrap }) =>
    grammar.type === "json" && wrap === undefined
      ? Result.succeed({
        parameters: grammar.value,
        strict: undefined,
        dropped: isRecord
          ? [
            ...dropped,
            Dropped.difference([], "additionalProperties", "TGI writes only named keys into a tool call", "unwritable")
          ]
          : dropped
      })
      : Result.fail<Dropped.Fault>({
        path: [],
        keyword: "additionalProperties",
        reason: "TGI only accepts tool parameters whose keys are all named",
        hint: "declare the keys, or put the open object under a key"
      }))
}
