/**
 * Finds servers that mix up their callers, before a batch of a million rows is sent to one: concurrent requests each ask for
 * a word of their own, and another request's word in a response proves the mixing. Two different responses to one prompt
 * prove nothing: batching changes floating-point results.
 *
 * @since 0.2.0
 */
import * as Arr from "effect/Array"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { type GenerateError, InferenceEndpointsLLM } from "../InferenceEndpointsLLM.ts"
import type { CallOptions } from "../Settings.ts"
import * as StageError from "../StageError.ts"

type Service = InferenceEndpointsLLM["Service"]

/**
 * How to check.
 *
 * - `streams`: how many requests are in flight at once (default 8, at most 16).
 * - `rounds`: how often (default 2).
 * - the options of a call; `maxNewTokens` is 48 by default.
 *
 * @category models
 * @since 0.2.0
 */
export interface Options extends Omit<CallOptions, "numGenerations" | "structuredOutput"> {
  readonly streams?: number | undefined
  readonly rounds?: number | undefined
}

/**
 * A response that contains another request's word.
 *
 * @category models
 * @since 0.2.0
 */
export const Mixed = Schema.Struct({ asked: Schema.String, got: Schema.String, text: Schema.String })

/**
 * The result of a check.
 *
 * @category models
 * @since 0.2.0
 */
export interface Canary {
  readonly requests: number
  /** Responses that contain the word of another request: the server mixes up its callers. */
  readonly mixed: ReadonlyArray<typeof Mixed.Type>
  /** Responses without their own word: if all lack it, the model does not follow instructions, and nothing is known. */
  readonly silent: number
  readonly verdict: "pass" | "mixed" | "unclear"
}

/**
 * The server gives callers responses that belong to others.
 *
 * @category reasons
 * @since 0.2.0
 */
export class MixedUp extends Schema.TaggedError<MixedUp>()("MixedUp", {
  requests: Schema.Int,
  mixed: Schema.Array(Mixed)
}) {
  readonly isRetryable = false
  override get message(): string {
    const [first] = this.mixed
    return `the server mixes up its callers: ${this.mixed.length} of ${this.requests} concurrent responses hold what another ` +
      `prompt asked for${
        first === undefined ? "" : ` (asked for ${first.asked}, got ${first.got})`
      }. Send one request at a ` +
      "time (concurrency 1, delivery unary), or use another server; what it generated so far cannot be trusted"
  }
}

/**
 * The error of a canary.
 *
 * @category errors
 * @since 0.2.0
 */
export class CanaryError extends StageError.make<CanaryError>()("CanaryError", {
  method: "canary",
  reason: Schema.Union([MixedUp])
}) {}

/** Words, each of which only one prompt contains. */
const WORDS = [
  "walnut",
  "tundra",
  "cobalt",
  "violin",
  "saffron",
  "glacier",
  "lantern",
  "pelican",
  "marble",
  "thistle",
  "orchid",
  "quartz",
  "falcon",
  "velvet",
  "anchor",
  "maple"
]

const prompt = (word: string): string => `Write the word ${word} ten times, separated by blanks, and nothing else.`

const holds = (text: string, word: string): boolean => text.toLowerCase().includes(word)

/**
 * Checks whether concurrent requests get each other's responses. They are streamed if the service streams.
 *
 * @category running
 * @since 0.2.0
 */
export const look = Effect.fnUntraced(function*(
  llm: Service,
  { rounds = 2, streams = 8, ...call }: Options = {}
): Effect.fn.Return<Canary, GenerateError> {
  const words = WORDS.slice(0, Math.max(2, Math.min(WORDS.length, streams)))
  const options: CallOptions = {
    maxNewTokens: 48,
    temperature: 0,
    thinkingBudget: -1,
    structuredOutput: false,
    ...call
  }
  const ask = (asked: string) =>
    Effect.map(
      Stream.runFold(llm.stream(prompt(asked), options), () =>
        "", (text, event) =>
        event._tag === "Text" || event._tag === "Reasoning" ? text + event.text : text),
      (text) => ({ asked, text })
    )
  const all = yield* Effect.forEach(
    Arr.makeBy(rounds, () => words),
    (words) => Effect.forEach(words, ask, { concurrency: "unbounded" })
  )
  const answers = all.flat()
  const mixed = answers.flatMap(({ asked, text }) => {
    const got = words.find((word) => word !== asked && holds(text, word))
    return got === undefined ? [] : [{ asked, got, text: text.slice(0, 200) }]
  })
  const silent = answers.filter(({ asked, text }) => !holds(text, asked)).length
  return {
    requests: answers.length,
    mixed,
    silent,
    verdict: mixed.length > 0 ? "mixed" : silent === answers.length ? "unclear" : "pass"
  }
})

/**
 * As `look`, but fails with `MixedUp` if the server mixes up its callers: a batch can run it before its first row.
 *
 * @category running
 * @since 0.2.0
 */
export const check = (
  options: Options = {}
): Effect.Effect<Canary, GenerateError | CanaryError, InferenceEndpointsLLM> =>
  Effect.flatMap(
    InferenceEndpointsLLM,
    (llm) =>
      Effect.flatMap(look(llm, options), (canary) =>
        canary.verdict === "mixed"
          ? Effect.fail(
            new CanaryError({ reason: new MixedUp({ requests: canary.requests, mixed: canary.mixed }) })
          )
          : Effect.succeed(canary))
  )
