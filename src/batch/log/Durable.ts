/**
 * File operations that hold after a power loss.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"

/**
 * Makes names in the file's directory durable. If a directory cannot be opened or synced, there is nothing to do.
 *
 * @category running
 * @since 0.1.0
 */
export const syncDirectory = (path: string): Effect.Effect<void, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const { dirname } = yield* Path.Path
    const directory = yield* fs.open(dirname(path), { flag: "r" })
    yield* directory.sync
  }).pipe(Effect.scoped, Effect.ignore)

/**
 * Writes a file through another one next to it: after a crash there is the old one or the new one, whole.
 *
 * @category running
 * @since 0.1.0
 */
export const replace = <E, R>(
  path: string,
  write: (file: FileSystem.File) => Effect.Effect<void, E, R>
): Effect.Effect<void, E | PlatformError, R | FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const temporary = `${path}.tmp`
    yield* Effect.scoped(Effect.gen(function*() {
      const file = yield* fs.open(temporary, { flag: "w" })
      yield* write(file)
      yield* file.sync
    })).pipe(Effect.onError(() => Effect.ignore(fs.remove(temporary))))
    yield* fs.rename(temporary, path)
    yield* syncDirectory(path)
  })

const TOGETHER = 256 * 1024

/**
 * Lines into a file, many per write; `flush` writes those that wait.
 *
 * @category constructors
 * @since 0.2.0
 */
export const lines = (file: FileSystem.File) => {
  const encoder = new TextEncoder()
  let waiting = ""
  const flush = Effect.suspend((): Effect.Effect<void, PlatformError> => {
    const text = waiting
    waiting = ""
    return text === "" ? Effect.void : file.writeAll(encoder.encode(text))
  })
  return {
    add: (line: string): Effect.Effect<void, PlatformError> => {
      waiting += `${line}\n`
      return waiting.length >= TOGETHER ? flush : Effect.void
    },
    flush
  }
}

/**
 * Moves a file aside under the first free name `<path>.<word>`, `<path>.<word>-2`, …; does nothing if it does not
 * exist.
 *
 * @category running
 * @since 0.1.0
 */
export const moveAside = (
  path: string,
  word: string
): Effect.Effect<void, PlatformError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    if (!(yield* fs.exists(path))) return
    let target = `${path}.${word}`
    for (let n = 2; yield* fs.exists(target); n++) target = `${path}.${word}-${n}`
    yield* fs.rename(path, target)
    yield* syncDirectory(path)
  })
