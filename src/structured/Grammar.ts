/**
 * What an engine accepts as a grammar: a schema, a regex or a list of texts goes in, and what to send comes out, with
 * everything that the engine will not enforce.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Enforcement from "./engines/printers/Enforcement.ts"
import * as RegexLowering from "./engines/RegexLowering.ts"
import * as SchemaLowering from "./engines/SchemaLowering.ts"
import * as SelfCheck from "./engines/SelfCheck.ts"
import * as Cost from "./engines/tgi/Cost.ts"
import * as TgiLowering from "./engines/tgi/TgiLowering.ts"
import * as RegexDialect from "./regex/RegexDialect.ts"
import * as BrokenText from "./schema/BrokenText.ts"
import { normalise } from "./schema/Normalise.ts"
import type * as SchemaDocument from "./schema/SchemaDocument.ts"
import type * as Difference from "./schema/tree/Dropped.ts"
import type * as Tree from "./schema/tree/JsonSchemaTree.ts"
import type { JsonSource, Source } from "./Source.ts"
import { fromJsonSchema, fromSchema } from "./Source.ts"
import * as StructuredOutputError from "./StructuredOutputError.ts"

/**
 * @category models
 * @since 0.1.0
 */
export type { JsonSource, Source } from "./Source.ts"
export { fromChoices, fromJsonSchema, fromRegex, fromSchema, remember } from "./Source.ts"

/**
 * The engines that differ in how they accept a grammar.
 *
 * @category models
 * @since 0.1.0
 */
export type EngineKind = "tgi" | "vllm" | "sglang" | "llamacpp" | "hf-serve" | "transformers" | "openai" | "router"

/**
 * Whether messages are sent, or a prompt that was rendered here.
 *
 * @category models
 * @since 0.1.0
 */
export type Route = "chat" | "raw"

/**
 * @category models
 * @since 0.1.0
 */
export type TgiGrammar = TgiLowering.TgiGrammar

/**
 * @category models
 * @since 0.1.0
 */
export type Lowered = TgiLowering.Lowered

/**
 * The places where what is sent differs from what was requested.
 *
 * @category models
 * @since 0.2.0
 */
export type Dropped = Difference.Dropped

/**
 * A constraint for one engine and route.
 *
 * @category models
 * @since 0.1.0
 */
export interface Constraint {
  /**
   * What to merge into the request body. For TGI's raw route it belongs in `parameters`; everywhere else at the top level.
   */
  readonly fields: Readonly<Record<string, unknown>>
  readonly wrap: string | undefined
  readonly dropped: ReadonlyArray<Dropped>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Which of TGI's two grammars to use. By default JSON where it is faithful, else a regex. */
  readonly target?: "auto" | "json" | "regex" | undefined
  /** How many levels of a recursive schema are written out on TGI; 3 by default, fewer if that would cost too much. */
  readonly depth?: number | undefined
  /**
   * What happens on TGI to a place that allows any JSON value: `bounded` (default) writes values that nest one or two
   * levels deep, as much as its server can handle; `scalars` writes only scalars; `refuse` fails.
   */
  readonly free?: "refuse" | "scalars" | "bounded" | undefined
  /** The name that OpenAI's form gives a schema; `output` by default. */
  readonly name?: string | undefined
  /**
   * Whether OpenAI's form is sent as `strict`. By default it is if the schema allows it (optional keys are then written
   * as null and count as left out); `true` fails if it does not, `false` sends the whole schema.
   */
  readonly strict?: boolean | undefined
  /**
   * The compiler that is known to run behind vLLM or SGLang. By default the form of xgrammar is sent, which is their
   * first choice; llguidance accepts more, and enforces it.
   */
  readonly compiler?: "xgrammar" | "llguidance" | undefined
}

type Attempted<A> = Result.Result<A, StructuredOutputError.StructuredOutputError>

const DEPTH = 3

/** Caches by document and key. */
const once = <A>(known: WeakMap<object, Map<string, A>>, document: object, key: string, make: () => A): A => {
  const made = known.get(document) ?? new Map<string, A>()
  known.set(document, made)
  let out = made.get(key)
  if (out === undefined) {
    out = make()
    made.set(key, out)
  }
  return out
}

const documents = new WeakMap<object, Map<string, Result.Result<Tree.Document, Difference.Fault>>>()
const lowered = new WeakMap<object, Map<string, Attempted<Lowered>>>()
const schemas = new WeakMap<object, Map<string, Attempted<SchemaLowering.Lowered>>>()

/**
 * A schema by its meaning: references resolved, conjunctions merged. Fails for something that is not a schema, and for a
 * schema that no value satisfies. Read once per document.
 *
 * @category reading
 * @since 0.2.0
 */
export const read = (source: JsonSource): Attempted<Tree.Document> =>
  Result.mapError(document(source), StructuredOutputError.unsupported)

/**
 * The same, with the fault itself as the failure.
 *
 * @category reading
 * @since 0.2.0
 */
export const document = (source: JsonSource): Result.Result<Tree.Document, Difference.Fault> =>
  once(documents, source.document, String(source.emptyStruct), () => {
    const broken = BrokenText.faultOf(source.document)
    if (broken !== undefined) return Result.fail(broken)
    const document = normalise(source.document, { emptyStruct: source.emptyStruct })
    return document.tree._tag === "Never" ? Result.fail(document.tree.fault) : Result.succeed(document)
  })

/**
 * The grammar for TGI, or the path at which the schema cannot be one. Computed once per document and options.
 *
 * @category lowering
 * @since 0.1.0
 */
export const lower = (source: Source, options: Options = {}): Attempted<Lowered> => {
  if (source._tag !== "Json") {
    const made = source._tag === "Regex"
      ? RegexLowering.tgi(source.pattern)
      : Result.succeed({ regex: source.choices.map(RegexDialect.literal).join("|"), dropped: [] })
    return Result.match(made, {
      onFailure: refuse,
      onSuccess: ({ dropped, regex }) =>
        Result.succeed<Lowered>({
          grammar: { type: "regex", value: regex },
          wrap: undefined,
          dropped,
          tree: undefined,
          cost: Cost.make(regex.length, regex.length, 0)
        })
    })
  }
  const { depth = DEPTH, free = "bounded", target = "auto" } = options
  const key = `${source.emptyStruct}/${target}/${depth}/${free}`
  return once(lowered, source.document, key, () =>
    Result.flatMap(read(source), (document) =>
      Result.mapError(
        TgiLowering.make(document, { depth: Math.max(1, depth), free, target }),
        StructuredOutputError.unsupported
      )))
}

const refuse = (fault: Difference.Fault): Attempted<never> => Result.fail(StructuredOutputError.unsupported(fault))

const fault = (keyword: string, reason: string, hint: string): Difference.Fault => ({ path: [], keyword, reason, hint })

/**
 * The schema for an engine that takes JSON Schema, before it is put into a request.
 *
 * @category lowering
 * @since 0.2.0
 */
export const lowerSchema = (
  source: JsonSource,
  engine: Exclude<EngineKind, "tgi">,
  options: Pick<Options, "strict" | "compiler"> = {}
): Attempted<SchemaLowering.Lowered> => {
  const compiler = compilerOf(engine, options)
  return once(
    schemas,
    source.document,
    `${compiler}/${source.emptyStruct}/${options.strict}`,
    () =>
      Result.flatMap(read(source), (document) =>
        compiler === "openai" || compiler === "tgi"
          ? Result.mapError(
            SchemaLowering.makeOpenAi(document, options.strict),
            StructuredOutputError.unsupported
          )
          : Result.succeed(SchemaLowering.make(document, compiler)))
  )
}

/**
 * The compiler that an engine is assumed to run.
 *
 * @category accessors
 * @since 0.2.0
 */
export const compilerOf = (engine: EngineKind, { compiler }: Pick<Options, "compiler"> = {}): Enforcement.Compiler =>
  engine === "vllm" || engine === "sglang"
    ? compiler ?? "xgrammar"
    : engine === "router" || engine === "hf-serve" || engine === "transformers"
    ? "openai"
    : engine

/**
 * What to send to an engine so that it enforces the source, or why it cannot.
 *
 * @category lowering
 * @since 0.1.0
 */
export const constrain = (
  source: Source,
  engine: EngineKind,
  route: Route,
  options: Options = {}
): Attempted<Constraint> => {
  if (engine === "tgi") {
    return Result.map(lower(source, options), ({ dropped, grammar, wrap }) => ({
      fields: route === "chat" ? { response_format: grammar } : { grammar },
      wrap,
      dropped
    }))
  }
  if (engine === "hf-serve" || engine === "transformers") {
    const name = engine === "transformers" ? "transformers serve" : engine
    const reason = `${name} drops every constraint`
    return refuse(fault("schema", reason, "describe the form in the prompt, or use another engine"))
  }
  if (source._tag !== "Json") return text(source, engine)
  if ((engine === "openai" || engine === "router") && route === "raw") {
    const reason = `${engine} does not accept a schema with a raw prompt`
    return refuse(fault("schema", reason, "send messages, or use your own endpoint"))
  }
  return Result.map(lowerSchema(source, engine, options), ({ dropped, schema, strict, wrap }) => {
    const { name = "output" } = options
    const json_schema = { name, schema, ...strict !== undefined && { strict } }
    return {
      fields: engine === "llamacpp" && route === "raw"
        ? { json_schema: schema }
        : { response_format: { type: "json_schema", json_schema } },
      wrap,
      dropped
    }
  })
}

const text = (
  source: Exclude<Source, JsonSource>,
  engine: Exclude<EngineKind, "tgi">
): Attempted<Constraint> => {
  if (engine === "openai" || engine === "router") {
    return refuse(fault("pattern", `${engine} does not accept a regex`, "use a schema, or your own endpoint"))
  }
  if (engine === "vllm" && source._tag === "Choice") {
    const fields = { structured_outputs: { choice: source.choices } }
    return Result.succeed({ fields, wrap: undefined, dropped: [] })
  }
  const pattern = source._tag === "Regex" ? source.pattern : source.choices.map(RegexDialect.literal).join("|")
  const made = engine === "llamacpp"
    ? RegexLowering.gbnf(pattern)
    : RegexLowering.explicit(pattern, engine === "vllm" ? "vLLM" : "SGLang")
  return Result.match(made, {
    onFailure: refuse,
    onSuccess: ({ dropped, regex }) =>
      Result.succeed<Constraint>({
        fields: engine === "llamacpp"
          ? { grammar: regex }
          : engine === "vllm"
          ? { structured_outputs: { regex } }
          : { regex },
        wrap: undefined,
        dropped
      })
  })
}

/**
 * How an engine will treat a schema.
 *
 * @category models
 * @since 0.2.0
 */
export interface Check {
  /** The compiler that the engine is assumed to run, and its version that was tested. */
  readonly compiler: Enforcement.Compiler
  readonly version: string
  /** The constraints that hold for everything that is written. */
  readonly enforced: ReadonlyArray<SelfCheck.Held>
  /** The constraints that only the decoder checks. */
  readonly unenforced: ReadonlyArray<Dropped>
  /** Why some values of the schema cannot be written. */
  readonly unwritable: ReadonlyArray<Dropped>
  /** Some values of the schema that cannot be written, the shortest first. */
  readonly examples: ReadonlyArray<Schema.Json>
  /** What the grammar costs the server, on TGI; other compilers take milliseconds. */
  readonly cost: Cost.Cost | undefined
  /** What would be merged into the body of a chat request. */
  readonly fields: Constraint["fields"]
}

/**
 * How an engine will treat a schema, before a run: a Schema, a JSON Schema, or a source of one. Fails if the schema
 * would be refused.
 *
 * @example
 * ```ts
 * import { Result, Schema } from "effect"
 * import { Grammar } from "effect-inference-endpoints"
 *
 * const Tags = Schema.Array(Schema.String).check(Schema.isUnique())
 *
 * const check = Grammar.check(Tags, "vllm")
 * // what the engine's compiler does not enforce, and the decoder therefore has to
 * if (Result.isSuccess(check)) console.log(check.success.unenforced)
 * ```
 *
 * @category checking
 * @since 0.2.0
 */
export const check = (
  schema: JsonSource | Schema.Constraint | SchemaDocument.Document,
  engine: EngineKind,
  options: Options = {}
): Attempted<Check> =>
  Result.gen(function*() {
    const source = sourceOf(schema)
    const document = yield* read(source)
    const { dropped, fields } = yield* constrain(source, engine, "chat", options)
    const made = engine === "tgi" ? yield* lower(source, options) : undefined
    const compiler = compilerOf(engine, options)
    const isWritable = made === undefined ? SelfCheck.byNotes(document, dropped) : SelfCheck.onTgi(made)
    return {
      compiler,
      version: Enforcement.versions[compiler],
      enforced: SelfCheck.enforced(document, dropped),
      unenforced: dropped.filter(({ effect }) => effect === "unenforced"),
      unwritable: dropped.filter(({ effect }) => effect === "unwritable"),
      examples: SelfCheck.unwritten(document, isWritable),
      cost: made?.cost,
      fields
    }
  })

const sourceOf = (schema: JsonSource | Schema.Constraint | SchemaDocument.Document): JsonSource =>
  isSource(schema) ? schema : Schema.isSchema(schema) ? fromSchema(schema) : fromJsonSchema(schema)

const isSource = (schema: object): schema is JsonSource =>
  "_tag" in schema && schema._tag === "Json" && "document" in schema && "emptyStruct" in schema
