/**
 * Tools as in TGI: one grammar over all tools and an invented `no_tool`, one call per response, and texts that a small state
 * machine turns into stream deltas.
 *
 * @since 0.1.0
 */
import type { Answer, Token, ToolCall } from "../model/Answer.ts"
import * as Json from "../wire/Json.ts"
import * as Random from "../wire/Random.ts"
import * as Reply from "../wire/Reply.ts"
import type { ChatRequest, Tool } from "./ChatRequest.ts"
import type { Grammar } from "./NativeRequest.ts"
import * as Sampler from "./Sampler.ts"

/** The tool that means "answer in words". @category constants @since 0.1.0 */
export const noTool: Tool = {
  type: "function",
  name: "no_tool",
  description: "Answer in words because none of the tools fits",
  parameters: { type: "object", properties: {}, required: [] }
}

const toolError = (message: string): Reply.Failure => Reply.failure(422, `Tool error: ${message}`, "tool_error")

/**
 * The tools that take part in a request; `undefined` when none do.
 *
 * @category requests
 * @since 0.1.0
 */
export const select = (request: ChatRequest): ReadonlyArray<Tool> | undefined | Reply.Failure => {
  const { toolChoice, tools } = request
  if (tools !== undefined && request.responseFormat !== undefined) {
    return toolError("Grammar and tools are mutually exclusive")
  }
  if (tools === undefined || toolChoice === "none") return undefined
  if (toolChoice === "auto") return [...tools, noTool]
  if (toolChoice === "required") return tools.length === 0 ? undefined : tools
  const named = tools.find((tool) => tool.name === toolChoice.name)
  return named === undefined ? toolError(`Tool with name ${toolChoice.name} not found`) : [named]
}

/** References that lead back to the tool itself in the grammar over all tools. */
const recursive = /^#$|^#\/properties\/function$|^#\/\$functions\//

/**
 * Whether the schema of a tool is infinitely recursive: the router follows it until its stack overflows.
 *
 * @category predicates
 * @since 0.2.0
 */
export const isEndless = (schema: unknown): boolean =>
  typeof schema === "object" && schema !== null &&
  Object.entries(schema).some(([key, value]) =>
    key === "$ref" && typeof value === "string" ? recursive.test(value) : isEndless(value)
  )

const defaultPrompt =
  "\nReply with one JSON function call, its name and its parameters, that answers the request best. Use no variables.\n"

const toolText = (tool: Tool): string =>
  JSON.stringify({
    type: tool.type,
    function: {
      description: tool.description ?? null,
      name: tool.name,
      arguments: JSON.stringify(tool.parameters)
    }
  })

/**
 * What is appended to the last message for a template that knows no tools.
 *
 * @category requests
 * @since 0.1.0
 */
export const promptText = (request: ChatRequest, tools: ReadonlyArray<Tool>): string => {
  const prompt = request.toolPrompt === undefined || request.toolPrompt === "" ? defaultPrompt : request.toolPrompt
  return `\n---\n[${tools.map(toolText).join(",")}]\n${prompt}`
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const functionSchema = (tool: Tool): unknown => {
  const parameters = isRecord(tool.parameters) ? tool.parameters : {}
  const properties = isRecord(parameters.properties) ? parameters.properties : {}
  const required: ReadonlyArray<unknown> = Array.isArray(parameters.required) ? parameters.required : []
  return {
    description: tool.description ?? null,
    additionalProperties: false,
    properties: { _name: { type: "string", const: tool.name }, ...properties },
    required: ["_name", ...required]
  }
}

/**
 * The grammar that constrains the model to a call. `required` is ours: it keeps the sampler from the legal but useless `{}`.
 *
 * @category grammars
 * @since 0.1.0
 */
export const grammar = (tools: ReadonlyArray<Tool>): Grammar => ({
  type: "json",
  value: {
    $functions: Object.fromEntries(tools.map((tool) => [tool.name, functionSchema(tool)])),
    properties: { function: { anyOf: tools.map((tool) => ({ $ref: `#/$functions/${tool.name}` })) } },
    required: ["function"]
  }
})

const callText = (call: ToolCall): string => {
  const raw = typeof call.arguments === "string" ? call.arguments : JSON.stringify(call.arguments ?? {})
  const inner = raw.trim().replace(/^\{/, "").replace(/\}$/, "").trim()
  return `{"function": {"_name": ${JSON.stringify(call.name)}${inner === "" ? "" : `, ${inner}`}}}`
}

/**
 * The text of the first pass. A scripted call is written out; scripted words mean `no_tool` where that is possible; by
 * default the simulator calls the first tool unless the last message is a tool's result.
 *
 * @category answers
 * @since 0.1.0
 */
export const firstPass = (
  request: ChatRequest,
  tools: ReadonlyArray<Tool>,
  answer: Answer | undefined,
  random: Random.Random
): Answer => {
  const [scripted] = answer?.toolCalls ?? []
  if (scripted !== undefined) return { ...answer, reasoning: undefined, text: callText(scripted) }
  const words = tools.at(-1) === noTool
  if (answer !== undefined) return words ? { text: callText({ name: noTool.name, arguments: {} }) } : answer
  const [first = noTool] = tools
  const talks = words && request.messages.at(-1)?.role === "tool"
  const chosen = talks ? noTool : first
  const drawn = Sampler.draw(grammar([chosen]), random)
  return { text: drawn._tag === "Ok" ? drawn.text : callText({ name: chosen.name, arguments: {} }) }
}

/**
 * A call read from generated text, with its arguments as compact JSON text in the order of generation.
 *
 * @category parsing
 * @since 0.1.0
 */
export interface Call {
  readonly name: string
  readonly arguments: string
}

/**
 * Reads generated text as a call, or says what is wrong with it.
 *
 * @category parsing
 * @since 0.1.0
 */
export const parse = (text: string): Call | string => {
  const node = Json.parse(text)
  if (node instanceof Json.SyntaxFailure) return node.message + Json.position(text, node.offset)
  const trailing = text.slice(node.end)
  if (trailing.trim() !== "") return `trailing characters${Json.position(text, node.end + trailing.search(/\S/) + 1)}`
  const body = Json.get(node, "function")
  const name = body === undefined ? undefined : Json.get(body, "_name")
  if (body?.kind !== "object") return `missing field \`function\`${Json.position(text, node.end)}`
  if (name?.kind !== "string") return `missing field \`_name\`${Json.position(text, node.end)}`
  const rest = body.entries.filter((entry) => entry.key !== "_name")
  return { name: name.value, arguments: Json.compact({ ...body, entries: rest }) }
}

/** @category parsing @since 0.1.0 */
export const unreadable = (detail: string, text: string): Reply.Failure =>
  toolError(`Failed to parse generated text: ${detail} ${JSON.stringify(text)}`)

/**
 * The id of a streamed call: one more than the largest of the history, or a UUID if some id there is not a number.
 *
 * @category answers
 * @since 0.1.0
 */
export const nextId = (request: ChatRequest, random: Random.Random): string => {
  const ids = request.messages.flatMap((message) => message.toolCalls ?? []).map((call) => call.id)
  if (ids.length === 0) return "0"
  if (ids.every((id) => /^-?\d+$/.test(id))) return String(1 + Math.max(...ids.map(Number)))
  const hex = Array.from({ length: 32 }, () => Random.int(random, 16).toString(16)).join("")
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `a${hex.slice(17, 20)}`, hex.slice(20)].join("-")
}

/**
 * One delta of a streamed call.
 *
 * @category streaming
 * @since 0.1.0
 */
export type Delta =
  | {
    readonly _tag: "Arguments"
    readonly name: string | null
    readonly text: string
    readonly token: Token
    readonly last: boolean
  }
  | { readonly _tag: "Empty"; readonly token: Token; readonly last: boolean }
  | { readonly _tag: "NoTool" }

const started = (text: string): Call | string => parse(`${text.replace(/[\s,}]+$/, "")}}}`)

/**
 * Tokens to deltas. Nothing is sent until a name can be read; then each token is a fragment of the arguments until the
 * whole text is a call, whose last brace is the wrapper's and is dropped. What follows is read as the start of another
 * call, which the end of the sequence is not: so a finished call ends without a finish reason.
 *
 * @category streaming
 * @since 0.1.0
 */
export const deltas = (tokens: ReadonlyArray<Token>): ReadonlyArray<Delta> => {
  const list: Array<Delta> = []
  let text = ""
  let buffering = true
  tokens.forEach((token, index) => {
    const last = index === tokens.length - 1
    text += token.text
    if (buffering) {
      const call = started(text)
      if (typeof call === "string") return
      buffering = false
      list.push(
        call.name === noTool.name ? { _tag: "NoTool" } : { _tag: "Arguments", name: call.name, text: "{", token, last }
      )
    } else if (token.special) {
      list.push({ _tag: "Empty", token, last })
    } else {
      buffering = typeof parse(text) !== "string"
      const fragment = buffering ? token.text.replace(/\}(?=[^}]*$)/, "") : token.text
      list.push({ _tag: "Arguments", name: null, text: fragment, token, last })
    }
  })
  return list
}
