/**
 * The routes of llama.cpp's server, its authentication and its errors.
 *
 * @since 0.2.0
 */
import * as Prompt from "../../model/Prompt.ts"
import * as Tokenizer from "../../model/Tokenizer.ts"
import type { Turn } from "../../model/Turn.ts"
import * as Reply from "../../wire/Reply.ts"
import { noChat, type OpenAiRequest } from "../OpenAiRequest.ts"
import * as LlamaAnswer from "./LlamaAnswer.ts"
import * as LlamaChat from "./LlamaChat.ts"
import * as LlamaField from "./LlamaField.ts"
import { type Body, invalid, isBody } from "./LlamaField.ts"
import * as LlamaJson from "./LlamaJson.ts"
import * as LlamaMessages from "./LlamaMessages.ts"
import type * as LlamaNative from "./LlamaNative.ts"
import * as LlamaResponses from "./LlamaResponses.ts"
import * as LlamaServer from "./LlamaServer.ts"
import * as LlamaSyntax from "./LlamaSyntax.ts"

type Handler = (turn: Turn) => Reply.Reply
type BodyHandler = (turn: Turn, body: Body) => Reply.Reply

/** Reads the body, whatever its content type, and turns what is thrown into an error response. */
const post = (handler: BodyHandler): Handler => (turn) => {
  const value = turn.request.json
  if (value === undefined) return LlamaJson.failed(500, LlamaSyntax.complaint(turn.request.body) ?? "")
  try {
    return handler(turn, isBody(value) ? value : {})
  } catch (error) {
    if (error instanceof LlamaField.Thrown) return LlamaJson.failed(error.invalid ? 400 : 500, error.message)
    throw error
  }
}

const render = (turn: Turn, request: OpenAiRequest): string => {
  const prompt = Prompt.render(turn.settings.template, request.messages, request.continues)
  return typeof prompt === "string" ? prompt : invalid(prompt.message)
}

const read = (turn: Turn, body: Body): LlamaChat.Chat => LlamaChat.read(body, turn.settings.slots, turn.request.body)

const generateChat = (turn: Turn, body: Body): LlamaNative.Answered | Reply.Unary => {
  const { fields, request } = read(turn, body)
  return LlamaAnswer.generate(turn, "chat", request, fields, [render(turn, request)])
}

const chat: BodyHandler = (turn, body) => {
  const answered = generateChat(turn, body)
  return "_tag" in answered ? answered : LlamaAnswer.answer(answered)
}

const isToken = (value: unknown): value is number => typeof value === "number" && Number.isInteger(value)

const promptText = (value: unknown): string => {
  if (typeof value === "string") return value
  if (isBody(value) && typeof value["prompt_string"] === "string") {
    return value["multimodal_data"] === undefined
      ? value["prompt_string"]
      : invalid("Multimodal data provided, but model does not support multimodal requests.")
  }
  if (Array.isArray(value) && value.every((item) => typeof item === "string" || isToken(item))) {
    if (value.some((item) => isToken(item) && (item < 0 || item >= Tokenizer.vocabulary))) {
      return invalid("Prompt contains invalid tokens")
    }
    return value.map((item: string | number) => typeof item === "string" ? item : Tokenizer.known(item)).join("")
  }
  return invalid(
    "\"prompt\" elements must be a string, a list of tokens, a JSON object containing a prompt string, or a list of " +
      "mixed strings & tokens."
  )
}

const prompts = (turn: Turn, body: Body): ReadonlyArray<string> => {
  const given = turn.request.json
  if (!isBody(given)) {
    return invalid(`[json.exception.type_error.304] cannot use at() with ${LlamaField.typeName(given)}`)
  }
  if (!Object.hasOwn(body, "prompt")) return invalid("[json.exception.out_of_range.403] key 'prompt' not found")
  const { prompt } = body
  if (!Array.isArray(prompt)) return [promptText(prompt)]
  if (prompt.length === 0) return invalid("\"prompt\" must not be empty")
  return prompt.some((item) => typeof item === "number") ? [promptText(prompt)] : prompt.map(promptText)
}

const complete = (kind: "completion" | "native"): BodyHandler => (turn, body) => {
  const texts = prompts(turn, body)
  const fields = LlamaField.read(body, turn.settings.slots)
  const given = LlamaField.lenient(body, "grammar", LlamaField.isText, "")
  const held = body["grammar"] === undefined ? LlamaChat.schemaField(body["json_schema"]) : undefined
  const top = fields["n_probs"]
  const request: OpenAiRequest = {
    ...LlamaChat.common(body, fields, turn.request.body),
    ...noChat,
    logprobs: typeof top === "number" && top > 0,
    topLogprobs: typeof top === "number" ? top : 0,
    parallel: false,
    constraint: held ?? (given === "" ? undefined : LlamaChat.grammar(given)),
    thinking: false
  }
  const answered = LlamaAnswer.generate(turn, kind, request, fields, texts)
  if ("_tag" in answered) return answered
  const reply = LlamaAnswer.answer(answered)
  return kind === "native" && reply._tag === "Unary" ? picked(reply, body["response_fields"]) : reply
}

/** The fields of a native response, if only some were requested. */
const picked = (reply: Reply.Unary, names: unknown): Reply.Unary => {
  if (!Array.isArray(names) || names.length === 0) return reply
  const value: unknown = JSON.parse(reply.body)
  const nested = (name: string): unknown =>
    name.split("/").reduce<unknown>((at, key) => isBody(at) ? at[key] : undefined, value)
  return isBody(value)
    ? { ...reply, body: JSON.stringify(Object.fromEntries(names.map((name) => [name, nested(String(name))]))) }
    : reply
}

const count = (turn: Turn, body: Body, extra: object): Reply.Reply =>
  LlamaJson.ok({ input_tokens: Tokenizer.count(render(turn, read(turn, body).request)), ...extra })

const responses: BodyHandler = (turn, body) => {
  const answered = generateChat(turn, LlamaResponses.toChat(body))
  return "_tag" in answered ? answered : LlamaResponses.answer(turn, answered, answered.request.stream)
}

const messages: BodyHandler = (turn, body) => {
  const answered = generateChat(turn, LlamaMessages.toChat(body))
  return "_tag" in answered ? answered : LlamaMessages.answer(turn, answered)
}

const control: BodyHandler = (_turn, body) =>
  typeof body["id"] !== "string" || body["id"] === ""
    ? invalid("missing completion id")
    : body["action"] !== "reasoning_end"
    ? invalid("unknown control action")
    : LlamaJson.ok({ success: false, message: "no active completion for this id" })

const embeddings: BodyHandler = (turn, body) =>
  turn.settings.embeddings ? LlamaServer.embeddings(turn, body) : LlamaServer.refusals.embeddings

const table: ReadonlyArray<
  readonly [method: "DELETE" | "GET" | "POST", paths: ReadonlyArray<string>, handler: Handler]
> = [
  ["GET", ["/health", "/v1/health"], LlamaServer.health],
  ["GET", ["/v1/models", "/models"], LlamaServer.models],
  ["GET", ["/props"], LlamaServer.props],
  ["GET", ["/slots"], LlamaServer.slots],
  ["GET", ["/metrics"], (turn) => turn.settings.metrics ? LlamaServer.metrics(turn) : LlamaServer.refusals.metrics],
  ["GET", ["/lora-adapters"], () => LlamaJson.ok([])],
  ["POST", ["/v1/chat/completions", "/chat/completions"], post(chat)],
  ["POST", ["/v1/chat/completions/control"], post(control)],
  ["POST", ["/v1/completions"], post(complete("completion"))],
  ["POST", ["/completion", "/completions"], post(complete("native"))],
  ["POST", ["/v1/responses", "/responses"], post(responses)],
  ["POST", ["/v1/messages"], post(messages)],
  ["POST", ["/v1/messages/count_tokens"], post((turn, body) => count(turn, LlamaMessages.toChat(body), {}))],
  [
    "POST",
    ["/v1/chat/completions/input_tokens", "/chat/completions/input_tokens"],
    post((turn, body) => count(turn, body, { object: "response.input_tokens" }))
  ],
  [
    "POST",
    ["/v1/responses/input_tokens", "/responses/input_tokens"],
    post((turn, body) => count(turn, LlamaResponses.toChat(body), { object: "response.input_tokens" }))
  ],
  ["POST", ["/v1/embeddings", "/embeddings", "/embedding"], post(embeddings)],
  ["POST", ["/v1/rerank", "/v1/reranking", "/rerank", "/reranking"], () => LlamaServer.refusals.reranking],
  ["POST", ["/infill"], () => LlamaServer.refusals.infill],
  ["POST", ["/props"], () => LlamaServer.refusals.properties],
  ["POST", ["/slots/*"], () => LlamaServer.refusals.slots],
  ["POST", ["/lora-adapters"], LlamaServer.adapters],
  ["POST", ["/v1/audio/transcriptions", "/audio/transcriptions"], () => LlamaServer.refusals.audio],
  ["GET", ["/cors-proxy", "/tools"], () => LlamaServer.refusals.disabled],
  ["POST", ["/cors-proxy", "/tools"], () => LlamaServer.refusals.disabled],
  ["GET", ["/v1/stream"], () => LlamaServer.refusals.conversation],
  ["DELETE", ["/v1/stream"], () => LlamaServer.refusals.conversation],
  ["POST", ["/v1/streams/lookup"], () => LlamaJson.ok([])],
  ["POST", ["/tokenize"], post(LlamaServer.tokenize)],
  ["POST", ["/detokenize"], post(LlamaServer.detokenize)],
  ["POST", ["/apply-template"], post((turn, body) => LlamaJson.ok({ prompt: render(turn, read(turn, body).request) }))]
]

const routes: ReadonlyMap<string, Handler> = new Map(
  table.flatMap(([method, paths, handler]) => paths.map((path) => [`${method} ${path}`, handler] as const))
)

const open = new Set(["/health", "/v1/health", "/"])

const authorised = ({ request, settings }: Turn, path: string): boolean => {
  const key = settings.apiKey
  if (key === undefined || open.has(path)) return true
  const given = request.headers["authorization"] ?? request.headers["x-api-key"]
  return given === key || given === `Bearer ${key}`
}

const route = (turn: Turn): Reply.Reply => {
  const path = turn.request.path.split("?", 1)[0] ?? ""
  const { method } = turn.request
  if (method === "OPTIONS") return Reply.unary(200, { ...LlamaJson.headers, "content-type": "text/html" }, "")
  if (!authorised(turn, path)) return LlamaJson.outer(401, "Invalid API Key")
  const known = path.replace(/^\/slots\/[^/]+$/, "/slots/*")
  const handler = routes.get(`${method === "HEAD" ? "GET" : method} ${known}`)
  return handler === undefined ? LlamaJson.outer(404, "File Not Found") : handler(turn)
}

/**
 * Responds to a request to llama.cpp's server, which allows every origin.
 *
 * @category answering
 * @since 0.2.0
 */
export const answer = (turn: Turn): Reply.Reply => {
  const reply = route(turn)
  const origin = turn.request.headers["origin"] ?? ""
  return { ...reply, headers: { ...reply.headers, "access-control-allow-origin": origin } }
}
