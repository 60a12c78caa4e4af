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
    retryable: false,
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
    says: "template not found"
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
