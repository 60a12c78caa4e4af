/**
 * The `HttpClientResponse` of a transport that applies limits by itself.
 *
 * @since 0.2.0
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
import * as Bytes from "./Bytes.ts"
import type { Incoming } from "./Incoming.ts"
import { fault } from "./TransportFault.ts"
import { type EnforcedResponse, enforcesLimits, type Reading, type Size } from "./TransportLimits.ts"

type Chunks = [Uint8Array, ...Array<Uint8Array>]

type Failure = HttpClientError.HttpClientError

/**
 * A response whose headers have arrived. The body can be streamed once, or read whole any number of times; after it was read
 * whole it can also be streamed.
 *
 * Faults of the body are `DecodeError`s whose cause has the `code`: `UND_ERR_BODY_TIMEOUT`, `ERR_BODY_TOO_LARGE`,
 * `UND_ERR_SOCKET` and others by undici's names, `ECONNRESET`, and the `Z_` and `ERR_` codes of zlib. What arrived before
 * the fault is delivered first when the body is streamed.
 *
 * @category models
 * @since 0.1.0
 */
export class IncomingResponse extends Inspectable.Class implements EnforcedResponse, Reading {
  readonly [HttpIncomingMessage.TypeId] = HttpIncomingMessage.TypeId
  readonly [HttpClientResponse.TypeId] = HttpClientResponse.TypeId
  readonly request: HttpClientRequest
  readonly url: string
  readonly #incoming: Incoming
  readonly #maxWholeBytes: number
  #headers: Headers.Headers | undefined
  #body: Exit.Exit<Uint8Array, Failure> | undefined
  #readers: Array<(body: Exit.Exit<Uint8Array, Failure>) => void> | undefined
  #text: string | undefined
  #size: Size | undefined
  #asText: boolean | undefined
  #streamed = false

  constructor(request: HttpClientRequest, url: string, incoming: Incoming, maxWholeBytes: number) {
    super()
    this.request = request
    this.url = url
    this.#incoming = incoming
    this.#maxWholeBytes = maxWholeBytes
  }

  get [enforcesLimits](): Reading {
    return this
  }

  firstEventCame(): void {
    this.#incoming.firstEventCame()
  }

  readRest(bytes: number, milliseconds: number): Effect.Effect<void> {
    return Effect.suspend(() => {
      const incoming = this.#incoming
      if (incoming.ended || incoming.failure !== undefined) return Effect.void
      return Effect.callback<void>((resume) => {
        const stop = incoming.drain(bytes, milliseconds, () => resume(Effect.void))
        return Effect.sync(stop)
      })
    })
  }

  get status(): number {
    return this.#incoming.status
  }

  get headers(): Headers.Headers {
    return this.#headers ??= headersOf(this.#incoming.headers)
  }

  get cookies(): Cookies.Cookies {
    const header = this.#incoming.headers["set-cookie"]
    return header === undefined ? Cookies.empty : Cookies.fromSetCookie(header)
  }

  get remoteAddress(): Option.Option<string> {
    return Option.none()
  }

  /** The body as it arrives: each pull takes all that arrived since the last one. Leaving early closes the connection. */
  get stream(): Stream.Stream<Uint8Array, Failure> {
    return Stream.fromChannel(Channel.fromTransform((_, scope) =>
      Effect.suspend(() => {
        if (this.#body !== undefined) return Effect.succeed(once(Exit.map(this.#body, this.#encoded)))
        if (this.#streamed || this.#readers !== undefined) return Effect.fail(this.#decodeError(alreadyRead()))
        this.#streamed = true
        this.#incoming.read()
        return Effect.as(Scope.addFinalizer(scope, Effect.sync(() => this.#incoming.leave())), this.#pull)
      })
    ))
  }

  get arrayBuffer(): Effect.Effect<ArrayBuffer, Failure> {
    return Effect.map(this.bytes({ limit: this.#maxWholeBytes }), (body) => {
      const copy = new Uint8Array(body.length)
      copy.set(body)
      return copy.buffer
    })
  }

  get text(): Effect.Effect<string, Failure> {
    return this.wholeText({ limit: this.#maxWholeBytes })
  }

  bytes(size: Size): Effect.Effect<Uint8Array, Failure> {
    return Effect.map(this.#all(size, false), this.#encoded)
  }

  /** A body that the transport delivered as a string has no bytes of its own. */
  readonly #encoded = (body: Uint8Array): Uint8Array =>
    this.#incoming.text === undefined ? body : new TextEncoder().encode(this.#incoming.text)

  wholeText(size: Size): Effect.Effect<string, Failure> {
    return Effect.map(
      this.#all(size, true),
      (body) => this.#text ??= this.#incoming.text ?? decoder.decode(body)
    )
  }

  arrivedText(): string | undefined {
    const incoming = this.#incoming
    if (!incoming.ended || incoming.failure !== undefined || this.#streamed) return undefined
    const body = this.#body ?? this.#settle()
    return body?._tag === "Success" ? this.#text ??= incoming.text ?? decoder.decode(body.value) : undefined
  }

  #all(size: Size, asText: boolean): Effect.Effect<Uint8Array, Failure> {
    return Effect.suspend(() => {
      this.#size ??= size
      this.#asText ??= asText
      return this.#whole
    })
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

  readonly #pull: Pull.Pull<Chunks, Failure> = Effect.suspend(() => {
    const incoming = this.#incoming
    const chunks = incoming.take()
    if (isFilled(chunks)) return Effect.succeed(chunks)
    if (incoming.failure !== undefined) return Effect.fail(this.#decodeError(incoming.failure))
    return incoming.ended ? Cause.done() : this.#more
  })

  each(take: (chunks: Chunks) => boolean): Effect.Effect<"ended" | "enough", Failure> {
    return Effect.callback((resume) => {
      const incoming = this.#incoming
      const read = (): void => {
        const chunks = incoming.take()
        try {
          if (isFilled(chunks) && !take(chunks)) return resume(Effect.succeed("enough"))
        } catch (defect) {
          return resume(Effect.die(defect))
        }
        if (incoming.failure !== undefined) resume(Effect.fail(this.#decodeError(incoming.failure)))
        else if (incoming.ended) resume(Effect.succeed("ended"))
        else incoming.wake = read
      }
      read()
      return Effect.sync(() => {
        incoming.wake = undefined
      })
    })
  }

  readonly #more: Pull.Pull<Chunks, Failure> = Effect.callback((resume) => {
    this.#incoming.wake = () => resume(this.#pull)
  })

  readonly #whole: Effect.Effect<Uint8Array, Failure> = Effect.suspend(() => {
    if (this.#body !== undefined) return this.#body
    if (this.#streamed) return Effect.fail(this.#decodeError(alreadyRead()))
    this.#incoming.collect(this.#size ?? { limit: this.#maxWholeBytes }, this.#asText === true)
    return this.#settle() ?? this.#settled
  })

  readonly #settled: Effect.Effect<Uint8Array, Failure> = Effect.callback((resume) => {
    const readers = this.#readers ??= []
    readers.push(resume)
    this.#incoming.wake = () => {
      const body = this.#settle()
      if (body === undefined) return
      for (const reader of this.#readers ?? []) reader(body)
    }
    return Effect.sync(() => {
      readers.splice(readers.indexOf(resume), 1)
      if (readers.length === 0) this.#incoming.leave()
    })
  })

  /** The outcome of the whole body, once there is one. */
  #settle(): Exit.Exit<Uint8Array, Failure> | undefined {
    const incoming = this.#incoming
    if (incoming.failure !== undefined) return this.#body = Exit.fail(this.#decodeError(incoming.failure))
    return incoming.ended ? this.#body = Exit.succeed(Bytes.join(incoming.take())) : undefined
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

/** Headers whose names are already in lower case. */
const headersOf = (fields: Incoming["headers"]): Headers.Headers => {
  const plain: Record<string, string> = Object.create(Object.getPrototypeOf(Headers.empty))
  for (const name in fields) {
    const value = fields[name]
    if (typeof value === "string") plain[name] = value
    else if (value !== undefined) plain[name] = value.join(", ")
  }
  // they have the prototype of headers
  return plain as Headers.Headers
}

const isFilled = (chunks: Array<Uint8Array>): chunks is Chunks => chunks.length > 0

const decoder = new TextDecoder()

const once = (body: Exit.Exit<Uint8Array, Failure>): Pull.Pull<Chunks, Failure> => {
  let taken = false
  return Effect.flatMap(body, (bytes) => {
    if (taken || bytes.length === 0) return Cause.done()
    taken = true
    return Effect.succeed<Chunks>([bytes])
  })
}

const alreadyRead = () => fault("ERR_BODY_READ", "The response body was already read")
