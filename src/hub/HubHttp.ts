/**
 * GET and HEAD against the Hub: redirects by hand, retries in numbers, and every failed answer as a `HubError`.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Headers from "effect/http/Headers"
import type * as HttpClient from "effect/http/HttpClient"
import * as Random from "effect/Random"
import type * as Redacted from "effect/Redacted"
import * as HubError from "./HubError.ts"
import * as RoundTrip from "./RoundTrip.ts"

/**
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  /** The Hub's address, without a slash at its end. */
  readonly baseUrl: URL
  readonly token: Redacted.Redacted<string> | undefined
  /** Fail instead of asking. */
  readonly offline: boolean
  /** How often a GET that failed in passing is repeated. */
  readonly retries: number
  /** The longest wait that a server may ask for; a longer one fails with its figure. */
  readonly maxWait: Duration.Duration
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly method?: "GET" | "HEAD" | undefined
  /** For errors: what is asked for. */
  readonly subject: string
  /** Below the Hub's address and encoded, or an absolute URL that the Hub gave. */
  readonly path: string
  readonly limit?: number | undefined
  /** Whether the path is below a repository, where a 401 without a code means «not found or private». */
  readonly aboutRepo?: boolean | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Answer extends RoundTrip.Answer {
  /** The headers of the last answer that the Hub itself gave: they describe a file even when a CDN sends it. */
  readonly hub: Headers.Headers
  /** Where the answer came from in the end. */
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
  if (status === 429) {
    const quota = RoundTrip.rateLimit(answer.headers)
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
      limit: request.limit
    }).pipe(Effect.mapError((fault) =>
      fault.limit === undefined
        ? new HubError.Transport({ subject, detail: fault.detail })
        : new HubError.TooLarge({ subject, limit: fault.limit })
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
        detail: "redirected to an address that is none",
        ...known(answer)
      })
    }
    if (next.origin !== origin && next.protocol !== "https:") {
      return yield* new HubError.InvalidResponse({ subject, detail: "redirected away from https", ...known(answer) })
    }
    // the storage behind the Hub says nothing about a file that the Hub did not say
    if (request.method === "HEAD" && next.origin !== origin) return { ...answer, hub, url } satisfies Answer
    url = next.href
  }
  return yield* new HubError.InvalidResponse({ subject, detail: `more than ${maxRedirects} redirects` })
})

const backoff = Effect.fnUntraced(function*(attempt: number, floor: Duration.Duration | undefined) {
  const base = Math.min(8000, 1000 * 2 ** attempt)
  const own = Duration.millis(base * (0.75 + (yield* Random.next) / 2))
  return floor === undefined ? own : Duration.max(own, floor)
})

/**
 * Sends a request to the Hub and gives a 2xx answer (or the redirect that ends a HEAD). Repeats what passes: transport
 * faults, 408, 429, 500, 502, 503, 504, waiting 1 s doubling to 8 s with a quarter of jitter, or as long as the server says.
 *
 * @category running
 * @since 0.1.0
 */
export const send = Effect.fnUntraced(
  function*(
    client: HttpClient.HttpClient,
    settings: Settings,
    request: Request
  ): Effect.fn.Return<Answer, HubError.Reason> {
    if (settings.offline) {
      const url = request.path.startsWith("/") ? settings.baseUrl.origin + request.path : request.path
      return yield* new HubError.Offline({ subject: request.subject, url })
    }
    for (let attempt = 0;; attempt++) {
      const result = yield* Effect.result(once(client, settings, request))
      if (result._tag === "Success") return result.success
      const reason = result.failure
      const floor = reason._tag === "RateLimited" ? reason.retryAfter : undefined
      if (!reason.isRetryable || attempt >= settings.retries) return yield* reason
      if (floor !== undefined && Duration.isGreaterThan(floor, settings.maxWait)) return yield* reason
      yield* Effect.sleep(yield* backoff(attempt, floor))
    }
  }
)
