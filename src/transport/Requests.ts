/**
 * Calls → HTTP requests to one target: its addresses, its headers and its token.
 *
 * @since 0.2.0
 */
import * as Headers from "effect/http/Headers"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Redacted from "effect/Redacted"
import * as HeaderFields from "../http/HeaderFields.ts"
import * as Json from "../protocol/Json.ts"
import type { Accept, Call, Target } from "./Call.ts"

/** The routes that `chatUrl`, `completionUrl` and `nativeUrl` replace. */
const CHAT = "/v1/chat/completions"
const COMPLETION = "/v1/completions"
const NATIVE = "/"

/**
 * The requests to one target.
 *
 * @category models
 * @since 0.2.0
 */
export class Requests {
  readonly #target: Target
  readonly #base: string
  readonly #headers: { readonly [A in Accept]: Headers.Headers }
  #last:
    | { readonly path: string; readonly accept: Accept; readonly request: HttpClientRequest.HttpClientRequest }
    | undefined = undefined

  constructor(target: Target, userAgent: string | undefined) {
    const { headers, token, url } = target
    this.#target = target
    this.#base = String(url).replace(/\/+$/, "")
    const common = Headers.fromInput({
      "user-agent": HeaderFields.userAgent(userAgent),
      ...headers,
      ...(token !== undefined && { authorization: `Bearer ${Redacted.value(token)}` })
    })
    this.#headers = {
      "application/json": Headers.set(common, "accept", "application/json"),
      "text/event-stream": Headers.set(common, "accept", "text/event-stream")
    }
  }

  /** A request to the health route. */
  health(): HttpClientRequest.HttpClientRequest {
    const { search = "" } = this.#target
    return HttpClientRequest.get(`${this.#base}/health${search}`, { headers: this.#headers["application/json"] })
  }

  /** The request of all attempts; undefined if JSON cannot represent its body. */
  of(call: Call, accept: Accept): HttpClientRequest.HttpClientRequest | undefined {
    const last = this.#last
    const request = last?.path === call.path && last.accept === accept && last.request.method === call.method
      ? last.request
      : this.#to(call, accept)
    if (call.body === undefined) return request
    try {
      const text = Json.stringify(call.body)
      // half of a surrogate pair is written as an escape
      if (text.includes("\\ud") && Json.brokenText(call.body) !== undefined) return undefined
      return HttpClientRequest.bodyText(request, text, "application/json")
    } catch {
      return undefined
    }
  }

  /** The request without its body. A program mostly calls the same route again and again, so the last one is kept. */
  #to({ method, path }: Call, accept: Accept): HttpClientRequest.HttpClientRequest {
    const { chatUrl, completionUrl, nativeUrl, search = "" } = this.#target
    const others: { readonly [path: string]: URL | undefined } = {
      [CHAT]: chatUrl,
      [COMPLETION]: completionUrl,
      [NATIVE]: nativeUrl
    }
    const other = others[path]
    const url = other === undefined ? `${this.#base}${path}` : String(other)
    const request = HttpClientRequest.make(method)(`${url}${search}`, { headers: this.#headers[accept] })
    this.#last = { path, accept, request }
    return request
  }
}
