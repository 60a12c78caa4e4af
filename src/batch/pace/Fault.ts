/**
 * A failed row and a failing endpoint look alike from afar. This is the one place that tells them apart.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { Failure } from "../rows/Line.ts"

/**
 * What an error must show to be classified: every error of this package does.
 *
 * @category models
 * @since 0.1.0
 */
export interface Raised {
  /** The stage, such as `InferenceError`. */
  readonly _tag: string
  readonly message: string
  readonly reason: { readonly _tag: string }
}

/**
 * Whose fault it is.
 *
 * - `row`: the row is poison; asking again gives the same answer. It goes into the errors file.
 * - `unclear`: the row or the endpoint. It is the row's when it happens again and again while other rows succeed.
 * - `passing`: the endpoint's, and waiting helps. All rows pause together.
 * - `lasting`: the endpoint's or the account's, and someone must act. It stops a run that never got an answer.
 *
 * @category models
 * @since 0.1.0
 */
export type Kind = "row" | "unclear" | "passing" | "lasting"

/**
 * A failure as data: what a line of the errors file says, and what the pace needs to know.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fault extends Failure {
  readonly kind: Kind
  /** Milliseconds that the server asked to wait. */
  readonly retryAfter?: number
}

const MESSAGE_LIMIT = 2000

const kinds: { readonly [stage: string]: { readonly [reason: string]: Kind } } = {
  InferenceError: {
    InvalidRequest: "row",
    Rejected: "row",
    InvalidToolCall: "row",
    Fatal: "row",
    InvalidResponse: "unclear",
    StreamInterrupted: "unclear",
    EmptyResponse: "unclear",
    Unauthorized: "lasting",
    Forbidden: "lasting",
    PaymentRequired: "lasting",
    NotFound: "lasting",
    Paused: "lasting"
  },
  EndpointError: {
    NotDeployed: "passing",
    WaitTimeout: "passing",
    Unreachable: "passing",
    RateLimited: "passing"
  },
  TemplateError: {
    MissingTemplate: "lasting",
    Gated: "lasting",
    NotFound: "lasting",
    Unauthorized: "lasting",
    Unreachable: "passing",
    InvalidTemplate: "lasting"
  }
}

/** What a stage is when its reason is not in the table. */
const otherwise: { readonly [stage: string]: Kind } = {
  InferenceError: "passing",
  EndpointError: "lasting",
  HubError: "passing"
}

const field = (source: object, name: string): unknown => Reflect.get(source, name)

const kindOf = (error: Raised): Kind => {
  const reason = error.reason._tag
  const retryable = field(error.reason, "retryable")
  if (error._tag === "InferenceError") {
    if (reason === "GenerationFailed") return retryable === true ? "unclear" : "row"
    if (reason === "Transport") {
      return retryable === false && field(error.reason, "code") === undefined
        ? "unclear"
        : "passing"
    }
    if (reason === "Timeout") {
      const phase = field(error.reason, "phase")
      return phase === "connect" || phase === "headers" ? "passing" : "unclear"
    }
  }
  return kinds[error._tag]?.[reason] ?? otherwise[error._tag] ?? "row"
}

const attemptsOf = (attempts: unknown): number =>
  typeof attempts === "number" ? attempts : Array.isArray(attempts) ? attempts.length + 1 : 1

/**
 * Classifies an error of the service.
 *
 * @category constructors
 * @since 0.1.0
 */
export const of = (error: Raised): Fault => {
  const status = field(error.reason, "status")
  const type = field(error.reason, "type")
  const retryAfter = field(error.reason, "retryAfter")
  return {
    kind: kindOf(error),
    stage: error._tag,
    reason: error.reason._tag,
    message: error.message.slice(0, MESSAGE_LIMIT),
    ...(typeof status === "number" && { status }),
    ...(typeof type === "string" && { type }),
    attempts: attemptsOf(field(error, "attempts")),
    ...(Duration.isDuration(retryAfter) && { retryAfter: Duration.toMillis(retryAfter) })
  }
}

/**
 * Whether the server is up and only asks for less.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isThrottled = ({ reason, status }: Fault): boolean =>
  reason === "RateLimited" || (reason === "Overloaded" && (status === 429 || status === undefined))
