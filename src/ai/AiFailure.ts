/**
 * The errors of this package → `AiError`, so that programs written against `effect/ai` see what they know: whether to retry,
 * after how long, what the server said.
 *
 * @since 0.1.0
 */
import * as AiError from "effect/ai/AiError"
import * as Duration from "effect/Duration"
import type * as EndpointError from "../endpoint/EndpointError.ts"
import type * as InferenceError from "../InferenceError.ts"
import type * as StructuredOutputError from "../structured/StructuredOutputError.ts"
import type * as TemplateError from "../template/TemplateError.ts"
import type { HuggingFaceErrorMetadata } from "./HuggingFaceOptions.ts"

/**
 * The errors of this package behind `effect/ai`.
 *
 * @category models
 * @since 0.1.0
 */
export type Failure =
  | EndpointError.EndpointError
  | TemplateError.TemplateError
  | InferenceError.InferenceError
  | StructuredOutputError.StructuredOutputError

/**
 * Where a failure happened, in the terms of `AiError`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Place {
  readonly module: string
  readonly method: string
}

/** A reason's description, and the fields of every `AiError` reason about its source. */
interface Context {
  readonly description: string
  readonly metadata: { readonly huggingface: HuggingFaceErrorMetadata }
  readonly http: typeof AiError.HttpContext.Type | undefined
}

type Reasons<R extends { readonly _tag: string }> = {
  readonly [Tag in R["_tag"]]: (reason: Extract<R, { readonly _tag: Tag }>, context: Context) => AiError.AiErrorReason
}

const invalidRequest = (_reason: unknown, context: Context) => new AiError.InvalidRequestError(context)
const failing = (_reason: unknown, context: Context) => new AiError.InternalProviderError(context)
/**
 * For failures where neither a retry nor another request helps: `UnknownError` is the one reason without a meaning of its
 * own.
 */
const hopeless = (_reason: unknown, context: Context) => new AiError.UnknownError(context)
const wrongKey = (_reason: unknown, context: Context) =>
  new AiError.AuthenticationError({ kind: "InvalidKey", ...context })
const forbidden = (_reason: unknown, context: Context) =>
  new AiError.AuthenticationError({ kind: "InsufficientPermissions", ...context })
const quota = (_reason: unknown, { http, metadata }: Context) => new AiError.QuotaExhaustedError({ metadata, http })
const limited = ({ retryAfter }: { readonly retryAfter?: Duration.Duration }, { http, metadata }: Context) =>
  new AiError.RateLimitError({ retryAfter, metadata, http })
const unreadable = (_reason: unknown, context: Context) => new AiError.InvalidResponseError(context)

const network = (context: Context): AiError.NetworkError =>
  new AiError.NetworkError({
    reason: "TransportError",
    method: context.metadata.huggingface.method.split(" ")[0] ?? "",
    url: context.metadata.huggingface.method.split(" ")[1] ?? "",
    description: context.description
  })

const inference: Reasons<InferenceError.Reason> = {
  InvalidRequest: ({ issues }, context) =>
    new AiError.InvalidRequestError({ ...context, parameter: issues[0]?.path.join(".") }),
  Rejected: invalidRequest,
  Unauthorized: wrongKey,
  Forbidden: forbidden,
  PaymentRequired: quota,
  NotFound: invalidRequest,
  RateLimited: limited,
  // TGI's 429 means that its queue is full; every other status means that a server is failing
  Overloaded: (reason, context) => reason.status === 429 ? limited(reason, context) : failing(reason, context),
  Loading: failing,
  Asleep: failing,
  Paused: hopeless,
  GenerationFailed: (reason, context) =>
    reason.isRetryable ? failing(reason, context) : invalidRequest(reason, context),
  InvalidToolCall: hopeless,
  Fatal: invalidRequest,
  Transport: (reason, context) => reason.isRetryable ? network(context) : hopeless(reason, context),
  Timeout: (reason, context) => reason.isRetryable ? network(context) : hopeless(reason, context),
  StreamInterrupted: (_reason, context) => network(context),
  EmptyResponse: failing,
  InvalidResponse: unreadable
}

const endpoint: Reasons<EndpointError.Reason> = {
  InvalidConfig: invalidRequest,
  MissingToken: (_reason, context) => new AiError.AuthenticationError({ kind: "MissingKey", ...context }),
  Unauthorized: wrongKey,
  Forbidden: forbidden,
  PaymentRequired: quota,
  NotFound: invalidRequest,
  NotDeployed: failing,
  Failed: hopeless,
  Paused: hopeless,
  WaitTimeout: failing,
  Unreachable: (reason, context) => reason.isRetryable ? network(context) : hopeless(reason, context),
  RateLimited: limited,
  Rejected: invalidRequest,
  ModelNotServed: invalidRequest,
  TaskMismatch: invalidRequest,
  UnsafeUrl: invalidRequest,
  InvalidResponse: unreadable
}

const template: Reasons<TemplateError.Reason> = {
  MissingTemplate: invalidRequest,
  Gated: forbidden,
  NotFound: invalidRequest,
  Unauthorized: wrongKey,
  Unreachable: (reason, context) => reason.isRetryable ? network(context) : hopeless(reason, context),
  InvalidTemplate: invalidRequest,
  RenderError: invalidRequest,
  Raised: invalidRequest,
  TooMuchWork: invalidRequest,
  InvalidInput: invalidRequest
}

const unusable = (reason: { readonly text: string }, { description, metadata }: Context) =>
  new AiError.StructuredOutputError({ description, responseText: reason.text, metadata })

const structured: Reasons<StructuredOutputError.Reason> = {
  UnsupportedSchema: (_reason, { description, metadata }) =>
    new AiError.UnsupportedSchemaError({ description, metadata }),
  Empty: unusable,
  Truncated: unusable,
  NotJson: unusable,
  Mismatch: unusable,
  Refused: (_reason, context) => new AiError.ContentPolicyError(context)
}

const lookup = <R extends { readonly _tag: string }>(table: Reasons<R>, reason: R, context: Context) => {
  const tag: R["_tag"] = reason._tag
  // the entry of a reason's own tag accepts that reason, which the compiler cannot see through the index
  return (table[tag] as (reason: R, context: Context) => AiError.AiErrorReason)(reason, context)
}

const httpOf = (error: Failure): typeof AiError.HttpContext.Type | undefined => {
  const { reason } = error
  if (!("status" in reason) || reason.status === undefined) return undefined
  const requestId = requestIdOf(error)
  return {
    response: { status: reason.status, headers: requestId === undefined ? {} : { "x-request-id": requestId } },
    ...("body" in reason && reason.body !== undefined && { body: reason.body })
  }
}

const requestIdOf = (error: Failure): string | undefined =>
  error._tag === "InferenceError"
    ? error.requestId
    : error._tag === "EndpointError" && "requestId" in error.reason
    ? error.reason.requestId
    : undefined

/** Metadata is JSON, which has no infinity. */
const retryAfterOf = (error: Failure): { readonly retryAfterMillis?: number } => {
  const wait = "retryAfter" in error && error.retryAfter !== undefined ? Duration.toMillis(error.retryAfter) : NaN
  return Number.isFinite(wait) ? { retryAfterMillis: wait } : {}
}

const metadataOf = (error: Failure): HuggingFaceErrorMetadata => {
  const { reason } = error
  const requestId = requestIdOf(error)
  return {
    stage: error._tag,
    reason: reason._tag,
    method: "method" in error ? error.method : "decode",
    ...(requestId !== undefined && { requestId }),
    ...("type" in reason && reason.type !== undefined && { type: reason.type }),
    ...("code" in reason && reason.code !== undefined && { code: reason.code }),
    ...retryAfterOf(error),
    ...(error._tag === "InferenceError" && { attempts: error.attempts }),
    ...(error._tag === "InferenceError" && error.received !== undefined && { receivedText: error.received.text })
  }
}

/**
 * Any error of this package as the `AiError` that says the same.
 *
 * This package's reason is in `metadata.huggingface` if the reason of `AiError` carries metadata. A network failure
 * names the route; the host stays out of it, as it may be private.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromError = (error: Failure, place: Place): AiError.AiError => {
  const context: Context = {
    description: error.reason.message,
    metadata: { huggingface: metadataOf(error) },
    http: httpOf(error)
  }
  return AiError.make({ ...place, reason: reasonOf(error, context) })
}

const reasonOf = (error: Failure, context: Context): AiError.AiErrorReason => {
  switch (error._tag) {
    case "InferenceError":
      return lookup(inference, error.reason, context)
    case "EndpointError":
      return lookup(endpoint, error.reason, context)
    case "TemplateError":
      return lookup(template, error.reason, context)
    case "StructuredOutputError":
      return lookup(structured, error.reason, context)
  }
}
