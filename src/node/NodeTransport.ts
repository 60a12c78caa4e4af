/**
 * The `HttpClient` for Node: undici's connections under an `effect/http` client, without the layers that other clients have
 * between the socket and the reader, and with everything else that a client of a model server needs.
 *
 * - An interrupt closes the connection at once, before the headers and in the middle of the body, so that the server stops
 *   generating. A request that still waits for a connection is withdrawn.
 * - A slow reader stops the server after 256 KiB and what the kernel buffers.
 * - A connection carries one request at a time, and is reused only when its request has been sent and its response
 *   read. There are never more connections than requests.
 * - If a kept-alive connection turns out to be closed before a byte of the response arrived, a GET or HEAD is sent
 *   again immediately, once. Anything else fails, and the caller decides.
 * - Responses in gzip, deflate, br or zstd are decoded, one layer, within the size limits, and lose the headers that name
 *   the coding. Compression is requested where the request accepts JSON, that is, a whole response; never for an event
 *   stream, since a proxy that compresses holds tokens back.
 * - `TransportLimits` are applied.
 * - Redirects are responses like any other; they are not followed.
 *
 * Failures before the headers are `TransportError`s, and failures of the body `DecodeError`s. Their cause has the `code`.
 *
 * A request by the client's own methods has a span and trace headers as with any client of Effect, and a response that
 * nobody reads is closed when it is garbage-collected. For a request sent within limits (`TransportLimits.sendOf`) both are
 * up to the caller.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import type { HttpClientResponse } from "effect/http/HttpClientResponse"
import * as Url from "effect/http/Url"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { accepted } from "../http/Decoder.ts"
import * as FetchTransport from "../http/FetchTransport.ts"
import { IncomingResponse } from "../http/IncomingResponse.ts"
import { enforcesLimits, type Limits, type Send, type Size } from "../http/TransportLimits.ts"
import * as Connections from "./Connections.ts"
import { Exchange } from "./Exchange.ts"
import * as Proxy from "./Proxy.ts"

/**
 * How to connect, and what to expect.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends Connections.Options {
  /**
   * The most bytes of a body that is read as a whole, after decompression, if the request sets no limit. Default: 64
   * MiB.
   */
  readonly maxBodyBytes?: number | undefined
  /** Whether to request compressed responses where that makes sense. They are understood in any case. Default: true. */
  readonly compression?: boolean | undefined
}

/**
 * Makes the client. Its connections live as long as the scope.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options = {}): Effect.Effect<HttpClient.HttpClient, never, Scope.Scope> =>
  Effect.map(connected(options), (connections) => {
    const send = sender(connections, options)
    const targetOf = memoized()
    const client = HttpClient.make((request, url, signal) => send(request, target(url), {}, undefined, signal))
    const within: Send = (request, limits, whole) => {
      const to = targetOf(request)
      return Result.isSuccess(to) ? send(request, to.success, limits, whole) : Effect.fail(to.failure)
    }
    return Object.defineProperty(client, enforcesLimits, { value: within })
  })

/** With a proxy that is not a URL, every request fails: the network settings are wrong, not the program. */
const connected = (options: Options): Effect.Effect<Connections.Connections, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const proxy = Proxy.address(options.proxy ?? "environment")
      return proxy === undefined ? Connections.make(options) : Proxy.make(options, proxy)
    }),
    (connections) => Effect.sync(() => connections.destroy())
  )

/** Bun replaces undici with its own implementation, which has no `dispatch`; on Bun, `fetch` is the fast path. */
const isBun = "bun" in process.versions

/**
 * The client with the given options. On Bun it is the transport over `fetch`, which applies the same limits on time and
 * size, except the one on connecting.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerOptions = (options: Options): Layer.Layer<HttpClient.HttpClient> =>
  isBun ? FetchTransport.layer : Layer.effect(HttpClient.HttpClient, make(options))

/**
 * The client with its defaults.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<HttpClient.HttpClient> = layerOptions({})

interface Target {
  readonly origin: string
  readonly path: string
  readonly href: string
}

const target = (url: URL): Target => ({
  origin: url.origin,
  path: url.pathname + url.search,
  href: url.hash === "" ? url.href : url.href.slice(0, -url.hash.length)
})

type SendTo = (
  request: HttpClientRequest,
  to: Target,
  limits: Limits,
  whole?: Size,
  signal?: AbortSignal
) => Effect.Effect<HttpClientResponse, HttpClientError.HttpClientError>

const sender = (connections: Connections.Connections, options: Options): SendTo => {
  const maxWholeBytes = options.maxBodyBytes ?? 64 * 1024 * 1024
  const compression = options.compression ?? true
  return (request, to, limits, whole, signal) =>
    Effect.callback((resume) => {
      const payload = payloadOf(request)
      const exchange = new Exchange(connections, {
        origin: to.origin,
        path: to.path,
        method: request.method,
        headers: headersOf(request, payload, compression),
        body: payload.body
      }, limits)
      if (whole !== undefined) exchange.expect(whole)
      exchange.wake = () =>
        resume(
          exchange.status > 0
            ? Effect.succeed(new IncomingResponse(request, to.href, exchange, limits.maxBodyBytes ?? maxWholeBytes))
            : Effect.fail(transportError(request, exchange.failure))
        )
      exchange.start()
      if (signal?.aborted === true) exchange.cancel()
      else signal?.addEventListener("abort", () => exchange.cancel(), { once: true })
      return Effect.sync(() => exchange.leave())
    })
}

const transportError = (request: HttpClientRequest, cause: unknown) =>
  new HttpClientError.HttpClientError({ reason: new HttpClientError.TransportError({ request, cause }) })

/** Names and values, alternating. */
const headersOf = (request: HttpClientRequest, payload: Payload, compression: boolean): Array<string> => {
  const { headers } = request
  const flat: Array<string> = []
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (value !== undefined && (name !== "content-type" || payload.type === undefined)) flat.push(name, value)
  }
  if (payload.type !== undefined) flat.push("content-type", payload.type)
  if (compression && headers["accept-encoding"] === undefined && headers.accept?.includes("json") === true) {
    flat.push("accept-encoding", accepted)
  }
  return flat
}

/** A body and the headers that its encoding chose. */
interface Payload {
  readonly body: Connections.Request["body"]
  /** The content type, if the encoding chose it. */
  readonly type?: string | undefined
}

const empty: Payload = { body: null }

const payloadOf = ({ body }: HttpClientRequest): Payload => {
  switch (body._tag) {
    case "Empty":
      return empty
    case "Uint8Array":
      return { body: body.text ?? body.body }
    case "Raw":
      // it is checked when it is written
      return { body: body.body instanceof Blob ? body.body.stream() : body.body as Payload["body"] }
    case "FormData": {
      // encoded by the platform, with a boundary of its choice
      const { body: encoded, headers } = new Response(body.formData)
      return { body: encoded ?? [], type: headers.get("content-type") ?? undefined }
    }
    case "Stream":
      return { body: Stream.toAsyncIterable(body.stream) }
  }
}

/** Where requests go; a client mostly sends to the same few addresses, so the last one is cached. */
const memoized = () => {
  let url: string | undefined
  let last: Result.Result<Target, HttpClientError.HttpClientError> | undefined
  return (request: HttpClientRequest): Result.Result<Target, HttpClientError.HttpClientError> => {
    const plain = request.urlParams.params.length === 0 && Option.isNone(request.hash)
    if (plain && last !== undefined && request.url === url) return last
    const made = Result.mapBoth(Url.make(request.url, request.urlParams, Option.getOrUndefined(request.hash)), {
      onSuccess: target,
      onFailure: (cause) =>
        new HttpClientError.HttpClientError({ reason: new HttpClientError.InvalidUrlError({ request, cause }) })
    })
    if (plain && Result.isSuccess(made)) {
      url = request.url
      last = made
    }
    return made
  }
}
