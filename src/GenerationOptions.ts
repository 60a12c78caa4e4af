/**
 * Every sampling and limit option, in one schema: checked before a request is sent, and plain data that encodes to
 * JSON.
 *
 * A rule that only one engine has is in its dialect, not here.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaAST from "effect/SchemaAST"
import * as SchemaIssue from "effect/SchemaIssue"

/** Finite, so that its JSON form is a number and nothing else. */
const finite = (expected: string, test: (value: number) => boolean) =>
  Schema.Number.check(
    Schema.isFinite({ message: expected }),
    Schema.makeFilter((value) => test(value) ? undefined : expected)
  )

const integer = (expected: string, test: (value: number) => boolean) =>
  finite(expected, (value) => Number.isSafeInteger(value) && test(value))

/** An option with its description for help texts, docs and tools. */
const option = <S extends Schema.Top>(schema: S, description: string) =>
  Schema.optional(schema).annotate({ description })

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

const between = (low: number, high: number) =>
  finite(`must be from ${low} to ${high}`, (value) => value >= low && value <= high)

const share = finite("must be above 0 and at most 1", (value) => value > 0 && value <= 1)

const atLeast = (low: number) => integer(`must be an integer of at least ${low}`, (value) => value >= low)

const Stop = Schema.String.check(Schema.makeFilter((value) => value === "" ? "must not be empty" : undefined))

const LogitBias = Schema.Record(Schema.String, between(-100, 100)).check(
  Schema.makeFilter((bias) => {
    const word = Object.keys(bias).find((key) => !/^\d+$/.test(key))
    return word === undefined ? undefined : `must have token ids as keys, not ${JSON.stringify(word.slice(0, 40))}`
  })
)

/**
 * The options. An absent option is the server's default, but `maxNewTokens` is 128 and `doSample` follows from the rest.
 * The description of each field says what it means: `GenerationOptions.describe("topP")`.
 *
 * @category models
 * @since 0.1.0
 */
export const GenerationOptions = Schema.Struct({
  maxNewTokens: option(atLeast(1), "The most tokens to generate (default 128)."),
  temperature: option(
    finite("must be a number of at least 0", (value) => value >= 0),
    "How freely the model chooses: 0 always takes the likeliest token, 1 follows the model's own probabilities."
  ),
  topP: option(share, "Samples from the likeliest tokens that together have this probability; 1 means off."),
  topK: option(atLeast(0), "Samples from this many of the likeliest tokens; 0 means off."),
  minP: option(
    between(0, 1),
    "Leaves out tokens that are less likely than this share of the likeliest one; 0 means off."
  ),
  typicalP: option(
    share,
    "Samples from the most typical tokens (those of average surprisal) that together have this probability; 1 means off."
  ),
  repetitionPenalty: option(
    finite("must be above 0", (value) => value > 0),
    "Makes tokens that occurred less likely when above 1; 1 means none."
  ),
  frequencyPenalty: option(
    between(-2, 2),
    "Makes tokens less likely the more often they occurred, from -2 to 2; 0 means none."
  ),
  presencePenalty: option(between(-2, 2), "Makes tokens that occurred less likely, from -2 to 2; 0 means none."),
  logitBias: option(LogitBias, "Biases added to the logits of tokens, by token id, from -100 to 100."),
  seed: option(
    Seed,
    "The seed of the random numbers, an integer from 0 to 2^64 - 1; each of several generations gets its own, counted up from it."
  ),
  stopSequences: option(
    Schema.Array(Stop),
    "Texts that end the generation; on TGI they stay in it. TGI takes at most 4."
  ),
  doSample: option(Schema.Boolean, "Whether to sample where no sampling option is set; false is greedy."),
  returnFullText: option(Schema.Boolean, "Puts the prompt before the generated text, on raw routes."),
  watermark: option(Schema.Boolean, "Watermarks the text (TGI)."),
  truncate: option(atLeast(1), "How many tokens of the prompt to keep, counted from its end."),
  bestOf: option(atLeast(1), "How many candidates to generate, of which the likeliest is returned (TGI)."),
  topNTokens: option(atLeast(0), "How many of the likeliest tokens to list at each position, on TGI's raw route."),
  decoderInputDetails: option(Schema.Boolean, "Lists the tokens of the prompt too (TGI)."),
  adapterId: option(Schema.NonEmptyString, "The LoRA adapter to use."),
  logprobs: option(Schema.Boolean, "Lists the tokens with their log probabilities."),
  topLogprobs: option(
    integer("must be an integer from 0 to 20", (value) => value >= 0 && value <= 20),
    "How many of the likeliest tokens to list at each position, at most 20."
  ),
  tools: option(Schema.Array(Tool), "The tools that the model may call."),
  toolChoice: option(
    Schema.Union([Schema.Literals(["auto", "none", "required"]), Schema.Struct({ name: Schema.String })]),
    "Whether the model calls a tool: `auto`, `none`, `required`, or the name of one."
  ),
  toolPrompt: option(Schema.String, "The instruction that TGI puts before the tools."),
  parallelToolCalls: option(Schema.Boolean, "Whether the model may call several tools at once."),
  reasoningEffort: option(
    Schema.String,
    "How long a reasoning model thinks, such as `low` or `high`; `none` switches thinking off where the engine can."
  ),
  thinkingBudget: option(
    atLeast(-1),
    "The most tokens that the model may spend on thinking; 0 closes the thought before it begins, -1 sets no limit. They count towards " +
      "`maxNewTokens`, which must be larger. Enforced by the engine where it has a field for it, otherwise by two requests over a prompt " +
      "that is rendered here."
  ),
  continueFinalMessage: option(Schema.Boolean, "Continues the last message instead of responding to it."),
  templateVariables: option(
    Schema.Record(Schema.String, Schema.Unknown),
    "Variables of the chat template, such as `enable_thinking`."
  ),
  extra: option(
    Schema.Record(Schema.String, Schema.Unknown),
    "Fields for the engine, sent as they are; they win over those made from other options."
  )
})

/**
 * What an option means, in a sentence.
 *
 * @category accessors
 * @since 0.2.0
 */
export const describe = (name: Name): string => SchemaAST.resolveDescription(GenerationOptions.fields[name].ast) ?? ""

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
 * How many tokens are generated by default, as in the Python original.
 *
 * @category constants
 * @since 0.1.0
 */
export const MAX_NEW_TOKENS = 128

/**
 * A server's own limits, as it reports them; each may be unknown.
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

/** After this many checks, compiling them is worth the milliseconds it takes, if the platform allows it. */
const COMPILE_AFTER = 32

let checks = 0
let isOptions = Schema.is(GenerationOptions)

const is = (options: unknown): options is GenerationOptions => {
  if (++checks === COMPILE_AFTER) compile()
  return isOptions(options)
}

/** The compiler is large: it is loaded when it is worth it. If it cannot be loaded, the check stays as it is. */
const compile = (): void =>
  void import("effect/schema/SchemaJITCompiler").then(({ enable }) => {
    enable(GenerationOptions.ast)
    isOptions = Schema.is(GenerationOptions)
  }, () => {})

const names: ReadonlySet<string> = new Set(Object.keys(GenerationOptions.fields))

const kinds: { readonly [kind: string]: string } = {
  number: "a number",
  bigint: "a bigint",
  string: "a text",
  boolean: "true or false",
  array: "a list",
  object: "an object"
}

/** `Expected number | undefined` → `must be a number`. */
const wanted = (message: string): string => {
  const types = /^Expected (.+?)(?: \| undefined)?$/s.exec(message)?.[1]
  return types === undefined
    ? `is wrong: ${message}`
    : `must be ${types.split(" | ").map((type) => kinds[type] ?? type).join(" or ")}`
}

const shapeIssues = (options: unknown): ReadonlyArray<Issue> => {
  if (is(options) && Object.keys(options).every((name) => names.has(name))) return []
  const result = decode(options, { errors: "all", onExcessProperty: "error" })
  return Result.isSuccess(result) ? [] : format(result.failure.issue).issues.map(({ message, path = [] }) => {
    const keys = path.map((key) => typeof key === "object" ? key.key : key)
    const rule = message.startsWith("must") ? message : message.includes("excess property")
      ? "is not an option; engine-specific fields go into `extra`"
      : wanted(message)
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
 * The options that exceed a server's own limits, as far as these are known.
 *
 * @category validation
 * @since 0.1.0
 */
export const beyond = (options: GenerationOptions, limits: ServerLimits): ReadonlyArray<Issue> => {
  const issues = [
    ...bound("bestOf", options.bestOf, limits.maxBestOf, "max_best_of"),
    ...bound("truncate", options.truncate, limits.maxInputTokens, "max_input_tokens")
  ]
  const stops = options.stopSequences?.length
  if (stops !== undefined && limits.maxStopSequences !== undefined && stops > limits.maxStopSequences) {
    issues.push({
      path: ["stopSequences"],
      message:
        `stopSequences can hold at most ${limits.maxStopSequences} texts (the server's max_stop_sequences), given ${stops}`
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
  const { maxNewTokens = MAX_NEW_TOKENS, thinkingBudget = 0 } = options
  if (thinkingBudget >= maxNewTokens) {
    issues.push({
      path: ["thinkingBudget"],
      message:
        `thinkingBudget must be below maxNewTokens (${maxNewTokens}), which covers thinking and answer together, given ${thinkingBudget}`
    })
  }
  const choice = options.toolChoice
  if (typeof choice === "object" && options.tools?.some(({ name }) => name === choice.name) !== true) {
    issues.push({ path: ["toolChoice"], message: `toolChoice must name one of the tools, given ${show(choice.name)}` })
  }
  return issues
}

/**
 * A seed plus an offset, wrapped to a u64.
 *
 * @category combinators
 * @since 0.1.0
 */
export const seedAfter = (seed: Seed, places: number): Seed => {
  const next = BigInt.asUintN(64, BigInt(seed) + BigInt(places))
  return next <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(next) : next
}
