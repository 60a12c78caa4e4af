/**
 * Ids of rows as 53-bit hashes: enough to find those that may occur twice, which are then compared.
 *
 * Half a million of them wait in memory; the rest go, sorted, to a temporary file, so that memory does not grow with
 * the number of rows.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Scope from "effect/Scope"

const TOGETHER = 1 << 19
/** Hashes of a run that are read at once: 256 kB. */
const WINDOW = 1 << 15
const BYTES = Float64Array.BYTES_PER_ELEMENT

/** A finishing mix of a 32-bit hash. */
const mix = (hash: number): number => {
  let h = hash
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/**
 * Two independent hashes of 32 bits (FNV-1a and a multiplicative one), of which 53 bits are kept.
 *
 * @category conversions
 * @since 0.2.0
 */
export const hash = (id: string): number => {
  let a = 0x811c_9dc5
  let b = id.length
  for (let i = 0; i < id.length; i++) {
    const code = id.charCodeAt(i)
    a = Math.imul(a ^ code, 0x0100_0193)
    b = (Math.imul(b, 0x9e37_79b1) + code) | 0
  }
  return (mix(b) & 0x1f_ffff) * 0x1_0000_0000 + mix(a)
}

/**
 * @category models
 * @since 0.2.0
 */
export interface Ids {
  readonly add: (id: string) => void
  /** Writes out what exceeds memory; call it now and then between `add`s. */
  readonly settle: Effect.Effect<void, PlatformError>
  /** Hashes that occur more than once. Nothing may be added after it. */
  readonly repeated: Effect.Effect<ReadonlySet<number>, PlatformError>
}

/** Finds equal neighbours in a sorted sequence, which comes in pieces. */
const looking = () => {
  const found = new Set<number>()
  let last: number | undefined
  return {
    found,
    look: (sorted: Float64Array): void => {
      for (const value of sorted) {
        if (value === last) found.add(value)
        last = value
      }
    }
  }
}

/** A sorted run of a file, through a window. */
class Run {
  readonly #file: FileSystem.File
  readonly #window = new Float64Array(WINDOW)
  #offset: number
  #left: number
  #at = 0
  #filled = 0

  /** Reads a number of hashes from an offset in bytes. */
  constructor(file: FileSystem.File, offset: number, length: number) {
    this.#file = file
    this.#offset = offset
    this.#left = length
  }

  /** Whether there are more. */
  readonly fill: Effect.Effect<boolean, PlatformError> = Effect.suspend(() => {
    if (this.#at < this.#filled) return Effect.succeed(true)
    this.#at = 0
    this.#filled = Math.min(WINDOW, this.#left)
    this.#left -= this.#filled
    return Effect.as(this.#read(new Uint8Array(this.#window.buffer, 0, this.#filled * BYTES)), this.#filled > 0)
  })

  #read(bytes: Uint8Array): Effect.Effect<void, PlatformError> {
    if (bytes.length === 0) return Effect.void
    return Effect.flatMap(this.#file.read(bytes, { position: BigInt(this.#offset) }), (read) => {
      this.#offset += read
      return read === 0 ? Effect.die("a temporary file was truncated") : this.#read(bytes.subarray(read))
    })
  }

  last(): number {
    return this.#window[this.#filled - 1] ?? Number.NaN
  }

  /** The available ones up to and including a bound. */
  take(bound: number): Float64Array {
    const from = this.#at
    while (this.#at < this.#filled && (this.#window[this.#at] ?? Number.NaN) <= bound) this.#at++
    return this.#window.subarray(from, this.#at)
  }
}

const joined = (pieces: ReadonlyArray<Float64Array>): Float64Array<ArrayBuffer> => {
  const all = new Float64Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    all.set(piece, at)
    at += piece.length
  }
  return all
}

/**
 * No ids yet. What was written to a file is removed when the scope is closed.
 *
 * @category constructors
 * @since 0.2.0
 */
export const make = (
  /** How many may wait in memory. */
  together = TOGETHER
): Effect.Effect<Ids, never, FileSystem.FileSystem | Scope.Scope> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const scope = yield* Effect.scope
    const runs: Array<Run> = []
    let hashes = new Float64Array(1024)
    let size = 0
    let file: FileSystem.File | undefined
    let end = 0

    const opened = Effect.suspend(() =>
      file === undefined
        ? Effect.tap(
          Scope.provide(
            Effect.flatMap(fs.makeTempFileScoped(), (path) => fs.open(path, { flag: "w+" })),
            scope
          ),
          (found) => {
            file = found
            return Effect.void
          }
        )
        : Effect.succeed(file)
    )
    const spill = Effect.flatMap(opened, (file) => {
      const sorted = hashes.subarray(0, size).toSorted()
      size = 0
      runs.push(new Run(file, end, sorted.length))
      end += sorted.byteLength
      return file.writeAll(new Uint8Array(sorted.buffer, 0, sorted.byteLength))
    })
    const merged = Effect.gen(function*() {
      const { found, look } = looking()
      let open: ReadonlyArray<Run> = runs
      while (true) {
        const filled: Array<Run> = []
        for (const run of open) if (yield* run.fill) filled.push(run)
        open = filled
        if (open.length === 0) return found
        // up to the least end of a window, all are available
        const bound = Math.min(...open.map((run) => run.last()))
        look(joined(open.map((run) => run.take(bound))).toSorted())
      }
    })
    return {
      add: (id) => {
        if (size === hashes.length) hashes = joined([hashes, new Float64Array(size)])
        hashes[size++] = hash(id)
      },
      settle: Effect.suspend(() => size < together ? Effect.void : spill),
      repeated: Effect.suspend(() => {
        if (runs.length > 0) return Effect.andThen(spill, merged)
        const { found, look } = looking()
        look(hashes.subarray(0, size).toSorted())
        return Effect.succeed(found)
      })
    }
  })

const CHUNK = 1 << 16

/**
 * What is remembered about each id to recognise it: four bytes per row.
 *
 * @category models
 * @since 0.2.0
 */
export class Prints {
  readonly #chunks: Array<Uint32Array> = []
  #size = 0

  add(id: string): void {
    const at = this.#size++ % CHUNK
    if (at === 0) this.#chunks.push(new Uint32Array(CHUNK))
    const chunk = this.#chunks.at(-1)
    if (chunk !== undefined) chunk[at] = hash(id)
  }

  /** Whether the row of this index has this id. */
  matches(index: number, id: string): boolean {
    return this.#chunks[Math.floor(index / CHUNK)]?.[index % CHUNK] === hash(id) % 0x1_0000_0000
  }
}
