/**
 * One request and its whole answer under the rules of this package: no redirect is followed by itself, no trace header
 * leaves, bodies and waits are bounded, the body is always read (so that a pooled connection is given back), and a
 * failure is words without a request object in it.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Headers from "effect/http/Headers"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import type * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as Failure from "../protocol/Failure.ts"
import { redact, scrub } from "./HubToken.ts"

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
  /** How many bytes of answer are accepted. Default 16 MiB. */
  readonly limit?: number | undefined
  /** How long the head of the answer may take. Default 10 s. */
  readonly timeout?: Duration.Input | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Answer {
  readonly status: number
  readonly headers: Headers.Headers
  readonly body: Uint8Array
  /** The token that was sent: it is taken out of all that is read as text, since some servers repeat it. */
  readonly sent: Redacted.Redacted<string> | undefined
}

/**
 * Why there is no answer. `limit` is set when it was too large.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fault {
  readonly detail: string
  readonly limit?: number
}

const defaultLimit = 16 * 1024 * 1024

/** A body takes at most this long after its head. */
const bodyTimeout = Duration.minutes(5)

const build = (request: Request): HttpClientRequest.HttpClientRequest => {
  const bare = HttpClientRequest.make(request.method)(request.url).pipe(
    HttpClientRequest.setHeaders({
      "accept-encoding": "identity",
      "user-agent": "effect-inference-endpoints",
      ...request.headers
    }),
    request.body === undefined ? (self) => self : HttpClientRequest.bodyJsonUnsafe(request.body)
  )
  return request.token === undefined ? bare : HttpClientRequest.bearerToken(bare, request.token)
}

const read = Effect.fnUntraced(function*(response: HttpClientResponse.HttpClientResponse, limit: number) {
  const chunks: Array<Uint8Array> = []
  let length = 0
  yield* Stream.runForEach(response.stream, (chunk) => {
    length += chunk.length
    if (length > limit) return Effect.fail<Fault>({ detail: `more than ${limit} bytes`, limit })
    chunks.push(chunk)
    return Effect.void
  }).pipe(
    Effect.catchReason("HttpClientError", "EmptyBodyError", () => Effect.void)
  )
  if (chunks.length === 1 && chunks[0] !== undefined) return chunks[0]
  const body = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    body.set(chunk, offset)
    offset += chunk.length
  }
  return body
})

const timedOut = (what: string, after: Duration.Input) => (): Effect.Effect<never, Fault> =>
  Effect.fail({ detail: `${what} did not come within ${Duration.format(Duration.fromInputUnsafe(after))}` })

/**
 * Sends a request and reads the answer, whatever its status. Redirects come back as they are; a browser, which hides them,
 * follows them and drops the credential across origins by the rules of `fetch`.
 *
 * @category running
 * @since 0.1.0
 */
export const run = Effect.fnUntraced(function*(client: HttpClient.HttpClient, request: Request) {
  const limit = request.limit ?? defaultLimit
  const timeout = request.timeout ?? "10 seconds"
  const exchange = Effect.fnUntraced(function*(redirect: "manual" | "follow") {
    const init = yield* Effect.serviceOption(FetchHttpClient.RequestInit)
    const response = yield* client.execute(build(request)).pipe(
      Effect.timeoutOrElse({ duration: timeout, orElse: timedOut("the head of the answer", timeout) }),
      Effect.provideContext(
        // the client's own span would keep a refused request with its headers, and tell every host our trace
        Context.make(HttpClient.TracerDisabledWhen, () => true).pipe(
          Context.add(FetchHttpClient.RequestInit, { ...(init._tag === "Some" && init.value), redirect })
        )
      )
    )
    const body = request.method === "HEAD" || response.status === 0 ?
      new Uint8Array() :
      yield* read(response, limit).pipe(
        Effect.timeoutOrElse({ duration: bodyTimeout, orElse: timedOut("the body of the answer", bodyTimeout) })
      )
    const answer: Answer = { status: response.status, headers: response.headers, body, sent: request.token }
    return answer
  })
  const answer = yield* exchange("manual").pipe(
    Effect.filterOrElse((answer) => answer.status !== 0, () => exchange("follow")),
    Effect.mapError((error): Fault =>
      HttpClientError.isHttpClientError(error) ? { detail: scrub(describe(error), request.token) } : error
    )
  )
  return answer
})

const describe = (error: HttpClientError.HttpClientError): string => {
  const { reason } = error
  const cause = reason.cause instanceof Error ? reason.cause : undefined
  const root = cause?.cause instanceof Error ? cause.cause : cause
  const code = root !== undefined && "code" in root && typeof root.code === "string" ? root.code : undefined
  return [reason._tag, code, root?.message ?? ("description" in reason ? reason.description : undefined)]
    .filter((part) => part !== undefined && part !== "").join(": ")
}

/**
 * Whether nobody on the way can read what is sent to a URL: https anywhere, http on this machine only.
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
 * The body as JSON through a schema; fails with words that name the path.
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
 * What a failed answer says, with `X-Error-Message` and `X-Error-Code` before the body and the token taken out.
 *
 * @category decoding
 * @since 0.1.0
 */
export const failure = (answer: Answer): Failure.Failure => {
  const body = Failure.read(text(answer).slice(0, 65_536))
  return {
    ...body,
    message: scrub(answer.headers["x-error-message"] ?? body.message, answer.sent),
    code: answer.headers["x-error-code"] ?? body.code
  }
}

/**
 * The id under which the server knows the request.
 *
 * @category headers
 * @since 0.1.0
 */
export const requestId = ({ headers, sent }: Omit<Answer, "body">): string | undefined => {
  const id = headers["x-request-id"] ?? headers["x-amzn-trace-id"] ?? headers["x-amz-cf-id"]
  return id === undefined ? undefined : redact(id, sent).slice(0, 200)
}

/**
 * The quota of a `RateLimit` header such as `"api";r=0;t=55`.
 *
 * @category headers
 * @since 0.1.0
 */
export const rateLimit = (headers: Headers.Headers): {
  readonly bucket: string
  readonly remaining: number
  readonly reset: Duration.Duration
} | undefined => {
  const match = /^\s*"?([\w-]+)"?\s*;.*?r=(\d+)\s*;\s*t=(\d+)/.exec(headers["ratelimit"] ?? "")
  return match?.[1] === undefined ? undefined : {
    bucket: match[1],
    remaining: Number(match[2]),
    reset: Duration.seconds(Number(match[3]))
  }
}

/**
 * How long the server wants to be left alone, one second added as its own clients do: the reset of a used-up quota, else
 * `Retry-After` in seconds or as a date, which is measured against the server's own `Date`.
 *
 * @category headers
 * @since 0.1.0
 */
export const retryAfter = Effect.fnUntraced(function*(headers: Headers.Headers) {
  const quota = rateLimit(headers)
  if (quota !== undefined && quota.remaining === 0) return Duration.sum(quota.reset, Duration.seconds(1))
  const parsed = Headers.parseRetryAfter(headers["retry-after"] ?? "")
  if (Result.isFailure(parsed)) return undefined
  const date = Date.parse(headers["date"] ?? "")
  const now = Number.isNaN(date) ? yield* Clock.currentTimeMillis : date
  return Duration.sum(Headers.retryAfterDelay(parsed.success, now), Duration.seconds(1))
})
