/**
 * One attempt at a request on any `HttpClient`: its headers, its body within limits on time and size, and failures as a
 * `Fault`. What the response means is not known here.
 *
 * A transport that applies limits by itself (`TransportLimits`) is given them; for any other they are applied here.
 *
 * @since 0.2.0
 */
import * as Channel from "effect/Channel"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientError } from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import type * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Tracer from "effect/Tracer"
import * as Body from "./Body.ts"
import * as Decompression from "./Decompression.ts"
import * as Fault from "./Fault.ts"
import * as TransportLimits from "./TransportLimits.ts"

type Chunks = readonly [Uint8Array, ...Array<Uint8Array>]

/**
 * How a request is sent.
 *
 * @category models
 * @since 0.2.0
 */
export interface Options {
  /** If the transport is fetch: whether it follows redirects. Default: `manual`. */
  readonly redirect?: "follow" | "manual" | undefined
  /** The body of a success is read as a whole, up to this limit. */
  readonly whole?: TransportLimits.Size | undefined
}

/**
 * Sends requests over one client.
 *
 * @category models
 * @since 0.2.0
 */
export class Attempts {
  readonly #client: HttpClient.HttpClient
  readonly #scoped: HttpClient.HttpClient.With<HttpClientError, Scope.Scope>
  readonly #send: TransportLimits.Send | undefined
  /** Whether the transport applies the limits by itself. */
  readonly enforced: boolean

  constructor(client: HttpClient.HttpClient) {
    this.#client = client
    this.#scoped = HttpClient.withScope(client)
    this.#send = TransportLimits.sendOf(client)
    this.enforced = this.#send !== undefined
  }

  /**
   * The headers of the response; the request lives as long as the scope, if there is one. With `whole`, if the
   * transport can do it, a success is returned once its body has arrived: see `arrivedText`.
   */
  head(
    request: HttpClientRequest.HttpClientRequest,
    limits: TransportLimits.Limits,
    { redirect = "manual", whole }: Options,
    scope?: Scope.Scope
  ): Effect.Effect<HttpClientResponse, Fault.Fault> {
    const send = redirect === "manual" ? this.#send : undefined
    const head = send === undefined ? this.#execute(request, redirect, scope) : send(request, limits, whole)
    const told = pageOrigin() === undefined
      ? Effect.mapError(head, (error) => Fault.from(error, limits))
      : inBrowser(head, request.url, limits)
    return this.enforced || (limits.headers === undefined && limits.silence === undefined)
      ? told
      : bounded(told, limits)
  }

  #execute(
    request: HttpClientRequest.HttpClientRequest,
    redirect: "follow" | "manual",
    scope: Scope.Scope | undefined
  ) {
    return Effect.withFiber<HttpClientResponse, HttpClientError>((fiber) => {
      const executed = scope === undefined
        ? this.#client.execute(request)
        : Scope.provide(this.#scoped.execute(request), scope)
      const init = Context.getOrUndefined(fiber.context, FetchHttpClient.RequestInit)
      return Effect.provideContext(
        executed,
        // a span of the client's own would hold the query, which may be a key, and faults that quote a header
        Context.make(FetchHttpClient.RequestInit, { ...init, redirect }).pipe(
          Context.add(HttpClient.TracerDisabledWhen, () => true)
        )
      )
    })
  }

  /** The whole body of a response as text. */
  text(
    response: HttpClientResponse,
    limits: TransportLimits.Limits,
    size?: Body.Size
  ): Effect.Effect<string, Fault.Fault> {
    return Effect.mapError(Body.text(response, size ?? sizeOf(limits)), (error) => Fault.from(error, limits))
  }

  /** The whole body of a response as bytes. */
  bytes(
    response: HttpClientResponse,
    limits: TransportLimits.Limits,
    size?: Body.Size
  ): Effect.Effect<Uint8Array, Fault.Fault> {
    return Effect.mapError(Body.bytes(response, size ?? sizeOf(limits)), (error) => Fault.from(error, limits))
  }

  /** The body of a response as it arrives, for as long as the scope is open. */
  pull(
    response: HttpClientResponse,
    scope: Scope.Scope
  ): Effect.Effect<Pull.Pull<Chunks, HttpClientError | Decompression.Fault>> {
    const coding = response.headers["content-encoding"]
    const body = coding !== undefined && TransportLimits.readingOf(response) === undefined
      ? Decompression.decompress(response.stream, coding)
      : response.stream
    return Channel.toPullScoped(body.channel, scope)
  }
}

/** The origin of the page or worker that this runs in; nothing outside browsers. */
const pageOrigin = (): string | undefined => {
  const { document, location, WorkerGlobalScope } = globalThis as {
    readonly document?: unknown
    readonly location?: { readonly origin?: string }
    readonly WorkerGlobalScope?: unknown
  }
  return document === undefined && WorkerGlobalScope === undefined ? undefined : location?.origin
}

/** The origins that have responded to a request from this page. */
const answered = new Set<string>()

/**
 * A browser reports a refusal by cross-origin rules (CORS) no differently from a network that is down. Another origin
 * that never responded while the browser is online has probably not allowed the request.
 */
const inBrowser = <A>(
  head: Effect.Effect<A, HttpClientError>,
  url: string,
  limits: TransportLimits.Limits
): Effect.Effect<A, Fault.Fault> => {
  const origin = URL.canParse(url, pageOrigin()) ? new URL(url, pageOrigin()).origin : ""
  return Effect.mapError(Effect.tap(head, () => Effect.sync(() => answered.add(origin))), (error) => {
    const fault = Fault.from(error, limits)
    const isNameless = fault._tag === "Connection" && fault.code === undefined && fault.retryable
    return isNameless && origin !== pageOrigin() && !answered.has(origin) && globalThis.navigator?.onLine !== false
      ? Fault.probablyCors(origin)
      : fault
  })
}

const sizeOf = (limits: TransportLimits.Limits): Body.Size => ({ limit: limits.maxBodyBytes ?? Infinity })

/** The limits until the headers, for a transport that applies none. */
const bounded = <A>(
  head: Effect.Effect<A, Fault.Fault>,
  { headers, silence }: TransportLimits.Limits
): Effect.Effect<A, Fault.Fault> => {
  const timed = headers === undefined ? head : Effect.timeoutOrElse(head, {
    duration: headers,
    orElse: () => Effect.fail(Fault.timeout("headers", headers))
  })
  if (silence === undefined) return timed
  const watch: Effect.Effect<never, Fault.Fault> = Effect.delay(silence.ask, silence.after).pipe(
    Effect.flatMap((alive) => alive ? watch : Effect.fail(Fault.silent(silence.after)))
  )
  return Effect.raceFirst(timed, watch)
}

/**
 * The request with the trace (W3C `traceparent`), if a tracer that exports it is installed and the program has not
 * switched propagation off: for the caller's own servers, never for a third party. TGI reads it since 3.3.
 *
 * @category combinators
 * @since 0.2.0
 */
export const withTrace = (
  request: HttpClientRequest.HttpClientRequest,
  fiber: {
    readonly context: Context.Context<never>
    readonly getRef: <A>(ref: Context.Reference<A>) => A
  }
): HttpClientRequest.HttpClientRequest => {
  const span = Context.getOrUndefined(fiber.context, Tracer.ParentSpan)
  return span?._tag !== "Span" || span instanceof Tracer.NativeSpan ||
      !fiber.getRef(HttpClient.TracerPropagationEnabled)
    ? request
    : HttpClientRequest.setHeader(
      request,
      "traceparent",
      `00-${span.traceId.padStart(32, "0")}-${span.spanId}-${span.sampled ? "01" : "00"}`
    )
}
