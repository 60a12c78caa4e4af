/**
 * `transformers serve` 5.24.0, by its source: unknown fields are refused, the stop sequence stays in the text, a stream
 * ends without a mark.
 *
 * @since 0.2.0
 */
import * as Prompt from "../../model/Prompt.ts"
import * as Tokenizer from "../../model/Tokenizer.ts"
import type { Turn } from "../../model/Turn.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import * as Reply from "../../wire/Reply.ts"
import * as OpenAiRun from "../OpenAiRun.ts"
import * as ServeRequest from "./ServeRequest.ts"

const headers = { server: "uvicorn" }

const detail = (status: number, value: unknown): Reply.Unary =>
  Reply.json(status, JSON.stringify({ detail: value }), headers)

interface Answered {
  readonly turn: Turn
  readonly run: OpenAiRun.Run
  readonly chat: boolean
  readonly prompt: number
  readonly model: string
}

const textOf = ({ content, stopped }: OpenAiRun.Run): string =>
  content.map(({ text }) => text).join("") + (stopped ?? "")

const callsOf = (run: OpenAiRun.Run) =>
  run.calls.map(({ fragments, id, name }, index) => ({
    index,
    id: `call_${id}`,
    type: "function",
    function: { name, arguments: fragments.join("") }
  }))

const usage = ({ prompt, run }: Answered) => ({
  completion_tokens: run.tokens,
  prompt_tokens: prompt,
  total_tokens: prompt + run.tokens
})

const head = ({ chat, model, turn }: Answered, streamed: boolean) => ({
  id: "req_0",
  created: Math.trunc(turn.now / 1000),
  model,
  object: chat ? `chat.completion${streamed ? ".chunk" : ""}` : "text_completion"
})

const unary = (self: Answered): Reply.Unary => {
  const { chat, run } = self
  const content = textOf(run)
  const calls = callsOf(run).map(({ index: _index, ...call }) => call)
  const choice = chat
    ? { message: { content, role: "assistant", ...(calls.length > 0 && { tool_calls: calls }) } }
    : { text: content }
  const body = {
    ...head(self, false),
    choices: [{ finish_reason: run.finish, index: 0, ...choice }],
    usage: usage(self)
  }
  return Reply.unary(200, { ...headers, "content-type": "application/json" }, JSON.stringify(body), {
    tokens: run.tokens,
    slots: 1,
    failed: () => Reply.text(500, "Internal Server Error")
  })
}

const streaming = (self: Answered): Reply.Streaming => {
  const { chat, run } = self
  const frame = (delta: object, finish: string | undefined, tokens: number): Reply.Frame => ({
    payload: JSON.stringify({
      ...head(self, true),
      choices: [{ ...delta, index: 0, ...(finish !== undefined && { finish_reason: finish }) }],
      ...(finish !== undefined && { usage: usage(self) })
    }),
    tokens
  })
  const texts = [...run.content.map(({ text }) => text), ...(run.stopped === undefined ? [] : [run.stopped])]
  return {
    _tag: "Streaming",
    headers: { ...headers, "content-type": "text/event-stream; charset=utf-8" },
    frames: [
      ...(chat ? [frame({ delta: { role: "assistant" } }, undefined, 0)] : []),
      ...texts.map((text) => frame(chat ? { delta: { content: text } } : { text }, undefined, 1)),
      ...callsOf(run).map((call) => frame({ delta: { tool_calls: [call] } }, undefined, 1)),
      frame(chat ? { delta: {} } : { text: "" }, run.finish, 0)
    ],
    space: true,
    keepAlive: undefined,
    slots: 1,
    failed: ({ message }) => [{ payload: JSON.stringify({ error: message }), tokens: 0 }]
  }
}

const generate = (chat: boolean) => (turn: Turn, body: Pydantic.Body): Reply.Reply => {
  const unknown = ServeRequest.unexpected(body, chat)
  if (unknown !== undefined) return detail(422, `Unexpected fields in the request: ${unknown}`)
  const request = ServeRequest.transformers(body, turn.settings.modelId)
  const rendered = chat ? Prompt.render(turn.settings.template, request.messages, false) : request.prompts[0] ?? ""
  if (typeof rendered !== "string") return Reply.text(500, "Internal Server Error")
  const run = OpenAiRun.generate(turn, request, rendered, 0, request.maxTokens ?? 1024)
  const model = `${request.model ?? turn.settings.modelId}@main`
  const self: Answered = { turn, run, chat, prompt: Tokenizer.count(rendered), model }
  return request.stream ? streaming(self) : unary(self)
}

const posted = (handler: (turn: Turn, body: Pydantic.Body) => Reply.Reply) => (turn: Turn): Reply.Reply => {
  const { json } = turn.request
  if (Pydantic.isBody(json)) return handler(turn, json)
  const problem: Pydantic.Problem = json === undefined
    ? { type: "json_invalid", loc: ["body", 0], msg: "JSON decode error", input: {}, ctx: { error: "Expecting value" } }
    : { type: "dict_type", loc: ["body"], msg: "Input should be a valid dictionary", input: json }
  return detail(422, [problem])
}

const models = ({ settings: { modelId } }: Turn): Reply.Reply => {
  const data = [{ id: modelId, owned_by: "local", object: "model", created: 0, status: { value: "loaded" } }]
  return Reply.json(200, JSON.stringify({ object: "list", data }), headers)
}

const posts: ReadonlyMap<string, (turn: Turn) => Reply.Reply> = new Map([
  ["/v1/chat/completions", posted(generate(true))],
  ["/v1/completions", posted(generate(false))],
  ["/reset", () => Reply.json(200, `{"status":"ok"}`, headers)]
])

const openApi = JSON.stringify({
  openapi: "3.1.0",
  info: { title: "FastAPI", version: "0.1.0" },
  paths: Object.fromEntries([...posts.keys(), "/load_model", "/v1/models", "/health"].map((path) => [path, {}]))
})

const gets: ReadonlyMap<string, (turn: Turn) => Reply.Reply> = new Map([
  ["/health", () => Reply.json(200, `{"status":"ok"}`, headers)],
  ["/v1/models", models],
  ["/openapi.json", () => Reply.json(200, openApi, headers)]
])

/**
 * Responds to a request to `transformers serve`.
 *
 * @category answering
 * @since 0.2.0
 */
export const answer = (turn: Turn): Reply.Reply => {
  const path = turn.request.path.split("?", 1)[0] ?? ""
  const [get, post] = [gets.get(path), posts.get(path)]
  const handler = turn.request.method === "GET" ? get : turn.request.method === "POST" ? post : undefined
  if (handler !== undefined) return handler(turn)
  if (get === undefined && post === undefined) return detail(404, "Not Found")
  return Reply.json(405, `{"detail":"Method Not Allowed"}`, { ...headers, allow: post === undefined ? "GET" : "POST" })
}
