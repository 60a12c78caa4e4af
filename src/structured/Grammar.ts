import * as Result from "effect/Result"
import type * as Schema from "effect/Schema"
import * as Gbnf from "./engines/Gbnf.ts"
import * as JsonGrammar from "./engines/JsonGrammar.ts"
import * as PortableSchema from "./engines/PortableSchema.ts"
import * as RegexGrammar from "./engines/RegexGrammar.ts"
import * as RegexDialect from "./regex/RegexDialect.ts"
import * as Tree from "./schema/JsonSchemaTree.ts"
import { normalise } from "./schema/Normalise.ts"
import * as SchemaDocument from "./schema/SchemaDocument.ts"
import * as StructuredOutputError from "./StructuredOutputError.ts"

/** The engines that differ in how they take a grammar. */
export type EngineKind = "tgi" | "vllm" | "sglang" | "llamacpp" | "openai" | "router"

/** Whether messages are sent, or a prompt that was rendered here. */
export type Route = "chat" | "raw"

/** A grammar as TGI takes it. */
export type TgiGrammar =
  | { readonly type: "json"; readonly value: JsonGrammar.TgiSchema }
  | { readonly type: "regex"; readonly value: string }

/** A constraint lowered for TGI. */
export interface Lowered {
  readonly grammar: TgiGrammar
  /** The property under which a value stands that is no object: unwrap it before decoding. */
  readonly wrap: string | undefined
  /** What the grammar does not carry; the decoder still enforces it. */
  readonly dropped: ReadonlyArray<Tree.Dropped>
  /** The normalised schema, where there is one: the order in which the grammar wants keys. */
  readonly tree: Tree.Tree | undefined
}

/** A constraint for one engine and route. */
export interface Constraint {
  /**
   * What to merge into the request body. For TGI's raw route it belongs into `parameters`; everywhere else it stands
   * at the top level.
   */
  readonly fields: Readonly<Record<string, unknown>>
  readonly wrap: string | undefined
  readonly dropped: ReadonlyArray<Tree.Dropped>
}

export interface Options {
  /** Which of TGI's two grammars to use. By default JSON where it is faithful, else a regex. */
  readonly target?: "auto" | "json" | "regex" | undefined
  /** How many levels of a recursive schema are written out; 3 by default, fewer where that would cost too much. */
  readonly depth?: number | undefined
  /** What becomes of a place where any JSON value may stand: by default the schema is refused. */
  readonly free?: "refuse" | "scalars" | undefined
  /** The name that OpenAI's form gives a schema; `output` by default. */
  readonly name?: string | undefined
}

/** A JSON value of a schema; `emptyStruct` tells how Effect's empty struct is meant. */
export interface JsonSource {
  readonly _tag: "Json"
  readonly document: SchemaDocument.Document
  readonly emptyStruct: boolean
}

/** What the model is asked to write, for any engine. */
export type Source =
  | JsonSource
  | { readonly _tag: "Regex"; readonly pattern: string }
  | { readonly _tag: "Choice"; readonly choices: ReadonlyArray<string> }

/** The encoded side of a Schema. The same schema object gives the same document object. */
export const fromSchema = (schema: Schema.Constraint): JsonSource => {
  let source = sources.get(schema.ast)
  if (source === undefined) {
    source = { _tag: "Json", document: SchemaDocument.fromSchema(schema), emptyStruct: true }
    sources.set(schema.ast, source)
  }
  return source
}

const sources = new WeakMap<object, JsonSource>()

/** A JSON Schema, draft 2020-12 or older; what is none is refused when it is lowered. */
export const fromJsonSchema = (schema: unknown): JsonSource => ({
  _tag: "Json",
  document: Tree.isObject(schema) ? schema : { allOf: [schema] },
  emptyStruct: false
})

/** A regex that matches the whole answer, in the dialect of the engine that will read it. */
export const fromRegex = (pattern: string): Source => ({ _tag: "Regex", pattern })

/** One of these texts, without quotes. */
export const fromChoices = (choices: ReadonlyArray<string>): Source => ({ _tag: "Choice", choices })

type Attempted<A> = Result.Result<A, StructuredOutputError.StructuredOutputError>

/** Above this the server would be busy for seconds with the automaton alone. */
const MAX_STATES = 2000
const MAX_REGEX_LENGTH = 400_000

/** Remembers by document and key what was made of it. */
const remember = <A>(known: WeakMap<object, Map<string, A>>, document: object, key: string, make: () => A): A => {
  const made = known.get(document) ?? new Map<string, A>()
  known.set(document, made)
  let out = made.get(key)
  if (out === undefined) {
    out = make()
    made.set(key, out)
  }
  return out
}

const lowered = new WeakMap<object, Map<string, Attempted<Lowered>>>()
const constraints = new WeakMap<object, Map<string, Attempted<Constraint>>>()

/** The grammar for TGI, or the path at which the schema cannot be one. Computed once for a document and its options. */
export const lower = (source: Source, options: Options = {}): Attempted<Lowered> => {
  if (source._tag === "Regex") return lowerRegex(source.pattern)
  if (source._tag === "Choice") {
    const value = source.choices.map(RegexDialect.literal).join("|")
    return Result.succeed({ grammar: { type: "regex", value }, wrap: undefined, dropped: [], tree: undefined })
  }
  const key = `${source.emptyStruct}/${options.target}/${options.depth}/${options.free}`
  return remember(lowered, source.document, key, () => lowerJson(source.document, source.emptyStruct, options))
}

const lowerRegex = (pattern: string): Attempted<Lowered> => {
  const checked = RegexDialect.check(pattern)
  if (Result.isSuccess(checked)) {
    if (RegexDialect.states(checked.success) <= MAX_STATES) {
      return Result.succeed({
        grammar: { type: "regex", value: pattern },
        wrap: undefined,
        dropped: [],
        tree: undefined
      })
    }
    return refuse(
      "pattern",
      "its repetitions would keep the server busy for seconds",
      "bound them lower, or not at all"
    )
  }
  const { construct, hint, position } = checked.failure
  return refuse("pattern", `${construct} at character ${position} is not in TGI's regex dialect`, hint)
}

const refuse = (keyword: string, reason: string, hint: string): Attempted<never> =>
  Result.fail(StructuredOutputError.unsupported({ path: [], keyword, reason, hint }))

const lowerJson = (document: SchemaDocument.Document, emptyStruct: boolean, options: Options): Attempted<Lowered> => {
  let out: Attempted<Lowered> = refuse("schema", "it was not read", "give a depth of at least 1")
  for (let depth = Math.max(1, options.depth ?? 3); depth >= 1; depth--) {
    const { dropped, tree } = normalise(document, { depth, free: options.free ?? "refuse", emptyStruct })
    if (tree._tag === "Never") {
      out = Result.fail(StructuredOutputError.unsupported(tree.fault))
      if (tree.fault.keyword !== "$ref" || !tree.hard) return out
      continue
    }
    if (Tree.states(tree) <= MAX_STATES) return emit(tree, dropped, options.target ?? "auto")
    out = refuse(
      "schema",
      "the grammar would keep the server busy for seconds",
      "split the schema, or bound lists lower"
    )
  }
  return out
}

const emit = (tree: Tree.Tree, dropped: ReadonlyArray<Tree.Dropped>, target: "auto" | "json" | "regex") => {
  const isObject = tree._tag === "Fields" && tree.rests.length === 0
  const wrapped = isObject ? tree : Tree.fields({
    properties: [{ name: PortableSchema.WRAP, value: tree, required: true }],
    rests: [],
    min: 0,
    max: undefined
  })
  const schema = target === "regex" ? undefined : JsonGrammar.print(wrapped)
  if (schema !== undefined) {
    const wrap = isObject ? undefined : PortableSchema.WRAP
    return Result.succeed<Lowered>({ grammar: { type: "json", value: schema }, wrap, dropped, tree })
  }
  if (target === "json") {
    return refuse("schema", "TGI's JSON grammar cannot say it", "leave the target open: a regex grammar can")
  }
  const value = RegexGrammar.print(tree)
  return value.length > MAX_REGEX_LENGTH
    ? refuse("schema", "the grammar would be too long", "split the schema")
    : Result.succeed<Lowered>({ grammar: { type: "regex", value }, wrap: undefined, dropped, tree })
}

/** What to send to an engine so that it enforces the source, or why it cannot. */
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
  if (source._tag !== "Json") return text(source, engine)
  const name = options.name ?? "output"
  const key = `${engine}/${route}/${name}`
  return remember(constraints, source.document, key, () => json(source.document, engine, route, name))
}

const json = (
  document: SchemaDocument.Document,
  engine: EngineKind,
  route: Route,
  name: string
): Attempted<Constraint> => {
  const isRemote = engine === "openai" || engine === "router"
  if (isRemote && route === "raw") {
    return refuse(
      "schema",
      `${engine} takes no schema with a raw prompt`,
      "send messages, or use an endpoint of your own"
    )
  }
  const { dropped, schema, wrap } = PortableSchema.make(document, {
    objectRoot: isRemote,
    anchored: engine === "llamacpp"
  })
  const fields = engine === "llamacpp" && route === "raw"
    ? { json_schema: schema }
    : { response_format: { type: "json_schema", json_schema: { name, schema, ...isRemote && { strict: true } } } }
  return Result.succeed({ fields, wrap, dropped })
}

const only = (fields: Constraint["fields"]): Attempted<Constraint> =>
  Result.succeed({ fields, wrap: undefined, dropped: [] })

const text = (source: Exclude<Source, { readonly _tag: "Json" }>, engine: EngineKind): Attempted<Constraint> => {
  const pattern = source._tag === "Regex" ? source.pattern : source.choices.map(RegexDialect.literal).join("|")
  switch (engine) {
    case "vllm":
      return only({ structured_outputs: source._tag === "Regex" ? { regex: pattern } : { choice: source.choices } })
    case "sglang":
      return only({ regex: pattern })
    case "llamacpp": {
      const parsed = RegexDialect.check(pattern)
      const grammar = Result.isSuccess(parsed) ? Gbnf.fromRegex(parsed.success) : undefined
      if (grammar !== undefined) return only({ grammar })
      const problem = Result.isFailure(parsed) ? parsed.failure : undefined
      return refuse(
        "pattern",
        `${problem?.construct ?? "lookahead"} cannot be said in a llama.cpp grammar`,
        problem?.hint ?? "say the pattern without it"
      )
    }
    default:
      return refuse("pattern", `${engine} takes no regex`, "use a schema, or an endpoint of your own")
  }
}
