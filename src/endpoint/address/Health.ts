/**
 * Whether a server is ready, by its health route; the same request wakes a sleeping one.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as RoundTrip from "../../http/RoundTrip.ts"
import * as EndpointError from "../EndpointError.ts"
import * as EndpointUrl from "./EndpointUrl.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly subject: string
  readonly address: { readonly url: URL; readonly search?: string | undefined }
  /**
   * The path from the control plane. Absent: `/health` is tried, and a server that does not have it counts as ready.
   */
  readonly healthRoute?: string | undefined
  /** How long the gateway should hold the request while a replica starts. Only for dedicated endpoints. */
  readonly hold?: Duration.Duration | undefined
}

/**
 * What the health route reported. `Asleep`: the gateway says that the endpoint has no replica.
 *
 * @category models
 * @since 0.1.0
 */
export type Outcome =
  | { readonly _tag: "Up" }
  | { readonly _tag: "Paused" | "Asleep" | "NotYet"; readonly detail: string }

/**
 * Asks the health route. Fails when there is no response, and when the token is refused, since then neither waiting nor
 * waking helps.
 *
 * @category running
 * @since 0.1.0
 */
export const check = Effect.fnUntraced(function*(
  client: HttpClient.HttpClient,
  token: Redacted.Redacted<string> | undefined,
  request: Request
): Effect.fn.Return<Outcome, EndpointError.Reason> {
  const seconds = request.hold === undefined ? 0 : Math.floor(Duration.toSeconds(request.hold))
  const result = yield* Effect.result(RoundTrip.run(client, {
    method: "GET",
    url: EndpointUrl.route(request.address, request.healthRoute || "/health"),
    token,
    headers: seconds > 0 ? { "x-scale-up-timeout": String(seconds) } : {},
    timeout: Duration.seconds(seconds + 10)
  }))
  if (Result.isFailure(result)) return yield* EndpointError.unreachable(request.subject, result.failure)
  const answer = result.success
  if (answer.status >= 200 && answer.status < 300) return { _tag: "Up" }
  const { code, message } = RoundTrip.failure(answer)
  const requestId = RoundTrip.requestId(answer)
  const facts = { subject: request.subject, detail: message, ...(requestId !== undefined && { requestId }) }
  switch (answer.status) {
    case 401:
      return yield* new EndpointError.Unauthorized(facts)
    case 403:
      return yield* new EndpointError.Forbidden({ ...facts, permission: "inference.endpoints.infer.write" })
    case 404:
    case 405:
      return request.healthRoute ? { _tag: "NotYet", detail: message } : { _tag: "Up" }
    case 400:
      return { _tag: /endpoint is paused|invalid state/i.test(message) ? "Paused" : "NotYet", detail: message }
    case 503:
      return { _tag: code === "SERVICE_UNAVAILABLE" ? "Asleep" : "NotYet", detail: message }
    default:
      return { _tag: "NotYet", detail: message === "" ? `status ${answer.status}` : message }
  }
})
