/**
 * The routes of SGLang 0.5.23.
 *
 * @since 0.2.0
 */
import * as Embeddings from "../../model/Embeddings.ts"
import * as Prompt from "../../model/Prompt.ts"
import * as Tokenizer from "../../model/Tokenizer.ts"
import type { Turn } from "../../model/Turn.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import * as Reply from "../../wire/Reply.ts"
import type { OpenAiRequest } from "../OpenAiRequest.ts"
import * as Responses from "../Responses.ts"
import * as SglangAnswer from "./SglangAnswer.ts"
import * as SglangDecisions from "./SglangDecisions.ts"
import * as SglangJson from "./SglangJson.ts"
import * as SglangNative from "./SglangNative.ts"
import * as SglangRefusal from "./SglangRefusal.ts"
import * as SglangRequest from "./SglangRequest.ts"
import * as SglangResponses from "./SglangResponses.ts"

type Handler = (turn: Turn, path: string) => Reply.Reply
type BodyHandler = (turn: Turn, body: Pydantic.Body) => Reply.Reply

const refused = ({ message, type }: SglangRefusal.Refused): Reply.Unary => SglangJson.failed(400, message, type)

const notJson = (body: string): Pydantic.Problem => ({
  type: "json_invalid",
  loc: ["body", body.length],
  msg: "JSON decode error",
  input: {},
  ctx: { error: body.trim() === "" ? "Expecting value" : "Expecting value" }
})

/** Reads a JSON object; most routes refuse another content type than JSON. */
const post = (handler: BodyHandler, anyType = false): Handler => (turn) => {
  const { body, headers, json } = turn.request
  const media = headers["content-type"]?.toLowerCase().split(";", 1)[0]
  if (!anyType && media !== "application/json") {
    const loc = ["header", "content-type"]
    const msg = "Unsupported Media Type: Only 'application/json' is allowed"
    return refused(SglangRefusal.misfit([{ type: "value_error", loc, msg, input: undefined }]))
  }
  if (json === undefined) return refused(SglangRefusal.misfit([notJson(body)]))
  if (Pydantic.isBody(json)) return handler(turn, json)
  const msg = "Input should be a valid dictionary or object to extract fields from"
  return refused(SglangRefusal.misfit([{ type: "model_attributes_type", loc: ["body"], msg, input: json }]))
}

const server = ({ settings }: Turn): SglangRequest.Server => ({
  context: settings.maxTotalTokens,
  multimodal: settings.multimodal
})

const render = (turn: Turn, request: OpenAiRequest): string | SglangRefusal.Refused => {
  const prompt = Prompt.render(turn.settings.template, request.messages, request.continues)
  return typeof prompt === "string" ? prompt : SglangRefusal.refused(prompt.message, "BadRequest")
}

const chat: BodyHandler = (turn, body) => {
  const request = SglangRequest.chat(body, turn.request.body, server(turn))
  if ("_tag" in request) return refused(request)
  const prompt = render(turn, request)
  return typeof prompt === "string" ? SglangAnswer.answer(turn, request, [prompt], true) : refused(prompt)
}

const completions: BodyHandler = (turn, body) => {
  const request = SglangRequest.completions(body, turn.request.body)
  return "_tag" in request ? refused(request) : SglangAnswer.answer(turn, request, request.prompts, false)
}

const responses: BodyHandler = (turn, body) => {
  if (body["input"] === undefined) {
    const { message } = SglangRefusal.misfit([
      { type: "missing", loc: ["body", "input"], msg: "Field required", input: body }
    ])
    return SglangResponses.failed(400, message, "Bad Request")
  }
  const chat = Responses.chat(body)
  const request = SglangRequest.chat(chat, JSON.stringify(chat), server(turn))
  if ("_tag" in request) return SglangResponses.failed(400, request.message, "Bad Request")
  const prompt = render(turn, request)
  return typeof prompt === "string"
    ? SglangResponses.answer(turn, body, request, prompt)
    : SglangResponses.failed(400, prompt.message, "Bad Request")
}

const ids = (text: string, special: boolean): ReadonlyArray<number> =>
  Tokenizer.encode(text, special).map(({ id }) => id)

const tokenize: BodyHandler = (turn, body) => {
  const { messages, prompt } = body
  const both = "Value error, Exactly one of 'prompt' or 'messages' must be provided."
  if ((prompt == null) === (messages == null)) {
    return refused(SglangRefusal.misfit([{ type: "value_error", loc: ["body"], msg: both, input: body }]))
  }
  const special = body["add_special_tokens"] !== false
  const { maxTotalTokens } = turn.settings
  if (Array.isArray(prompt) && prompt.every((text) => typeof text === "string")) {
    const tokens = prompt.map((text: string) => ids(text, special))
    return SglangJson.ok({ tokens, count: tokens.map((list) => list.length), max_model_len: maxTotalTokens })
  }
  if (prompt != null) {
    if (typeof prompt !== "string") {
      const msg = "Input should be a valid string"
      return refused(
        SglangRefusal.misfit([{ type: "string_type", loc: ["body", "prompt", "str"], msg, input: prompt }])
      )
    }
    const tokens = ids(prompt, special)
    return SglangJson.ok({ tokens, count: tokens.length, max_model_len: maxTotalTokens })
  }
  const request = SglangRequest.chat(body, turn.request.body, server(turn))
  if ("_tag" in request) return refused(request)
  const rendered = render(turn, request)
  if (typeof rendered !== "string") return refused(rendered)
  const tokens = ids(rendered, false)
  return SglangJson.ok({ tokens, count: tokens.length, max_model_len: maxTotalTokens })
}

const joined = (tokens: ReadonlyArray<number>): string => tokens.map(Tokenizer.known).join("")

const detokenize: BodyHandler = (_turn, body) => {
  const problems: Array<Pydantic.Problem> = []
  const text = Pydantic.required(
    body,
    "tokens",
    Pydantic.union<string | ReadonlyArray<string>>(
      ["list[int]", (value, loc, own) => {
        const list = Pydantic.list(Pydantic.integer)(value, loc, own)
        return list === undefined ? undefined : joined(list)
      }],
      [
        "list[list[int]]",
        (value, loc, own) => Pydantic.list(Pydantic.list(Pydantic.integer))(value, loc, own)?.map(joined)
      ]
    ),
    ["body"],
    problems
  )
  return problems.length > 0 ? refused(SglangRefusal.misfit(problems)) : SglangJson.ok({ text })
}

const embeddings: BodyHandler = (turn, body) => {
  const { dimensions, embeddings: started, modelId, seed } = turn.settings
  if (!started) {
    return SglangJson.failed(
      400,
      "This model does not appear to be an embedding model by default. Please add `--is-embedding` when launching the " +
        "server or try another model.",
      "BadRequestError"
    )
  }
  const input: ReadonlyArray<unknown> = Array.isArray(body["input"]) ? body["input"] : [body["input"]]
  if (input.length === 0 || input.some((text) => typeof text !== "string")) {
    return SglangJson.failed(400, "Input cannot be empty", "BadRequestError")
  }
  const texts = input.map(String)
  const size = typeof body["dimensions"] === "number" ? body["dimensions"] : dimensions
  const base64 = body["encoding_format"] === "base64"
  const tokens = texts.reduce((total, text) => total + Tokenizer.count(text) + 1, 0)
  return SglangJson.ok({
    data: texts.map((text, index) => {
      const vector = Embeddings.vector(text, size, seed)
      return { embedding: base64 ? Embeddings.base64(vector) : vector, index, object: "embedding" }
    }),
    model: typeof body["model"] === "string" ? body["model"] : modelId,
    object: "list",
    usage: { prompt_tokens: tokens, total_tokens: tokens }
  })
}

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

const serverInfo: Handler = ({ settings }) =>
  SglangJson.ok({
    model_path: settings.modelId,
    served_model_name: settings.modelId,
    context_length: settings.maxTotalTokens,
    version: settings.version
  })

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
    architectures: ["SimulatedForCausalLM"]
  })

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
}

const routes: ReadonlyMap<string, Route> = new Map<string, Route>([
  ["/openapi.json", { get: () => SglangJson.ok(openApi) }],
  ["/ready", { get: healthy }],
  ["/health", { get: healthy }],
  ["/health_generate", { get: healthy }],
  ["/ping", { get: healthy }],
  ["/v1/models", { get: (turn) => SglangJson.ok({ object: "list", data: [card(turn)] }) }],
  ["/server_info", { get: serverInfo }],
  ["/get_server_info", { get: serverInfo }],
  ["/model_info", { get: modelInfo }],
  ["/get_model_info", { get: modelInfo }],
  ["/v1/chat/completions", { post: post(chat) }],
  ["/v1/completions", { post: post(completions) }],
  ["/v1/responses", { post: post(responses) }],
  ["/v1/score", { post: post(SglangDecisions.score, true) }],
  ["/v1/decisions", { post: post(SglangDecisions.decisions, true) }],
  ["/separate_reasoning", { post: post(SglangDecisions.separate, true) }],
  ["/parse_function_call", { post: post(SglangDecisions.parseCalls, true) }],
  ["/v1/embeddings", { post: post(embeddings) }],
  ["/tokenize", { post: post(tokenize) }],
  ["/v1/tokenize", { post: post(tokenize) }],
  ["/detokenize", { post: post(detokenize) }],
  ["/v1/detokenize", { post: post(detokenize) }],
  ["/generate", { post: post(SglangNative.answer, true) }]
])

const find = (turn: Turn, path: string): Route | undefined =>
  path === "/metrics" && turn.settings.metrics
    ? { get: metrics }
    : routes.get(path) ?? (path.startsWith("/v1/models/") ? { get: model } : undefined)

const open = new Set(["/health", "/health_generate", "/ready"])

const authorised = ({ request, settings }: Turn, path: string): boolean =>
  settings.apiKey === undefined || open.has(path) || path.startsWith("/metrics") || request.method === "OPTIONS" ||
  request.headers["authorization"] === `Bearer ${settings.apiKey}`

/**
 * Answers a request to SGLang.
 *
 * @category answering
 * @since 0.2.0
 */
export const answer = (turn: Turn): Reply.Reply => {
  const path = turn.request.path.split("?", 1)[0] ?? ""
  const { method } = turn.request
  if (!authorised(turn, path)) return Reply.json(401, `{"error":"Unauthorized"}`, SglangJson.headers)
  const route = find(turn, path)
  if (route === undefined) return SglangJson.failed(404, "Not Found", "404")
  const handler = method === "POST" ? route.post : method === "GET" ? route.get : undefined
  return handler === undefined ? SglangJson.failed(405, "Method Not Allowed", "405") : handler(turn, path)
}
