/**
 * The routes of vLLM 0.32.
 *
 * @since 0.2.0
 */
import * as Embeddings from "../../model/Embeddings.ts"
import * as Options from "../../model/Options.ts"
import * as Prompt from "../../model/Prompt.ts"
import * as Tokenizer from "../../model/Tokenizer.ts"
import type { Turn } from "../../model/Turn.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import * as Reply from "../../wire/Reply.ts"
import type { Message } from "../OpenAiRequest.ts"
import * as VllmAnswer from "./VllmAnswer.ts"
import * as VllmDecisions from "./VllmDecisions.ts"
import * as VllmJson from "./VllmJson.ts"
import * as VllmPrompt from "./VllmPrompt.ts"
import * as VllmRequest from "./VllmRequest.ts"
import * as VllmResponses from "./VllmResponses.ts"

type Handler = (turn: Turn) => Reply.Reply
type BodyHandler = (turn: Turn, body: Pydantic.Body) => Reply.Reply

const catching = (handler: Handler): Handler => (turn) => {
  try {
    return handler(turn)
  } catch (error) {
    if (error instanceof VllmJson.Thrown) return VllmJson.failed(error)
    throw error
  }
}

const notJson = (body: string): Pydantic.Problem => {
  const prefix = longestJson(body)
  return {
    type: "json_invalid",
    loc: ["body", prefix ?? body.length],
    msg: "JSON decode error",
    input: {},
    ctx: { error: prefix === undefined ? "Expecting value" : "Extra data" }
  }
}

/** Where the rest begins behind a value that is JSON. */
const longestJson = (body: string): number | undefined => {
  const close = Math.max(body.lastIndexOf("}"), body.lastIndexOf("]"))
  if (close === -1) return undefined
  try {
    JSON.parse(body.slice(0, close + 1))
    return close + 2
  } catch {
    return undefined
  }
}

const post = (handler: BodyHandler): Handler =>
  catching((turn) => {
    const { body, headers, json } = turn.request
    const media = headers["content-type"]?.toLowerCase().split(";", 1)[0]
    if (media !== "application/json") {
      throw new VllmJson.Thrown(
        400,
        "1 validation error:\n  Unsupported Media Type: Only 'application/json' is allowed",
        "Bad Request"
      )
    }
    if (body === "") return VllmJson.misfit([{ type: "missing", loc: ["body"], msg: "Field required", input: null }])
    if (json === undefined) return VllmJson.misfit([notJson(body)])
    if (Pydantic.isBody(json)) return handler(turn, json)
    const msg = "Input should be a valid dictionary or object to extract fields from"
    return VllmJson.misfit([{ type: "model_attributes_type", loc: ["body"], msg, input: json }])
  })

const server = ({ settings }: Turn): VllmPrompt.Server => ({
  modelId: settings.modelId,
  context: settings.maxTotalTokens,
  multimodal: settings.multimodal
})

const render = (turn: Turn) => (messages: ReadonlyArray<Message>, continues: boolean): string => {
  const prompt = Prompt.render(turn.settings.template, messages, continues)
  return typeof prompt === "string" ? prompt : VllmJson.invalid(prompt.message)
}

const readChat = (turn: Turn, body: Pydantic.Body): readonly [VllmRequest.VllmRequest, string] => {
  const rendered = render(turn)
  const asked = VllmRequest.chat(
    body,
    turn.request.body,
    server(turn),
    (messages, continues) => Tokenizer.count(rendered(messages, continues))
  )
  return [asked, rendered(asked.request.messages, asked.request.continues)]
}

const chat: BodyHandler = (turn, body) => {
  const [asked, prompt] = readChat(turn, body)
  return VllmAnswer.answer(turn, asked, [prompt], true)
}

const completions: BodyHandler = (turn, body) => {
  const asked = VllmRequest.completions(body, turn.request.body, server(turn))
  return VllmAnswer.answer(turn, asked, asked.request.prompts, false)
}

/** Several conversations at once: a choice for each. */
const batch: BodyHandler = (turn, body) => {
  const { messages } = body
  if (!Array.isArray(messages)) {
    const problems: Array<Pydantic.Problem> = []
    Pydantic.required(body, "messages", Pydantic.list(Pydantic.anything), ["body"], problems)
    return VllmJson.misfit(problems)
  }
  const read = messages.map((conversation: unknown) =>
    readChat(turn, { ...body, messages: conversation, stream: false })
  )
  const [first] = read
  if (first === undefined) return VllmJson.invalid("You must pass at least one conversation")
  return VllmAnswer.answer(turn, first[0], read.map(([, prompt]) => prompt), true)
}

const tokenize: BodyHandler = (turn, body) => {
  const problems: Array<Pydantic.Problem> = []
  const prompt = Pydantic.required(body, "prompt", Pydantic.text, ["body", "TokenizeCompletionRequest()"], problems)
  const model = typeof body["model"] === "string" ? body["model"] : undefined
  if (prompt === undefined && !Array.isArray(body["messages"])) {
    Pydantic.required(body, "messages", Pydantic.list(Pydantic.anything), ["body", "TokenizeChatRequest()"], problems)
    return VllmJson.misfit(problems)
  }
  VllmPrompt.served(server(turn), model)
  const text = prompt ?? readChat(turn, { ...body, model: undefined })[1]
  const pieces = Tokenizer.encode(text, prompt !== undefined && body["add_special_tokens"] !== false)
  return VllmJson.ok({
    count: pieces.length,
    max_model_len: turn.settings.maxTotalTokens,
    tokens: pieces.map(({ id }) => id),
    token_strs: body["return_token_strs"] === true ? pieces.map((piece) => piece.text) : null
  })
}

const detokenize: BodyHandler = (_turn, body) => {
  const problems: Array<Pydantic.Problem> = []
  const tokens = Pydantic.required(body, "tokens", Pydantic.list(Pydantic.integer), ["body"], problems)
  return tokens === undefined
    ? VllmJson.misfit(problems)
    : VllmJson.ok({ prompt: tokens.map(Tokenizer.known).join("") })
}

const embeddings: BodyHandler = (turn, body) => {
  const { dimensions, modelId, seed } = turn.settings
  const input: ReadonlyArray<unknown> = Array.isArray(body["input"]) ? body["input"] : [body["input"]]
  if (input.some((text) => typeof text !== "string")) {
    return VllmJson.misfit([{ type: "missing", loc: ["body", "input"], msg: "Field required", input: body }])
  }
  const texts = input.map(String)
  const size = typeof body["dimensions"] === "number" ? body["dimensions"] : dimensions
  const tokens = texts.reduce((total, text) => total + Tokenizer.count(text) + 1, 0)
  return VllmJson.ok({
    id: `embd-${VllmJson.name(() => 0)}`,
    object: "list",
    created: Math.trunc(turn.now / 1000),
    model: modelId,
    data: texts.map((text, index) => {
      const vector = Embeddings.vector(text, size, seed)
      const embedding = body["encoding_format"] === "base64" ? Embeddings.base64(vector) : vector
      return { index, object: "embedding", embedding }
    }),
    usage: { prompt_tokens: tokens, total_tokens: tokens, completion_tokens: 0, prompt_tokens_details: null }
  })
}

const models: Handler = ({ now, settings }) => {
  const created = Math.trunc(now / 1000)
  return VllmJson.ok({
    object: "list",
    data: [{
      id: settings.modelId,
      object: "model",
      created,
      owned_by: "vllm",
      root: settings.modelId,
      parent: null,
      max_model_len: settings.maxTotalTokens,
      permission: [{
        id: "modelperm-0000000000000000",
        object: "model_permission",
        created,
        allow_create_engine: false,
        allow_sampling: true,
        allow_logprobs: true,
        allow_search_indices: false,
        allow_view: true,
        allow_fine_tuning: false,
        organization: "*",
        group: null,
        is_blocking: false
      }]
    }]
  })
}

const healthy: Handler = () => Reply.empty(200, VllmJson.headers)

const metrics: Handler = ({ counters, running, settings }) => {
  const labels = `{engine="0",model_name="${settings.modelId}"}`
  const lines = [
    "# TYPE vllm:generation_tokens_total counter",
    `vllm:generation_tokens_total${labels} ${counters.tokens}.0`,
    "# TYPE vllm:num_requests_running gauge",
    `vllm:num_requests_running${labels} ${running()}.0`,
    "# TYPE vllm:request_success_total counter",
    `vllm:request_success_total${labels} ${counters.succeeded}.0`
  ]
  return Reply.unary(
    200,
    { ...VllmJson.headers, "content-type": "text/plain; version=1.0.0; charset=utf-8" },
    `${lines.join("\n")}\n`
  )
}

/** Rendering alone is for servers that were started to be scaled out. */
const scaledOut: Handler = () =>
  VllmJson.failed(
    new VllmJson.Thrown(
      403,
      "Scale-out endpoints are disabled. Restart vllm serve with --enable-scale-out to enable them.",
      "PermissionDeniedError"
    )
  )

const invocations: BodyHandler = (turn, body) => (body["messages"] === undefined ? completions : chat)(turn, body)

/** The description that every application of the framework has; it does not name the engine. */
const openApi = { openapi: "3.1.0", info: { title: "FastAPI", version: "0.1.0" }, paths: {} }

interface Route {
  readonly get?: Handler
  readonly post?: Handler
}

const shared: ReadonlyArray<readonly [string, Route]> = [
  ["/openapi.json", { get: () => VllmJson.ok(openApi) }],
  ["/health", { get: healthy }],
  ["/ping", { get: healthy, post: healthy }],
  ["/load", { get: ({ busy }) => VllmJson.ok({ server_load: busy() }) }],
  ["/version", { get: ({ settings }) => VllmJson.ok({ version: settings.version }) }],
  ["/v1/models", { get: models }],
  ["/metrics", { get: metrics }],
  ["/tokenize", { post: post(tokenize) }],
  ["/detokenize", { post: post(detokenize) }]
]

const generating: ReadonlyMap<string, Route> = new Map([
  ...shared,
  ["/v1/chat/completions", { post: post(chat) }],
  ["/v1/chat/completions/batch", { post: post(batch) }],
  ["/v1/chat/completions/render", { post: scaledOut }],
  ["/v1/completions", { post: post(completions) }],
  ["/v1/completions/render", { post: scaledOut }],
  ["/v1/responses", { post: post((turn, body) => VllmResponses.answer(turn, body, readChat)) }],
  ["/v1/messages", { post: post((turn, body) => VllmResponses.message(turn, body, readChat)) }],
  ["/v1/messages/count_tokens", { post: post((turn, body) => VllmResponses.count(turn, body, readChat)) }],
  ["/generative_scoring", { post: post(VllmDecisions.scoring) }],
  ["/v1/systemone", { post: post(VllmDecisions.systemOne) }],
  ["/invocations", { post: post(invocations) }]
])

const embedding: ReadonlyMap<string, Route> = new Map([...shared, ["/v1/embeddings", { post: post(embeddings) }]])

const decisions: Route = { post: post(VllmDecisions.decisions) }

const find = ({ settings }: Turn, path: string): Route | undefined =>
  path === "/v1/decisions" && Options.since(settings, 0, 33)
    ? decisions
    : path.startsWith("/v1/responses/")
    ? { get: catching(() => VllmResponses.missing(path)) }
    : (settings.embeddings ? embedding : generating).get(path)

/**
 * Answers a request to vLLM. The key guards what lies below `/v1` alone, and a slash at the end of a path is taken for a
 * redirect to the path without it.
 *
 * @category answering
 * @since 0.2.0
 */
export const answer = (turn: Turn): Reply.Reply => {
  const asked = turn.request.path.split("?", 1)[0] ?? ""
  const path = asked.length > 1 && asked.endsWith("/") ? asked.slice(0, -1) : asked
  const { headers, method } = turn.request
  const { apiKey } = turn.settings
  if (apiKey !== undefined && path.startsWith("/v1") && headers["authorization"] !== `Bearer ${apiKey}`) {
    return Reply.json(401, `{"error":"Unauthorized"}`, VllmJson.headers)
  }
  const route = find(turn, path)
  if (route === undefined) return VllmJson.unknown(404)
  const handler = method === "POST" ? route.post : method === "GET" ? route.get : undefined
  return handler === undefined ? VllmJson.unknown(405) : handler(turn)
}
