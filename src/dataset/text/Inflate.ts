/**
 * gzip and zstd as streams, every member and every frame of them: a file that was written in parts has several.
 *
 * Node's zstd decoder stops after the first frame and reports success, so the remaining bytes go to another decoder.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Builtin from "../Builtin.ts"

/**
 * @category models
 * @since 0.2.0
 */
export type Coding = "gzip" | "zstd"

/**
 * The coding by the first four bytes.
 *
 * @category recognising
 * @since 0.2.0
 */
export const codingOf = (head: Uint8Array): Coding | undefined =>
  head[0] === 0x1f && head[1] === 0x8b
    ? "gzip"
    : head[0] === 0x28 && head[1] === 0xb5 && head[2] === 0x2f && head[3] === 0xfd
    ? "zstd"
    : undefined

interface Decoder {
  readonly write: (chunk: Uint8Array, done: () => void) => void
  readonly end: () => void
  readonly destroy: () => void
  readonly on: (event: string, listener: (value: Uint8Array & Error) => void) => unknown
  readonly bytesWritten: number
}

interface Zlib {
  readonly createGunzip: () => Decoder
  readonly createZstdDecompress?: () => Decoder
}

/** Bytes that are fed at once: what they can expand to must fit into memory. */
const SLICE = 64 * 1024

const isPadding = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0)

class Inflater {
  readonly #make: () => Decoder
  readonly pieces: Array<Uint8Array> = []
  #decoder: Decoder | undefined = undefined
  #fed = 0
  #ended = false
  #settled: ((error?: Error) => void) | undefined = undefined

  constructor(make: () => Decoder) {
    this.#make = make
  }

  #open(): Decoder {
    const decoder = this.#make()
    this.#fed = 0
    this.#ended = false
    decoder.on("data", (piece) => void this.pieces.push(piece))
    decoder.on("end", () => {
      if (this.#decoder !== decoder) return
      this.#ended = true
      this.#settled?.()
    })
    decoder.on("error", (error) => this.#settled?.(error))
    return decoder
  }

  #step(run: (decoder: Decoder, done: () => void) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#settled = (error) => error === undefined ? resolve() : reject(error)
      run(this.#decoder ??= this.#open(), resolve)
    })
  }

  async feed(chunk: Uint8Array): Promise<void> {
    let left = chunk
    while (left.length > 0) {
      if (this.#ended) {
        this.close()
        if (isPadding(left)) return
      }
      const bytes = left
      await this.#step((decoder, done) => decoder.write(bytes, done))
      this.#fed += bytes.length
      const unused = this.#fed - (this.#decoder?.bytesWritten ?? 0)
      if (unused > 0) this.#ended = true
      left = left.subarray(left.length - unused)
    }
  }

  async finish(): Promise<void> {
    if (this.#decoder === undefined || this.#ended) return
    await this.#step((decoder) => decoder.end())
  }

  close(): void {
    this.#decoder?.destroy()
    this.#decoder = undefined
    this.#ended = false
  }
}

/**
 * Stored bytes → decompressed bytes. Fails with what is wrong with them: truncated, or not in this coding.
 *
 * @category constructors
 * @since 0.2.0
 */
export const inflate = <E, R>(
  coding: Coding,
  next: Effect.Effect<Uint8Array | undefined, E, R>
) =>
  Effect.gen(function*() {
    const zlib = Builtin.load<Zlib>("node:zlib")
    const make = coding === "gzip" ? zlib?.createGunzip : zlib?.createZstdDecompress
    if (make === undefined) return yield* Effect.fail(`is compressed with ${coding}, which this runtime cannot read`)
    const inflater = yield* Effect.acquireRelease(
      Effect.sync(() => new Inflater(make)),
      (inflater) => Effect.sync(() => inflater.close())
    )
    const attempt = (work: () => Promise<void>) =>
      Effect.tryPromise({
        try: work,
        catch: (cause) =>
          `cannot be decompressed (${coding}): ${cause instanceof Error ? cause.message : String(cause)}`
      })
    let rest: Uint8Array = new Uint8Array(0)
    let ended = false
    const pull: Effect.Effect<Uint8Array | undefined, E | string, R> = Effect.suspend(() => {
      const piece = inflater.pieces.shift()
      if (piece !== undefined) return Effect.succeed(piece)
      if (ended) return Effect.undefined
      if (rest.length > 0) {
        const slice = rest.subarray(0, SLICE)
        rest = rest.subarray(SLICE)
        return Effect.andThen(attempt(() => inflater.feed(slice)), pull)
      }
      return Effect.flatMap(next, (bytes) => {
        if (bytes !== undefined) {
          rest = bytes
          return pull
        }
        ended = true
        return Effect.andThen(attempt(() => inflater.finish()), pull)
      })
    })
    return pull
  })
