/**
 * How TGI writes failures, timing headers, event frames, and tokens as JSON text.
 *
 * @since 0.1.0
 */
import type { Token } from "../model/Answer.ts"
import * as Float from "../model/Float.ts"
import * as Options from "../model/Options.ts"
import type { Turn } from "../model/Turn.ts"
import * as Reply from "../wire/Reply.ts"
import type { Run } from "./Sampler.ts"

/**
 * A failure as the body of a real error status.
 *
 * @category failures
 * @since 0.1.0
 */
export const failed = (failure: Reply.Failure): Reply.Unary =>
  Reply.json(
    failure.status,
    `{"error":${JSON.stringify(failure.message)},"error_type":${JSON.stringify(failure.type)}}`
  )

/**
 * A failure of the backend: status 424, or 500 if its stream ended without a final event.
 *
 * @category failures
 * @since 0.1.0
 */
export const crashed = ({ incomplete, message }: Reply.Crash, streaming: boolean): Reply.Failure =>
  !incomplete
    ? Reply.failure(424, `Request failed during generation: Server error: ${message}`, "generation")
    : streaming
    ? Reply.failure(500, "Incomplete generation stream", "incomplete_generation_stream")
    : Reply.failure(500, "Incomplete generation", "incomplete_generation")

/** The event that reports a failure inside a native stream. @category failures @since 0.1.0 */
export const nativeFrame = (failure: Reply.Failure): Reply.Frame => ({
  payload: `{"error":${JSON.stringify(failure.message)},"error_type":${JSON.stringify(failure.type)}}`,
  tokens: 0
})

/**
 * The events that report a failure inside a chat or completions stream. The status is 422 whatever happened; before
 * 2.4.1 the native shape was used here too.
 *
 * @category failures
 * @since 0.1.0
 */
export const openAiFrame = (turn: Turn, failure: Reply.Failure): Reply.Frame =>
  Options.since(turn.settings, 2, 4, 1)
    ? { payload: `{"error":{"message":${JSON.stringify(failure.message)},"http_status_code":422}}`, tokens: 0 }
    : nativeFrame(failure)

/** What prompt tokens and generated tokens share. @category encoding @since 0.1.0 */
export const tokenFields = (token: Token): string =>
  `"id":${token.id},"text":${JSON.stringify(token.text)},"logprob":${Float.print(token.logprob)}`

/** @category encoding @since 0.1.0 */
export const tokenJson = (token: Token): string => `{${tokenFields(token)},"special":${token.special}}`

/** @category encoding @since 0.1.0 */
export const tokensJson = (tokens: ReadonlyArray<Token>): string => `[${tokens.map(tokenJson).join(",")}]`

/** A u64 as JSON text: all its digits, or null. @category encoding @since 0.1.0 */
export const seedJson = (seed: bigint | undefined): string => seed === undefined ? "null" : seed.toString()

const scalars = (text: string): number => {
  let count = text.length
  for (let index = 0; index < text.length - 1; index++) {
    if ((text.charCodeAt(index) & 0xfc00) === 0xd800 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00) count--
  }
  return count
}

/** Generation time in milliseconds of a number of tokens by the latency settings. */
const inferenceMillis = (turn: Turn, tokens: number): number =>
  turn.settings.latency.firstToken + turn.settings.latency.perToken * Math.max(0, tokens - 1)

/** Headers of a whole response, for all of its runs together. @category headers @since 0.1.0 */
export const timings = (turn: Turn, runs: ReadonlyArray<Run>, time: boolean): Record<string, string> => {
  const sum = (f: (run: Run) => number): number => runs.reduce((total, run) => total + f(run), 0)
  const queue = Math.trunc(turn.settings.latency.headers)
  const inference = sum((run) => inferenceMillis(turn, run.tokens.length))
  const total = queue + inference
  return {
    "x-compute-type": turn.settings.computeType,
    ...(time && { "x-compute-time": Float.print(total / 1000) }),
    "x-compute-characters": String(sum((run) => scalars(run.prompt))),
    "x-total-time": String(Math.trunc(total)),
    "x-validation-time": "0",
    "x-queue-time": String(queue),
    "x-inference-time": String(Math.trunc(inference)),
    "x-time-per-token": String(
      Math.trunc(sum((run) => inferenceMillis(turn, run.tokens.length) / Math.max(1, run.tokens.length)))
    ),
    ...(Options.since(turn.settings, 1, 4) && {
      "x-prompt-tokens": String(sum((run) => run.inputLength)),
      "x-generated-tokens": String(sum((run) => run.tokens.length))
    })
  }
}

/** Headers of a stream: sent before any timing is known. */
const streamHeaders = (turn: Turn, prompts: ReadonlyArray<string>): Record<string, string> => ({
  "content-type": "text/event-stream",
  "cache-control": "no-cache",
  "x-accel-buffering": "no",
  "x-compute-type": turn.settings.computeType,
  "x-compute-characters": String(prompts.reduce((total, prompt) => total + scalars(prompt), 0))
})

/**
 * A stream with the headers, framing and keep-alive of the version that the settings name.
 *
 * @category constructors
 * @since 0.1.0
 */
export const stream = (
  turn: Turn,
  prompts: ReadonlyArray<string>,
  frames: ReadonlyArray<Reply.Frame>,
  fail: (crash: Reply.Crash) => ReadonlyArray<Reply.Frame>
): Reply.Streaming => ({
  _tag: "Streaming",
  headers: streamHeaders(turn, prompts),
  frames,
  space: turn.settings.space ?? Options.since(turn.settings, 2, 1),
  keepAlive: turn.settings.keepAlive ?? 15_000,
  failed: fail
})
