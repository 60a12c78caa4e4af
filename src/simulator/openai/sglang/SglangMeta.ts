/**
 * What SGLang reports about a generation besides its text: why it ended, its counts, the ids of its tokens.
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

/** The ids of a prompt; one that no template rendered begins with the BOS token. @category ids @since 0.2.0 */
export const promptIds = (prompt: string, special: boolean): ReadonlyArray<number> =>
  Tokenizer.encode(prompt, special).map(({ id }) => id)

/** The ids of the output, with the EOS token if the model ended it. @category ids @since 0.2.0 */
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
  /** Whether this is the first part that is sent, which reports the time of sending. */
  readonly first: boolean
  readonly probabilities?: object
}

/** What is known about a generation. @category encoding @since 0.2.0 */
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
