/**
 * Why a request to the port gets no response from a model, in the error format of OpenAI's API.
 *
 * @since 0.2.0
 */
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import type { EndpointError } from "../endpoint/EndpointError.ts"
import type { GenerateError } from "../InferenceEndpointsLLM.ts"
import type { InferenceError } from "../InferenceError.ts"
import type { StructuredOutputError } from "../structured/StructuredOutputError.ts"
import type { TemplateError } from "../template/TemplateError.ts"

/**
 * A request that is refused or failed.
 *
 * @category errors
 * @since 0.2.0
 */
export class Refusal extends Data.TaggedError("Refusal")<{
  readonly status: number
  /** OpenAI's `error.type`. */
  readonly type: string
  /** OpenAI's `error.code`. */
  readonly code: string
  readonly message: string
  /** The field of the request that is wrong. */
  readonly param?: string | undefined
  readonly retryAfter?: Duration.Duration | undefined
  /** Set if the client need not retry: the request is wrong, or all attempts were made here. */
  readonly final: boolean
}> {}

/**
 * A field of the request that is wrong, or that cannot be translated.
 *
 * @category constructors
 * @since 0.2.0
 */
export const invalid = (param: string | undefined, message: string, status = 400): Refusal =>
  new Refusal({ status, type: "invalid_request_error", code: "invalid_value", message, param, final: true })

/**
 * The body of an error.
 *
 * @category encoding
 * @since 0.2.0
 */
export const body = ({ code, message, param, type }: Refusal): object => ({
  error: { message, type, param: param ?? null, code }
})

/**
 * The headers of an error: when, and whether, to retry.
 *
 * @category encoding
 * @since 0.2.0
 */
export const headers = ({ final, retryAfter }: Refusal): Readonly<Record<string, string>> => ({
  ...(retryAfter !== undefined && { "retry-after": String(Math.ceil(Duration.toSeconds(retryAfter))) }),
  ...(final && { "x-should-retry": "false" })
})

/** The names of fields in OpenAI's form, where they differ from the options' by more than their spelling. */
const fields: Readonly<Record<string, string>> = {
  maxNewTokens: "max_tokens",
  stopSequences: "stop",
  numGenerations: "n",
  templateVariables: "chat_template_kwargs",
  raw: "prompt",
  returnFullText: "echo",
  topNTokens: "logprobs"
}

/**
 * The name of an option as a field of the request.
 *
 * @category conversions
 * @since 0.2.0
 */
export const fieldOf = (option: string): string =>
  fields[option] ?? option.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** What is wrong with options, by the field names of the request. */
const issues = (
  { issues }: Extract<InferenceError["reason"], { readonly _tag: "InvalidRequest" }>
): Refusal => {
  const [first] = issues
  const message = issues.map(({ message, path: [name] }) =>
    name === undefined ? message : message.replaceAll(name, fieldOf(name))
  ).join("; ")
  const path = first?.path ?? []
  return invalid(path.length === 0 ? undefined : [fieldOf(path[0] ?? ""), ...path.slice(1)].join("."), message)
}

interface Kind {
  readonly status: number
  readonly type: string
}

const upstream: Kind = { status: 502, type: "upstream_error" }
const unavailable: Kind = { status: 503, type: "upstream_unavailable" }

/** Reasons by what they mean to a client of the port. Faults of this side's token and address are not the client's. */
const inference: Readonly<Record<Exclude<InferenceError["reason"]["_tag"], "InvalidRequest" | "Rejected">, Kind>> = {
  Unauthorized: upstream,
  Forbidden: upstream,
  NotFound: upstream,
  PaymentRequired: { status: 402, type: "insufficient_quota" },
  RateLimited: { status: 429, type: "rate_limit_exceeded" },
  Overloaded: unavailable,
  Loading: unavailable,
  Asleep: unavailable,
  Paused: unavailable,
  GenerationFailed: upstream,
  InvalidToolCall: upstream,
  Fatal: upstream,
  Transport: upstream,
  Timeout: { status: 504, type: "upstream_timeout" },
  StreamInterrupted: upstream,
  EmptyResponse: upstream,
  InvalidResponse: upstream
}

const endpoint: Readonly<Record<string, Kind>> = {
  PaymentRequired: inference.PaymentRequired,
  RateLimited: inference.RateLimited,
  NotDeployed: unavailable,
  Failed: unavailable,
  Paused: unavailable,
  WaitTimeout: unavailable
}

/** Errors of templates that are caused by the messages. */
const raised: ReadonlySet<string> = new Set(["Raised", "RenderError", "TooMuchWork"])

const snake = (name: string): string => name.replaceAll(/(?<=[a-z])[A-Z]/g, (letter) => `_${letter}`).toLowerCase()

const kindOf = (error: EndpointError | InferenceError | StructuredOutputError | TemplateError): Kind => {
  const { _tag } = error.reason
  switch (error._tag) {
    case "InferenceError":
      return error.reason._tag === "InvalidRequest" || error.reason._tag === "Rejected"
        ? { status: 400, type: "invalid_request_error" }
        : inference[error.reason._tag]
    case "EndpointError":
      return endpoint[_tag] ?? upstream
    case "TemplateError":
      return raised.has(_tag) ? { status: 400, type: "invalid_request_error" } : upstream
    case "StructuredOutputError":
      return _tag === "UnsupportedSchema" ? { status: 400, type: "invalid_request_error" } : upstream
  }
}

/** When to retry an endpoint that did not wake in time. */
const LATER = Duration.seconds(30)

/**
 * An error of the service → the response to the client. Whatever could be retried was retried here, so the client is told
 * not to retry.
 *
 * @category conversions
 * @since 0.2.0
 */
export const fromError = (error: GenerateError): Refusal => {
  if (error._tag === "InferenceError" && error.reason._tag === "InvalidRequest") return issues(error.reason)
  const { status, type } = kindOf(error)
  const refused = error._tag === "InferenceError" && error.reason._tag === "Rejected" ? error.reason.status : status
  const retryAfter = error.retryAfter ?? (status === 503 ? LATER : undefined)
  return new Refusal({
    status: refused >= 400 && refused < 500 ? refused : status,
    type,
    code: snake(error.reason._tag),
    message: error.message,
    ...(error._tag === "StructuredOutputError" && status === 400 && { param: "response_format" }),
    retryAfter,
    final: true
  })
}
