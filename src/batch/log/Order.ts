/**
 * The output in the order of the input: read by a table of offsets (12 bytes a row), written beside and renamed.
 *
 * Lines are written as rows complete, so they are nearly in order, and a few blocks of the file serve almost every read.
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

/** Bytes of a file by offset, through blocks of which the least used are let go. */
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
      const bytes = new Uint8Array(BLOCK)
      return Effect.map(file.read(bytes, { position: BigInt(number * BLOCK) }), (read) => {
        const [oldest] = held.keys()
        if (held.size >= BLOCKS && oldest !== undefined) held.delete(oldest)
        const filled = bytes.subarray(0, read)
        held.set(number, filled)
        return filled
      })
    })
  return Effect.fnUntraced(function*(offset: number, length: number) {
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

const indexOf = (line: Jsonl.Line): number => {
  const value = line.text === undefined ? undefined : Jsonl.parse(line.text)
  const index = typeof value === "object" && value !== null ? Reflect.get(value, "index") : undefined
  return typeof index === "number" ? index : -1
}

/**
 * Puts the lines of a verified file in the order of their `index`. After a crash there is the old file or the new one.
 *
 * @category running
 * @since 0.1.0
 */
export const sort = (
  path: string,
  rows: number
): Effect.Effect<void, BatchError.BatchError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const file = yield* fs.open(path, { flag: "r" })
    // a length of 0 marks a row without a line
    const offsets = new Float64Array(rows)
    const lengths = new Uint32Array(rows)
    let last = -1
    let sorted = true
    yield* Jsonl.forEach(file, {}, (line) => {
      const index = indexOf(line)
      sorted &&= index > last
      last = index
      offsets[index] = line.offset
      lengths[index] = line.bytes
    })
    if (sorted) return
    const read = blocks(file)
    yield* Durable.replace(path, (target) =>
      Effect.gen(function*() {
        const buffer = new Uint8Array(BLOCK)
        let filled = 0
        for (let index = 0; index < rows; index++) {
          const length = lengths[index] ?? 0
          if (length === 0) continue
          const line = yield* read(offsets[index] ?? 0, length)
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
