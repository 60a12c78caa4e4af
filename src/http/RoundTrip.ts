/**
 * One request and its whole response under the rules of this package: redirects are not followed automatically, no
 * trace header is sent, bodies and waits are bounded, the body is always read (so that a pooled connection is
 * returned), and a failure is text without a request object.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Headers from "effect/http/Headers"
import type * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Failure from "../protocol/Failure.ts"
import { Attempts } from "./Attempt.ts"
import * as Deadline from "./Deadline.ts"
import * as Fault from "./Fault.ts"
import * as HeaderFields from "./HeaderFields.ts"
import { redact, scrub, scrubber } from "./Secret.ts"
import type * as TransportLimits from "./TransportLimits.ts"

/**
 * A body of bytes whose length is known.
 *
 * @category models
 * @since 0.2.0
 */
export interface Content {
  readonly type: string
  readonly size: number
  readonly bytes: Stream.Stream<Uint8Array, unknown>
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE"
  /** Absolute and already encoded: it is sent as it is, because a signed URL does not survive another encoding. */
  readonly url: string
  readonly token?: Redacted.Redacted<string> | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Sent as JSON. */
  readonly body?: unknown
  /** Sent as they are, instead of a JSON body; each attempt opens them again. */
  readonly content?: Content | undefined
  /** How many bytes of the response are accepted. Default 16 MiB. */
  readonly limit?: number | undefined
  /** How long the headers of the response may take. Default 10 s. */
  readonly timeout?: Duration.Input | undefined
  /** Precedes the SDK's own name in the `user-agent` header. */
  readonly userAgent?: string | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Answer {
  readonly status: number
  readonly headers: Headers.Headers
  readonly body: Uint8Array
  /** The token that was sent: it is removed from all text that is read, since some servers repeat it. */
  readonly sent: Redacted.Redacted<string> | undefined
}

const defaultLimit = 16 * 1024 * 1024

/** A body takes at most this long after its headers. */
const bodyTimeout = Duration.minutes(5)

const build = (request: Request): HttpClientRequest.HttpClientRequest => {
  const bare = HttpClientRequest.make(request.method)(request.url).pipe(
    HttpClientRequest.setHeaders({
      "accept-encoding": "identity",
      "user-agent": HeaderFields.userAgent(request.userAgent),
      ...request.headers
    }),
    request.content !== undefined
      ? HttpClientRequest.bodyStream(request.content.bytes, {
        contentType: request.content.type,
        contentLength: request.content.size
      })
      : request.body === undefined
      ? (self) => self
      : HttpClientRequest.bodyJsonUnsafe(request.body)
  )
  return request.token === undefined ? bare : HttpClientRequest.bearerToken(bare, request.token)
}

/**
 * Sends a request and reads the response, whatever its status. Redirects are returned as they are; a browser, which hides
 * them, follows them and drops the credential across origins by the rules of `fetch`.
 *
 * @category running
 * @since 0.1.0
 */
export const run = (client: HttpClient.HttpClient, request: Request): Effect.Effect<Answer, Fault.Fault> => {
  const attempts = new Attempts(client)
  const built = build(request)
  const exchange = (redirect: "manual" | "follow") =>
    Effect.gen(function*() {
      const limits = yield* limitsOf(request)
      const response = yield* attempts.head(built, limits, { redirect })
      const body = request.method === "HEAD" || response.status === 0
        ? new Uint8Array()
        : yield* Effect.timeoutOrElse(attempts.bytes(response, limits), {
          duration: bodyTimeout,
          orElse: () => Effect.fail(Fault.timeout("idle", bodyTimeout))
        })
      const answer: Answer = { status: response.status, headers: response.headers, body, sent: request.token }
      return answer
    })
  return Effect.flatMap(
    exchange("manual"),
    (answer) => answer.status === 0 ? exchange("follow") : Effect.succeed(answer)
  )
}

/**
 * A response whose body is read as it arrives.
 *
 * @category models
 * @since 0.2.0
 */
export interface Opened {
  readonly status: number
  readonly headers: Headers.Headers
  readonly body: Stream.Stream<Uint8Array, Fault.Fault>
  /** The body, read at once. */
  readonly answer: Effect.Effect<Answer, Fault.Fault>
}

/**
 * Sends a request and returns the headers, and the body as it arrives, for as long as the scope is open. Nothing limits
 * how long the body takes; to apply a limit, stop reading.
 *
 * @category running
 * @since 0.2.0
 */
export const open = Effect.fnUntraced(
  function*(client: HttpClient.HttpClient, request: Request): Effect.fn.Return<Opened, Fault.Fault, Scope.Scope> {
    const attempts = new Attempts(client)
    const scope = yield* Effect.scope
    const { headers } = yield* limitsOf(request)
    const limits: TransportLimits.Limits = { headers }
    const response = yield* attempts.head(build(request), limits, {}, scope)
    const bounded: TransportLimits.Limits = { maxBodyBytes: request.limit ?? defaultLimit }
    const opened: Opened = {
      status: response.status,
      headers: response.headers,
      body: Stream.mapError(
        // a web stream is locked by its first reader, which may be the answer
        Stream.fromPull(Effect.suspend(() => attempts.pull(response, scope))),
        (error) => Fault.from(error, limits)
      ),
      answer: Effect.map(attempts.bytes(response, bounded), (body) => ({
        status: response.status,
        headers: response.headers,
        body,
        sent: request.token
      }))
    }
    return opened
  }
)

/** The limits of one request, within the time that is left for the whole call. */
const limitsOf = ({ limit = defaultLimit, timeout = "10 seconds" }: Request) =>
  Effect.gen(function*() {
    const own = Duration.fromInputUnsafe(timeout)
    const now = yield* Clock.currentTimeMillis
    const left = (yield* Deadline.after(Duration.sum(own, bodyTimeout))) - now
    if (left <= 0) return yield* Effect.fail(Fault.timeout("total", own))
    const headers = Math.min(left, Duration.toMillis(own))
    const limits: TransportLimits.Limits = { headers, total: left, maxBodyBytes: limit }
    return limits
  })

/**
 * Whether what is sent to a URL cannot be read on the way: https anywhere, http on this machine only.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isPrivate = (url: URL): boolean =>
  url.protocol === "https:" ||
  (url.protocol === "http:" && /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname))

const decoder = new TextDecoder()

/**
 * The body as text.
 *
 * @category decoding
 * @since 0.1.0
 */
export const text = (answer: Answer): string => redact(decoder.decode(answer.body), answer.sent)

/**
 * The body as JSON by a schema; the failure names the path.
 *
 * @category decoding
 * @since 0.1.0
 */
export const json = <S extends Schema.ConstraintDecoder<unknown>>(schema: S) => {
  const decode = Schema.decodeUnknownResult(Schema.fromJsonString(schema))
  return (answer: Answer): Result.Result<S["Type"], string> =>
    Result.mapError(decode(text(answer)), (error) => error.message.slice(0, 500))
}

/**
 * The text of a failed response: `X-Error-Message` and `X-Error-Code` before the body, with the token removed.
 *
 * @category decoding
 * @since 0.1.0
 */
export const failure = (answer: Answer): Failure.Failure => {
  const body = Failure.read(text(answer).slice(0, 65_536))
  return {
    ...body,
    message: scrub(answer.headers["x-error-message"] ?? body.message, answer.sent),
    code: scrub(answer.headers["x-error-code"] ?? body.code ?? "", answer.sent) || undefined
  }
}

/**
 * The id under which the server knows the request.
 *
 * @category headers
 * @since 0.1.0
 */
export const requestId = ({ headers, sent }: Omit<Answer, "body">): string | undefined =>
  HeaderFields.requestId(headers, scrubber(sent))

/**
 * How long the server wants no further request, if it says so.
 *
 * @category headers
 * @since 0.1.0
 */
export const retryAfter = (headers: Headers.Headers): Effect.Effect<Duration.Duration | undefined> =>
  Effect.map(Clock.currentTimeMillis, (now) => HeaderFields.retryAfter(headers, now))
