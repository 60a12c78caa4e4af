/**
 * A file as a part of an input: JSONL or CSV, plain or compressed, recognised by its first bytes and its name.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Inflate from "../../dataset/text/Inflate.ts"
import * as BatchError from "../BatchError.ts"
import * as Csv from "./Csv.ts"
import * as Digest from "./Digest.ts"
import * as Jsonl from "./Jsonl.ts"
import type * as Part from "./Part.ts"

const BLOCK = 1024 * 1024
/** Bytes whose rows are held at once: few, so that they die young. */
const PIECE = 64 * 1024
const LF = 10

const invalid = (path: string) => (problem: string | BatchError.BatchError): BatchError.BatchError =>
  typeof problem === "string" ? BatchError.invalidInput(path, [{ problem }]) : problem

/** The digest of several blocks, computed from the digest of each. */
const digestOf = (blocks: ReadonlyArray<string>): string => Digest.of(blocks.join(""))

/** Blocks of a file, each with its digest, which is compared if it is known. */
class Blocks {
  readonly #path: string
  readonly #file: FileSystem.File
  readonly #how: Part.Open
  readonly #buffer = new Uint8Array(BLOCK)
  readonly #blocks: Array<string> = []
  readonly #whole: Digest.Running | undefined
  #bytes = 0
  #atMark: string | undefined = undefined
  #cleanMark = false

  constructor(path: string, file: FileSystem.File, how: Part.Open) {
    this.#path = path
    this.#file = file
    this.#how = how
    this.#whole = how.whole === true ? Digest.running() : undefined
  }

  /** Fills the buffer as far as the file, or the part of it that was seen, goes. */
  readonly #fill = (filled: number): Effect.Effect<number, BatchError.BatchError> => {
    const left = Math.min(BLOCK, (this.#how.seen?.bytes ?? Number.POSITIVE_INFINITY) - this.#bytes) - filled
    if (left <= 0) return Effect.succeed(filled)
    const space = this.#buffer.subarray(filled, filled + left)
    return Effect.flatMap(
      Effect.mapError(this.#file.read(space, { position: BigInt(this.#bytes + filled) }), BatchError.disk(this.#path)),
      (read) => read === 0 ? Effect.succeed(filled) : this.#fill(filled + read)
    )
  }

  readonly next: Effect.Effect<Uint8Array | undefined, BatchError.BatchError> = Effect.suspend(() =>
    Effect.flatMap(this.#fill(0), (filled) => {
      const { mark, seen } = this.#how
      if (filled === 0) {
        return seen === undefined || seen.bytes === this.#bytes ? Effect.undefined : Effect.fail(this.#changed())
      }
      const block = this.#buffer.subarray(0, filled)
      const digest = Digest.of(block)
      if (seen !== undefined && seen.blocks[this.#blocks.length] !== digest) return Effect.fail(this.#changed())
      const at = mark === undefined ? -1 : mark - this.#bytes
      if (at > 0 && at <= filled) {
        const last = at === filled ? digest : Digest.of(block.subarray(0, at))
        this.#atMark = digestOf([...this.#blocks, last])
        this.#cleanMark = block[at - 1] === LF
        if (this.#whole !== undefined) this.#markWhole(block, at)
      }
      this.#whole?.update(at > 0 && at < filled ? block.subarray(at) : at === filled ? block.subarray(at) : block)
      this.#blocks.push(digest)
      this.#bytes += filled
      return Effect.succeed(block)
    })
  )

  #markWhole(block: Uint8Array, at: number): void {
    this.#whole?.update(block.subarray(0, at))
    this.#atMark = this.#whole?.hex()
  }

  #changed(): BatchError.BatchError {
    return BatchError.make(new BatchError.InputChanged({ path: this.#path }))
  }

  readonly identity = (): Part.Identity => ({
    bytes: this.#bytes,
    blocks: this.#blocks,
    sha256: this.#whole?.hex() ?? digestOf(this.#blocks),
    ...(this.#atMark !== undefined && { atMark: this.#atMark, cleanMark: this.#cleanMark })
  })
}

const open = Effect.fnUntraced(function*(path: string, how: Part.Open) {
  const fs = yield* FileSystem.FileSystem
  const file = yield* Effect.mapError(
    fs.open(path, { flag: "r" }),
    (error) => error.reason._tag === "NotFound" ? invalid(path)("there is no such file") : BatchError.disk(path)(error)
  )
  return { file, blocks: new Blocks(path, file, how) }
})

/** The first bytes of a file, at most 16. */
export const head = Effect.fnUntraced(function*(path: string) {
  const { file } = yield* open(path, {})
  const bytes = new Uint8Array(16)
  const read = yield* Effect.mapError(file.read(bytes, { position: 0n }), BatchError.disk(path))
  return bytes.subarray(0, read)
}, Effect.scoped)

/** The delimiter of a file that is named like CSV or TSV, compressed or not. */
const delimiterOf = (path: string): string | undefined => {
  const plain = path.replace(/\.(?:gz|gzip|zst|zstd)$/i, "")
  return /\.csv$/i.test(plain) ? "," : /\.tsv$/i.test(plain) ? "\t" : undefined
}

const rawOf = ({ index, number, text }: Jsonl.Line): ReadonlyArray<Part.Raw> =>
  index < 0
    ? []
    : text === undefined
    ? [{ number, index, problem: "is not UTF-8 text, or is longer than 16 MiB" }]
    : [{ number, index, text }]

const jsonl = (
  next: Effect.Effect<Uint8Array | undefined, BatchError.BatchError | string>,
  skip: Part.Open["skip"]
): Effect.Effect<ReadonlyArray<Part.Raw> | undefined, BatchError.BatchError | string> => {
  const splitter = new Jsonl.Splitter({ skip })
  let ended = false
  let left: Uint8Array | undefined
  const rows = () => {
    const piece = left?.subarray(0, PIECE) ?? new Uint8Array()
    left = left === undefined || left.length <= PIECE ? undefined : left.subarray(PIECE)
    return splitter.push(piece).flatMap(rawOf)
  }
  return Effect.suspend(() => {
    if (ended) return Effect.undefined
    if (left !== undefined) return Effect.succeed(rows())
    return Effect.map(next, (bytes) => {
      if (bytes === undefined) {
        ended = true
        return splitter.rest().flatMap(rawOf)
      }
      left = bytes
      return rows()
    })
  })
}

/**
 * A file as a part.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (path: string): Part.Part => ({
  path,
  open: Effect.fnUntraced(function*(how) {
    const { blocks } = yield* open(path, how)
    const first = yield* blocks.next
    let pending = first
    const stored = Effect.suspend(() => {
      const block = pending
      pending = undefined
      return block === undefined ? blocks.next : Effect.succeed(block)
    })
    const coding = first === undefined ? undefined : Inflate.codingOf(first)
    const bytes = coding === undefined ? stored : yield* Effect.mapError(Inflate.inflate(coding, stored), invalid(path))
    const delimiter = delimiterOf(path)
    const rows = delimiter === undefined
      ? jsonl(bytes, how.skip)
      : yield* Effect.mapError(Csv.read(bytes, delimiter), invalid(path))
    return { next: Effect.mapError(rows, invalid(path)), identity: blocks.identity }
  }),
  identify: Effect.fnUntraced(function*(how) {
    const { blocks } = yield* open(path, how)
    while ((yield* blocks.next) !== undefined);
    return blocks.identity()
  }, Effect.scoped)
})
