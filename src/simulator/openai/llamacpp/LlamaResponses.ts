/**
 * `/v1/responses` and `/v1/messages` of llama.cpp, answered by the chat that they are converted to.
 *
 * @since 0.2.0
 */
import type { Turn } from "../../model/Turn.ts"
import * as Random from "../../wire/Random.ts"
import type * as Reply from "../../wire/Reply.ts"
import * as Responses from "../Responses.ts"
import type { Answered } from "./LlamaAnswer.ts"
import { type Body, invalid, isBody } from "./LlamaField.ts"
import * as LlamaJson from "./LlamaJson.ts"

const partText = (part: unknown): string => isBody(part) && typeof part["text"] === "string" ? part["text"] : ""

const item = (value: unknown): Body => {
  if (!isBody(value)) return invalid("Cannot determine type of 'item'")
  const { content } = value
  if (value["role"] === undefined && value["type"] === undefined) return invalid("Cannot determine type of 'item'")
  const { type } = value
  if (type === "function_call" || type === "function_call_output") {
    const [converted] = Responses.messages([value], undefined)
    return isBody(converted) ? converted : {}
  }
  return {
    role: value["role"] ?? "user",
    content: Array.isArray(content) ? content.map(partText).join("\n") : content ?? ""
  }
}

/** The chat that a request of the Responses API amounts to, or `Thrown`. @category requests @since 0.2.0 */
export const toChat = (body: Body): Body => {
  const { input, instructions } = body
  if (input === undefined) return invalid("'input' is required")
  if (body["previous_response_id"] !== undefined && body["previous_response_id"] !== null) {
    return invalid("llama.cpp does not support 'previous_response_id'.")
  }
  if (typeof input !== "string" && !Array.isArray(input)) {
    return invalid("'input' must be a string or array of objects")
  }
  const messages = typeof input === "string" ? [{ role: "user", content: input }] : input.map(item)
  const system = typeof instructions === "string" ? [{ role: "system", content: instructions }] : []
  const { model: _, ...chat } = Responses.chat(body)
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

/** The answer of the Responses API. @category answering @since 0.2.0 */
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

/** The answer of Anthropic's Messages API, whole. @category answering @since 0.2.0 */
export const message = (turn: Turn, self: Answered): Reply.Reply => {
  const { input = 0, run } = self.choices[0] ?? {}
  const body = JSON.stringify({
    id: `chatcmpl-${self.id}`,
    type: "message",
    role: "assistant",
    content: [{ type: "text", text: said(self) }],
    model: turn.settings.modelId,
    stop_reason: run?.finish === "length" ? "max_tokens" : "end_turn",
    stop_sequence: run?.stopped ?? null,
    usage: { cache_read_input_tokens: 0, input_tokens: input, output_tokens: run?.tokens ?? 0 }
  })
  return LlamaJson.text(200, body, { tokens: run?.tokens ?? 0, slots: 1, failed })
}
