/**
 * A response on its way from a transport to its reader: the chunks that have arrived, and the limits on time and size.
 *
 * The transport's callbacks do nothing but bookkeeping. The reader is woken on a microtask, once for all chunks of one read
 * of the socket, and takes them all together.
 *
 * @since 0.2.0
 */
import { fault, tooLarge } from "./TransportFault.ts"
import type { Limits, Size } from "./TransportLimits.ts"
import { Watch } from "./Watch.ts"

/** Bytes held for a slow reader before the transport stops reading. */
const HIGH_WATER = 256 * 1024

/**
 * What a transport fills and a reader empties. A reader polls it, and leaves a callback in `wake` while it waits.
 *
 * @category models
 * @since 0.2.0
 */
export abstract class Incoming {
  readonly limits: Limits
  /** The status; 0 before the headers have arrived. */
  status = 0
  /** The headers by their lower-case names. */
  headers: Readonly<Record<string, string | Array<string> | undefined>> = {}
  /** The whole body has arrived. */
  ended = false
  /** The whole body, if the transport delivers it as a string. */
  text: string | undefined
  /** Why nothing more will arrive; what arrived before can still be taken. */
  failure: Error | undefined
  /** Called once, on a microtask, when there is something for the reader. */
  wake: (() => void) | undefined

  /** The reader wants the body in one piece. */
  protected whole = false
  /** The reader wants the body of a success in one piece, and nothing before. */
  #expected: Size | undefined
  /** What exceeds the limit is cut off, which is not a failure. */
  #cut = false
  /** Bytes that the body may have, on the wire and decoded. */
  protected limit: number
  #chunks: Array<Uint8Array> = []
  #held = 0
  #received = 0
  #paused = false
  #scheduled = false
  readonly #watch: Watch

  constructor(limits: Limits) {
    this.limits = limits
    this.limit = limits.maxBodyBytes ?? Infinity
    this.#watch = new Watch(this, limits)
  }

  // ---- what a transport brings ---------------------------------------------------------------------------------------

  /** Ends the exchange on the wire. */
  protected abstract close(reason: Error): void
  /** Stops reading from the wire, which eventually stops the server. */
  protected abstract pause(): void
  protected abstract resume(): void

  /** The request is on the wire: the limit on the head runs from here, however slowly its bytes come. */
  protected sent(): void {
    this.#watch.sent()
  }

  /**
   * Something arrived, or the reader begins to wait: the limit between two reads starts again. For transports that do
   * not apply it themselves.
   */
  protected alive(): void {
    this.#watch.heard()
  }

  /** The reader is not waiting. */
  protected quiet(): void {
    this.#watch.quiet()
  }

  protected begin(status: number, headers: Incoming["headers"], announced: number): void {
    this.#watch.begun()
    this.status = status
    this.headers = headers
    if (announced > this.limit) this.abort(tooLarge(this.limit))
    if (this.#expected === undefined || status >= 300) this.#notify()
    else this.collect(this.#expected, true)
  }

  protected receive(chunk: Uint8Array): void {
    if (this.ended || this.failure !== undefined) return
    this.#received += chunk.length
    if (this.#received > this.limit) return this.#beyond(chunk)
    this.#chunks.push(chunk)
    this.#held += chunk.length
    if (this.whole) return
    if (this.#held >= HIGH_WATER && !this.#paused) {
      this.#paused = true
      this.pause()
    }
    this.#notify()
  }

  /** A chunk that exceeds the limit. */
  #beyond(chunk: Uint8Array): void {
    if (!this.#cut) return this.abort(tooLarge(this.limit))
    this.#chunks.push(chunk.subarray(0, Math.max(0, chunk.length - (this.#received - this.limit))))
    this.end()
    this.close(abandoned())
  }

  protected end(): void {
    if (this.ended || this.failure !== undefined) return
    this.ended = true
    this.settled()
    this.#notify()
  }

  protected fail(error: Error): void {
    if (this.ended || this.failure !== undefined) return
    this.failure = error
    this.settled()
    this.#notify()
  }

  /** Nothing more will arrive. */
  protected settled(): void {
    this.#watch.stop()
  }

  /** Fails the exchange from this side. */
  protected abort(reason: Error): void {
    this.fail(reason)
    this.close(reason)
  }

  // ---- what a reader does --------------------------------------------------------------------------------------------

  /** All chunks that arrived since the last call, or none. */
  take(): Array<Uint8Array> {
    const chunks = this.#chunks
    if (chunks.length === 0) return chunks
    this.#chunks = []
    this.#held = 0
    if (this.#paused) {
      this.#paused = false
      this.resume()
    }
    return chunks
  }

  /** The reader begins to read: for transports that deliver nothing before that. */
  read(): void {}

  /**
   * Drops what arrives until the end of the body, a number of bytes or a number of milliseconds, and calls back. Returns how
   * to stop.
   */
  drain(bytes: number, milliseconds: number, then: () => void): () => void {
    let left = bytes
    const stop = () => {
      clearTimeout(limit)
      this.wake = undefined
    }
    const finish = () => {
      stop()
      then()
    }
    const limit = setTimeout(finish, milliseconds)
    const dropped = () => {
      for (const chunk of this.take()) left -= chunk.length
      if (this.ended || this.failure !== undefined || left <= 0) finish()
      else this.wake = dropped
    }
    this.wake = dropped
    return stop
  }

  /**
   * Called before the headers have arrived: the reader wants the whole body of a success, and is woken once it has
   * arrived.
   */
  expect(size: Size): void {
    this.#expected = size
  }

  /** The reader wants the body in one piece: it is woken at the end only, and the transport never stops reading. */
  collect({ cut = false, limit }: Size, _asText: boolean): void {
    if (this.whole) return
    this.whole = true
    this.#cut = cut
    this.limit = Math.min(this.limit, limit)
    if (this.#received > this.limit) this.#shorten()
    else if (this.#paused) {
      this.#paused = false
      this.resume()
    }
  }

  /** More has arrived than the limit that is now known. */
  #shorten(): void {
    const ended = this.ended
    this.ended = false
    if (!this.#cut) return this.abort(tooLarge(this.limit))
    let left = this.limit
    this.#chunks = this.#chunks.flatMap((chunk) => {
      const kept = chunk.subarray(0, left)
      left -= kept.length
      return kept.length === 0 ? [] : [kept]
    })
    this.end()
    if (!ended) this.close(abandoned())
  }

  /** Ends the exchange from outside; a reader that waits fails. */
  cancel(reason?: Error): void {
    // an error captures a stack, which is not worth it for an exchange that has ended
    if (!this.ended && this.failure === undefined) this.abort(reason ?? abandoned())
  }

  /** The reader leaves, and must not be called any more. */
  leave(): void {
    this.wake = undefined
    this.cancel()
  }

  /** The reader has the first event of its stream. */
  firstEventCame(): void {
    this.#watch.firstEventCame()
  }

  #notify(): void {
    if (this.#scheduled || this.wake === undefined) return
    this.#scheduled = true
    queueMicrotask(this.#deliver)
  }

  readonly #deliver = (): void => {
    this.#scheduled = false
    const { wake } = this
    this.wake = undefined
    wake?.()
  }
}

const abandoned = (): Error => fault("ERR_ABANDONED", "The request was abandoned before its response was complete")
