import { assert, describe, it } from "@effect/vitest"
import { Duration, Schema } from "effect"
import { AiError } from "effect/ai"
import * as AiFailure from "../../src/ai/AiFailure.ts"
import * as EndpointError from "../../src/endpoint/EndpointError.ts"
import * as InferenceError from "../../src/InferenceError.ts"
import * as StructuredOutputError from "../../src/structured/StructuredOutputError.ts"
import * as TemplateError from "../../src/template/TemplateError.ts"

const place = { module: "Test", method: "test" }
const from = (error: AiFailure.Failure) => AiFailure.fromError(error, place)
const roundTrip = (error: AiError.AiError) =>
  Schema.decodeUnknownSync(Schema.toCodecJson(AiError.AiError))(
    JSON.parse(JSON.stringify(Schema.encodeSync(Schema.toCodecJson(AiError.AiError))(error)))
  )

const inference = (reason: InferenceError.Reason) =>
  from(new InferenceError.InferenceError({ method: "POST /generate", reason, attempts: 2, requestId: "r-1" }))
const endpoint = (reason: EndpointError.Reason) => from(new EndpointError.EndpointError({ method: "resolve", reason }))
const structured = (reason: StructuredOutputError.Reason) => from(StructuredOutputError.make(reason))

describe("any error of ours as an AiError", () => {
  it.prop("is retryable exactly when the one behind it is: talking to a server", [InferenceError.InferenceError], ([
    error
  ]) => from(error).isRetryable === error.isRetryable)

  it.prop("is retryable exactly when the one behind it is: finding an endpoint", [EndpointError.EndpointError], ([
    error
  ]) => from(error).isRetryable === error.isRetryable)

  it.prop("is retryable exactly when the one behind it is: rendering a prompt", [TemplateError.TemplateError], ([
    error
  ]) => from(error).isRetryable === error.isRetryable)

  it.prop(
    "is retryable exactly when the one behind it is: decoding a value",
    [StructuredOutputError.StructuredOutputError],
    ([error]) => from(error).isRetryable === error.isRetryable
  )

  it.prop("survives JSON", [InferenceError.InferenceError], ([error]) => {
    const before = from(error)
    assert.strictEqual(roundTrip(before).message, before.message)
  })

  it.prop("names its place", [EndpointError.EndpointError], ([error]) => from(error).message.startsWith("Test.test: "))
})

const answer = { status: 429, description: "slow down" }
const text = { text: "{" }

describe("each reason has its own", () => {
  const table: ReadonlyArray<readonly [AiError.AiError, AiError.AiErrorReason["_tag"]]> = [
    [
      inference(new InferenceError.InvalidRequest({ issues: [{ path: ["topP"], message: "topP is off" }] })),
      "InvalidRequestError"
    ],
    [inference(new InferenceError.Rejected({ ...answer, status: 422 })), "InvalidRequestError"],
    [inference(new InferenceError.Unauthorized({ ...answer, status: 401 })), "AuthenticationError"],
    [inference(new InferenceError.Forbidden({ ...answer, status: 403 })), "AuthenticationError"],
    [inference(new InferenceError.PaymentRequired({ ...answer, status: 402 })), "QuotaExhaustedError"],
    [inference(new InferenceError.NotFound({ ...answer, status: 404 })), "InvalidRequestError"],
    [inference(new InferenceError.RateLimited(answer)), "RateLimitError"],
    [inference(new InferenceError.Overloaded(answer)), "RateLimitError"],
    [inference(new InferenceError.Overloaded({ ...answer, status: 502 })), "InternalProviderError"],
    [inference(new InferenceError.Loading({ ...answer, status: 503 })), "InternalProviderError"],
    [inference(new InferenceError.Asleep({ ...answer, status: 503 })), "InternalProviderError"],
    [inference(new InferenceError.Paused({ ...answer, status: 400 })), "UnknownError"],
    [
      inference(new InferenceError.GenerationFailed({ ...answer, status: 500, retryable: true })),
      "InternalProviderError"
    ],
    [
      inference(new InferenceError.GenerationFailed({ ...answer, status: 424, retryable: false })),
      "InvalidRequestError"
    ],
    [inference(new InferenceError.Transport({ description: "reset", retryable: true })), "NetworkError"],
    [inference(new InferenceError.Transport({ description: "unknown host", retryable: false })), "UnknownError"],
    [inference(new InferenceError.Timeout({ phase: "idle", after: Duration.seconds(1) })), "NetworkError"],
    [inference(new InferenceError.Timeout({ phase: "total", after: Duration.seconds(1) })), "UnknownError"],
    [inference(new InferenceError.StreamInterrupted({ description: "cut" })), "NetworkError"],
    [inference(new InferenceError.InvalidResponse({ description: "html" })), "InvalidResponseError"],
    [endpoint(new EndpointError.MissingToken({ subject: "m" })), "AuthenticationError"],
    [endpoint(new EndpointError.Failed({ subject: "m", detail: "", state: "failed" })), "UnknownError"],
    [endpoint(new EndpointError.ModelNotServed({ model: "m", available: [] })), "InvalidRequestError"],
    [endpoint(new EndpointError.Unreachable({ subject: "m", detail: "" })), "NetworkError"],
    [structured(new StructuredOutputError.Truncated(text)), "StructuredOutputError"],
    [structured(new StructuredOutputError.Refused({ ...text, description: "no" })), "ContentPolicyError"],
    [
      structured(new StructuredOutputError.UnsupportedSchema({ path: [], keyword: "not", description: "", hint: "" })),
      "UnsupportedSchemaError"
    ]
  ]

  it.each(table)("%s", (error, tag) => assert.strictEqual(error.reason._tag, tag))
})

describe("what the server said is kept", () => {
  it("the time to wait, under its own name or in the metadata", () => {
    const retryAfter = Duration.seconds(7)
    const limited = inference(new InferenceError.RateLimited({ ...answer, retryAfter }))
    assert.strictEqual(Duration.toSeconds(limited.retryAfter ?? Duration.zero), 7)
    const { reason } = inference(new InferenceError.Loading({ ...answer, status: 503, retryAfter }))
    assert.strictEqual("metadata" in reason ? reason.metadata.huggingface?.retryAfterMillis : undefined, 7000)
  })

  it("status, request id and body", () => {
    const { reason } = inference(new InferenceError.Rejected({ ...answer, status: 422, body: "no" }))
    assert.deepStrictEqual("http" in reason ? reason.http : undefined, {
      response: { status: 422, headers: { "x-request-id": "r-1" } },
      body: "no"
    })
  })

  it("the text of an answer that is no value", () => {
    const { reason } = structured(new StructuredOutputError.Truncated(text))
    assert.strictEqual(reason._tag === "StructuredOutputError" ? reason.responseText : undefined, "{")
  })

  it("the option that was refused here", () => {
    const issues = [{ path: ["topP"], message: "topP must be above 0" }]
    const { message, reason } = inference(new InferenceError.InvalidRequest({ issues }))
    assert.strictEqual(reason._tag === "InvalidRequestError" ? reason.parameter : undefined, "topP")
    assert.include(message, "topP must be above 0")
  })
})
