/**
 * One attempt at a call: what is sent, and what its response means, with everything that may go wrong on the way as a reason
 * of `InferenceError`.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Headers from "effect/http/Headers"
import type * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Pull from "effect/Pull"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import { Attempts } from "../http/Attempt.ts"
import * as Fault from "../http/Fault.ts"
import * as HeaderFields from "../http/HeaderFields.ts"
import type * as Retry from "../http/Retry.ts"
import * as Secret from "../http/Secret.ts"
import type { Timeouts } from "../http/Timeouts.ts"
import * as TransportLimits from "../http/TransportLimits.ts"
import { InvalidResponse, type Phase, type Reason, Timeout } from "../InferenceError.ts"
import * as Failure from "../protocol/Failure.ts"
import * as Json from "../protocol/Json.ts"
import * as Events from "./Events.ts"
import * as InferenceFailure from "./InferenceFailure.ts"
import type { Read, Reading } from "./Reading.ts"

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
  /** Where raw prompts go, when that is not `/v1/completions` below `url`. */
  readonly completionUrl?: URL | undefined
  /** Where prompts of the native route go, when that is not below `url`: whole and streamed, as with `POST /`. */
  readonly nativeUrl?: URL | undefined
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
  readonly userAgent: string | undefined
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
  /** Whether less is left for the whole call than its own limit, as it is part of something larger. */
  readonly bounded: boolean
}

/** A failed attempt, and the server's own verdict on another one (`x-should-retry`), where it gave it. */
export interface Failed {
  readonly reason: Reason
  readonly requestId: string | undefined
  readonly shouldRetry: boolean | undefined
  /** What a response held that failed all the same. */
  readonly received?: { readonly events: number; readonly text: string } | undefined
}

/** How much is read of the body of a refusal. */
const ERROR_BODY: TransportLimits.Size = { limit: 64 * 1024, cut: true }

/** How long the health route may take to give a sign of life. */
const SIGN_OF_LIFE = 10_000

/** The routes that `chatUrl`, `completionUrl` and `nativeUrl` replace. */
const CHAT = "/v1/chat/completions"
const COMPLETION = "/v1/completions"
const NATIVE = "/"

const traced = { traced: true }

/**
 * The attempts at calls to one target.
 *
 * @category models
 * @since 0.1.0
 */
export class Calls {
  readonly #http: Attempts
  readonly #options: Options
  readonly #base: string
  readonly #headers: { readonly [A in Accept]: Headers.Headers }
  /** The limits of a first attempt, whole and streamed. */
  readonly #limits: { readonly [A in Accept]: TransportLimits.Limits }
  readonly #scrub: Secret.Scrub
  #last:
    | { readonly path: string; readonly accept: Accept; readonly request: HttpClientRequest.HttpClientRequest }
    | undefined = undefined

  constructor(client: HttpClient.HttpClient, options: Options) {
    const { headers, token, url } = options.target
    this.#http = new Attempts(client)
    this.#options = options
    this.#base = String(url).replace(/\/+$/, "")
    this.#scrub = Secret.scrubber(token)
    const common = Headers.fromInput({
      "user-agent": HeaderFields.userAgent(options.userAgent),
      ...headers,
      ...(token !== undefined && { authorization: `Bearer ${Redacted.value(token)}` })
    })
    this.#headers = {
      "application/json": Headers.set(common, "accept", "application/json"),
      "text/event-stream": Headers.set(common, "accept", "text/event-stream")
    }
    const { limits, timeouts } = options
    const firstEvent = Duration.toMillis(timeouts.firstEvent)
    const shared: TransportLimits.Limits = {
      connect: Duration.toMillis(timeouts.connect),
      idle: Duration.toMillis(timeouts.idle),
      total: Duration.toMillis(timeouts.total),
      maxBodyBytes: limits.body
    }
    this.#limits = {
      "application/json": { ...shared, silence: { after: firstEvent, ask: this.#isAlive() } },
      "text/event-stream": { ...shared, headers: Duration.toMillis(timeouts.headers), firstEvent }
    }
  }

  /** Whether the transport keeps the limits by itself. */
  get enforced(): boolean {
    return this.#http.enforced
  }

  /** The request of all attempts; nothing where JSON cannot hold its body. */
  request(call: Call, accept: Accept): HttpClientRequest.HttpClientRequest | undefined {
    const request = this.#to(call, accept)
    if (call.body === undefined) return request
    try {
      const text = Json.stringify(call.body)
      // half of a surrogate pair is written as an escape
      if (text.includes("\\ud") && Json.brokenText(call.body) !== undefined) return undefined
      return HttpClientRequest.bodyText(request, text, "application/json")
    } catch {
      return undefined
    }
  }

  /** The request without its body. A program mostly calls one route over and over, so the last one is kept. */
  #to({ method, path }: Call, accept: Accept): HttpClientRequest.HttpClientRequest {
    const last = this.#last
    if (last?.path === path && last.accept === accept && last.request.method === method) return last.request
    const { chatUrl, completionUrl, nativeUrl, search = "" } = this.#options.target
    const others: { readonly [path: string]: URL | undefined } = {
      [CHAT]: chatUrl,
      [COMPLETION]: completionUrl,
      [NATIVE]: nativeUrl
    }
    const other = others[path]
    const url = other === undefined ? `${this.#base}${path}` : String(other)
    const request = HttpClientRequest.make(method)(`${url}${search}`, { headers: this.#headers[accept] })
    this.#last = { path, accept, request }
    return request
  }

  /** Whether the server still answers anything on its health route. */
  #isAlive(): Effect.Effect<boolean> {
    const { search = "" } = this.#options.target
    const request = HttpClientRequest.get(`${this.#base}/health${search}`, {
      headers: this.#headers["application/json"]
    })
    const limits: TransportLimits.Limits = {
      headers: SIGN_OF_LIFE,
      total: SIGN_OF_LIFE,
      maxBodyBytes: ERROR_BODY.limit
    }
    return Effect.suspend(() => this.#http.head(request, limits, {})).pipe(
      Effect.tap((response) => Effect.ignore(this.#http.text(response, limits, ERROR_BODY))),
      Effect.match({ onFailure: () => false, onSuccess: () => true })
    )
  }

  unary<A>(
    request: HttpClientRequest.HttpClientRequest,
    read: Read<A>,
    at: At
  ): Effect.Effect<{ readonly value: A; readonly meta: Meta }, Failed> {
    return Effect.flatMap(this.#head(request, "application/json", at), (response) =>
      response.status >= 300
        ? this.#refused(response)
        : Effect.flatMap(this.#text(response), (text) => {
          const reading = read(text)
          return reading._tag === "Read"
            ? Effect.succeed({ value: reading.value, meta: this.#meta(response, at.attempts) })
            : this.#unread(text, reading, response)
        }))
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
    const begun = Effect.flatMap(
      this.#head(request, "text/event-stream", at, attempt),
      (response) => this.#streamed(response, route, attempt, at)
    )
    if (this.enforced) return begun
    const phase: Phase = "firstEvent"
    const after = this.#options.timeouts.firstEvent
    return Effect.timeoutOrElse(begun, {
      duration: after,
      orElse: () => Effect.fail(this.#failed(new Timeout({ phase, after })))
    })
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
        this.#text(response),
        (text) => this.#instead(text, other, route, response, at)
      )
    }
    return Effect.flatMap(this.#http.pull(response, attempt), (bytes) => {
      const meta = this.#meta(response, at.attempts)
      const transport = TransportLimits.readingOf(response)
      const reader = Events.read(bytes, route, {
        scrub: this.#scrub,
        reasonOf: (error) => InferenceFailure.fromFault(Fault.from(error, this.#limits["text/event-stream"])),
        transport,
        closed: Scope.close(attempt, Exit.void),
        idle: timeouts.idle,
        total: timeouts.total,
        deadline: at.deadline,
        maxEventSize: limits.event,
        maxBodySize: limits.body
      })
      return Pull.matchEffect(reader.pull((reason) => this.#failed(reason, response)), {
        onSuccess: (first) => {
          transport?.firstEventCame()
          return Effect.succeed({ meta, reader, first })
        },
        onDone: () => Effect.succeed({ meta, reader, first: undefined }),
        onFailure: Effect.failCause
      })
    })
  }

  /** The head, within what is left of the time of the whole call. */
  #head(
    request: HttpClientRequest.HttpClientRequest,
    accept: Accept,
    { attempts, bounded, deadline }: At,
    scope?: Scope.Scope
  ): Effect.Effect<HttpClientResponse, Failed> {
    const limits = this.#limits[accept]
    const head = attempts === 1 && !bounded
      ? this.#http.head(request, limits, traced, scope)
      : Effect.clockWith((clock) => {
        const total = Math.max(1, deadline - clock.currentTimeMillisUnsafe())
        return this.#http.head(request, { ...limits, total }, traced, scope)
      })
    return Effect.mapError(head, (fault) => this.#failed(InferenceFailure.fromFault(fault)))
  }

  #text(response: HttpClientResponse): Effect.Effect<string, Failed> {
    return Effect.mapError(
      this.#http.text(response, this.#limits["application/json"]),
      (fault) => this.#failed(InferenceFailure.fromFault(fault))
    )
  }

  /** A response with a failure status. Its body is read, so that the connection is free again. */
  #refused(response: HttpClientResponse): Effect.Effect<never, Failed> {
    return Effect.gen({ self: this }, function*() {
      // the status is the message: a body that breaks off or does not come changes nothing
      const body = yield* Effect.timeoutOrElse(
        Effect.orElseSucceed(this.#http.text(response, this.#limits["application/json"], ERROR_BODY), () => ""),
        { duration: this.#options.timeouts.idle, orElse: () => Effect.succeed("") }
      )
      const retryAfter = HeaderFields.retryAfter(response.headers, yield* Clock.currentTimeMillis)
      const { headers, status } = response
      return yield* Effect.fail(
        this.#failed(InferenceFailure.fromAnswer({ status, headers, body, retryAfter, scrub: this.#scrub }), response)
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
      return Effect.succeed({ meta: this.#meta(response, at.attempts), reader: Events.ended, first: reading.value })
    }
    return reading?._tag === "Failed"
      ? this.#unread(text, reading, response)
      : this.#unexpected(text, `expected an event stream, received ${other}`, response)
  }

  #unread(text: string, reading: Exclude<Reading<never>, { readonly _tag: "Read" }>, response: HttpClientResponse) {
    return reading._tag === "Wrong"
      ? this.#unexpected(text, reading.description, response)
      : Effect.fail(this.#failed(reading.reason(this.#scrub), response, reading.received))
  }

  /** A success status with a body that is not the route's: perhaps an error all the same. */
  #unexpected(text: string, description: string, response: HttpClientResponse): Effect.Effect<never, Failed> {
    const failure = Failure.frame(text)
    return Effect.fail(this.#failed(
      failure === undefined
        ? new InvalidResponse({ description, body: InferenceFailure.shown(text, this.#scrub) })
        : InferenceFailure.fromFrame(failure, text, this.#scrub),
      response
    ))
  }

  #failed(reason: Reason, response?: HttpClientResponse, received?: Failed["received"]): Failed {
    return {
      reason,
      ...(received !== undefined && { received }),
      requestId: response === undefined ? undefined : HeaderFields.requestId(response.headers, this.#scrub),
      shouldRetry: response === undefined ? undefined : HeaderFields.shouldRetry(response.headers)
    }
  }

  #meta(response: HttpClientResponse, attempts: number): Meta {
    return {
      headers: HeaderFields.scrubbed(response.headers, this.#scrub),
      requestId: HeaderFields.requestId(response.headers, this.#scrub),
      attempts
    }
  }
}

/**
 * What a failed attempt means for another one.
 *
 * @category accessors
 * @since 0.2.0
 */
export const verdict = ({ reason, shouldRetry }: Failed): Retry.Verdict => ({
  tag: reason._tag,
  message: reason.message,
  retry: shouldRetry ??
    // an unknown host is asked for once more, since name servers fail too
    (reason.isRetryable && reason._tag === "Transport" && reason.code === "ENOTFOUND" ? "once" : reason.isRetryable),
  throttled: throttling.has(reason._tag),
  ...("retryAfter" in reason && { retryAfter: reason.retryAfter })
})

const throttling: ReadonlySet<string> = new Set(["RateLimited", "Overloaded", "Loading", "Asleep"])

/** What a body is that cannot be an event stream. Anything else is read as one, since some servers name no type. */
const otherThanEvents = (headers: Headers.Headers): string | undefined => {
  const type = headers["content-type"] ?? ""
  return /^application\/(.*\+)?json\b/i.test(type) ? "JSON" : /^text\/html\b/i.test(type) ? "a page" : undefined
}
