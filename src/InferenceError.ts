/**
 * The error of talking to a server, with a `reason` that says what happened, whether, and after how long, to retry.
 *
 * Match the stage with `Effect.catchTag("InferenceError", …)` and the case with
 * `Effect.catchReason("InferenceError", "RateLimited", …)`.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as StageError from "./StageError.ts"

const { defaulted } = StageError

/** The fields of every reason that comes from a server's response; `usual` is the status of an error made by hand. */
const response = (usual: number) => ({
  /** HTTP status; for an error inside a stream, the status that this kind of error has elsewhere. */
  status: defaulted(Schema.Int, usual),
  /** The server's own words, scrubbed of the token and cut to 500 characters. */
  description: defaulted(Schema.String, ""),
  /** `error_type`, `error.type` or similar, as the server wrote it. */
  type: Schema.optionalKey(Schema.String),
  /** `error.code`, `X-Error-Code` or the gateway's code, as the server wrote it. */
  code: Schema.optionalKey(Schema.String),
  /** The body of the response, scrubbed, at most 64 KiB. */
  body: Schema.optionalKey(Schema.String)
})

const retryAfter = { retryAfter: Schema.optionalKey(Schema.Duration) }

const said = (
  what: string,
  reason: { readonly status: number; readonly description: string },
  advice: string
): string => `${what} (${reason.status})${reason.description === "" ? "" : `: ${reason.description}`}. ${advice}`

const seconds = (duration: Duration.Duration | undefined): string =>
  duration === undefined ? "" : ` after ${Math.ceil(Duration.toMillis(duration) / 100) / 10} s`

/**
 * The request was refused here, before anything was sent. Each issue names the option, the value and the rule.
 *
 * @category reasons
 * @since 0.1.0
 */
export class InvalidRequest extends Schema.TaggedError<InvalidRequest>()("InvalidRequest", {
  issues: Schema.Array(Schema.Struct({ path: Schema.Array(Schema.String), message: Schema.String }))
}) {
  readonly isRetryable = false
  override get message() {
    return `the request was not sent: ${this.issues.map(({ message }) => message).join("; ")}`
  }
}

/**
 * The server refused the request as wrong: 400, 405, 413, 415, 422, or a validation, template or tool error in a stream.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Rejected extends Schema.TaggedError<Rejected>()("Rejected", response(422)) {
  readonly isRetryable = false
  override get message() {
    return said("the server refused the request", this, refusalAdvice(this.description))
  }
}

/** What to do about a refusal, if its message tells. */
const refusalAdvice = (words: string): string => {
  if (/template not found/i.test(words)) {
    return "The server has no chat template: set tokenizerId or chatTemplate, and prompts are rendered here"
  }
  if (
    /context (?:length|size|window)|max_(?:total|input)_tokens|maximum context|too (?:long|large) to process/i.test(
      words
    )
  ) {
    return "Shorten the prompt or lower maxNewTokens"
  }
  if (/\b(?:image|multimodal|audio|video)/i.test(words)) {
    return "Send text alone, or use a model and a server that take such input"
  }
  if (/grammar|regex|schema/i.test(words)) return "Simplify the schema: this engine's compiler does not accept it"
  return "Change the request; the same one will be refused again"
}

/**
 * 401: the token is missing or wrong for this server.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Unauthorized extends Schema.TaggedError<Unauthorized>()("Unauthorized", response(401)) {
  readonly isRetryable = false
  override get message() {
    return said(
      "the server did not accept the token",
      this,
      "Set apiKey or HF_TOKEN to a token that may use this endpoint"
    )
  }
}

/**
 * 403: the token is known but may not do this.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Forbidden extends Schema.TaggedError<Forbidden>()("Forbidden", response(403)) {
  readonly isRetryable = false
  override get message() {
    return said("the token may not do this", this, "Give the token the missing permission, or use another one")
  }
}

/**
 * 402, or a 429 about a used-up quota: no retry helps until someone pays.
 *
 * @category reasons
 * @since 0.1.0
 */
export class PaymentRequired extends Schema.TaggedError<PaymentRequired>()("PaymentRequired", response(402)) {
  readonly isRetryable = false
  override get message() {
    return said("the credit or quota is used up", this, "Add credit, or bill another organisation with billTo")
  }
}

/**
 * 404: no such route, model or endpoint.
 *
 * @category reasons
 * @since 0.1.0
 */
export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", response(404)) {
  readonly isRetryable = false
  override get message() {
    return said("the server has no such route or model", this, "Check the base URL and the model name")
  }
}

/**
 * 429 of a gateway, the router or the Hub: too many requests in the window.
 *
 * @category reasons
 * @since 0.1.0
 */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", { ...response(429), ...retryAfter }) {
  readonly isRetryable = true
  override get message() {
    return said("too many requests", this, `Try again${seconds(this.retryAfter)} or lower the concurrency`)
  }
}

/**
 * The engine has no free slot (TGI's 429 `overloaded`), or a server on the way is temporarily failing (408, 425, and
 * every 5xx whose message does not say otherwise).
 *
 * @category reasons
 * @since 0.1.0
 */
export class Overloaded extends Schema.TaggedError<Overloaded>()("Overloaded", { ...response(503), ...retryAfter }) {
  readonly isRetryable = true
  override get message() {
    return said(
      "the server cannot take the request now",
      this,
      `Try again${seconds(this.retryAfter)} or lower the concurrency`
    )
  }
}

/**
 * 503 with `currently loading`: the model is being loaded. `retryAfter` is the server's estimate.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Loading extends Schema.TaggedError<Loading>()("Loading", { ...response(503), ...retryAfter }) {
  readonly isRetryable = true
  override get message() {
    return said("the model is loading", this, `Try again${seconds(this.retryAfter)}`)
  }
}

/**
 * The gateway's 503 `SERVICE_UNAVAILABLE`: a dedicated endpoint without a replica, scaled to zero, starting or updating.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Asleep extends Schema.TaggedError<Asleep>()("Asleep", { ...response(503), ...retryAfter }) {
  readonly isRetryable = true
  override get message() {
    return said(
      "the endpoint has no running replica",
      this,
      "This request starts it: wait until it is running, then try again"
    )
  }
}

/**
 * The gateway's 400 for a paused endpoint, which no request wakes.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Paused extends Schema.TaggedError<Paused>()("Paused", response(400)) {
  readonly isRetryable = false
  override get message() {
    return said("the endpoint is paused", this, "Resume it")
  }
}

/**
 * The engine failed while generating: TGI's 424 `generation` and 500 `incomplete_generation`, an engine's `server_error`.
 * TGI's 424 is mostly not this request's fault: its shard restarts, or another request of the same batch broke it.
 *
 * @category reasons
 * @since 0.1.0
 */
export class GenerationFailed extends Schema.TaggedError<GenerationFailed>()("GenerationFailed", {
  ...response(500),
  /** Whether a new attempt may succeed. */
  retryable: defaulted(Schema.Boolean, true)
}) {
  get isRetryable() {
    return this.retryable
  }
  override get message() {
    return said(
      "the engine failed while generating",
      this,
      this.retryable ? "Try again; if it keeps failing, look at the server's log" : "Look at the server's log"
    )
  }
}

/**
 * The model should have called a tool but wrote something else, or was cut off: TGI's 422 `tool_error` about its own
 * output; arguments that are not valid JSON; a call that `toolChoice` requires and that the engine did not make (the
 * last two in a 200).
 *
 * @category reasons
 * @since 0.2.0
 */
export class InvalidToolCall extends Schema.TaggedError<InvalidToolCall>()("InvalidToolCall", {
  ...response(422),
  /** What the model wrote. */
  text: Schema.String,
  /** Whether the token limit cut it. */
  truncated: defaulted(Schema.Boolean, false)
}) {
  readonly isRetryable = false
  override get message() {
    const text = JSON.stringify(this.text.slice(0, 160))
    const what = this.status === 200 ? this.description : "the model did not write a tool call"
    return this.truncated
      ? `the token limit cut the tool call: ${text}. Raise maxNewTokens`
      : `${what}: ${text}. Try another seed, describe the tools more clearly, or use an engine that enforces calls`
  }
}

/**
 * The server broke off the connection twice while it worked on this request and was healthy in between: the request
 * itself seems to crash it, so it is not sent again. Requests that share tools, a schema or a grammar with several
 * fatal ones are not sent at all for a while, unless one of them has succeeded.
 *
 * @category reasons
 * @since 0.2.0
 */
export class Fatal extends Schema.TaggedError<Fatal>()("Fatal", {
  /** How the last attempt ended. */
  description: defaulted(Schema.String, ""),
  /** Which request it was, without its content: a digest of its body, its length, and the tools or schema in it. */
  request: defaulted(Schema.String, ""),
  /** How many other requests with the same tools, schema or grammar were fatal, if that is why it was not sent. */
  others: defaulted(Schema.Int, 0)
}) {
  readonly isRetryable = false
  override get message() {
    const request = this.request === "" ? "this request" : `this request (${this.request})`
    const what = this.others === 0
      ? `the server broke off ${request} twice and was healthy in between (${this.description}), so it is not sent again`
      : `${request} is not sent: ${this.others} with the same tools, schema or grammar brought the server down (${this.description})`
    return `${what}. Look for what crashes the server, such as a recursive schema, and at its log`
  }
}

/**
 * The connection failed: refused, reset, unknown host, TLS, a body that broke off, or one of our size limits.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Transport extends Schema.TaggedError<Transport>()("Transport", {
  description: Schema.String,
  /** The platform's code, such as `ECONNREFUSED`. */
  code: Schema.optionalKey(Schema.String),
  /** Whether a new attempt may succeed: not for an unknown host, TLS faults, redirects and size limits. */
  retryable: defaulted(Schema.Boolean, true)
}) {
  get isRetryable() {
    return this.retryable
  }
  override get message() {
    return this.description
  }
}

/**
 * The phases that have a limit of their own.
 *
 * @category models
 * @since 0.1.0
 */
export const Phase = Schema.Literals(["connect", "headers", "firstEvent", "idle", "total"])

/**
 * @category models
 * @since 0.1.0
 */
export type Phase = typeof Phase.Type

const phases: { readonly [P in Phase]: string } = {
  connect: "no connection",
  headers: "no response headers",
  firstEvent: "no first event",
  idle: "no further data",
  total: "the whole call did not end"
}

/**
 * One of our limits on time passed. The socket is closed, so the server stops generating.
 *
 * @category reasons
 * @since 0.1.0
 */
export class Timeout extends Schema.TaggedError<Timeout>()("Timeout", { phase: Phase, after: Schema.Duration }) {
  get isRetryable() {
    return this.phase !== "total"
  }
  override get message() {
    return `${phases[this.phase]} within ${
      Duration.toMillis(this.after) / 1000
    } s. Raise timeouts.${this.phase} if the server is only slow`
  }
}

/**
 * The stream ended without the end mark of its route: a process or proxy on the way cut it off.
 *
 * @category reasons
 * @since 0.1.0
 */
export class StreamInterrupted extends Schema.TaggedError<StreamInterrupted>()("StreamInterrupted", {
  description: Schema.String
}) {
  readonly isRetryable = true
  override get message() {
    return `the stream was cut before its end: ${this.description}`
  }
}

/**
 * The server ended a response that contains no generation: a stream of its end mark alone, or of a role, usage and
 * heartbeats; a body without a choice or with an empty message. Nothing was delivered.
 *
 * @category reasons
 * @since 0.2.0
 */
export class EmptyResponse extends Schema.TaggedError<EmptyResponse>()("EmptyResponse", {
  description: Schema.String
}) {
  readonly isRetryable = true
  override get message() {
    return `the server ended without a generation: ${this.description}. Try again; if it happens again, look at the server's log`
  }
}

/**
 * A success status with a body that is not what the route promises.
 *
 * @category reasons
 * @since 0.1.0
 */
export class InvalidResponse extends Schema.TaggedError<InvalidResponse>()("InvalidResponse", {
  description: Schema.String,
  /** What was sent, scrubbed, at most 64 KiB. */
  body: Schema.optionalKey(Schema.String),
  /** The body is not in the coding that its headers claim; another attempt would not change that. */
  undecodable: defaulted(Schema.Boolean, false)
}) {
  readonly isRetryable = false
  override get message() {
    return `the response is not what this route promises: ${this.description}. Check that the base URL is an inference server and which engine runs there`
  }
}

/**
 * Every way in which talking to a server can fail.
 *
 * @category models
 * @since 0.1.0
 */
export const Reason = Schema.Union([
  InvalidRequest,
  Rejected,
  Unauthorized,
  Forbidden,
  PaymentRequired,
  NotFound,
  RateLimited,
  Overloaded,
  Loading,
  Asleep,
  Paused,
  GenerationFailed,
  InvalidToolCall,
  Fatal,
  Transport,
  Timeout,
  StreamInterrupted,
  EmptyResponse,
  InvalidResponse
])

/**
 * @category models
 * @since 0.1.0
 */
export type Reason = typeof Reason.Type

/**
 * How a stream that did not finish ended.
 *
 * @category models
 * @since 0.1.0
 */
export type Ending = "cut" | "stalled" | "refused" | "unsent"

/**
 * Talking to a server failed. Holds neither the request nor a header, so that it cannot contain a secret.
 *
 * @category errors
 * @since 0.1.0
 */
export class InferenceError extends StageError.make<InferenceError>()("InferenceError", {
  /** The route, such as `POST /generate_stream`. */
  method: "generate",
  reason: Reason,
  fields: {
    /** How many attempts were made, the first included; 0 when nothing was sent. */
    attempts: defaulted(Schema.Int, 1),
    /** The server's id of the last attempt (`x-request-id` and its relatives), where there is one. */
    requestId: Schema.optionalKey(Schema.String),
    /** What had been delivered before a stream failed. */
    received: Schema.optionalKey(Schema.Struct({ events: Schema.Int, text: Schema.String }))
  }
}) {
  /** How the stream ended: cut by the network, stalled, refused by the server, or never sent. */
  get ending(): Ending {
    switch (this.reason._tag) {
      case "InvalidRequest":
        return "unsent"
      case "Transport":
      case "StreamInterrupted":
      case "EmptyResponse":
        return "cut"
      case "Timeout":
        return "stalled"
      default:
        return "refused"
    }
  }

  override get message() {
    const times = this.attempts > 1 ? ` [${this.attempts} attempts]` : ""
    const id = this.requestId === undefined ? "" : ` [request ${this.requestId}]`
    return `${this.method}: ${this.reason.message}${times}${id}`
  }
}
