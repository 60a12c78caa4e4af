/**
 * Anthropic's Messages API as engines offer it besides their own: a request is converted to a chat, and the output of
 * that chat comes back as blocks, whole or as named events.
 *
 * @since 0.2.0
 */
import * as Pydantic from "../wire/Pydantic.ts"
import type { Frame } from "../wire/Reply.ts"
import * as OpenAiRun from "./OpenAiRun.ts"

type Body = Pydantic.Body

const blocksIn = (content: unknown): ReadonlyArray<Body> =>
  Array.isArray(content) ? content.filter(Pydantic.isBody) : []

const textIn = (content: unknown): string =>
  typeof content === "string"
    ? content
    : blocksIn(content).filter(({ type }) => type === "text").map(({ text }) => String(text)).join("")

const part = (block: Body): ReadonlyArray<Body> => {
  const { source, text, type } = block
  if (type === "text") return typeof text === "string" && text !== "" ? [{ type, text }] : []
  if (type !== "image" || !Pydantic.isBody(source)) return []
  const url = source["type"] === "url"
    ? source["url"]
    : `data:${String(source["media_type"])};base64,${String(source["data"])}`
  return [{ type: "image_url", image_url: { url } }]
}

/** One message becomes several if it contains the results of tools. */
const converted = (item: Body): ReadonlyArray<Body> => {
  const { content, role } = item
  if (typeof content === "string") return [{ role, content }]
  const blocks = blocksIn(content)
  const results = blocks.filter(({ type }) => type === "tool_result").map((block) => ({
    role: "tool",
    tool_call_id: block["tool_use_id"] ?? "",
    content: textIn(block["content"])
  }))
  const calls = blocks.filter(({ type }) => type === "tool_use").map((block) => ({
    id: block["id"],
    type: "function",
    function: { name: block["name"], arguments: JSON.stringify(block["input"] ?? {}) }
  }))
  const parts = blocks.flatMap(part)
  const [only] = parts
  const said = parts.length === 1 && only?.["type"] === "text" ? only["text"] : parts
  if (parts.length === 0 && calls.length === 0 && role === "user") return results
  return [
    ...results,
    { role, ...(parts.length > 0 && { content: said }), ...(calls.length > 0 && { tool_calls: calls }) }
  ]
}

const choices: Readonly<Record<string, string>> = { auto: "auto", any: "required", none: "none" }

const choice = (given: unknown): unknown => {
  if (!Pydantic.isBody(given)) return undefined
  return given["type"] === "tool"
    ? { type: "function", function: { name: given["name"] } }
    : choices[String(given["type"])]
}

/**
 * The fields of the chat that a request amounts to; those that are not set are absent.
 *
 * @category requests
 * @since 0.2.0
 */
export const chat = (body: Body): Body => {
  const system = textIn(body["system"])
  const messages = (Array.isArray(body["messages"]) ? body["messages"] : []).filter(Pydantic.isBody)
  const tools = Array.isArray(body["tools"])
    ? body["tools"].filter(Pydantic.isBody).map((tool) => ({
      type: "function",
      function: {
        name: tool["name"],
        parameters: tool["input_schema"],
        ...(typeof tool["strict"] === "boolean" && { strict: tool["strict"] })
      }
    }))
    : []
  const thinking = Pydantic.isBody(body["thinking"]) ? body["thinking"] : {}
  const format = Pydantic.isBody(body["output_config"]) ? body["output_config"]["format"] : undefined
  return Object.fromEntries(
    Object.entries({
      model: body["model"],
      messages: [...(system === "" ? [] : [{ role: "system", content: system }]), ...messages.flatMap(converted)],
      max_completion_tokens: body["max_tokens"],
      stop: body["stop_sequences"],
      temperature: body["temperature"],
      top_p: body["top_p"],
      top_k: body["top_k"],
      stream: body["stream"],
      tools: tools.length === 0 ? undefined : tools,
      tool_choice: tools.length === 0 ? undefined : choice(body["tool_choice"]),
      chat_template_kwargs: body["chat_template_kwargs"],
      thinking_token_budget: thinking["type"] === "enabled" ? thinking["budget_tokens"] : undefined,
      response_format: Pydantic.isBody(format)
        ? { type: "json_schema", json_schema: { name: "output", schema: format["schema"] } }
        : undefined
    }).filter(([, value]) => value !== undefined && value !== null)
  )
}

/**
 * What is specific to an engine in its blocks.
 *
 * @category models
 * @since 0.2.0
 */
export interface Answered {
  readonly id: string
  readonly model: string
  readonly run: OpenAiRun.Run
  readonly usage: Body
  /** The usage at the beginning of a stream. */
  readonly opening: Body
  readonly toolId: (call: OpenAiRun.Call) => string
  /** Proves that a thought is the server's own. */
  readonly signature: string
}

const textOf = (tokens: OpenAiRun.Run["content"]): string => tokens.map(({ text }) => text).join("")

const stopReason = ({ finish, stopped }: OpenAiRun.Run): string =>
  finish === "length"
    ? "max_tokens"
    : finish === "tool_calls"
    ? "tool_use"
    : stopped === undefined
    ? "end_turn"
    : "stop_sequence"

/** The blocks of a whole response; at least one. @category responses @since 0.2.0 */
export const blocks = ({ run, signature, toolId }: Answered): ReadonlyArray<Body> => {
  const text = textOf(run.content)
  const all = [
    ...(run.reasoning.length > 0 ? [{ type: "thinking", thinking: textOf(run.reasoning), signature }] : []),
    ...(text === "" ? [] : [{ type: "text", text }]),
    ...run.calls.map((call) => ({
      type: "tool_use",
      id: toolId(call),
      name: call.name,
      input: OpenAiRun.inputOf(call)
    }))
  ]
  return all.length === 0 ? [{ type: "text", text: "" }] : all
}

/** @category responses @since 0.2.0 */
export const message = (self: Answered): Body => ({
  id: self.id,
  type: "message",
  role: "assistant",
  content: blocks(self),
  model: self.model,
  stop_reason: stopReason(self.run),
  ...(stopReason(self.run) === "stop_sequence" && { stop_sequence: self.run.stopped }),
  usage: self.usage
})

const event = (type: string, fields: Body, tokens = 0): Frame => ({
  event: type,
  payload: JSON.stringify({ type, ...fields }),
  tokens
})

interface Block {
  readonly start: Body
  readonly deltas: ReadonlyArray<Body>
  readonly last?: Body
}

const streamed = ({ run, signature, toolId }: Answered): ReadonlyArray<Block> => [
  ...(run.reasoning.length === 0 ? [] : [{
    start: { type: "thinking", thinking: "" },
    deltas: run.reasoning.map(({ text }) => ({ type: "thinking_delta", thinking: text })),
    last: { type: "signature_delta", signature }
  }]),
  ...(run.content.length === 0 ? [] : [{
    start: { type: "text", text: "" },
    deltas: run.content.map(({ text }) => ({ type: "text_delta", text }))
  }]),
  ...run.calls.map((call) => ({
    start: { type: "tool_use", id: toolId(call), name: call.name, input: {} },
    deltas: call.fragments.map((text) => ({ type: "input_json_delta", partial_json: text }))
  }))
]

/** The events of a streamed response, in their order. @category responses @since 0.2.0 */
export const events = (self: Answered): ReadonlyArray<Frame> => [
  event("message_start", {
    message: {
      id: self.id,
      type: "message",
      role: "assistant",
      content: [],
      model: self.model,
      stop_reason: null,
      stop_sequence: null,
      usage: self.opening
    }
  }),
  ...streamed(self).flatMap(({ deltas, last, start }, index) => [
    event("content_block_start", { content_block: start, index }),
    ...deltas.map((delta) => event("content_block_delta", { delta, index }, 1)),
    ...(last === undefined ? [] : [event("content_block_delta", { delta: last, index })]),
    event("content_block_stop", { index })
  ]),
  event("message_delta", {
    delta: {
      stop_reason: stopReason(self.run),
      stop_sequence: stopReason(self.run) === "stop_sequence" ? self.run.stopped : null
    },
    usage: self.usage
  }),
  event("message_stop", {})
]
