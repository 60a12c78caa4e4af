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
import * as SglangMessages from "./SglangMessages.ts"
import * as SglangNative from "./SglangNative.ts"
import * as SglangOllama from "./SglangOllama.ts"
import * as SglangRefusal from "./SglangRefusal.ts"
import * as SglangRequest from "./SglangRequest.ts"
import * as SglangResponses from "./SglangResponses.ts"
import * as SglangSystemOne from "./SglangSystemOne.ts"

type Handler = (turn: Turn, path: string) => Reply.Reply
type BodyHandler = (turn: Turn, body: Pydantic.Body) => Reply.Reply | SglangRefusal.Refused

/** What a route makes of a body that is not an object. */
const notBody = (path: string, input: unknown): SglangRefusal.Refused => {
  const loc = ["body"]
  return path === "/generate"
    ? SglangRefusal.misfit([{
      type: "dataclass_type",
      loc,
      msg: "Input should be a dictionary or an instance of GenerateReqInput",
      input,
      ctx: { class_name: "GenerateReqInput" }
    }])
    : SglangRefusal.misfit([{
      type: "model_attributes_type",
      loc,
      msg: "Input should be a valid dictionary or object to extract fields from",
      input
    }])
}

/** Routes whose types look into a body before they know what it is. */
const careless = new Set(["/v1/chat/completions", "/invocations"])

const broken = Reply.unary(
  500,
  { ...SglangJson.headers, "content-type": "text/plain; charset=utf-8" },
  "Internal Server Error"
)

const bodyOf = (turn: Turn, path: string, strict: boolean): Pydantic.Body | SglangRefusal.Refused | Reply.Unary => {
  const { body, headers, json } = turn.request
  const isJson = headers["content-type"]?.toLowerCase().split(";", 1)[0] === "application/json"
  if (!isJson && strict) return SglangRefusal.foreign
  if (body === "" || (isJson && (json === undefined || body.includes("\udcff")))) return SglangRefusal.unreadable(body)
  if (isJson && Pydantic.isBody(json)) return json
  if (careless.has(path) && typeof json !== "number") return broken
  if (isJson && json === null) return SglangRefusal.unreadable("")
  return notBody(path, isJson ? json : Pydantic.verbatim(`b${Pydantic.repr(body)}`))
}

const isReply = (value: object): value is Reply.Reply =>
  "_tag" in value && (value._tag === "Unary" || value._tag === "Streaming")

const isRefused = (value: object): value is SglangRefusal.Refused => "_tag" in value && value._tag === "Refused"

/** Reads a JSON object; most routes refuse another content type than JSON. */
const post = (handler: BodyHandler, anyType = false): Handler => (turn, path) => {
  const body = bodyOf(turn, path, !anyType)
  if (isReply(body)) return body
  const answered = isRefused(body) ? body : handler(turn, body)
  return isRefused(answered) ? SglangRefusal.reply(answered, turn.request.method, path) : answered
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
  if ("_tag" in request) return request
  const prompt = render(turn, request)
  return typeof prompt === "string" ? SglangAnswer.answer(turn, request, [prompt], true) : prompt
}

const readChat: SglangMessages.Read = (turn, body) => {
  const request = SglangRequest.chat(body, turn.request.body, server(turn))
  if ("_tag" in request) return request
  const prompt = render(turn, request)
  return typeof prompt === "string" ? [request, prompt] : prompt
}

const completions: BodyHandler = (turn, body) => {
  const request = SglangRequest.completions(body, turn.request.body)
  return "_tag" in request ? request : SglangAnswer.answer(turn, request, request.prompts, false)
}

const responses: BodyHandler = (turn, body) => {
  const wrong = SglangResponses.check(turn, body)
  if (wrong !== undefined) return wrong
  const chat = Responses.chat(body)
  const request = SglangRequest.chat(chat, JSON.stringify(chat), server(turn))
  if ("_tag" in request) return SglangResponses.failed(400, request.message, "invalid_request_error")
  const prompt = render(turn, request)
  return typeof prompt === "string"
    ? SglangResponses.answer(turn, body, request, prompt)
    : SglangResponses.failed(400, prompt.message, "Bad Request")
}

/** Responses are kept where the server was started to keep them. */
const unkept: Handler = () =>
  Reply.json(
    400,
    JSON.stringify({
      error: {
        message:
          "Response store is disabled. Stateful Responses require --enable-response-store on a standalone server; " +
          "response storage is unavailable in PD mode.",
        type: "invalid_request_error",
        param: "response_id",
        code: 400
      }
    }),
    SglangJson.headers
  )

const ids = (text: string, special: boolean): ReadonlyArray<number> =>
  Tokenizer.encode(text, special).map(({ id }) => id)

const tokenize: BodyHandler = (turn, body) => {
  const { messages, prompt } = body
  const both = "Exactly one of 'prompt' or 'messages' must be provided."
  if ((prompt == null) === (messages == null)) {
    return SglangRefusal.misfit([SglangRefusal.unfit(both, ["body"], body)])
  }
  const problems: Array<Pydantic.Problem> = []
  const text = Pydantic.union<unknown>(["list[str]", Pydantic.list(Pydantic.text)], ["str", Pydantic.text])
  Pydantic.optional(body, "prompt", Pydantic.nullable(text), ["body"], problems)
  const special = Pydantic.optional(body, "add_special_tokens", Pydantic.flag, ["body"], problems) ?? true
  if (problems.length > 0) return SglangRefusal.misfit(problems)
  const { maxTotalTokens } = turn.settings
  if (Array.isArray(prompt) && prompt.every((text) => typeof text === "string")) {
    const tokens = prompt.map((text: string) => ids(text, special))
    return SglangJson.ok({ tokens, count: tokens.map((list) => list.length), max_model_len: maxTotalTokens })
  }
  if (typeof prompt === "string") {
    const tokens = ids(prompt, special)
    return SglangJson.ok({ tokens, count: tokens.length, max_model_len: maxTotalTokens })
  }
  const request = SglangRequest.chat(body, turn.request.body, server(turn))
  if ("_tag" in request) return request
  const rendered = render(turn, request)
  if (typeof rendered !== "string") return rendered
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
  return problems.length > 0 ? SglangRefusal.misfit(problems) : SglangJson.ok({ text })
}

const notEmbedding = SglangRefusal.refused(
  "This model does not appear to be an embedding model by default. Please add `--is-embedding` when launching the " +
    "server or try another model."
)

const isWord = (text: unknown): boolean => typeof text !== "string" || text.trim() !== ""

/** What is wrong with texts that are to be embedded. */
const embeddable = (body: Pydantic.Body): SglangRefusal.Refused | undefined => {
  const problems: Array<Pydantic.Problem> = []
  const input = Pydantic.required(body, "input", embeddingInput, ["body"], problems)
  if (problems.length > 0) return SglangRefusal.misfit(problems)
  const format = body["encoding_format"] ?? "float"
  if (format !== "float" && format !== "base64") {
    return SglangRefusal.refused(`encoding_format must be either 'float' or 'base64', got ${Pydantic.repr(format)}`)
  }
  if (input === "" || (Array.isArray(input) && input.length === 0)) {
    return SglangRefusal.refused("Input cannot be empty")
  }
  if (!isWord(input)) return SglangRefusal.refused("Input cannot be empty or whitespace only")
  const blank = Array.isArray(input) ? input.findIndex((text) => !isWord(text)) : -1
  return blank === -1
    ? undefined
    : SglangRefusal.refused(`Input at index ${blank} cannot be empty or whitespace only`)
}

const embeddingInput = Pydantic.union<unknown>(
  ["list[int]", Pydantic.list(Pydantic.integer)],
  ["list[list[int]]", Pydantic.list(Pydantic.list(Pydantic.integer))],
  ["str", Pydantic.text],
  ["list[str]", Pydantic.list(Pydantic.text)],
  ["list[MultimodalEmbeddingInput]", Pydantic.list(Pydantic.record)]
)

const classify: BodyHandler = (_turn, body) => embeddable(body) ?? notEmbedding

const rerank: BodyHandler = (_turn, body) => {
  const problems: Array<Pydantic.Problem> = []
  const query = Pydantic.required(body, "query", Pydantic.anything, ["body"], problems)
  const documents = Pydantic.required(body, "documents", Pydantic.list(Pydantic.anything), ["body"], problems)
  if (problems.length > 0) return SglangRefusal.misfit(problems)
  if (query === "") return SglangRefusal.refused("Query cannot be empty")
  if (!isWord(query)) return SglangRefusal.refused("Query cannot be empty or whitespace only")
  if (documents?.length === 0) return SglangRefusal.refused("Documents cannot be empty")
  if (documents?.includes("") === true) return SglangRefusal.refused("Each document must be a non-empty string")
  if (documents?.every(isWord) === false) {
    return SglangRefusal.refused("Each document cannot be empty or whitespace only")
  }
  return notEmbedding
}

const embeddings: BodyHandler = (turn, body) => {
  const { dimensions, embeddings: started, modelId, seed } = turn.settings
  const wrong = embeddable(body)
  if (wrong !== undefined) return wrong
  if (!started) return notEmbedding
  const input: ReadonlyArray<unknown> = Array.isArray(body["input"]) ? body["input"] : [body["input"]]
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

const root: Handler = () => SglangJson.ok("SGLang is running")

const flushed: Handler = () =>
  Reply.unary(
    200,
    { ...SglangJson.headers, "content-type": "text/plain; charset=utf-8" },
    "Cache flushed.\nPlease check backend logs for more details. (When there are running or waiting requests, the operation will not be performed.)\n"
  )

/** Vertex' form of the native route: each instance is a text of its own. */
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
  ["/", { get: root }],
  ["/flush_cache", { get: flushed, post: flushed }],
  ["/abort_request", { post: post(() => Reply.empty(200, SglangJson.headers), true) }],
  ["/v1/score", { post: post(SglangDecisions.score) }],
  ["/v1/decisions", { post: post(SglangDecisions.decisions) }],
  ["/v1/systemone", { post: post(SglangSystemOne.answer) }],
  ["/v1/messages", { post: post((turn, body) => SglangMessages.answer(turn, body, readChat)) }],
  ["/v1/messages/count_tokens", { post: post((turn, body) => SglangMessages.count(turn, body, readChat)) }],
  ["/v1/rerank", { post: post(rerank) }],
  ["/v1/classify", { post: post(classify) }],
  ["/invocations", { post: post(chat, true) }],
  ["/vertex_generate", { post: post(vertex, true) }],
  ["/api/chat", { post: post(SglangOllama.chat, true) }],
  ["/api/generate", { post: post(SglangOllama.text, true) }],
  ["/api/show", { post: post(SglangOllama.show, true) }],
  ["/api/tags", { get: SglangOllama.tags }],
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
    : routes.get(path) ?? (path.startsWith("/v1/models/")
      ? { get: model }
      : path.startsWith("/v1/responses/")
      ? path.endsWith("/cancel") ? { post: unkept } : { get: unkept }
      : undefined)

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
  if (route === undefined) return SglangJson.unknown(404)
  const handler = method === "POST" ? route.post : method === "GET" ? route.get : undefined
  return handler === undefined ? SglangJson.unknown(405) : handler(turn, path)
}
