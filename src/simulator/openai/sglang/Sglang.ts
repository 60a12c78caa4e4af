/**
 * The routes of SGLang 0.5.23.
 *
 * @since 0.2.0
 */
import * as Prompt from "../../model/Prompt.ts"
import type { Turn } from "../../model/Turn.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import * as Reply from "../../wire/Reply.ts"
import type { OpenAiRequest } from "../OpenAiRequest.ts"
import * as Responses from "../Responses.ts"
import * as SglangLoads from "./info/SglangLoads.ts"
import * as SglangServerInfo from "./info/SglangServerInfo.ts"
import * as SglangAnswer from "./SglangAnswer.ts"
import * as SglangBody from "./SglangBody.ts"
import * as SglangConstraint from "./SglangConstraint.ts"
import * as SglangDecisions from "./SglangDecisions.ts"
import * as SglangEmbedding from "./SglangEmbedding.ts"
import * as SglangJson from "./SglangJson.ts"
import * as SglangMessages from "./SglangMessages.ts"
import * as SglangNative from "./SglangNative.ts"
import * as SglangOllama from "./SglangOllama.ts"
import * as SglangRefusal from "./SglangRefusal.ts"
import * as SglangRequest from "./SglangRequest.ts"
import * as SglangResponses from "./SglangResponses.ts"
import * as SglangSystemOne from "./SglangSystemOne.ts"
import * as SglangTokens from "./SglangTokens.ts"

type Handler = SglangBody.Handler
type BodyHandler = SglangBody.BodyHandler

const { post } = SglangBody

const server = ({ settings }: Turn): SglangRequest.Server => ({
  context: settings.maxTotalTokens,
  multimodal: settings.multimodal
})

const render = (turn: Turn, request: OpenAiRequest): string | SglangRefusal.Refused => {
  const prompt = Prompt.render(turn.settings.template, request.messages, request.continues)
  return typeof prompt === "string" ? prompt : SglangRefusal.refused(prompt.message, "BadRequest")
}

/** A chat as it is generated: without a parser, calls and thoughts stay in the text. */
const readBody = (turn: Turn, body: Pydantic.Body, text: string): OpenAiRequest | SglangRefusal.Refused => {
  const request = SglangRequest.chat(body, text, server(turn))
  return "_tag" in request || turn.settings.parsers ? request : SglangConstraint.unparsed(request)
}

const readChat: SglangMessages.Read = (turn, body) => {
  const request = readBody(turn, body, turn.request.body)
  if ("_tag" in request) return request
  const prompt = render(turn, request)
  return typeof prompt === "string" ? [request, prompt] : prompt
}

const chat: BodyHandler = (turn, body) => {
  const read = readChat(turn, body)
  return "_tag" in read ? read : SglangAnswer.answer(turn, read[0], [read[1]], true)
}

const completions: BodyHandler = (turn, body) => {
  const request = SglangRequest.completions(body, turn.request.body)
  return "_tag" in request ? request : SglangAnswer.answer(turn, request, request.prompts, false)
}

const responses: BodyHandler = (turn, body) => {
  const wrong = SglangResponses.check(turn, body)
  if (wrong !== undefined) return wrong
  const { max_tokens: _, ...chat } = Responses.chat(body)
  const request = readBody(turn, chat, JSON.stringify(chat))
  if ("_tag" in request) return SglangResponses.failed(400, request.message, "invalid_request_error")
  const prompt = render(turn, request)
  return typeof prompt === "string"
    ? SglangResponses.answer(turn, body, request, prompt)
    : SglangResponses.failed(400, prompt.message, "Bad Request")
}

/** Responses are stored if the server was started with a response store. */
const unkept: Handler = () =>
  SglangResponses.failed(400, SglangResponses.storeless, "invalid_request_error", "response_id")

const card = ({ now, settings }: Turn) => ({
  id: settings.modelId,
  object: "model",
  created: Math.trunc(now / 1000),
  owned_by: "sglang",
  root: settings.modelId,
  parent: null,
  max_model_len: settings.maxTotalTokens
})

const model: Handler = (turn, path) => {
  const name = decodeURIComponent(path.slice("/v1/models/".length))
  if (name === turn.settings.modelId) return SglangJson.ok(card(turn))
  const message = `The model '${name}' does not exist`
  return Reply.json(
    404,
    JSON.stringify({ error: { message, type: "invalid_request_error", param: "model", code: "model_not_found" } }),
    SglangJson.headers
  )
}

const modelInfo: Handler = ({ settings }) =>
  SglangJson.ok({
    model_path: settings.modelId,
    served_model_name: settings.modelId,
    tokenizer_path: settings.modelId,
    is_generation: !settings.embeddings,
    preferred_sampling_params: null,
    weight_version: "default",
    load_format: "auto",
    reasoning_parser: null,
    tool_call_parser: null,
    disaggregation_mode: "null",
    has_image_understanding: settings.multimodal,
    has_audio_understanding: false,
    model_type: "simulated",
    architectures: ["SimulatedForCausalLM"],
    embedding: SglangEmbedding.plan(settings)
  })

const root: Handler = () => SglangJson.ok("SGLang is running")

const flushed: Handler = () =>
  Reply.unary(
    200,
    SglangJson.headers,
    "Cache flushed.\nPlease check backend logs for more details. (When there are running or waiting requests, the operation will not be performed.)\n"
  )

/** Vertex AI's form of the native route: each instance is a text of its own. */
const vertex: BodyHandler = (turn, body) => {
  const instances = Array.isArray(body["instances"]) ? body["instances"].filter(Pydantic.isBody) : []
  if (instances.length === 0) return SglangJson.ok([])
  const parameters = Pydantic.isBody(body["parameters"]) ? body["parameters"] : {}
  const answered = SglangNative.answer(turn, { ...parameters, text: instances.map(({ text }) => text) })
  return answered._tag === "Unary" && answered.status === 200
    ? SglangJson.ok({ predictions: JSON.parse(answered.body) })
    : answered
}

const healthy: Handler = () => Reply.empty(200, SglangJson.headers)

const metrics: Handler = ({ counters, running }) =>
  Reply.text(
    200,
    `# TYPE sglang:generation_tokens_total counter\nsglang:generation_tokens_total ${counters.tokens}\n` +
      `# TYPE sglang:num_running_reqs gauge\nsglang:num_running_reqs ${running()}\n` +
      `# TYPE sglang:num_requests_total counter\nsglang:num_requests_total ${counters.succeeded}\n`
  )

/** The description that every application of the framework has; it does not name the engine. */
const openApi = { openapi: "3.1.0", info: { title: "FastAPI", version: "0.1.0" }, paths: {} }

interface Route {
  readonly get?: Handler
  readonly post?: Handler
  readonly put?: Handler
}

const native = (handler: BodyHandler): Route => ({ post: post(handler, true), put: post(handler, true) })

const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
  ["/openapi.json", { get: () => SglangJson.ok(openApi) }],
  ["/ready", { get: healthy }],
  ["/health", { get: healthy }],
  ["/health_generate", { get: healthy }],
  ["/ping", { get: healthy }],
  ["/v1/models", { get: (turn) => SglangJson.ok({ object: "list", data: [card(turn)] }) }],
  ["/server_info", { get: SglangServerInfo.answer }],
  ["/get_server_info", { get: SglangServerInfo.answer }],
  ["/model_info", { get: modelInfo }],
  ["/get_model_info", { get: modelInfo }],
  ["/v1/chat/completions", { post: post(chat) }],
  ["/v1/completions", { post: post(completions) }],
  ["/v1/responses", { post: post(responses) }],
  ["/", { get: root }],
  ["/flush_cache", { get: flushed, post: flushed }],
  ["/abort_request", { post: post(() => Reply.empty(200, SglangJson.headers), true) }],
  ["/v1/score", { post: post(SglangDecisions.score) }],
  ["/v1/decisions", { post: post(SglangDecisions.decisions) }],
  ["/v1/systemone", { post: post(SglangSystemOne.answer) }],
  ["/v1/messages", { post: post((turn, body) => SglangMessages.answer(turn, body, readChat)) }],
  ["/v1/messages/count_tokens", { post: post((turn, body) => SglangMessages.count(turn, body, readChat)) }],
  ["/v1/rerank", { post: post(SglangEmbedding.rerank) }],
  ["/v1/classify", { post: post(SglangEmbedding.classify) }],
  ["/invocations", { post: post(chat, true) }],
  ["/vertex_generate", { post: post(vertex, true) }],
  ["/api/chat", { post: post(SglangOllama.chat, true) }],
  ["/api/generate", { post: post(SglangOllama.text, true) }],
  ["/api/show", { post: post(SglangOllama.show, true) }],
  ["/api/tags", { get: SglangOllama.tags }],
  ["/separate_reasoning", { post: post(SglangDecisions.separate, true) }],
  ["/parse_function_call", { post: post(SglangDecisions.parseCalls, true) }],
  ["/v1/embeddings", { post: post(SglangEmbedding.embeddings) }],
  ["/tokenize", { post: post((turn, body) => SglangTokens.tokenize(turn, body, readChat)) }],
  ["/v1/tokenize", { post: post((turn, body) => SglangTokens.tokenize(turn, body, readChat)) }],
  ["/detokenize", { post: post(SglangTokens.detokenize) }],
  ["/v1/detokenize", { post: post(SglangTokens.detokenize) }],
  ["/generate", native(SglangNative.answer)],
  ["/encode", native(SglangEmbedding.encode)],
  ["/classify", native(SglangEmbedding.encode)],
  ["/v1/loads", { get: SglangLoads.answer }]
])

const find = (turn: Turn, path: string): Route | undefined =>
  path === "/metrics" && turn.settings.metrics
    ? { get: metrics }
    : routes.get(path) ?? (path.startsWith("/v1/models/")
      ? { get: model }
      : path.startsWith("/v1/responses/")
      ? path.endsWith("/cancel") ? { post: unkept } : { get: unkept }
      : undefined)

/** A path with a trailing slash that its route does not have. */
const moved = ({ request }: Turn, path: string): Reply.Unary =>
  Reply.empty(307, { ...SglangJson.headers, location: `http://${request.headers["host"] ?? "localhost"}${path}` })

const open = new Set(["/health", "/health_generate", "/ready"])

const authorised = ({ request, settings }: Turn, path: string): boolean =>
  settings.apiKey === undefined || open.has(path) || path.startsWith("/metrics") || request.method === "OPTIONS" ||
  request.headers["authorization"] === `Bearer ${settings.apiKey}`

/**
 * Responds to a request to SGLang.
 *
 * @category answering
 * @since 0.2.0
 */
export const answer = (turn: Turn): Reply.Reply => {
  const path = turn.request.path.split("?", 1)[0] ?? ""
  const { method } = turn.request
  if (!authorised(turn, path)) return Reply.json(401, `{"error":"Unauthorized"}`, SglangJson.headers)
  const route = find(turn, path)
  if (route === undefined) {
    const bare = path.endsWith("/") ? path.slice(0, -1) : path
    return bare !== path && find(turn, bare) !== undefined ? moved(turn, bare) : SglangJson.unknown(404)
  }
  const handler = method === "POST"
    ? route.post
    : method === "GET"
    ? route.get
    : method === "PUT"
    ? route.put
    : undefined
  return handler === undefined ? SglangJson.unknown(405) : handler(turn, path)
}
