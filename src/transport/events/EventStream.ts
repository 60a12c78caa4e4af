/**
 * Bytes → events, by the WHATWG event-stream grammar (html.spec.whatwg.org, 9.2.5 and 9.2.6) and the deviations that
 * servers of language models have.
 *
 * The grammar: UTF-8 with one leading BOM dropped; lines that end in CR, LF or CRLF, split anywhere; comments; one space
 * after the colon dropped; several data lines joined by LF; unknown fields ignored. `retry:` and `id:` are read and have
 * no effect on the stream.
 *
 * The deviations: the last event may lack its blank line (`end` delivers it, and says so); a line `error: …` (llama.cpp)
 * is an event of type `error`; a line that begins with `{` is data without its field name.
 *
 * One pass: an incomplete line is kept as it is, and only new text is searched, so that the cost of an event of any size in
 * pieces of any size is linear in its length.
 *
 * @since 0.1.0
 */
import * as Bytes from "../../http/Bytes.ts"

/**
 * Receives each event: its data, and its type if that is not `message`.
 *
 * @category models
 * @since 0.1.0
 */
export type OnEvent = (data: string, type: string | undefined) => void

/**
 * Gets each event that is one line of data, in place: from `start` to `end` of a text. If it returns `true`, `OnEvent` does
 * not get the event.
 *
 * @category models
 * @since 0.1.0
 */
export type TakeLine = (text: string, start: number, end: number) => boolean

/**
 * The options of a parser.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Bounds an event, in UTF-16 code units; 16 Mi by default. */
  readonly maxEventSize?: number | undefined
  readonly takeLine?: TakeLine | undefined
}

/**
 * The state of one stream.
 *
 * @category models
 * @since 0.1.0
 */
export interface Parser {
  /**
   * Feeds the pieces of one read. Returns `false` when an event grew beyond the limit; the parser can then no longer be
   * used.
   */
  readonly push: (pieces: ReadonlyArray<Uint8Array>) => boolean
  /**
   * The body has ended. An event without its blank line is delivered now; the result says whether there was one, since it
   * may then be cut in the middle.
   */
  readonly end: () => boolean
}

const LF = 10
const BRACE = 123
const SPACE = 32
const COLON = 58
const BOM = "\uFEFF"

/** `ignoreBOM` keeps the decoder from dropping a second BOM of its own. */
const decoderOf = () => new TextDecoder("utf-8", { ignoreBOM: true })

/** Of texts that are whole. */
const whole = decoderOf()

/** A text that waits for more must not keep the text that it was cut from, as a slice does. */
const copy = (slice: string): string => JSON.parse(JSON.stringify(slice)) as string

/**
 * Starts a parser.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (onEvent: OnEvent, options?: Options): Parser => new State(onEvent, options)

class State implements Parser {
  readonly #onEvent: OnEvent
  readonly #takeLine: TakeLine
  readonly #maxEventSize: number
  /** Set while a character waits for the rest of its bytes. */
  #decoder: TextDecoder | undefined = undefined
  #started = false
  /** The last text ended in CR: an LF that comes next belongs to that line end. */
  #skipLineFeed = false
  #line = ""
  #data: string | undefined = undefined
  #tooLarge = false
  #type: string | undefined = undefined

  constructor(onEvent: OnEvent, options?: Options) {
    this.#onEvent = onEvent
    this.#takeLine = options?.takeLine ?? (() => false)
    this.#maxEventSize = options?.maxEventSize ?? 16 * 1024 * 1024
  }

  push(pieces: ReadonlyArray<Uint8Array>): boolean {
    if (pieces.length === 0) return true
    const bytes = Bytes.join(pieces)
    // after ASCII no character is open, so one decoder serves every stream; nearly every read ends so
    const isWhole = (bytes[bytes.length - 1] ?? 0) < 0x80
    if (isWhole && this.#decoder === undefined) return this.#text(whole.decode(bytes))
    this.#decoder ??= decoderOf()
    const text = this.#decoder.decode(bytes, { stream: true })
    if (isWhole) this.#decoder = undefined
    return this.#text(text)
  }

  end(): boolean {
    const complete = this.#text(this.#decoder?.decode() ?? "")
    if (this.#line !== "") {
      const line = this.#line
      this.#line = ""
      this.#field(line, 0, line.length)
    }
    const pending = this.#data !== undefined
    this.#dispatch()
    return complete && pending
  }

  #text(text: string): boolean {
    if (text === "") return true
    let start = 0
    if (!this.#started) {
      this.#started = true
      if (text.startsWith(BOM)) start = 1
    }
    if (this.#skipLineFeed && start < text.length) {
      this.#skipLineFeed = false
      if (text.charCodeAt(start) === LF) start++
    }
    // one search shows whether there is any CR to look for
    if (text.includes("\r", start)) start = this.#linesWithCarriageReturn(text, start)
    else start = this.#lines(text, start)
    if (start < text.length) this.#line += start === 0 ? text : copy(text.slice(start))
    return !this.#tooLarge && this.#line.length + (this.#data?.length ?? 0) <= this.#maxEventSize
  }

  #lines(text: string, from: number): number {
    let start = from
    for (;;) {
      const end = text.indexOf("\n", start)
      if (end === -1) return start
      if (text.charCodeAt(end + 1) === LF && this.#isWhole(text, start, end)) {
        const value = text.charCodeAt(start + 5) === SPACE ? start + 6 : start + 5
        if (!this.#takeLine(text, value, end)) this.#onEvent(text.slice(value, end), undefined)
        start = end + 2
      } else {
        this.#complete(text, start, end)
        start = end + 1
      }
    }
  }

  /** Whether a line is a whole event: data, with nothing pending before it. Nearly every event of a server is. */
  #isWhole(text: string, start: number, end: number): boolean {
    return this.#line === "" && this.#data === undefined && this.#type === undefined && !this.#tooLarge &&
      end - start > 5 && end - start <= this.#maxEventSize && text.startsWith("data:", start)
  }

  #linesWithCarriageReturn(text: string, from: number): number {
    let start = from
    let lf = text.indexOf("\n", start)
    let cr = text.indexOf("\r", start)
    while (lf !== -1 || cr !== -1) {
      const atCr = cr !== -1 && (lf === -1 || cr < lf)
      const end = atCr ? cr : lf
      this.#complete(text, start, end)
      start = end + 1
      if (atCr) {
        if (start === text.length) this.#skipLineFeed = true
        else if (text.charCodeAt(start) === LF) start++
        cr = text.indexOf("\r", start)
      }
      if (lf !== -1 && lf < start) lf = text.indexOf("\n", start)
    }
    return start
  }

  #complete(text: string, start: number, end: number): void {
    if (this.#line === "") {
      if (start === end) this.#dispatch()
      else this.#field(text, start, end)
    } else {
      const line = this.#line + text.slice(start, end)
      this.#line = ""
      this.#field(line, 0, line.length)
    }
  }

  /** A line that is not empty, without its end. The limit is the same for a line that arrived whole and one in pieces. */
  #field(text: string, start: number, end: number): void {
    if (end - start + (this.#data?.length ?? 0) > this.#maxEventSize) this.#tooLarge = true
    if (text.startsWith("data:", start) && start + 5 <= end) {
      const value = start + 5
      this.#addData(text.slice(value < end && text.charCodeAt(value) === SPACE ? value + 1 : value, end))
      return
    }
    const first = text.charCodeAt(start)
    if (first === COLON) return
    if (first === BRACE) {
      this.#addData(text.slice(start, end))
      return
    }
    const line = text.slice(start, end)
    const colon = line.indexOf(":")
    const name = colon === -1 ? line : line.slice(0, colon)
    const rest = colon === -1 ? "" : line.slice(line.charCodeAt(colon + 1) === SPACE ? colon + 2 : colon + 1)
    if (name === "data") this.#addData(rest)
    else if (name === "event") this.#type = rest
    else if (name === "error") {
      this.#type = "error"
      this.#addData(rest)
    }
  }

  #addData(value: string): void {
    this.#data = this.#data === undefined ? value : `${this.#data}\n${value}`
  }

  #dispatch(): void {
    const data = this.#data
    const type = this.#type
    this.#type = undefined
    if (data === undefined || this.#tooLarge) return
    this.#data = undefined
    this.#onEvent(data, type === "" || type === "message" ? undefined : type)
  }
}
