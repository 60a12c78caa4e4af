/**
 * Anthropic's `/v1/messages` of llama.cpp: the chat that a request is converted to, and its answer in blocks.
 *
 * @since 0.2.0
 */
import type { Turn } from "../../model/Turn.ts"
import type * as Reply from "../../wire/Reply.ts"
import * as OpenAiRun from "../OpenAiRun.ts"
import * as Responses from "../Responses.ts"

import { type Body, broken, isBody } from "./LlamaField.ts"
import * as LlamaJson from "./LlamaJson.ts"
import type { Answered } from "./LlamaNative.ts"

const textOf = (value: unknown): string => typeof value === "string" ? value : ""

const system = (given: unknown): ReadonlyArray<Body> => {
  if (given === undefined || given === null) return []
  const blocks: ReadonlyArray<unknown> = Array.isArray(given) ? given : []
  const content = typeof given === "string"
    ? given
    : blocks.map((block) => isBody(block) && block["type"] === "text" ? textOf(block["text"]) : "").join("")
  return [{ role: "system", content }]
}

const resultText = (content: unknown): string =>
  typeof content === "string"
    ? content
    : Array.isArray(content)
    ? content.map((part: unknown) => isBody(part) && part["type"] === "text" ? textOf(part["text"]) : "").join("")
    : ""

const called = (block: Body): Body => ({
  id: textOf(block["id"]),
  type: "function",
  function: { name: textOf(block["name"]), arguments: JSON.stringify(block["input"] ?? {}) }
})

const message = (given: unknown): ReadonlyArray<unknown> => {
  if (!isBody(given)) return [given]
  const { content, role } = given
  if (content === undefined) return role === "assistant" ? [] : [given]
  if (!Array.isArray(content)) return [given]
  const blocks = content.filter(isBody)
  const of = (type: string) => blocks.filter((block) => block["type"] === type)
  const images = of("image").map(({ source }) => ({
    type: "image_url",
    image_url: { url: isBody(source) ? textOf(source["url"]) : "" }
  }))
  const parts = [...of("text"), ...images]
  const calls = of("tool_use").map(called)
  const thought = of("thinking").map((block) => textOf(block["thinking"])).join("")
  const results = of("tool_result").map((block) => ({
    role: "tool",
    tool_call_id: textOf(block["tool_use_id"]),
    content: resultText(block["content"])
  }))
  const spoken = parts.length > 0 || calls.length > 0 || thought !== ""
    ? [{
      role: textOf(role),
      content: parts.length > 0 ? parts : "",
      ...(calls.length > 0 && { tool_calls: calls }),
      ...(thought !== "" && { reasoning_content: thought })
    }]
    : []
  return [...spoken, ...results]
}

const tool = (given: unknown): Body => ({
  type: "function",
  function: {
    name: isBody(given) ? textOf(given["name"]) : "",
    description: isBody(given) ? textOf(given["description"]) : "",
    parameters: isBody(given) && given["input_schema"] !== undefined ? given["input_schema"] : {}
  }
})

const choices: Readonly<Record<string, string>> = { auto: "auto", any: "required", tool: "required" }

const passed = ["temperature", "top_p", "top_k", "stream", "chat_template_kwargs"]

/** The chat that a request amounts to, or `Thrown`. @category requests @since 0.2.0 */
export const toChat = (body: Body): Body => {
  const { messages, thinking, tools } = body
  const choice = isBody(body["tool_choice"]) ? choices[textOf(body["tool_choice"]["type"])] : undefined
  const budget = isBody(thinking) && thinking["type"] === "enabled" ? thinking["budget_tokens"] ?? 10_000 : undefined
  return {
    messages: [
      ...system(body["system"]),
      ...(messages === undefined
        ? broken("'messages' is required")
        : Array.isArray(messages)
        ? messages.flatMap(message)
        : [])
    ],
    ...(Array.isArray(tools) && { tools: tools.map(tool) }),
    ...(choice !== undefined && { tool_choice: choice }),
    ...(body["stop_sequences"] !== undefined && { stop: body["stop_sequences"] }),
    max_tokens: body["max_tokens"] ?? 4096,
    ...Object.fromEntries(passed.flatMap((key) => body[key] === undefined ? [] : [[key, body[key]]])),
    ...(budget !== undefined && { thinking_budget_tokens: budget })
  }
}

const thoughtOf = (run: OpenAiRun.Run | undefined): string => (run?.reasoning ?? []).map(({ text }) => text).join("")

const reasonOf = (run: OpenAiRun.Run | undefined): string =>
  run?.finish === "length" ? "max_tokens" : run?.finish === "tool_calls" ? "tool_use" : "end_turn"

const failed = ({ message }: Reply.Crash): Reply.Unary => LlamaJson.failed(500, message)

const whole = (turn: Turn, self: Answered): Reply.Unary => {
  const { input = 0, run } = self.choices[0] ?? {}
  const thought = thoughtOf(run)
  const said = Responses.textOf(run)
  const body = JSON.stringify({
    id: `chatcmpl-${self.id}`,
    type: "message",
    role: "assistant",
    content: [
      ...(thought === "" ? [] : [{ type: "thinking", thinking: thought, signature: "" }]),
      ...(said === "" ? [] : [{ type: "text", text: said }]),
      ...(run?.calls ?? []).map((call) => ({
        type: "tool_use",
        id: call.id,
        name: call.name,
        input: OpenAiRun.inputOf(call)
      }))
    ],
    model: turn.settings.modelId,
    stop_reason: reasonOf(run),
    stop_sequence: run?.stopped ?? null,
    usage: { cache_read_input_tokens: 0, input_tokens: input, output_tokens: run?.tokens ?? 0 }
  })
  return LlamaJson.text(200, body, { tokens: run?.tokens ?? 0, slots: 1, failed })
}

const event = (type: string, rest: object = {}, tokens = 0): Reply.Frame => ({
  event: type,
  payload: JSON.stringify({ type, ...rest }),
  tokens
})

const block = (
  index: number,
  start: object,
  deltas: ReadonlyArray<object>
): ReadonlyArray<Reply.Frame> => [
  event("content_block_start", { index, content_block: start }),
  ...deltas.map((delta) => event("content_block_delta", { index, delta }, 1))
]

const events = (turn: Turn, self: Answered): ReadonlyArray<Reply.Frame> => {
  const { input = 0, run } = self.choices[0] ?? {}
  const reasoning = run?.reasoning ?? []
  const content = run?.content ?? []
  const calls = run?.calls ?? []
  const textAt = reasoning.length > 0 ? 1 : 0
  const callsAt = textAt + (content.length > 0 ? 1 : 0)
  const stop = (index: number) => event("content_block_stop", { index })
  return [
    event("message_start", {
      message: {
        id: `chatcmpl-${self.id}`,
        type: "message",
        role: "assistant",
        content: [],
        model: turn.settings.modelId,
        stop_reason: null,
        stop_sequence: null,
        usage: { cache_read_input_tokens: 0, input_tokens: input, output_tokens: 0 }
      }
    }),
    ...(reasoning.length === 0 ? [] : block(
      0,
      { type: "thinking", thinking: "" },
      reasoning.map(({ text }) => ({ type: "thinking_delta", thinking: text }))
    )),
    ...(content.length === 0 ? [] : block(
      textAt,
      { type: "text", text: "" },
      content.map(({ text }) => ({ type: "text_delta", text }))
    )),
    ...calls.flatMap((call, at) =>
      block(
        callsAt + at,
        { type: "tool_use", id: call.id, name: call.name },
        call.fragments.map((fragment) => ({ type: "input_json_delta", partial_json: fragment }))
      )
    ),
    ...(reasoning.length === 0
      ? []
      : [event("content_block_delta", { index: 0, delta: { type: "signature_delta", signature: "" } }), stop(0)]),
    ...(content.length === 0 ? [] : [stop(textAt)]),
    ...calls.map((_, at) => stop(callsAt + at)),
    event("message_delta", {
      delta: { stop_reason: reasonOf(run), stop_sequence: run?.stopped ?? null },
      usage: { output_tokens: run?.tokens ?? 0 }
    }),
    event("message_stop")
  ]
}

/** The response, whole or as a stream of named events. @category answering @since 0.2.0 */
export const answer = (turn: Turn, self: Answered): Reply.Reply =>
  self.request.stream
    ? {
      _tag: "Streaming",
      headers: { ...LlamaJson.headers, "x-accel-buffering": "no", "content-type": "text/event-stream" },
      frames: events(turn, self),
      space: true,
      keepAlive: 30_000,
      slots: 1,
      headWaits: true,
      failed: ({ message }) => [{ event: "error", payload: LlamaJson.failure(500, message), tokens: 0 }]
    }
    : whole(turn, self)
