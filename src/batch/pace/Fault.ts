/**
 * A failed row and a failing endpoint look alike. This is the one place that tells them apart.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import type { Fault, Kind } from "../rows/Failure.ts"

/**
 * What an error must have to be classified: every error of this package does.
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

export type { Fault, Kind } from "../rows/Failure.ts"

const MESSAGE_LIMIT = 2000

const kinds: { readonly [stage: string]: { readonly [reason: string]: Kind } } = {
  InferenceError: {
    InvalidRequest: "row",
    Rejected: "row",
    InvalidToolCall: "row",
    Fatal: "row",
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
  DecisionError: {
    InvalidQuestion: "lasting",
    NoLogProbabilities: "lasting"
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

/** The class of a stage whose reason is not in the table. */
const otherwise: { readonly [stage: string]: Kind } = {
  InferenceError: "passing",
  EndpointError: "lasting",
  HubError: "passing"
}

const field = (source: object, name: string): unknown => Reflect.get(source, name)

/** No server was reached, so no row can be to blame. */
const UNREACHED = /^(?:ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/

const overloaded = (status: unknown): Kind => {
  switch (status) {
    case 500:
    case 502:
    case 504:
      return "unclear"
    case 408:
    case 425:
      return "passing"
    default:
      return "crowded"
  }
}

const kindOf = ({ _tag, reason }: Raised): Kind => {
  if (_tag === "InferenceError") {
    switch (reason._tag) {
      case "GenerationFailed":
        return "unclear"
      case "RateLimited":
        return "crowded"
      case "InvalidResponse":
        // what a proxy makes of one body it makes of the next
        return field(reason, "undecodable") === true ? "row" : "unclear"
      case "Overloaded":
        return overloaded(field(reason, "status"))
      case "Transport":
        return UNREACHED.test(String(field(reason, "code"))) ? "passing" : "unclear"
      case "Timeout": {
        const phase = field(reason, "phase")
        return phase === "connect" || phase === "headers" ? "passing" : "unclear"
      }
      default:
    }
  }
  return kinds[_tag]?.[reason._tag] ?? otherwise[_tag] ?? "row"
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
