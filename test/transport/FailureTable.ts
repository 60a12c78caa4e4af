/** Answers that are failures, as servers, gateways and proxies write them, and what they are to a caller. */
import type { Duration } from "effect"
import type { InferenceError } from "../../src/InferenceError.ts"

export interface Case {
  readonly name: string
  readonly status: number
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
  readonly tag: InferenceError["reason"]["_tag"]
  readonly retryable: boolean
  /** What must be in the message. */
  readonly says: string
  readonly after?: Duration.Input
  readonly type?: string
  readonly code?: string
}

const tgi = (error: string, error_type: string) => JSON.stringify({ error, error_type })
const openAi = (message: string, type: string, code: string | number) =>
  JSON.stringify({ error: { message, type, param: null, code } })

export const cases: ReadonlyArray<Case> = [
  // TGI
  {
    name: "TGI's validation",
    status: 422,
    body: tgi("Input validation error: `top_p` must be > 0.0 and < 1.0", "validation"),
    tag: "Rejected",
    retryable: false,
    says: "`top_p` must be",
    type: "validation"
  },
  {
    name: "TGI's generation error",
    status: 424,
    body: tgi("Request failed during generation: Server error: CUDA", "generation"),
    tag: "GenerationFailed",
    retryable: true,
    says: "CUDA",
    type: "generation"
  },
  {
    name: "TGI's overload",
    status: 429,
    body: tgi("Model is overloaded", "overloaded"),
    tag: "Overloaded",
    retryable: true,
    says: "Model is overloaded",
    type: "overloaded"
  },
  {
    name: "TGI's incomplete generation",
    status: 500,
    body: tgi("Incomplete generation", "incomplete_generation"),
    tag: "GenerationFailed",
    retryable: true,
    says: "Incomplete generation"
  },
  {
    name: "TGI's template error",
    status: 422,
    body: tgi("Template error: template not found", "template_error"),
    tag: "Rejected",
    retryable: false,
    says: "set tokenizerId"
  },
  {
    name: "TGI's tool error",
    status: 422,
    body: tgi("Tool error: Tool with name x not found", "tool_error"),
    tag: "Rejected",
    retryable: false,
    says: "Tool with name x"
  },
  {
    name: "TGI's restarting shard",
    status: 424,
    body: tgi("Request failed during generation: Server error: transport error", "generation"),
    tag: "GenerationFailed",
    retryable: true,
    says: "transport error"
  },
  {
    name: "TGI's 424 without words",
    status: 424,
    body: tgi("Request failed during generation: Server error: ", "generation"),
    tag: "GenerationFailed",
    retryable: true,
    says: "Try again"
  },
  {
    name: "TGI's tool call that was cut",
    status: 422,
    body: tgi(
      String
        .raw`Tool error: Failed to parse generated text: EOF while parsing a string at line 1 column 31 "{\"function\": {\"_name\": \"f\", \"a"`,
      "tool_error"
    ),
    tag: "InvalidToolCall",
    retryable: false,
    says: "Raise maxNewTokens"
  },
  {
    name: "TGI's tool call that is an empty object",
    status: 422,
    body: tgi(
      "Tool error: Failed to parse generated text: missing field `function` at line 1 column 2 \"{}\"",
      "tool_error"
    ),
    tag: "InvalidToolCall",
    retryable: false,
    says: "{}"
  },
  {
    name: "TGI's failed health check",
    status: 503,
    body: tgi("unhealthy", "healthcheck"),
    tag: "Overloaded",
    retryable: true,
    says: "unhealthy"
  },
  {
    name: "TGI's error type with blanks",
    status: 422,
    body: tgi("Suffix is not supported", "suffix not supported"),
    tag: "Rejected",
    retryable: false,
    says: "Suffix",
    type: "suffix not supported"
  },
  {
    name: "TGI's missing key, an empty 401",
    status: 401,
    body: "",
    tag: "Unauthorized",
    retryable: false,
    says: "401"
  },
  { name: "an unknown route, an empty 404", status: 404, body: "", tag: "NotFound", retryable: false, says: "404" },
  { name: "a wrong method, an empty 405", status: 405, body: "", tag: "Rejected", retryable: false, says: "405" },
  {
    name: "a body that is no JSON, in plain text",
    status: 400,
    body: "Failed to parse the request body as JSON: EOF while parsing",
    headers: { "content-type": "text/plain" },
    tag: "Rejected",
    retryable: false,
    says: "Failed to parse"
  },
  {
    name: "a body of a wrong type, in plain text",
    status: 422,
    body: "Failed to deserialize the JSON body into the target type: inputs: invalid type: sequence",
    headers: { "content-type": "text/plain" },
    tag: "Rejected",
    retryable: false,
    says: "invalid type: sequence"
  },
  {
    name: "a wrong content type",
    status: 415,
    body: "Expected request with `Content-Type: application/json`",
    tag: "Rejected",
    retryable: false,
    says: "Content-Type"
  },
  {
    name: "a body too large",
    status: 413,
    body: "Failed to buffer the request body: length limit exceeded",
    tag: "Rejected",
    retryable: false,
    says: "length limit"
  },
  // Hugging Face's layers
  {
    name: "a loading model",
    status: 503,
    body: `{"error":"Model m is currently loading","estimated_time":20.0}`,
    tag: "Loading",
    retryable: true,
    says: "currently loading",
    after: "20 seconds"
  },
  {
    name: "a loading model with an estimate of minutes",
    status: 503,
    body: `{"error":"Model m is currently loading","estimated_time":437.2}`,
    tag: "Loading",
    retryable: true,
    says: "currently loading",
    after: "30 seconds"
  },
  {
    name: "a loading model with an estimate of nothing",
    status: 503,
    body: `{"error":"Model m is currently loading","estimated_time":0.0}`,
    tag: "Loading",
    retryable: true,
    says: "currently loading",
    after: "1 second"
  },
  {
    name: "a loading model with a Retry-After",
    status: 503,
    body: `{"error":"Model m is currently loading","estimated_time":20.0}`,
    headers: { "retry-after": "7" },
    tag: "Loading",
    retryable: true,
    says: "currently loading",
    after: "7 seconds"
  },
  {
    name: "the Hub's rate limit",
    status: 429,
    body: `{"error":"Rate limit reached. Please log in or use a HF access token"}`,
    tag: "RateLimited",
    retryable: true,
    says: "Rate limit reached"
  },
  {
    name: "a rate limit with seconds",
    status: 429,
    body: "{}",
    headers: { "retry-after": "12" },
    tag: "RateLimited",
    retryable: true,
    says: "after 12 s",
    after: "12 seconds"
  },
  {
    name: "a rate limit with decimal seconds",
    status: 429,
    body: "{}",
    headers: { "retry-after": "1.5" },
    tag: "RateLimited",
    retryable: true,
    says: "after 1.5 s",
    after: "1500 millis"
  },
  {
    name: "a rate limit with milliseconds",
    status: 429,
    body: "{}",
    headers: { "retry-after-ms": "250", "retry-after": "9" },
    tag: "RateLimited",
    retryable: true,
    says: "after 0.3 s",
    after: "250 millis"
  },
  {
    name: "a rate limit with a date, by the server's own clock",
    status: 429,
    body: "{}",
    headers: { "retry-after": "Wed, 21 Oct 2015 07:28:30 GMT", date: "Wed, 21 Oct 2015 07:28:00 GMT" },
    tag: "RateLimited",
    retryable: true,
    says: "after 30 s",
    after: "30 seconds"
  },
  {
    name: "a rate limit with a date that has passed",
    status: 429,
    body: "{}",
    headers: { "retry-after": "Wed, 21 Oct 2015 07:27:00 GMT", date: "Wed, 21 Oct 2015 07:28:00 GMT" },
    tag: "RateLimited",
    retryable: true,
    says: "after 0 s",
    after: 0
  },
  {
    name: "the Hub's window of requests, of which some are left",
    status: 429,
    body: "{}",
    headers: { ratelimit: "\"api\";r=3;t=55" },
    tag: "RateLimited",
    retryable: true,
    says: "429"
  },
  {
    name: "the Hub's window of requests",
    status: 429,
    body: "{}",
    headers: { ratelimit: `"api";r=0;t=55` },
    tag: "RateLimited",
    retryable: true,
    says: "after 56 s",
    after: "56 seconds"
  },
  {
    name: "a wrong token",
    status: 401,
    body: `{"error":"Invalid username or password."}`,
    tag: "Unauthorized",
    retryable: false,
    says: "Invalid username"
  },
  {
    name: "a list of errors",
    status: 400,
    body: "{\"error\":[\"Error in `inputs.context`: field required\",\"and more\"]}",
    tag: "Rejected",
    retryable: false,
    says: "field required; and more"
  },
  {
    name: "an error with warnings",
    status: 400,
    body: `{"error":"unused model_kwargs","warnings":["w"]}`,
    tag: "Rejected",
    retryable: false,
    says: "unused model_kwargs"
  },
  {
    name: "a model that is too large",
    status: 403,
    body: `{"error":"The model m is too large to be loaded automatically (16GB > 10GB)."}`,
    tag: "Forbidden",
    retryable: false,
    says: "too large"
  },
  {
    name: "a busy model",
    status: 500,
    body: `{"error":"Model too busy, unable to get response in less than 60 second(s)"}`,
    tag: "Overloaded",
    retryable: true,
    says: "too busy"
  },
  {
    name: "credit used up",
    status: 402,
    body: `{"error":"You have exceeded your monthly included credits"}`,
    tag: "PaymentRequired",
    retryable: false,
    says: "monthly included credits"
  },
  {
    name: "quota used up, with 429",
    status: 429,
    body: openAi("You exceeded your current quota", "insufficient_quota", "insufficient_quota"),
    tag: "PaymentRequired",
    retryable: false,
    says: "current quota",
    code: "insufficient_quota"
  },
  {
    name: "a model that no provider has",
    status: 400,
    body: openAi(
      "The requested model 'm' is not supported by provider 'p'",
      "invalid_request_error",
      "model_not_supported"
    ),
    tag: "NotFound",
    retryable: false,
    says: "not supported by provider"
  },
  {
    name: "a header instead of a body",
    status: 404,
    body: "",
    headers: { "x-error-message": "Repository not found", "x-error-code": "RepoNotFound" },
    tag: "NotFound",
    retryable: false,
    says: "Repository not found",
    code: "RepoNotFound"
  },
  {
    name: "an endpoint asleep",
    status: 503,
    body: `{"error":"503 Service Unavailable","code":"SERVICE_UNAVAILABLE"}`,
    tag: "Asleep",
    retryable: true,
    says: "Service Unavailable",
    code: "SERVICE_UNAVAILABLE"
  },
  {
    name: "an endpoint paused",
    status: 400,
    body: `{"error":"Bad Request: The endpoint is paused, ask a maintainer to restart it","code":"BAD_REQUEST"}`,
    tag: "Paused",
    retryable: false,
    says: "Resume it"
  },
  // proxies
  {
    name: "a proxy's page",
    status: 502,
    body: "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><h1>x</h1></body></html>",
    headers: { "content-type": "text/html" },
    tag: "Overloaded",
    retryable: true,
    says: "502 Bad Gateway"
  },
  { name: "an empty 504", status: 504, body: "", tag: "Overloaded", retryable: true, says: "504" },
  { name: "a request timeout", status: 408, body: "", tag: "Overloaded", retryable: true, says: "408" },
  { name: "a too early request", status: 425, body: "", tag: "Overloaded", retryable: true, says: "425" },
  { name: "what is not implemented", status: 501, body: "", tag: "Rejected", retryable: false, says: "501" },
  { name: "a version that is not supported", status: 505, body: "", tag: "Rejected", retryable: false, says: "505" },
  ...[520, 521, 522, 523, 524, 525, 529, 530, 507, 598].map((status): Case => ({
    name: "a gateway's own status",
    status,
    body: "",
    tag: "Overloaded",
    retryable: true,
    says: String(status)
  })),
  {
    name: "a gateway's error code in plain text",
    status: 522,
    body: "error code: 522",
    tag: "Overloaded",
    retryable: true,
    says: "error code"
  },
  // other engines
  {
    name: "vLLM's bad request",
    status: 400,
    body: openAi("max_tokens must be at least 1", "BadRequestError", 400),
    tag: "Rejected",
    retryable: false,
    says: "max_tokens",
    type: "BadRequestError",
    code: "400"
  },
  {
    name: "vLLM's unknown model",
    status: 404,
    body: openAi("The model `m` does not exist.", "NotFoundError", 404),
    tag: "NotFound",
    retryable: false,
    says: "does not exist"
  },
  {
    name: "an older vLLM's flat error",
    status: 400,
    body: `{"object":"error","message":"flat","type":"BadRequestError","param":null,"code":400}`,
    tag: "Rejected",
    retryable: false,
    says: "flat",
    type: "BadRequestError"
  },
  {
    name: "vLLM's wrong key",
    status: 401,
    body: `{"error":"Unauthorized"}`,
    tag: "Unauthorized",
    retryable: false,
    says: "Unauthorized"
  },
  {
    name: "FastAPI's detail",
    status: 422,
    body: `{"detail":[{"loc":["body","messages"],"msg":"field required","type":"missing"}]}`,
    tag: "Rejected",
    retryable: false,
    says: "body.messages: field required"
  },
  {
    name: "llama.cpp's loading",
    status: 503,
    body: `{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}`,
    tag: "Loading",
    retryable: true,
    says: "Loading model"
  },
  {
    name: "llama.cpp's full context",
    status: 400,
    body:
      `{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error","n_prompt_tokens":9,"n_ctx":8}}`,
    tag: "Rejected",
    retryable: false,
    says: "context size"
  },
  {
    name: "llama.cpp's image without a projector",
    status: 500,
    body: openAi(
      "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj",
      "server_error",
      500
    ),
    tag: "Rejected",
    retryable: false,
    says: "Send text alone"
  },
  {
    name: "llama.cpp's malformed tool arguments in a history",
    status: 500,
    body: openAi(
      "Failed to parse tool call arguments as JSON: [json.exception.parse_error.101] parse error at line 1, column 2: syntax error",
      "server_error",
      500
    ),
    tag: "Rejected",
    retryable: false,
    says: "Change the request"
  },
  {
    name: "a refusal that calls itself an error of the server",
    status: 400,
    body: openAi("this cannot be done", "server_error", 400),
    tag: "Rejected",
    retryable: false,
    says: "this cannot be done"
  },
  {
    name: "llama.cpp's half surrogate",
    status: 500,
    body: openAi(
      "[json.exception.parse_error.101] parse error: invalid string: surrogate U+D800..U+DBFF must be followed by U+DC00..U+DFFF",
      "server_error",
      500
    ),
    tag: "Rejected",
    retryable: false,
    says: "surrogate"
  },
  {
    name: "llama.cpp's embedding input that is too long",
    status: 500,
    body: openAi(
      "input (700 tokens) is too large to process. increase the physical batch size (current batch size: 512)",
      "server_error",
      500
    ),
    tag: "Rejected",
    retryable: false,
    says: "Shorten the prompt"
  },
  {
    name: "llama.cpp's template that raises",
    status: 500,
    body: openAi("Jinja Exception: Conversation roles must alternate user/assistant", "server_error", 500),
    tag: "Rejected",
    retryable: false,
    says: "roles must alternate"
  },
  {
    name: "llama.cpp's failing decode",
    status: 500,
    body: openAi("Compute error.", "server_error", 500),
    tag: "GenerationFailed",
    retryable: true,
    says: "Compute error"
  },
  {
    name: "vLLM's regex that xgrammar does not take",
    status: 500,
    body: openAi(
      "[12:00:00] /project/cpp/regex_converter.cc:73: Regex parsing error at position 1: Unicode character class escape",
      "InternalServerError",
      500
    ),
    tag: "Rejected",
    retryable: false,
    says: "Simplify the schema"
  },
  {
    name: "an image on a text model behind vLLM",
    status: 500,
    body: openAi("Qwen/Qwen3-0.6B is not a multimodal model", "InternalServerError", 500),
    tag: "Rejected",
    retryable: false,
    says: "Send text alone"
  },
  {
    name: "vLLM's full queue",
    status: 503,
    body: openAi("Service Unavailable", "ServiceUnavailableError", 503),
    tag: "Overloaded",
    retryable: true,
    says: "Service Unavailable"
  },
  {
    name: "sglang-router without workers",
    status: 503,
    body: openAi("No available workers", "Service Unavailable", "no_available_workers"),
    tag: "Overloaded",
    retryable: true,
    says: "No available workers"
  },
  {
    name: "sglang-router's lost worker",
    status: 500,
    body: openAi("Failed to send request", "Internal Server Error", "call_upstream_request_error"),
    tag: "Overloaded",
    retryable: true,
    says: "Failed to send"
  },
  {
    name: "a wrong key behind a provider that says 400",
    status: 400,
    body: openAi("Incorrect API key provided", "invalid_request_error", "invalid_api_key"),
    tag: "Unauthorized",
    retryable: false,
    says: "HF_TOKEN"
  },
  {
    name: "a context that is too long, told by a 500",
    status: 500,
    body: openAi(
      "This model's maximum context length is 8192 tokens",
      "invalid_request_error",
      "context_length_exceeded"
    ),
    tag: "Rejected",
    retryable: false,
    says: "Shorten the prompt"
  },
  {
    name: "a rate limit told by a 500",
    status: 500,
    body: openAi("slow down", "rate_limit_error", "rate_limit_exceeded"),
    tag: "RateLimited",
    retryable: true,
    says: "slow down"
  },
  {
    name: "hf-serve's failure",
    status: 500,
    body: `{"detail":"CUDA error"}`,
    tag: "Overloaded",
    retryable: true,
    says: "CUDA error"
  },
  {
    name: "a broken JSON body",
    status: 500,
    body: `{"error":"half a`,
    tag: "Overloaded",
    retryable: true,
    says: `{"error":"half a`
  }
]

/** Codes of platforms, and what becomes of them. */
export const faults: ReadonlyArray<readonly [code: string, tag: InferenceError["reason"]["_tag"], retryable: boolean]> =
  [
    ["ECONNREFUSED", "Transport", true],
    ["ECONNRESET", "Transport", true],
    ["EPIPE", "Transport", true],
    ["ETIMEDOUT", "Transport", true],
    ["EAI_AGAIN", "Transport", true],
    ["UND_ERR_SOCKET", "Transport", true],
    ["CERT_HAS_EXPIRED", "Transport", false],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", "Transport", false],
    ["SELF_SIGNED_CERT_IN_CHAIN", "Transport", false],
    ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "Transport", false],
    ["ERR_TLS_CERT_ALTNAME_INVALID", "Transport", false],
    ["ERR_SSL_WRONG_VERSION_NUMBER", "Transport", false],
    ["HPE_INVALID_CONSTANT", "Transport", false],
    ["UND_ERR_CONNECT_TIMEOUT", "Timeout", true],
    ["UND_ERR_HEADERS_TIMEOUT", "Timeout", true],
    ["UND_ERR_BODY_TIMEOUT", "Timeout", true]
  ]

/** Errors that came with the status 200: as the event of a stream, or as the body of a whole response. */
export const answered: ReadonlyArray<
  readonly [name: string, payload: unknown, tag: InferenceError["reason"]["_tag"], retryable: boolean]
> = [
  ["TGI's validation", { error: "Input validation error: x", error_type: "validation" }, "Rejected", false],
  [
    "TGI's validation on the chat route",
    { error: { message: "Input validation error: x", http_status_code: 422 } },
    "Rejected",
    false
  ],
  [
    "TGI's overload on the chat route",
    { error: { message: "Model is overloaded", http_status_code: 422 } },
    "Overloaded",
    true
  ],
  [
    "TGI's failed shard on the chat route",
    { error: { message: "Request failed during generation: Server error: transport error", http_status_code: 422 } },
    "GenerationFailed",
    true
  ],
  [
    "TGI's cut tool call",
    {
      error: {
        message: "Tool error: Failed to parse generated text: EOF while parsing a value at line 1 column 0 \"\"",
        http_status_code: 422
      }
    },
    "InvalidToolCall",
    false
  ],
  [
    "vLLM's grammar that does not compile",
    { error: { message: "Failed to compile grammar", type: "BadRequestError", param: null, code: 400 } },
    "Rejected",
    false
  ],
  [
    "vLLM's fault",
    { error: { message: "EngineCore encountered an issue", type: "InternalServerError", param: null, code: 500 } },
    "GenerationFailed",
    true
  ],
  [
    "vLLM's full queue",
    { error: { message: "Service Unavailable", type: "ServiceUnavailableError", code: 503 } },
    "Overloaded",
    true
  ],
  [
    "SGLang's refusal",
    { object: "error", message: "Input is too long", type: "BadRequestError", param: null, code: 400 },
    "Rejected",
    false
  ],
  [
    "a full context by its code alone",
    { error: { message: "too many tokens", type: "invalid_request_error", code: "context_length_exceeded" } },
    "Rejected",
    false
  ],
  ["a type alone", { error: { message: "no", type: "invalid_request_error" } }, "Rejected", false],
  ["a wrong key", { error: { message: "no", type: "authentication_error" } }, "Unauthorized", false],
  ["a missing permission", { error: { message: "no", type: "permission_error" } }, "Forbidden", false],
  ["a rate limit", { error: { message: "slow", type: "requests", code: "rate_limit_exceeded" } }, "RateLimited", true],
  ["a rate limit in plain words", { error: "Rate limit exceeded, try again" }, "RateLimited", true],
  ["a used-up quota", { error: { message: "no", type: "insufficient_quota" } }, "PaymentRequired", false],
  ["an unknown model", { error: { message: "no", code: "model_not_found" } }, "NotFound", false],
  ["an overload", { error: { message: "later", type: "overloaded_error" } }, "Overloaded", true],
  [
    "Anthropic's form",
    { type: "error", error: { type: "overloaded_error", message: "Overloaded" } },
    "Overloaded",
    true
  ],
  ["Google's form", { error: { code: 429, message: "quota", status: "RESOURCE_EXHAUSTED" } }, "RateLimited", true],
  ["a code of digits", { error: { message: "no", code: "401" } }, "Unauthorized", false],
  ["status_code", { error: { message: "no", status_code: 400 } }, "Rejected", false],
  ["status_code beside a text", { error: "no", status_code: "429" }, "RateLimited", true],
  ["a flat message with a status", { message: "no", status_code: 503 }, "Overloaded", true],
  ["FastAPI's detail", { detail: "maximum context length is 8" }, "Rejected", false],
  [
    "llama.cpp's image",
    { error: { code: 500, message: "image input is not supported", type: "server_error" } },
    "Rejected",
    false
  ],
  [
    "llama.cpp's fault",
    { error: { code: 500, message: "Compute error.", type: "server_error" } },
    "GenerationFailed",
    true
  ],
  ["what says nothing", { error: {} }, "GenerationFailed", true],
  ["a loading model", { error: "Model m is currently loading", status_code: 503, estimated_time: 20 }, "Loading", true]
]
