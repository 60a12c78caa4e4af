/**
 * `/v1/responses` of llama.cpp, answered by the chat that it is converted to.
 *
 * @since 0.2.0
 */
import type { Turn } from "../../model/Turn.ts"
import * as Random from "../../wire/Random.ts"
import type * as Reply from "../../wire/Reply.ts"
import * as Responses from "../Responses.ts"

import { type Body, invalid, isBody } from "./LlamaField.ts"
import * as LlamaJson from "./LlamaJson.ts"
import type { Answered } from "./LlamaNative.ts"

const inputPart = (part: unknown): Body => {
  const given = isBody(part) ? part : {}
  switch (given["type"]) {
    case "input_text":
      return given["text"] === undefined
        ? invalid("'Input text' requires 'text'")
        : { type: "text", text: given["text"] }
    case "input_image":
      return given["image_url"] === undefined
        ? invalid("'image_url' is required")
        : { type: "image_url", image_url: { url: given["image_url"] } }
    case "input_file":
      return invalid("'input_file' is not supported by llamacpp at this moment")
    default:
      return invalid("'type' must be one of 'input_text', 'input_image', or 'input_file'")
  }
}

const outputPart = (part: unknown): Body => {
  const given = isBody(part) ? part : {}
  if (given["type"] === "output_text" || given["type"] === "input_text") {
    return typeof given["text"] === "string"
      ? { type: "text", text: given["text"] }
      : invalid("'Output text' requires 'text'")
  }
  if (given["type"] !== "refusal") return invalid("'type' must be one of 'output_text' or 'refusal'")
  return typeof given["refusal"] === "string"
    ? { type: "text", text: given["refusal"] }
    : invalid("'Refusal' requires 'refusal'")
}

const partsOf = (content: unknown): ReadonlyArray<unknown> | undefined =>
  typeof content === "string" ? [{ type: "input_text", text: content }] : Array.isArray(content) ? content : undefined

const isText = (value: unknown): value is string => typeof value === "string"

const asking = new Set<unknown>(["user", "system", "developer"])

const item = (value: unknown): Body => {
  const given = isBody(value) ? value : {}
  const { role, type } = given
  const parts = partsOf(given["content"])
  if (parts !== undefined && asking.has(role)) return { role, content: parts.map(inputPart) }
  if (role === "assistant" && type === "message") return { role, content: (parts ?? []).map(outputPart) }
  const isCall = type === "function_call" && [given["arguments"], given["call_id"], given["name"]].every(isText)
  const isResult = type === "function_call_output" && isText(given["call_id"]) &&
    (isText(given["output"]) || Array.isArray(given["output"]))
  if (isCall || isResult) {
    const [converted] = Responses.messages([given], undefined)
    return isBody(converted) ? converted : {}
  }
  if (type === "reasoning" && Array.isArray(given["summary"])) {
    const content: unknown = given["content"]
    if (!Array.isArray(content)) return invalid("item['content'] is not an array")
    const [first]: ReadonlyArray<unknown> = content
    if (first === undefined) return invalid("item['content'] is empty")
    return isBody(first) && isText(first["text"])
      ? { role: "assistant", content: [], reasoning_content: first["text"] }
      : invalid("item['content']['text'] is not a string")
  }
  return invalid("Cannot determine type of 'item'")
}

/** Tools other than functions have no place in a chat, and are left out. */
const withoutOthers = (body: Body): Body => {
  const { tools } = body
  if (tools === undefined) return body
  if (!Array.isArray(tools)) return invalid("'tools' must be an array of objects")
  return { ...body, tools: tools.filter((tool: unknown) => isBody(tool) && tool["type"] === "function") }
}

/** The chat that a request of the Responses API amounts to, or `Thrown`. @category requests @since 0.2.0 */
export const toChat = (body: Body): Body => {
  const { input, instructions } = body
  if (input === undefined) return invalid("'input' is required")
  if (isText(body["previous_response_id"]) && body["previous_response_id"] !== "") {
    return invalid("llama.cpp does not support 'previous_response_id'.")
  }
  if (typeof input !== "string" && !Array.isArray(input)) {
    return invalid("'input' must be a string or array of objects")
  }
  const messages = typeof input === "string" ? [{ role: "user", content: input }] : input.map(item)
  const system = typeof instructions === "string" ? [{ role: "system", content: instructions }] : []
  const { model: _, ...chat } = Responses.chat(withoutOthers(body))
  return { ...chat, messages: [...system, ...messages], stream: body["stream"] }
}

const runOf = (self: Answered) => self.choices[0]?.run

const said = (self: Answered): string => Responses.textOf(runOf(self))

const part = (text: string) => ({ type: "output_text", annotations: [], logprobs: [], text })

const used = (self: Answered) => {
  const { input = 0, run } = self.choices[0] ?? {}
  const output = run?.tokens ?? 0
  return {
    input_tokens: input,
    output_tokens: output,
    total_tokens: input + output,
    input_tokens_details: { cached_tokens: 0 }
  }
}

const failed = ({ message }: Reply.Crash): Reply.Unary => LlamaJson.failed(500, message)

const whole = (turn: Turn, self: Answered, id: string): Reply.Unary => {
  const at = Math.trunc(turn.now / 1000)
  const body = JSON.stringify({
    completed_at: at,
    created_at: at,
    id: `resp_${self.id}`,
    model: turn.settings.modelId,
    object: "response",
    output: [
      ...(Responses.speaks(runOf(self))
        ? [{ content: [part(said(self))], id, role: "assistant", status: "completed", type: "message" }]
        : []),
      ...(runOf(self)?.calls ?? []).map(Responses.callItem)
    ],
    status: "completed",
    usage: used(self)
  })
  return LlamaJson.text(200, body, { tokens: used(self).output_tokens, slots: 1, failed })
}

const named = (type: string, rest: object, tokens = 0, more = ""): Reply.Frame => ({
  event: type,
  payload: `${JSON.stringify({ type, ...rest }).slice(0, -1)}${more}}`,
  tokens
})

const events = (turn: Turn, self: Answered, id: string): ReadonlyArray<Reply.Frame> => {
  const response = { id: `resp_${self.id}`, object: "response", status: "in_progress" }
  const text = said(self)
  const done = { type: "message", status: "completed", id, content: [part(text)], role: "assistant" }
  const { input = 0, run } = self.choices[0] ?? {}
  const spoken = Responses.speaks(run)
  const message = (): ReadonlyArray<Reply.Frame> => [
    named("response.output_item.added", {
      item: { content: [], id, role: "assistant", status: "in_progress", type: "message" }
    }),
    named("response.content_part.added", { item_id: id, part: { type: "output_text", text: "" } }),
    ...(run?.content ?? []).map((token) => named("response.output_text.delta", { item_id: id, delta: token.text }, 1)),
    named("response.output_text.done", { item_id: id, text }),
    named("response.content_part.done", { item_id: id, part: part(text) }),
    named("response.output_item.done", { item: done })
  ]
  return [
    named("response.created", { response }),
    named("response.in_progress", { response }),
    ...(spoken ? message() : []),
    ...Responses.callEvents(run, 0).map(([type, { output_index: _index, ...fields }, tokens]) =>
      named(type, fields, tokens)
    ),
    named(
      "response.completed",
      {
        response: {
          id: `resp_${self.id}`,
          object: "response",
          created_at: Math.trunc(turn.now / 1000),
          status: "completed",
          model: turn.settings.modelId,
          output: [...(spoken ? [done] : []), ...(run?.calls ?? []).map(Responses.callItem)],
          usage: used(self)
        }
      },
      0,
      `,"timings":${LlamaJson.timings(input, run?.tokens ?? 0)}`
    )
  ]
}

/** The response of the Responses API. @category answering @since 0.2.0 */
export const answer = (turn: Turn, self: Answered, stream: boolean): Reply.Reply => {
  const id = `msg_${LlamaJson.name(Random.make(turn.chance ^ 0x5bd1e995))}`
  if (!stream) return whole(turn, self, id)
  return {
    _tag: "Streaming",
    headers: { ...LlamaJson.headers, "x-accel-buffering": "no", "content-type": "text/event-stream" },
    frames: events(turn, self, id),
    space: true,
    keepAlive: 30_000,
    slots: 1,
    headWaits: true,
    failed: ({ message }) => [{ payload: LlamaJson.failure(500, message), tokens: 0 }]
  }
}
