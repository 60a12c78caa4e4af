/**
 * A request → the bytes that are sent, by RFC 9112, sections 3 and 6. What could be read as more than was meant, such as a
 * line end in a header, is refused before anything is sent.
 *
 * @since 0.1.0
 */
import { fault } from "./TransportFault.ts"

/**
 * A body as it is sent: nothing, a text, bytes, or pieces whose number is not known.
 *
 * @category models
 * @since 0.1.0
 */
export type Body = null | string | Uint8Array | AsyncIterable<unknown> | Iterable<unknown>

/**
 * A request on its way to a connection.
 *
 * @category models
 * @since 0.1.0
 */
export interface Request {
  readonly origin: string
  /** The path with its query. */
  readonly path: string
  readonly method: string
  /** Names and values in turn. */
  readonly headers: Array<string>
  readonly body: Body
  /** Milliseconds to the end of the head of the answer, and without a byte of its body; 0 for no limit. */
  readonly headersTimeout: number
  readonly bodyTimeout: number
}

/**
 * What goes to the socket. `head` is in Latin-1.
 *
 * @category models
 * @since 0.1.0
 */
export interface Written {
  readonly head: string
  readonly body: Body
  /** The body has to be sent in chunks. */
  readonly chunked: boolean
  /** The length that a body in pieces was said to have. */
  readonly promised: number | undefined
  /** The caller wants the connection to end with this answer. */
  readonly close: boolean
}

const TOKEN = /^[!#$%&'*+\-.^_`|~\w]+$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const TARGET = /^[\x21-\x7e]+$/

/** Methods whose requests have a body even if it is empty (RFC 9110, 8.6). */
const withBody = new Set(["POST", "PUT", "PATCH"])

/**
 * Writes the head. Returns a fault for what cannot be sent; the value of a header is never shown.
 *
 * @category encoding
 * @since 0.1.0
 */
export const write = (request: Request, host: string): Written | Error => {
  const { body, headers, method, path } = request
  if (!TOKEN.test(method)) return invalid("invalid request method")
  if (!TARGET.test(path)) return invalid("invalid request path")
  if (!isBody(body)) return invalid("invalid request body: neither a text, bytes nor pieces of them")
  let fields = ""
  let hostField = `host: ${host}\r\n`
  let promised: number | undefined
  let close = false
  for (let at = 0; at + 1 < headers.length; at += 2) {
    const name = headers[at] ?? ""
    const value = headers[at + 1] ?? ""
    if (!TOKEN.test(name)) return invalid("invalid header name")
    if (!VALUE.test(value)) return invalid(`invalid ${name} header`)
    switch (name.toLowerCase()) {
      case "host":
        hostField = `host: ${value}\r\n`
        break
      case "content-length":
        if (!/^\d{1,15}$/.test(value)) return invalid("invalid content-length header")
        promised = Number(value)
        break
      case "connection":
        if (value.toLowerCase() !== "close" && value.toLowerCase() !== "keep-alive") {
          return invalid("invalid connection header")
        }
        close = value.toLowerCase() === "close"
        break
      case "transfer-encoding":
      case "keep-alive":
      case "upgrade":
      case "expect":
        return invalid(`invalid ${name} header`)
      default:
        fields += `${name}: ${value}\r\n`
    }
  }
  const length = body === null
    ? withBody.has(method) ? 0 : undefined
    : typeof body === "string"
    ? Buffer.byteLength(body)
    : body instanceof Uint8Array
    ? body.byteLength
    : promised
  const inPieces = body !== null && typeof body !== "string" && !(body instanceof Uint8Array)
  const chunked = inPieces && length === undefined
  const framing = chunked
    ? "transfer-encoding: chunked\r\n"
    : length === undefined
    ? ""
    : `content-length: ${length}\r\n`
  const head = `${method} ${path} HTTP/1.1\r\n${hostField}connection: ${
    close ? "close" : "keep-alive"
  }\r\n${fields}${framing}\r\n`
  return { head, body, chunked, promised: inPieces ? promised : undefined, close }
}

/** Callers in JavaScript may hand over anything. */
const isBody = (body: unknown): boolean =>
  body === null || typeof body === "string" ||
  (typeof body === "object" && (Symbol.asyncIterator in body || Symbol.iterator in body))

const invalid = (message: string): Error => fault("UND_ERR_INVALID_ARG", message)
