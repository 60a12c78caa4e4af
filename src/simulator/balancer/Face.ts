/**
 * A load balancer as its clients see it: what it responds to itself, what it passes on, and how it fails.
 *
 * @since 0.2.0
 */
import type * as Exchange from "../wire/Exchange.ts"

/**
 * The workers as the balancer sees them.
 *
 * @category models
 * @since 0.2.0
 */
export interface Workers {
  readonly urls: ReadonlyArray<string>
  /** The model's name as the first worker reports it; undefined if it has no such route. */
  readonly model: string | undefined
}

/**
 * One kind of balancer.
 *
 * @category models
 * @since 0.2.0
 */
export interface Face {
  /** Its own response, without a worker; `undefined` if it passes the request on. */
  readonly own: (request: Exchange.Request, workers: Workers) => Exchange.Response | undefined
  /** The request that a worker gets. */
  readonly passed: (request: Exchange.Request) => Exchange.Request
  /** No worker could be reached. */
  readonly unreachable: (path: string, url: string) => Exchange.Response
  /** There is no worker at all. */
  readonly noWorkers: Exchange.Response
}

/** The path of a request without its query. @category accessors @since 0.2.0 */
export const pathOf = ({ path }: Exchange.Request): string => path.split("?", 1)[0] ?? path

/** @category responses @since 0.2.0 */
export const text = (status: number, body: string): Exchange.Response => ({
  status,
  headers: { "content-type": "text/plain; charset=utf-8" },
  body
})

/** A request with another body. @category conversions @since 0.2.0 */
export const withBody = (request: Exchange.Request, body: unknown): Exchange.Request => ({
  method: request.method,
  path: request.path,
  headers: request.headers,
  body: JSON.stringify(body)
})
