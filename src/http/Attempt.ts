/**
 * One attempt at a call: what is sent, and what its answer means, with everything that may go wrong on the way as a reason
 * of `InferenceError`.
 *
 * @since 0.1.0
 */
import * as Channel from "effect/Channel"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Headers from "effect/http/Headers"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientError } from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Pull from "effect/Pull"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import { InvalidResponse, type Phase, type Reason, Timeout } from "../InferenceError.ts"
import * as Failure from "../protocol/Failure.ts"
import * as Json from "../protocol/Json.ts"
import * as Events from "../transport/Events.ts"
import * as InferenceFailure from "../transport/InferenceFailure.ts"
import type { Read, Reading } from "../transport/Reading.ts"
import * as Body from "./Body.ts"
import * as Decompression from "./Decompression.ts"
import * as Retry from "./Retry.ts"
import type { Timeouts } from "./Timeouts.ts"
import * as TransportLimits from "./TransportLimits.ts"

/**
 * Where requests go.
 *
 * @category models
 * @since 0.1.0
 */
export interface Target {
  /** The root under which the routes are, with or without a trailing slash. */
  readonly url: URL | string
  /** Where chat requests go, when that is not `/v1/chat/completions` below `url`. */
  readonly chatUrl?: URL | undefined
  /** A query string that every request carries, such as `?key=value`. */
  readonly search?: string | undefined
  /** Headers of every request. No secrets: `token` is for those. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Sent as `Authorization: Bearer …` to this target and to no other origin. */
  readonly token?: Redacted.Redacted<string> | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly target: Target
  readonly timeouts: Timeouts
  /** Bytes above which a body, or one event, is refused, after decompression. */
  readonly limits: { readonly body: number; readonly event: number }
  readonly retry: Retry.Policy
  readonly userAgent: string
}

/**
 * A request: a route and its body.
 *
 * @category models
 * @since 0.1.0
 */
export interface Call {
  readonly method: "GET" | "POST"
  /** The route, such as `/generate`. */
  readonly path: string
  readonly body?: Readonly<Record<string, unknown>> | undefined
}

/**
 * What an answer said beside its body.
 *
 * @category models
 * @since 0.1.0
 */
export interface Meta {
  readonly headers: Headers.Headers
  /** `x-request-id`, `x-amzn-trace-id` or `x-amz-cf-id`. */
  readonly requestId: string | undefined
  /** How many attempts the answer took. */
  readonly attempts: number
}

/**
 * What a call asks for: an answer in one piece, or a stream of events.
 *
 * @category models
 * @since 0.1.0
 */
export type Accept = "application/json" | "text/event-stream"

/**
 * Which attempt it is, from 1, and when the whole call must be over, in milliseconds of the clock.
 *
 * @category models
 * @since 0.1.0
 */
export interface At {
  readonly attempts: number
  readonly deadline: number
}

const ERROR_BODY = 64 * 1024

/** The route that `chatUrl` replaces. */
const CHAT = "/v1/chat/completions"

/**
 * What any other transport is told: to follow no redirect, where it is fetch, and to write no span of its own, which would
 * hold the query, that may be a key, and faults that quote a header.
 */
const unenforced = Context.make(FetchHttpClient.RequestInit, { redirect: "manual" }).pipe(
  Context.add(HttpClient.TracerDisabledWhen, () => true)
)

/**
 * The attempts at calls to one target.
 *
 * @category models
 * @since 0.1.0
 */
export class Attempts {
  readonly #client: HttpClient.HttpClient
  readonly #scoped: HttpClient.HttpClient.With<HttpClientError, Scope.Scope>
  readonly #options: Options
  /** Set where the transport keeps the limits by itself. */
  readonly #send: TransportLimits.Send | undefined
  readonly #base: string
  readonly #headers: { readonly [A in Accept]: Headers.Headers }
  /** What a transport that keeps limits is told on a first attempt, whole and streamed. */
  readonly #limits: { readonly [A in Accept]: TransportLimits.Limits }
  readonly #scrub: InferenceFailure.Scrub
  #last:
    | { readonly path: string; readonly accept: Accept; readonly request: HttpClientRequest.HttpClientRequest }
    | undefined = undefined

  constructor(client: HttpClient.HttpClient, options: Options) {
    const { headers, token, url } = options.target
    this.#client = client
    this.#scoped = HttpClient.withScope(client)
    this.#options = options
    this.#send = TransportLimits.sendOf(client)
    this.#base = String(url).replace(/\/+$/, "")
    const common = Headers.fromInput({
      "user-agent": options.userAgent,
      ...headers,
      ...(token !== undefined && { authorization: `Bearer ${Redacted.value(token)}` })
    })
    this.#headers = {
      "application/json": Headers.set(common, "accept", "application/json"),
      "text/event-stream": Headers.set(common, "accept", "text/event-stream")
    }
    const { limits, timeouts } = options
    const whole: TransportLimits.Limits = {
      idle: Duration.toMillis(timeouts.idle),
      total: Duration.toMillis(timeouts.total),
      maxBodyBytes: limits.body
    }
    this.#limits = {
      "application/json": whole,
      "text/event-stream": {
        ...whole,
        headers: Duration.toMillis(timeouts.headers),
        firstEvent: Duration.toMillis(timeouts.firstEvent)
      }
    }
    const secret = token === undefined ? "" : Redacted.value(token)
    this.#scrub = secret === "" ? (text) => text : (text) => text.replaceAll(secret, "<redacted>")
  }

  /** The request of all attempts; nothing where JSON cannot hold its body. */
  request(call: Call, accept: Accept): HttpClientRequest.HttpClientRequest | undefined {
    const request = this.#to(call, accept)
    if (call.body === undefined) return request
    try {
      return HttpClientRequest.bodyText(request, Json.stringify(call.body), "application/json")
    } catch {
      return undefined
    }
  }

  /** The request without its body. A program mostly calls one route over and over, so the last one is kept. */
  #to({ method, path }: Call, accept: Accept): HttpClientRequest.HttpClientRequest {
    const last = this.#last
    if (last?.path === path && last.accept === accept && last.request.method === method) return last.request
    const { chatUrl, search = "" } = this.#options.target
    const url = chatUrl !== undefined && path === CHAT ? String(chatUrl) : `${this.#base}${path}`
    const request = HttpClientRequest.make(method)(`${url}${search}`, { headers: this.#headers[accept] })
    this.#last = { path, accept, request }
    return request
  }

  unary<A>(
    request: HttpClientRequest.HttpClientRequest,
    read: Read<A>,
    at: At
  ): Effect.Effect<{ readonly value: A; readonly meta: Meta }, Retry.Failed> {
    const head = this.#execute(this.#client, request, "application/json", at)
    const answered = Effect.flatMap(this.#transported(head), (response) =>
      response.status >= 300
        ? this.#refused(response)
        : Effect.flatMap(this.#transported(Body.text(response, this.#options.limits.body)), (text) => {
          const reading = read(text)
          return reading._tag === "Read"
            ? Effect.succeed({ value: reading.value, meta: metaOf(response, at.attempts) })
            : this.#unread(text, reading, response)
        }))
    return this.#send === undefined ? Effect.provideContext(answered, unenforced) : answered
  }

  open<F extends { readonly error?: unknown }>(
    request: HttpClientRequest.HttpClientRequest,
    route: Events.Route<F>,
    scope: Scope.Scope,
    at: At
  ) {
    return Effect.suspend(() => {
      const attempt = Scope.forkUnsafe(scope)
      return Effect.onExit(
        this.#begun(request, route, attempt, at),
        (exit) => exit._tag === "Failure" ? Scope.close(attempt, exit) : Effect.void
      )
    })
  }

  /** A stream whose first event has come, or that ended without one. */
  #begun<F extends { readonly error?: unknown }>(
    request: HttpClientRequest.HttpClientRequest,
    route: Events.Route<F>,
    attempt: Scope.Closeable,
    at: At
  ) {
    const { firstEvent, headers } = this.#options.timeouts
    const streamed = Effect.flatMap((response: HttpClientResponse) => this.#streamed(response, route, attempt, at))
    if (this.#send !== undefined) {
      return streamed(this.#transported(this.#execute(this.#client, request, "text/event-stream", at)))
    }
    const head = Scope.provide(this.#execute(this.#scoped, request, "text/event-stream", at), attempt)
    const begun = streamed(this.#within(this.#transported(head), "headers", headers))
    return Effect.provideContext(this.#within(begun, "firstEvent", firstEvent), unenforced)
  }

  #streamed<F extends { readonly error?: unknown }>(
    response: HttpClientResponse,
    route: Events.Route<F>,
    attempt: Scope.Closeable,
    at: At
  ) {
    if (response.status >= 300) return this.#refused(response)
    const { limits, timeouts } = this.#options
    const other = otherThanEvents(response.headers)
    if (other !== undefined) {
      return Effect.flatMap(
        this.#transported(Body.text(response, limits.body)),
        (text) => this.#instead(text, other, route, response, at)
      )
    }
    const body = Decompression.decompress(response.stream, response.headers["content-encoding"])
    return Effect.flatMap(Channel.toPullScoped(body.channel, attempt), (bytes) => {
      const meta = metaOf(response, at.attempts)
      const transport = TransportLimits.readingOf(response)
      const reader = Events.read(bytes, route, {
        scrub: this.#scrub,
        reasonOf: (error) => this.#reason(error),
        transport,
        closed: Scope.close(attempt, Exit.void),
        idle: timeouts.idle,
        total: timeouts.total,
        deadline: at.deadline,
        maxEventSize: limits.event,
        maxBodySize: limits.body
      })
      return Pull.matchEffect(reader.pull((reason) => failed(reason, response)), {
        onSuccess: (first) => {
          transport?.firstEventCame()
          return Effect.succeed({ meta, reader, first })
        },
        onDone: () => Effect.succeed({ meta, reader, first: undefined }),
        onFailure: Effect.failCause
      })
    })
  }

  /**
   * Sends the request with the limits, where the transport keeps them by itself; and with the trace (W3C `traceparent`,
   * which TGI reads since 3.3), where a tracer is installed that exports it and the program has not switched propagation
   * off.
   */
  #execute<R>(
    client: HttpClient.HttpClient.With<HttpClientError, R>,
    request: HttpClientRequest.HttpClientRequest,
    accept: Accept,
    { attempts, deadline }: At
  ): Effect.Effect<HttpClientResponse, HttpClientError, R> {
    return Effect.withFiber((fiber) => {
      const span = Context.getOrUndefined(fiber.context, Tracer.ParentSpan)
      const traced =
        span?._tag !== "Span" || span instanceof Tracer.NativeSpan || !fiber.getRef(HttpClient.TracerPropagationEnabled)
          ? request
          : HttpClientRequest.setHeader(
            request,
            "traceparent",
            `00-${span.traceId.padStart(32, "0")}-${span.spanId}-${span.sampled ? "01" : "00"}`
          )
      if (this.#send === undefined) return client.execute(traced)
      const limits = this.#limits[accept]
      if (attempts === 1) return this.#send(traced, limits)
      const total = Math.max(1, deadline - fiber.getRef(Clock.Clock).currentTimeMillisUnsafe())
      return this.#send(traced, { ...limits, total })
    })
  }

  #within<A>(self: Effect.Effect<A, Retry.Failed>, phase: Phase, after: Duration.Duration) {
    return Effect.timeoutOrElse(self, {
      duration: after,
      orElse: () => Effect.fail(failed(new Timeout({ phase, after })))
    })
  }

  #reason(error: HttpClientError | Decompression.Fault): Reason {
    return error._tag === "DecompressionFault"
      ? new InvalidResponse({ description: `the body is no ${error.encoding}, or this platform cannot read that` })
      : InferenceFailure.fromHttpClientError(error, (phase) => this.#options.timeouts[phase])
  }

  #transported<A, R>(
    self: Effect.Effect<A, HttpClientError | Decompression.Fault, R>
  ): Effect.Effect<A, Retry.Failed, R> {
    return Effect.mapError(self, (error) => failed(this.#reason(error)))
  }

  /** An answer with a failure status. Its body is read, so that the connection is free again. */
  #refused(response: HttpClientResponse): Effect.Effect<never, Retry.Failed> {
    return Effect.gen({ self: this }, function*() {
      // the status is the message: a body that breaks off or does not come changes nothing
      const body = yield* Effect.timeoutOrElse(
        Effect.orElseSucceed(Body.text(response, ERROR_BODY, { cut: true }), () => ""),
        { duration: this.#options.timeouts.idle, orElse: () => Effect.succeed("") }
      )
      const retryAfter = Retry.serverWait(response.headers, yield* Clock.currentTimeMillis)
      const { headers, status } = response
      return yield* Effect.fail(
        failed(InferenceFailure.fromAnswer({ status, headers, body, retryAfter, scrub: this.#scrub }), response)
      )
    })
  }

  /** A body in one piece where a stream was asked for: the whole response, where it is one. */
  #instead<F extends { readonly error?: unknown }>(
    text: string,
    other: string,
    route: Events.Route<F>,
    response: HttpClientResponse,
    at: At
  ) {
    const reading = route.whole?.(text)
    if (reading?._tag === "Read") {
      return Effect.succeed({ meta: metaOf(response, at.attempts), reader: Events.ended, first: reading.value })
    }
    return reading?._tag === "Failed"
      ? this.#unread(text, reading, response)
      : this.#unexpected(text, `expected an event stream, received ${other}`, response)
  }

  #unread(text: string, reading: Exclude<Reading<never>, { readonly _tag: "Read" }>, response: HttpClientResponse) {
    return reading._tag === "Wrong"
      ? this.#unexpected(text, reading.description, response)
      : Effect.fail(failed(reading.reason(this.#scrub), response, reading.received))
  }

  /** A success status with a body that is not the route's: perhaps an error all the same. */
  #unexpected(text: string, description: string, response: HttpClientResponse): Effect.Effect<never, Retry.Failed> {
    const failure = Failure.frame(text)
    return Effect.fail(failed(
      failure === undefined
        ? new InvalidResponse({ description, body: InferenceFailure.shown(text, this.#scrub) })
        : InferenceFailure.fromFrame(failure, text, this.#scrub),
      response
    ))
  }
}

const failed = (
  reason: Reason,
  response?: HttpClientResponse,
  received?: Retry.Failed["received"]
): Retry.Failed => ({
  reason,
  ...(received !== undefined && { received }),
  requestId: response === undefined ? undefined : requestIdOf(response.headers),
  shouldRetry: response === undefined ? undefined : shouldRetryOf(response.headers)
})

const metaOf = (response: HttpClientResponse, attempts: number): Meta => ({
  headers: response.headers,
  requestId: requestIdOf(response.headers),
  attempts
})

const requestIdOf = (headers: Headers.Headers): string | undefined =>
  headers["x-request-id"] ?? headers["x-amzn-trace-id"] ?? headers["x-amz-cf-id"]

const shouldRetryOf = (headers: Headers.Headers): boolean | undefined => {
  const value = headers["x-should-retry"]
  return value === "true" ? true : value === "false" ? false : undefined
}

/** What a body is that cannot be an event stream. Anything else is read as one, since some servers name no type. */
const otherThanEvents = (headers: Headers.Headers): string | undefined => {
  const type = headers["content-type"] ?? ""
  return /^application\/(.*\+)?json\b/i.test(type) ? "JSON" : /^text\/html\b/i.test(type) ? "a page" : undefined
}
