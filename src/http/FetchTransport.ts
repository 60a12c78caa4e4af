/**
 * An `HttpClient` over `fetch` that applies `TransportLimits` by itself: for browsers, Bun, Deno and the edge, without the
 * layers of a general client between the reader and the body.
 *
 * It does what the Node transport does, as far as `fetch` allows: an interrupt aborts the request, a slow reader stops the
 * server, limits on time and size hold, redirects are responses like any other. Connections, TLS, proxies and decompression
 * are up to `fetch`.
 *
 * @since 0.2.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Url from "effect/http/Url"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { Incoming } from "./Incoming.ts"
import { IncomingResponse } from "./IncomingResponse.ts"
import { fault } from "./TransportFault.ts"
import { enforcesLimits, type Limits, type Send, type Size } from "./TransportLimits.ts"

/** A body up to this size is read in one piece by `fetch` itself; the limit between two reads then applies to all of it. */
const SMALL = 256 * 1024

/** The most bytes of a body that is read whole, if the request sets no limit. */
const MAX_WHOLE_BYTES = 64 * 1024 * 1024

const within: Send = (request, limits, whole) => {
  if (request.urlParams.params.length === 0 && Option.isNone(request.hash)) {
    return send(request, request.url, limits, whole)
  }
  const url = Url.make(request.url, request.urlParams, Option.getOrUndefined(request.hash))
  return Result.isSuccess(url)
    ? send(request, url.success.href, limits, whole)
    : Effect.fail(
      new HttpClientError.HttpClientError({
        reason: new HttpClientError.InvalidUrlError({ request, cause: url.failure })
      })
    )
}

/**
 * The client. It uses the `fetch` and the `RequestInit` of `effect/http/FetchHttpClient`, if the program provides them.
 *
 * @category constructors
 * @since 0.2.0
 */
export const client: HttpClient.HttpClient = Object.defineProperty(
  HttpClient.make((request, url, signal) => send(request, url.href, {}, undefined, signal)),
  enforcesLimits,
  { value: within }
)

/**
 * The client as a layer.
 *
 * @category layers
 * @since 0.2.0
 */
export const layer: Layer.Layer<HttpClient.HttpClient> = Layer.succeed(HttpClient.HttpClient, client)

const send = (
  request: HttpClientRequest,
  url: string,
  limits: Limits,
  whole?: Size,
  signal?: AbortSignal
): Effect.Effect<HttpClientResponse, HttpClientError.HttpClientError> =>
  Effect.withFiber((fiber) =>
    Effect.callback((resume) => {
      const exchange = new Exchange(limits)
      if (whole !== undefined) exchange.expect(whole)
      exchange.wake = () =>
        resume(
          exchange.failure === undefined || exchange.status > 0
            ? Effect.succeed(new IncomingResponse(request, url, exchange, limits.maxBodyBytes ?? MAX_WHOLE_BYTES))
            : Effect.fail(
              new HttpClientError.HttpClientError({
                reason: new HttpClientError.TransportError({ request, cause: exchange.failure })
              })
            )
        )
      exchange.start(fiber, request, url)
      if (signal?.aborted === true) exchange.cancel()
      else signal?.addEventListener("abort", () => exchange.cancel(), { once: true })
      return Effect.sync(() => exchange.leave())
    })
  )

/** One request of `fetch` and its response. */
class Exchange extends Incoming {
  readonly #abort = new AbortController()
  #response: Response | undefined
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined
  #pumping = false
  #go: (() => void) | undefined
  #still = false

  start(fiber: Fiber.Fiber<unknown, unknown>, request: HttpClientRequest, url: string): void {
    const fetch = fiber.getRef(FetchHttpClient.Fetch)
    const given = Context.getOrUndefined(fiber.context, FetchHttpClient.RequestInit)
    const init: RequestInit & { readonly duplex?: "half" } = {
      redirect: "manual",
      ...given,
      method: request.method,
      headers: given?.headers === undefined
        ? request.headers
        : { ...Object.fromEntries(new Headers(given.headers)), ...request.headers },
      signal: this.#abort.signal,
      ...bodyOf(request)
    }
    this.sent()
    // fetch throws if the URL or a header cannot be sent
    new Promise<Response>((resolve) => resolve(fetch(url, init))).then(this.#head, this.#broken)
  }

  readonly #head = (response: Response): void => {
    if (this.failure !== undefined) return void response.body?.cancel().catch(() => undefined)
    this.#response = response
    const headers: Record<string, string | Array<string>> = {}
    response.headers.forEach((value, name) => {
      headers[name] = value
    })
    const cookies = response.headers.getSetCookie?.() ?? []
    if (cookies.length > 0) headers["set-cookie"] = cookies
    const coded = "content-encoding" in headers
    const announced = coded ? 0 : Number(headers["content-length"] ?? 0)
    if (coded) {
      // the headers describe the body as the reader gets it: fetch has decoded it
      delete headers["content-encoding"]
      delete headers["content-length"]
    }
    this.begin(response.status, headers, announced)
    if (response.body === null) this.end()
  }

  readonly #broken = (error: unknown): void =>
    this.fail(error instanceof Error ? error : fault("ERR_FETCH", String(error)))

  override collect(size: Size, asText: boolean): void {
    super.collect(size, asText)
    const response = this.#response
    if (this.#pumping || this.ended || this.failure !== undefined || response === undefined) return
    const length = Number(this.headers["content-length"] ?? Number.NaN)
    if (!(length <= Math.min(this.limit, SMALL))) return this.read()
    // a body that announces its length is read at once, which costs a third less than by chunks
    this.#pumping = true
    this.alive()
    if (asText) {
      response.text().then((text) => {
        this.text = text
        this.end()
      }, this.#broken)
    } else {
      response.arrayBuffer().then((bytes) => {
        this.receive(new Uint8Array(bytes))
        this.end()
      }, this.#broken)
    }
  }

  override read(): void {
    const body = this.#response?.body
    if (this.#pumping || this.ended || this.failure !== undefined || body === null || body === undefined) return
    this.#pumping = true
    this.#reader = body.getReader()
    void this.#pump(this.#reader)
  }

  async #pump(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<void> {
    try {
      for (;;) {
        this.alive()
        const next = await reader.read()
        if (next.done) return this.end()
        this.receive(next.value)
        if (this.#still) await new Promise<void>((resolve) => this.#go = resolve)
        if (this.failure !== undefined) return
      }
    } catch (error) {
      this.#broken(error)
    }
  }

  protected close(reason: Error): void {
    if (this.#reader === undefined) this.#abort.abort(reason)
    else void this.#reader.cancel(reason).catch(() => undefined)
  }

  protected pause(): void {
    this.#still = true
    this.quiet()
  }

  protected resume(): void {
    this.#still = false
    this.#go?.()
  }
}

const bodyOf = ({ body }: HttpClientRequest): { readonly body?: BodyInit; readonly duplex?: "half" } => {
  switch (body._tag) {
    case "Empty":
      return {}
    case "Uint8Array":
      return { body: body.text ?? new Uint8Array(body.body) }
    case "Raw":
      // whatever the caller considers a body for fetch, which checks it
      return { body: body.body as BodyInit }
    case "FormData":
      return { body: body.formData }
    case "Stream":
      return { body: Stream.toReadableStream(body.stream), duplex: "half" }
  }
}
