/**
 * Things that go wrong between a client and a model, on demand. Those with `after` let that many tokens through first.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type { CallShape } from "./shape/Calls.ts"
import type { Told } from "./shape/Counts.ts"
import type { Shape } from "./Shapes.ts"

/**
 * What goes wrong with one request.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault =
  | { readonly _tag: "Cut"; readonly after: number }
  | { readonly _tag: "Break"; readonly after: number; readonly how: "reset" | "fin" | "short" }
  | { readonly _tag: "Stall"; readonly after: number; readonly keepAlive: boolean }
  | { readonly _tag: "Crash"; readonly after: number; readonly message: string; readonly incomplete: boolean }
  | { readonly _tag: "InvalidFrame"; readonly after: number }
  | { readonly _tag: "Refuse" }
  | { readonly _tag: "Kill"; readonly restart: Duration.Input }
  | { readonly _tag: "SlowHeaders"; readonly delay: Duration.Input }
  | { readonly _tag: "Encoding"; readonly layers: 0 | 1 | 2; readonly header: string | undefined }
  | { readonly _tag: "Headers"; readonly headers: Readonly<Record<string, string>> }
  | { readonly _tag: "CacheHit" }
  | { readonly _tag: "ByteOrderMark" }
  | { readonly _tag: "RetryLine" }
  | { readonly _tag: "NoFinalBlankLine" }
  | { readonly _tag: "Shape"; readonly shape: Shape }
  | {
    readonly _tag: "Status"
    readonly status: number
    readonly headers: Readonly<Record<string, string>>
    readonly body: string
  }

/**
 * The response ends early but in an orderly way: no end mark, no error. A whole response is cut in half.
 *
 * @category faults
 * @since 0.1.0
 */
export const cut = (after = 0): Fault => ({ _tag: "Cut", after })

/** The connection is reset. @category faults @since 0.1.0 */
export const reset = (after = 0): Fault => ({ _tag: "Break", after, how: "reset" })

/** The connection is closed in an orderly way before the body has ended. @category faults @since 0.1.0 */
export const fin = (after = 0): Fault => ({ _tag: "Break", after, how: "fin" })

/** The connection is closed before all the bytes that `content-length` announced. @category faults @since 0.1.0 */
export const short = (after = 0): Fault => ({ _tag: "Break", after, how: "short" })

/** Silence that never ends; with `keepAlive` only comments are sent. @category faults @since 0.1.0 */
export const stall = (after = 0, options?: { readonly keepAlive?: boolean | undefined }): Fault => ({
  _tag: "Stall",
  after,
  keepAlive: options?.keepAlive ?? false
})

/**
 * The backend crashes: an error frame in a stream, the engine's error status for a whole response.
 *
 * @category faults
 * @since 0.1.0
 */
export const crash = (after = 0, message = "CUDA out of memory (simulated)"): Fault => ({
  _tag: "Crash",
  after,
  message,
  incomplete: false
})

/**
 * The backend's stream ends without a final event, and the server reports it: `incomplete_generation`.
 *
 * @category faults
 * @since 0.1.0
 */
export const incomplete = (after = 0): Fault => ({
  _tag: "Crash",
  after,
  message: "the generation ended early (simulated)",
  incomplete: true
})

/** A frame that is not valid JSON, and then the rest. @category faults @since 0.1.0 */
export const invalidFrame = (after = 0): Fault => ({ _tag: "InvalidFrame", after })

/** Nobody listens. @category faults @since 0.1.0 */
export const refuse: Fault = { _tag: "Refuse" }

/**
 * The request crashes the server, along with everything in flight: those connections are reset, and nobody listens until it
 * has restarted. Select the requests that bring the server down by `when`:
 *
 * ```ts
 * simulator.fail(Fault.kill("10 seconds"), { times: Infinity, when: ({ body }) => body.includes("poison") })
 * ```
 *
 * @category faults
 * @since 0.2.0
 */
export const kill = (restart: Duration.Input = "10 seconds"): Fault => ({ _tag: "Kill", restart })

/** The status line is late. @category faults @since 0.1.0 */
export const slowHeaders = (delay: Duration.Input): Fault => ({ _tag: "SlowHeaders", delay })

const encoded = (layers: 0 | 1 | 2, header: string | undefined): Fault => ({ _tag: "Encoding", layers, header })

/** The body is compressed, whether or not that was requested. @category faults @since 0.1.0 */
export const gzip: Fault = encoded(1, "gzip")

/**
 * A body that is not in the coding that its headers claim, as a proxy leaves it: plain although announced as gzip (`wrong`),
 * compressed once more (`double`), compressed without saying so (`hidden`), or in an unknown coding (`unknown`).
 *
 * @category faults
 * @since 0.2.0
 */
export const encoding = (how: "wrong" | "double" | "hidden" | "unknown"): Fault => {
  switch (how) {
    case "wrong":
      return encoded(0, "gzip")
    case "double":
      return encoded(2, "gzip")
    case "hidden":
      return encoded(1, undefined)
    case "unknown":
      return encoded(0, "zip")
  }
}

/**
 * Further headers, such as `x-inference-provider` of a router, or a request id that repeats a token.
 *
 * @category faults
 * @since 0.2.0
 */
export const headers = (headers: Readonly<Record<string, string>>): Fault => ({ _tag: "Headers", headers })

/**
 * The response comes from the cache of a serverless gateway: even a stream has a `content-length`, and there are no timings.
 *
 * @category faults
 * @since 0.1.0
 */
export const cacheHit: Fault = { _tag: "CacheHit" }

/** The body begins with a byte order mark. @category faults @since 0.1.0 */
export const byteOrderMark: Fault = { _tag: "ByteOrderMark" }

/** The stream begins with a `retry:` field, which must not end it. @category faults @since 0.1.0 */
export const retryLine: Fault = { _tag: "RetryLine" }

/** The last event is not closed by a blank line. @category faults @since 0.1.0 */
export const noFinalBlankLine: Fault = { _tag: "NoFinalBlankLine" }

const shaped = (shape: Shape): Fault => ({ _tag: "Shape", shape })

/**
 * A response without a generation: a stream of its end mark alone, a body without a choice.
 *
 * @category faults
 * @since 0.2.0
 */
export const endMarkOnly: Fault = shaped({ is: "endMarkOnly", before: "nothing" })

/**
 * The same after a role (in a body: an empty message), a usage without a choice, or heartbeats.
 *
 * @category faults
 * @since 0.2.0
 */
export const noGeneration = (before: "role" | "usage" | "heartbeats"): Fault => shaped({ is: "endMarkOnly", before })

/** A stream whose events are not those of its route. @category faults @since 0.2.0 */
export const foreignEvents: Fault = shaped({ is: "foreignEvents" })

/**
 * An error in an open stream after a number of tokens, or in a body with the status 200, in the words of providers.
 *
 * @category faults
 * @since 0.2.0
 */
export const errorFrame = (
  type: string,
  message: string,
  options?: { readonly code?: string | number | undefined; readonly after?: number | undefined }
): Fault =>
  shaped({ is: "errorFrame", error: { message, type, code: options?.code ?? null }, after: options?.after ?? 0 })

/** Log probabilities are left out although they were requested. @category faults @since 0.2.0 */
export const noLogprobs: Fault = shaped({ is: "noLogprobs" })

/**
 * Thinking in the text, after a tag that the server's template opened: only `</think>` marks its end.
 *
 * @category faults
 * @since 0.2.0
 */
export const thoughtOpened: Fault = shaped({ is: "thoughtOpened" })

/** The answer in the field for thinking, as llama.cpp reports text under a regex. @category faults @since 0.2.0 */
export const filedAsThinking: Fault = shaped({ is: "filedAsThinking" })

/** Text although a call was required. @category faults @since 0.2.0 */
export const callsIgnored: Fault = shaped({ is: "callsIgnored" })

/** Another finish reason, such as `abort`; none with `undefined`. @category faults @since 0.2.0 */
export const finishReason = (word: string | undefined): Fault => shaped({ is: "finishReason", word })

/** Events with a name, such as `chunk`. @category faults @since 0.2.0 */
export const eventName = (name: string): Fault => shaped({ is: "eventName", name })

/** Comments sent as data between the events. @category faults @since 0.2.0 */
export const dataHeartbeats: Fault = shaped({ is: "dataHeartbeats" })

/** Events without a choice: `choices: null`, and `data: null`. @category faults @since 0.2.0 */
export const noChoiceEvents: Fault = shaped({ is: "noChoiceEvents" })

/**
 * Usage that is never sent, sent as zeros, sent with every event as it counts up, as zeros until the end, or as null with
 * every other event.
 *
 * @category faults
 * @since 0.2.0
 */
export const usage = (told: Told): Fault => shaped({ is: "usage", told })

/** More in the usage: cached and reasoning tokens, or the cost in US dollars. @category faults @since 0.2.0 */
export const usageDetails = (details: {
  readonly cachedTokens?: number | undefined
  readonly reasoningTokens?: number | undefined
  readonly cost?: number | undefined
}): Fault =>
  shaped({
    is: "usageDetails",
    details: {
      ...(details.cachedTokens !== undefined && { prompt_tokens_details: { cached_tokens: details.cachedTokens } }),
      ...(details.reasoningTokens !== undefined &&
        { completion_tokens_details: { reasoning_tokens: details.reasoningTokens } }),
      ...(details.cost !== undefined && { estimated_cost: details.cost })
    }
  })

/** Content as a list of text and thinking parts. @category faults @since 0.2.0 */
export const contentParts: Fault = shaped({ is: "contentParts" })

/** JSON where a stream was requested, and a stream where JSON was. @category faults @since 0.2.0 */
export const otherDelivery: Fault = shaped({ is: "otherDelivery" })

/** A character that two events share, each with half of its surrogate pair. @category faults @since 0.2.0 */
export const halfCharacters: Fault = shaped({ is: "halfCharacters" })

/** Tool calls that are numbered differently. @category faults @since 0.2.0 */
export const toolCalls = (calls: CallShape): Fault => shaped({ is: "toolCalls", calls })

/** Tool calls whose arguments were lost, as on TGI's streams. @category faults @since 0.2.0 */
export const argumentsDropped: Fault = shaped({ is: "argumentsDropped" })

/** Any response instead of the engine's. @category faults @since 0.1.0 */
export const status = (code: number, body: string, headers: Readonly<Record<string, string>> = {}): Fault => ({
  _tag: "Status",
  status: code,
  headers,
  body
})

const json = { "content-type": "application/json" }

/** 429 of a gateway; `retryAfter` in seconds or as an HTTP date. @category faults @since 0.1.0 */
export const rateLimited = (options?: { readonly retryAfter?: number | string | undefined }): Fault =>
  status(429, `{"error":"Rate limit reached. Please log in or use a HF access token"}`, {
    ...json,
    ...(options?.retryAfter !== undefined && { "retry-after": String(options.retryAfter) })
  })

/** 429 of TGI, without a time to retry after. @category faults @since 0.1.0 */
export const overloaded: Fault = status(429, `{"error":"Model is overloaded","error_type":"overloaded"}`, json)

/** 503 of TGI's health check after its backend died. @category faults @since 0.1.0 */
export const unhealthy: Fault = status(503, `{"error":"unhealthy","error_type":"healthcheck"}`, json)

/** 503 while a serverless model loads; `estimatedTime` in seconds. @category faults @since 0.1.0 */
export const loading = (estimatedTime = 20): Fault =>
  status(503, `{"error":"Model simulator is currently loading","estimated_time":${estimatedTime.toFixed(1)}}`, json)

/** 503 of the gateway of a dedicated endpoint that sleeps or starts. @category faults @since 0.1.0 */
export const unavailable: Fault = status(503, `{"error":"503 Service Unavailable","code":"SERVICE_UNAVAILABLE"}`, json)

/** 400 of the gateway of a dedicated endpoint that was paused. @category faults @since 0.1.0 */
export const paused: Fault = status(
  400,
  `{"error":"Bad Request: The endpoint is paused, ask a maintainer to restart it","code":"BAD_REQUEST"}`,
  json
)

/** 502 with a proxy's page. @category faults @since 0.1.0 */
export const badGateway: Fault = status(
  502,
  "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body><h1>502 Bad Gateway</h1></body>\r\n</html>\r\n",
  { "content-type": "text/html" }
)

/** 504 without a body. @category faults @since 0.1.0 */
export const gatewayTimeout: Fault = status(504, "")

/**
 * 424 of TGI while its shard restarts, or because another request of the same batch broke it.
 *
 * @category faults
 * @since 0.2.0
 */
export const shardRestarting: Fault = status(
  424,
  `{"error":"Request failed during generation: Server error: transport error","error_type":"generation"}`,
  json
)

/** A status invented by gateways: 520, 522, 524, 529. @category faults @since 0.2.0 */
export const gatewayError = (code: number): Fault =>
  status(code, `error code: ${code}`, { "content-type": "text/plain" })

/** llama.cpp's 500 for an image that its model cannot see; retries do not help. @category faults @since 0.2.0 */
export const imageUnsupported: Fault = status(
  500,
  `{"error":{"code":500,"message":"image input is not supported - hint: if this is unexpected, you may need to provide the mmproj","type":"server_error"}}`,
  json
)

/** A status of 200 with an error in the body, in the words of providers. @category faults @since 0.2.0 */
export const errorInside = (type: string, message: string, code?: string | number): Fault =>
  status(200, JSON.stringify({ error: { message, type, code: code ?? null } }), json)

/** TGI's 422 about its own tool call that the token limit cut. @category faults @since 0.2.0 */
export const cutToolCall: Fault = status(
  422,
  JSON.stringify({
    error:
      `Tool error: Failed to parse generated text: EOF while parsing a string at line 1 column 24 "{\\"function\\": {\\"_name\\": \\"f"`,
    error_type: "tool_error"
  }),
  json
)
