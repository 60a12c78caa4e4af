/**
 * Lines of a file with their place in it, one block at a time.
 *
 * Lines end in LF or CRLF; a byte order mark at the start is dropped. A line keeps its number and byte offset, so that a
 * message can name it and a file can be cut or read at it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"

/**
 * @category models
 * @since 0.1.0
 */
export interface Line {
  /** Counted from 1. */
  readonly number: number
  /** Counted from 0 over the lines that are not blank; -1 for a blank line. */
  readonly index: number
  /** Where it starts, in bytes. */
  readonly offset: number
  /** Its bytes, its end included. */
  readonly bytes: number
  /** Without its end; undefined if it is not UTF-8, or longer than the limit. */
  readonly text: string | undefined
  /** False for a last line without a line feed. */
  readonly complete: boolean
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Longest line in bytes; longer ones come without their text. Default 16 MiB. */
  readonly maxLine?: number | undefined
  /** Lines to leave out, by their index: they are counted and never decoded. */
  readonly skip?: ((index: number) => boolean) | undefined
}

const BLOCK = 256 * 1024
const MAX_LINE = 16 * 1024 * 1024
const LF = 10
const CR = 13
const OPEN_BRACE = 123

const isSpace = (byte: number | undefined): boolean => byte === 32 || byte === 9 || byte === CR

/**
 * Cuts bytes into lines: bytes are read into `free`, or copied by `push`, and come back as lines.
 *
 * @category models
 * @since 0.2.0
 */
export class Splitter {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  readonly #maxLine: number
  readonly #skip: ((index: number) => boolean) | undefined
  #buffer = new Uint8Array(BLOCK)
  #start = 0
  #end = 0
  /** The position up to which no line feed was found. */
  #scanned = 0
  /** Of the first byte of the line at `#start`. */
  #offset = 0
  #number = 1
  #index = 0
  /** Bytes of a line that is too long, which were dropped. */
  #dropped = 0

  constructor(options: Options = {}) {
    this.#maxLine = options.maxLine ?? MAX_LINE
    this.#skip = options.skip
  }

  /** Room for at least this many bytes. */
  free(bytes = BLOCK): Uint8Array {
    if (this.#end - this.#start > this.#maxLine) this.#drop()
    if (this.#start > 0 && this.#end + bytes > this.#buffer.length) {
      this.#buffer.copyWithin(0, this.#start, this.#end)
      this.#end -= this.#start
      this.#scanned -= this.#start
      this.#start = 0
    }
    if (this.#end + bytes > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(this.#buffer.length * 2, this.#end + bytes))
      larger.set(this.#buffer.subarray(0, this.#end))
      this.#buffer = larger
    }
    return this.#buffer.subarray(this.#end, this.#end + bytes)
  }

  #drop(): void {
    this.#dropped += this.#end - this.#start
    this.#end = this.#start
    this.#scanned = this.#start
  }

  push(bytes: Uint8Array): ReadonlyArray<Line> {
    this.free(bytes.length).set(bytes)
    return this.lines(bytes.length)
  }

  /** This many bytes of `free` were filled. */
  lines(read: number): ReadonlyArray<Line> {
    this.#end += read
    const filled = this.#buffer.subarray(0, this.#end)
    const lines: Array<Line> = []
    while (true) {
      const at = filled.indexOf(LF, this.#scanned)
      if (at < 0) break
      this.#line(at, at + 1, true, lines)
      this.#start = at + 1
      this.#scanned = this.#start
    }
    this.#scanned = this.#end
    return lines
  }

  /** The last line, if the input ended without a line feed. */
  rest(): ReadonlyArray<Line> {
    const lines: Array<Line> = []
    if (this.#end > this.#start || this.#dropped > 0) this.#line(this.#end, this.#end, false, lines)
    return lines
  }

  #line(end: number, next: number, complete: boolean, lines: Array<Line>): void {
    const bytes = this.#dropped + next - this.#start
    const number = this.#number++
    const offset = this.#offset
    const index = this.#dropped === 0 && this.#isBlank(end) ? -1 : this.#index++
    this.#offset += bytes
    this.#dropped = 0
    if (index >= 0 && this.#skip?.(index) === true) return
    const text = bytes > this.#maxLine ? undefined : this.#decode(this.#start, end, number)
    lines.push({ number, index, offset, bytes, text, complete })
  }

  #isBlank(end: number): boolean {
    let at = this.#start
    if (this.#buffer[at] === OPEN_BRACE) return false
    while (at < end && isSpace(this.#buffer[at])) at++
    return at === end
  }

  #decode(start: number, end: number, number: number): string | undefined {
    const to = end > start && this.#buffer[end - 1] === CR ? end - 1 : end
    try {
      const text = this.#decoder.decode(this.#buffer.subarray(start, to))
      return number === 1 && text.startsWith("\uFEFF") ? text.slice(1) : text
    } catch {
      return undefined
    }
  }
}

/**
 * The lines of the next block of an open file; empty arrays are possible, undefined is the end.
 *
 * @category constructors
 * @since 0.1.0
 */
export const read = (
  file: FileSystem.File,
  options: Options = {}
): Effect.Effect<ReadonlyArray<Line> | undefined, PlatformError> => {
  const splitter = new Splitter(options)
  let position = 0n
  let ended = false
  return Effect.suspend(() => {
    if (ended) return Effect.undefined
    return Effect.map(file.read(splitter.free(), { position }), (read) => {
      if (read === 0) {
        ended = true
        return splitter.rest()
      }
      position += BigInt(read)
      return splitter.lines(read)
    })
  })
}

/**
 * Passes every line of an open file to a function, in order.
 *
 * @category running
 * @since 0.1.0
 */
export const forEach = <E = never, R = never>(
  file: FileSystem.File,
  options: Options,
  each: (line: Line) => Effect.Effect<void, E, R> | void
): Effect.Effect<void, E | PlatformError, R> => {
  const next = read(file, options)
  return Effect.gen(function*() {
    while (true) {
      const lines = yield* next
      if (lines === undefined) return
      for (const line of lines) {
        const effect = each(line)
        if (effect !== undefined) yield* effect
      }
    }
  })
}

/**
 * What `JSON.parse` returns, and undefined for what is not JSON.
 *
 * @category conversions
 * @since 0.1.0
 */
export const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
