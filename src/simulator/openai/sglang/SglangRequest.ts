/**
 * Requests to SGLang 0.5.23, read with its types and checked in its order: everything that is wrong is a 400.
 *
 * @since 0.2.0
 */
import * as Gbnf from "../../grammar/Gbnf.ts"
import * as Grammar from "../../grammar/Grammar.ts"
import * as XgrammarSchema from "../../grammar/XgrammarSchema.ts"
import * as Tokenizer from "../../model/Tokenizer.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import * as Random from "../../wire/Random.ts"
import type { Constraint, Message, OpenAiRequest, Tool } from "../OpenAiRequest.ts"

/**
 * A request that is refused: with the words of a validation, or with a reason of its own.
 *
 * @category models
 * @since 0.2.0
 */
export interface Refused {
  readonly _tag: "Refused"
  readonly message: string
  /** `Bad Request` where a type did not fit, `BadRequestError` or `BadRequest` where a check failed. */
  readonly type: string
}

/** @category constructors @since 0.2.0 */
export const refused = (message: string, type = "BadRequestError"): Refused => ({ _tag: "Refused", message, type })

const shown = (problem: Pydantic.Problem): string =>
  `{'type': ${Pydantic.repr(problem.type)}, 'loc': (${problem.loc.map(Pydantic.repr).join(", ")}${
    problem.loc.length === 1 ? "," : ""
  }), 'msg': ${Pydantic.repr(problem.msg)}, 'input': ${Pydantic.repr(problem.input)}${
    problem.ctx === undefined ? "" : `, 'ctx': ${Pydantic.repr(problem.ctx)}`
  }}`

/** The complaint about types, which shows the problems twice. @category constructors @since 0.2.0 */
export const misfit = (problems: ReadonlyArray<Pydantic.Problem>): Refused => {
  const count = `${problems.length} validation error${problems.length === 1 ? "" : "s"}:`
  const lines = problems.map((problem) => `\n  ${shown(problem)}`).join("")
  return refused(`${count}${lines} [${problems.map(shown).join(", ")}]`, "Bad Request")
}

const media = new Set(["image_url", "video_url", "audio_url", "input_audio"])

const partMembers: ReadonlyArray<Pydantic.Member<string>> = [
  [
    "ChatCompletionMessageContentTextPart",
    Pydantic.model((body, loc, problems) => {
      Pydantic.required(body, "type", Pydantic.literal("text"), loc, problems)
      return Pydantic.required(body, "text", Pydantic.text, loc, problems) ?? ""
    })
  ],
  [
    "ChatCompletionMessageContentThinkingPart",
    Pydantic.model((body, loc, problems) => {
      Pydantic.required(body, "type", Pydantic.literal("thinking", "reasoning"), loc, problems)
      return ""
    })
  ],
  [
    "ChatCompletionMessageContentImagePart",
    Pydantic.model((body, loc, problems) => {
      Pydantic.required(body, "type", Pydantic.literal("image_url"), loc, problems)
      const url = Pydantic.required(body, "image_url", Pydantic.record, loc, problems)
      return `![](${String(url?.["url"])})`
    })
  ],
  [
    "ChatCompletionMessageContentVideoPart",
    Pydantic.model((body, loc, problems) => {
      Pydantic.required(body, "type", Pydantic.literal("video_url"), loc, problems)
      return ""
    })
  ],
  [
    "ChatCompletionMessageContentAudioURLPart",
    Pydantic.model((body, loc, problems) => {
      Pydantic.required(body, "type", Pydantic.literal("audio_url", "input_audio"), loc, problems)
      return ""
    })
  ]
]

const content: Pydantic.Reader<string> = (value, loc, problems) =>
  Pydantic.union<string>(
    ["str", Pydantic.text],
    ["list", (parts, at, own) => Pydantic.list(Pydantic.union(...partMembers))(parts, at, own)?.join("")]
  )(value, loc, problems)

const roles = ["system", "assistant", "tool", "function", "developer", "latest_reminder", "root"]

const role: Pydantic.Reader<string> = (value, loc, problems) => {
  const lower = typeof value === "string" ? value.toLowerCase() : undefined
  if (lower !== undefined && roles.includes(lower)) return lower
  const msg = lower === undefined
    ? "Value error, 'role' must be a string"
    : `Value error, 'role' must be one of ${roles.map((name) => `'${name}'`).join(", ")} (case-insensitive).`
  problems.push({ type: "value_error", loc, msg, input: value })
  return undefined
}

const calls = (body: Pydantic.Body, loc: Pydantic.Problem["loc"], problems: Array<Pydantic.Problem>): string => {
  const list = Pydantic.optional(body, "tool_calls", Pydantic.nullable(Pydantic.list(Pydantic.record)), loc, problems)
  return list === undefined || list.length === 0 ? "" : JSON.stringify(list)
}

const message = Pydantic.union<Message>(
  [
    "ChatCompletionMessageGenericParam",
    Pydantic.model((body, loc, problems) => ({
      role: Pydantic.required(body, "role", role, loc, problems) ?? "",
      content: (Pydantic.optional(body, "content", Pydantic.nullable(content), loc, problems) ?? "") +
        calls(body, loc, problems)
    }))
  ],
  [
    "ChatCompletionMessageUserParam",
    Pydantic.model((body, loc, problems) => ({
      role: Pydantic.required(body, "role", Pydantic.literal("user"), loc, problems) ?? "",
      content: Pydantic.required(body, "content", content, loc, problems) ?? ""
    }))
  ]
)

const tool: Pydantic.Reader<Tool> = Pydantic.model((body, loc, problems) => {
  Pydantic.optional(body, "type", Pydantic.text, loc, problems)
  const inner = Pydantic.required(
    body,
    "function",
    Pydantic.model((definition, at, own): Tool => ({
      name: Pydantic.required(definition, "name", Pydantic.text, at, own) ?? "",
      parameters: definition["parameters"]
    })),
    loc,
    problems
  )
  return inner ?? { name: "", parameters: undefined }
})

type Choice = OpenAiRequest["toolChoice"]

const toolChoice = Pydantic.union<Choice>(
  [
    "ToolChoice",
    Pydantic.model((body, loc, problems) => {
      const inner = Pydantic.required(body, "function", Pydantic.record, loc, problems)
      return { name: typeof inner?.["name"] === "string" ? inner["name"] : "" }
    })
  ],
  ["literal['auto','required','none']", Pydantic.literal("auto", "required", "none")]
)

const responseFormat = Pydantic.union<Pydantic.Body>(
  [
    "ResponseFormat",
    Pydantic.model((body, loc, problems) => {
      Pydantic.required(body, "type", Pydantic.literal("text", "json_object", "json_schema"), loc, problems)
      Pydantic.optional(
        body,
        "json_schema",
        Pydantic.nullable(Pydantic.model((inner, at, own) => {
          Pydantic.required(inner, "name", Pydantic.text, at, own)
          Pydantic.optional(inner, "schema", Pydantic.nullable(Pydantic.record), at, own)
        })),
        loc,
        problems
      )
      return body
    })
  ],
  [
    "StructuralTag",
    Pydantic.model((body, loc, problems) => {
      Pydantic.required(body, "type", Pydantic.literal("structural_tag"), loc, problems)
      return body
    })
  ]
)

const tiers = Pydantic.literal("none", "minimal", "low", "medium", "high", "xhigh", "ultra", "max")

const effort: Pydantic.Reader<string | number> = (value, loc, problems) => {
  if (typeof value === "boolean") {
    problems.push({
      type: "value_error",
      loc,
      msg: "Value error, reasoning_effort must not be a boolean",
      input: value
    })
    return undefined
  }
  return Pydantic.union<string | number>(
    ["literal['none','minimal','low','medium','high','xhigh','ultra','max']", tiers],
    ["constrained-float", Pydantic.within(Pydantic.float, 0, 0.99)]
  )(value, loc, problems)
}

const stop = Pydantic.union<ReadonlyArray<string>>(
  ["str", (value, loc, problems) => {
    const read = Pydantic.text(value, loc, problems)
    return read === undefined ? undefined : [read]
  }],
  ["list[str]", Pydantic.list(Pydantic.text)]
)

const biases: Pydantic.Reader<Pydantic.Body> = (value, loc, problems) => {
  const map = Pydantic.record(value, loc, problems)
  for (const [key, bias] of Object.entries(map ?? {})) Pydantic.float(bias, [...loc, key], problems)
  return map
}

interface Sampling {
  readonly temperature: number | undefined
  readonly topP: number | undefined
  readonly topK: number | undefined
  readonly minP: number | undefined
  readonly frequency: number | undefined
  readonly presence: number | undefined
  readonly repetition: number | undefined
  readonly minTokens: number | undefined
  readonly biases: Pydantic.Body | undefined
  readonly seed: unknown
  readonly stop: ReadonlyArray<string>
}

const most = 2_000_000_000

/** SGLang's checks of the parameters of a generation, in its order. */
const verify = (
  sampling: Sampling,
  maxTokens: number | undefined,
  seedText: string | undefined
): string | undefined => {
  const { biases: map, frequency = 0, minP = 0, minTokens = 0, presence = 0, repetition = 1, topK = -1, topP = 1 } =
    sampling
  const temperature = sampling.temperature ?? 1
  if (!Number.isFinite(temperature) || temperature < 0) {
    return `temperature must be a non-negative finite number, got ${float(temperature)}.`
  }
  if (!(topP > 0 && topP <= 1)) return `top_p must be in (0, 1], got ${float(topP)}.`
  if (!(minP >= 0 && minP <= 1)) return `min_p must be in [0, 1], got ${float(minP)}.`
  if (topK !== -1 && topK < 1) return `top_k must be -1 (disable) or at least 1, got ${topK}.`
  if (!(frequency >= -2 && frequency <= 2)) return `frequency_penalty must be in [-2, 2], got ${float(frequency)}.`
  if (!(presence >= -2 && presence <= 2)) return `presence_penalty must be in [-2, 2], got ${float(presence)}.`
  if (!(repetition > 0 && repetition <= 2)) {
    return `repetition_penalty must be in (0, 2] (1.0 = no penalty), got ${float(repetition)}.`
  }
  if (minTokens < 0) return `min_new_tokens must be in [0, max_new_tokens], got ${minTokens}.`
  if (maxTokens !== undefined && maxTokens < 0) return `max_new_tokens must be at least 0, got ${maxTokens}.`
  if (minTokens > (maxTokens ?? most)) {
    return `min_new_tokens must be in [0, max_new_tokens(${maxTokens})], got ${minTokens}.`
  }
  const outside = Object.keys(map ?? {}).find((key) => !(Number(key) >= 0 && Number(key) < Tokenizer.vocabulary))
  if (outside !== undefined) {
    return /^-?\d+$/.test(outside)
      ? `logit_bias must has keys in [0, ${Tokenizer.vocabulary - 1}], got ${outside}.`
      : `invalid literal for int() with base 10: '${outside}'`
  }
  const seed = seedText === undefined ? undefined : BigInt(seedText)
  return seed !== undefined && BigInt.asIntN(64, seed) !== seed
    ? `sampling_seed must be in [-2**63, 2**63 - 1], got ${seedText}.`
    : undefined
}

/** A float as Python prints it. */
const float = (value: number): string => Number.isInteger(value) ? value.toFixed(1) : String(value)

const isRegex = (pattern: string): boolean =>
  Grammar.sample({ type: "regex", value: pattern.replace(/^\^/, "").replace(/\$$/, "") }, Random.make(0))._tag === "Ok"

/** The one constraint of a request; two are refused, and so is what its compiler refuses. */
const constraintOf = (
  format: Pydantic.Body | undefined,
  own: { readonly schema: string | undefined; readonly regex: string | undefined; readonly ebnf: string | undefined }
): Constraint | undefined | Refused => {
  const wrapper = Pydantic.isBody(format?.["json_schema"]) ? format["json_schema"] : undefined
  const schema = format?.["type"] === "json_schema"
    ? wrapper?.["schema"]
    : format?.["type"] === "json_object"
    ? { type: "object", additionalProperties: true }
    : own.schema === undefined
    ? undefined
    : parsed(own.schema)
  const given = [schema, own.regex, own.ebnf].filter((value) => value !== undefined)
  if (given.length > 1) {
    return refused("Only one of json_schema, regex, ebnf, or structural_tag can be set.")
  }
  if (schema !== undefined) {
    const compiled = XgrammarSchema.compile(schema)
    return compiled._tag === "Refused"
      ? refused(`Failed to compile json grammar: ${compiled.message}`, "BAD_REQUEST")
      : { _tag: "Schema", schema: compiled.schema }
  }
  if (own.regex !== undefined) {
    return isRegex(own.regex)
      ? { _tag: "Regex", pattern: own.regex }
      : refused("Failed to compile regex grammar: Regex parsing error", "BAD_REQUEST")
  }
  if (own.ebnf === undefined) return undefined
  const grammar = Gbnf.parse(own.ebnf)
  return grammar === undefined
    ? refused("Failed to compile ebnf grammar: EBNF parser error", "BAD_REQUEST")
    : { _tag: "Grammar", grammar }
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return { type: "not JSON" }
  }
}

const schemaTypes = new Set(["array", "boolean", "integer", "null", "number", "object", "string"])

/** What the meta-schema has against the parameters of a tool, as far as it is told apart here. */
const badParameters = (parameters: unknown): string | undefined => {
  if (parameters === undefined || parameters === null) return undefined
  if (!Pydantic.isBody(parameters)) return `${Pydantic.repr(parameters)} is not of type 'object', 'boolean'`
  const { properties, required, type } = parameters
  const named: ReadonlyArray<unknown> = Array.isArray(type) ? type : type === undefined ? [] : [type]
  if (named.some((name) => typeof name !== "string" || !schemaTypes.has(name))) {
    return `${Pydantic.repr(type)} is not valid under any of the given schemas`
  }
  if (required !== undefined && !Array.isArray(required)) return `${Pydantic.repr(required)} is not of type 'array'`
  if (properties !== undefined && !Pydantic.isBody(properties)) {
    return `${Pydantic.repr(properties)} is not of type 'object'`
  }
  return Object.values(properties ?? {}).map(badParameters).find((found) => found !== undefined)
}

/** The seed as it was written, where it is a whole number. */
const seedText = (text: string, seed: unknown): string | undefined =>
  seed === undefined || seed === null ? undefined : /"seed"\s*:\s*"?(-?\d+)/.exec(text)?.[1]

interface Read {
  readonly problems: Array<Pydantic.Problem>
  readonly field: <A>(name: string, reader: Pydantic.Reader<A>) => A | undefined
}

const open = (body: Pydantic.Body): Read => {
  const problems: Array<Pydantic.Problem> = []
  return {
    problems,
    field: (name, reader) => Pydantic.optional(body, name, reader, ["body"], problems)
  }
}

const readSampling = ({ field }: Read, nullable: boolean): Sampling => {
  const maybe = <A>(reader: Pydantic.Reader<A>) => nullable ? Pydantic.nullable(reader) : reader
  return {
    frequency: field("frequency_penalty", Pydantic.float),
    biases: field("logit_bias", Pydantic.nullable(biases)),
    presence: field("presence_penalty", Pydantic.float),
    seed: field("seed", Pydantic.nullable(Pydantic.integer)),
    stop: field("stop", Pydantic.nullable(stop)) ?? [],
    temperature: field("temperature", maybe(Pydantic.float)),
    topP: field("top_p", maybe(Pydantic.float)),
    topK: field("top_k", maybe(Pydantic.integer)),
    minP: field("min_p", maybe(Pydantic.float)),
    minTokens: field("min_tokens", Pydantic.integer),
    repetition: field("repetition_penalty", maybe(Pydantic.float))
  }
}

const streamOptions = Pydantic.nullable(
  Pydantic.model((body, loc, problems) => ({
    usage: Pydantic.optional(body, "include_usage", Pydantic.nullable(Pydantic.flag), loc, problems) ?? false,
    continuous: Pydantic.optional(body, "continuous_usage_stats", Pydantic.nullable(Pydantic.flag), loc, problems) ??
      false
  }))
)

const positive: Pydantic.Reader<number> = (value, loc, problems) => {
  const read = Pydantic.integer(value, loc, problems)
  if (read === undefined || read > 0) return read
  problems.push({ type: "value_error", loc, msg: "Value error, max_tokens must be positive", input: value })
  return undefined
}

const thinkingOf = (body: Pydantic.Body, kwargs: Pydantic.Body | undefined): boolean | undefined => {
  const asked = kwargs?.["enable_thinking"] ?? kwargs?.["thinking"]
  if (typeof asked === "boolean") return asked
  const wanted = body["reasoning_effort"]
  return wanted === undefined || wanted === null ? undefined : wanted !== "none"
}

/**
 * What is told of the server: its context in tokens, whether it takes images.
 *
 * @category models
 * @since 0.2.0
 */
export interface Server {
  readonly context: number
  readonly multimodal: boolean
}

/**
 * Reads a chat request.
 *
 * @category readers
 * @since 0.2.0
 */
export const chat = (body: Pydantic.Body, text: string, server: Server): OpenAiRequest | Refused => {
  const read = open(body)
  const { field, problems } = read
  const messages = Pydantic.required(body, "messages", Pydantic.list(message), ["body"], problems)
  const model = field("model", Pydantic.text)
  const sampling = readSampling(read, true)
  const logprobs = field("logprobs", Pydantic.flag) ?? false
  const top = field("top_logprobs", Pydantic.nullable(Pydantic.integer))
  const maxTokens = field("max_tokens", Pydantic.nullable(Pydantic.integer))
  const maxCompletion = field("max_completion_tokens", Pydantic.nullable(Pydantic.integer))
  const count = field("n", Pydantic.integer) ?? 1
  const format = field("response_format", Pydantic.nullable(responseFormat))
  const stream = field("stream", Pydantic.flag) ?? false
  const options = field("stream_options", streamOptions)
  const tools = field("tools", Pydantic.nullable(Pydantic.list(tool))) ?? []
  const choice = field("tool_choice", Pydantic.nullable(toolChoice)) ?? (body["tools"] == null ? "none" : "auto")
  const parallel = field("parallel_tool_calls", Pydantic.flag) ?? true
  field("reasoning_effort", Pydantic.nullable(effort))
  field("user", Pydantic.nullable(Pydantic.text))
  const regex = field("regex", Pydantic.nullable(Pydantic.text))
  const ebnf = field("ebnf", Pydantic.nullable(Pydantic.text))
  const continues = field("continue_final_message", Pydantic.flag) ?? false
  const kwargs = field("chat_template_kwargs", Pydantic.nullable(Pydantic.record))
  if (problems.length > 0 || messages === undefined) return misfit(problems)

  const limit = maxCompletion || maxTokens
  const wrong = check(body, { messages, kwargs, tools, choice, limit, format, server })
  if (wrong !== undefined) return refused(wrong)
  if (
    (regex !== undefined || ebnf !== undefined || (format !== undefined && format["type"] !== "text")) &&
    tools.length > 0 && (choice === "required" || typeof choice === "object")
  ) {
    return refused(
      "tool_choice 'required' or a named tool cannot be combined with response_format, regex, or ebnf: the tool-call " +
        "constraint and the output constraint cannot both be honored.",
      "BadRequest"
    )
  }
  const verified = verify(sampling, limit || undefined, seedText(text, body["seed"]))
  if (verified !== undefined) return refused(verified)
  const constraint = constraintOf(format, { schema: undefined, regex, ebnf })
  if (constraint?._tag === "Refused") return constraint
  // a message of the assistant at the end becomes one of the user, unless it is to be continued
  const last = messages.length - 1
  const rendered = messages.map((item, at) =>
    at === last && item.role === "assistant" && !continues ? { ...item, role: "user" } : item
  )
  return {
    model,
    messages: rendered,
    prompts: [],
    maxTokens: limit || undefined,
    sampling: sampling.temperature !== 0,
    seed: seedText(text, body["seed"]),
    stop: sampling.stop,
    count,
    stream,
    includeUsage: options?.usage ?? false,
    continuousUsage: options?.continuous ?? false,
    logprobs,
    topLogprobs: top ?? 0,
    echo: false,
    tools,
    toolChoice: choice,
    parallel,
    constraint,
    thinking: thinkingOf(body, kwargs),
    continues
  }
}

interface Checked {
  readonly messages: ReadonlyArray<Message>
  readonly kwargs: Pydantic.Body | undefined
  readonly tools: ReadonlyArray<Tool>
  readonly choice: Choice
  readonly limit: number | undefined
  readonly format: Pydantic.Body | undefined
  readonly server: Server
}

const mediaIn = (body: Pydantic.Body): string | undefined => {
  const messages: ReadonlyArray<unknown> = Array.isArray(body["messages"]) ? body["messages"] : []
  for (const item of messages) {
    const parts: ReadonlyArray<unknown> = Pydantic.isBody(item) && Array.isArray(item["content"]) ? item["content"] : []
    for (const part of parts) {
      const type = Pydantic.isBody(part) ? part["type"] : undefined
      if (typeof type === "string" && media.has(type)) return type
    }
  }
  return undefined
}

const check = (body: Pydantic.Body, given: Checked): string | undefined => {
  const { choice, format, kwargs, limit, messages, server, tools } = given
  if (messages.length === 0) return "Messages cannot be empty."
  if (kwargs?.["chat_template"] !== undefined) {
    return "Request-supplied chat_template is not allowed. Start the server with --trust-request-chat-template to " +
      "permit it."
  }
  const found = server.multimodal ? undefined : mediaIn(body)
  if (found !== undefined) return `Model only supports text input; received unsupported content type '${found}'.`
  if (choice === "required" && tools.length === 0) return "Tools cannot be empty if tool choice is set to required."
  if (typeof choice === "object") {
    if (tools.length === 0) return "Tools cannot be empty if tool choice is set to a specific tool."
    if (!tools.some(({ name }) => name === choice.name)) return `Tool '${choice.name}' not found in tools list.`
  }
  for (const [at, { parameters }] of tools.entries()) {
    const bad = badParameters(parameters)
    if (bad !== undefined) return `Tool ${at} function has invalid 'parameters' schema: ${bad}`
  }
  if (limit !== undefined && limit > server.context) {
    return `max_completion_tokens is too large: ${limit}.This model supports at most ${server.context} completion tokens.`
  }
  const wrapper = Pydantic.isBody(format?.["json_schema"]) ? format["json_schema"] : undefined
  return format?.["type"] === "json_schema" && (wrapper?.["schema"] === undefined || wrapper["schema"] === null)
    ? "schema_ is required for json_schema response format request."
    : undefined
}

const prompts = Pydantic.union<ReadonlyArray<string>>(
  ["list[int]", (value, loc, problems) => {
    const ids = Pydantic.list(Pydantic.integer)(value, loc, problems)
    return ids === undefined ? undefined : [ids.map(Tokenizer.known).join("")]
  }],
  [
    "list[list[int]]",
    (value, loc, problems) =>
      Pydantic.list(Pydantic.list(Pydantic.integer))(value, loc, problems)
        ?.map((ids) => ids.map(Tokenizer.known).join(""))
  ],
  ["str", (value, loc, problems) => {
    const read = Pydantic.text(value, loc, problems)
    return read === undefined ? undefined : [read]
  }],
  ["list[str]", Pydantic.list(Pydantic.text)]
)

/**
 * Reads a completions request.
 *
 * @category readers
 * @since 0.2.0
 */
export const completions = (body: Pydantic.Body, text: string): OpenAiRequest | Refused => {
  const read = open(body)
  const { field, problems } = read
  const model = field("model", Pydantic.text)
  const given = Pydantic.required(body, "prompt", prompts, ["body"], problems)
  const echo = field("echo", Pydantic.flag) ?? false
  const sampling = readSampling(read, false)
  const top = field("logprobs", Pydantic.nullable(Pydantic.integer))
  const maxTokens = field("max_tokens", positive) ?? 16
  const count = field("n", Pydantic.integer) ?? 1
  const stream = field("stream", Pydantic.flag) ?? false
  const options = field("stream_options", streamOptions)
  const schema = field("json_schema", Pydantic.nullable(Pydantic.text))
  const regex = field("regex", Pydantic.nullable(Pydantic.text))
  const ebnf = field("ebnf", Pydantic.nullable(Pydantic.text))
  const format = field("response_format", Pydantic.nullable(responseFormat))
  if (problems.length > 0 || given === undefined) return misfit(problems)
  if (given.every((prompt) => prompt === "")) return refused("Prompt cannot be empty")
  const verified = verify(sampling, maxTokens, seedText(text, body["seed"]))
  if (verified !== undefined) return refused(verified)
  const constraint = constraintOf(format, { schema, regex, ebnf })
  if (constraint?._tag === "Refused") return constraint
  return {
    model,
    messages: [],
    prompts: given,
    maxTokens,
    sampling: sampling.temperature !== 0,
    seed: seedText(text, body["seed"]),
    stop: sampling.stop,
    count,
    stream,
    includeUsage: options?.usage ?? false,
    continuousUsage: options?.continuous ?? false,
    logprobs: top !== undefined,
    topLogprobs: top ?? 0,
    echo,
    tools: [],
    toolChoice: "none",
    parallel: true,
    constraint,
    thinking: undefined,
    continues: false
  }
}
