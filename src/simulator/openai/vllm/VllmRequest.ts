/**
 * Requests to vLLM 0.32, read with its types and checked in its order. What is wrong is thrown as `Thrown`.
 *
 * @since 0.2.0
 */
import * as Tokenizer from "../../model/Tokenizer.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import type { Message, OpenAiRequest, Tool } from "../OpenAiRequest.ts"
import * as VllmJson from "./VllmJson.ts"
import * as VllmOutputs from "./VllmOutputs.ts"

const { invalid } = VllmJson

type Body = Pydantic.Body

const isText = (value: unknown): value is string => typeof value === "string"

const given = (value: unknown): boolean => value !== undefined && value !== null

/** Python's idea of a value that counts as there. */
const truthy = (value: unknown): boolean =>
  given(value) && value !== false && value !== 0 && value !== "" && !(Array.isArray(value) && value.length === 0)

const most = 20

const checkProbabilities = (body: Body, name: "top_logprobs" | "logprobs"): void => {
  if (truthy(body["logprob_token_ids"]) && !given(body["logprobs"])) {
    invalid(
      `when using \`logprob_token_ids\`, \`logprobs\` must be set${name === "top_logprobs" ? " to true" : ""}.`,
      "logprob_token_ids"
    )
  }
  for (const field of ["prompt_logprobs", name]) {
    const value = body[field]
    if (given(value) && typeof value !== "number" && typeof value !== "boolean") {
      invalid(`\`${field}\` must be an integer.`, field, isText(value) ? value : Pydantic.repr(value))
    }
  }
  const prompt = Number(body["prompt_logprobs"] ?? 0)
  if (truthy(body["stream"]) && (prompt > 0 || prompt === -1)) {
    invalid("`prompt_logprobs` are not available when `stream=True`.", "prompt_logprobs")
  }
  if (prompt < 0 && prompt !== -1) {
    invalid("`prompt_logprobs` must be a positive value or -1.", "prompt_logprobs", String(prompt))
  }
  const top = Number(body[name] ?? 0)
  if (top < 0 && top !== -1) invalid(`\`${name}\` must be a positive value or -1.`, name, String(top))
  if (name === "top_logprobs" && (top === -1 || top > 0) && !truthy(body["logprobs"])) {
    invalid("when using `top_logprobs`, `logprobs` must be set to true.", "top_logprobs")
  }
}

const checkStreamOptions = (body: Body): void => {
  if (truthy(body["stream_options"]) && !truthy(body["stream"])) {
    invalid("Stream options can only be defined when `stream=True`.", "stream_options")
  }
}

const checkFormat = (body: Body): void => {
  const format = body["response_format"]
  if (!Pydantic.isBody(format)) return
  if (format["type"] === "json_schema" && !given(format["json_schema"])) {
    invalid(
      "When response_format type is 'json_schema', the 'json_schema' field must be provided.",
      "response_format"
    )
  }
  if (format["type"] === "structural_tag" && !given(format["structures"]) && !given(format["format"])) {
    invalid("Invalid response_format structural_tag specification.", "response_format")
  }
}

const usage = "Correct usage: `{\"type\": \"function\", \"function\": {\"name\": \"my_function\"}}`"

const checkNamed = (choice: Body, tools: unknown): void => {
  const inner = choice["function"]
  if (!Pydantic.isBody(inner)) {
    return invalid(
      `Invalid value for \`function\`: \`${Pydantic.repr(inner)}\` in \`tool_choice\`! ${usage}`,
      "tool_choice.function"
    )
  }
  const { name } = inner
  if (name === undefined) {
    return invalid(`Expected field \`name\` in \`function\` in \`tool_choice\`! ${usage}`, "tool_choice.function.name")
  }
  if (!isText(name) || name === "") {
    return invalid(
      `Invalid \`name\` in \`function\`: \`${isText(name) ? name : Pydantic.repr(name)}\` in \`tool_choice\`! ${usage}`,
      "tool_choice.function.name"
    )
  }
  const known = Array.isArray(tools) &&
    tools.some((tool: unknown) =>
      Pydantic.isBody(tool) && Pydantic.isBody(tool["function"]) && tool["function"]["name"] === name
    )
  if (!known) {
    invalid("The tool specified in `tool_choice` does not match any of the specified `tools`", "tool_choice")
  }
}

/** The checks of tools, and the choice that they amount to where none is named. */
const checkTools = (body: Body): unknown => {
  const { tools } = body
  if (Array.isArray(tools) && tools.length === 0) {
    return invalid(
      "`tools` must not be an empty array. Either provide at least one tool or omit the field entirely.",
      "tools"
    )
  }
  const choice = body["tool_choice"] === undefined && truthy(tools) ? "auto" : body["tool_choice"]
  if (choice === "none" || !given(choice)) return choice
  if (!given(tools)) return invalid("When using `tool_choice`, `tools` must be set.", "tool_choice")
  if (Pydantic.isBody(choice)) checkNamed(choice, tools)
  else if (choice !== "auto" && choice !== "required") {
    const shown = isText(choice) ? choice : Pydantic.repr(choice)
    invalid(
      `Invalid value for \`tool_choice\`: ${shown}! Only named tools, "none", "auto" or "required" are supported.`,
      "tool_choice"
    )
  }
  return choice
}

const checkSalt = (body: Body): void => {
  const salt = body["cache_salt"]
  if (!given(salt)) return
  if (!isText(salt) || salt === "") {
    return invalid("Parameter 'cache_salt' must be a non-empty string if provided.", "cache_salt")
  }
  if (salt.length > 128 || /[@/\\\0]/.test(salt)) {
    invalid(
      "Parameter 'cache_salt' must be at most 128 characters and must not contain '@', '/', '\\\\', or NUL.",
      "cache_salt"
    )
  }
}

/** What is checked of a chat before its types are. */
const checkChat = (body: Body): unknown => {
  const { messages } = body
  if (messages === null || typeof messages === "number" || typeof messages === "boolean") {
    const type = messages === null ? "NoneType" : typeof messages === "number" ? "int" : "bool"
    return invalid(`'${type}' object is not iterable`)
  }
  if (truthy(body["continue_final_message"]) && truthy(body["add_generation_prompt"])) {
    return invalid("Cannot set both `continue_final_message` and `add_generation_prompt` to True.")
  }
  const choice = checkTools(body)
  VllmOutputs.check(body, choice, true)
  checkProbabilities(body, "top_logprobs")
  checkStreamOptions(body)
  checkFormat(body)
  checkSalt(body)
  return choice
}

const content: Pydantic.Reader<string> = (value, loc, problems) => {
  if (isText(value)) return value
  if (Array.isArray(value)) {
    return value.map((part: unknown) => {
      if (isText(part)) return part
      if (!Pydantic.isBody(part)) return ""
      const url = part["image_url"]
      return Pydantic.isBody(url) ? `![](${String(url["url"])})` : isText(part["text"]) ? part["text"] : ""
    }).join("\n")
  }
  problems.push(
    { type: "string_type", loc, msg: "Input should be a valid string", input: value },
    { type: "iterable_type", loc, msg: "Input should be iterable", input: value }
  )
  return undefined
}

const messageTypes = ["Developer", "System", "User", "Assistant", "Tool", "Function"]

/** A message of any role, whose content may be absent; null is for the assistant's alone. */
const message: Pydantic.Reader<Message> = (value, loc, problems) => {
  const at = (name: string) => [...loc, `ChatCompletion${name}MessageParam`]
  if (!Pydantic.isBody(value)) {
    const msg = "Input should be a valid dictionary"
    problems.push(...messageTypes.map((name) => ({ type: "dict_type", loc: at(name), msg, input: value })))
    return undefined
  }
  const { role } = value
  if (!isText(role)) {
    const missing = role === undefined
    problems.push(...messageTypes.map((name) => ({
      type: missing ? "missing" : "literal_error",
      loc: [...at(name), "role"],
      msg: missing ? "Field required" : `Input should be '${name.toLowerCase()}'`,
      input: missing ? value : role
    })))
    return undefined
  }
  const calls = Array.isArray(value["tool_calls"]) && value["tool_calls"].length > 0
    ? JSON.stringify(value["tool_calls"])
    : ""
  if (value["content"] === undefined || (value["content"] === null && role === "assistant")) {
    return { role, content: calls }
  }
  const text = content(value["content"], [...at("Developer"), "content"], problems)
  return text === undefined ? undefined : { role, content: text + calls }
}

/** Whether its arguments are held to the schema: only where the tool says so. */
interface VllmTool extends Tool {
  readonly strict: boolean
}

const tool: Pydantic.Reader<VllmTool> = Pydantic.model((body, loc, problems) => {
  Pydantic.optional(body, "type", Pydantic.literal("function"), loc, problems)
  const inner = Pydantic.required(
    body,
    "function",
    Pydantic.model((definition, at, own) => ({
      name: Pydantic.required(definition, "name", Pydantic.text, at, own) ?? "",
      parameters: Pydantic.optional(definition, "parameters", Pydantic.nullable(Pydantic.record), at, own),
      strict: Pydantic.optional(definition, "strict", Pydantic.nullable(Pydantic.flag), at, own) ?? false
    })),
    loc,
    problems
  )
  return inner ?? { name: "", parameters: undefined, strict: false }
})

/** A list of tools; the other kinds of value that a form takes are `structural_tag`'s. */
const responseFormat = Pydantic.union<Body>(
  ["ResponseFormat()", (value, loc, problems) =>
    Pydantic.model((body, at, own) => {
      Pydantic.required(body, "type", Pydantic.literal("text", "json_object", "json_schema"), at, own)
      Pydantic.optional(
        body,
        "json_schema",
        Pydantic.nullable(Pydantic.model((inner, place, problem) => {
          Pydantic.required(inner, "name", Pydantic.text, place, problem)
          Pydantic.optional(inner, "schema", Pydantic.nullable(Pydantic.record), place, problem)
          Pydantic.optional(inner, "strict", Pydantic.nullable(Pydantic.flag), place, problem)
        })),
        at,
        own
      )
      return body
    })(value, loc, problems)],
  ["StructuralTagResponseFormat()", (value, loc, problems) =>
    Pydantic.model((body, at, own) => {
      Pydantic.required(body, "type", Pydantic.literal("structural_tag"), at, own)
      Pydantic.required(body, "format", Pydantic.anything, at, own)
      return body
    })(value, loc, problems)],
  ["LegacyStructuralTagResponseFormat()", (value, loc, problems) =>
    Pydantic.model((body, at, own) => {
      Pydantic.required(body, "type", Pydantic.literal("structural_tag"), at, own)
      Pydantic.required(body, "structures", Pydantic.list(Pydantic.record), at, own)
      Pydantic.required(body, "triggers", Pydantic.list(Pydantic.text), at, own)
      return body
    })(value, loc, problems)]
)

const outputs = Pydantic.model((body, loc, problems) => {
  Pydantic.optional(body, "regex", Pydantic.nullable(Pydantic.text), loc, problems)
  Pydantic.optional(body, "choice", Pydantic.nullable(Pydantic.list(Pydantic.text)), loc, problems)
  Pydantic.optional(body, "grammar", Pydantic.nullable(Pydantic.text), loc, problems)
  Pydantic.optional(body, "json_object", Pydantic.nullable(Pydantic.flag), loc, problems)
  return body
})

const stop = Pydantic.union<ReadonlyArray<string>>(
  ["str", (value, loc, problems) => {
    const read = Pydantic.text(value, loc, problems)
    return read === undefined ? undefined : [read]
  }],
  ["list[str]", Pydantic.list(Pydantic.text, 4)]
)

const biases: Pydantic.Reader<Body> = (value, loc, problems) => {
  const map = Pydantic.record(value, loc, problems)
  for (const [key, bias] of Object.entries(map ?? {})) Pydantic.float(bias, [...loc, key], problems)
  return map
}

const streamOptions = Pydantic.model((body, loc, problems) => ({
  usage: Pydantic.optional(body, "include_usage", Pydantic.nullable(Pydantic.flag), loc, problems) ?? false,
  continuous: Pydantic.optional(body, "continuous_usage_stats", Pydantic.nullable(Pydantic.flag), loc, problems) ??
    false
}))

const seedLimit = BigInt("9223372036854775807")

/** An int64, read from the text because most are more than a double holds. */
const seed = (text: string): Pydantic.Reader<string> => (value, loc, problems) => {
  if (Pydantic.integer(value, loc, problems) === undefined) return undefined
  const written = /"seed"\s*:\s*"?(-?\d+)/.exec(text)?.[1] ?? String(Number(value))
  const number = BigInt(written)
  if (number <= seedLimit && number >= -seedLimit - BigInt(1)) return written
  const high = number > seedLimit
  const bound = high ? "9223372036854775807" : "-9223372036854775808"
  problems.push({
    type: high ? "less_than_equal" : "greater_than_equal",
    loc,
    msg: `Input should be ${high ? "less" : "greater"} than or equal to ${bound}`,
    input: written,
    ctx: { [high ? "le" : "ge"]: Pydantic.verbatim(bound) }
  })
  return undefined
}

/**
 * A request that was read, with what vLLM alone asks.
 *
 * @category models
 * @since 0.2.0
 */
export interface VllmRequest {
  readonly request: OpenAiRequest
  /** What makes the engine refuse after the request was taken; inside a stream, an event. */
  readonly late: VllmJson.Thrown | undefined
  readonly promptText: boolean
  readonly tokenIds: boolean
  readonly promptLogprobs: number | undefined
  readonly labels: ReadonlyArray<number>
  readonly includeReasoning: boolean
  readonly includeStop: boolean
}

/** What is told of the server. @category models @since 0.2.0 */
export interface Server {
  readonly modelId: string
  readonly context: number
  readonly multimodal: boolean
}

interface Sampling {
  readonly count: number | undefined
  readonly presence: number | undefined
  readonly frequency: number | undefined
  readonly repetition: number | undefined
  readonly temperature: number | undefined
  readonly topP: number | undefined
  readonly topK: number | undefined
  readonly minP: number | undefined
  readonly minTokens: number | undefined
  readonly stop: ReadonlyArray<string>
  readonly badWords: ReadonlyArray<string>
  readonly biases: Body | undefined
}

const { float } = VllmJson

/** The checks of the parameters of a generation, in their order. */
const verify = (sampling: Sampling, maxTokens: number | undefined, beams: boolean): void => {
  const { badWords, biases: map, count = 1, frequency = 0, minP = 0, minTokens = 0, presence = 0, repetition = 1 } =
    sampling
  const { temperature = 1, topK = 0, topP = 1 } = sampling
  const keys = Object.keys(map ?? {}).filter((key) => !/^\s*-?\d+\s*$/.test(key))
  if (keys.length > 0) {
    invalid(
      `logit_bias contains key(s) that cannot be converted to integer token IDs: ${Pydantic.repr(keys)}`,
      "logit_bias",
      Pydantic.repr(keys)
    )
  }
  if (count < 1) invalid(`n must be at least 1, got ${count}.`)
  if (!(presence >= -2 && presence <= 2)) invalid(`presence_penalty must be in [-2, 2], got ${float(presence)}.`)
  if (!(frequency >= -2 && frequency <= 2)) invalid(`frequency_penalty must be in [-2, 2], got ${float(frequency)}.`)
  if (!(repetition > 0)) invalid(`repetition_penalty must be greater than zero, got ${float(repetition)}.`)
  const shown = float(temperature)
  if (!Number.isFinite(temperature)) {
    invalid(`temperature must be a finite number, got ${shown}.`, "temperature", shown)
  }
  if (temperature < 0) invalid(`temperature must be non-negative, got ${shown}.`, "temperature", shown)
  if (temperature > 2) invalid(`temperature must be in [0, 2], got ${shown}.`, "temperature", shown)
  if (!(topP > 0 && topP <= 1)) invalid(`top_p must be in (0, 1], got ${float(topP)}.`, "top_p", float(topP))
  if (topK < -1) invalid(`top_k must be 0 (disable), or at least 1, got ${topK}.`)
  if (!(minP >= 0 && minP <= 1)) invalid(`min_p must be in [0, 1], got ${float(minP)}.`)
  if (maxTokens !== undefined && maxTokens < 1) {
    invalid(`max_tokens must be at least 1, got ${maxTokens}.`, "max_tokens", String(maxTokens))
  }
  if (minTokens < 0) invalid(`min_tokens must be greater than or equal to 0, got ${minTokens}.`)
  if (maxTokens !== undefined && minTokens > maxTokens) {
    invalid(`min_tokens must be less than or equal to max_tokens=${maxTokens}, got ${minTokens}.`)
  }
  if (sampling.stop.includes("")) invalid("stop cannot contain an empty string.")
  if (badWords.includes("")) {
    invalid(`bad_words cannot contain an empty string. Got bad_words=${Pydantic.repr(badWords)}`)
  }
  if (temperature === 0 && count > 1 && !beams) invalid(`n must be 1 when using greedy sampling, got ${count}.`)
}

/** What the engine refuses when the request reaches it. */
const engineCheck = (sampling: Sampling, body: Body, top: number | undefined): void => {
  const wanted = top === -1 ? Tokenizer.vocabulary : top
  if (wanted !== undefined && wanted > most) {
    invalid(
      `Requested sample logprobs of ${wanted}, which is greater than max allowed: ${most}`,
      "logprobs",
      String(wanted)
    )
  }
  const outside = Object.keys(sampling.biases ?? {}).map(Number).filter((id) => id < 0 || id >= Tokenizer.vocabulary)
  if (outside.length > 0) {
    invalid(
      `token_id(s) ${Pydantic.repr(outside)} in logit_bias contain out-of-vocab token ids. Vocabulary size: ` +
        String(Tokenizer.vocabulary),
      "logit_bias",
      Pydantic.repr(outside)
    )
  }
  const allowed = body["allowed_token_ids"]
  if (Array.isArray(allowed) && allowed.length === 0) {
    invalid("allowed_token_ids is not None and empty!", "allowed_token_ids", "[]")
  }
}

const caught = (check: () => void): VllmJson.Thrown | undefined => {
  try {
    check()
    return undefined
  } catch (error) {
    if (error instanceof VllmJson.Thrown) return error
    throw error
  }
}

class Fields {
  readonly problems: Array<Pydantic.Problem> = []
  readonly body: Body

  constructor(body: Body) {
    this.body = body
  }

  read<A>(name: string, reader: Pydantic.Reader<A>): A | undefined {
    return Pydantic.optional(this.body, name, reader, ["body"], this.problems)
  }

  maybe<A>(name: string, reader: Pydantic.Reader<A>): A | undefined {
    return this.read(name, Pydantic.nullable(reader))
  }
}

const budget = (fields: Fields): void => {
  const value = fields.body["thinking_token_budget"]
  if (!given(value)) return
  if (typeof value !== "number" || !Number.isInteger(value) || value < -1) {
    invalid(
      "`thinking_token_budget` must be a non-negative integer or -1 for unlimited.",
      "thinking_token_budget",
      Pydantic.repr(value)
    )
  }
}

const common = (fields: Fields, text: string, chat: boolean) => {
  const sampling = {
    frequency: fields.maybe("frequency_penalty", Pydantic.float),
    biases: fields.maybe("logit_bias", biases),
    count: chat ? fields.maybe("n", Pydantic.integer) : fields.read("n", Pydantic.integer),
    presence: fields.maybe("presence_penalty", Pydantic.float),
    stop: fields.maybe("stop", stop) ?? [],
    temperature: fields.maybe("temperature", Pydantic.float),
    topP: fields.maybe("top_p", Pydantic.float),
    topK: fields.maybe("top_k", Pydantic.integer),
    minP: fields.maybe("min_p", Pydantic.float),
    repetition: fields.maybe("repetition_penalty", Pydantic.float),
    minTokens: fields.read("min_tokens", Pydantic.integer),
    badWords: fields.read("bad_words", Pydantic.list(Pydantic.text)) ?? []
  }
  fields.read("length_penalty", Pydantic.float)
  fields.maybe("stop_token_ids", Pydantic.list(Pydantic.integer))
  fields.read("ignore_eos", Pydantic.flag)
  fields.maybe("user", Pydantic.text)
  fields.maybe("truncate_prompt_tokens", Pydantic.within(Pydantic.integer, -1, Number.MAX_SAFE_INTEGER))
  const options = fields.maybe("stream_options", streamOptions)
  return {
    sampling,
    model: fields.maybe("model", Pydantic.text),
    seed: fields.maybe("seed", seed(text)),
    stream: fields.maybe("stream", Pydantic.flag) ?? false,
    usage: options?.usage ?? false,
    continuous: options?.continuous ?? false,
    format: fields.maybe("response_format", responseFormat),
    outputs: fields.maybe("structured_outputs", outputs),
    tokenIds: fields.maybe("return_token_ids", Pydantic.flag) ?? false,
    promptLogprobs: fields.maybe("prompt_logprobs", Pydantic.integer),
    labels: fields.maybe("logprob_token_ids", Pydantic.list(Pydantic.integer)) ?? [],
    includeStop: fields.read("include_stop_str_in_output", Pydantic.flag) ?? false
  }
}

/** vLLM serves what it was started with and nothing else; no name, or an empty one, is that. @category checks @since 0.2.0 */
export const served = (server: Server, model: string | undefined): void => {
  if (model === undefined || model === "" || model === server.modelId) return
  throw new VllmJson.Thrown(
    404,
    `The model \`${model}\` does not exist. Valid aliases: ${server.modelId}.`,
    "NotFoundError",
    "model"
  )
}

/** A prompt that leaves no room, or a limit above the context. @category checks @since 0.2.0 */
export const fits = (server: Server, input: number, name: string, wanted: number | undefined): void => {
  if (wanted !== undefined && wanted > server.context) {
    invalid(
      `${name}=${wanted} cannot be greater than max_model_len=${server.context}. Please request fewer output tokens.`,
      name,
      String(wanted)
    )
  }
  if (input >= server.context) {
    const least = server.context + 1
    invalid(
      `This model's maximum context length is ${server.context} tokens. However, your prompt contains at least ${least} ` +
        "input tokens, which exceeds this limit even without any output tokens. Please reduce the length of the input " +
        "prompt.",
      "input_tokens",
      String(least)
    )
  }
}

const hasImage = (body: Body): boolean =>
  Array.isArray(body["messages"]) &&
  body["messages"].some((item: unknown) =>
    Pydantic.isBody(item) && Array.isArray(item["content"]) && item["content"].some((part: unknown) =>
      Pydantic.isBody(part) && (part["type"] === "image_url" || part["image_url"] !== undefined)
    )
  )

const partTypes = new Set(["text", "refusal", "thinking", "image_url", "input_audio", "audio_url", "video_url", "file"])

const oddPart = (body: Body): unknown =>
  (Array.isArray(body["messages"]) ? body["messages"] : [])
    .flatMap((item: unknown): ReadonlyArray<unknown> =>
      Pydantic.isBody(item) && Array.isArray(item["content"]) ? item["content"] : []
    )
    .find((part) => Pydantic.isBody(part) && part["type"] !== undefined && !partTypes.has(String(part["type"])))

const checkPrompt = (body: Body, server: Server, messages: ReadonlyArray<Message>, kwargs: Body | undefined): void => {
  if (given(body["chat_template"]) || kwargs?.["chat_template"] !== undefined) {
    invalid(
      "Chat template is passed with request, but --trust-request-chat-template is not set. Refused request with untrusted " +
        "chat template."
    )
  }
  for (const name of ["mm_processor_kwargs", "media_io_kwargs"]) {
    if (Pydantic.isBody(body[name]) && Object.keys(body[name]).length > 0) {
      const what = name === "mm_processor_kwargs" ? "preprocessing" : "media loading"
      invalid(
        `Per-request ${name} are disabled by default because they can change multimodal ${what} resource usage. Start the ` +
          "server with --trust-request-mm-kwargs only when clients are trusted.",
        name
      )
    }
  }
  const odd = oddPart(body)
  if (odd !== undefined) {
    invalid(
      `8 validation errors for ValidatorIterator\n0.ChatCompletionContentPartTextParam.text\n  Field required ` +
        `[type=missing, input_value=${Pydantic.repr(odd)}, input_type=dict]`
    )
  }
  if (!server.multimodal && hasImage(body)) invalid(`${server.modelId} is not a multimodal model`)
  if (messages.length === 0) {
    invalid("Cannot apply chat template to an empty conversation. Provide at least one message.")
  }
  if (truthy(body["continue_final_message"]) && body["add_generation_prompt"] !== false) {
    invalid(
      "continue_final_message and add_generation_prompt are not compatible. Use continue_final_message when you want the " +
        "model to continue the final message, and add_generation_prompt when you want to add a header that will prompt it " +
        "to start a new assistant message instead."
    )
  }
}

const efforts = Pydantic.literal("none", "minimal", "low", "medium", "high", "xhigh", "max")

/**
 * Reads a chat request up to its prompt. `measure` renders the messages and counts their tokens.
 *
 * @category readers
 * @since 0.2.0
 */
export const chat = (
  body: Body,
  text: string,
  server: Server,
  measure: (messages: ReadonlyArray<Message>, continues: boolean) => number
): VllmRequest => {
  const choice = checkChat(body)
  const fields = new Fields(body)
  budget(fields)
  const messages = Pydantic.required(body, "messages", Pydantic.list(message), ["body"], fields.problems)
  const own = common(fields, text, true)
  const logprobs = fields.maybe("logprobs", Pydantic.flag) ?? false
  const top = fields.maybe("top_logprobs", Pydantic.integer) ?? 0
  const maxTokens = fields.maybe("max_tokens", Pydantic.integer)
  const maxCompletion = fields.maybe("max_completion_tokens", Pydantic.integer)
  const tools = fields.maybe("tools", Pydantic.list(tool)) ?? []
  const parallel = fields.maybe("parallel_tool_calls", Pydantic.flag) ?? true
  const effort = fields.maybe("reasoning_effort", efforts)
  const kwargs = fields.maybe("chat_template_kwargs", Pydantic.record)
  const includeReasoning = fields.read("include_reasoning", Pydantic.flag) ?? true
  const continues = fields.read("continue_final_message", Pydantic.flag) ?? false
  const promptText = fields.maybe("return_prompt_text", Pydantic.flag) ?? false
  if (fields.problems.length > 0 || messages === undefined) return VllmJson.misfit(fields.problems)

  served(server, own.model)
  checkPrompt(body, server, messages, kwargs)
  const limit = maxCompletion ?? maxTokens
  const name = maxCompletion === undefined ? "max_tokens" : "max_completion_tokens"
  if (limit !== undefined && limit > server.context) fits(server, 0, name, limit)
  fits(server, measure(messages, continues), name, limit)
  const asked = VllmOutputs.read(own.outputs, own.format)
  verify(own.sampling, limit, truthy(body["use_beam_search"]))
  const held: { constraint?: OpenAiRequest["constraint"] } = {}
  const late = caught(() => {
    engineCheck(own.sampling, body, logprobs && own.labels.length === 0 ? top : undefined)
    held.constraint = VllmOutputs.compile(asked)
  })
  const named = Pydantic.isBody(choice) && Pydantic.isBody(choice["function"])
    ? { name: String(choice["function"]["name"]) }
    : undefined
  const toolChoice = named ?? (choice === "auto" || choice === "required" ? choice : "none")
  const forced = toolChoice === "required" || typeof toolChoice === "object"
  const asking = kwargs?.["enable_thinking"] ?? kwargs?.["thinking"]
  return {
    late,
    promptText,
    tokenIds: own.tokenIds,
    promptLogprobs: own.promptLogprobs,
    labels: own.labels,
    includeReasoning,
    includeStop: own.includeStop,
    request: {
      model: own.model === "" ? undefined : own.model,
      messages,
      prompts: [],
      maxTokens: limit,
      sampling: own.sampling.temperature !== 0,
      seed: own.seed === "-1" ? undefined : own.seed,
      stop: own.sampling.stop,
      count: own.sampling.count ?? 1,
      stream: own.stream,
      includeUsage: own.usage,
      continuousUsage: own.continuous,
      logprobs,
      topLogprobs: top,
      echo: false,
      // without `strict` a forced call is held to no schema
      tools: tools.map((each) => forced && !each.strict ? { ...each, parameters: { type: "integer" } } : each),
      toolChoice,
      parallel,
      constraint: held.constraint,
      thinking: typeof asking === "boolean" ? asking : effort === undefined ? undefined : effort !== "none",
      continues
    }
  }
}

const tokenId = Pydantic.within(Pydantic.integer, 0, Number.MAX_SAFE_INTEGER)

const decode = (ids: ReadonlyArray<number>): string =>
  ids.map((id) => id < Tokenizer.vocabulary ? Tokenizer.known(id) : invalid(`Token id ${id} is out of vocabulary`))
    .join("")

const prompts = Pydantic.union<ReadonlyArray<string>>(
  ["list[constrained-int]", (value, loc, problems) => {
    const ids = Pydantic.list(tokenId)(value, loc, problems)
    return ids === undefined ? undefined : ids.length === 0 ? [] : [decode(ids)]
  }],
  [
    "list[list[constrained-int]]",
    (value, loc, problems) => Pydantic.list(Pydantic.list(tokenId))(value, loc, problems)?.map(decode)
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
export const completions = (body: Body, text: string, server: Server): VllmRequest => {
  if (!truthy(body["prompt"]) && !Array.isArray(body["prompt"])) {
    return invalid("Either prompt or prompt_embeds must be provided and non-empty.", "prompt")
  }
  checkStreamOptions(body)
  checkProbabilities(body, "logprobs")
  VllmOutputs.check(body, undefined, false)
  checkFormat(body)
  checkSalt(body)
  const fields = new Fields(body)
  budget(fields)
  const list = fields.read("prompt", prompts)
  const own = common(fields, text, false)
  const echo = fields.maybe("echo", Pydantic.flag) ?? false
  const top = fields.maybe("logprobs", Pydantic.integer)
  const limit = fields.maybe("max_tokens", Pydantic.integer) ?? 16
  const special = fields.read("add_special_tokens", Pydantic.flag) ?? true
  if (fields.problems.length > 0 || list === undefined) return VllmJson.misfit(fields.problems)
  served(server, own.model)
  if (truthy(body["suffix"])) {
    throw new VllmJson.Thrown(
      400,
      "suffix is only supported for models with FIM completion rendering",
      "BadRequestError",
      "suffix"
    )
  }
  if (list.length === 0) return invalid("You must pass at least one prompt")
  for (const prompt of list) fits(server, Tokenizer.count(prompt) + (special ? 1 : 0), "max_tokens", limit)
  const asked = VllmOutputs.read(own.outputs, own.format)
  const none = echo && limit === 0
  verify(own.sampling, none ? 1 : limit, truthy(body["use_beam_search"]))
  const held: { constraint?: OpenAiRequest["constraint"] } = {}
  const late = caught(() => {
    engineCheck(own.sampling, body, own.labels.length === 0 ? top : undefined)
    held.constraint = VllmOutputs.compile(asked)
  })
  return {
    late,
    promptText: false,
    tokenIds: own.tokenIds,
    promptLogprobs: own.promptLogprobs,
    labels: own.labels,
    includeReasoning: true,
    includeStop: own.includeStop,
    request: {
      model: own.model === "" ? undefined : own.model,
      messages: [],
      prompts: list,
      maxTokens: limit,
      sampling: own.sampling.temperature !== 0,
      seed: own.seed === "-1" ? undefined : own.seed,
      stop: own.sampling.stop,
      count: own.sampling.count ?? 1,
      stream: own.stream,
      includeUsage: own.usage,
      continuousUsage: own.continuous,
      logprobs: top !== undefined,
      topLogprobs: top ?? 0,
      echo,
      tools: [],
      toolChoice: "none",
      parallel: true,
      constraint: held.constraint,
      thinking: undefined,
      continues: false
    }
  }
}
