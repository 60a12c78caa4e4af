/**
 * `/v1/responses` of SGLang 0.5.23, by its request and response types; answered by the chat that it is converted to.
 *
 * @since 0.2.0
 */
import * as Tokenizer from "../../model/Tokenizer.ts"
import type { Turn } from "../../model/Turn.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import * as Random from "../../wire/Random.ts"
import * as Reply from "../../wire/Reply.ts"
import * as OpenAiFields from "../OpenAiFields.ts"
import type { OpenAiRequest } from "../OpenAiRequest.ts"
import * as OpenAiRun from "../OpenAiRun.ts"
import * as Responses from "../Responses.ts"
import * as SglangJson from "./SglangJson.ts"
import * as SglangNative from "./SglangNative.ts"
import * as SglangRefusal from "./SglangRefusal.ts"

/** A failure, which is nested only on this route. @category failures @since 0.2.0 */
export const failed = (status: number, message: string, type: string, param: string | null = null): Reply.Unary =>
  Reply.json(status, JSON.stringify({ error: { message, type, param, code: status } }), SglangJson.headers)

const part = (text: string) => ({ annotations: [], text, type: "output_text", logprobs: null })

interface Answered {
  readonly turn: Turn
  readonly body: Pydantic.Body
  readonly run: OpenAiRun.Run
  readonly prompt: number
  readonly id: string
}

const response = (self: Answered, status: string, output: ReadonlyArray<object>, ended: boolean) => {
  const { body, id, prompt, run, turn } = self
  return {
    id: `resp_${id}`,
    object: "response",
    created_at: Math.trunc(turn.now / 1000),
    model: turn.settings.modelId,
    output,
    status,
    usage: ended
      ? {
        input_tokens: prompt,
        input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 },
        output_tokens: run.tokens,
        output_tokens_details: { reasoning_tokens: run.reasoning.length },
        total_tokens: prompt + run.tokens
      }
      : null,
    parallel_tool_calls: body["parallel_tool_calls"] ?? true,
    tool_choice: body["tool_choice"] ?? "auto",
    tools: Array.isArray(body["tools"]) ? body["tools"].map(shownTool) : [],
    error: null,
    incomplete_details: ended && run.finish === "length" ? { reason: "max_output_tokens" } : null,
    instructions: body["instructions"] ?? null,
    max_output_tokens: body["max_output_tokens"] ?? null,
    previous_response_id: body["previous_response_id"] ?? null,
    reasoning: { effort: null, summary: null, ...(Pydantic.isBody(body["reasoning"]) && body["reasoning"]) },
    store: body["store"] ?? true,
    temperature: body["temperature"] ?? null,
    text: textOf(body["text"]) ?? (ended ? { format: { type: "text" } } : null),
    top_p: body["top_p"] ?? null,
    truncation: body["truncation"] ?? "disabled",
    user: body["user"] ?? null,
    metadata: body["metadata"] ?? {}
  }
}

const efforts = Pydantic.literal("none", "minimal", "low", "medium", "high", "xhigh", "ultra", "max")

/** What the chat says of a request that names no model. */
const nameless =
  "1 validation error for ChatCompletionRequest\nmodel\n  Input should be a valid string [type=string_type, " +
  "input_value=None, input_type=NoneType]\n    For further information visit " +
  "https://errors.pydantic.dev/2.14/v/string_type None"

/** Why no response is kept. @category constants @since 0.2.0 */
export const storeless =
  "Response store is disabled. Stateful Responses require --enable-response-store on a standalone server; " +
  "response storage is unavailable in PD mode."

/** What is wrong with a request before its chat is read. @category checks @since 0.2.0 */
export const check = (turn: Turn, body: Pydantic.Body): SglangRefusal.Refused | Reply.Unary | undefined => {
  const problems: Array<Pydantic.Problem> = []
  const maybe = <A>(name: string, reader: Pydantic.Reader<A>) =>
    Pydantic.optional(body, name, Pydantic.nullable(reader), ["body"], problems)
  maybe("include", OpenAiFields.includes)
  Pydantic.required(body, "input", OpenAiFields.responsesInput, ["body"], problems)
  maybe("max_output_tokens", Pydantic.integer)
  maybe("metadata", Pydantic.record)
  const model = maybe("model", Pydantic.text)
  maybe(
    "reasoning",
    Pydantic.model((inner, loc, own) => Pydantic.optional(inner, "effort", Pydantic.nullable(efforts), loc, own))
  )
  maybe("truncation", Pydantic.literal("auto", "disabled"))
  if (problems.length > 0) return SglangRefusal.misfit(problems)
  const kept = ["previous_response_id", "background"].find((name) => Boolean(body[name]))
  if (kept !== undefined) return failed(400, storeless, "invalid_request_error", kept)
  if (model === undefined) return failed(400, nameless, "invalid_request_error")
  return model.split(":")[0] === turn.settings.modelId
    ? undefined
    : failed(404, `The model '${model}' does not exist`, "invalid_request_error", "model")
}

const textOf = (text: unknown): unknown => {
  const format = Pydantic.isBody(text) ? text["format"] : undefined
  if (!Pydantic.isBody(format) || format["type"] !== "json_schema") return text
  const { description, name, schema, strict, type } = format
  return {
    format: { name, schema, type, ...(description != null && { description }), ...(strict != null && { strict }) }
  }
}

const shownTool = (tool: unknown): unknown =>
  Pydantic.isBody(tool)
    ? {
      type: tool["type"],
      name: tool["name"] ?? null,
      description: tool["description"] ?? null,
      parameters: tool["parameters"] ?? null,
      strict: tool["strict"] ?? null,
      tools: null,
      defer_loading: null,
      format: null
    }
    : tool

const messageOf = ({ id, run }: Answered) => ({
  id: `msg_${id}`,
  content: [part(Responses.textOf(run))],
  role: "assistant",
  status: "completed",
  type: "message",
  phase: "final_answer"
})

const outputOf = (self: Answered): ReadonlyArray<object> => [
  ...(Responses.speaks(self.run) ? [messageOf(self)] : []),
  ...self.run.calls.map(Responses.callItem)
]

const spoken = (self: Answered): ReadonlyArray<Responses.Event> => {
  if (!Responses.speaks(self.run)) return []
  const message = messageOf(self)
  const place = { content_index: 0, item_id: message.id, output_index: 0 }
  const text = Responses.textOf(self.run)
  return [
    ["response.output_item.added", { item: { ...message, content: [], status: "in_progress" }, output_index: 0 }, 0],
    ["response.content_part.added", { ...place, part: part("") }, 0],
    ...self.run.content.map((token): Responses.Event => [
      "response.output_text.delta",
      { ...place, delta: token.text, logprobs: [] },
      1
    ]),
    ["response.output_text.done", { ...place, logprobs: [], text }, 0],
    ["response.content_part.done", { ...place, part: part(text) }, 0],
    ["response.output_item.done", { item: message, output_index: 0 }, 0]
  ]
}

const sorted = (fields: Pydantic.Body): Pydantic.Body =>
  Object.fromEntries(Object.entries(fields).toSorted(([left], [right]) => left < right ? -1 : 1))

const streaming = (self: Answered, whole: object): Reply.Streaming => {
  const events: ReadonlyArray<Responses.Event> = [
    ["response.created", { response: response(self, "in_progress", [], false) }, 0],
    ["response.in_progress", { response: response(self, "in_progress", [], false) }, 0],
    ...spoken(self),
    ...Responses.callEvents(self.run, Responses.speaks(self.run) ? 1 : 0),
    [self.run.finish === "length" ? "response.incomplete" : "response.completed", { response: whole }, 0]
  ]
  return {
    _tag: "Streaming",
    headers: {
      ...SglangJson.headers,
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
      connection: "keep-alive"
    },
    frames: events.map(([type, fields, tokens], at) => ({
      event: type,
      payload: JSON.stringify(
        "response" in fields
          ? { type, ...fields, sequence_number: at }
          : sorted({ ...fields, sequence_number: at, type })
      ),
      tokens
    })),
    space: true,
    keepAlive: SglangJson.keepAlive(self.turn),
    slots: 1,
    failed: ({ message }) => [{
      payload: JSON.stringify({ error: { message, type: "InternalServerError", param: null, code: 500 } }),
      tokens: 0
    }]
  }
}

/** The response to a request whose chat was read and rendered. @category answering @since 0.2.0 */
export const answer = (turn: Turn, body: Pydantic.Body, request: OpenAiRequest, prompt: string): Reply.Reply => {
  const length = Tokenizer.count(prompt)
  const limit = turn.settings.maxTotalTokens
  const asked = body["max_output_tokens"]
  // this route reserves two tokens
  const most = typeof asked === "number" ? asked - 2 : limit - length
  const wrong = most < 0
    ? `max_new_tokens must be at least 0, got ${most}.`
    : SglangNative.tooLong(length, most, limit)
  if (wrong !== undefined) return failed(400, wrong, "invalid_request_error")
  const self: Answered = {
    turn,
    body,
    run: OpenAiRun.generate(turn, request, prompt, 0, most),
    prompt: length,
    id: Random.hash(prompt, turn.chance).toString(16).padStart(8, "0").repeat(4)
  }
  const whole = response(self, self.run.finish === "length" ? "incomplete" : "completed", outputOf(self), true)
  return body["stream"] === true ? streaming(self, whole) : Reply.json(
    200,
    JSON.stringify(whole),
    SglangJson.headers,
    { tokens: self.run.tokens, slots: 1, failed: ({ message }) => failed(500, message, "InternalServerError") }
  )
}
