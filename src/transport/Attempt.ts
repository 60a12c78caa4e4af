/**
 * One attempt at a call: what is sent, and what the response means, with everything that may go wrong as a reason of
 * `InferenceError`.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Headers from "effect/http/Headers"
import type * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Scope from "effect/Scope"
import { Attempts, type Options as SendOptions } from "../http/Attempt.ts"
import * as Fault from "../http/Fault.ts"
import * as HeaderFields from "../http/HeaderFields.ts"
import * as Secret from "../http/Secret.ts"
import * as TransportLimits from "../http/TransportLimits.ts"
import { InvalidResponse, type Phase, type Reason, Timeout } from "../InferenceError.ts"
import * as Failure from "../protocol/Failure.ts"
import type { Accept, At, Call, Meta, Options } from "./Call.ts"
import * as Compressed from "./events/Compressed.ts"
import type { Failed } from "./failure/Failed.ts"
import * as InferenceFailure from "./failure/InferenceFailure.ts"
import * as Events from "./read/Events.ts"
import { Requests } from "./Requests.ts"
import type { Read, Reading } from "./routes/Reading.ts"
import type { Route } from "./routes/Route.ts"

/** How much of the body of a refusal is read. */
const ERROR_BODY: TransportLimits.Size = { limit: 64 * 1024, cut: true }

/** How long the health route may take to give a sign of life. */
const SIGN_OF_LIFE = 10_000

/** A stream needs only the headers at first, anything else the whole body. */
const streamed: SendOptions = {}

/** A stream whose first event has arrived, or that ended without one. */
/**
 * @category models
 * @since 0.2.0
 */
export interface Begun<F> {
  readonly meta: Meta
  readonly reader: Events.Reader<F>
}

/**
 * The attempts at calls to one target.
 *
 * @category models
 * @since 0.1.0
 */
export class Calls {
  readonly #http: Attempts
  readonly #options: Options
  readonly #requests: Requests
  /** The limits of a first attempt, whole and streamed. */
  readonly #limits: { readonly [A in Accept]: TransportLimits.Limits }
  readonly #whole: SendOptions
  readonly #scrub: Secret.Scrub
  readonly #reading: Events.Settings
  /** Whether the transport applies the limits by itself. */
  readonly enforced: boolean

  constructor(client: HttpClient.HttpClient, options: Options) {
    this.#http = new Attempts(client)
    this.enforced = this.#http.enforced
    this.#options = options
    this.#requests = new Requests(options.target, options.userAgent)
    this.#scrub = Secret.scrubber(options.target.token)
    const { limits, timeouts } = options
    this.#whole = { whole: { limit: limits.body } }
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
    this.#reading = {
      scrub: this.#scrub,
      reasonOf: (error) => InferenceFailure.fromFault(Fault.from(error, this.#limits["text/event-stream"])),
      idle: timeouts.idle,
      total: timeouts.total,
      maxEventSize: limits.event,
      maxBodySize: limits.body
    }
  }

  /** The request of all attempts; undefined if JSON cannot represent its body. */
  request(call: Call, accept: Accept): HttpClientRequest.HttpClientRequest | undefined {
    return this.#requests.of(call, accept)
  }

  /** Whether the server still responds on its health route. */
  #isAlive(): Effect.Effect<boolean> {
    const request = this.#requests.health()
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
    return Effect.flatMap(this.#head(request, "application/json", at), (response) => {
      if (response.status >= 300) return this.#refused(response)
      const arrived = TransportLimits.readingOf(response)?.arrivedText()
      return arrived === undefined
        ? Effect.flatMap(this.#text(response), (text) => this.#read(text, read, response, at))
        : this.#read(arrived, read, response, at)
    })
  }

  #read<A>(text: string, read: Read<A>, response: HttpClientResponse, at: At) {
    const reading = read(text)
    return reading._tag === "Read"
      ? Effect.succeed({ value: reading.value, meta: this.#meta(response, at.attempts) })
      : this.#unread(text, reading, response)
  }

  open<F extends { readonly error?: unknown }>(
    request: HttpClientRequest.HttpClientRequest,
    route: Route<F>,
    scope: Scope.Scope,
    at: At
  ): Effect.Effect<Begun<F>, Failed> {
    return Effect.suspend(() => {
      const attempt = Scope.forkUnsafe(scope)
      return Effect.onExit(
        this.#begun(request, route, attempt, at),
        (exit) => exit._tag === "Failure" ? Scope.close(attempt, exit) : Effect.void
      )
    })
  }

  #begun<F extends { readonly error?: unknown }>(
    request: HttpClientRequest.HttpClientRequest,
    route: Route<F>,
    attempt: Scope.Closeable,
    at: At
  ): Effect.Effect<Begun<F>, Failed> {
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
    route: Route<F>,
    attempt: Scope.Closeable,
    at: At
  ): Effect.Effect<Begun<F>, Failed> {
    if (response.status >= 300) return this.#refused(response)
    const other = otherThanEvents(response.headers)
    if (other !== undefined) {
      return Effect.flatMap(
        this.#text(response),
        (text) => this.#instead(text, other, route, response, at)
      )
    }
    return Effect.flatMap(this.#http.pull(response, attempt), (bytes) => {
      const transport = TransportLimits.readingOf(response)
      const body = { bytes, transport, scope: attempt, deadline: at.deadline }
      const reader = new Events.BodyReader(body, route, this.#reading)
      return Effect.map(reader.begun((reason) => this.#failed(reason, response)), () => {
        transport?.firstEventCame()
        return { meta: this.#meta(response, at.attempts), reader }
      })
    })
  }

  /** The headers, within the time that is left for the whole call. */
  #head(
    request: HttpClientRequest.HttpClientRequest,
    accept: Accept,
    { attempts, bounded, deadline }: At,
    scope?: Scope.Scope
  ): Effect.Effect<HttpClientResponse, Failed> {
    const limits = this.#limits[accept]
    const options = accept === "application/json" ? this.#whole : streamed
    const head = attempts === 1 && !bounded
      ? this.#http.head(request, limits, options, scope)
      : Effect.clockWith((clock) => {
        const total = Math.max(1, deadline - clock.currentTimeMillisUnsafe())
        return this.#http.head(request, { ...limits, total }, options, scope)
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
      // the status is the message: a body that breaks off or does not arrive changes nothing
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

  /** A body in one piece where a stream was requested: the whole response, if it is one. */
  #instead<F extends { readonly error?: unknown }>(
    text: string,
    other: string,
    route: Route<F>,
    response: HttpClientResponse,
    at: At
  ): Effect.Effect<Begun<F>, Failed> {
    const reading = route.whole?.(text)
    if (reading?._tag === "Read") {
      return Effect.succeed({ meta: this.#meta(response, at.attempts), reader: Events.arrived(reading.value) })
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

  /** A success status with a body that is not the route's: it may still be an error. */
  #unexpected(text: string, description: string, response: HttpClientResponse): Effect.Effect<never, Failed> {
    if (Compressed.isText(text)) {
      return Effect.fail(
        this.#failed(new InvalidResponse({ description: Compressed.description, undecodable: true }), response)
      )
    }
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
      headers: this.#scrub === Secret.nothing ? response.headers : HeaderFields.scrubbed(response.headers, this.#scrub),
      requestId: HeaderFields.requestId(response.headers, this.#scrub),
      attempts
    }
  }
}

/**
 * The kind of a body that cannot be an event stream. Anything else is read as one, since some servers do not name the type.
 */
const otherThanEvents = (headers: Headers.Headers): string | undefined => {
  const type = headers["content-type"] ?? ""
  return /^application\/(.*\+)?json\b/i.test(type) ? "JSON" : /^text\/html\b/i.test(type) ? "an HTML page" : undefined
}
