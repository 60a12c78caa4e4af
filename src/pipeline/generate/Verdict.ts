/**
 * What a finished generation must be: its tool calls are calls, and one was made if the caller required it.
 *
 * @since 0.2.0
 */
import type { Kind } from "../../endpoint/address/Engine.ts"
import type { Generation, ToolCall } from "../../Generation.ts"
import type { GenerationOptions, Tool } from "../../GenerationOptions.ts"
import { InvalidResponse, InvalidToolCall } from "../../InferenceError.ts"
import * as ToolCalls from "../../protocol/ToolCalls.ts"

/**
 * What was offered to which model, and how the response arrived.
 *
 * @category models
 * @since 0.2.0
 */
export interface Offer {
  readonly engine: Kind
  readonly tools: ReadonlyArray<Tool>
  readonly toolChoice: GenerationOptions["toolChoice"]
  readonly stream: boolean
  /** The budget that the engine itself should enforce. */
  readonly thinkingBudget?: number | undefined
}

/** The tokens with which engines close a thought count as thinking too. */
const CLOSING = 32

const field = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined

/** Whether a tool takes no arguments, and whether it can be called without any. */
const needs = ({ parameters }: Tool): "nothing" | "optional" | "required" => {
  const required = field(parameters, "required")
  if (Array.isArray(required) && required.length > 0) return "required"
  return Object.keys(Object(field(parameters, "properties"))).length > 0 ? "optional" : "nothing"
}

/**
 * Whether a call that came without arguments is one with an empty object. It is not for a tool that needs some, nor on TGI's
 * streams for a tool that takes any, since its router loses arguments there.
 *
 * @category guards
 * @since 0.2.0
 */
export const mayBeEmpty = ({ engine, stream, tools }: Offer) => (name: string): boolean => {
  const tool = tools.find((tool) => tool.name === name)
  if (tool === undefined) return true
  const need = needs(tool)
  return need === "nothing" || (need === "optional" && !(engine === "tgi" && stream))
}

const MAX_TEXT = 64 * 1024

/**
 * What is wrong with a generation; undefined if nothing is.
 *
 * @category checking
 * @since 0.2.0
 */
export const of = (generation: Generation, offer: Offer | undefined): InvalidToolCall | InvalidResponse | undefined =>
  (offer === undefined ? undefined : exceeded(generation, offer)) ?? called(generation, offer)

/** Thinking beyond the budget, if the server reports how much there was. */
const exceeded = ({ statistics }: Generation, { thinkingBudget }: Offer): InvalidResponse | undefined => {
  const { reasoningTokens = 0 } = statistics
  return thinkingBudget === undefined || thinkingBudget < 0 || reasoningTokens <= thinkingBudget + CLOSING ?
    undefined :
    new InvalidResponse({
      description:
        `the model thought for ${reasoningTokens} tokens, and thinkingBudget is ${thinkingBudget}: the server accepts the field ` +
        "and does not enforce it for this model. Render prompts here (tokenizerId or a template): two requests then enforce it"
    })
}

const called = (generation: Generation, offer: Offer | undefined): InvalidToolCall | undefined => {
  const { finishReason, toolCalls } = generation
  const truncated = finishReason === "length"
  const broken = toolCalls.find((call) => !ToolCalls.isObject(call.arguments))
  if (broken !== undefined) {
    return new InvalidToolCall({
      status: 200,
      description: `the arguments of ${broken.name} are ${
        ToolCalls.isJson(broken.arguments) ? "not a JSON object" : "not valid JSON"
      }`,
      text: written(broken),
      truncated
    })
  }
  const missing = offer === undefined ? undefined : demanded(generation, offer)
  return missing === undefined ? undefined : new InvalidToolCall({
    status: 200,
    description: missing,
    text: (generation.text || generation.reasoning || "").slice(0, MAX_TEXT),
    truncated
  })
}

const written = ({ arguments: text, name }: ToolCall): string => `${name}(${text.slice(0, MAX_TEXT)})`

/** A call that was required, or that the server announced, but that was not made. */
const demanded = (
  { finishReason, refusal, text, toolCalls }: Generation,
  { toolChoice, tools }: Offer
): string | undefined => {
  if (tools.length === 0 || refusal !== undefined || finishReason === "content_filter") return undefined
  if (typeof toolChoice === "object") {
    return toolCalls.some(({ name }) => name === toolChoice.name)
      ? undefined
      : `toolChoice names ${toolChoice.name}, but the server made no call to it`
  }
  if (toolCalls.length > 0) return undefined
  if (toolChoice === "required") return "toolChoice is required, but the server made no call"
  return finishReason === "tool_calls" && text === "" ? "the server says it made a call, but there is none" : undefined
}
