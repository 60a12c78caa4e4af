/**
 * One request and its answer on a connection: the handler that the connection calls, and the body as a reader sees it.
 *
 * Nothing happens inside the connection's callbacks but bookkeeping. The reader is woken on a microtask, that is once for each
 * read of the socket however many pieces it brought, and takes all pieces at once.
 *
 * @since 0.1.0
 */
import * as ContentCoding from "./ContentCoding.ts"
import type { Dispatcher } from "./Dispatcher.ts"
import type { Controller } from "./HttpConnection.ts"
import type { Lease, PoolHandler } from "./HttpPool.ts"
import type { Request } from "./RequestWriter.ts"
import { fault, isStale } from "./TransportFault.ts"

/** Bytes held for a reader that does not come, before the connection stops being read. */
const highWater = 256 * 1024

/**
 * The state of one exchange. `head` and `body` readers poll it and leave a callback in `wake` while they wait.
 *
 * @category models
 * @since 0.1.0
 */
export class HttpExchange implements PoolHandler {
  readonly #dispatcher: Dispatcher
  readonly #request: Request
  readonly #replayable: boolean
  /** Bytes that the body may have, on the wire and decoded. */
  #limit: number

  #controller: Controller | undefined
  #lease: Lease | undefined
  #withdraw: (() => void) | undefined
  #decoder: ContentCoding.Decoder | undefined
  #left: Error | undefined
  #total: NodeJS.Timeout | undefined
  #firstEvent: NodeJS.Timeout | undefined
  #answered = false
  #replayed = false
  #pieces: Array<Buffer> = []
  #held = 0
  #onWire = 0
  #decoded = 0
  #paused = false
  #whole = false
  #scheduled = false

  /** The status, 0 before the head is there. */
  status = 0
  headers: Record<string, string | Array<string> | undefined> = {}
  /** The whole body was received. */
  ended = false
  /** Why there will be no more; what was received before is still there to take. */
  failure: Error | undefined
  /** Called once, on a microtask, when there is news for the reader. */
  wake: (() => void) | undefined

  constructor(
    dispatcher: Dispatcher,
    request: Request,
    settings: {
      readonly replayable: boolean
      /** Milliseconds from now to the end of the body, 0 for no limit. */
      readonly total: number
      /** Milliseconds from now to the first event, 0 for no limit. */
      readonly firstEvent: number
      readonly maxBodyBytes: number | undefined
    }
  ) {
    this.#dispatcher = dispatcher
    this.#request = request
    this.#replayable = settings.replayable
    this.#limit = settings.maxBodyBytes ?? Infinity
    if (settings.total > 0) this.#total = setTimeout(expire, settings.total, this, "ERR_TOTAL_TIMEOUT")
    if (settings.firstEvent > 0) {
      this.#firstEvent = setTimeout(expire, settings.firstEvent, this, "ERR_FIRST_EVENT_TIMEOUT")
    }
  }

  // ---- the reader's side ---------------------------------------------------------------------------------------------

  /** Sends the request. Whatever comes of it is told by `wake`. */
  start(): void {
    this.#dispatcher.dispatch(this.#request, this, false)
  }

  /** All pieces received since the last call, or none. The connection is read on when it stood still. */
  take(): Array<Buffer> {
    const pieces = this.#pieces
    if (pieces.length === 0) return pieces
    this.#pieces = []
    this.#held = 0
    this.#resume()
    return pieces
  }

  /** Drops what comes until the end of the body, so many bytes or milliseconds, and calls back. Returns how to stop. */
  drain(bytes: number, milliseconds: number, then: () => void): () => void {
    let left = bytes
    const stop = () => {
      clearTimeout(timer)
      this.wake = undefined
    }
    const finish = () => {
      stop()
      then()
    }
    const timer = setTimeout(finish, milliseconds)
    const dropped = () => {
      for (const piece of this.take()) left -= piece.length
      if (this.ended || this.failure !== undefined || left <= 0) finish()
      else this.wake = dropped
    }
    this.wake = dropped
    return stop
  }

  /** The reader wants the body in one piece: it is woken at the end only, and the connection never stands still. */
  collect(maxBodyBytes: number): void {
    if (this.#whole) return
    this.#whole = true
    this.#limit = Math.min(this.#limit, maxBodyBytes)
    if (this.#decoded <= this.#limit) {
      this.#resume()
    } else {
      // it may have come to its end before this limit was known
      this.ended = false
      this.#abort(tooLarge(this.#limit))
    }
  }

  /** Ends the exchange from outside: it is withdrawn or its connection closed at once, and a reader that waits fails. */
  cancel(reason?: Error): void {
    if (this.ended || this.failure !== undefined) return
    this.#left = reason ?? fault("ERR_ABANDONED", "The request was given up before its response was complete")
    this.#abort(this.#left)
  }

  /** The reader goes, and wants to hear nothing more. */
  leave(): void {
    this.wake = undefined
    this.cancel()
  }

  /** The reader has the first event of its stream. */
  firstEventCame(): void {
    clearTimeout(this.#firstEvent)
  }

  // ---- the connection's side ------------------------------------------------------------------------------------------

  readonly onQueued = (withdraw: () => void): void => {
    this.#withdraw = withdraw
    if (this.#left !== undefined) withdraw()
  }

  onLeased(lease: Lease): void {
    this.#lease = lease
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller
    if (this.#left !== undefined) controller.abort(this.#left)
  }

  onResponseStarted(): void {
    this.#answered = true
  }

  onResponseStart(
    _: Controller,
    status: number,
    headers: Record<string, string | Array<string> | undefined>
  ): void {
    if (status < 200 || this.failure !== undefined) return
    this.status = status
    this.headers = headers
    const coding = headers["content-encoding"]
    if (coding !== undefined) this.#decode(ContentCoding.fromHeader(String(coding)))
    if (this.#decoder === undefined && Number(headers["content-length"] ?? 0) > this.#limit) {
      this.#abort(tooLarge(this.#limit))
    }
    this.#notify()
  }

  onResponseData(_: Controller, piece: Buffer): void {
    if (this.failure !== undefined) return
    this.#onWire += piece.length
    if (this.#onWire > this.#limit) this.#abort(tooLarge(this.#limit))
    else if (this.#decoder === undefined) this.#receive(piece)
    else if (!this.#decoder.write(piece)) this.#controller?.pause()
  }

  onResponseEnd(): void {
    this.#lease?.release()
    this.#lease = undefined
    if (this.#decoder === undefined) this.#end()
    else this.#decoder.end()
  }

  onResponseError(_: Controller | undefined, error: Error): void {
    this.#lease?.discard()
    this.#lease = undefined
    if (
      this.#replayable && !this.#answered && !this.#replayed && this.#left === undefined && isStale(error)
    ) {
      this.#replayed = true
      this.#controller = undefined
      queueMicrotask(this.#replay)
    } else {
      this.#fail(error)
    }
  }

  // ---- between -------------------------------------------------------------------------------------------------------

  readonly #replay = (): void => {
    if (this.failure === undefined) this.#dispatcher.dispatch(this.#request, this, true)
  }

  #decode(coding: ContentCoding.ContentCoding | "unsupported" | undefined): void {
    if (coding === undefined || this.#request.method === "HEAD") return
    if (coding === "unsupported") {
      this.#abort(fault("ERR_CONTENT_CODING", "The content coding of the response is not gzip, deflate or br"))
      return
    }
    // the head tells about the body as the reader gets it
    const { "content-encoding": _coding, "content-length": _length, ...headers } = this.headers
    this.headers = headers
    this.#decoder = new ContentCoding.Decoder(coding, {
      onPiece: (piece) => this.#receive(piece),
      onDrain: () => this.#controller?.resume(),
      onEnd: () => this.#end(),
      onFault: (error) => this.#abort(error)
    })
  }

  #receive(piece: Buffer): void {
    if (this.failure !== undefined) return
    this.#decoded += piece.length
    if (this.#decoded > this.#limit) {
      this.#abort(tooLarge(this.#limit))
      return
    }
    this.#pieces.push(piece)
    this.#held += piece.length
    if (this.#whole) return
    if (this.#held >= highWater) this.#pause()
    this.#notify()
  }

  #end(): void {
    if (this.failure !== undefined) return
    this.ended = true
    this.#stopTimers()
    this.#notify()
  }

  #fail(error: Error): void {
    if (this.ended || this.failure !== undefined) return
    this.failure = error
    this.#stopTimers()
    this.#decoder?.close()
    this.#notify()
  }

  #stopTimers(): void {
    clearTimeout(this.#total)
    clearTimeout(this.#firstEvent)
  }

  /** Ends the exchange from this side. */
  #abort(reason: Error): void {
    this.#fail(reason)
    if (this.#controller !== undefined) this.#controller.abort(reason)
    else this.#withdraw?.()
  }

  #pause(): void {
    this.#paused = true
    if (this.#decoder === undefined) this.#controller?.pause()
    else this.#decoder.pause()
  }

  #resume(): void {
    if (!this.#paused) return
    this.#paused = false
    if (this.#decoder === undefined) this.#controller?.resume()
    else this.#decoder.resume()
  }

  #notify(): void {
    if (this.#scheduled || this.wake === undefined) return
    this.#scheduled = true
    queueMicrotask(this.#deliver)
  }

  readonly #deliver = (): void => {
    this.#scheduled = false
    const wake = this.wake
    this.wake = undefined
    wake?.()
  }
}

const late = {
  ERR_TOTAL_TIMEOUT: "The response was not complete within the time set for the whole request",
  ERR_FIRST_EVENT_TIMEOUT: "No event came within the time set for the first one"
}

const expire = (exchange: HttpExchange, code: keyof typeof late): void => exchange.cancel(fault(code, late[code]))

const tooLarge = (limit: number): Error =>
  fault("ERR_BODY_TOO_LARGE", `The response body is larger than ${limit} bytes, which is the limit set for it`)
