/**
 * One request on an undici connection and its response: undici's handler on one side, the reader's `Incoming` on the
 * other. The limit on the headers is applied here, since undici's starts again with every interim response.
 *
 * @since 0.2.0
 */
import type { Dispatcher } from "undici"
import * as Decoder from "../http/Decoder.ts"
import { Incoming } from "../http/Incoming.ts"
import { fault, tooLarge } from "../http/TransportFault.ts"
import type { Limits } from "../http/TransportLimits.ts"
import { timer } from "../http/Watch.ts"
import type { Connections, Lease, Request, Sender } from "./Connections.ts"

type Fields = Incoming["headers"]

/**
 * The state of one exchange.
 *
 * @category models
 * @since 0.2.0
 */
export class Exchange extends Incoming implements Sender {
  readonly #connections: Connections
  readonly #request: Request
  #controller: Dispatcher.DispatchController | undefined
  #lease: Lease | undefined
  #withdraw: (() => void) | undefined
  #decoder: Decoder.Decoder | undefined
  #left: Error | undefined
  #onWire = 0
  #answered = false
  #replayed = false
  /** The response arrived before the request was fully sent: the rest of the request is still on the connection. */
  #early = false

  constructor(connections: Connections, request: Request, limits: Limits) {
    super(limits)
    this.#connections = connections
    const { body } = request
    this.#request = {
      ...request,
      body: typeof body === "object" && body !== null && !(body instanceof Uint8Array) && isIterable(body)
        ? new Outgoing(body)
        : body,
      headersTimeout: 0,
      bodyTimeout: timer(limits.idle)
    }
  }

  /** Sends the request. Its outcome is announced by `wake`. */
  start(): void {
    this.#connections.dispatch(this.#request, this, false)
  }

  // ---- the connection's side -----------------------------------------------------------------------------------------

  readonly onQueued = (withdraw: () => void): void => {
    this.#withdraw = withdraw
    if (this.#left !== undefined) withdraw()
  }

  readonly onLeased = (lease: Lease): void => {
    this.#lease = lease
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#left === undefined) this.sent()
    else controller.abort(this.#left)
  }

  onResponseStarted(): void {
    this.#answered = true
  }

  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Fields): void {
    if (status < 200 || this.failure !== undefined) return
    this.#early = status === 413 || (this.#lease?.unsent ?? 0) > 0
    const coding = headers["content-encoding"]
    const known = coding === undefined || this.#request.method === "HEAD"
      ? undefined
      : Decoder.fromHeader(String(coding))
    if (known === undefined) return this.begin(status, headers, Number(headers["content-length"] ?? 0))
    // the headers describe the body as the reader gets it
    const { "content-encoding": _coding, "content-length": _length, ...rest } = headers
    if (known !== "unsupported") this.#decoder = this.#decode(known)
    this.begin(status, rest, 0)
    if (known === "unsupported") this.abort(Decoder.unsupported(String(coding)))
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.failure !== undefined) return
    this.#onWire += chunk.length
    if (this.#decoder === undefined) this.receive(chunk)
    else if (this.#onWire > this.limit) this.abort(tooLarge(this.limit))
    else if (!this.#decoder.write(chunk)) this.#controller?.pause()
  }

  onResponseEnd(): void {
    const lease = this.#lease
    this.#lease = undefined
    if (this.#early) lease?.discard()
    else lease?.release()
    if (this.#decoder === undefined) this.end()
    else this.#decoder.end()
  }

  readonly onResponseError = (_: Dispatcher.DispatchController | null, error: Error): void => {
    const lease = this.#lease
    this.#lease = undefined
    this.#controller = undefined
    lease?.discard(error)
    if (this.failure === undefined && lease?.reused === true && this.#isHarmless(error)) {
      this.#replayed = true
      queueMicrotask(() => {
        if (this.failure === undefined) this.#connections.dispatch(this.#request, this, true)
      })
    } else this.fail(error.name === "HTTPParserError" ? fault("HPE_INVALID", "The response is not HTTP", error) : error)
  }

  // ---- the reader's side ---------------------------------------------------------------------------------------------

  protected close(reason: Error): void {
    this.#left = reason
    if (this.#controller !== undefined) this.#controller.abort(reason)
    else if (this.#lease === undefined) this.#withdraw?.()
    else {
      const lease = this.#lease
      this.#lease = undefined
      lease.discard(reason)
    }
  }

  protected pause(): void {
    if (this.#decoder === undefined) this.#controller?.pause()
    else this.#decoder.pause()
  }

  protected resume(): void {
    if (this.#decoder === undefined) this.#controller?.resume()
    else this.#decoder.resume()
  }

  protected override settled(): void {
    super.settled()
    this.#decoder?.close()
    if (this.#request.body instanceof Outgoing) this.#request.body.stop()
  }

  // ---- between -------------------------------------------------------------------------------------------------------

  /** The server closed a kept-alive connection during a read: the request is sent again, once, on a new connection. */
  #isHarmless(error: Error & { readonly code?: unknown }): boolean {
    const { method } = this.#request
    return (method === "GET" || method === "HEAD") && !this.#answered && !this.#replayed &&
      (error.code === "UND_ERR_SOCKET" || error.code === "ECONNRESET" || error.code === "EPIPE")
  }

  #decode(coding: Decoder.Coding): Decoder.Decoder {
    return new Decoder.Decoder(coding, {
      onChunk: (chunk) => this.receive(chunk),
      onDrain: () => this.#controller?.resume(),
      onEnd: () => this.end(),
      onFault: (error) => this.abort(error)
    })
  }
}

const isIterable = (body: object): body is AsyncIterable<unknown> | Iterable<unknown> =>
  Symbol.asyncIterator in body || Symbol.iterator in body

/** A request body in parts, which ends with its exchange: undici would keep waiting for the next part. */
class Outgoing implements AsyncIterable<Uint8Array> {
  readonly #parts: AsyncIterable<unknown> | Iterable<unknown>
  #iterator: AsyncIterator<unknown> | Iterator<unknown> | undefined
  #waiting: ((result: IteratorResult<Uint8Array>) => void) | undefined
  #stopped = false

  constructor(parts: AsyncIterable<unknown> | Iterable<unknown>) {
    this.#parts = parts
  }

  stop(): void {
    if (this.#stopped) return
    this.#stopped = true
    const iterator = this.#iterator
    if (iterator?.return !== undefined) void Promise.resolve(iterator.return()).catch(() => undefined)
    this.#waiting?.({ done: true, value: undefined })
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    const iterator = this.#iterator = Symbol.asyncIterator in this.#parts
      ? this.#parts[Symbol.asyncIterator]()
      : this.#parts[Symbol.iterator]()
    return {
      next: () =>
        new Promise((resolve, reject) => {
          if (this.#stopped) return resolve({ done: true, value: undefined })
          this.#waiting = resolve
          Promise.resolve(iterator.next()).then(
            (next) => resolve(next.done === true ? { done: true, value: undefined } : { value: bytesOf(next.value) })
          ).catch((error: unknown) => reject(error instanceof Error ? error : unmade(error)))
        })
    }
  }
}

/** Streams may fail with anything. */
const unmade = (cause: unknown): Error => fault("ERR_REQUEST_BODY", "The request body failed before its end", cause)

const bytesOf = (part: unknown): Uint8Array => {
  if (part instanceof Uint8Array) return part
  if (typeof part === "string") return Buffer.from(part)
  if (part instanceof ArrayBuffer) return new Uint8Array(part)
  throw fault("UND_ERR_INVALID_ARG", "A part of the request body is neither bytes nor text")
}
