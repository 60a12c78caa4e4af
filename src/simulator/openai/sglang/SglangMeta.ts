/**
 * What SGLang tells of a generation beside its text: why it ended, what it counted, the ids of its tokens.
 *
 * @since 0.2.0
 */
import * as Tokenizer from "../../model/Tokenizer.ts"
import type { Turn } from "../../model/Turn.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import type * as OpenAiRun from "../OpenAiRun.ts"

type Run = OpenAiRun.Run

/** Whether a field of a body is on, as the server reads it. @category readers @since 0.2.0 */
export const isOn = (body: unknown, name: string): boolean =>
  Pydantic.isBody(body) && Pydantic.flag(body[name], [], []) === true

/** Ids of a prompt; one that no template made begins with the mark of a beginning. @category ids @since 0.2.0 */
export const promptIds = (prompt: string, special: boolean): ReadonlyArray<number> =>
  Tokenizer.encode(prompt, special).map(({ id }) => id)

/** Ids of what was written, with the mark of the end where it ended of its own accord. @category ids @since 0.2.0 */
export const outputIds = (run: Run): ReadonlyArray<number> => {
  const ids = [...run.reasoning, ...run.content].map(({ id }) => id)
  return run.finish === "stop" && run.stopped === undefined ? [...ids, Tokenizer.eos.id] : ids
}

/** Why a generation ended. @category encoding @since 0.2.0 */
export const finishOf = (run: Run): object =>
  run.finish === "length"
    ? { type: "length", length: run.tokens }
    : { type: "stop", matched: run.stopped ?? Tokenizer.eos.id }

interface Told {
  readonly id: string
  readonly run: Run
  /** Tokens of the prompt. */
  readonly input: number
  /** Tokens written so far. */
  readonly completion: number
  readonly ended: boolean
  /** Whether nothing of it was sent before, and so the time of sending is told. */
  readonly first: boolean
  readonly probabilities?: object
}

/** What is known of a generation. @category encoding @since 0.2.0 */
export const metaInfo = (turn: Turn, { completion, ended, first, id, input, probabilities, run }: Told): object => ({
  id,
  finish_reason: ended ? finishOf(run) : null,
  prompt_tokens: input,
  weight_version: "default",
  num_retractions: 0,
  ...probabilities,
  reasoning_tokens: 0,
  completion_tokens: completion,
  cached_tokens: 0,
  ...(ended && { weight_versions: [{ version: "default", start: 0, end: completion }] }),
  cached_tokens_details: null,
  dp_rank: null,
  ...(ended && { e2e_latency: 0.02 }),
  ...(first && { response_sent_to_client_ts: turn.now / 1000 })
})
