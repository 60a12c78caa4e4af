/**
 * The parameters of a generation on vLLM: what its API server and its engine refuse.
 *
 * @since 0.2.0
 */
import * as Tokenizer from "../../model/Tokenizer.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import type { Fields } from "./VllmFields.ts"
import * as VllmJson from "./VllmJson.ts"
import { given } from "./VllmValidators.ts"

const { invalid } = VllmJson

type Body = Pydantic.Body

const most = 20

/** @category models @since 0.2.0 */
export interface Sampling {
  readonly count: number | undefined
  readonly presence: number | undefined
  readonly frequency: number | undefined
  readonly repetition: number | undefined
  readonly temperature: number | undefined
  readonly topP: number | undefined
  readonly topK: number | undefined
  readonly minP: number | undefined
  readonly minTokens: number | undefined
  readonly stop: ReadonlyArray<string>
  readonly badWords: ReadonlyArray<string>
  readonly biases: Body | undefined
}

const { float } = VllmJson

/** The checks of the parameters of a generation, in their order. @category checks @since 0.2.0 */
export const verify = (sampling: Sampling, maxTokens: number | undefined, beams: boolean): void => {
  const { badWords, biases: map, count = 1, frequency = 0, minP = 0, minTokens = 0, presence = 0, repetition = 1 } =
    sampling
  const { temperature = 1, topK = 0, topP = 1 } = sampling
  const keys = Object.keys(map ?? {}).filter((key) => !/^\s*-?\d+\s*$/.test(key))
  if (keys.length > 0) {
    invalid(
      `logit_bias contains key(s) that cannot be converted to integer token IDs: ${Pydantic.repr(keys)}`,
      "logit_bias",
      Pydantic.repr(keys)
    )
  }
  if (count < 1) invalid(`n must be at least 1, got ${count}.`)
  if (!(presence >= -2 && presence <= 2)) invalid(`presence_penalty must be in [-2, 2], got ${float(presence)}.`)
  if (!(frequency >= -2 && frequency <= 2)) invalid(`frequency_penalty must be in [-2, 2], got ${float(frequency)}.`)
  if (!Number.isFinite(repetition)) invalid(`repetition_penalty must be a finite number, got ${float(repetition)}.`)
  if (!(repetition > 0)) invalid(`repetition_penalty must be greater than zero, got ${float(repetition)}.`)
  const shown = float(temperature)
  if (!Number.isFinite(temperature)) {
    invalid(`temperature must be a finite number, got ${shown}.`, "temperature", shown)
  }
  if (temperature < 0) invalid(`temperature must be non-negative, got ${shown}.`, "temperature", shown)
  if (temperature > 2) invalid(`temperature must be in [0, 2], got ${shown}.`, "temperature", shown)
  if (!(topP > 0 && topP <= 1)) invalid(`top_p must be in (0, 1], got ${float(topP)}.`, "top_p", float(topP))
  if (topK < -1) invalid(`top_k must be 0 (disable), or at least 1, got ${topK}.`)
  if (!(minP >= 0 && minP <= 1)) invalid(`min_p must be in [0, 1], got ${float(minP)}.`)
  if (maxTokens !== undefined && maxTokens < 1) {
    invalid(`max_tokens must be at least 1, got ${maxTokens}.`, "max_tokens", String(maxTokens))
  }
  if (minTokens < 0) invalid(`min_tokens must be greater than or equal to 0, got ${minTokens}.`)
  if (maxTokens !== undefined && minTokens > maxTokens) {
    invalid(`min_tokens must be less than or equal to max_tokens=${maxTokens}, got ${minTokens}.`)
  }
  if (sampling.stop.includes("")) invalid("stop cannot contain an empty string.")
  if (badWords.includes("")) {
    invalid(`bad_words cannot contain an empty string. Got bad_words=${Pydantic.repr(badWords)}`)
  }
  if (temperature === 0 && count > 1 && !beams) invalid(`n must be 1 when using greedy sampling, got ${count}.`)
}

/** Numbers and token ids that the engine itself has bounds for. @category models @since 0.2.0 */
export interface Asked {
  /** Log probabilities of the output and of the prompt. */
  readonly top: number | undefined
  readonly prompt: number | undefined
  readonly stop: ReadonlyArray<number>
  readonly allowed: ReadonlyArray<number>
  readonly labels: ReadonlyArray<number>
}

const checkCount = (kind: "sample" | "prompt", param: string, asked: number | undefined): void => {
  const wanted = asked === -1 ? Tokenizer.vocabulary : asked
  if (wanted !== undefined && wanted > most) {
    invalid(
      `Requested ${kind} logprobs of ${wanted}, which is greater than max allowed: ${most}`,
      param,
      String(wanted)
    )
  }
}

const outside = (ids: ReadonlyArray<number>): ReadonlyArray<number> =>
  ids.filter((id) => id < 0 || id >= Tokenizer.vocabulary)

const checkKnown = (param: string, ids: ReadonlyArray<number>): void => {
  const unknown = outside(ids)
  if (unknown.length > 0) {
    invalid(
      `token_id(s) ${Pydantic.repr(unknown)} in ${param} contain out-of-vocab token ids. Vocabulary size: ` +
        String(Tokenizer.vocabulary),
      param,
      Pydantic.repr(unknown)
    )
  }
}

/** What the engine refuses when the request reaches it. @category checks @since 0.2.0 */
export const engineCheck = (sampling: Sampling, body: Body, asked: Asked): void => {
  checkCount("sample", "logprobs", asked.top)
  checkCount("prompt", "prompt_logprobs", asked.prompt)
  checkKnown("logit_bias", Object.keys(sampling.biases ?? {}).map(Number))
  checkKnown("stop_token_ids", asked.stop)
  checkKnown("logprob_token_ids", asked.labels)
  const allowed = body["allowed_token_ids"]
  if (Array.isArray(allowed) && allowed.length === 0) {
    invalid("allowed_token_ids is not None and empty!", "allowed_token_ids", "[]")
  }
  if (outside(asked.allowed).length > 0) {
    invalid("allowed_token_ids contains out-of-vocab token id!", "allowed_token_ids", Pydantic.repr(asked.allowed))
  }
}

/** @category checks @since 0.2.0 */
export const budget = (fields: Fields): void => {
  const value = fields.body["thinking_token_budget"]
  if (!given(value)) return
  if (typeof value !== "number" || !Number.isInteger(value) || value < -1) {
    invalid(
      "`thinking_token_budget` must be a non-negative integer or -1 for unlimited.",
      "thinking_token_budget",
      typeof value === "string" ? value : Pydantic.repr(value)
    )
  }
}
