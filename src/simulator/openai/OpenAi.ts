/**
 * The routes of vLLM, SGLang and llama.cpp.
 *
 * @since 0.1.0
 */
import * as Embeddings from "../model/Embeddings.ts"
import * as Tokenizer from "../model/Tokenizer.ts"
import type { Turn } from "../model/Turn.ts"
import * as Reply from "../wire/Reply.ts"
import * as OpenAiAnswer from "./OpenAiAnswer.ts"
import type { Dialect, Kind } from "./OpenAiDialect.ts"
import * as OpenAiDialect from "./OpenAiDialect.ts"
import * as OpenAiRequest from "./OpenAiRequest.ts"

type Handler = (turn: Turn, dialect: Dialect) => Reply.Reply
type BodyHandler = (turn: Turn, dialect: Dialect, body: OpenAiRequest.Body) => Reply.Reply

const json = (dialect: Dialect, value: unknown): Reply.Unary => Reply.json(200, JSON.stringify(value), dialect.headers)

const bad = (message: string): Reply.Failure => Reply.failure(400, message, "BadRequestError")

const body = (handler: BodyHandler): Handler => (turn, dialect) => {
  const value = turn.request.json
  if (OpenAiRequest.isBody(value)) return handler(turn, dialect, value)
  return OpenAiDialect.failed(dialect, bad("the request body is no JSON object"))
}

/** vLLM serves what it was started with and nothing else; the others do not look at the name. */
const served = (turn: Turn, dialect: Dialect, model: string | undefined): Reply.Failure | undefined =>
  dialect.kind !== "vllm" || model === undefined || model === turn.settings.modelId
    ? undefined
    : Reply.failure(404, `The model \`${model}\` does not exist.`, "NotFoundError")

const chatPrompt = (
  turn: Turn,
  dialect: Dialect,
  value: OpenAiRequest.Body
): { readonly request: OpenAiRequest.OpenAiRequest; readonly prompt: string } | Reply.Failure => {
  const request = OpenAiRequest.chat(dialect.kind, value)
  if ("_tag" in request) return request
  const missing = served(turn, dialect, request.model)
  if (missing !== undefined) return missing
  const prompt = OpenAiAnswer.prompt(turn, request)
  return typeof prompt === "string" ? { request, prompt } : prompt
}

const chat = body((turn, dialect, value) => {
  const read = chatPrompt(turn, dialect, value)
  return "_tag" in read
    ? OpenAiDialect.failed(dialect, read)
    : OpenAiAnswer.answer(turn, dialect, read.request, [read.prompt], true)
})

const completions = body((turn, dialect, value) => {
  const request = OpenAiRequest.completions(dialect.kind, value)
  if ("_tag" in request) return OpenAiDialect.failed(dialect, request)
  const missing = served(turn, dialect, request.model)
  if (missing !== undefined) return OpenAiDialect.failed(dialect, missing)
  return OpenAiAnswer.answer(turn, dialect, request, request.prompts, false)
})

/** The rendered prompt alone, under each engine's key. */
const rendered = (key: string): Handler =>
  body((turn, dialect, value) => {
    const read = chatPrompt(turn, dialect, value)
    return "_tag" in read ? OpenAiDialect.failed(dialect, read) : json(dialect, { [key]: read.prompt })
  })

const tokenize = body((turn, dialect, value) => {
  const given = dialect.kind === "llamacpp" ? value.content : value.prompt
  const read = typeof given === "string" ? { prompt: given } : chatPrompt(turn, dialect, value)
  if ("_tag" in read) return OpenAiDialect.failed(dialect, read)
  const special = dialect.kind === "llamacpp" ? value.add_special === true : value.add_special_tokens !== false
  const pieces = Tokenizer.encode(read.prompt, special && typeof given === "string")
  const tokens = pieces.map((piece) => piece.id)
  if (dialect.kind === "llamacpp") {
    return json(dialect, {
      tokens: value.with_pieces === true ? pieces.map(({ id, text }) => ({ id, piece: text })) : tokens
    })
  }
  return json(dialect, { count: tokens.length, max_model_len: turn.settings.maxTotalTokens, tokens })
})

const embeddings = body((turn, dialect, value) => {
  const input = typeof value.input === "string" ? [value.input] : value.input
  if (!Array.isArray(input) || !input.every((item) => typeof item === "string")) {
    return OpenAiDialect.failed(dialect, bad("input: a string or a list of strings is required"))
  }
  const { dimensions, modelId, seed } = turn.settings
  const size = typeof value.dimensions === "number" ? value.dimensions : dimensions
  const tokens = input.reduce((total: number, text: string) => total + Tokenizer.count(text) + 1, 0)
  return json(dialect, {
    object: "list",
    data: input.map((text: string, index) => {
      const vector = Embeddings.vector(text, size, seed)
      const embedding = value.encoding_format === "base64" ? Embeddings.base64(vector) : vector
      return { object: "embedding", index, embedding }
    }),
    model: modelId,
    usage: { prompt_tokens: tokens, total_tokens: tokens }
  })
})

const models: Handler = ({ now, settings }, dialect) => {
  const { maxTotalTokens, modelId } = settings
  const base = { id: modelId, object: "model", created: Math.trunc(now / 1000), owned_by: dialect.kind }
  const meta = { n_ctx_train: maxTotalTokens, n_vocab: 32_000, n_params: 0, size: 0 }
  const own = {
    vllm: { root: modelId, parent: null, max_model_len: maxTotalTokens, permission: [] },
    sglang: { root: modelId, max_model_len: maxTotalTokens },
    llamacpp: { meta, architecture: { input_modalities: ["text"], output_modalities: ["text"] } }
  }
  return json(dialect, { object: "list", data: [{ ...base, ...own[dialect.kind] }] })
}

const healthy: Handler = (_turn, dialect) =>
  dialect.kind === "llamacpp" ? json(dialect, { status: "ok" }) : Reply.empty(200, dialect.headers)

const serverInfo: Handler = ({ settings }, dialect) =>
  json(dialect, { model_path: settings.modelId, version: settings.version, context_length: settings.maxTotalTokens })

const modelInfo: Handler = ({ settings }, dialect) =>
  json(dialect, { model_path: settings.modelId, is_generation: true, tokenizer_path: settings.modelId })

const props: Handler = ({ settings }, dialect) =>
  json(dialect, {
    default_generation_settings: { n_ctx: settings.maxTotalTokens },
    total_slots: 4,
    model_path: settings.modelId,
    model_alias: settings.modelId,
    chat_template: "(the simulator renders ChatML)",
    modalities: { vision: false, audio: false },
    build_info: settings.version
  })

const metrics = (prefix: string): Handler => ({ counters }) =>
  Reply.text(
    200,
    `# TYPE ${prefix}:generation_tokens_total counter\n${prefix}:generation_tokens_total ${counters.tokens}\n` +
      `# TYPE ${prefix}:request_success_total counter\n${prefix}:request_success_total ${counters.succeeded}\n`
  )

interface Route {
  readonly get?: Handler
  readonly post?: Handler
}

const shared: Readonly<Record<string, Route>> = {
  "/health": { get: healthy },
  "/v1/models": { get: models },
  "/v1/chat/completions": { post: chat },
  "/v1/completions": { post: completions },
  "/v1/embeddings": { post: embeddings },
  "/tokenize": { post: tokenize }
}

const tables: Readonly<Record<Kind, Readonly<Record<string, Route>>>> = {
  vllm: {
    ...shared,
    "/ping": { get: healthy },
    "/version": { get: ({ settings }, dialect) => json(dialect, { version: settings.version }) },
    "/v1/chat/completions/render": { post: rendered("prompt_text") },
    "/metrics": { get: metrics("vllm") }
  },
  sglang: {
    ...shared,
    "/ping": { get: healthy },
    "/health_generate": { get: healthy },
    "/v1/tokenize": { post: tokenize },
    "/get_server_info": { get: serverInfo },
    "/server_info": { get: serverInfo },
    "/get_model_info": { get: modelInfo },
    "/model_info": { get: modelInfo },
    "/metrics": { get: metrics("sglang") }
  },
  llamacpp: {
    ...shared,
    "/v1/health": { get: healthy },
    "/props": { get: props },
    "/apply-template": { post: rendered("prompt") },
    "/metrics": { get: metrics("llamacpp") }
  }
}

const open = new Set(["/health", "/v1/health", "/ping", "/health_generate"])

const authorised = (turn: Turn, dialect: Dialect, path: string): boolean => {
  const key = turn.settings.apiKey
  if (key === undefined || open.has(path)) return true
  if (dialect.kind === "vllm" && !path.startsWith("/v1")) return true
  if (dialect.kind === "llamacpp" && path === "/v1/models") return true
  return turn.request.headers["authorization"] === `Bearer ${key}`
}

const unauthorised = (dialect: Dialect): Reply.Unary =>
  dialect.kind === "llamacpp"
    ? OpenAiDialect.failed(dialect, Reply.failure(401, "Invalid API Key", "authentication_error"))
    : Reply.json(401, `{"error":"Unauthorized"}`, dialect.headers)

const unknown = (dialect: Dialect, status: 404 | 405): Reply.Unary =>
  dialect.kind === "llamacpp"
    ? OpenAiDialect.failed(dialect, Reply.failure(404, "File Not Found", "not_found_error"))
    : Reply.json(status, `{"detail":"${status === 404 ? "Not Found" : "Method Not Allowed"}"}`, dialect.headers)

/**
 * Makes the router of an OpenAI-like engine.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (kind: Kind): (turn: Turn) => Reply.Reply => {
  const dialect = OpenAiDialect.dialects[kind]
  const routes = new Map(Object.entries(tables[kind]))
  return (turn) => {
    const path = turn.request.path.split("?", 1)[0] ?? ""
    if (!authorised(turn, dialect, path)) return unauthorised(dialect)
    const route = routes.get(path)
    if (route === undefined) return unknown(dialect, 404)
    const handler = turn.request.method === "POST" ? route.post : route.get
    return handler === undefined ? unknown(dialect, 405) : handler(turn, dialect)
  }
}
