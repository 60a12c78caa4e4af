/**
 * The names given for the input → its parts: files, folders, patterns, standard input, pipes, and what an opener takes.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as BatchError from "../BatchError.ts"
import * as DatasetPart from "./DatasetPart.ts"
import * as FilePart from "./FilePart.ts"
import type { Opener, Part } from "./Part.ts"
import { Openers } from "./Part.ts"

const STORED = /\.(?:jsonl|ndjson|csv|tsv|parquet)(?:\.(?:gz|gzip|zst|zstd))?$/i

const refuse = (path: string, problem: string) => BatchError.invalidInput(path, [{ problem }])

const missing = (path: string) => refuse(path, "there is no such file")

const statOf = Effect.fnUntraced(function*(path: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* fs.stat(path).pipe(
    Effect.asSome,
    Effect.catchIf((error) => error.reason._tag === "NotFound", () => Effect.succeedNone),
    Effect.mapError(BatchError.disk(path))
  )
})

/** Copies what can be read only once to a file beside the output, so that it can be checked, read and resumed. */
const spool = Effect.fnUntraced(function*<E>(bytes: Stream.Stream<Uint8Array, E>, path: string, name: string) {
  const fs = yield* FileSystem.FileSystem
  const { dirname } = yield* Path.Path
  const temporary = `${path}.tmp`
  yield* Effect.mapError(fs.makeDirectory(dirname(path), { recursive: true }), BatchError.disk(path))
  yield* Effect.scoped(Effect.gen(function*() {
    const file = yield* Effect.mapError(fs.open(temporary, { flag: "w" }), BatchError.disk(temporary))
    yield* Stream.runForEach(
      Stream.mapError(bytes, () => refuse(name, "could not be read to its end")),
      (chunk) => Effect.mapError(file.writeAll(chunk), BatchError.disk(temporary))
    )
    yield* Effect.mapError(file.sync, BatchError.disk(temporary))
  }))
  const { size } = yield* Effect.mapError(fs.stat(temporary), BatchError.disk(temporary))
  const kept = yield* Effect.mapError(fs.exists(path), BatchError.disk(path))
  // a run that continues may be started without its input
  yield* Effect.mapError(
    size === 0n && kept ? fs.remove(temporary) : fs.rename(temporary, path),
    BatchError.disk(path)
  )
  return path
})

const standardInput = Effect.fnUntraced(function*(path: string) {
  const fs = yield* FileSystem.FileSystem
  const stdio = Option.getOrUndefined(yield* Effect.serviceOption(Stdio.Stdio))
  if (stdio === undefined) return yield* refuse("-", "this program provides no standard input for the batch")
  const kept = yield* Effect.mapError(fs.exists(path), BatchError.disk(path))
  return kept && (yield* stdio.stdinIsTerminal) ? path : yield* spool(stdio.stdin, path, "standard input")
})

/** Files that were found rather than named, without those that the batch itself writes. */
const foreign = Effect.fnUntraced(function*(files: ReadonlyArray<string>, own: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const { resolve } = yield* Path.Path
  const real = (name: string) => Effect.orElseSucceed(fs.realPath(name), () => resolve(name))
  const written = yield* Effect.forEach(own, real)
  const found: Array<string> = []
  for (const name of files) {
    if (!written.includes(yield* real(name))) found.push(name)
  }
  return found
})

const filesBelow = Effect.fnUntraced(function*(path: string, own: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const { join } = yield* Path.Path
  const names = yield* Effect.mapError(fs.glob("**/*", { root: path }), BatchError.disk(path))
  const found = names.filter((name) => STORED.test(name)).toSorted().map((name) => join(path, name))
  const files = yield* foreign(found, own)
  return files.length > 0 ? files : yield* refuse(path, "the folder contains no .jsonl, .csv, .tsv or .parquet file")
})

const matching = Effect.fnUntraced(function*(pattern: string, own: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  if (!/[*?[{]/.test(pattern)) return yield* missing(pattern)
  const files = yield* foreign(yield* Effect.mapError(fs.glob(pattern), BatchError.disk(pattern)), own)
  return files.length > 0 ? files.toSorted() : yield* refuse(pattern, "no file matches the pattern")
})

const openerOf = (openers: ReadonlyArray<Opener>, path: string, head: Uint8Array | undefined) =>
  openers.find((opener) => opener.takes(path, head))

const fileParts = Effect.fnUntraced(function*(path: string, openers: ReadonlyArray<Opener>) {
  const head = yield* FilePart.head(path)
  const opener = openerOf(openers, path, head)
  if (opener !== undefined) return yield* opener.parts(path)
  return [FilePart.make(path)]
})

/**
 * The parts of an input in the order in which it names them; those of folders and patterns are sorted by name. `copy`
 * is where standard input (`-`) and pipes are kept, and `own` are the files that the batch writes, which folders and
 * patterns leave out.
 *
 * @category constructors
 * @since 0.2.0
 */
export const resolve = Effect.fnUntraced(function*(
  input: string | ReadonlyArray<string>,
  copy: string,
  own: ReadonlyArray<string> = []
) {
  const openers = [...yield* Openers, DatasetPart.opener]
  const parts: Array<Part> = []
  for (const [at, name] of (typeof input === "string" ? [input] : input).entries()) {
    const place = at === 0 ? copy : `${copy}.${at + 1}`
    if (name === "-") {
      parts.push(...yield* fileParts(yield* standardInput(place), openers))
      continue
    }
    const opener = openerOf(openers, name, undefined)
    if (opener !== undefined) {
      parts.push(...yield* opener.parts(name))
      continue
    }
    const info = yield* statOf(name)
    const type = Option.isSome(info) ? info.value.type : undefined
    const files = type === undefined
      ? yield* matching(name, own)
      : type === "Directory"
      ? yield* filesBelow(name, own)
      : type === "File"
      ? [name]
      : [yield* piped(name, place)]
    for (const file of files) parts.push(...yield* fileParts(file, openers))
  }
  return parts.length > 0 ? parts : yield* refuse("input", "names no file")
})

const piped = Effect.fnUntraced(function*(name: string, place: string) {
  const fs = yield* FileSystem.FileSystem
  return yield* spool(fs.stream(name), place, name)
})
