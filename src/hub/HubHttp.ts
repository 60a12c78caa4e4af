/**
 * Requests to the Hub: redirects followed by hand, retries by the policy, and every failed response as a `HubError`.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as Headers from "effect/http/Headers"
import type * as HttpClient from "effect/http/HttpClient"
import type * as Redacted from "effect/Redacted"
import type * as Result from "effect/Result"
import { CurrentDeadline } from "../http/Deadline.ts"
import * as Fault from "../http/Fault.ts"
import * as HeaderFields from "../http/HeaderFields.ts"
import * as Retry from "../http/Retry.ts"
import * as RoundTrip from "../http/RoundTrip.ts"
import * as HubError from "./HubError.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  /** The Hub's address, without a trailing slash. */
  readonly baseUrl: URL
  readonly token: Redacted.Redacted<string> | undefined
  /** Fail instead of sending a request. */
  readonly offline: boolean
  /** When a temporary failure is retried. */
  readonly retry: Retry.Policy
  readonly userAgent: string | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Request extends Pick<RoundTrip.Request, "body" | "content" | "headers" | "timeout"> {
  /** Default `GET`. */
  readonly method?: "GET" | "HEAD" | "POST" | "PUT" | undefined
  /** For errors: what is requested. */
  readonly subject: string
  /** Below the Hub's address and encoded, or an absolute URL that the Hub gave. */
  readonly path: string
  readonly limit?: number | undefined
  /** Whether the path is below a repository, where a 401 without a code means "not found or private". */
  readonly aboutRepo?: boolean | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Answer extends RoundTrip.Answer {
  /** The headers of the last response from the Hub itself: they describe a file even when a CDN sends it. */
  readonly hub: Headers.Headers
  /** Where the final response came from. */
  readonly url: string
}

const maxRedirects = 5

const known = (answer: RoundTrip.Answer) => {
  const requestId = RoundTrip.requestId(answer)
  return requestId === undefined ? {} : { requestId }
}

/** Tests in the order of Python's client, which decides between cases that share a status. */
const refuse = Effect.fnUntraced(function*(request: Request, answer: RoundTrip.Answer) {
  const failure = RoundTrip.failure(answer)
  const facts = { subject: request.subject, detail: failure.message, ...known(answer) }
  const { status } = answer
  switch (failure.code) {
    case "RevisionNotFound":
      return new HubError.RevisionNotFound(facts)
    case "EntryNotFound":
      return new HubError.EntryNotFound({
        ...facts,
        ...(answer.headers["x-repo-commit"] !== undefined && { commit: answer.headers["x-repo-commit"] })
      })
    case "GatedRepo":
      return new HubError.GatedRepo({ ...facts, authenticated: status === 403 })
  }
  if (failure.message.startsWith("Access to this resource is disabled")) return new HubError.Disabled(facts)
  if (failure.code === "RepoNotFound") return new HubError.RepoNotFound(facts)
  const wrongToken = /^Invalid (credentials in Authorization header|username or password)/.test(failure.message)
  if (status === 401) {
    return request.aboutRepo === true && !wrongToken
      ? new HubError.RepoNotFound(facts)
      : new HubError.Unauthorized(facts)
  }
  if (status === 403) return new HubError.Forbidden(facts)
  if (status === 404) return new HubError.RepoNotFound(facts)
  if (status === 409 || status === 412) {
    return new HubError.Conflict({ ...facts, status, retryable: status === 409 && request.path.includes("/commit/") })
  }
  if (status === 429) {
    const quota = HeaderFields.rateLimit(answer.headers)
    const retryAfter = yield* RoundTrip.retryAfter(answer.headers)
    return new HubError.RateLimited({
      ...facts,
      ...(quota !== undefined && quota.remaining === 0 && { bucket: quota.bucket }),
      ...(retryAfter !== undefined && { retryAfter })
    })
  }
  if (status === 408 || status === 500 || (status >= 502 && status <= 504)) {
    return new HubError.Unavailable({ ...facts, status })
  }
  return status >= 400 && status < 500
    ? new HubError.InvalidRequest(facts)
    : new HubError.InvalidResponse({ ...facts, detail: `status ${status} ${failure.message}`.trim() })
})

const once = Effect.fnUntraced(function*(client: HttpClient.HttpClient, settings: Settings, request: Request) {
  const { subject } = request
  const { origin } = settings.baseUrl
  let url = request.path.startsWith("/") ? settings.baseUrl.href.replace(/\/+$/, "") + request.path : request.path
  let hub: Headers.Headers | undefined
  for (let hop = 0; hop <= maxRedirects; hop++) {
    const atHome = new URL(url).origin === origin
    const answer = yield* RoundTrip.run(client, {
      method: request.method ?? "GET",
      url,
      token: atHome ? settings.token : undefined,
      limit: request.limit,
      headers: request.headers,
      body: request.body,
      content: request.content,
      timeout: request.timeout,
      userAgent: settings.userAgent
    }).pipe(Effect.mapError((fault) =>
      fault._tag === "TooLarge"
        ? new HubError.TooLarge({ subject, limit: fault.limit })
        : new HubError.Transport({
          subject,
          detail: Fault.describe(fault),
          ...(!Fault.isRetryable(fault) && { retryable: false })
        })
    ))
    if (atHome || hub === undefined) hub = answer.headers
    const location = answer.headers["location"]
    if (answer.status < 300 || answer.status > 399 || location === undefined) {
      const complete: Answer = { ...answer, hub, url }
      return answer.status >= 200 && answer.status < 300 ? complete : yield* yield* refuse(request, answer)
    }
    const next = URL.parse(location, url)
    if (next === null || next.username !== "" || next.password !== "") {
      return yield* new HubError.InvalidResponse({
        subject,
        detail: "redirected to something that is not a URL",
        ...known(answer)
      })
    }
    // the loopback interface has two names for one server
    const { port, protocol } = new URL(url)
    const isSame = next.protocol === protocol && next.port === port && RoundTrip.isPrivate(next)
    if (next.origin !== origin && next.protocol !== "https:" && !isSame) {
      return yield* new HubError.InvalidResponse({ subject, detail: "redirected away from https", ...known(answer) })
    }
    // the storage behind the Hub adds nothing to what the Hub said about a file
    if (request.method === "HEAD" && next.origin !== origin) return { ...answer, hub, url } satisfies Answer
    url = next.href
  }
  return yield* new HubError.InvalidResponse({ subject, detail: `more than ${maxRedirects} redirects` })
})

const verdict = (reason: HubError.Reason): Retry.Verdict => ({
  tag: reason._tag,
  message: reason.message,
  retry: reason.isRetryable,
  throttled: reason._tag === "RateLimited" || reason._tag === "Unavailable",
  ...(reason._tag === "RateLimited" && { retryAfter: reason.retryAfter })
})

/**
 * Sends a request to the Hub and returns a 2xx response (or the redirect that ends a HEAD). Temporary failures are
 * retried by the policy: transport faults, 408, 429, 500, 502, 503, 504.
 *
 * @category running
 * @since 0.1.0
 */
export const send = (
  client: HttpClient.HttpClient,
  settings: Settings,
  request: Request
): Effect.Effect<Answer, HubError.Reason> => {
  if (settings.offline) {
    const url = request.path.startsWith("/") ? settings.baseUrl.origin + request.path : request.path
    return Effect.fail(new HubError.Offline({ subject: request.subject, url }))
  }
  return Effect.flatMap(CurrentDeadline, (deadline) =>
    Retry.run(
      () => once(client, settings, request),
      { subject: request.subject, policy: settings.retry, deadline, verdict },
      (reason) => reason
    ))
}

/** What an answer decodes to. @category decoding @since 0.2.0 */
export const decoded = <A>(subject: string, result: Result.Result<A, string>) =>
  Effect.mapError(Effect.fromResult(result), (detail) => new HubError.InvalidResponse({ subject, detail }))

/** A method of a service: its failures and its span have its name. @category combinators @since 0.2.0 */
export const named =
  (service: string) =>
  (method: string) =>
  <A, R>(effect: Effect.Effect<A, HubError.Reason, R>): Effect.Effect<A, HubError.HubError, R> =>
    effect.pipe(
      Effect.mapError((reason) => new HubError.HubError({ method, reason })),
      Effect.withSpan(`${service}.${method}`)
    )
