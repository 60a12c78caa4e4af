/**
 * Requests to SGLang 0.5.23, read with its types and checked in its order: every mistake is a 400.
 *
 * @since 0.2.0
 */
import * as Pydantic from "../../wire/Pydantic.ts"
import { type Message, noChat, type OpenAiRequest, type Tool } from "../OpenAiRequest.ts"
import { badParameters, constraintOf } from "./SglangConstraint.ts"
import {
  type Choice,
  effort,
  message,
  open,
  positive,
  prompts,
  readSampling,
  responseFormat,
  streamOptions,
  tool,
  toolChoice
} from "./SglangFields.ts"
import { misfit, type Refused, refused } from "./SglangRefusal.ts"
import { oversized, seedText, verify } from "./SglangSampling.ts"

const task = Pydantic.literal("action", "query", "authority", "domain", "title", "read_url")

const media = new Set(["image_url", "video_url", "audio_url", "input_audio"])

const thinkingOf = (body: Pydantic.Body, kwargs: Pydantic.Body | undefined): boolean | undefined => {
  const asked = kwargs?.["enable_thinking"] ?? kwargs?.["thinking"]
  if (typeof asked === "boolean") return asked
  const wanted = body["reasoning_effort"]
  return wanted === undefined || wanted === null ? undefined : wanted !== "none"
}

/**
 * What is known about the server: its context in tokens, and whether it accepts images.
 *
 * @category models
 * @since 0.2.0
 */
export interface Server {
  readonly context: number
  readonly multimodal: boolean
}

/** A format whose schema stands beside its type, with the schema where it belongs. */
const wrapped = (format: unknown): unknown => {
  if (!Pydantic.isBody(format) || format["type"] !== "json_schema" || format["json_schema"]) return format
  const { schema, ...rest } = format
  return Pydantic.isBody(schema) && Object.keys(schema).length > 0
    ? { ...rest, json_schema: { name: schema["title"] ?? "Schema", schema } }
    : format
}

/**
 * Reads a chat request.
 *
 * @category readers
 * @since 0.2.0
 */
export const chat = (body: Pydantic.Body, text: string, server: Server): OpenAiRequest | Refused => {
  const read = open({ ...body, response_format: wrapped(body["response_format"]) })
  const { field, problems } = read
  // the server puts a choice of tools into the body before it is read
  const filled = { ...body, tool_choice: body["tool_choice"] ?? (body["tools"] == null ? "none" : "auto") }
  const messages = Pydantic.required(filled, "messages", Pydantic.list(message), ["body"], problems)
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
  for (const name of ["separate_reasoning", "return_prompt_token_ids", "return_meta_info"]) field(name, Pydantic.flag)
  field("task", Pydantic.nullable(task))
  const regex = field("regex", Pydantic.nullable(Pydantic.text))
  const ebnf = field("ebnf", Pydantic.nullable(Pydantic.text))
  const continues = field("continue_final_message", Pydantic.flag) ?? false
  const kwargs = field("chat_template_kwargs", Pydantic.nullable(Pydantic.record))
  problems.push(...oversized(seedText(text, body["seed"])))
  if (problems.length > 0 || messages === undefined) return misfit(problems)

  const limit = maxCompletion || maxTokens
  const wrong = check(body, { messages, kwargs, tools, choice, limit, format, server })
  if (wrong !== undefined) return refused(wrong)
  const unconverted = streamed(body, stream) ?? (count === 0 ? "range() arg 3 must not be zero" : undefined) ??
    (badArguments(body) ? "Assistant tool call function.arguments must be valid JSON." : undefined)
  if (unconverted !== undefined) return refused(unconverted, "BadRequest")
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
  const verified = notEnabled(body) ?? verify(sampling, limit || undefined, seedText(text, body["seed"]))
  if (verified !== undefined) return refused(verified)
  const constraint = constraintOf(format, { schema: undefined, regex, ebnf })
  if (constraint?._tag === "Refused") return constraint
  // a final message of the assistant becomes one of the user, unless it is continued
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
      // inline audio is first turned into audio by URL
      if (typeof type === "string" && media.has(type)) return type === "input_audio" ? "audio_url" : type
    }
  }
  return undefined
}

/** A feature that the server was not started with. @category checks @since 0.2.0 */
export const notEnabled = (body: Pydantic.Body): string | undefined => {
  if (body["return_hidden_states"] === true || body["return_hidden_states"] === "last") {
    return "The server is not configured to return hidden states. Please set `--return-hidden-states-mode last`, " +
      "`--return-hidden-states-mode full`, or the legacy `--enable-return-hidden-states` flag."
  }
  if (typeof body["custom_logit_processor"] === "string") {
    return "The server is not configured to enable custom logit processor. Please set " +
      "`--enable-custom-logit-processor` to enable this feature."
  }
  return undefined
}

/** A feature that only whole responses have. */
const streamed = (body: Pydantic.Body, stream: boolean): string | undefined => {
  const name = ["return_prompt_token_ids", "return_token_ids", "return_meta_info"].find((name) => body[name] === true)
  if (name === undefined || !stream) return undefined
  const place = name === "return_token_ids" ? " on /v1/chat/completions" : ""
  return `${name} is not supported with streaming${place}. Please set stream=false when using ${name}=true.`
}

const isJson = (text: unknown): boolean => {
  if (typeof text !== "string") return true
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** Whether a call that a message repeats has arguments that are not JSON. */
const badArguments = (body: Pydantic.Body): boolean =>
  (Array.isArray(body["messages"]) ? body["messages"] : []).filter(Pydantic.isBody).some((item) =>
    (Array.isArray(item["tool_calls"]) ? item["tool_calls"] : []).filter(Pydantic.isBody).some((call) =>
      Pydantic.isBody(call["function"]) && !isJson(call["function"]["arguments"])
    )
  )

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

/**
 * Reads a completions request. `native` is one that the server's own routes make: its limit, and numbers as they were
 * written.
 *
 * @category readers
 * @since 0.2.0
 */
export const completions = (
  body: Pydantic.Body,
  text: string,
  native?: { readonly limit: number }
): OpenAiRequest | Refused => {
  const read = open(body)
  const { field, problems } = read
  const model = field("model", Pydantic.text)
  const given = Pydantic.required(body, "prompt", prompts, ["body"], problems)
  field("best_of", Pydantic.nullable(Pydantic.integer))
  const echo = field("echo", Pydantic.flag) ?? false
  const sampling = readSampling(read, false)
  field("suffix", Pydantic.nullable(Pydantic.text))
  const top = field("logprobs", Pydantic.nullable(Pydantic.integer))
  const asked = field("max_tokens", positive) ?? 16
  const maxTokens = native?.limit ?? asked
  const count = field("n", Pydantic.integer) ?? 1
  const stream = field("stream", Pydantic.flag) ?? false
  const options = field("stream_options", streamOptions)
  const schema = field("json_schema", Pydantic.nullable(Pydantic.text))
  const regex = field("regex", Pydantic.nullable(Pydantic.text))
  const ebnf = field("ebnf", Pydantic.nullable(Pydantic.text))
  const format = field("response_format", Pydantic.nullable(responseFormat))
  if (native === undefined) problems.push(...oversized(seedText(text, body["seed"])))
  if (problems.length > 0 || given === undefined) return misfit(problems)
  if (native === undefined && given.every((prompt) => prompt === "")) return refused("Prompt cannot be empty")
  if (native === undefined && count === 0) return refused("range() arg 3 must not be zero", "BadRequest")
  const verified = notEnabled(body) ?? verify(sampling, maxTokens, seedText(text, body["seed"]), native !== undefined)
  if (verified !== undefined) return refused(verified)
  const constraint = constraintOf(format, { schema, regex, ebnf })
  if (constraint?._tag === "Refused") return constraint
  return {
    ...noChat,
    model,
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
    constraint
  }
}
