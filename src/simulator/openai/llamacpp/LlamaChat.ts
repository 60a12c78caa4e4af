/**
 * A chat request to llama.cpp, checked in the server's order and with its words: some mistakes are a 400, some a 500, and
 * many values of the wrong type count as absent.
 *
 * @since 0.2.0
 */
import * as Gbnf from "../../grammar/Gbnf.ts"
import type { Constraint, Message, OpenAiRequest, Tool } from "../OpenAiRequest.ts"
import * as LlamaField from "./LlamaField.ts"
import { type Body, broken, invalid, isBody, isFlag, isText } from "./LlamaField.ts"
import * as LlamaSchema from "./LlamaSchema.ts"

const dump = (value: unknown): string => JSON.stringify(value)

/** The schema of a response format, or of the field of that name. */
const schemaOf = (body: Body): unknown => {
  const own = body["json_schema"]
  const format = body["response_format"]
  if (!isBody(format)) return own ?? undefined
  const type = format["type"]
  if (type === "json_object") {
    return isBody(format["schema"]) ? format["schema"] : format["schema"] === undefined && own !== undefined ? own : {}
  }
  if (type === "json_schema") {
    const wrapper = format["json_schema"]
    const schema = isBody(wrapper) ? wrapper["schema"] : undefined
    // a schema of another type than an object constrains nothing
    return schema === undefined || schema === null ? {} : schema
  }
  if (typeof type === "string" && type !== "" && type !== "text") {
    return invalid(`response_format type must be one of "text" or "json_object", but got: ${type}`)
  }
  return own ?? undefined
}

const media: Readonly<Record<string, string>> = {
  image_url: "image",
  input_audio: "audio",
  input_video: "video",
  video_url: "video"
}

const checkPart = (part: unknown): void => {
  const type = isBody(part) ? part["type"] : undefined
  const kind = typeof type === "string" ? media[type] : undefined
  if (kind !== undefined) {
    return broken(`${kind} input is not supported - hint: if this is unexpected, you may need to provide the mmproj`)
  }
  if (type !== "text") invalid("unsupported content[].type")
}

const checkMessage = (message: unknown): void => {
  const read = isBody(message) ? message : {}
  const assistant = read["role"] === "assistant"
  const { content } = read
  if (content === undefined) {
    if (!assistant) return invalid("All non-assistant messages must contain 'content'")
    if (read["tool_calls"] === undefined) {
      return invalid("Assistant message must contain either 'content' or 'tool_calls'!")
    }
    return
  }
  if (typeof content === "string" || content === null) return
  if (!Array.isArray(content)) return invalid("Expected 'content' to be a string or an array")
  content.forEach(checkPart)
}

const failed = (message: string): never => broken(`Failed to parse messages: ${message}`)

const callText = (call: unknown): string => {
  if (!isBody(call) || call["type"] === undefined) return failed(`Missing tool call type: ${dump(call)}`)
  if (call["type"] !== "function") return failed(`Unsupported tool call type: ${dump(call)}`)
  const inner = call["function"]
  if (!isBody(inner)) return failed(`Missing tool call function: ${dump(call)}`)
  if (inner["name"] === undefined) return failed(`Missing tool call name: ${dump(call)}`)
  if (inner["arguments"] === undefined) {
    return failed("[json.exception.out_of_range.403] key 'arguments' not found")
  }
  return dump(inner)
}

const readMessage = (message: unknown): Message => {
  if (!isBody(message)) return failed(`Expected 'message' to be an object, got ${dump(message)}`)
  const { content, role } = message
  if (role === undefined) return failed(`Missing 'role' in message: ${dump(message)}`)
  if (typeof role !== "string") return failed(LlamaField.typeError("string", role))
  const parts = Array.isArray(content) ? content : []
  if (parts.some((part: unknown) => isBody(part) && part["text"] === undefined)) {
    return failed("[json.exception.out_of_range.403] key 'text' not found")
  }
  const thought = message["reasoning_content"]
  if (thought !== undefined && thought !== null && typeof thought !== "string") {
    return failed(LlamaField.typeError("string", thought))
  }
  // the parts of a message are joined by line breaks
  const text = typeof content === "string"
    ? content
    : parts.map((part: unknown) => isBody(part) && typeof part["text"] === "string" ? part["text"] : "").join("\n")
  const calls = message["tool_calls"]
  return { role, content: text + (Array.isArray(calls) ? calls.map(callText).join("") : "") }
}

const readTools = (tools: unknown): ReadonlyArray<Tool> => {
  if (tools === undefined || tools === null) return []
  const wrong = (message: string): never =>
    broken(`Failed to parse tools: ${message}; tools = ${JSON.stringify(tools, undefined, 2)}`)
  if (!Array.isArray(tools)) return wrong(`Expected 'tools' to be an array, got ${dump(tools)}`)
  return tools.map((tool: unknown): Tool => {
    if (!isBody(tool) || tool["type"] === undefined) return wrong(`Missing tool type: ${dump(tool)}`)
    if (tool["type"] !== "function") return wrong(`Unsupported tool type: ${dump(tool)}`)
    const inner = tool["function"]
    if (inner === undefined) return wrong(`Missing tool function: ${dump(tool)}`)
    const name = isBody(inner) ? inner["name"] : undefined
    if (name === undefined) return wrong("[json.exception.out_of_range.403] key 'name' not found")
    if (typeof name !== "string") return wrong(LlamaField.typeError("string", name))
    return { name, parameters: isBody(inner) ? inner["parameters"] : undefined }
  })
}

const readChoice = (body: Body): "auto" | "none" | "required" => {
  // a named choice is an object, which is not a text and so counts as absent
  const choice = LlamaField.lenient(body, "tool_choice", isText, "auto")
  return choice === "auto" || choice === "none" || choice === "required"
    ? choice
    : invalid(`Invalid tool_choice: ${choice}`)
}

const checkContinuation = (body: Body, messages: ReadonlyArray<Message>): boolean => {
  const asked = body["continue_final_message"] === true || isText(body["continue_final_message"])
  const last = messages.at(-1)?.role === "assistant"
  if (!asked && last && messages.at(-2)?.role === "assistant") {
    return invalid("Cannot have 2 or more assistant messages at the end of the list.")
  }
  if (asked && LlamaField.lenient(body, "add_generation_prompt", isFlag, true)) {
    return invalid("Cannot set both add_generation_prompt and continue_final_message to true.")
  }
  const given: unknown = Array.isArray(body["messages"]) ? body["messages"].at(-1) : undefined
  const calls = isBody(given) ? given["tool_calls"] : undefined
  return (asked || last) && last && Array.isArray(calls) && calls.length > 0
    ? invalid("Cannot continue an assistant message that contains tool calls.")
    : asked || last
}

const reasoningFormats = new Set(["none", "auto", "deepseek", "deepseek-legacy"])

const thinking = (body: Body): boolean | undefined => {
  const format = body["reasoning_format"]
  if (format !== undefined && format !== null && typeof format !== "string") {
    return broken(LlamaField.typeError("string", format))
  }
  if (typeof format === "string" && !reasoningFormats.has(format)) return broken(`Unknown reasoning format: ${format}`)
  const options = isBody(body["chat_template_kwargs"]) ? body["chat_template_kwargs"] : {}
  const asked = options["enable_thinking"]
  if (typeof asked === "string") {
    return invalid("invalid type for \"enable_thinking\" (expected boolean, got string)")
  }
  const effort = LlamaField.lenient(body, "reasoning_effort", isText, "")
  if (effort === "none") return false
  return typeof asked === "boolean" ? asked : effort === "" ? undefined : true
}

/** The user's own grammar, which must be valid. @category reading @since 0.2.0 */
export const grammar = (text: string): Constraint => {
  const read = Gbnf.parse(text)
  return read === undefined
    ? invalid("Failed to initialize samplers: failed to parse grammar")
    : { _tag: "Grammar", grammar: read }
}

const parserFailure = "Unable to generate parser for this template. Automatic parser generation failed: "

/** The schema's constraint; what the converter refuses is reported with `prefix` before it. @category reading @since 0.2.0 */
export const schema = (value: unknown, prefix: string, conversion = ""): Constraint | undefined => {
  if (!isBody(value)) return undefined
  try {
    return {
      _tag: "Schema",
      schema: LlamaSchema.enforced(Object.keys(value).length === 0 ? { type: "object" } : value)
    }
  } catch (error) {
    if (error instanceof LlamaField.Thrown && error.message.startsWith("JSON schema")) {
      return invalid(prefix + (error.message.startsWith("JSON schema error") ? conversion : "") + error.message)
    }
    throw error
  }
}

/** The parameters of a tool go through the same converter. */
const checkParameters = (parameters: unknown): void => {
  if (parameters === undefined || parameters === null) return
  if (!isBody(parameters)) return invalid(`${parserFailure}JSON schema error at #: schema must be an object`)
  schema(parameters, parserFailure)
}

/**
 * The constraint of the field `json_schema`, which goes to the converter without a template between them.
 *
 * @category reading
 * @since 0.2.0
 */
export const schemaField = (value: unknown): Constraint | undefined => {
  if (value === undefined || value === null) return undefined
  const conversion = "JSON schema conversion failed:\n"
  return LlamaField.named("json_schema", () =>
    isBody(value)
      ? schema(value, `"json_schema": `, conversion)
      : invalid(`"json_schema": ${conversion}JSON schema error at #: schema must be an object`))
}

const probabilities = (body: Body, tools: boolean): number | undefined => {
  if (!LlamaField.lenient(body, "logprobs", isFlag, false)) {
    const top = body["top_logprobs"]
    return top === undefined || top === null
      ? undefined
      : invalid("top_logprobs requires logprobs to be set to true")
  }
  if (tools && LlamaField.lenient(body, "stream", isFlag, false)) {
    invalid("logprobs is not supported with tools + stream")
  }
  return LlamaField.lenient(body, "top_logprobs", LlamaField.isNumber, 20)
}

/** The low 32 bits of the seed; all of them set means a random seed. @category reading @since 0.2.0 */
export const seed = (fields: LlamaField.Fields, text: string): string | undefined => {
  const large = /"seed"\s*:\s*(-?\d{16,})/.exec(text)?.[1]
  const low = large === undefined ? fields["seed"] : Number(BigInt.asUintN(32, BigInt(large)))
  return typeof low !== "number" || low === -1 || low === 0xffffffff ? undefined : String(low >>> 0)
}

/** What all kinds of completion share. @category reading @since 0.2.0 */
export const common = (body: Body, fields: LlamaField.Fields, text: string) => {
  const limit = fields["n_predict"]
  return {
    model: undefined,
    prompts: [],
    // a limit of 0 still lets one token through
    maxTokens: typeof limit === "number" && limit >= 0 ? Math.max(1, limit) : undefined,
    sampling: typeof fields["temperature"] !== "number" || fields["temperature"] > 0,
    seed: seed(fields, text),
    stop: LlamaField.stops(body),
    count: typeof fields["n_cmpl"] === "number" ? fields["n_cmpl"] : 1,
    stream: fields["stream"] === true,
    includeUsage: fields["include_usage"] === true,
    continuousUsage: false,
    echo: false
  }
}

/**
 * A parsed chat request, with the fields that shape its response.
 *
 * @category models
 * @since 0.2.0
 */
export interface Chat {
  readonly request: OpenAiRequest
  readonly fields: LlamaField.Fields
}

/**
 * Reads a chat body, or throws `Thrown`.
 *
 * @category reading
 * @since 0.2.0
 */
export const read = (body: Body, slots: number, text: string): Chat => {
  const own = body["json_schema"]
  const given = LlamaField.lenient(body, "grammar", isText, "")
  if (own !== undefined && own !== null && given !== "") return broken("Cannot use both json_schema and grammar")
  const format = schemaOf(body)
  if (body["messages"] === undefined) return invalid("'messages' is required")
  if (!Array.isArray(body["messages"])) return invalid("Expected 'messages' to be an array")
  body["messages"].forEach(checkMessage)
  const messages = body["messages"].map(readMessage)
  const tools = readTools(body["tools"])
  const toolChoice = readChoice(body)
  const continues = checkContinuation(body, messages)
  const thinks = thinking(body)
  if (tools.length > 0 && toolChoice !== "none" && body["grammar"] !== undefined) {
    return invalid("Cannot use custom grammar constraints with tools.")
  }
  if (toolChoice !== "none") { for (const { parameters } of tools) checkParameters(parameters) }
  const held = format === own && !isBody(own) ? schemaField(own) : schema(format, parserFailure)
  const probs = probabilities(body, tools.length > 0)
  const fields = LlamaField.read(probs === undefined ? body : { ...body, n_probs: probs }, slots)
  const top = fields["n_probs"]
  return {
    fields,
    request: {
      ...common(body, fields, text),
      messages,
      logprobs: typeof top === "number" && top > 0,
      topLogprobs: typeof top === "number" ? top : 0,
      tools,
      toolChoice: tools.length === 0 ? "none" : toolChoice,
      parallel: LlamaField.lenient(body, "parallel_tool_calls", isFlag, false),
      constraint: held ?? (given === "" ? undefined : grammar(given)),
      thinking: thinks,
      continues
    }
  }
}
