/**
 * Parquet files, and data sets on the Hub, as parts of an input. What reads them is loaded with the first row.
 *
 * A file on the Hub is identified by its checksum there, so a run that continues reads what it began with, or fails.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Pull from "effect/Pull"
import * as Stream from "effect/Stream"
import type { Failure } from "../../dataset/source/DatasetSource.ts"
import * as BatchError from "../BatchError.ts"
import * as Digest from "./Digest.ts"
import * as FilePart from "./FilePart.ts"
import type * as Part from "./Part.ts"

const source = Effect.promise(() => import("../../dataset/source/DatasetSource.ts"))

const invalid = (path: string) => ({ reason }: Failure) => BatchError.invalidInput(path, [{ problem: reason.message }])

/** Integers beyond a double appear in a row as text, with their digits. */
const plain = (value: unknown): unknown => {
  if (typeof value === "bigint") return String(value)
  if (value instanceof Uint8Array) return btoa(Array.from(value, (byte) => String.fromCharCode(byte)).join(""))
  if (Array.isArray(value)) return value.map(plain)
  return typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]))
    : value
}

type Rows = Stream.Stream<Readonly<Record<string, unknown>>, Failure, FileSystem.FileSystem>

/** Rows as a part yields them, numbered. */
const reading = Effect.fnUntraced(function*(
  path: string,
  rows: Rows,
  { skip }: Part.Open,
  identity: Part.Identity
) {
  const pull = yield* Stream.toPull(Stream.rechunk(rows, 256))
  let index = 0
  const next = Pull.matchEffect(pull, {
    onSuccess: (rows) =>
      Effect.sync((): ReadonlyArray<Part.Raw> | undefined =>
        rows.flatMap((row) => {
          const at = index++
          return skip?.(at) === true
            ? []
            : [{
              number: at + 1,
              index: at,
              columns: Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)]))
            }]
        })
      ),
    onFailure: (cause) => Effect.mapError(Effect.failCause(cause), invalid(path)),
    onDone: () => Effect.undefined
  })
  const found: Part.Reading = { next, identity: () => identity }
  return found
})

/** A Parquet file on disk: its bytes are its identity, and are compared before it is read again. */
const filePart = (path: string, rows: Rows): Part.Part => {
  const bytes = FilePart.make(path)
  return {
    path,
    identify: bytes.identify,
    open: (how) => Effect.flatMap(bytes.identify(how), (identity) => reading(path, rows, how, identity))
  }
}

/** A file on the Hub, whose checksum there is its identity. */
const hubPart = (path: string, key: string, bytes: number, rows: Rows): Part.Part => {
  const identity: Part.Identity = { bytes, blocks: [key], sha256: Digest.of(key) }
  const identify = ({ seen }: Part.Open) =>
    seen === undefined || (seen.bytes === bytes && seen.blocks[0] === key)
      ? Effect.succeed(identity)
      : Effect.fail(BatchError.make(new BatchError.InputChanged({ path })))
  return {
    path,
    identify,
    open: (how) => Effect.flatMap(identify(how), () => reading(path, rows, how, identity))
  }
}

const parts = Effect.fnUntraced(function*(name: string) {
  const { choose, fileRows, find } = yield* source
  const found = yield* Effect.mapError(find(name), invalid(name))
  const { files } = yield* Effect.mapError(Effect.fromResult(choose(found, {})), invalid(name))
  return files.map((file) => {
    const rows = fileRows(found, [file], {})
    const known = found.identityOf?.(file)
    return known === undefined ? filePart(file, rows) : hubPart(`${name} (${file})`, known.id, known.size, rows)
  })
})

const PARQUET = [0x50, 0x41, 0x52, 0x31]

/**
 * Opens `hf://datasets/…` and Parquet files.
 *
 * @category constructors
 * @since 0.2.0
 */
export const opener: Part.Opener = {
  takes: (path, head) => head === undefined ? path.startsWith("hf://") : PARQUET.every((byte, at) => head[at] === byte),
  parts
}
