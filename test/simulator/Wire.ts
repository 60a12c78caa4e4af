import { Effect } from "effect"
import { HttpClient, HttpClientRequest } from "effect/http"

type Json = ReturnType<typeof JSON.parse>

/** An answer read whole. */
export interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly text: string
  /** The body parsed, for a test to look where it likes. */
  readonly json: Json
}

const read = (request: HttpClientRequest.HttpClientRequest) =>
  HttpClient.execute(request).pipe(
    Effect.flatMap((response) =>
      Effect.map(response.text, (text): Answered => ({
        status: response.status,
        headers: response.headers,
        text,
        get json() {
          return JSON.parse(text)
        }
      }))
    )
  )

/** Posts a value as JSON, or a text as it is. */
export const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  read(
    HttpClientRequest.post(`http://simulator${path}`).pipe(
      HttpClientRequest.bodyText(typeof body === "string" ? body : JSON.stringify(body), "application/json"),
      HttpClientRequest.setHeaders(headers)
    )
  )

export const get = (path: string, headers: Record<string, string> = {}) =>
  read(HttpClientRequest.get(`http://simulator${path}`).pipe(HttpClientRequest.setHeaders(headers)))

export const send = (
  method: "OPTIONS" | "PUT" | "HEAD" | "GET" | "POST",
  path: string,
  headers: Record<string, string>
) => read(HttpClientRequest.make(method)(`http://simulator${path}`).pipe(HttpClientRequest.setHeaders(headers)))

/** The payloads of an event stream. */
export const payloads = (text: string): ReadonlyArray<string> =>
  text.split("\n\n").filter((block) => block.startsWith("data:")).map((block) => block.slice(5).trimStart())

export const events = (text: string): ReadonlyArray<Json> =>
  payloads(text).filter((payload) => payload !== "[DONE]").map((payload) => JSON.parse(payload))

export const user = (content: string) => [{ role: "user", content }]
