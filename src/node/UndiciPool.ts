/**
 * The connections to one origin. A connection carries one request at a time, and is free again in the very moment when its
 * answer is complete: the request that follows takes it, so that there are never more connections than requests at once.
 *
 * undici's own pool gives a connection back a turn of the event loop later, opens another one meanwhile, and looks for a
 * free one from the first to the last.
 *
 * @since 0.1.0
 */
import type { Client, Dispatcher } from "undici"
import { fault } from "./TransportFault.ts"

/**
 * Who is told about its request beside its answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Handler extends Dispatcher.DispatchHandler {
  /** `controller` is absent when there was no connection yet. */
  readonly onResponseError: (controller: Dispatcher.DispatchController | undefined, error: Error) => void
  /** The request waits for a connection, and `withdraw` takes it back. */
  readonly onQueued: (withdraw: (reason: Error) => void) => void
  /** The request has a connection, to be released when the answer is complete and discarded when it fails. */
  readonly onLeased: (connection: Connection) => void
}

/**
 * A connection, open or about to be opened.
 *
 * @category models
 * @since 0.1.0
 */
export class Connection {
  readonly client: Client
  readonly #pool: UndiciPool
  idle = false

  constructor(pool: UndiciPool, client: Client) {
    this.#pool = pool
    this.client = client
    client.on("disconnect", () => {
      if (this.idle) this.discard()
    })
  }

  release(): void {
    this.#pool.release(this)
  }

  discard(): void {
    this.#pool.discard(this)
  }
}

/**
 * What a request gets that comes too late.
 *
 * @category errors
 * @since 0.1.0
 */
export const closed = (): Error => fault("ERR_CLIENT_CLOSED", "The client was closed with its scope")

interface Waiting {
  readonly options: Dispatcher.DispatchOptions
  readonly handler: Handler
}

/**
 * The pool of one origin.
 *
 * @category models
 * @since 0.1.0
 */
export class UndiciPool {
  readonly #open: () => Client
  readonly #limit: number
  readonly #queuedAbort: symbol | undefined
  readonly #all = new Set<Connection>()
  readonly #idle: Array<Connection> = []
  readonly #waiting = new Set<Waiting>()

  /** `queuedAbort` names the option by which undici hands over `withdraw` while it connects, where it has one. */
  constructor(open: () => Client, limit: number, queuedAbort: symbol | undefined) {
    this.#open = open
    this.#limit = limit
    this.#queuedAbort = queuedAbort
  }

  /** Sends a request on the connection that was used last, or on a new one if it is to be `fresh`. */
  dispatch(options: Dispatcher.DispatchOptions, handler: Handler, fresh: boolean): void {
    const connection = fresh ? undefined : this.#take()
    if (connection !== undefined) this.#send(connection, options, handler)
    else if (this.#all.size < this.#limit) this.#connect(options, handler)
    else this.#wait({ options, handler })
  }

  release(connection: Connection): void {
    connection.idle = true
    this.#idle.push(connection)
    this.#next()
  }

  discard(connection: Connection): void {
    if (!this.#all.delete(connection)) return
    if (connection.idle) {
      connection.idle = false
      this.#idle.splice(this.#idle.indexOf(connection), 1)
    }
    // undici may still be at work with it
    queueMicrotask(() => {
      void connection.client.destroy()
    })
    this.#next()
  }

  async destroy(): Promise<void> {
    for (const { handler } of this.#waiting) handler.onResponseError(undefined, closed())
    this.#waiting.clear()
    await Promise.all(Array.from(this.#all, ({ client }) => client.destroy()))
  }

  #take(): Connection | undefined {
    const connection = this.#idle.pop()
    if (connection !== undefined) connection.idle = false
    return connection
  }

  #connect(options: Dispatcher.DispatchOptions, handler: Handler): void {
    let connection: Connection
    try {
      connection = new Connection(this, this.#open())
    } catch (error) {
      // undici throws nothing but errors, here for a URL that is no http
      handler.onResponseError(undefined, error as Error)
      return
    }
    this.#all.add(connection)
    this.#send(connection, options, handler)
  }

  #send(connection: Connection, options: Dispatcher.DispatchOptions, handler: Handler): void {
    handler.onLeased(connection)
    if (this.#queuedAbort !== undefined) Object.assign(options, { [this.#queuedAbort]: handler.onQueued })
    connection.client.dispatch(options, handler)
  }

  #wait(waiting: Waiting): void {
    this.#waiting.add(waiting)
    waiting.handler.onQueued(() => {
      this.#waiting.delete(waiting)
    })
  }

  /** Serves who waits, when undici is done with the connection that became free and before anybody else asks. */
  #next(): void {
    if (this.#waiting.size > 0) queueMicrotask(this.#serve)
  }

  readonly #serve = (): void => {
    for (const waiting of this.#waiting) {
      if (this.#idle.length === 0 && this.#all.size >= this.#limit) return
      this.#waiting.delete(waiting)
      this.dispatch(waiting.options, waiting.handler, false)
    }
  }
}
