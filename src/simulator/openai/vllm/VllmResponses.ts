/**
 * `/v1/responses` of vLLM, answered by the chat that it is converted to.
 *
 * @since 0.2.0
 */
import type * as Answer from "../../model/Answer.ts"
import type { Turn } from "../../model/Turn.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import * as Reply from "../../wire/Reply.ts"
import type * as OpenAiRun from "../OpenAiRun.ts"
import * as Responses from "../Responses.ts"
import * as VllmAnswer from "./VllmAnswer.ts"
import * as VllmJson from "./VllmJson.ts"
import type { VllmRequest } from "./VllmRequest.ts"
import { check } from "./VllmResponsesCheck.ts"

type Body = Pydantic.Body
type Read = (turn: Turn, body: Body) => readonly [VllmRequest, string]

const unknown = (id: string): VllmJson.Thrown =>
  new VllmJson.Thrown(404, `Response with id '${id}' not found.`, "invalid_request_error", "response_id")

/** A response that was not kept. @category answering @since 0.2.0 */
export const missing = (path: string): Reply.Reply =>
  VllmJson.failed(unknown(path.slice("/v1/responses/".length).replace(/\/cancel$/, "")))

/** Fields that need a stored state, which this server does not keep. */
const checkState = (body: Body): void => {
  const previous = body["previous_response_id"]
  if (typeof previous === "string") throw unknown(previous)
  if (body["background"] === true) {
    throw new VllmJson.Thrown(
      400,
      "This vLLM engine does not support `store=True` and therefore does not support the background mode. To enable these " +
        "features, set the environment variable `VLLM_ENABLE_RESPONSES_API_STORE=1` when launching the vLLM server.",
      "invalid_request_error",
      "background"
    )
  }
}

const limited = (text: string): string => text.replaceAll("max_tokens", "max_output_tokens")

/** The underlying chat uses another name for the limit when it compares it with the context. */
const renamed = <A>(read: () => A): A => {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof VllmJson.Thrown) || !error.message.startsWith("max_tokens=")) throw error
    const { message, param, status, type } = error
    throw new VllmJson.Thrown(status, limited(message), type, param === null ? null : limited(param))
  }
}

const textSettings = (text: unknown): unknown => {
  if (!Pydantic.isBody(text)) return null
  const { format } = text
  const shown = Pydantic.isBody(format) && format["type"] === "json_schema"
    ? {
      name: format["name"],
      schema: format["schema"],
      type: "json_schema",
      description: format["description"] ?? null,
      strict: format["strict"] ?? null
    }
    : format ?? null
  return { format: shown, verbosity: text["verbosity"] ?? null }
}

const reasoningSettings = (reasoning: unknown): unknown =>
  Pydantic.isBody(reasoning)
    ? { context: null, effort: null, generate_summary: null, mode: null, summary: null, ...reasoning }
    : null

const shownTool = (tool: unknown): unknown =>
  Pydantic.isBody(tool) && tool["type"] === "function"
    ? {
      name: tool["name"],
      parameters: tool["parameters"] ?? null,
      strict: tool["strict"] ?? null,
      type: "function",
      allowed_callers: null,
      async: null,
      defer_loading: null,
      description: tool["description"] ?? null,
      output_schema: null
    }
    : tool

const callItem = (call: OpenAiRun.Call) => {
  const { id, status, ...rest } = Responses.callItem(call)
  return { ...rest, id, async: null, caller: null, namespace: null, status }
}

const bytes = (text: string): ReadonlyArray<number> => [...new TextEncoder().encode(text)]

const probability = (token: { readonly text: string; readonly logprob: number }) => ({
  token: token.text,
  bytes: bytes(token.text),
  logprob: token.logprob
})

const wants = (body: Body): boolean =>
  Array.isArray(body["include"]) && body["include"].includes("message.output_text.logprobs")

/** The probability of a token in a stream: without bytes. */
const lean = (self: VllmAnswer.Answered, token: Answer.Token, run: OpenAiRun.Run) => ({
  token: token.text,
  logprob: token.logprob,
  top_logprobs: VllmAnswer.alternatives(self, token, run.random).map(({ logprob, text }) => ({ token: text, logprob }))
})

/** Log probabilities of the text, where they are asked for by name and number. */
const probabilities = (self: VllmAnswer.Answered, run: OpenAiRun.Run, body: Body): unknown => {
  if (!wants(body)) return null
  return run.content.map((token) => ({
    ...probability(token),
    top_logprobs: VllmAnswer.alternatives(self, token, run.random).map(probability)
  }))
}

interface Item {
  /** An item at its end, and while it is written. */
  readonly whole: Body
  readonly begun: Body
  /** Its only part at the beginning, the events of its text, and the part at the end; calls have none. */
  readonly begins?: Body
  readonly texts: ReadonlyArray<Responses.Event>
  readonly ends?: Body
}

const thought = (self: VllmAnswer.Answered, run: OpenAiRun.Run): Item => {
  const text = run.reasoning.map((token) => token.text).join("")
  const part = { text, type: "reasoning_text" }
  const item = { id: `rs_${self.id}`, summary: [], type: "reasoning", content: [part], encrypted_content: null }
  return {
    whole: { ...item, status: null },
    begun: { ...item, content: null, status: "in_progress" },
    begins: { ...part, text: "" },
    ends: part,
    texts: [
      ...run.reasoning.map((token): Responses.Event => ["response.reasoning_text.delta", { delta: token.text }, 1]),
      ["response.reasoning_text.done", { text }, 0]
    ]
  }
}

const spoken = (self: VllmAnswer.Answered, run: OpenAiRun.Run, body: Body): Item => {
  const text = Responses.textOf(run)
  const part = { annotations: [], text, type: "output_text", logprobs: probabilities(self, run, body) }
  const item = { id: `msg_${self.id}`, content: [part], role: "assistant", status: "completed", type: "message" }
  return {
    whole: { ...item, phase: null },
    begun: { ...item, content: [], status: "in_progress", phase: null },
    begins: { ...part, text: "", logprobs: [] },
    ends: part,
    texts: [
      ...run.content.map((token): Responses.Event => [
        "response.output_text.delta",
        { delta: token.text, logprobs: wants(body) ? [lean(self, token, run)] : [] },
        1
      ]),
      ["response.output_text.done", { logprobs: [], text }, 0]
    ]
  }
}

const called = (call: OpenAiRun.Call): Item => {
  const whole = callItem(call)
  return {
    whole,
    begun: { ...whole, arguments: "", status: "in_progress" },
    texts: [
      ...call.fragments.map((delta): Responses.Event => ["response.function_call_arguments.delta", { delta }, 1]),
      ["response.function_call_arguments.done", { arguments: whole.arguments, name: call.name }, 0]
    ]
  }
}

/** Events of an item in their order. */
const written = (item: Item, at: number): ReadonlyArray<Responses.Event> => {
  const { begins, begun, ends, texts, whole } = item
  const isCall = begins === undefined
  const place = { ...(!isCall && { content_index: 0 }), item_id: whole["id"], output_index: at }
  // a thought has a status only in its own event
  const done = whole["status"] === null ? { ...whole, status: "completed" } : whole
  return [
    ["response.output_item.added", { item: begun, output_index: at }, 0],
    ...(isCall ? [] : [["response.content_part.added", { ...place, part: begins }, 0] as const]),
    ...texts.map(([type, fields, tokens]): Responses.Event => [type, { ...place, ...fields }, tokens]),
    ...(isCall ? [] : [["response.content_part.done", { ...place, part: ends }, 0] as const]),
    ["response.output_item.done", { item: done, output_index: at }, 0]
  ]
}

const itemsOf = (self: VllmAnswer.Answered, body: Body): ReadonlyArray<Item> => {
  const run = self.choices[0]?.run
  if (run === undefined) return []
  const isSpoken = run.content.length > 0 ||
    (run.calls.length === 0 && run.reasoning.length === 0 && run.unfinished.length === 0)
  return [
    ...(run.reasoning.length > 0 ? [thought(self, run)] : []),
    ...(isSpoken ? [spoken(self, run, body)] : []),
    ...run.calls.map(called)
  ]
}

const sorted = (fields: Body): Body =>
  Object.fromEntries(Object.entries(fields).toSorted(([left], [right]) => left < right ? -1 : 1))

const isEmpty = (tools: unknown): boolean => !Array.isArray(tools) || tools.length === 0

/** Tools that the server itself would have to run are accepted and ignored. */
const callable = (tools: unknown): unknown =>
  Array.isArray(tools) ? tools.filter((tool: unknown) => Pydantic.isBody(tool) && tool["type"] === "function") : tools

/** Images in the form of the chat. */
const shownImages = (input: unknown): unknown =>
  Array.isArray(input)
    ? input.map((item: unknown) =>
      Pydantic.isBody(item) && Array.isArray(item["content"])
        ? { ...item, content: item["content"].map(shownImage) }
        : item
    )
    : input

const shownImage = (part: unknown): unknown =>
  Pydantic.isBody(part) && part["type"] === "input_image"
    ? { type: "image_url", image_url: { url: part["image_url"] } }
    : part

const sortedChoice = (choice: unknown): unknown => Pydantic.isBody(choice) ? sorted(choice) : choice

/** @category answering @since 0.2.0 */
export const answer = (turn: Turn, body: Body, read: Read): Reply.Reply => {
  check(body)
  checkState(body)
  const wanted = wants(body)
  const chat = Responses.chat({ ...body, tools: callable(body["tools"]), input: shownImages(body["input"]) })
  const top = Number(body["top_logprobs"] ?? 0)
  const [asked, prompt] = renamed(() =>
    read(turn, wanted ? { ...chat, logprobs: true, ...(top > 0 && { top_logprobs: top }) } : chat)
  )
  if (asked.late !== undefined && body["stream"] !== true) throw asked.late
  const self = VllmAnswer.generate(turn, asked, [prompt], true, body["stream"] === true)
  const cut = self.choices[0]?.run.finish === "length"
  const items = itemsOf(self, body)
  const { completion, prompt: input, reasoning } = self.counts
  const usage = {
    input_tokens: input,
    input_tokens_details: {
      cached_tokens: 0,
      cache_write_tokens: 0,
      input_tokens_per_turn: [],
      cached_tokens_per_turn: []
    },
    output_tokens: completion,
    output_tokens_details: {
      reasoning_tokens: reasoning ?? 0,
      tool_output_tokens: 0,
      output_tokens_per_turn: [],
      tool_output_tokens_per_turn: []
    },
    total_tokens: input + completion
  }
  const response = (status: string, output: ReadonlyArray<object>, ended: boolean) => ({
    id: `resp_${self.id}`,
    created_at: Math.trunc(turn.now / 1000),
    incomplete_details: ended && cut ? { reason: "max_output_tokens" } : null,
    instructions: body["instructions"] ?? null,
    metadata: body["metadata"] ?? null,
    model: turn.settings.modelId,
    object: "response",
    output,
    parallel_tool_calls: body["parallel_tool_calls"] ?? true,
    temperature: body["temperature"] ?? 1,
    tool_choice: isEmpty(body["tools"]) ? "none" : sortedChoice(body["tool_choice"] ?? "auto"),
    tools: Array.isArray(body["tools"]) ? body["tools"].map(shownTool) : [],
    top_p: body["top_p"] ?? 1,
    background: false,
    max_output_tokens: body["max_output_tokens"] ?? null,
    max_tool_calls: null,
    previous_response_id: null,
    prompt: null,
    reasoning: reasoningSettings(body["reasoning"]),
    service_tier: body["service_tier"] ?? "auto",
    status,
    text: textSettings(body["text"]),
    top_logprobs: wanted ? top : null,
    truncation: body["truncation"] ?? "disabled",
    usage: ended ? usage : null,
    user: body["user"] ?? null,
    presence_penalty: body["presence_penalty"] ?? 0,
    frequency_penalty: body["frequency_penalty"] ?? 0,
    kv_transfer_params: null,
    ec_transfer_params: null,
    input_messages: null,
    output_messages: null
  })
  const whole = response(cut ? "incomplete" : "completed", items.map((item) => item.whole), true)
  if (body["stream"] !== true) {
    return Reply.json(200, JSON.stringify(whole), VllmJson.headers, { tokens: completion, slots: 1 })
  }
  const all: ReadonlyArray<Responses.Event> = [
    ["response.created", { response: response("in_progress", [], false) }, 0],
    ["response.in_progress", { response: response("in_progress", [], false) }, 0],
    ...items.flatMap(written),
    ["response.completed", { response: whole }, 0]
  ]
  return {
    _tag: "Streaming",
    headers: { ...VllmJson.headers, "content-type": "text/event-stream; charset=utf-8" },
    frames: all.map(([type, fields, tokens], sequence_number): Reply.Frame => ({
      event: type,
      payload: JSON.stringify(sorted({ ...fields, sequence_number, type })),
      tokens
    })),
    space: true,
    keepAlive: VllmJson.keepAlive(turn.settings),
    slots: 1,
    failed: ({ message: why }) => [
      VllmJson.failureFrame(new VllmJson.Thrown(500, why, "InternalServerError"))
    ]
  }
}
