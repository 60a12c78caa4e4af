/**
 * The connections to one origin. A connection carries one request at a time, and is free again in the very moment when its
 * answer is complete: the request that follows takes it, so that there are never more connections than requests at once.
 *
 * @since 0.1.0
 */
import { type Handler, HttpConnection, type Settings, TICK, type TlsSession } from "./HttpConnection.ts"
import type { Request } from "./RequestWriter.ts"
import { fault } from "./TransportFault.ts"

/**
 * A handler that may have to wait for a connection, and that gives it back.
 *
 * @category models
 * @since 0.1.0
 */
export interface PoolHandler extends Handler {
  /** The request waits for a connection, and `withdraw` takes it back. */
  readonly onQueued: (withdraw: () => void) => void
  /** The request has a connection, to be released when the answer is complete and discarded when it fails. */
  readonly onLeased: (lease: Lease) => void
}

/**
 * A connection as its request has it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Lease {
  readonly release: () => void
  readonly discard: () => void
}

/**
 * What a request gets that comes too late.
 *
 * @category errors
 * @since 0.1.0
 */
export const closed = (): Error => fault("ERR_CLIENT_CLOSED", "The client was closed with its scope")

interface Waiting {
  readonly request: Request
  readonly handler: PoolHandler
}

/** A connection of a pool. */
class Pooled implements Lease {
  readonly connection: HttpConnection
  readonly #pool: HttpPool
  idle = false

  constructor(pool: HttpPool, origin: URL, settings: Settings, session: TlsSession) {
    this.#pool = pool
    this.connection = new HttpConnection(origin, settings, session, () => this.discard())
  }

  release(): void {
    this.#pool.release(this)
  }

  discard(): void {
    this.#pool.discard(this)
  }
}

/**
 * The pool of one origin.
 *
 * @category models
 * @since 0.1.0
 */
export class HttpPool {
  readonly #origin: URL
  readonly #settings: Settings
  readonly #limit: number
  /** Milliseconds for which a free connection is kept. */
  readonly #keep: number
  readonly #session: TlsSession = { last: undefined }
  readonly #all = new Set<Pooled>()
  readonly #idle: Array<Pooled> = []
  readonly #waiting = new Set<Waiting>()
  #ticker: NodeJS.Timeout | undefined

  constructor(origin: URL, settings: Settings, limit: number, keep: number) {
    this.#origin = origin
    this.#settings = settings
    this.#limit = limit
    this.#keep = keep
  }

  /** Sends a request on the connection that was used last, or on a new one if it is to be `fresh`. */
  dispatch(request: Request, handler: PoolHandler, fresh: boolean): void {
    const free = fresh ? undefined : this.#take()
    if (free !== undefined) this.#send(free, request, handler)
    else if (this.#all.size < this.#limit) this.#send(this.#open(), request, handler)
    else this.#wait({ request, handler })
  }

  release(pooled: Pooled): void {
    // it may have closed with its answer
    if (!this.#all.has(pooled)) return
    pooled.idle = true
    pooled.connection.rest()
    this.#idle.push(pooled)
    this.#next()
  }

  discard(pooled: Pooled): void {
    if (!this.#all.delete(pooled)) return
    if (pooled.idle) {
      pooled.idle = false
      this.#idle.splice(this.#idle.indexOf(pooled), 1)
    }
    if (this.#all.size === 0) {
      clearInterval(this.#ticker)
      this.#ticker = undefined
    }
    this.#next()
  }

  destroy(): void {
    for (const { handler } of this.#waiting) handler.onResponseError(undefined, closed())
    this.#waiting.clear()
    for (const { connection } of this.#all) connection.abort(closed())
  }

  #take(): Pooled | undefined {
    const pooled = this.#idle.pop()
    if (pooled !== undefined) pooled.idle = false
    return pooled
  }

  #open(): Pooled {
    const pooled = new Pooled(this, this.#origin, this.#settings, this.#session)
    this.#all.add(pooled)
    this.#ticker ??= setInterval(() => this.#tick(), TICK).unref()
    return pooled
  }

  #send(pooled: Pooled, request: Request, handler: PoolHandler): void {
    handler.onLeased(pooled)
    pooled.connection.send(request, handler)
  }

  #wait(waiting: Waiting): void {
    this.#waiting.add(waiting)
    waiting.handler.onQueued(() => {
      this.#waiting.delete(waiting)
    })
  }

  #tick(): void {
    for (const { connection } of this.#all) connection.tick(this.#keep)
  }

  /** Serves who waits, when the connection that became free is done and before anybody else asks. */
  #next(): void {
    if (this.#waiting.size > 0) queueMicrotask(this.#serve)
  }

  readonly #serve = (): void => {
    for (const waiting of this.#waiting) {
      if (this.#idle.length === 0 && this.#all.size >= this.#limit) return
      this.#waiting.delete(waiting)
      this.dispatch(waiting.request, waiting.handler, false)
    }
  }
}
