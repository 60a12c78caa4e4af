/** HTTP clients made by hand: they record what is asked of them and answer as the test says. */
import { Effect, Layer } from "effect"
import { HttpClient, HttpClientError, type HttpClientRequest, HttpClientResponse } from "effect/http"
import * as Retry from "../../src/http/Retry.ts"
import * as TgiClient from "../../src/transport/TgiClient.ts"

/** A web response, a fault with a `code` as platforms have it, or silence. */
export type Answer = Response | Error | "silence"

export interface Wire {
  readonly layer: Layer.Layer<HttpClient.HttpClient>
  readonly requests: ReadonlyArray<HttpClientRequest.HttpClientRequest>
  /** The numbers, from 1, of requests that the client gave up. */
  readonly aborted: ReadonlyArray<number>
  /** How often the health route was asked between requests that generate, which is not among the requests. */
  readonly probes: () => number
}

const given = (request: HttpClientRequest.HttpClientRequest, answer: Answer) => {
  if (answer === "silence") return Effect.never
  return answer instanceof Response
    ? Effect.succeed(HttpClientResponse.fromWeb(request, answer))
    : Effect.fail(
      new HttpClientError.HttpClientError({
        reason: new HttpClientError.TransportError({ request, cause: answer })
      })
    )
}

export const make = (
  answer: (nth: number, request: HttpClientRequest.HttpClientRequest) => Answer | Effect.Effect<Answer>,
  options: { readonly health?: (nth: number) => Answer } = {}
): Wire => {
  const requests: Array<HttpClientRequest.HttpClientRequest> = []
  const aborted: Array<number> = []
  let probes = 0
  const client = HttpClient.make((request, url, signal) =>
    Effect.suspend(() => {
      if (url.pathname === "/health" && requests.some(({ method }) => method === "POST")) {
        probes++
        return given(request, options.health?.(probes) ?? new Response(null, { status: 200 }))
      }
      const nth = requests.push(request)
      signal.addEventListener("abort", () => aborted.push(nth))
      const answered = answer(nth, request)
      return Effect.isEffect(answered)
        ? Effect.flatMap(answered, (answer) => given(request, answer))
        : given(request, answered)
    })
  )
  return { layer: Layer.succeed(HttpClient.HttpClient, client), requests, aborted, probes: () => probes }
}

/** A fault of a socket as Node words it. */
export const fault = (code: string): Error => Object.assign(new Error(`fault ${code}`), { code })

/** The way in which platforms nest it. */
export const nested = (code: string): Error => new TypeError("fetch failed", { cause: fault(code) })

export type End = "close" | "open" | "error"

/** An event stream of the given texts, which then ends, stays open, or breaks. */
export const events = (
  pieces: ReadonlyArray<string | Uint8Array>,
  options: {
    readonly end?: End
    readonly headers?: Readonly<Record<string, string>>
    readonly onCancel?: () => void
  } = {}
): Response => {
  let at = 0
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const piece = pieces[at++]
      if (piece !== undefined) {
        controller.enqueue(typeof piece === "string" ? new TextEncoder().encode(piece) : piece)
      } else if (options.end === "error") controller.error(fault("ECONNRESET"))
      else if (options.end !== "open") controller.close()
      else await new Promise(() => {})
    },
    cancel() {
      options.onCancel?.()
    }
  }, { highWaterMark: 0 })
  return new Response(body, { headers: { "content-type": "text/event-stream", ...options.headers } })
}

export const json = (value: unknown, init: ResponseInit = {}): Response =>
  new Response(JSON.stringify(value), {
    ...init,
    headers: { "content-type": "application/json", ...Object.fromEntries(new Headers(init.headers)) }
  })

export const token = (text: string, id = 1): string =>
  `data: {"index":${id},"token":{"id":${id},"text":${JSON.stringify(text)},"logprob":-1,"special":false},` +
  `"generated_text":null,"details":null}\n\n`

export const last = (generated: string): string =>
  `data: {"index":9,"token":{"id":2,"text":"</s>","logprob":-1,"special":true},` +
  `"generated_text":${
    JSON.stringify(generated)
  },"details":{"finish_reason":"eos_token","generated_tokens":9,"seed":null}}\n\n`

export const chunk = (content: string, finish: string | null = null): string =>
  `data: {"choices":[{"index":0,"delta":{"role":"assistant","content":${JSON.stringify(content)}},` +
  `"logprobs":null,"finish_reason":${JSON.stringify(finish)}}],"usage":null}\n\n`

export const done = "data: [DONE]\n\n"

/** A client that tries once, where nothing else is said. */
export const client = (options: Partial<TgiClient.Options> = {}) =>
  TgiClient.make({ url: "http://tgi", retry: Retry.none, ...options })

export const prompt = { inputs: "Say something" }
export const conversation = { messages: [{ role: "user", content: "Say something" }] }
