/**
 * Every sampling and limit option, in one schema: checked before a request is sent, and data that encodes to JSON.
 *
 * A rule that one engine alone has is not here but in its dialect.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaJITCompiler from "effect/schema/SchemaJITCompiler"
import * as SchemaIssue from "effect/SchemaIssue"

const finite = (expected: string, test: (value: number) => boolean) =>
  Schema.Number.check(Schema.makeFilter((value) => Number.isFinite(value) && test(value) ? undefined : expected))

const integer = (expected: string, test: (value: number) => boolean) =>
  Schema.Number.check(Schema.makeFilter((value) => Number.isSafeInteger(value) && test(value) ? undefined : expected))

const U64 = 2n ** 64n

/**
 * A seed: a u64, as the engines read it. A number where that is exact, else a bigint; in JSON text the digits of a
 * bigint are a string.
 *
 * @category models
 * @since 0.1.0
 */
export const Seed = Schema.Union([
  integer("must be an integer from 0 to 2^64 - 1, a bigint above 2^53", (value) => value >= 0),
  Schema.BigInt.check(
    Schema.makeFilter((value) => value >= 0n && value < U64 ? undefined : "must be an integer from 0 to 2^64 - 1")
  )
])

/**
 * @category models
 * @since 0.1.0
 */
export type Seed = typeof Seed.Type

/**
 * A tool the model may call. `parameters` is a JSON Schema (`Tool.make` of this package makes it from a Schema).
 *
 * @category models
 * @since 0.1.0
 */
export const Tool = Schema.Struct({
  name: Schema.String.check(
    Schema.makeFilter((value) =>
      /^[\w.-]{1,64}$/.test(value) ? undefined : "must be 1 to 64 letters, digits, `_`, `-` or `.`"
    )
  ),
  description: Schema.optionalKey(Schema.String),
  parameters: Schema.Unknown
})

/**
 * @category models
 * @since 0.1.0
 */
export type Tool = typeof Tool.Type

/**
 * The options. An absent option is the server's default, but `maxNewTokens` is 128 and `doSample` follows from the rest.
 *
 * Fields, and what the values mean:
 * - `maxNewTokens`: most tokens to generate (default 128). `truncate`: keep only the last so many tokens of the prompt.
 * - `temperature`: 0 means greedy. `topP` and `typicalP`: in (0, 1], where 1 means off. `topK`: 0 means off.
 * - `repetitionPenalty`: above 0, where 1 means none; `frequencyPenalty`, `presencePenalty`: -2 to 2, where 0 means none.
 * - `logitBias`: by token id. `seed`: a u64; each of several generations gets its own, counted up from it.
 * - `stopSequences`: texts that end the answer; they stay in it on TGI. TGI takes at most 4.
 * - `doSample`: sample even if no sampling option is set. `bestOf`: so many candidates, the most likely one wins (TGI).
 * - `returnFullText`: the prompt comes before the answer. `watermark`, `adapterId`, `decoderInputDetails`: TGI.
 * - `topNTokens`: the most likely tokens at each place, on the raw route of TGI; `logprobs` and `topLogprobs` elsewhere.
 * - `tools`, `toolChoice` (`auto`, `none`, `required` or a name), `toolPrompt` (TGI), `parallelToolCalls`.
 * - `reasoningEffort`: for reasoning models; `none` switches thinking off where the engine can.
 * - `continueFinalMessage`: the model goes on with the last message instead of answering it.
 * - `templateVariables`: variables of the chat template, such as `enable_thinking`.
 * - `extra`: fields for the engine as they go over the wire. They win over what the options make.
 *
 * @category models
 * @since 0.1.0
 */
export const GenerationOptions = Schema.Struct({
  maxNewTokens: Schema.optional(integer("must be an integer of at least 1", (value) => value >= 1)),
  temperature: Schema.optional(finite("must be a number of at least 0", (value) => value >= 0)),
  topP: Schema.optional(finite("must be above 0 and at most 1", (value) => value > 0 && value <= 1)),
  topK: Schema.optional(integer("must be an integer of at least 0", (value) => value >= 0)),
  minP: Schema.optional(finite("must be from 0 to 1", (value) => value >= 0 && value <= 1)),
  typicalP: Schema.optional(finite("must be above 0 and at most 1", (value) => value > 0 && value <= 1)),
  repetitionPenalty: Schema.optional(finite("must be above 0", (value) => value > 0)),
  frequencyPenalty: Schema.optional(finite("must be from -2 to 2", (value) => value >= -2 && value <= 2)),
  presencePenalty: Schema.optional(finite("must be from -2 to 2", (value) => value >= -2 && value <= 2)),
  logitBias: Schema.optional(
    Schema.Record(Schema.String, finite("must be from -100 to 100", (value) => Math.abs(value) <= 100))
  ),
  seed: Schema.optional(Seed),
  stopSequences: Schema.optional(
    Schema.Array(Schema.String.check(Schema.makeFilter((value) => value === "" ? "must not be empty" : undefined)))
  ),
  doSample: Schema.optional(Schema.Boolean),
  returnFullText: Schema.optional(Schema.Boolean),
  watermark: Schema.optional(Schema.Boolean),
  truncate: Schema.optional(integer("must be an integer of at least 1", (value) => value >= 1)),
  bestOf: Schema.optional(integer("must be an integer of at least 1", (value) => value >= 1)),
  topNTokens: Schema.optional(integer("must be an integer of at least 0", (value) => value >= 0)),
  decoderInputDetails: Schema.optional(Schema.Boolean),
  adapterId: Schema.optional(Schema.NonEmptyString),
  logprobs: Schema.optional(Schema.Boolean),
  topLogprobs: Schema.optional(integer("must be an integer from 0 to 20", (value) => value >= 0 && value <= 20)),
  tools: Schema.optional(Schema.Array(Tool)),
  toolChoice: Schema.optional(
    Schema.Union([Schema.Literals(["auto", "none", "required"]), Schema.Struct({ name: Schema.String })])
  ),
  toolPrompt: Schema.optional(Schema.String),
  parallelToolCalls: Schema.optional(Schema.Boolean),
  reasoningEffort: Schema.optional(Schema.String),
  continueFinalMessage: Schema.optional(Schema.Boolean),
  templateVariables: Schema.optional(Schema.Record(Schema.String, Schema.Unknown)),
  extra: Schema.optional(Schema.Record(Schema.String, Schema.Unknown))
})

/**
 * @category models
 * @since 0.1.0
 */
export type GenerationOptions = typeof GenerationOptions.Type

/**
 * The name of an option.
 *
 * @category models
 * @since 0.1.0
 */
export type Name = keyof GenerationOptions

/**
 * How many tokens are generated where nothing is said, as in the Python original.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_NEW_TOKENS = 128

/**
 * What a server says of its own limits; each may be unknown.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServerLimits {
  readonly maxInputTokens?: number | undefined
  readonly maxTotalTokens?: number | undefined
  readonly maxBestOf?: number | undefined
  readonly maxStopSequences?: number | undefined
}

/**
 * What is wrong with an option: its path, and a sentence with its name, its value and the rule.
 *
 * @category models
 * @since 0.1.0
 */
export interface Issue {
  readonly path: ReadonlyArray<string>
  readonly message: string
}

const decode = Schema.decodeUnknownResult(GenerationOptions)
const format = SchemaIssue.makeFormatterStandardSchemaV1()

const show = (value: unknown): string =>
  typeof value === "bigint"
    ? `${value}`
    : typeof value === "string"
    ? JSON.stringify(value)
    : JSON.stringify(value) ?? String(value)

const at = (options: unknown, path: ReadonlyArray<PropertyKey>): unknown => {
  let value = options
  for (const key of path) {
    if (typeof value !== "object" || value === null) return undefined
    value = Reflect.get(value, key)
  }
  return value
}

// checked on every call, so compiled where the platform allows it
SchemaJITCompiler.enable(GenerationOptions.ast)
const is = Schema.is(GenerationOptions)
const names: ReadonlySet<string> = new Set(Object.keys(GenerationOptions.fields))

const shapeIssues = (options: unknown): ReadonlyArray<Issue> => {
  if (is(options) && Object.keys(options).every((name) => names.has(name))) return []
  const result = decode(options, { errors: "all", onExcessProperty: "error" })
  return Result.isSuccess(result) ? [] : format(result.failure.issue).issues.map(({ message, path = [] }) => {
    const keys = path.map((key) => typeof key === "object" ? key.key : key)
    const rule = message.startsWith("must") ? message : message.includes("excess property")
      ? "is no option; engine-specific fields go into `extra`"
      : `is wrong: ${message}`
    return {
      path: keys.map(String),
      message: `${keys.map(String).join(".")} ${rule}, given ${show(at(options, keys)).slice(0, 100)}`
    }
  })
}

const bound = (
  name: Name,
  value: number | undefined,
  limit: number | undefined,
  what: string
): ReadonlyArray<Issue> =>
  value === undefined || limit === undefined || value <= limit
    ? []
    : [{ path: [name], message: `${name} must be at most ${limit} (the server's ${what}), given ${value}` }]

/**
 * What is beyond a server's own limits, as far as they are known.
 *
 * @category validation
 * @since 0.1.0
 */
export const beyond = (options: GenerationOptions, limits: ServerLimits): ReadonlyArray<Issue> => {
  const issues = [
    ...bound("bestOf", options.bestOf, limits.maxBestOf, "max_best_of"),
    ...bound("truncate", options.truncate, limits.maxInputTokens, "max_input_tokens"),
    ...bound("maxNewTokens", options.maxNewTokens, limits.maxTotalTokens, "max_total_tokens")
  ]
  const stops = options.stopSequences?.length
  if (stops !== undefined && limits.maxStopSequences !== undefined && stops > limits.maxStopSequences) {
    issues.push({
      path: ["stopSequences"],
      message:
        `stopSequences may hold ${limits.maxStopSequences} texts (the server's max_stop_sequences), given ${stops}`
    })
  }
  return issues
}

/**
 * Everything that is wrong with options: types and ranges, combinations, and the server's own limits where they are
 * known. An empty list means that they may be sent.
 *
 * @category validation
 * @since 0.1.0
 */
export const check = (options: GenerationOptions, limits: ServerLimits = {}): ReadonlyArray<Issue> => {
  const shape = shapeIssues(options)
  if (shape.length > 0) return shape
  const issues = [...beyond(options, limits)]
  if ((options.bestOf ?? 1) > 1 && options.seed !== undefined) {
    issues.push({
      path: ["seed"],
      message: `seed cannot be combined with bestOf above 1, given bestOf ${options.bestOf}`
    })
  }
  const choice = options.toolChoice
  if (typeof choice === "object" && options.tools?.some(({ name }) => name === choice.name) !== true) {
    issues.push({ path: ["toolChoice"], message: `toolChoice must name one of the tools, given ${show(choice.name)}` })
  }
  return issues
}

/**
 * The seed that comes so many places after another, within a u64.
 *
 * @category combinators
 * @since 0.1.0
 */
export const seedAfter = (seed: Seed, places: number): Seed => {
  const next = BigInt.asUintN(64, BigInt(seed) + BigInt(places))
  return next <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(next) : next
}
