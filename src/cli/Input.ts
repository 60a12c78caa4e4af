/**
 * Text from arguments and from standard input.
 *
 * @since 0.2.0
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { CommandExit } from "./CommandExit.ts"

const decoder = () => new TextDecoder("utf-8", { fatal: true })

const isValid = (bytes: Uint8Array, stream: boolean): boolean =>
  Result.isSuccess(Result.try(() => decoder().decode(bytes, { stream })))

/** Where the first character begins that is not UTF-8. */
const firstFault = (bytes: Uint8Array): number => {
  let low = 0
  let high = bytes.length
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    // a character that is cut at the end is not a fault of what stands before it
    if (isValid(bytes.subarray(0, middle), true)) low = middle
    else high = middle - 1
  }
  while (low > 0 && !isValid(bytes.subarray(0, low), false)) low--
  return low
}

/**
 * Bytes as UTF-8, without a byte order mark. What is not UTF-8 ends the command with a usage error that names the offset:
 * a text in another encoding would reach the model as other characters.
 *
 * @category decoding
 * @since 0.2.0
 */
export const utf8 = (bytes: Uint8Array, source: string): Effect.Effect<string, CommandExit> => {
  const text = Result.try(() => decoder().decode(bytes))
  if (Result.isSuccess(text)) return Effect.succeed(text.success)
  return Effect.andThen(
    Console.error(
      `${source} is not UTF-8: byte ${firstFault(bytes)} does not fit. Convert it, for instance with iconv`
    ),
    new CommandExit({ code: 2 })
  )
}

/**
 * Everything on standard input.
 *
 * @category reading
 * @since 0.2.0
 */
export const stdin = Effect.gen(function*() {
  const stdio = yield* Stdio.Stdio
  const chunks = yield* Stream.runCollect(stdio.stdin)
  const bytes = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0))
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return yield* utf8(bytes, "standard input")
})

/**
 * A prompt from its arguments: `-` is standard input. Text that is piped beside a prompt comes after it, as other tools
 * have it; a pipe is read only where `-` stands, or where nothing else says what is asked, so that one that never closes
 * hangs nothing.
 *
 * @category reading
 * @since 0.2.0
 */
export const prompt = Effect.fnUntraced(function*(words: ReadonlyArray<string>) {
  const stdio = yield* Stdio.Stdio
  const said = words.filter((word) => word !== "-").join(" ")
  if (!words.includes("-") && said !== "") return said
  if (words.length === 0 && (yield* stdio.stdinIsTerminal)) {
    yield* Console.error("There is no prompt. Give one as an argument, or pipe it in")
    return yield* new CommandExit({ code: 2 })
  }
  const piped = yield* stdin
  return said === "" ? piped : `${said}\n\n${piped}`
})
