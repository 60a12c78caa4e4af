/**
 * Failures of the Hub as reasons of this stage.
 *
 * @since 0.1.0
 */
import type * as HubError from "../hub/HubError.ts"
import * as EndpointError from "./EndpointError.ts"

const factsOf = (reason: HubError.Reason) => ({
  subject: "subject" in reason ? reason.subject : "the Hub",
  detail: "detail" in reason ? reason.detail : reason.message,
  ...("requestId" in reason && reason.requestId !== undefined && { requestId: reason.requestId })
})

/**
 * What the Hub says about the model or the token; `undefined` for failures that say nothing about either.
 *
 * @category mapping
 * @since 0.1.0
 */
export const verdict = ({ reason }: HubError.HubError): EndpointError.Reason | undefined => {
  switch (reason._tag) {
    case "RepoNotFound":
      return new EndpointError.NotFound(factsOf(reason))
    case "Unauthorized":
      return new EndpointError.Unauthorized(factsOf(reason))
    case "Forbidden":
    case "GatedRepo":
    case "Disabled":
      return new EndpointError.Forbidden(factsOf(reason))
    case "InvalidToken":
    case "InvalidRequest":
      return new EndpointError.InvalidConfig({ problem: reason.message, given: [] })
    default:
      return undefined
  }
}

/**
 * Any failure of the Hub.
 *
 * @category mapping
 * @since 0.1.0
 */
export const reason = (error: HubError.HubError): EndpointError.Reason => {
  const said = verdict(error)
  if (said !== undefined) return said
  const facts = factsOf(error.reason)
  if (error.reason._tag === "RateLimited") {
    const { retryAfter } = error.reason
    return new EndpointError.RateLimited({ ...facts, ...(retryAfter !== undefined && { retryAfter }) })
  }
  return error.reason._tag === "InvalidResponse" || error.reason._tag === "TooLarge"
    ? new EndpointError.InvalidResponse(facts)
    : new EndpointError.Unreachable(facts)
}
