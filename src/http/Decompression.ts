/**
 * Undoes the `content-encoding` of a stream: one layer of gzip, deflate, br or zstd.
 *
 * @since 0.1.0
 */
import * as Arr from "effect/Array"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Pull from "effect/Pull"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Decoder from "./Decoder.ts"

/** How many bytes are inspected to tell a coded body from one that the HTTP client has already decoded. */
const ENOUGH = 32

/** Whether bytes can be the start of a text: coded ones show a control byte or break UTF-8 within a few bytes. */
const isText = (bytes: Uint8Array): boolean => {
  if (bytes.some((byte) => byte < 32 ? byte !== 9 && byte !== 10 && byte !== 13 : byte === 127)) return false
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true })
    return true
  } catch {
    return false
  }
}

type Chunks = Arr.NonEmptyReadonlyArray<Uint8Array>

/**
 * The bytes are not in the coding that `content-encoding` names, or this platform cannot read it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Fault {
  readonly _tag: "DecompressionFault"
  readonly encoding: string
}

/**
 * Undoes one `content-encoding` of a body, for HTTP clients that leave it as it is.
 *
 * Some clients decode by themselves and leave the header as it was, so the first bytes decide: a body that begins as text
 * passes unchanged. An unknown encoding (one provider sends `chunked`) is treated as none.
 *
 * @category combinators
 * @since 0.1.0
 */
export const decompress = <E>(
  self: Stream.Stream<Uint8Array, E>,
  encoding: string | undefined
): Stream.Stream<Uint8Array, E | Fault> => {
  const coding = encoding === undefined ? undefined : Decoder.fromHeader(encoding)
  if (encoding === undefined || coding === undefined || coding === "unsupported") return self
  return Stream.transformPull(self, (pull, scope) => Effect.succeed(decoding(pull, scope, coding, encoding)))
}

/** The output of a decoder, one pull of the input after the other. */
const decoding = <E>(
  pull: Pull.Pull<Chunks, E>,
  scope: Scope.Scope,
  coding: Decoder.Coding,
  encoding: string
): Pull.Pull<Chunks, E | Fault> => {
  let out: Array<Uint8Array> = []
  let state: "open" | "ended" | "failed" = "open"
  let complete = false
  let resume: (() => void) | undefined
  const news = () => {
    resume?.()
    resume = undefined
  }
  const settle = (as: "ended" | "failed") => () => {
    state = as
    news()
  }
  const decoder = new Decoder.Decoder(coding, {
    onChunk: (chunk) => {
      out.push(chunk)
    },
    onDrain: news,
    onEnd: settle("ended"),
    onFault: settle("failed")
  })
  // one turn, so that the last decoded bytes are handed over
  const consumed = Effect.andThen(
    Effect.callback<void>((done) => {
      resume = () => done(Effect.void)
    }),
    Effect.yieldNow
  )
  const next: Pull.Pull<Chunks, E | Fault> = Effect.suspend(() => {
    const chunks = out
    out = []
    if (Arr.isArrayNonEmpty(chunks)) return Effect.succeed(chunks)
    if (state === "failed") return Effect.fail<Fault>({ _tag: "DecompressionFault", encoding })
    if (state === "ended") return Cause.done()
    return complete || decoder.busy ? Effect.flatMap(consumed, () => next) : more
  })
  const give = (chunks: ReadonlyArray<Uint8Array>, over: boolean): void => {
    for (const chunk of chunks) decoder.write(chunk)
    if (!over) return
    complete = true
    decoder.end()
  }
  const more: Pull.Pull<Chunks, E | Fault> = Pull.matchEffect(pull, {
    onSuccess: (chunks) => {
      give(chunks, false)
      return next
    },
    onFailure: Effect.failCause,
    onDone: () => {
      give([], true)
      return next
    }
  })
  const begin = Effect.flatMap(beginning(pull), ({ chunks, over }) => {
    if (!isText(startOf(chunks))) {
      give(chunks, over)
      return Effect.as(Scope.addFinalizer(scope, Effect.sync(() => decoder.close())), next)
    }
    let given = false
    return Effect.succeed(Effect.suspend((): Pull.Pull<Chunks, E | Fault> => {
      if (given || !Arr.isArrayNonEmpty(chunks)) return over ? Cause.done() : pull
      given = true
      return Effect.succeed(chunks)
    }))
  })
  let body: Pull.Pull<Chunks, E | Fault> | undefined
  return Effect.suspend(() => body ?? Effect.flatMap(begin, (begun) => body = begun))
}

/** The start of a body, and whether it is all of the body. */
interface Beginning {
  readonly chunks: Array<Uint8Array>
  readonly over: boolean
}

/** Reads until there are enough bytes to inspect. */
const beginning = <E>(pull: Pull.Pull<Chunks, E>): Pull.Pull<Beginning, E> => {
  const chunks: Array<Uint8Array> = []
  let size = 0
  const more: Pull.Pull<Beginning, E> = Pull.matchEffect(pull, {
    onSuccess: (some) => {
      for (const chunk of some) {
        chunks.push(chunk)
        size += chunk.byteLength
      }
      return size < ENOUGH ? more : Effect.succeed({ chunks, over: false })
    },
    onFailure: Effect.failCause,
    onDone: () => Effect.succeed({ chunks, over: true })
  })
  return more
}

const startOf = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const start: Array<number> = []
  for (const chunk of chunks) {
    if (start.length < ENOUGH) start.push(...chunk.subarray(0, ENOUGH - start.length))
  }
  return Uint8Array.from(start)
}
