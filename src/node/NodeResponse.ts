/**
 * The `HttpClientResponse` over an exchange.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Channel from "effect/Channel"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Cookies from "effect/http/Cookies"
import * as Headers from "effect/http/Headers"
import * as HttpClientError from "effect/http/HttpClientError"
import type { HttpClientRequest } from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as HttpIncomingMessage from "effect/http/HttpIncomingMessage"
import * as UrlParams from "effect/http/UrlParams"
import * as Inspectable from "effect/Inspectable"
import * as Option from "effect/Option"
import { pipeArguments } from "effect/Pipeable"
import type * as Pull from "effect/Pull"
import type * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import type * as Socket from "effect/socket/Socket"
import * as Stream from "effect/Stream"
import { type EnforcedResponse, enforcesLimits, type Reading } from "../http/TransportLimits.ts"
import type { HttpExchange } from "./HttpExchange.ts"
import { fault } from "./TransportFault.ts"

type Pieces = [Uint8Array, ...Array<Uint8Array>]

type Failure = HttpClientError.HttpClientError

/**
 * A response whose head has arrived. The body can be streamed once, or read whole as often as one likes; after it was
 * read whole it can also be streamed.
 *
 * Faults of the body are `DecodeError`s whose cause has the `code`: `UND_ERR_BODY_TIMEOUT`, `ERR_BODY_TOO_LARGE`,
 * `UND_ERR_SOCKET` and others by undici's names, `ECONNRESET`, and the `Z_` and `ERR_` codes of zlib. What arrived before the
 * fault is delivered first when the body is streamed.
 *
 * @category models
 * @since 0.1.0
 */
export class NodeResponse extends Inspectable.Class implements EnforcedResponse, Reading {
  readonly [HttpIncomingMessage.TypeId] = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId] = HttpClientResponse.TypeId
  readonly request: HttpClientRequest
  readonly url: string
  readonly #exchange: HttpExchange
  readonly #maxWholeBytes: number
  #headers: Headers.Headers | undefined
  #body: Exit.Exit<Buffer, Failure> | undefined
  #readers: Array<(body: Exit.Exit<Buffer, Failure>) => void> | undefined
  #text: string | undefined
  #streamed = false

  constructor(request: HttpClientRequest, url: string, exchange: HttpExchange, maxWholeBytes: number) {
    super()
    this.request = request
    this.url = url
    this.#exchange = exchange
    this.#maxWholeBytes = maxWholeBytes
  }

  get [enforcesLimits](): Reading {
    return this
  }

  firstEventCame(): void {
    this.#exchange.firstEventCame()
  }

  readRest(bytes: number, milliseconds: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      const exchange = this.#exchange
      if (exchange.ended || exchange.failure !== undefined) return Effect.void
      return Effect.callback<void>((resume) => {
        const stop = exchange.drain(bytes, milliseconds, () => resume(Effect.void))
        return Effect.sync(stop)
      })
    })
  }

  get status(): number {
    return this.#exchange.status
  }

  get headers(): Headers.Headers {
    return this.#headers ??= Headers.fromInput(this.#exchange.headers)
  }

  get cookies(): Cookies.Cookies {
    const header = this.#exchange.headers["set-cookie"]
    return header === undefined ? Cookies.empty : Cookies.fromSetCookie(header)
  }

  get remoteAddress(): Option.Option<string> {
    return Option.none()
  }

  /** The body as it comes: each pull takes all that arrived since the last one. Leaving early closes the connection. */
  get stream(): Stream.Stream<Uint8Array, Failure> {
    return Stream.fromChannel(Channel.fromTransform((_, scope) =>
      Effect.suspend(() => {
        if (this.#body !== undefined) return Effect.succeed(once(this.#body))
        if (this.#streamed || this.#readers !== undefined) return Effect.fail(this.#decodeError(alreadyRead()))
        this.#streamed = true
        return Effect.as(Scope.addFinalizer(scope, Effect.sync(() => this.#exchange.leave())), this.#pull)
      })
    ))
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, Failure> {
    return Effect.map(this.#whole, (body) => {
      const copy = new Uint8Array(body.length)
      copy.set(body)
      return copy.buffer
    })
  }

  get text(): Effect.Effect<string, Failure> {
    return Effect.map(this.#whole, (body) => this.#text ??= decode(body))
  }

  get json(): Effect.Effect<Schema.Json, Failure> {
    return Effect.flatMap(this.text, (text) => this.#try((): Schema.Json => text === "" ? null : JSON.parse(text)))
  }

  get urlParamsBody(): Effect.Effect<UrlParams.UrlParams, Failure> {
    // a leading "?" belongs to the first name here, and URLSearchParams would drop it
    return Effect.flatMap(
      this.text,
      (text) => this.#try(() => UrlParams.fromInput(new URLSearchParams(text.replace(/^\?/, "%3F"))))
    )
  }

  get formData(): Effect.Effect<FormData, Failure> {
    return Effect.flatMap(this.arrayBuffer, (body) =>
      Effect.tryPromise({
        try: () => new Response(body, { headers: this.headers }).formData(),
        catch: (cause) => this.#decodeError(cause)
      }))
  }

  get upgrade(): Effect.Effect<Socket.Socket, Failure> {
    return Effect.fail(
      new HttpClientError.HttpClientError({
        reason: new HttpClientError.StatusCodeError({
          request: this.request,
          response: this,
          description: "this client does not upgrade connections"
        })
      })
    )
  }

  override toJSON(): unknown {
    return HttpIncomingMessage.inspect(this, {
      _id: "effect/http/HttpClientResponse",
      request: this.request.toJSON(),
      status: this.status
    })
  }

  pipe() {
    // oxlint-disable-next-line prefer-rest-params -- what pipeArguments takes
    return pipeArguments(this, arguments)
  }

  readonly #pull: Pull.Pull<Pieces, Failure> = Effect.suspend(() => {
    const exchange = this.#exchange
    const pieces = exchange.take()
    if (isFilled(pieces)) return Effect.succeed(pieces)
    if (exchange.failure !== undefined) return Effect.fail(this.#decodeError(exchange.failure))
    return exchange.ended ? Cause.done() : this.#more
  })

  readonly #more: Pull.Pull<Pieces, Failure> = Effect.callback((resume) => {
    this.#exchange.wake = () => resume(this.#pull)
  })

  readonly #whole: Effect.Effect<Buffer, Failure> = Effect.suspend(() => {
    if (this.#body !== undefined) return this.#body
    if (this.#streamed) return Effect.fail(this.#decodeError(alreadyRead()))
    this.#exchange.collect(this.#maxWholeBytes)
    return this.#settle() ?? this.#settled
  })

  readonly #settled: Effect.Effect<Buffer, Failure> = Effect.callback((resume) => {
    const readers = this.#readers ??= []
    readers.push(resume)
    this.#exchange.wake = () => {
      const body = this.#settle()
      if (body === undefined) return
      for (const reader of this.#readers ?? []) reader(body)
    }
    return Effect.sync(() => {
      readers.splice(readers.indexOf(resume), 1)
      if (readers.length === 0) this.#exchange.leave()
    })
  })

  /** The outcome of the whole body, once there is one. */
  #settle(): Exit.Exit<Buffer, Failure> | undefined {
    const exchange = this.#exchange
    if (exchange.failure !== undefined) return this.#body = Exit.fail(this.#decodeError(exchange.failure))
    return exchange.ended ? this.#body = Exit.succeed(join(exchange.take())) : undefined
  }

  #try<A>(decode: () => A): Effect.Effect<A, Failure> {
    return Effect.try({ try: decode, catch: (cause) => this.#decodeError(cause) })
  }

  #decodeError(cause: unknown): Failure {
    return new HttpClientError.HttpClientError({
      reason: new HttpClientError.DecodeError({ request: this.request, response: this, cause })
    })
  }
}

const isFilled = (pieces: Array<Buffer>): pieces is [Buffer, ...Array<Buffer>] => pieces.length > 0

const join = (pieces: Array<Buffer>): Buffer => {
  const [first, ...rest] = pieces
  return first === undefined ? Buffer.alloc(0) : rest.length === 0 ? first : Buffer.concat(pieces)
}

const byteOrderMark = "\uFEFF"

const decode = (body: Buffer): string => {
  const text = body.toString()
  return text.startsWith(byteOrderMark) ? text.slice(1) : text
}

const once = (body: Exit.Exit<Buffer, Failure>): Pull.Pull<Pieces, Failure> => {
  let taken = false
  return Effect.flatMap(body, (bytes) => {
    if (taken || bytes.length === 0) return Cause.done()
    taken = true
    return Effect.succeed<Pieces>([bytes])
  })
}

const alreadyRead = () => fault("ERR_BODY_READ", "The response body was read already")
