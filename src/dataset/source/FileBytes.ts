/**
 * A file whose bytes can be read from any place: on the disk, in memory, or on the Hub by ranges.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Stream from "effect/Stream"
import * as DatasetError from "../DatasetError.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface FileBytes<E = never> {
  /** Its name in messages. */
  readonly path: string
  /** Bytes. */
  readonly size: number
  /** The bytes from `start` to before `end`, all of them or a failure. */
  readonly read: (start: number, end: number) => Effect.Effect<Uint8Array, E>
}

/**
 * Bytes in memory.
 *
 * @category constructors
 * @since 0.2.0
 */
export const memory = (path: string, bytes: Uint8Array): FileBytes => ({
  path,
  size: bytes.length,
  read: (start, end) => Effect.sync(() => bytes.subarray(start, end))
})

const disk = (path: string) => (error: { readonly message: string; readonly reason: { readonly _tag: string } }) =>
  DatasetError.of("read")(
    error.reason._tag === "NotFound"
      ? new DatasetError.InvalidSource({ source: path, problem: "there is no such file" })
      : new DatasetError.Disk({ path, problem: error.message })
  )

/**
 * A file of the disk, open for as long as the scope.
 *
 * @category constructors
 * @since 0.2.0
 */
export const local = Effect.fnUntraced(function*(path: string) {
  const fs = yield* FileSystem.FileSystem
  const file = yield* Effect.mapError(fs.open(path, { flag: "r" }), disk(path))
  const { size } = yield* Effect.mapError(file.stat, disk(path))
  const read = Effect.fnUntraced(function*(start: number, end: number) {
    const bytes = new Uint8Array(end - start)
    for (let filled = 0; filled < bytes.length;) {
      const count = yield* Effect.mapError(
        file.read(bytes.subarray(filled), { position: BigInt(start + filled) }),
        disk(path)
      )
      if (count === 0) {
        return yield* DatasetError.of("read")(
          new DatasetError.InvalidFile({ path, problem: "became shorter while it was read" })
        )
      }
      filled += count
    }
    return bytes
  })
  const found: FileBytes<DatasetError.DatasetError> = { path, size: Number(size), read }
  return found
})

/** Bytes that are read at once. */
const BLOCK = 1024 * 1024

/**
 * All bytes in order, a mebibyte at a time.
 *
 * @category conversions
 * @since 0.2.0
 */
export const stream = <E>(file: FileBytes<E>): Stream.Stream<Uint8Array, E> =>
  Stream.unfold(0, (start) => {
    if (start >= file.size) return Effect.undefined
    const end = Math.min(file.size, start + BLOCK)
    return Effect.map(file.read(start, end), (bytes) => [bytes, end] as const)
  })
