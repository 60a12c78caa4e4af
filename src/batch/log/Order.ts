/**
 * The output in the order of the input: read by a table of offsets, written to a file next to it and renamed.
 *
 * Lines are written as rows complete, so they are nearly in order, and a few blocks of the file serve almost every
 * read. The table covers two million rows (24 MB) at a time: for each further two million, the file is read through
 * once more.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"
import * as BatchError from "../BatchError.ts"
import * as Jsonl from "../rows/Jsonl.ts"
import * as Durable from "./Durable.ts"

const BLOCK = 1024 * 1024
const BLOCKS = 16

/**
 * Bytes of a file by offset, through blocks, of which the least recently used gives its memory to the next one: use the
 * bytes before reading more.
 */
const blocks = (file: FileSystem.File) => {
  const held = new Map<number, Uint8Array>()
  const block = (number: number): Effect.Effect<Uint8Array, PlatformError> =>
    Effect.suspend(() => {
      const known = held.get(number)
      if (known !== undefined) {
        held.delete(number)
        held.set(number, known)
        return Effect.succeed(known)
      }
      const [oldest] = held.size < BLOCKS ? [] : held
      if (oldest !== undefined) held.delete(oldest[0])
      const bytes = oldest === undefined ? new Uint8Array(BLOCK) : new Uint8Array(oldest[1].buffer)
      return Effect.map(file.read(bytes, { position: BigInt(number * BLOCK) }), (read) => {
        const filled = bytes.subarray(0, read)
        held.set(number, filled)
        return filled
      })
    })
  return Effect.fnUntraced(function*(offset: number, length: number) {
    const first = yield* block(Math.floor(offset / BLOCK))
    const whole = first.subarray(offset % BLOCK, offset % BLOCK + length)
    if (whole.length === length) return whole
    const line = new Uint8Array(length)
    for (let at = 0; at < length;) {
      const from = offset + at
      const bytes = yield* block(Math.floor(from / BLOCK))
      const piece = bytes.subarray(from % BLOCK, from % BLOCK + length - at)
      if (piece.length === 0) return line.subarray(0, at)
      line.set(piece, at)
      at += piece.length
    }
    return line
  })
}

const INDEX = /^\{"id":"(?:[^"\\]|\\.)*","index":(\d+),/

/** The index of a verified line: at its known position if this package wrote the line, otherwise by parsing. */
const indexOf = ({ text = "" }: Jsonl.Line): number => {
  const [, digits] = INDEX.exec(text) ?? []
  if (digits !== undefined) return Number(digits)
  const value = Jsonl.parse(text)
  const index = typeof value === "object" && value !== null ? Reflect.get(value, "index") : undefined
  return typeof index === "number" ? index : -1
}

const WINDOW = 2_000_000

/** Where the lines of a number of rows are, starting at a given one. */
const table = (length: number) => {
  const offsets = new Float64Array(length)
  // a length of 0 marks a row without a line
  const lengths = new Uint32Array(length)
  return {
    offsets,
    lengths,
    look: Effect.fnUntraced(function*(file: FileSystem.File, first: number) {
      lengths.fill(0)
      let last = -1
      let sorted = true
      yield* Jsonl.forEach(file, {}, (line) => {
        const index = indexOf(line)
        sorted &&= index > last
        last = index
        if (index < first || index >= first + length) return
        offsets[index - first] = line.offset
        lengths[index - first] = line.bytes
      })
      return sorted
    })
  }
}

/**
 * Puts the lines of a verified file in the order of their `index`. After a crash there is either the old file or the
 * new one.
 *
 * @category running
 * @since 0.1.0
 */
export const sort = (
  path: string,
  rows: number,
  /** How many rows the table of offsets holds. */
  window = WINDOW
): Effect.Effect<void, BatchError.BatchError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const file = yield* fs.open(path, { flag: "r" })
    const { lengths, look, offsets } = table(Math.min(rows, window))
    if (yield* look(file, 0)) return
    const read = blocks(file)
    yield* Durable.replace(path, (target) =>
      Effect.gen(function*() {
        const buffer = new Uint8Array(BLOCK)
        let filled = 0
        for (let index = 0; index < rows; index++) {
          const at = index % window
          if (at === 0 && index > 0) yield* look(file, index)
          const length = lengths[at] ?? 0
          if (length === 0) continue
          const line = yield* read(offsets[at] ?? 0, length)
          if (filled + length > BLOCK) {
            yield* target.writeAll(buffer.subarray(0, filled))
            filled = 0
          }
          if (length > BLOCK) yield* target.writeAll(line)
          else {
            buffer.set(line, filled)
            filled += length
          }
        }
        yield* target.writeAll(buffer.subarray(0, filled))
      }))
  }).pipe(Effect.scoped, Effect.mapError(BatchError.disk(path)))
