/**
 * sglang-router 0.3.2, as observed in front of two workers: it passes on the fields of a chat that it knows, and drops the
 * others.
 *
 * @since 0.2.0
 */
import * as DoubleResponse from "../wire/DoubleResponse.ts"
import type * as Exchange from "../wire/Exchange.ts"
import * as Serde from "../wire/Serde.ts"
import * as Payload from "../wire/shape/Payload.ts"
import * as Face from "./Face.ts"
import * as Typed from "./Typed.ts"

/** Fields of a chat that reach a worker. */
const chatFields = new Set([
  "chat_template_kwargs",
  "continue_final_message",
  "ebnf",
  "frequency_penalty",
  "ignore_eos",
  "logit_bias",
  "logprobs",
  "lora_path",
  "max_completion_tokens",
  "messages",
  "metadata",
  "min_p",
  "min_tokens",
  "model",
  "n",
  "no_stop_trim",
  "parallel_tool_calls",
  "presence_penalty",
  "reasoning_effort",
  "regex",
  "repetition_penalty",
  "response_format",
  "return_hidden_states",
  "seed",
  "separate_reasoning",
  "service_tier",
  "session_params",
  "skip_special_tokens",
  "stop",
  "stop_token_ids",
  "stream",
  "stream_options",
  "stream_reasoning",
  "temperature",
  "tool_choice",
  "tools",
  "top_k",
  "top_logprobs",
  "top_p"
])

/** Fields of a message that reach a worker. */
const messageFields = new Set(["role", "content", "name", "tool_calls", "tool_call_id", "reasoning_content"])

const only = (value: unknown, names: ReadonlySet<string>): unknown =>
  Payload.isFields(value)
    ? Object.fromEntries(Object.entries(value).filter(([key, field]) => names.has(key) && field !== null))
    : value

const chat = (fields: Payload.Fields): unknown => {
  const { max_tokens: limit, messages, ...rest } = fields
  return only({
    ...rest,
    messages: Array.isArray(messages) ? messages.map((message: unknown) => only(message, messageFields)) : messages,
    ...(limit !== undefined && limit !== null && { max_completion_tokens: limit }),
    stream: rest.stream === true
  }, chatFields)
}

const generate = (fields: Payload.Fields): unknown => {
  const { sampling_params: params } = fields
  if (!Payload.isFields(params)) return { ...fields, stream: fields.stream === true }
  const { custom_params: _params, stop_regex: _regex, ...kept } = params
  return { ...fields, sampling_params: kept, stream: fields.stream === true }
}

const error = (status: number, type: string, code: string, message: string): Exchange.Response =>
  DoubleResponse.json(status, { error: { type, code, message } }, { "x-smg-error-code": code })

const invalid = (message: string, code: string | number): Exchange.Response =>
  DoubleResponse.json(400, { error: { message, type: "invalid_request_error", code } })

const mistyped = (body: string, reader: Serde.Reader<void>): Exchange.Response | undefined => {
  const read = Serde.read(body, reader)
  if (read._tag === "Accepted") return undefined
  return invalid(
    read.status === 400 ? `JSON syntax error: ${read.text}` : `Invalid JSON data: ${read.text}`,
    "json_parse_error"
  )
}

/** A bound of a field, as reported when it is violated. */
const outside = (field: string, value: unknown, min: number, max: number): Exchange.Response | undefined =>
  typeof value === "number" && (value < min || value > max)
    ? invalid(
      `${field}: Validation error: range [{"max": Number(${max}), "value": Number(${value}), "min": Number(${min})}]`,
      400
    )
    : undefined

const checked = (request: Exchange.Request): Exchange.Response | undefined => {
  const path = Face.pathOf(request)
  if (path === "/v1/completions") return mistyped(request.body, Typed.completion)
  if (path !== "/v1/chat/completions") return undefined
  const wrong = mistyped(request.body, Typed.chat)
  if (wrong !== undefined) return wrong
  const fields = Payload.parse(request.body) ?? {}
  if (Array.isArray(fields.messages) && fields.messages.length === 0) {
    return invalid(`messages: Validation error: messages cannot be empty [{"value": Array []}]`, 400)
  }
  if (Payload.isFields(fields.response_format) && fields.response_format.type === "structural_tag") {
    return invalid(
      "Invalid JSON data: Failed to deserialize the JSON body into the target type: response_format.type: unknown variant " +
        "`structural_tag`, expected one of `text`, `json_object`, `json_schema`",
      "json_parse_error"
    )
  }
  return outside("temperature", fields.temperature, 0, 2) ?? outside("n", fields.n, 1, 10)
}

const passes = new Set([
  "/v1/chat/completions",
  "/v1/completions",
  "/generate",
  "/v1/embeddings",
  "/v1/responses",
  "/v1/rerank",
  "/v1/classify"
])

const info = (workers: Face.Workers): Readonly<Record<string, Exchange.Response>> => {
  const count = workers.urls.length
  return {
    "/health": Face.text(200, "OK"),
    "/liveness": Face.text(200, "OK"),
    "/readiness": DoubleResponse.json(200, { status: "ready", healthy_workers: count, total_workers: count }),
    "/get_server_info": Face.text(
      200,
      JSON.stringify({ router_manager: true, routers_count: 1, workers_count: count })
    ),
    "/v1/models": Face.text(
      200,
      JSON.stringify({ object: "list", data: [{ id: workers.model ?? "unknown", object: "model", owned_by: "local" }] })
    ),
    "/get_loads": DoubleResponse.json(200, { workers: workers.urls.map((worker) => ({ worker, load: -1 })) })
  }
}

/**
 * @category constants
 * @since 0.2.0
 */
export const face: Face.Face = {
  own: (request, workers) => {
    const path = Face.pathOf(request)
    if (request.method === "GET") {
      return path === "/get_model_info" ? undefined : info(workers)[path] ?? { status: 404, headers: {}, body: "" }
    }
    if (path === "/v1/tokenize" || path === "/v1/detokenize") {
      const message = "No tokenizers available. Use POST /v1/tokenizers to add one."
      return DoubleResponse.json(400, { error: { message, type: "tokenizer_not_found" } })
    }
    return passes.has(path) ? checked(request) : { status: 404, headers: {}, body: "" }
  },
  passed: (request) => {
    const fields = Payload.parse(request.body)
    const path = Face.pathOf(request)
    if (fields === undefined) return request
    if (path === "/v1/chat/completions") return Face.withBody(request, chat(fields))
    return path === "/generate" ? Face.withBody(request, generate(fields)) : request
  },
  unreachable: (path, url) => {
    const at = `${url}${path}`
    return error(
      500,
      "Internal Server Error",
      "call_upstream_request_error",
      `error sending request for url (${at}). URL: ${at}`
    )
  },
  noWorkers: error(503, "Service Unavailable", "no_workers", "No workers are available")
}
