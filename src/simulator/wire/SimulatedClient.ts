/**
 * An `HttpClient` whose other end is a {@link Exchange.Handler}: no socket, and the same errors as with one.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Cookies from "effect/http/Cookies"
import * as Headers from "effect/http/Headers"
import type * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as UrlParams from "effect/http/UrlParams"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import { pipeArguments } from "effect/Pipeable"
import type * as Schema from "effect/Schema"
import type * as Socket from "effect/socket/Socket"
import * as Stream from "effect/Stream"
import * as Bytes from "./Bytes.ts"
import type * as Exchange from "./Exchange.ts"

const words: Readonly<Record<Exchange.Broken["how"], readonly [code: string, message: string]>> = {
  refused: ["ECONNREFUSED", "connect ECONNREFUSED"],
  reset: ["ECONNRESET", "read ECONNRESET"],
  fin: ["UND_ERR_SOCKET", "other side closed"],
  short: ["UND_ERR_SOCKET", "other side closed before the promised length"]
}

/** The break in the form of Node's socket errors, with their `code`. */
const cause = (broken: Exchange.Broken): Error => {
  const [code, message] = words[broken.how]
  return Object.assign(new Error(message), { code })
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * A body that is available at once has its length in the headers, as from a server; one that is produced gradually has none.
 */
const lengthOf = ({ body }: Exchange.Response): Readonly<Record<string, string>> =>
  typeof body === "string" || body instanceof Uint8Array
    ? { "content-length": String(typeof body === "string" ? encoder.encode(body).byteLength : body.byteLength) }
    : {}

class SimulatedResponse extends Inspectable.Class implements HttpClientResponse.HttpClientResponse {
  readonly [HttpIncomingMessage.TypeId]: typeof HttpIncomingMessage.TypeId = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId]: typeof HttpClientResponse.TypeId = HttpClientResponse.TypeId
  readonly request: HttpClientRequest.HttpClientRequest
  readonly url: string
  readonly status: number
  readonly headers: Headers.Headers
  private readonly body: Exchange.Response["body"]

  constructor(request: HttpClientRequest.HttpClientRequest, url: string, source: Exchange.Response) {
    super()
    this.request = request
    this.url = url
    this.status = source.status
    this.headers = Headers.fromInput({ ...lengthOf(source), ...source.headers })
    this.body = source.body
  }

  toJSON(): unknown {
    return HttpIncomingMessage.inspect(this, {
      _id: "HttpClientResponse",
      request: this.request.toJSON(),
      status: this.status
    })
  }

  get cookies(): Cookies.Cookies {
    return Cookies.empty
  }

  get remoteAddress(): Option.Option<string> {
    return Option.none()
  }

  private decodeError(cause: unknown): HttpClientError.HttpClientError {
    return new HttpClientError.HttpClientError({
      reason: new HttpClientError.DecodeError({ request: this.request, response: this, cause })
    })
  }

  get stream(): Stream.Stream<Uint8Array, HttpClientError.HttpClientError> {
    const { body } = this
    if (typeof body === "string") return body === "" ? Stream.empty : Stream.succeed(encoder.encode(body))
    return body instanceof Uint8Array
      ? Stream.succeed(body)
      : Stream.mapError(body, (broken) => this.decodeError(cause(broken)))
  }

  private get bytes(): Effect.Effect<Uint8Array, HttpClientError.HttpClientError> {
    const { body } = this
    return body instanceof Uint8Array ? Effect.succeed(body) : Effect.map(Stream.runCollect(this.stream), Bytes.join)
  }

  get text(): Effect.Effect<string, HttpClientError.HttpClientError> {
    const { body } = this
    return typeof body === "string" ? Effect.succeed(body) : Effect.map(this.bytes, (bytes) => decoder.decode(bytes))
  }

  get json(): Effect.Effect<Schema.Json, HttpClientError.HttpClientError> {
    return Effect.flatMap(this.text, (text) =>
      Effect.try({
        // What JSON.parse returns is JSON.
        try: () => text === "" ? null : JSON.parse(text) as Schema.Json,
        catch: (cause) => this.decodeError(cause)
      }))
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, HttpClientError.HttpClientError> {
    return Effect.map(this.bytes, (bytes) => Uint8Array.from(bytes).buffer)
  }

  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, HttpClientError.HttpClientError> {
    return Effect.map(this.text, (text) => UrlParams.fromInput(new URLSearchParams(text)))
  }

  get formData(): Effect.Effect<FormData, HttpClientError.HttpClientError> {
    return Effect.fail(this.decodeError(new Error("a simulated server answers no form data")))
  }

  get upgrade(): Effect.Effect<Socket.Socket, HttpClientError.HttpClientError> {
    return Effect.fail(this.decodeError(new Error("a simulated server has no connection to hand over")))
  }

  pipe() {
    return pipeArguments(this, arguments)
  }
}

const bodyBytes = (
  request: HttpClientRequest.HttpClientRequest,
  body: HttpBody.HttpBody
): Effect.Effect<Uint8Array, HttpClientError.HttpClientError> => {
  switch (body._tag) {
    case "Uint8Array":
      return Effect.succeed(body.body)
    case "Stream":
      return Stream.runCollect(body.stream).pipe(
        Effect.map(Bytes.join),
        Effect.mapError((cause) =>
          new HttpClientError.HttpClientError({ reason: new HttpClientError.EncodeError({ request, cause }) })
        )
      )
    default:
      return Effect.succeed(
        body._tag === "Raw" && typeof body.body === "string" ? encoder.encode(body.body) : new Uint8Array()
      )
  }
}

/**
 * Makes a client of a handler. The host of a request is ignored: whoever puts several doubles behind one client tells them
 * apart. An aborted request whose body was not read is abandoned.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (handler: Exchange.Handler): HttpClient.HttpClient =>
  HttpClient.make((request, url, signal) =>
    Effect.flatMap(
      bodyBytes(request, request.body),
      (bytes) =>
        handler({
          method: request.method,
          path: url.pathname + url.search,
          headers: request.headers,
          body: decoder.decode(bytes),
          bytes
        }).pipe(
          Effect.mapError((broken) =>
            new HttpClientError.HttpClientError({
              reason: new HttpClientError.TransportError({ request, cause: cause(broken) })
            })
          ),
          Effect.map((response) => {
            const { abandon } = response
            if (abandon !== undefined) signal.addEventListener("abort", abandon, { once: true })
            return new SimulatedResponse(request, url.href, response)
          })
        )
    )
  )
