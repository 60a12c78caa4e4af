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
import * as PythonJson from "../../wire/PythonJson.ts"
import * as Reply from "../../wire/Reply.ts"
import type { Message } from "../OpenAiRequest.ts"
import * as VllmAnswer from "./VllmAnswer.ts"
import * as VllmDecisions from "./VllmDecisions.ts"
import * as VllmJson from "./VllmJson.ts"
import * as VllmMessage from "./VllmMessage.ts"
import * as VllmMessages from "./VllmMessages.ts"
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
  const { at, msg } = PythonJson.mistake(body) ?? { at: 0, msg: "Expecting value" }
  return { type: "json_invalid", loc: ["body", at], msg: "JSON decode error", input: {}, ctx: { error: msg } }
}

/** Stands for bytes in a body that are not UTF-8. */
const notUtf8 = "\udcff"

const notObject = (input: unknown): Pydantic.Problem => {
  const msg = "Input should be a valid dictionary or object to extract fields from"
  return { type: "model_attributes_type", loc: ["body"], msg, input }
}

/** `forms` is how many types the body of a route may have: each says why the body does not match it. */
const post = (handler: BodyHandler, forms = 1): Handler =>
  catching((turn) => {
    const { body, headers } = turn.request
    const json = turn.request.json === undefined ? PythonJson.parse(body) : turn.request.json
    const media = headers["content-type"]?.toLowerCase().split(";", 1)[0]
    if (media !== "application/json") {
      throw new VllmJson.Thrown(
        400,
        "1 validation error:\n  Unsupported Media Type: Only 'application/json' is allowed",
        "Bad Request"
      )
    }
    if (body === "" || json === null) {
      return VllmJson.misfit([{ type: "missing", loc: ["body"], msg: "Field required", input: null }])
    }
    if (body.includes(notUtf8)) {
      return VllmJson.unreadable
    }
    if (json === undefined) {
      return VllmJson.misfit([notJson(body)])
    }
    return Pydantic.isBody(json)
      ? handler(turn, json)
      : VllmJson.misfit(Array.from({ length: forms }, () => notObject(json)))
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

const conversation = Pydantic.list(Pydantic.anything)

const conversations: Pydantic.Reader<ReadonlyArray<unknown>> = (value, loc, problems) => {
  const read = Pydantic.list(conversation)(value, loc, problems)
  if (read?.length === 0) {
    const msg = "List should have at least 1 item after validation, not 0"
    const ctx = { field_type: "List", min_length: 1, actual_length: 0 }
    problems.push({ type: "too_short", loc, msg, input: value, ctx })
  }
  return read
}

/** Several conversations at once, one choice each. */
const batch: BodyHandler = (turn, body) => {
  if (typeof body["n"] === "number" && body["n"] > 1) {
    VllmJson.invalid(
      "Batch chat completions do not support `n > 1`. Please set `n` to 1.",
      "n",
      String(body["n"])
    )
  }
  if (body["use_beam_search"] === true) {
    VllmJson.invalid(
      "Batch chat completions do not support beam search. Please set `use_beam_search` to False.",
      "use_beam_search"
    )
  }
  const problems: Array<Pydantic.Problem> = []
  const messages = Pydantic.required(body, "messages", conversations, ["body"], problems)
  if (messages === undefined || problems.length > 0) return VllmJson.misfit(problems)
  // this route reads no tools
  const rest = Object.fromEntries(Object.entries(body).filter(([name]) => name !== "tools"))
  const read = messages.map((messages) => readChat(turn, { ...rest, messages, stream: false }))
  const [first] = read
  if (first === undefined) return VllmJson.invalid("You must pass at least one conversation")
  return VllmAnswer.answer(turn, first[0], read.map(([, prompt]) => prompt), true)
}

const someTools = ({ tools }: Pydantic.Body): unknown => Array.isArray(tools) && tools.length === 0 ? undefined : tools

const tokenize: BodyHandler = (turn, body) => {
  const problems: Array<Pydantic.Problem> = []
  const prompt = Pydantic.required(body, "prompt", Pydantic.text, ["body", "TokenizeCompletionRequest()"], problems)
  const special = ["body", "TokenizeCompletionRequest()"]
  Pydantic.optional(body, "add_special_tokens", Pydantic.flag, special, problems)
  const model = typeof body["model"] === "string" ? body["model"] : undefined
  if (problems.length > 0 && !Array.isArray(body["messages"])) {
    Pydantic.required(body, "messages", Pydantic.list(Pydantic.anything), ["body", "TokenizeChatRequest()"], problems)
    Pydantic.optional(body, "add_special_tokens", Pydantic.flag, ["body", "TokenizeChatRequest()"], problems)
    return VllmJson.misfit(problems)
  }
  VllmPrompt.served(server(turn), model)
  const text = prompt ?? readChat(turn, { ...body, tools: someTools(body), model: undefined })[1]
  // an empty text does not begin with anything
  const pieces = Tokenizer.encode(text, text !== "" && prompt !== undefined && body["add_special_tokens"] !== false)
  return VllmJson.ok({
    count: pieces.length,
    max_model_len: turn.settings.maxTotalTokens,
    tokens: pieces.map(({ id }) => id),
    token_strs: body["return_token_strs"] === true ? pieces.map((piece) => piece.text) : null
  })
}

const tokenIds = Pydantic.list(Pydantic.within(Pydantic.integer, 0, Number.MAX_SAFE_INTEGER))

const detokenize: BodyHandler = (turn, body) => {
  const problems: Array<Pydantic.Problem> = []
  const model = Pydantic.optional(body, "model", Pydantic.nullable(Pydantic.text), ["body"], problems)
  const tokens = Pydantic.required(body, "tokens", tokenIds, ["body"], problems)
  if (tokens === undefined || problems.length > 0) return VllmJson.misfit(problems)
  VllmPrompt.served(server(turn), model)
  return VllmJson.ok({ prompt: tokens.map(Tokenizer.known).join("") })
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

/** Only servers that were started for scale-out can render without generating. */
const scaledOut: Handler = () =>
  VllmJson.failed(
    new VllmJson.Thrown(
      403,
      "Scale-out endpoints are disabled. Restart vllm serve with --enable-scale-out to enable them.",
      "PermissionDeniedError"
    )
  )

/** What Python says about a value that is read as if it were an object. */
const notIndexed = (json: unknown): string =>
  Array.isArray(json)
    ? "list indices must be integers or slices, not str"
    : typeof json === "string"
    ? "'str' object does not support item assignment"
    : `argument of type '${VllmMessage.typeName(json)}' is not iterable`

/** SageMaker's route accepts what the others accept, reads the body itself, and serves one model under any name. */
const invocations: Handler = catching((turn) => {
  const { body, headers, json } = turn.request
  if (headers["content-type"]?.toLowerCase().split(";", 1)[0] !== "application/json") return post(completions)(turn)
  const mistake = body === "" ? { msg: "Expecting value", at: 0 } : PythonJson.mistake(body)
  if (mistake !== undefined) {
    throw new VllmJson.Thrown(400, `JSON decode error: ${PythonJson.shown(body, mistake)}`, "Bad Request")
  }
  if (json !== undefined && !Pydantic.isBody(json)) return VllmJson.invalid(notIndexed(json))
  return post((_, given) => (given["messages"] === undefined ? completions : chat)(turn, { ...given, model: null }))(
    turn
  )
})

/** The description that every application of the framework has; it does not name the engine. */
const openApi = { openapi: "3.1.0", info: { title: "FastAPI", version: "0.1.0" }, paths: {} }

interface Route {
  readonly get?: Handler
  readonly post?: Handler
}

const shared: ReadonlyArray<readonly [string, Route]> = [
  ["/docs", {
    get: () =>
      Reply.unary(200, { ...VllmJson.headers, "content-type": "text/html; charset=utf-8" }, "<title>FastAPI</title>")
  }],
  ["/openapi.json", { get: () => VllmJson.ok(openApi) }],
  ["/health", { get: healthy }],
  ["/ping", { get: healthy, post: healthy }],
  ["/load", { get: ({ busy }) => VllmJson.ok({ server_load: busy() }) }],
  ["/version", { get: ({ settings }) => VllmJson.ok({ version: settings.version }) }],
  ["/v1/models", { get: models }],
  ["/metrics", { get: metrics }],
  ["/tokenize", { post: post(tokenize, 2) }],
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
  ["/v1/messages", { post: post((turn, body) => VllmMessages.answer(turn, body, readChat)) }],
  ["/v1/messages/count_tokens", { post: post((turn, body) => VllmMessages.count(turn, body, readChat)) }],
  ["/generative_scoring", { post: post(VllmDecisions.scoring) }],
  ["/v1/systemone", { post: post(VllmDecisions.systemOne) }],
  ["/invocations", { post: invocations }],
  ["/inference/v1/generate", { post: scaledOut }]
])

const embedding: ReadonlyMap<string, Route> = new Map([...shared, ["/v1/embeddings", { post: post(embeddings) }]])

const decisions: Route = { post: post(VllmDecisions.decisions) }

const find = ({ settings }: Turn, path: string): Route | undefined =>
  path === "/v1/decisions" && Options.since(settings, 0, 33)
    ? decisions
    : path.startsWith("/v1/responses/")
    ? path.endsWith("/cancel")
      ? { post: catching(() => VllmResponses.missing(path)) }
      : { get: catching(() => VllmResponses.missing(path)) }
    : (settings.embeddings ? embedding : generating).get(path)

/**
 * Responds to a request to vLLM. The key only guards paths below `/v1`, and a path with a trailing slash is redirected
 * to the path without it.
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
