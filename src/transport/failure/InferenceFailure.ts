/**
 * The one place where a response, an event inside a stream, or a fault of the transport becomes a reason of
 * `InferenceError`.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type * as Headers from "effect/http/Headers"
import type { Fault } from "../../http/Fault.ts"
import type { Scrub } from "../../http/Secret.ts"
import * as InferenceError from "../../InferenceError.ts"
import * as Failure from "../../protocol/Failure.ts"
import * as FailureWords from "./FailureWords.ts"

/** How much of a server's text is kept: in a message, and in all. */
const MESSAGE_LENGTH = 500
const BODY_LENGTH = 64 * 1024

/**
 * A server's text as an error may contain it: scrubbed, without a repeated request, at most 64 KiB.
 *
 * @category conversions
 * @since 0.1.0
 */
export const shown = (text: string, scrub: Scrub): string => scrub(Failure.withoutRequest(text)).slice(0, BODY_LENGTH)

interface Told {
  readonly status: number
  readonly failure: Failure.Failure
  readonly body: string
  readonly retryAfter: Duration.Duration | undefined
  readonly scrub: Scrub
}

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

/** A verdict as a reason. */
const byVerdict = (told: Told, verdict: FailureWords.Verdict): InferenceError.Reason => {
  switch (verdict) {
    case "Rejected":
      return new InferenceError.Rejected(fields(told))
    case "Unauthorized":
      return new InferenceError.Unauthorized(fields(told))
    case "Forbidden":
      return new InferenceError.Forbidden(fields(told))
    case "PaymentRequired":
      return new InferenceError.PaymentRequired(fields(told))
    case "NotFound":
      return new InferenceError.NotFound(fields(told))
    case "RateLimited":
      return new InferenceError.RateLimited(patient(told))
    case "Overloaded":
      return new InferenceError.Overloaded(patient(told))
    case "Failed":
      return new InferenceError.GenerationFailed({ ...fields(told), retryable: true })
    case "ToolCall": {
      const { text, truncated } = FailureWords.toolCall(told.failure.message)
      return new InferenceError.InvalidToolCall({ ...fields(told), text: told.scrub(text), truncated })
    }
  }
}

/** States of an endpoint, by the words of its gateway and its engine. */
const byState = (told: Told): InferenceError.Reason | undefined => {
  const { code, estimatedTime, message } = told.failure
  const words = message.toLowerCase()
  if (words.includes("endpoint is paused") || (told.status === 400 && words.includes("bad request: invalid state"))) {
    return new InferenceError.Paused(fields(told))
  }
  if (words.includes("not supported by provider") || words.includes("not supported by any provider")) {
    return new InferenceError.NotFound(fields(told))
  }
  if (told.status !== 503) return undefined
  if (code === "SERVICE_UNAVAILABLE") return new InferenceError.Asleep(patient(told))
  return estimatedTime !== undefined || words.includes("currently loading") || words.includes("loading model")
    ? loading(told)
    : undefined
}

/** Statuses that say enough by themselves, so that only these verdicts add to them. */
const clear: { readonly [status: number]: ReadonlyArray<FailureWords.Verdict> } = {
  401: [],
  402: [],
  403: [],
  404: [],
  405: [],
  413: [],
  415: [],
  424: [],
  429: ["PaymentRequired", "Overloaded"]
}

/** Everything that is known, including the status, as one reason. */
const reasonOf = (told: Told): InferenceError.Reason => {
  const state = byState(told)
  if (state !== undefined) return state
  const verdict = FailureWords.read(told.failure)
  if (verdict === undefined) return byStatus(told)
  const known = clear[told.status]
  if (known !== undefined) return known.includes(verdict) ? byVerdict(told, verdict) : byStatus(told)
  // a word such as `server_error` does not turn a refusal into a temporary failure
  return told.status < 500 && (verdict === "Failed" || verdict === "Overloaded")
    ? byStatus(told)
    : byVerdict(told, verdict)
}

const byStatus = (told: Told): InferenceError.Reason => {
  switch (told.status) {
    case 401:
      return byVerdict(told, "Unauthorized")
    case 402:
      return byVerdict(told, "PaymentRequired")
    case 403:
      return byVerdict(told, "Forbidden")
    case 404:
      return byVerdict(told, "NotFound")
    case 424:
      return byVerdict(told, "Failed")
    case 429:
      return byVerdict(told, "RateLimited")
    case 408:
    case 425:
      return byVerdict(told, "Overloaded")
    // their names already say that the request will never work
    case 501:
    case 505:
      return byVerdict(told, "Rejected")
    default:
  }
  // among them 520, 522, 524 and 529, invented by gateways
  if (told.status >= 500) return byVerdict(told, "Overloaded")
  if (told.status >= 300 && told.status < 400) {
    return new InferenceError.Transport({
      description:
        `the server sent a redirect (${told.status}), which inference calls do not follow. Set the base URL to its target`,
      retryable: false
    })
  }
  return byVerdict(told, "Rejected")
}

/**
 * The reason of a response with a status of 300 or above. `retryAfter` is when the server wants a retry.
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
  return reasonOf({
    ...answer,
    failure: {
      ...read,
      message: read.message === "" ? answer.headers["x-error-message"] ?? "" : read.message,
      code: answer.headers["x-error-code"] ?? read.code
    }
  })
}

/** The status that TGI's error texts have outside a stream; inside one TGI's chat route says 422 for all. */
const statusOfText = (message: string): number | undefined => {
  if (message.startsWith("Model is overloaded")) return 429
  if (message.startsWith("Request failed during generation:")) return 424
  if (message.startsWith("Incomplete generation")) return 500
  if (/^(Input validation|Tool|Template) error/.test(message)) return 422
  return undefined
}

/** The status that a verdict usually comes with. */
const statusOfVerdict: { readonly [V in FailureWords.Verdict]: number } = {
  Rejected: 400,
  Unauthorized: 401,
  Forbidden: 403,
  PaymentRequired: 402,
  NotFound: 404,
  RateLimited: 429,
  Overloaded: 503,
  Failed: 500,
  ToolCall: 422
}

/**
 * The reason of an error that came as an event of a stream, or as a body, whose own status was 200.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromFrame = (payload: unknown, data: string, scrub: Scrub): InferenceError.Reason => {
  const failure = Failure.fromJson(payload) ?? Failure.read(data)
  const { message, type } = failure
  const told = { failure, body: data, retryAfter: undefined, scrub }
  if (message.startsWith("Model is overloaded")) return byVerdict({ ...told, status: 429 }, "Overloaded")
  const verdict = FailureWords.read(failure)
  const status = statusOfText(message) ?? (type === "generation" ? 424 : undefined) ??
    (type === "validation" || type === "template_error" || type === "tool_error" ? 422 : undefined) ??
    failure.status
  if (status !== undefined && status !== 500) return reasonOf({ ...told, status })
  const state = byState({ ...told, status: status ?? 500 })
  // a stream that has begun is past every queue and proxy: only the engine can fail then
  return state ?? byVerdict({ ...told, status: status ?? statusOfVerdict[verdict ?? "Failed"] }, verdict ?? "Failed")
}

/**
 * The reason of a generation that the server ended with a finish reason for failure, such as vLLM's `abort`.
 *
 * @category conversions
 * @since 0.2.0
 */
export const fromFinish = (word: string, scrub: Scrub): InferenceError.Reason =>
  new InferenceError.GenerationFailed({
    status: 500,
    description: `the server ended it with the finish reason ${JSON.stringify(scrub(word).slice(0, MESSAGE_LENGTH))}`,
    retryable: true
  })

/**
 * The reason of a fault below HTTP.
 *
 * @category conversions
 * @since 0.2.0
 */
export const fromFault = (fault: Fault): InferenceError.Reason => {
  switch (fault._tag) {
    case "Timeout":
      return new InferenceError.Timeout({ phase: fault.phase, after: fault.after })
    case "Connection":
      return new InferenceError.Transport({
        description: fault.description,
        ...(fault.code !== undefined && { code: fault.code }),
        retryable: fault.retryable
      })
    case "TooLarge":
      return new InferenceError.Transport({
        description: fault.description,
        code: "ERR_BODY_TOO_LARGE",
        retryable: false
      })
    case "Undecodable":
      return new InferenceError.InvalidResponse({ description: fault.description, undecodable: true })
  }
}
