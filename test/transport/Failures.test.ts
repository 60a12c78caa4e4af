import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Redacted, Schema, Stream } from "effect"
import { InferenceError } from "../../src/InferenceError.ts"
import * as Wire from "./Wire.ts"

interface Case {
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

const cases: ReadonlyArray<Case> = [
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

const reasonOf = (error: InferenceError): Record<string, unknown> => ({ ...error.reason })

const check = (given: Case, error: InferenceError) => {
  assert.strictEqual(error.reason._tag, given.tag)
  assert.strictEqual(error.isRetryable, given.retryable)
  assert.include(error.message, given.says)
  assert.strictEqual(error.attempts, 1)
  assert.strictEqual(error.requestId, "req-1")
  const reason = reasonOf(error)
  assert.strictEqual(reason.status, given.status)
  assert.strictEqual(reason.body, given.body === "" ? undefined : given.body)
  if (given.type !== undefined) assert.strictEqual(reason.type, given.type)
  if (given.code !== undefined) assert.strictEqual(reason.code, given.code)
  assert.strictEqual(
    error.retryAfter === undefined ? undefined : Duration.toMillis(error.retryAfter),
    given.after === undefined ? undefined : Duration.toMillis(given.after)
  )
}

describe("an answer that is a failure", () => {
  for (const given of cases) {
    const wire = () =>
      Wire.make(() =>
        new Response(given.body === "" ? null : given.body, {
          status: given.status,
          headers: { "x-request-id": "req-1", ...given.headers }
        })
      )
    it.effect(`${given.name} (${given.status}) is ${given.tag}, for a whole answer and for a stream alike`, () =>
      Effect.gen(function*() {
        const client = yield* Wire.client()
        check(given, yield* Effect.flip(client.generate(Wire.prompt)))
        check(given, yield* Effect.flip(Stream.runDrain(client.chatStream(Wire.conversation))))
      }).pipe(Effect.provide(wire().layer)))
  }

  it.effect("keeps 500 characters in its message and 64 KiB of its body", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip((yield* Wire.client()).generate(Wire.prompt))
      assert.strictEqual(reasonOf(error).description, "x".repeat(500))
      assert.strictEqual(String(reasonOf(error).body).length, 64 * 1024)
    }).pipe(Effect.provide(Wire.make(() => new Response("x".repeat(200_000), { status: 400 })).layer)))

  it.effect("keeps what arrived of a body that breaks off", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip((yield* Wire.client()).generate(Wire.prompt))
      assert.strictEqual(error.reason._tag, "Overloaded")
    }).pipe(
      Effect.provide(
        Wire.make(() => new Response(Wire.events(["{\"err"], { end: "error" }).body, { status: 500 })).layer
      )
    ))

  it.effect("follows no redirect", () => {
    const wire = Wire.make(() =>
      new Response(null, { status: 307, headers: { location: "http://elsewhere/generate" } })
    )
    return Effect.gen(function*() {
      const error = yield* Effect.flip((yield* Wire.client()).generate(Wire.prompt))
      assert.strictEqual(error.reason._tag, "Transport")
      assert.include(error.message, "redirect (307)")
      assert.isFalse(error.isRetryable)
      assert.lengthOf(wire.requests, 1)
    }).pipe(Effect.provide(wire.layer))
  })

  it.effect("survives its own schema", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip((yield* Wire.client()).generate(Wire.prompt))
      const codec = Schema.toCodecJson(InferenceError)
      const json = JSON.stringify(yield* Schema.encodeEffect(codec)(error))
      const again = yield* Schema.decodeUnknownEffect(codec)(JSON.parse(json))
      assert.strictEqual(again.message, error.message)
    }).pipe(
      Effect.provide(Wire.make(() => new Response("{}", { status: 429, headers: { "retry-after": "9" } })).layer)
    ))
})

const faults: ReadonlyArray<readonly [code: string, tag: InferenceError["reason"]["_tag"], retryable: boolean]> = [
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

describe("a fault of the transport", () => {
  for (const [code, tag, retryable] of faults) {
    it.effect(`${code} is ${tag}, ${retryable ? "" : "not "}to be tried again`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip((yield* Wire.client()).generate(Wire.prompt))
        assert.deepStrictEqual([error.reason._tag, error.isRetryable], [tag, retryable])
      }).pipe(Effect.provide(Wire.make(() => Wire.nested(code)).layer)))
  }

  it.effect("names the origin and what to do, and no path, query or userinfo", () =>
    Effect.gen(function*() {
      const client = yield* Wire.client({ url: "http://user:secret@tgi:8080/deep", search: "?key=secret" })
      const error = yield* Effect.flip(client.generate(Wire.prompt))
      assert.strictEqual(
        error.message,
        "POST /generate: no answer from http://tgi:8080: nothing listens there: check the base URL and that the server runs"
      )
    }).pipe(Effect.provide(Wire.make(() => Wire.nested("ECONNREFUSED")).layer)))

  it.effect("a URL that is none fails, and does not die", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip((yield* Wire.client({ url: "no url" })).generate(Wire.prompt))
      assert.deepStrictEqual([error.reason._tag, error.isRetryable], ["Transport", false])
    }).pipe(Effect.provide(Wire.make(() => Wire.json({})).layer)))
})

const answered = (response: () => Response) =>
  Effect.gen(function*() {
    return yield* Effect.flip((yield* Wire.client()).generate(Wire.prompt))
  }).pipe(Effect.provide(Wire.make(response).layer))

describe("an answer with a success status", () => {
  it.effect("that holds an error is that error", () =>
    Effect.gen(function*() {
      const error = yield* answered(() => Wire.json({ error: "Model is overloaded", error_type: "overloaded" }))
      assert.strictEqual(error.reason._tag, "Overloaded")
    }))

  it.effect("that is empty is InvalidResponse", () =>
    Effect.gen(function*() {
      const error = yield* answered(() => new Response(null, { status: 200 }))
      assert.strictEqual(error.reason._tag, "InvalidResponse")
      assert.include(error.message, "empty")
    }))

  it.effect("that is a page is InvalidResponse and keeps the page", () =>
    Effect.gen(function*() {
      const error = yield* answered(() =>
        new Response("<html>login</html>", { headers: { "content-type": "text/html" } })
      )
      assert.strictEqual(error.reason._tag, "InvalidResponse")
      assert.strictEqual(reasonOf(error).body, "<html>login</html>")
    }))

  it.effect("with a wrong type says the path and not the value", () =>
    Effect.gen(function*() {
      const error = yield* answered(() => Wire.json({ generated_text: { secret: "value" } }))
      assert.strictEqual(error.reason._tag, "InvalidResponse")
      assert.include(error.message, "generated_text")
      assert.notInclude(error.message, "value\"")
    }))

  it.effect("that breaks off is Transport and may be tried again", () =>
    Effect.gen(function*() {
      const error = yield* answered(() => new Response(Wire.events(["{\"gen"], { end: "error" }).body))
      assert.deepStrictEqual([error.reason._tag, error.isRetryable], ["Transport", true])
    }))

  it.effect("beyond the limit on size is refused", () =>
    Effect.gen(function*() {
      const client = yield* Wire.client({ limits: { body: 1000 } })
      const error = yield* Effect.flip(client.generate(Wire.prompt))
      assert.deepStrictEqual([error.reason._tag, reasonOf(error).code, error.isRetryable], [
        "Transport",
        "ERR_BODY_TOO_LARGE",
        false
      ])
    }).pipe(Effect.provide(Wire.make(() => Wire.json({ generated_text: "x".repeat(2000) })).layer)))

  it.effect("is refused by its size after decompression", () =>
    Effect.gen(function*() {
      const bomb = new Response(
        new Response("x".repeat(1_000_000)).body?.pipeThrough(new CompressionStream("gzip")),
        { headers: { "content-encoding": "gzip" } }
      )
      const wire = Wire.make(() => bomb)
      const error = yield* Effect.provide(
        Effect.flatMap(
          Wire.client({ limits: { body: 100_000 } }),
          (client) => Effect.flip(client.generate(Wire.prompt))
        ),
        wire.layer
      )
      assert.strictEqual(reasonOf(error).code, "ERR_BODY_TOO_LARGE")
    }))
})

describe("the token", () => {
  const secret = "hf_abcdefghijklmnop"
  it.effect("is scrubbed from every word that the server says", () =>
    Effect.gen(function*() {
      const client = yield* Wire.client({ token: Redacted.make(secret) })
      const error = yield* Effect.flip(client.generate(Wire.prompt))
      assert.notInclude(JSON.stringify(error), secret)
      assert.notInclude(error.message, secret)
      assert.include(error.message, "<redacted>")
    }).pipe(Effect.provide(
      Wire.make((_, request) =>
        Wire.json({
          error: {
            message: `bad ${request.headers.authorization}`,
            type: `type of ${secret}`,
            code: `code of ${secret}`
          }
        }, { status: 400 })
      ).layer
    )))
})
