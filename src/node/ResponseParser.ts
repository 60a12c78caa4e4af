/**
 * Bytes of a connection → the answer to a request, by RFC 9112 (HTTP/1.1), section 6: what frames a body, and what does
 * not.
 *
 * It is as strict as llhttp is by default, since a reading that differs from a proxy's is how answers get mixed up: lines
 * end in CR LF, a length is digits and said once, a length and a transfer coding exclude each other, nothing is folded.
 * Interim answers (1xx) are passed over. The payload of all chunks of a read comes in one piece, joined in place: a model
 * server sends a chunk for each token, and to handle each by itself costs more than to parse it.
 *
 * @since 0.1.0
 */
import { fault } from "./TransportFault.ts"

/**
 * A head's fields by their names in lower case; those that came more than once as a list.
 *
 * @category models
 * @since 0.1.0
 */
export type Fields = Record<string, string | Array<string> | undefined>

/**
 * Who is told about an answer.
 *
 * @category models
 * @since 0.1.0
 */
export interface Receiver {
  readonly onHead: (status: number, headers: Fields) => void
  readonly onBody: (bytes: Buffer) => void
  /** The answer is complete. */
  readonly onEnd: () => void
}

/** Where in an answer the next byte stands. */
const State = {
  idle: 0,
  head: 1,
  empty: 2,
  length: 3,
  close: 4,
  size: 5,
  extension: 6,
  sizeEnd: 7,
  data: 8,
  dataEnd: 9,
  dataEndLf: 10,
  trailer: 11,
  trailerLine: 12,
  end: 13
} as const

const CR = 13
const LF = 10
const SEMICOLON = 59
/** Digits of a chunk's length beyond which a number could not hold it. */
const MAX_SIZE_DIGITS = 12

const BLANK_LINE = Buffer.from("\r\n\r\n")
const STATUS_LINE = /HTTP\/1\.([01]) (\d{3})(?: [\t\x20-\x7e\x80-\xff]*)?\r\n/y
const FIELD = /([!#$%&'*+\-.^_`|~\w]+):[\t ]*([\t\x20-\x7e\x80-\xff]*)\r\n/y
const BEGINNING = "HTTP/1."

/**
 * The parser of one connection: `start` for each request, then `push` whatever comes.
 *
 * @category models
 * @since 0.1.0
 */
export class ResponseParser {
  readonly #receiver: Receiver
  readonly #maxHeadBytes: number
  #state: (typeof State)[keyof typeof State] = State.idle
  #method = ""
  #pending: Buffer | undefined
  #left = 0
  #digits = 0
  #skipped = 0
  #failure: Error | undefined
  /** A byte of the answer came. */
  started = false
  /** Whether the connection can carry another request after this answer. */
  keepAlive = false
  /** Milliseconds for which the server said to keep the connection (`Keep-Alive: timeout=`). */
  keepFor = Infinity

  constructor(receiver: Receiver, maxHeadBytes: number) {
    this.#receiver = receiver
    this.#maxHeadBytes = maxHeadBytes
  }

  /** Expects the answer to a request. */
  start(method: string): void {
    this.#state = State.head
    this.#method = method
    this.#pending = undefined
    this.#failure = undefined
    this.started = false
    this.keepAlive = false
  }

  /** Expects nothing any more, in the midst of an answer. */
  stop(): void {
    this.#state = State.idle
    this.#pending = undefined
  }

  /** Takes what a read brought, which it may change. Returns what is wrong with it; the answer has then failed. */
  push(bytes: Buffer): Error | undefined {
    if (this.#state !== State.idle) this.started = true
    let at = 0
    while (at < bytes.length && this.#state !== State.idle && this.#failure === undefined) {
      at = this.#state === State.head ? this.#head(bytes, at) : this.#body(bytes, at)
    }
    return this.#failure
  }

  /** The other side closed. Returns whether that completed the answer. */
  finish(): boolean {
    if (this.#state !== State.close) return false
    this.#end()
    return true
  }

  #fail(code: string, message: string): void {
    this.#state = State.idle
    this.#failure = fault(code, message)
  }

  #end(): void {
    this.#state = State.idle
    this.#receiver.onEnd()
  }

  // ---- the head ------------------------------------------------------------------------------------------------------

  #head(bytes: Buffer, from: number): number {
    const before = this.#pending?.length ?? 0
    const all = this.#pending === undefined ? bytes : Buffer.concat([this.#pending, bytes.subarray(from)])
    const start = this.#pending === undefined ? from : 0
    const end = all.indexOf(BLANK_LINE, start)
    const size = (end === -1 ? all.length : end + 4) - start
    if (size > this.#maxHeadBytes) {
      this.#fail("UND_ERR_HEADERS_OVERFLOW", `The head of the answer is larger than ${this.#maxHeadBytes} bytes`)
      return bytes.length
    }
    if (end === -1) {
      this.#pending = Buffer.from(all.subarray(start))
      const beginning = all.toString("latin1", start, start + BEGINNING.length)
      if (!BEGINNING.startsWith(beginning)) this.#fail("HPE_INVALID_CONSTANT", "The answer is no HTTP/1.1")
      return bytes.length
    }
    this.#pending = undefined
    this.#parseHead(all.toString("latin1", start, end + 2), bytes.length - from + before === size)
    return from + size - before
  }

  #parseHead(head: string, last: boolean): void {
    STATUS_LINE.lastIndex = 0
    const [, minor, code] = STATUS_LINE.exec(head) ?? []
    if (code === undefined) return this.#fail("HPE_INVALID_CONSTANT", "The answer is no HTTP/1.1")
    // a field may have any name
    const headers: Fields = Object.create(null)
    let at = STATUS_LINE.lastIndex
    while (at < head.length) {
      FIELD.lastIndex = at
      const field = FIELD.exec(head)
      if (field === null) return this.#fail("HPE_INVALID_HEADER_TOKEN", "A field of the answer's head is malformed")
      at = FIELD.lastIndex
      // both groups take part in every match
      add(headers, field[1] as string, field[2] as string)
    }
    const status = Number(code)
    if (status < 200) {
      // a 101 would hand the connection over to another protocol, for which nobody asked
      if (status === 101) this.#fail("HPE_INVALID_STATUS", "The server changed the protocol without being asked to")
      return
    }
    this.#frame(status, headers, minor === "1", last)
  }

  /** How the body is framed (RFC 9112, 6.3). */
  #frame(status: number, headers: Fields, persistent: boolean, last: boolean): void {
    const coding = headers["transfer-encoding"]
    const length = headers["content-length"]
    const connection = joined(headers.connection)?.toLowerCase()
    const keep = connection === undefined
      ? persistent
      : persistent
      ? !/(?:^|,)\s*close\s*(?:,|$)/.test(connection)
      : /(?:^|,)\s*keep-alive\s*(?:,|$)/.test(connection)
    if (length !== undefined && (typeof length !== "string" || !/^\d{1,15}$/.test(length) || coding !== undefined)) {
      return this.#fail("HPE_INVALID_CONTENT_LENGTH", "The length of the answer is not told, or told in two ways")
    }
    // no other coding was asked for
    if (coding !== undefined && (typeof coding !== "string" || coding.toLowerCase() !== "chunked")) {
      return this.#fail("HPE_INVALID_TRANSFER_ENCODING", "The transfer coding of the answer is not chunked")
    }
    const empty = this.#method === "HEAD" || status === 204 || status === 304 || length === "0"
    if (empty) this.#state = State.empty
    else if (coding !== undefined) this.#state = State.size
    else this.#state = length === undefined ? State.close : State.length
    this.#left = length === undefined ? 0 : Number(length)
    this.#digits = 0
    this.#skipped = 0
    // what comes after a complete answer belongs to nobody
    this.keepAlive = keep && this.#state !== State.close && (!empty || last)
    const told = this.keepAlive ? /(?:^|[,\s])timeout=(\d{1,9})/i.exec(joined(headers["keep-alive"]) ?? "") : null
    this.keepFor = told === null ? Infinity : Number(told[1]) * 1000
    this.#receiver.onHead(status, headers)
    // unless the receiver had enough
    if (this.#state === State.empty) this.#end()
  }

  // ---- the body ------------------------------------------------------------------------------------------------------

  #body(bytes: Buffer, from: number): number {
    if (this.#state === State.close) {
      this.#receiver.onBody(from === 0 ? bytes : bytes.subarray(from))
      return bytes.length
    }
    if (this.#state !== State.length) return this.#chunks(bytes, from)
    const end = Math.min(bytes.length, from + this.#left)
    this.#left -= end - from
    this.#receiver.onBody(from === 0 && end === bytes.length ? bytes : bytes.subarray(from, end))
    // the receiver may have had enough
    if (this.#left === 0 && this.#state === State.length) {
      if (end < bytes.length) this.keepAlive = false
      this.#end()
    }
    return end
  }

  /** All chunks that a read brought. Their payload is moved together, so that it is one piece. */
  #chunks(bytes: Buffer, from: number): number {
    let at = from
    let first = from
    let end = from
    let state = this.#state
    while (at < bytes.length) {
      if (state === State.data) {
        const size = Math.min(this.#left, bytes.length - at)
        if (end === first) first = end = at
        else bytes.copyWithin(end, at, at + size)
        end += size
        at += size
        this.#left -= size
        if (this.#left === 0) state = State.dataEnd
        continue
      }
      const byte = bytes[at++]
      if (state === State.size) {
        const digit = byte === undefined ? -1 : hex(byte)
        if (digit !== -1 && this.#digits < MAX_SIZE_DIGITS) {
          this.#left = this.#left * 16 + digit
          this.#digits++
        } else if (this.#digits > 0 && byte === CR) state = State.sizeEnd
        else if (this.#digits > 0 && byte === SEMICOLON) state = State.extension
        else return this.#malformed("HPE_INVALID_CHUNK_SIZE", "The length of a chunk is malformed", bytes, first, end)
      } else if (state === State.sizeEnd) {
        if (byte !== LF) {
          return this.#malformed("HPE_LF_EXPECTED", "The length of a chunk is malformed", bytes, first, end)
        }
        this.#digits = 0
        state = this.#left === 0 ? State.trailer : State.data
      } else if (state === State.dataEnd || state === State.dataEndLf) {
        if (byte !== (state === State.dataEnd ? CR : LF)) {
          return this.#malformed("HPE_STRICT", "A chunk is longer than it says", bytes, first, end)
        }
        state = state === State.dataEnd ? State.dataEndLf : State.size
      } else {
        // an extension or a trailer, of which nobody reads anything
        if (++this.#skipped > this.#maxHeadBytes) {
          return this.#malformed("UND_ERR_HEADERS_OVERFLOW", "What follows the body is too long", bytes, first, end)
        }
        if (state === State.extension) {
          if (byte === CR) state = State.sizeEnd
          else if (byte === LF) return this.#malformed("HPE_CR_EXPECTED", "A line ends without CR", bytes, first, end)
        } else if (state === State.trailer) state = byte === CR ? State.end : State.trailerLine
        else if (state === State.trailerLine) state = byte === LF ? State.trailer : State.trailerLine
        else if (byte === LF) {
          if (at < bytes.length) this.keepAlive = false
          this.#state = State.end
          if (end > first) this.#receiver.onBody(bytes.subarray(first, end))
          if (this.#state === State.end) this.#end()
          return at
        } else return this.#malformed("HPE_LF_EXPECTED", "A line ends without LF", bytes, first, end)
      }
    }
    this.#state = state
    if (end > first) this.#receiver.onBody(bytes.subarray(first, end))
    return at
  }

  /** What came before a fault is delivered first. */
  #malformed(code: string, message: string, bytes: Buffer, first: number, end: number): number {
    if (end > first) this.#receiver.onBody(bytes.subarray(first, end))
    this.#fail(code, message)
    return bytes.length
  }
}

const hex = (byte: number): number =>
  byte >= 48 && byte <= 57
    ? byte - 48
    : byte >= 97 && byte <= 102
    ? byte - 87
    : byte >= 65 && byte <= 70
    ? byte - 55
    : -1

const joined = (field: string | Array<string> | undefined): string | undefined =>
  Array.isArray(field) ? field.join(",") : field

const add = (headers: Fields, name: string, value: string): void => {
  const key = name.toLowerCase()
  const text = value.endsWith(" ") || value.endsWith("\t") ? value.replace(/[\t ]+$/, "") : value
  const known = headers[key]
  if (known === undefined) headers[key] = text
  else if (typeof known === "string") headers[key] = [known, text]
  else known.push(text)
}
