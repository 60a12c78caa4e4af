/**
 * The one place where an answer, an event inside a stream, or a fault of the transport becomes a reason of
 * `InferenceError`.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type * as Headers from "effect/http/Headers"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as InferenceError from "../InferenceError.ts"
import * as Failure from "../protocol/Failure.ts"

/** How much of a server's text is kept: in a message, and whole. */
const MESSAGE_LENGTH = 500
const BODY_LENGTH = 64 * 1024

/**
 * Removes a secret from text that will be shown.
 *
 * @category models
 * @since 0.1.0
 */
export type Scrub = (text: string) => string

/**
 * A server's text as an error may hold it: scrubbed, at most 64 KiB.
 *
 * @category conversions
 * @since 0.1.0
 */
export const shown = (text: string, scrub: Scrub): string => scrub(text).slice(0, BODY_LENGTH)

interface Told {
  readonly status: number
  readonly failure: Failure.Failure
  readonly body: string
  readonly retryAfter: Duration.Duration | undefined
  readonly scrub: Scrub
}

const includes = (text: string, ...parts: ReadonlyArray<string>): boolean => parts.some((part) => text.includes(part))

const fields = ({ body, failure, scrub, status }: Told) => ({
  status,
  description: scrub(failure.message).slice(0, MESSAGE_LENGTH),
  ...(failure.type !== undefined && { type: scrub(failure.type).slice(0, MESSAGE_LENGTH) }),
  ...(failure.code !== undefined && { code: scrub(failure.code).slice(0, MESSAGE_LENGTH) }),
  ...(body !== "" && { body: shown(body, scrub) })
})

const patient = (told: Told) => ({
  ...fields(told),
  ...(told.retryAfter !== undefined && { retryAfter: told.retryAfter })
})

/** A loading model says when it expects to be ready; that is believed between 1 and 30 seconds. */
const loading = (told: Told): InferenceError.Reason => {
  const estimate = told.failure.estimatedTime
  return new InferenceError.Loading({
    ...patient(told),
    ...(told.retryAfter === undefined && estimate !== undefined &&
      { retryAfter: Duration.seconds(Math.min(30, Math.max(1, estimate))) })
  })
}

/** What the words say, where they say more than the status does. */
const byWords = (told: Told): InferenceError.Reason | undefined => {
  const { code, message, type } = told.failure
  const words = message.toLowerCase()
  switch (type) {
    case "generation":
      return new InferenceError.GenerationFailed({ ...fields(told), retryable: false })
    case "incomplete_generation":
    case "incomplete_generation_stream":
      return new InferenceError.GenerationFailed({ ...fields(told), retryable: true })
    case "overloaded":
      return new InferenceError.Overloaded(patient(told))
    case "insufficient_quota":
      return new InferenceError.PaymentRequired(fields(told))
    default:
  }
  if (includes(words, "endpoint is paused") || (told.status === 400 && includes(words, "bad request: invalid state"))) {
    return new InferenceError.Paused(fields(told))
  }
  if (code === "model_not_supported" || includes(words, "not supported by provider")) {
    return new InferenceError.NotFound(fields(told))
  }
  if (told.status === 500 && (type === "server_error" || type === "InternalServerError")) {
    return new InferenceError.GenerationFailed({ ...fields(told), retryable: true })
  }
  if (told.status === 503) {
    if (code === "SERVICE_UNAVAILABLE") return new InferenceError.Asleep(patient(told))
    if (told.failure.estimatedTime !== undefined || includes(words, "currently loading", "loading model")) {
      return loading(told)
    }
  }
  return undefined
}

const byStatus = (told: Told): InferenceError.Reason => {
  switch (told.status) {
    case 401:
      return new InferenceError.Unauthorized(fields(told))
    case 402:
      return new InferenceError.PaymentRequired(fields(told))
    case 403:
      return new InferenceError.Forbidden(fields(told))
    case 404:
      return new InferenceError.NotFound(fields(told))
    case 424:
      return new InferenceError.GenerationFailed({ ...fields(told), retryable: false })
    case 429:
      return new InferenceError.RateLimited(patient(told))
    case 408:
    case 425:
    case 500:
    case 502:
    case 503:
    case 504:
      return new InferenceError.Overloaded(patient(told))
    default:
  }
  if (told.status >= 300 && told.status < 400) {
    return new InferenceError.Transport({
      description:
        `the server answered with a redirect (${told.status}), and inference calls follow none. Set the base URL to where it leads`,
      retryable: false
    })
  }
  return new InferenceError.Rejected(fields(told))
}

/**
 * The reason of an answer with a status of 300 or above. `retryAfter` is the server's word on when to come back.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromAnswer = (answer: {
  readonly status: number
  readonly headers: Headers.Headers
  readonly body: string
  readonly retryAfter: Duration.Duration | undefined
  readonly scrub: Scrub
}): InferenceError.Reason => {
  const read = Failure.read(answer.body)
  const told: Told = {
    ...answer,
    failure: {
      ...read,
      message: read.message === "" ? answer.headers["x-error-message"] ?? "" : read.message,
      code: answer.headers["x-error-code"] ?? read.code
    }
  }
  return byWords(told) ?? byStatus(told)
}

/** The status that TGI's error texts have outside of a stream; inside one TGI's chat route says 422 for all. */
const statusOfText = (message: string): number | undefined => {
  if (message.startsWith("Model is overloaded")) return 429
  if (message.startsWith("Request failed during generation:")) return 424
  if (message.startsWith("Incomplete generation")) return 500
  if (/^(Input validation|Tool|Template) error/.test(message)) return 422
  return undefined
}

const statusOfType: { readonly [type: string]: number } = {
  generation: 424,
  overloaded: 429,
  validation: 422,
  incomplete_generation: 500,
  incomplete_generation_stream: 500,
  template_error: 422,
  tool_error: 422,
  stream_serialization_error: 500
}

/**
 * The reason of an error that came as an event of a stream, whose own status was 200.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromFrame = (payload: unknown, data: string, scrub: Scrub): InferenceError.Reason => {
  const failure = Failure.fromJson(payload) ?? Failure.read(data)
  const status = statusOfText(failure.message) ??
    (failure.type === undefined ? undefined : statusOfType[failure.type]) ??
    failure.status ?? 500
  const told: Told = { status, failure, body: data, retryAfter: undefined, scrub }
  if (failure.message.startsWith("Model is overloaded")) return new InferenceError.Overloaded(patient(told))
  // a stream that has begun is past every queue and proxy: what fails then is the engine
  return byWords(told) ??
    (status === 500 ? new InferenceError.GenerationFailed({ ...fields(told), retryable: true }) : byStatus(told))
}

/** The platform's code of a fault, wherever in the chain of causes it is. */
const codeOf = (cause: unknown): string | undefined => {
  let at = cause
  for (let depth = 0; depth < 5 && typeof at === "object" && at !== null; depth++) {
    if ("code" in at && typeof at.code === "string") return at.code
    at = "cause" in at ? at.cause : undefined
  }
  return undefined
}

const timeouts: { readonly [code: string]: InferenceError.Phase } = {
  UND_ERR_CONNECT_TIMEOUT: "connect",
  UND_ERR_HEADERS_TIMEOUT: "headers",
  UND_ERR_BODY_TIMEOUT: "idle",
  ERR_FIRST_EVENT_TIMEOUT: "firstEvent",
  ERR_TOTAL_TIMEOUT: "total"
}

const hopeless =
  /^(CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|HPE_|ERR_BODY_TOO_LARGE|ERR_INVALID_|ERR_PROXY_|UND_ERR_INVALID)/

const advice: { readonly [code: string]: string } = {
  ECONNREFUSED: "nothing listens there: check the base URL and that the server runs",
  ENOTFOUND: "the host name is not known: check the base URL",
  EAI_AGAIN: "the name server did not answer",
  ECONNRESET: "the connection was reset",
  ERR_BODY_TOO_LARGE: "the body is larger than allowed: raise limits.body",
  ERR_INVALID_PROXY: "the proxy is no valid URL: see HTTP_PROXY, HTTPS_PROXY and the option proxy",
  ERR_PROXY_UNSUPPORTED: "a proxy is set, which needs undici: npm install undici@8"
}

/**
 * The reason of a fault below HTTP. The cause's own message is not repeated: some platforms put header values into it.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromHttpClientError = (
  error: HttpClientError.HttpClientError,
  timeoutOf: (phase: InferenceError.Phase) => Duration.Duration
): InferenceError.Reason => {
  const { reason } = error
  const code = "cause" in reason ? codeOf(reason.cause) : undefined
  const phase = code === undefined ? undefined : timeouts[code]
  if (phase !== undefined) return new InferenceError.Timeout({ phase, after: timeoutOf(phase) })
  switch (reason._tag) {
    case "TransportError":
    case "DecodeError": {
      const what = reason._tag === "TransportError"
        ? `no answer from ${originOf(error.request.url)}`
        : "the body of the answer broke off"
      const why = code === undefined ? "the connection failed" : advice[code] ?? code
      return new InferenceError.Transport({
        description: `${what}: ${why}`,
        ...(code !== undefined && { code }),
        retryable: code === undefined || !hopeless.test(code)
      })
    }
    case "EmptyBodyError":
      return new InferenceError.InvalidResponse({ description: "the body is empty" })
    default:
      return new InferenceError.Transport({
        description: `the request cannot be sent to ${originOf(error.request.url)}: ${reason._tag}`,
        retryable: false
      })
  }
}

const originOf = (url: string): string => URL.canParse(url) ? new URL(url).origin : "an invalid URL"
