/**
 * Names of files that may be the same file: compared by real folder and name, and by what the file system says about them.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"

/** What a name leads to: marks, of which any two names for the same file share at least one. */
const marksOf = Effect.fnUntraced(function*(name: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const whole = path.resolve(name)
  const folder = yield* Effect.orElseSucceed(fs.realPath(path.dirname(whole)), () => path.dirname(whole))
  const real = yield* Effect.orElseSucceed(fs.realPath(whole), () => path.join(folder, path.basename(whole)))
  const info = yield* Effect.option(fs.stat(whole))
  const node = Option.flatMap(info, ({ dev, ino }) => Option.map(ino, (ino) => `${dev}:${ino}`))
  return [real, ...(Option.isSome(node) ? [node.value] : [])]
})

/**
 * The first two roles whose names lead to the same file. Names within one role may.
 *
 * @category accessors
 * @since 0.2.0
 */
export const shared = Effect.fnUntraced(function*(files: ReadonlyArray<readonly [role: string, name: string]>) {
  const seen = new Map<string, string>()
  for (const [role, name] of files) {
    const marks = yield* marksOf(name)
    for (const mark of marks) {
      const other = seen.get(mark)
      if (other !== undefined && other !== role) return { role, other, name }
    }
    for (const mark of marks) seen.set(mark, role)
  }
  return undefined
})
