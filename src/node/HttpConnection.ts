/**
 * A connection that carries one request at a time (HTTP/1.1 without pipelining), and is used again when both sides agree.
 *
 * @since 0.1.0
 */
import { createRequire } from "node:module"
import * as Net from "node:net"
import type * as Tls from "node:tls"
import { type Request, write, type Written } from "./RequestWriter.ts"
import { type Fields, type Receiver, ResponseParser } from "./ResponseParser.ts"
import { fault, markStale } from "./TransportFault.ts"

/**
 * What a request can do with its connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface Controller {
  /** Closes the connection; the request fails with the reason. */
  readonly abort: (reason: Error) => void
  /** Stops reading, and so the server in the end. */
  readonly pause: () => void
  readonly resume: () => void
}

/**
 * Who is told about its request and the answer. Nothing comes after `onResponseEnd` or `onResponseError`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Handler {
  readonly onRequestStart: (controller: Controller) => void
  /** The first byte of an answer came. */
  readonly onResponseStarted: () => void
  readonly onResponseStart: (controller: Controller, status: number, headers: Fields) => void
  readonly onResponseData: (controller: Controller, bytes: Buffer) => void
  readonly onResponseEnd: () => void
  /** `controller` is absent when there was no connection yet. */
  readonly onResponseError: (controller: Controller | undefined, error: Error) => void
}

/**
 * How to connect.
 *
 * @category models
 * @since 0.1.0
 */
export interface Settings {
  /** Milliseconds for name lookup, TCP and TLS together; 0 for no limit. */
  readonly connectTimeout: number
  readonly maxHeadBytes: number
  readonly ca: string | Array<string> | undefined
}

/** Milliseconds between two looks at the limits of time. */
export const TICK = 500

/** How much earlier than the server a connection is closed, so that no request meets the server's own closing. */
const KEEP_MARGIN = 2 * TICK

/** How long after the last byte the kernel asks whether the other side is still there. */
const KEEP_ALIVE_PROBE = 60_000

const require = createRequire(import.meta.url)

/**
 * A connection to one origin, opened at once.
 *
 * @category models
 * @since 0.1.0
 */
export class HttpConnection implements Controller, Receiver {
  readonly #socket: Net.Socket
  readonly #host: string
  readonly #parser: ResponseParser
  readonly #onUnusable: () => void
  #timer: NodeJS.Timeout | undefined
  #connecting = true
  #handler: Handler | undefined
  #request: Request | undefined
  #iterator: AsyncIterator<unknown> | Iterator<unknown> | undefined
  #used = false
  /** The caller wants the connection to end with the answer that is under way. */
  #last = false
  #closed = false
  #ticks = 0
  #paused = false
  /** The head of the answer came. */
  #answered = false

  /** `onUnusable` is called once, when the connection can carry no other request. */
  constructor(origin: URL, settings: Settings, session: TlsSession, onUnusable: () => void) {
    this.#host = origin.host
    this.#onUnusable = onUnusable
    this.#parser = new ResponseParser(this, settings.maxHeadBytes)
    if (settings.connectTimeout > 0) {
      this.#timer = setTimeout(() => {
        this.#fail(fault("UND_ERR_CONNECT_TIMEOUT", `No connection within ${settings.connectTimeout} milliseconds`))
      }, settings.connectTimeout)
    }
    this.#socket = connect(origin, settings, session)
      .setNoDelay(true)
      .setKeepAlive(true, KEEP_ALIVE_PROBE)
      .on(origin.protocol === "https:" ? "secureConnect" : "connect", () => this.#connected())
      .on("data", (bytes: Buffer) => this.#read(bytes))
      .on("end", () => this.#ended())
      .on("error", (error) => this.#fail(error))
      .on("close", () => this.#ended())
  }

  /** Sends a request. The connection must be free. */
  send(request: Request, handler: Handler): void {
    this.#handler = handler
    this.#request = request
    this.#ticks = 0
    this.#parser.start(request.method)
    handler.onRequestStart(this)
    // it may have been given up already
    if (this.#handler !== handler) return
    const written = write(request, this.#host)
    if (written instanceof Error) return this.#fail(written)
    this.#last = written.close
    this.#socket.ref()
    this.#write(written, handler)
  }

  /** The connection is free and may stay so for long: it keeps no process alive. */
  rest(): void {
    this.#ticks = 0
    if (this.#paused) this.resume()
    this.#socket.unref()
  }

  /** Looks at the limits of time. A free connection is closed after so many milliseconds, or before the server does it. */
  tick(keep: number): void {
    this.#ticks++
    const passed = (this.#ticks - 1) * TICK
    if (!this.#connecting && this.#request !== undefined) {
      const { bodyTimeout, headersTimeout } = this.#request
      const limit = this.#answered ? bodyTimeout : headersTimeout
      if (limit > 0 && passed >= limit && !this.#paused) {
        this.#fail(
          this.#answered
            ? fault("UND_ERR_BODY_TIMEOUT", "No byte of the body came within the time set for it")
            : fault("UND_ERR_HEADERS_TIMEOUT", "No head came within the time set for it")
        )
      }
    }
    if (this.#handler === undefined && this.#used && passed >= Math.min(keep, this.#parser.keepFor - KEEP_MARGIN)) {
      this.#close()
    }
  }

  // ---- what a request can do -----------------------------------------------------------------------------------------

  abort(reason: Error): void {
    this.#fail(reason)
  }

  pause(): void {
    this.#paused = true
    this.#socket.pause()
  }

  resume(): void {
    this.#paused = false
    this.#ticks = 0
    this.#socket.resume()
  }

  // ---- the parser's side ---------------------------------------------------------------------------------------------

  onHead(status: number, headers: Fields): void {
    this.#answered = true
    this.#handler?.onResponseStart(this, status, headers)
  }

  onBody(bytes: Buffer): void {
    this.#handler?.onResponseData(this, bytes)
  }

  onEnd(): void {
    const handler = this.#handler
    this.#handler = undefined
    this.#request = undefined
    this.#answered = false
    this.#used = true
    // an answer before the whole request was sent leaves the rest of it on the wire
    const { keepAlive, keepFor } = this.#parser
    if (this.#last || !keepAlive || keepFor <= KEEP_MARGIN || this.#iterator !== undefined) this.#close()
    handler?.onResponseEnd()
  }

  // ---- the socket's side ---------------------------------------------------------------------------------------------

  #connected(): void {
    clearTimeout(this.#timer)
    this.#connecting = false
    this.#ticks = 0
    if (this.#handler === undefined) this.#socket.unref()
  }

  #read(bytes: Buffer): void {
    const handler = this.#handler
    // nobody asked for anything
    if (handler === undefined) return this.#close()
    this.#ticks = 0
    if (!this.#parser.started) handler.onResponseStarted()
    const failure = this.#parser.push(bytes)
    if (failure !== undefined) this.#fail(failure)
  }

  #ended(): void {
    if (this.#closed) return
    if (this.#handler !== undefined && this.#parser.finish()) return
    this.#fail(fault("UND_ERR_SOCKET", "other side closed"))
  }

  #fail(error: Error): void {
    const handler = this.#handler
    const code = "code" in error ? error.code : undefined
    if (
      this.#used && !this.#parser.started && (code === "ECONNRESET" || code === "EPIPE" || code === "UND_ERR_SOCKET")
    ) {
      markStale(error)
    }
    this.#handler = undefined
    this.#request = undefined
    this.#parser.stop()
    this.#close()
    handler?.onResponseError(this, error)
  }

  #close(): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#timer)
    const iterator = this.#iterator
    this.#iterator = undefined
    if (iterator?.return !== undefined) void Promise.resolve(iterator.return()).catch(() => undefined)
    this.#socket.destroy()
    this.#onUnusable()
  }

  // ---- the request ---------------------------------------------------------------------------------------------------

  #write({ body, chunked, head, promised }: Written, handler: Handler): void {
    const socket = this.#socket
    if (body === null) socket.write(head, "latin1")
    else if (typeof body === "string") {
      // one write, where one encoding can say both
      if (/^[\0-\x7f]*$/.test(body)) socket.write(head + body, "latin1")
      else this.#writeBoth(head, body)
    } else if (body instanceof Uint8Array) this.#writeBoth(head, body)
    else {
      socket.write(head, "latin1")
      void this.#writePieces(body, chunked, promised, handler)
    }
  }

  #writeBoth(head: string, body: string | Uint8Array): void {
    this.#socket.cork()
    this.#socket.write(head, "latin1")
    if (body.length > 0) this.#socket.write(body)
    this.#socket.uncork()
  }

  async #writePieces(
    body: AsyncIterable<unknown> | Iterable<unknown>,
    chunked: boolean,
    promised: number | undefined,
    handler: Handler
  ): Promise<void> {
    try {
      const iterator = Symbol.asyncIterator in body ? body[Symbol.asyncIterator]() : body[Symbol.iterator]()
      this.#iterator = iterator
      let sent = 0
      for (;;) {
        const next = await iterator.next()
        if (this.#handler !== handler) return
        if (next.done === true) break
        const bytes = bytesOf(next.value)
        if (bytes.length === 0) continue
        sent += bytes.length
        if (promised !== undefined && sent > promised) break
        this.#socket.cork()
        if (chunked) this.#socket.write(`${bytes.length.toString(16)}\r\n`, "latin1")
        let free = this.#socket.write(bytes)
        if (chunked) free = this.#socket.write("\r\n", "latin1")
        this.#socket.uncork()
        if (!free) await this.#drained()
        if (this.#handler !== handler) return
      }
      if (promised !== undefined && sent !== promised) {
        throw fault("UND_ERR_REQ_CONTENT_LENGTH_MISMATCH", "The body of the request is not as long as its head says")
      }
      if (chunked) this.#socket.write("0\r\n\r\n", "latin1")
      this.#iterator = undefined
    } catch (error) {
      if (this.#handler === handler) {
        this.#fail(error instanceof Error ? error : unmade(error))
      }
    }
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#socket.off("drain", done).off("close", done)
        resolve()
      }
      this.#socket.on("drain", done).on("close", done)
    })
  }
}

/** Streams may fail with anything. */
const unmade = (cause: unknown): Error =>
  Object.assign(fault("ERR_REQUEST_BODY", "The body of the request failed before its end"), { cause })

const bytesOf = (piece: unknown): Uint8Array => {
  if (piece instanceof Uint8Array) return piece
  if (typeof piece === "string") return Buffer.from(piece)
  if (piece instanceof ArrayBuffer) return new Uint8Array(piece)
  throw fault("UND_ERR_INVALID_ARG", "A piece of the request's body is neither bytes nor a text")
}

/**
 * The TLS session of an origin, which shortens the handshake of its next connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface TlsSession {
  last: Buffer | undefined
}

const connect = (origin: URL, settings: Settings, session: TlsSession): Net.Socket => {
  const host = origin.hostname.replace(/^\[(.*)\]$/, "$1")
  if (origin.protocol === "http:") return Net.connect({ host, port: Number(origin.port || 80) })
  // loaded only where it is needed, since that takes longer than a request
  const tls: typeof Tls = require("node:tls")
  return tls.connect({
    host,
    port: Number(origin.port || 443),
    servername: Net.isIP(host) === 0 ? host : "",
    ALPNProtocols: ["http/1.1"],
    // said aloud, so that NODE_TLS_REJECT_UNAUTHORIZED=0 does not switch it off
    rejectUnauthorized: true,
    ...(settings.ca !== undefined && { ca: settings.ca }),
    ...(session.last !== undefined && { session: session.last })
  }).on("session", (ticket) => {
    session.last = ticket
  })
}
