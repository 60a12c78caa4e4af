/**
 * What a model must write, as a grammar for its engine and as a decoder of its text.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as JsonSchema from "effect/JsonSchema"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as SchemaIssue from "effect/SchemaIssue"
import { makeFormatterStandardSchemaV1 } from "effect/SchemaIssue"
import * as SchemaRepresentation from "effect/SchemaRepresentation"
import type { Answer, Decoder } from "./decode/Answer.ts"
import * as PartialJson from "./decode/PartialJson.ts"
import * as Repair from "./decode/Repair.ts"
import * as Grammar from "./Grammar.ts"
import * as Absent from "./schema/Absent.ts"
import type { Document } from "./schema/SchemaDocument.ts"
import * as StructuredOutputError from "./StructuredOutputError.ts"

/**
 * @category models
 * @since 0.1.0
 */
export type { Answer, Decoded, Decoder } from "./decode/Answer.ts"

/**
 * How the grammar is made, and how lenient decoding is.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Grammar.Options {
  /** Whether code fences, prose and thinking around the JSON are ignored; not by default. */
  readonly lenient?: boolean | undefined
}

type Failed = StructuredOutputError.StructuredOutputError

/**
 * What a model must write, and how that becomes a value.
 *
 * @category models
 * @since 0.1.0
 */
export interface StructuredOutput<A, R = never> extends Decoder<A, R> {
  readonly source: Grammar.Source
  /** The JSON Schema to show to the model; undefined for a regex. */
  readonly jsonSchema: Document | undefined
  /** What to send so that the engine enforces the shape. Fails if it cannot; then nothing should be sent. */
  readonly grammar: (
    engine: Grammar.EngineKind,
    route: Grammar.Route,
    target?: Grammar.Options["target"]
  ) => Effect.Effect<Grammar.Constraint, Failed>
}

/**
 * Structured output by a Schema: the model writes the encoded side, the caller gets the decoded one.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = <S extends Schema.Constraint>(
  schema: S,
  options: Options = {}
): StructuredOutput<S["Type"], S["DecodingServices"]> => {
  const codec = Schema.toCodecJson(schema)
  return fromCodec(Grammar.fromSchema(schema), Schema.decodeUnknownEffect(codec, { errors: "all" }), options)
}

/**
 * Structured output by a JSON Schema: the value is the JSON itself, unchanged. It is checked against the schema as far as
 * that can be read as a Schema; one with keywords that Effect cannot express (`not`, `if`, `contains`) is checked by the
 * grammar only.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromJsonSchema = (schema: unknown, options: Options = {}): StructuredOutput<Schema.Json> => {
  const source = Grammar.fromJsonSchema(schema)
  const check = (value: Schema.Json) => checker(source.document)(value)
  return fromCodec(source, (value) => Effect.flatMap(decodeJson(value), check), options)
}

/**
 * A JSON Schema as a Schema, for `generateObject` and anything else that accepts one: its values are JSON that the JSON
 * Schema allows, as far as that can be checked, and engines get the JSON Schema itself.
 *
 * @category constructors
 * @since 0.2.0
 */
export const schemaOf = (jsonSchema: Document): Schema.Codec<Schema.Json> => {
  const source = Grammar.fromJsonSchema(jsonSchema)
  const schema = Schema.Json.check(Schema.makeFilter((value) => {
    const checked = Effect.runSync(Effect.result(checker(source.document)(value)))
    return Result.isSuccess(checked) ? undefined : checked.failure.message
  }))
  Grammar.remember(schema, source)
  return schema
}

const decodeJson = Schema.decodeUnknownEffect(Schema.Json)

type Check = (value: Schema.Json) => Effect.Effect<Schema.Json, Schema.SchemaError>

const checkers = new WeakMap<Document, Check>()

/** The check of a document: made when it is first needed, once. */
const checker = (document: Document): Check => {
  let check = checkers.get(document)
  if (check === undefined) {
    check = importCheck(document)
    checkers.set(document, check)
  }
  return check
}

const importCheck = (document: Document): Check => {
  const imported = Result.try(() =>
    SchemaRepresentation.fromJsonSchemaDocument(JsonSchema.fromSchemaDraft2020_12(document), { patterns: "apply" })
  )
  if (Result.isFailure(imported)) return Effect.succeed
  const decode = Schema.decodeUnknownEffect(Schema.toType(imported.success), { errors: "all" })
  return (value) => Effect.as(decode(value), value)
}

/**
 * Structured output by a regex that matches the whole response: the value is the text.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromRegex = (pattern: string, options: Options = {}): StructuredOutput<string> =>
  fromText(Grammar.fromRegex(pattern), options)

/**
 * One of the given texts.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromChoices = <const C extends string>(
  choices: ReadonlyArray<C>,
  options: Options = {}
): StructuredOutput<C> => {
  const decode = Schema.decodeUnknownEffect(Schema.Literals(choices))
  const output = fromText(Grammar.fromChoices(choices), options)
  return {
    ...output,
    decode: (answer) =>
      Effect.flatMap(output.decode(answer), ({ repairs, value }) =>
        decode(value).pipe(
          Effect.map((value) => ({ value, repairs })),
          Effect.mapError((error) => StructuredOutputError.make(mismatch(answer, error.issue)))
        ))
  }
}

/** The target of the options takes precedence over the one that a call needs. */
const constrain = (
  source: Grammar.Source,
  engine: Grammar.EngineKind,
  route: Grammar.Route,
  options: Options,
  target: Grammar.Options["target"]
) =>
  Grammar.constrain(
    source,
    engine,
    route,
    target === undefined || (options.target ?? "auto") !== "auto" ? options : { ...options, target }
  )

const fromText = (source: Grammar.Source, options: Options): StructuredOutput<string> => ({
  source,
  jsonSchema: undefined,
  lenient: options.lenient ?? false,
  grammar: (engine, route, target) => Effect.fromResult(constrain(source, engine, route, options, target)),
  decode: (answer) => {
    const { steps, text } = Repair.trim(answer.text)
    const problem = refusal(answer) ??
      (answer.finishReason === "length" ? new StructuredOutputError.Truncated(facts(answer)) : undefined) ??
      (text === "" ? new StructuredOutputError.Empty(facts(answer)) : undefined)
    return problem === undefined
      ? Effect.succeed({ value: text, repairs: steps })
      : Effect.fail(StructuredOutputError.make(problem))
  }
})

const fromCodec = <A, R>(
  source: Grammar.JsonSource,
  decode: (value: unknown) => Effect.Effect<A, Schema.SchemaError, R>,
  options: Options
): StructuredOutput<A, R> => {
  const lenient = options.lenient ?? false
  return {
    source,
    jsonSchema: source.document,
    lenient,
    grammar: (engine, route, target) => Effect.fromResult(constrain(source, engine, route, options, target)),
    decode: Effect.fnUntraced(function*(answer) {
      const parsed = yield* Effect.fromResult(parse(answer, lenient))
      const value = withoutAbsent(source, parsed.value)
      const repairs: ReadonlyArray<Repair.Step> = value === parsed.value
        ? parsed.repairs
        : [...parsed.repairs, "absent"]
      return yield* decode(value).pipe(
        Effect.map((value) => ({ value, repairs })),
        Effect.mapError((error) => StructuredOutputError.make(mismatch(answer, error.issue)))
      )
    })
  }
}

/**
 * A value without the nulls at keys that may be left out: some engines require every key, and write null.
 *
 * @category decoding
 * @since 0.2.0
 */
export const withoutAbsent = (source: Grammar.JsonSource, value: Schema.Json): Schema.Json => {
  const document = Grammar.read(source)
  return Result.isSuccess(document) ? Absent.restore(document.success, value) : value
}

const facts = ({ finishReason, text }: Answer) => finishReason === undefined ? { text } : { text, finishReason }

const refusal = (answer: Answer): StructuredOutputError.Reason | undefined =>
  answer.finishReason === "content_filter" || answer.finishReason === "refusal"
    ? new StructuredOutputError.Refused({
      ...facts(answer),
      description: `the server ended it with ${answer.finishReason}`
    })
    : undefined

/** The JSON value of a response, unwrapped. A text that the token limit cut is never considered complete. */
const parse = (
  answer: Answer,
  lenient: boolean
): Result.Result<{ readonly value: Schema.Json; readonly repairs: ReadonlyArray<Repair.Step> }, Failed> => {
  const refused = refusal(answer)
  if (refused !== undefined) return Result.fail(StructuredOutputError.make(refused))
  const { steps, text } = lenient ? Repair.lenient(answer.text) : Repair.trim(answer.text)
  if (text === "") {
    // the finish reason says more than an empty text does: thinking may have used all tokens
    const Problem = answer.finishReason === "length" ? StructuredOutputError.Truncated : StructuredOutputError.Empty
    return Result.fail(StructuredOutputError.make(new Problem(facts(answer))))
  }
  const parser = PartialJson.make()
  parser.push(text)
  const cut = answer.finishReason === "length" && !parser.isDone
  const parsed = parser.end()
  if (cut) return Result.fail(StructuredOutputError.make(new StructuredOutputError.Truncated(facts(answer))))
  if (Result.isFailure(parsed)) {
    const { description, offset } = parsed.failure
    const start = Math.max(0, answer.text.indexOf(text))
    return Result.fail(
      StructuredOutputError.make(
        new StructuredOutputError.NotJson({ ...facts(answer), offset: start + offset, description })
      )
    )
  }
  const value = parsed.success
  if (answer.wrap === undefined) return Result.succeed({ value, repairs: steps })
  if (typeof value === "object" && value !== null && Object.hasOwn(value, answer.wrap)) {
    return Result.succeed({ value: Reflect.get(value, answer.wrap), repairs: steps })
  }
  const issues = [{ path: [answer.wrap], message: "Missing key" }]
  return Result.fail(StructuredOutputError.make(new StructuredOutputError.Mismatch({ ...facts(answer), issues })))
}

const format = makeFormatterStandardSchemaV1()

const mismatch = (answer: Answer, issue: SchemaIssue.Issue): StructuredOutputError.Mismatch =>
  new StructuredOutputError.Mismatch({
    ...facts(answer),
    issues: format(issue).issues.map(({ message, path = [] }) => ({
      path: path.map((step) => {
        const key = typeof step === "object" ? step.key : step
        return typeof key === "number" ? key : String(key)
      }),
      message
    }))
  })
