/**
 * TGI's chat request, read with its types: what it ignores, what it refuses, what it misreads.
 *
 * @since 0.1.0
 */
import * as Json from "../wire/Json.ts"
import * as Serde from "../wire/Serde.ts"
import * as NativeRequest from "./NativeRequest.ts"

/**
 * A message: content already joined to text (images as markdown), or the tool calls of an assistant.
 *
 * @category models
 * @since 0.1.0
 */
export interface Message {
  readonly role: string
  readonly content: string | undefined
  /** The calls as JSON text; only if there was no content. */
  readonly toolCalls: ReadonlyArray<HistoryCall> | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface HistoryCall {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly arguments: Json.Node
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Tool {
  readonly type: string
  readonly name: string
  readonly description: string | undefined
  readonly parameters: unknown
}

/**
 * @category models
 * @since 0.1.0
 */
export type ToolChoice = "auto" | "none" | "required" | { readonly name: string }

/**
 * @category models
 * @since 0.1.0
 */
export interface ChatRequest extends NativeRequest.OpenAiFields {
  readonly messages: ReadonlyArray<Message>
  readonly presencePenalty: number | undefined
  readonly logprobs: boolean
  readonly topLogprobs: number | undefined
  readonly includeUsage: boolean
  readonly tools: ReadonlyArray<Tool> | undefined
  readonly toolChoice: ToolChoice
  readonly toolPrompt: string | undefined
  readonly responseFormat: NativeRequest.Grammar | undefined
}

const partFields = new Set(["type", "text", "image_url"])
const urlFields = new Set(["url"])

const url: Serde.Reader<string> = (node, path) =>
  Serde.required(Serde.struct(node, path, "struct Url", urlFields), "url", Serde.string)

const part: Serde.Reader<string> = (node, path) => {
  const self = Serde.struct(node, path, "internally tagged enum MessageChunk", partFields)
  const type = Serde.required(self, "type", Serde.string)
  if (type === "text") return Serde.required(self, "text", Serde.string)
  if (type === "image_url") return `![](${Serde.required(self, "image_url", url)})`
  throw new Serde.Misfit(path, `unknown variant \`${type}\`, expected \`text\` or \`image_url\``, node.end)
}

const parts = Serde.array(part)
const callFields = new Set(["id", "type", "function"])
const functionFields = new Set(["name", "description", "arguments"])
const functionAliases = { parameters: "arguments" }

const node: Serde.Reader<Json.Node> = (value) => value

const call: Serde.Reader<HistoryCall> = (value, path) => {
  const self = Serde.struct(value, path, "struct ToolCall", callFields)
  const id = Serde.required(self, "id", Serde.string)
  const type = Serde.required(self, "type", Serde.string)
  return Serde.required(self, "function", (inner, at) => {
    const definition = Serde.struct(inner, at, "struct FunctionDefinition", functionFields, functionAliases)
    return {
      id,
      type,
      name: Serde.required(definition, "name", Serde.string),
      arguments: Serde.required(definition, "arguments", node)
    }
  })
}

const calls = Serde.array(call)
const messageFields = new Set(["role", "content", "tool_calls", "name", "tool_call_id"])

const content = (value: Json.Node, path: string): string | undefined => {
  if (value.kind === "string") return value.value
  const list = Serde.attempt(value, path, parts)
  return list instanceof Serde.Misfit ? undefined : list.join("")
}

/** An untagged union: content if it is readable, tool calls otherwise, and one complaint when it is neither. */
const message: Serde.Reader<Message> = (value, path) => {
  const self = Serde.struct(value, path, "struct Message", messageFields)
  const role = Serde.required(self, "role", Serde.string)
  Serde.optional(self, "name", Serde.string)
  const given = self.fields.get("content")
  const text = given === undefined ? undefined : content(given, path)
  if (text !== undefined) return { role, content: text, toolCalls: undefined }
  const history = self.fields.get("tool_calls")
  const made = history === undefined ? undefined : Serde.attempt(history, path, calls)
  if (made === undefined || made instanceof Serde.Misfit) {
    throw new Serde.Misfit(path, "data did not match any variant of untagged enum MessageBody", value.end)
  }
  return { role, content: undefined, toolCalls: made }
}

const messages = Serde.array(message)
const toolFields = new Set(["type", "function"])

const tool: Serde.Reader<Tool> = (value, path) => {
  const self = Serde.struct(value, path, "struct Tool", toolFields)
  const type = Serde.required(self, "type", Serde.string)
  return Serde.required(self, "function", (inner, at) => {
    const definition = Serde.struct(inner, at, "struct FunctionDefinition", functionFields, functionAliases)
    return {
      type,
      name: Serde.required(definition, "name", Serde.string),
      description: Serde.optional(definition, "description", Serde.string),
      parameters: Serde.required(definition, "arguments", Serde.unknown)
    }
  })
}

const tools = Serde.array(tool)
const choiceNames = ["auto", "none", "required"] as const

const toolChoice: Serde.Reader<ToolChoice> = (value, path) => {
  if (value.kind === "string") {
    return choiceNames.find((name) => name === value.value) ?? { name: value.value }
  }
  const type = Json.get(value, "type")
  const inner = Json.get(value, "function")
  const name = inner === undefined ? undefined : Json.get(inner, "name")
  if (type?.kind === "string" && type.value === "function" && name?.kind === "string") return { name: name.value }
  throw new Serde.Misfit(path, "data did not match any variant of untagged enum ToolTypeDeserializer", value.end, true)
}

const fields = new Set([
  "messages",
  "model",
  "max_tokens",
  "temperature",
  "top_p",
  "frequency_penalty",
  "presence_penalty",
  "seed",
  "stop",
  "logprobs",
  "top_logprobs",
  "stream",
  "stream_options",
  "tools",
  "tool_choice",
  "tool_prompt",
  "response_format",
  "n",
  "logit_bias"
])
const optionFields = new Set(["include_usage"])
const strings = Serde.array(Serde.string)
const floats = Serde.array(Serde.f32)

const includeUsage: Serde.Reader<boolean> = (value, path) =>
  Serde.optional(Serde.struct(value, path, "struct StreamOptions", optionFields), "include_usage", Serde.boolean) ??
    false

/**
 * Reads a chat body.
 *
 * @category readers
 * @since 0.1.0
 */
export const reader = (options: { readonly named: boolean }): Serde.Reader<ChatRequest> => {
  const responseFormat = NativeRequest.grammar(options.named)
  return (value, path) => {
    const self = Serde.struct(value, path, "struct ChatRequest", fields, { max_completion_tokens: "max_tokens" })
    Serde.optional(self, "n", Serde.u32)
    Serde.optional(self, "logit_bias", floats)
    return {
      messages: Serde.required(self, "messages", messages),
      model: Serde.optional(self, "model", Serde.string),
      maxTokens: Serde.optional(self, "max_tokens", Serde.u32),
      temperature: Serde.optional(self, "temperature", Serde.f32),
      topP: Serde.optional(self, "top_p", Serde.f32),
      frequencyPenalty: Serde.optional(self, "frequency_penalty", Serde.f32),
      presencePenalty: Serde.optional(self, "presence_penalty", Serde.f32),
      seed: Serde.optional(self, "seed", Serde.u64),
      stop: Serde.optional(self, "stop", strings) ?? [],
      logprobs: Serde.optional(self, "logprobs", Serde.boolean) ?? false,
      topLogprobs: Serde.optional(self, "top_logprobs", Serde.u32),
      stream: Serde.defaulted(self, "stream", Serde.boolean, false),
      includeUsage: Serde.defaulted(self, "stream_options", includeUsage, false),
      tools: Serde.optional(self, "tools", tools),
      toolChoice: Serde.optional(self, "tool_choice", toolChoice) ?? "auto",
      toolPrompt: Serde.optional(self, "tool_prompt", Serde.string),
      responseFormat: Serde.optional(self, "response_format", responseFormat)
    }
  }
}
