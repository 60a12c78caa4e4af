/**
 * Text from arguments and from standard input.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import * as Pull from "effect/Pull"
import * as Result from "effect/Result"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Bytes from "../../http/Bytes.ts"
import type { CommandExit } from "../terminal/CommandExit.ts"
import * as Notice from "../terminal/Notice.ts"

const decoder = () => new TextDecoder("utf-8", { fatal: true })

const isValid = (bytes: Uint8Array, stream: boolean): boolean =>
  Result.isSuccess(Result.try(() => decoder().decode(bytes, { stream })))

/** The offset of the first byte that is not UTF-8. */
const firstFault = (bytes: Uint8Array): number => {
  let low = 0
  let high = bytes.length
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    // a character that is cut at the end is not a fault of the bytes before it
    if (isValid(bytes.subarray(0, middle), true)) low = middle
    else high = middle - 1
  }
  while (low > 0 && !isValid(bytes.subarray(0, low), false)) low--
  return low
}

/**
 * Bytes as UTF-8, without a byte order mark. Other bytes end the command with a usage error that names the offset:
 * a text in another encoding would reach the model as other characters.
 *
 * @category decoding
 * @since 0.2.0
 */
export const utf8 = (bytes: Uint8Array, source: string): Effect.Effect<string, CommandExit> => {
  const text = Result.try(() => decoder().decode(bytes))
  if (Result.isSuccess(text)) return Effect.succeed(text.success)
  return Notice.usage(
    `${source} is not UTF-8: byte ${firstFault(bytes)} is invalid. Convert it, for instance with iconv`
  )
}

/** The text of a file. One that cannot be read ends the command with a usage error. @category reading @since 0.2.0 */
export const file = Effect.fnUntraced(function*(path: string) {
  const files = yield* FileSystem.FileSystem
  const bytes = yield* Effect.catch(
    files.readFile(path),
    () => Notice.usage(`${path}: there is no such file, or it cannot be read`)
  )
  return yield* utf8(bytes, path)
})

/**
 * Everything on standard input. If nothing arrives, a notice says so.
 *
 * @category reading
 * @since 0.2.0
 */
export const stdin = Effect.gen(function*() {
  const stdio = yield* Stdio.Stdio
  const chunks = yield* Stream.runCollect(stdio.stdin).pipe(
    Notice.whileWaiting("reading standard input until it ends (Ctrl-D ends it)")
  )
  return yield* utf8(Bytes.join(chunks), "standard input")
})

/** How long a pipe next to a prompt may be silent. */
const PATIENCE = "1 second"

/**
 * What is piped in addition to a prompt. A pipe that is silent for a second, such as one that a scheduler left open, is not
 * waited for, and a notice says so.
 */
const beside = Effect.scoped(Effect.gen(function*() {
  const stdio = yield* Stdio.Stdio
  const pull = yield* Stream.toPull(stdio.stdin)
  const first = yield* Effect.timeoutOption(
    Pull.catchDone(pull, () => Effect.succeed<ReadonlyArray<Uint8Array>>([])),
    PATIENCE
  )
  if (first._tag === "None") {
    yield* Notice.say("standard input is open but silent, so it is not read: write - to wait for it")
    return ""
  }
  if (first.value.length === 0) return ""
  const chunks = [...first.value]
  const rest: Effect.Effect<void, PlatformError> = Pull.matchEffect(pull, {
    onSuccess: (more) => {
      chunks.push(...more)
      return rest
    },
    onFailure: Effect.failCause,
    onDone: () => Effect.void
  })
  yield* Notice.whileWaiting("reading standard input until it ends")(rest)
  return yield* utf8(Bytes.join(chunks), "standard input")
}))

/**
 * A prompt from its arguments: `-` is standard input. Text that is piped in addition to a prompt is appended to it, as in
 * other tools, with or without `-`.
 *
 * @category reading
 * @since 0.2.0
 */
export const prompt = Effect.fnUntraced(function*(words: ReadonlyArray<string>) {
  const { stdinIsTerminal } = yield* Stdio.Stdio
  const isTerminal = yield* stdinIsTerminal
  const said = words.filter((word) => word !== "-").join(" ")
  if (words.length === 0 && isTerminal) return yield* Notice.usage("There is no prompt: pass one, or pipe it in")
  const waits = words.includes("-") || said === ""
  const piped = waits ? yield* stdin : isTerminal ? "" : yield* beside
  if (said === "" && piped.trim() === "") return yield* Notice.usage("There is no prompt: standard input was empty")
  return said === "" ? piped : piped === "" ? said : `${said}\n\n${piped}`
})
