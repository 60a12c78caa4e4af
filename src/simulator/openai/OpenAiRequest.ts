/**
 * Requests to vLLM, SGLang and llama.cpp: read as a Python server does, lenient about what it does not know, with one
 * failure for what it cannot use.
 *
 * @since 0.1.0
 */
import type { Gbnf } from "../grammar/Gbnf.ts"
import type { Engine } from "../model/Options.ts"
import * as Reply from "../wire/Reply.ts"

/** A JSON object as it came over the wire. @category models @since 0.1.0 */
export type Body = Readonly<Record<string, unknown>>

/** @category guards @since 0.1.0 */
export const isBody = (value: unknown): value is Body =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * What holds the answer to a form.
 *
 * @category models
 * @since 0.1.0
 */
export type Constraint =
  | { readonly _tag: "Schema"; readonly schema: unknown }
  | { readonly _tag: "Regex"; readonly pattern: string }
  | { readonly _tag: "Choice"; readonly choices: ReadonlyArray<string> }
  | { readonly _tag: "Grammar"; readonly grammar: Gbnf }

/**
 * @category models
 * @since 0.1.0
 */
export interface Message {
  readonly role: string
  readonly content: string
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Tool {
  readonly name: string
  readonly parameters: unknown
}

/**
 * What chat and completions requests have in common, and what each has of its own.
 *
 * @category models
 * @since 0.1.0
 */
export interface OpenAiRequest {
  readonly model: string | undefined
  readonly messages: ReadonlyArray<Message>
  readonly prompts: ReadonlyArray<string>
  readonly maxTokens: number | undefined
  readonly sampling: boolean
  readonly seed: string | undefined
  readonly stop: ReadonlyArray<string>
  readonly count: number
  readonly stream: boolean
  readonly includeUsage: boolean
  readonly continuousUsage: boolean
  readonly logprobs: boolean
  readonly topLogprobs: number
  readonly echo: boolean
  readonly tools: ReadonlyArray<Tool>
  readonly toolChoice: "auto" | "none" | "required" | { readonly name: string }
  readonly parallel: boolean
  readonly constraint: Constraint | undefined
  /** Whether to think, where the request says so. */
  readonly thinking: boolean | undefined
  /** Continue the last message of the assistant instead of opening a new one. */
  readonly continues: boolean
}

const bad = (message: string): Reply.Failure => Reply.failure(400, message, "BadRequestError")

const text = (value: unknown): string | undefined => typeof value === "string" ? value : undefined

const number = (value: unknown): number | undefined => typeof value === "number" ? value : undefined

const strings = (value: unknown): ReadonlyArray<string> =>
  typeof value === "string" ? [value] : Array.isArray(value) ? value.filter((item) => typeof item === "string") : []

const content = (value: unknown): string | undefined => {
  if (!Array.isArray(value)) return text(value)
  return value.map((part: unknown) => {
    if (!isBody(part)) return ""
    if (part.type === "image_url" && isBody(part.image_url)) return `![](${String(part.image_url.url)})`
    return text(part.text) ?? ""
  }).join("")
}

const message = (value: unknown): Message | undefined => {
  if (!isBody(value) || typeof value.role !== "string") return undefined
  const calls = Array.isArray(value.tool_calls) && value.tool_calls.length > 0 ? JSON.stringify(value.tool_calls) : ""
  return { role: value.role, content: (content(value.content) ?? "") + calls }
}

const tool = (value: unknown): ReadonlyArray<Tool> =>
  isBody(value) && isBody(value.function) && typeof value.function.name === "string"
    ? [{ name: value.function.name, parameters: value.function.parameters }]
    : []

const toolChoice = (value: unknown, tools: ReadonlyArray<Tool>): OpenAiRequest["toolChoice"] => {
  if (value === "auto" || value === "none" || value === "required") return value
  if (isBody(value) && isBody(value.function) && typeof value.function.name === "string") {
    return { name: value.function.name }
  }
  return tools.length > 0 ? "auto" : "none"
}

const parsed = (value: unknown): unknown => {
  if (typeof value !== "string") return value
  try {
    return JSON.parse(value)
  } catch {
    return undefined
  }
}

const responseFormat = (format: unknown): Constraint | undefined | Reply.Failure => {
  if (!isBody(format) || format.type === "text") return undefined
  if (format.type === "json_object") return { _tag: "Schema", schema: format.schema ?? { type: "object" } }
  if (format.type !== "json_schema") return bad(`response_format.type: ${JSON.stringify(format.type)} is not supported`)
  return isBody(format.json_schema) && format.json_schema.schema !== undefined
    ? { _tag: "Schema", schema: format.json_schema.schema }
    : bad("response_format.json_schema.schema: Field required")
}

const choice = (values: ReadonlyArray<string>): Constraint | undefined =>
  values.length === 0 ? undefined : { _tag: "Choice", choices: values }

const regex = (pattern: unknown): Constraint | undefined =>
  typeof pattern === "string" ? { _tag: "Regex", pattern } : undefined

const schema = (value: unknown): Constraint | undefined =>
  value === undefined || value === null ? undefined : { _tag: "Schema", schema: parsed(value) }

/** `root ::= "a" | "b"`: the one kind of grammar that is answered; another kind leaves the answer free. */
const alternation = (grammar: unknown): Constraint | undefined =>
  typeof grammar === "string" && /^\s*root\s*::=\s*\(?\s*"[^"]*"(?:\s*\|\s*"[^"]*")*\s*\)?\s*$/.test(grammar)
    ? choice([...grammar.matchAll(/"([^"]*)"/g)].map((match) => match[1] ?? ""))
    : undefined

/** Each engine's own fields for a form, which the others ignore. */
const ownConstraint = (engine: Engine, body: Body): Constraint | undefined => {
  if (engine === "vllm") {
    const outputs = isBody(body.structured_outputs) ? body.structured_outputs : {}
    return schema(outputs.json) ?? regex(outputs.regex) ?? choice(strings(outputs.choice)) ??
      alternation(outputs.grammar)
  }
  if (engine === "sglang") return schema(body.json_schema) ?? regex(body.regex) ?? alternation(body.ebnf)
  return schema(body.json_schema) ?? alternation(body.grammar)
}

const constraint = (engine: Engine, body: Body): Constraint | undefined | Reply.Failure =>
  responseFormat(body.response_format) ?? ownConstraint(engine, body)

const thinking = (body: Body): boolean | undefined => {
  const options = isBody(body.chat_template_kwargs) ? body.chat_template_kwargs : {}
  const asked = options.enable_thinking ?? options.thinking
  if (typeof asked === "boolean") return asked
  return body.reasoning_effort === undefined || body.reasoning_effort === null
    ? undefined
    : body.reasoning_effort !== "none"
}

const limits = (body: Body): string | undefined => {
  const temperature = number(body.temperature)
  const topP = number(body.top_p)
  const penalty = number(body.repetition_penalty)
  const tokens = number(body.max_completion_tokens) ?? number(body.max_tokens)
  if (temperature !== undefined && temperature < 0) return `temperature must be non-negative, got ${temperature}.`
  if (topP !== undefined && !(topP > 0 && topP <= 1)) return `top_p must be in (0, 1], got ${topP}.`
  if (penalty !== undefined && penalty <= 0) return `repetition_penalty must be greater than zero, got ${penalty}.`
  return tokens !== undefined && tokens < 1 ? `max_tokens must be at least 1, got ${tokens}.` : undefined
}

const base = (engine: Engine, body: Body, form: Constraint | undefined): OpenAiRequest => {
  const tools = Array.isArray(body.tools) ? body.tools.flatMap(tool) : []
  const options = isBody(body.stream_options) ? body.stream_options : {}
  return {
    model: text(body.model),
    messages: [],
    prompts: [],
    maxTokens: number(body.max_completion_tokens) ?? number(body.max_tokens) ?? number(body.n_predict),
    sampling: number(body.temperature) !== 0,
    seed: body.seed === undefined || body.seed === null || body.seed === -1 ? undefined : String(body.seed),
    stop: strings(body.stop),
    count: number(body.n) ?? number(body.n_cmpl) ?? 1,
    stream: body.stream === true,
    includeUsage: options.include_usage === true,
    continuousUsage: options.continuous_usage_stats === true,
    logprobs: body.logprobs === true || typeof body.logprobs === "number",
    topLogprobs: number(body.top_logprobs) ?? number(body.logprobs) ?? 0,
    echo: body.echo === true,
    tools,
    toolChoice: toolChoice(body.tool_choice, tools),
    parallel: typeof body.parallel_tool_calls === "boolean" ? body.parallel_tool_calls : engine !== "llamacpp",
    constraint: form,
    thinking: thinking(body),
    continues: engine === "llamacpp" || body.continue_final_message === true
  }
}

/**
 * Reads a chat request.
 *
 * @category readers
 * @since 0.1.0
 */
export const chat = (engine: Engine, body: Body): OpenAiRequest | Reply.Failure => {
  if (!Array.isArray(body.messages)) return bad("messages: Field required")
  const messages = body.messages.map(message)
  const wrong = messages.indexOf(undefined)
  if (wrong !== -1) return bad(`messages[${wrong}]: a message needs a role`)
  const limit = limits(body)
  if (limit !== undefined) return bad(limit)
  const form = constraint(engine, body)
  if (form?._tag === "Failure") return form
  if (engine === "llamacpp" && body.grammar !== undefined && Array.isArray(body.tools) && body.tools.length > 0) {
    return bad("Cannot use custom grammar constraints with tools.")
  }
  const request = base(engine, body, form)
  const { toolChoice } = request
  if (typeof toolChoice === "object" && !request.tools.some((tool) => tool.name === toolChoice.name)) {
    return bad(`tool_choice: ${toolChoice.name} is none of the tools`)
  }
  return { ...request, messages: messages.filter((item) => item !== undefined) }
}

/**
 * Reads a completions request.
 *
 * @category readers
 * @since 0.1.0
 */
export const completions = (engine: Engine, body: Body): OpenAiRequest | Reply.Failure => {
  const prompts = strings(body.prompt)
  if (prompts.length === 0) return bad("prompt: Field required")
  const limit = limits(body)
  if (limit !== undefined) return bad(limit)
  const form = constraint(engine, body)
  if (form?._tag === "Failure") return form
  return { ...base(engine, body, form), prompts }
}
