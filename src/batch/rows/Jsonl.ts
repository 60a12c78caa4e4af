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
  /** Where it starts, in bytes. */
  readonly offset: number
  /** Its bytes with its end. */
  readonly bytes: number
  /** Without its end; undefined where it is not UTF-8, or longer than the limit. */
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
  /** Sees every byte, in order. */
  readonly onBytes?: ((bytes: Uint8Array) => void) | undefined
}

const BLOCK = 256 * 1024
const MAX_LINE = 16 * 1024 * 1024
const LF = 10
const CR = 13

/** Bytes read and not yet given as lines. */
class Reader {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
  readonly #maxLine: number
  #buffer = new Uint8Array(BLOCK)
  #start = 0
  #end = 0
  /** Up to where no line feed was found. */
  #scanned = 0
  /** Of the first byte of the line at `#start`. */
  #offset = 0
  #number = 1
  /** Bytes of a line that is too long, which were let go. */
  #dropped = 0

  constructor(maxLine: number) {
    this.#maxLine = maxLine
  }

  /** Where the next bytes go. */
  free(): Uint8Array {
    if (this.#end - this.#start > this.#maxLine) this.#drop()
    if (this.#start > 0 && this.#end + BLOCK > this.#buffer.length) {
      this.#buffer.copyWithin(0, this.#start, this.#end)
      this.#end -= this.#start
      this.#scanned -= this.#start
      this.#start = 0
    }
    if (this.#end + BLOCK > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(this.#buffer.length * 2, this.#end + BLOCK))
      larger.set(this.#buffer.subarray(0, this.#end))
      this.#buffer = larger
    }
    return this.#buffer.subarray(this.#end, this.#end + BLOCK)
  }

  #drop(): void {
    this.#dropped += this.#end - this.#start
    this.#end = this.#start
    this.#scanned = this.#start
  }

  lines(read: number): ReadonlyArray<Line> {
    this.#end += read
    const lines: Array<Line> = []
    while (true) {
      const at = this.#buffer.subarray(0, this.#end).indexOf(LF, this.#scanned)
      if (at < 0) break
      lines.push(this.#line(at, at + 1, true))
      this.#start = at + 1
      this.#scanned = this.#start
    }
    this.#scanned = this.#end
    return lines
  }

  rest(): ReadonlyArray<Line> {
    return this.#end === this.#start && this.#dropped === 0 ? [] : [this.#line(this.#end, this.#end, false)]
  }

  #line(end: number, next: number, complete: boolean): Line {
    const bytes = this.#dropped + next - this.#start
    const text = bytes > this.#maxLine ? undefined : this.#decode(this.#start, end)
    const line = { number: this.#number++, offset: this.#offset, bytes, text, complete }
    this.#offset += bytes
    this.#dropped = 0
    return line
  }

  #decode(start: number, end: number): string | undefined {
    const to = end > start && this.#buffer[end - 1] === CR ? end - 1 : end
    try {
      const text = this.#decoder.decode(this.#buffer.subarray(start, to))
      return this.#number === 1 && text.startsWith("\uFEFF") ? text.slice(1) : text
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
  const reader = new Reader(options.maxLine ?? MAX_LINE)
  let position = 0n
  let ended = false
  return Effect.suspend(() => {
    if (ended) return Effect.undefined
    const space = reader.free()
    return Effect.map(file.read(space, { position }), (read) => {
      if (read === 0) {
        ended = true
        return reader.rest()
      }
      position += BigInt(read)
      options.onBytes?.(space.subarray(0, read))
      return reader.lines(read)
    })
  })
}

/**
 * Gives every line of an open file to a function, in order.
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
 * Whether the text is JSON white space alone.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isBlank = (text: string): boolean => /^[ \t\r]*$/.test(text)

/**
 * What `JSON.parse` gives, and undefined for what is not JSON.
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
