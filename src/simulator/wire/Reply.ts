/**
 * What goes in and out of a simulated server, as data: a request as received, and a reply before any changes. Faults change
 * replies, delivery sends them.
 *
 * @since 0.1.0
 */

/**
 * A request, with header names in lower case and the body as text.
 *
 * @category models
 * @since 0.1.0
 */
export interface Received {
  readonly method: string
  /** Path and query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string
  /** The body parsed, or `undefined` when it is not valid JSON. Parsed on demand. */
  readonly json: unknown
}

/**
 * One payload of an event stream and how many generated tokens it stands for.
 *
 * @category models
 * @since 0.1.0
 */
export interface Frame {
  /** The name of the event, if the server names it. */
  readonly event?: string | undefined
  readonly payload: string
  readonly tokens: number
}

/**
 * A failure of a server, which each engine writes in its own form.
 *
 * @category models
 * @since 0.1.0
 */
export interface Failure {
  readonly _tag: "Failure"
  readonly status: number
  readonly message: string
  readonly type: string
}

/**
 * What happened to the backend: it failed with a message, or its stream ended without a final event.
 *
 * @category models
 * @since 0.1.0
 */
export interface Crash {
  readonly message: string
  readonly incomplete: boolean
}

/**
 * A whole reply.
 *
 * @category models
 * @since 0.1.0
 */
export interface Unary {
  readonly _tag: "Unary"
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  /** Tokens generated for it: what latency is computed from. */
  readonly tokens: number
  /** The number of generations, each of which needs a slot of the server. Default none. */
  readonly slots?: number | undefined
  /** The reply that replaces this one when the backend crashes. */
  readonly failed: (crash: Crash) => Unary
  /** Nothing is sent: the request kills the process, or is never responded to. */
  readonly lost?: "process" | "silence" | undefined
}

/**
 * A reply as an event stream.
 *
 * @category models
 * @since 0.1.0
 */
export interface Streaming {
  readonly _tag: "Streaming"
  readonly headers: Readonly<Record<string, string>>
  readonly frames: ReadonlyArray<Frame>
  /** A space after `data:`. */
  readonly space: boolean
  /** Milliseconds of silence after which a comment is sent, or `undefined` for never. */
  readonly keepAlive: number | undefined
  /** The number of generations, each of which needs a slot of the server. Default none. */
  readonly slots?: number | undefined
  /** Whether even the status line waits for the first token, not only the first event. Default false. */
  readonly headWaits?: boolean | undefined
  /** The frames that end the stream when the backend crashes. */
  readonly failed: (crash: Crash) => ReadonlyArray<Frame>
}

/**
 * @category models
 * @since 0.1.0
 */
export type Reply = Unary | Streaming

/** @category constructors @since 0.1.0 */
export const failure = (status: number, message: string, type: string): Failure => ({
  _tag: "Failure",
  status,
  message,
  type
})

/** The payload that ends OpenAI-like streams. @category constructors @since 0.1.0 */
export const done: Frame = { payload: "[DONE]", tokens: 0 }

/** @category constructors @since 0.1.0 */
export const unary = (
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
  rest?: {
    readonly tokens?: number | undefined
    readonly slots?: number | undefined
    readonly failed?: ((crash: Crash) => Unary) | undefined
  }
): Unary => {
  const self: Unary = {
    _tag: "Unary",
    status,
    headers,
    body,
    tokens: rest?.tokens ?? 0,
    slots: rest?.slots,
    failed: rest?.failed ?? (() => self)
  }
  return self
}

/** The request crashes the process. @category constructors @since 0.2.0 */
export const deadly = (): Unary => ({ ...unary(500, {}, ""), lost: "process" })

/** No response ever comes. @category constructors @since 0.2.0 */
export const silent = (): Unary => ({ ...unary(500, {}, ""), lost: "silence" })

/** @category constructors @since 0.1.0 */
export const text = (status: number, body: string): Unary =>
  unary(status, { "content-type": "text/plain; charset=utf-8" }, body)

/** @category constructors @since 0.1.0 */
export const json = (
  status: number,
  body: string,
  headers?: Readonly<Record<string, string>>,
  rest?: Parameters<typeof unary>[3]
): Unary => unary(status, { "content-type": "application/json", ...headers }, body, rest)

/** @category constructors @since 0.1.0 */
export const empty = (status: number, headers: Readonly<Record<string, string>> = {}): Unary =>
  unary(status, headers, "")
