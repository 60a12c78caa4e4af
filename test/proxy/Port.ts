/** The port without a socket: requests in, responses out, on virtual time. */
import { Effect, Layer, Stream } from "effect"
import { HttpServerRequest, type HttpServerResponse } from "effect/http"
import { type Proxy, ProxyService } from "./Service.ts"

export const heads = { "host": "localhost:8000", "content-type": "application/json" }

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly text: string
  /** How a stream ended: in order, or broken off. */
  readonly ending: "whole" | "end" | "broken"
}

export type Json = Record<string, unknown>

const textOf = (response: HttpServerResponse.HttpServerResponse) => {
  const { body } = response
  const decoder = new TextDecoder()
  const answer = (text: string, ending: Answer["ending"]): Answer => ({
    status: response.status,
    headers: response.headers,
    text,
    ending
  })
  if (body._tag === "Stream") {
    let text = ""
    return Stream.runForEach(body.stream, (bytes) => Effect.sync(() => void (text += decoder.decode(bytes)))).pipe(
      Effect.match({ onSuccess: () => answer(text, "end"), onFailure: () => answer(text, "broken") })
    )
  }
  return Effect.succeed(answer(body._tag === "Uint8Array" ? decoder.decode(body.body) : "", "whole"))
}

/** Sends one request to the port that is there; the request ends with what reads its response. */
export const send = (
  method: string,
  path: string,
  body?: Json | string | Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>> = {}
): Effect.Effect<Answer, never, Proxy> =>
  Effect.flatMap(ProxyService, ({ app }) => {
    const request = new Request(`http://localhost:8000${path}`, {
      method,
      headers: { ...heads, ...headers },
      ...(body !== undefined && {
        body: typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body)
      })
    })
    return Effect.scoped(Effect.flatMap(app, textOf)).pipe(
      Effect.provide(Layer.succeed(HttpServerRequest.HttpServerRequest, HttpServerRequest.fromWeb(request)))
    )
  })

export const message = { role: "user", content: "hi" }

export const chat = (body: Json = {}, headers?: Readonly<Record<string, string>>) =>
  send("POST", "/v1/chat/completions", { model: "m", messages: [message], ...body }, headers)

export const get = (path: string, headers?: Readonly<Record<string, string>>) => send("GET", path, undefined, headers)

export const json = ({ text }: Answer): Json => JSON.parse(text)

export const errorOf = (answer: Answer) => {
  const { error } = json(answer)
  return typeof error === "object" && error !== null ? { ...error } as Json : {}
}

/** The data of the events, in order. */
export const data = ({ text }: Answer): ReadonlyArray<string> =>
  text.split("\n").flatMap((line) => line.startsWith("data: ") ? [line.slice(6)] : [])

interface Chunk {
  readonly id: string
  readonly model: string
  readonly choices: ReadonlyArray<{
    readonly index: number
    readonly delta?: { readonly content?: string }
    readonly text?: string
    readonly finish_reason: string | null
  }>
  readonly usage?: Json | null
  readonly error?: Json
}

export const chunks = (answer: Answer): ReadonlyArray<Chunk> =>
  data(answer).filter((one) => one !== "[DONE]").map((one) => JSON.parse(one))

export const said = (answer: Answer): string =>
  chunks(answer).map(({ choices }) => choices?.[0]?.delta?.content ?? choices?.[0]?.text ?? "").join("")
