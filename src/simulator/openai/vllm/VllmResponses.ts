/**
 * `/v1/responses` and `/v1/messages` of vLLM, answered by the chat that they are converted to.
 *
 * @since 0.2.0
 */
import * as Tokenizer from "../../model/Tokenizer.ts"
import type { Turn } from "../../model/Turn.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import * as Reply from "../../wire/Reply.ts"
import * as Responses from "../Responses.ts"
import * as VllmAnswer from "./VllmAnswer.ts"
import * as VllmJson from "./VllmJson.ts"
import type { VllmRequest } from "./VllmRequest.ts"

type Read = (turn: Turn, body: Pydantic.Body) => readonly [VllmRequest, string]

const need = (body: Pydantic.Body, ...names: ReadonlyArray<string>): void => {
  const problems: Array<Pydantic.Problem> = []
  for (const name of names) Pydantic.required(body, name, Pydantic.anything, ["body"], problems)
  if (problems.length > 0) VllmJson.misfit(problems)
}

/** A response that was not kept. @category answering @since 0.2.0 */
export const missing = (path: string): Reply.Reply =>
  VllmJson.failed(
    new VllmJson.Thrown(
      404,
      `Response with id '${path.slice("/v1/responses/".length)}' not found.`,
      "invalid_request_error",
      "response_id"
    )
  )

/** @category answering @since 0.2.0 */
export const answer = (turn: Turn, body: Pydantic.Body, read: Read): Reply.Reply => {
  need(body, "input")
  const limit = body["max_output_tokens"]
  const chat = Responses.chat(body)
  const [asked, prompt] = read(turn, chat)
  const self = VllmAnswer.generate(turn, asked, [prompt], true)
  const run = self.choices[0]?.run
  const text = Responses.textOf(run)
  const message = {
    id: `msg_${self.id}`,
    content: [{ annotations: [], text, type: "output_text", logprobs: null }],
    role: "assistant",
    status: "completed",
    type: "message",
    phase: null
  }
  const cut = run?.finish === "length"
  const response = (status: string, output: ReadonlyArray<object>, ended: boolean) => ({
    id: `resp_${self.id}`,
    created_at: Math.trunc(turn.now / 1000),
    incomplete_details: ended && cut ? { reason: "max_output_tokens" } : null,
    instructions: body["instructions"] ?? null,
    metadata: null,
    model: turn.settings.modelId,
    object: "response",
    output,
    parallel_tool_calls: true,
    temperature: body["temperature"] ?? 1,
    tool_choice: chat["tools"] === undefined ? "none" : body["tool_choice"] ?? "auto",
    tools: chat["tools"] === undefined ? [] : body["tools"],
    top_p: body["top_p"] ?? 1,
    background: false,
    max_output_tokens: limit ?? null,
    max_tool_calls: null,
    previous_response_id: null,
    prompt: null,
    reasoning: null,
    service_tier: "auto",
    status,
    text: body["text"] ?? null,
    top_logprobs: null,
    truncation: "disabled",
    usage: ended
      ? {
        input_tokens: self.counts.prompt,
        input_tokens_details: {
          cached_tokens: 0,
          cache_write_tokens: 0,
          input_tokens_per_turn: [],
          cached_tokens_per_turn: []
        },
        output_tokens: self.counts.completion,
        output_tokens_details: {
          reasoning_tokens: self.counts.reasoning ?? 0,
          tool_output_tokens: 0,
          output_tokens_per_turn: [],
          tool_output_tokens_per_turn: []
        },
        total_tokens: self.counts.prompt + self.counts.completion
      }
      : null,
    user: null,
    presence_penalty: 0,
    frequency_penalty: 0,
    kv_transfer_params: null,
    ec_transfer_params: null,
    input_messages: null,
    output_messages: null
  })
  const spoken = Responses.speaks(run)
  const output = [...(spoken ? [message] : []), ...(run?.calls ?? []).map(Responses.callItem)]
  const whole = response(cut ? "incomplete" : "completed", output, true)
  const tokens = self.counts.completion
  if (body["stream"] !== true) return Reply.json(200, JSON.stringify(whole), VllmJson.headers, { tokens, slots: 1 })
  let count = 0
  const event = (type: string, rest: object, sent = 0): Reply.Frame => ({
    event: type,
    payload: JSON.stringify({ ...rest, sequence_number: count++, type }),
    tokens: sent
  })
  const place = { content_index: 0, item_id: message.id, output_index: 0 }
  const said = () => [
    event("response.output_item.added", {
      item: { ...message, content: [], status: "in_progress" },
      output_index: 0
    }),
    event("response.content_part.added", {
      ...place,
      part: { annotations: [], text: "", type: "output_text", logprobs: [] }
    }),
    ...(run?.content ?? []).map((token) =>
      event("response.output_text.delta", { ...place, delta: token.text, logprobs: [] }, 1)
    ),
    event("response.output_text.done", { ...place, logprobs: [], text }),
    event("response.content_part.done", {
      ...place,
      part: { annotations: [], text, type: "output_text", logprobs: null }
    }),
    event("response.output_item.done", { item: message, output_index: 0 })
  ]
  const frames = [
    event("response.created", { response: response("in_progress", [], false) }),
    event("response.in_progress", { response: response("in_progress", [], false) }),
    ...(spoken ? said() : []),
    ...Responses.callEvents(run, spoken ? 1 : 0).map(([type, fields, tokens]) => event(type, fields, tokens)),
    event("response.completed", { response: whole })
  ]
  return {
    _tag: "Streaming",
    headers: { ...VllmJson.headers, "content-type": "text/event-stream; charset=utf-8" },
    frames,
    space: true,
    keepAlive: VllmJson.keepAlive(turn.settings),
    slots: 1,
    failed: ({ message: why }) => [
      VllmJson.failureFrame(new VllmJson.Thrown(500, why, "InternalServerError"))
    ]
  }
}

/** Anthropic's Messages API, whole. @category answering @since 0.2.0 */
export const message = (turn: Turn, body: Pydantic.Body, read: Read): Reply.Reply => {
  need(body, "model", "messages", "max_tokens")
  const [asked, prompt] = read(turn, { ...body, stream: false })
  const self = VllmAnswer.generate(turn, asked, [prompt], true)
  const run = self.choices[0]?.run
  return Reply.json(
    200,
    JSON.stringify({
      id: `chatcmpl-${self.id}`,
      type: "message",
      role: "assistant",
      content: [{ type: "text", text: (run?.content ?? []).map((token) => token.text).join("") }],
      model: turn.settings.modelId,
      stop_reason: run?.finish === "length" ? "max_tokens" : "end_turn",
      usage: { input_tokens: self.counts.prompt, output_tokens: self.counts.completion }
    }),
    VllmJson.headers,
    { tokens: self.counts.completion, slots: 1 }
  )
}

/** @category answering @since 0.2.0 */
export const count = (turn: Turn, body: Pydantic.Body, read: Read): Reply.Reply => {
  need(body, "messages")
  const tokens = Tokenizer.count(read(turn, { ...body, max_tokens: 1 })[1])
  return VllmJson.ok({ input_tokens: tokens, context_management: { original_input_tokens: tokens } })
}
