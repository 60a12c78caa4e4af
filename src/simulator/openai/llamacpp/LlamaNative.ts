/**
 * The native route of llama.cpp, whose answer `verbose` shows on the others too, and the log probabilities that all share.
 *
 * @since 0.2.0
 */
import * as Answer from "../../model/Answer.ts"
import * as Tokenizer from "../../model/Tokenizer.ts"
import type { Turn } from "../../model/Turn.ts"
import type * as Reply from "../../wire/Reply.ts"
import type { OpenAiRequest } from "../OpenAiRequest.ts"
import type * as OpenAiRun from "../OpenAiRun.ts"
import { type Fields, isBody } from "./LlamaField.ts"
import * as LlamaJson from "./LlamaJson.ts"

const { quote } = LlamaJson

/**
 * One choice with the prompt that it answers.
 *
 * @category models
 * @since 0.2.0
 */
export interface Choice {
  readonly index: number
  readonly prompt: string
  readonly input: number
  readonly run: OpenAiRun.Run
}

/**
 * The request to respond to, and its route.
 *
 * @category models
 * @since 0.2.0
 */
export interface Answered {
  readonly turn: Turn
  readonly kind: "chat" | "completion" | "native"
  readonly request: OpenAiRequest
  readonly fields: Fields
  readonly choices: ReadonlyArray<Choice>
  readonly id: string
}

/** @category accessors @since 0.2.0 */
export const text = (tokens: ReadonlyArray<Answer.Token>): string => tokens.map((token) => token.text).join("")

/** Log probabilities with their alternatives. @category encoding @since 0.2.0 */
export const top = (self: Answered, { run }: Choice, tokens: ReadonlyArray<Answer.Token>): string =>
  LlamaJson.probabilities(
    tokens,
    tokens.map((token) => Answer.alternatives(token, self.request.topLogprobs, run.random)),
    self.fields["post_sampling_probs"] === true
  )

/** The token that ended the sequence, which has no text; none where a limit or a stop string ended it. @category accessors @since 0.2.0 */
export const ending = (run: OpenAiRun.Run): ReadonlyArray<Answer.Token> =>
  run.finish === "length" || run.stopped !== undefined
    ? []
    // draws no random number, so that later draws are the same in a whole and a streamed response
    : [{ id: Tokenizer.eos.id, text: "", logprob: -0.125, special: false }]

/** Tokens that carry log probabilities: all that were generated, thinking, calls and the end included. @category accessors @since 0.2.0 */
export const generated = (run: OpenAiRun.Run): ReadonlyArray<Answer.Token> => [
  ...run.reasoning,
  ...run.content,
  ...run.calls.flatMap((call) => call.fragments.map((fragment) => Answer.token(fragment, run.random))),
  ...ending(run)
]

const stopType = (run: OpenAiRun.Run): string =>
  run.finish === "length" ? "limit" : run.stopped === undefined ? "eos" : "word"

/** The biases of tokens by their ids, as the settings show them; those of texts are left out here. */
const biases = ({ turn }: Answered): ReadonlyArray<LlamaJson.Bias> => {
  const { json } = turn.request
  const given: unknown = isBody(json) ? json["logit_bias"] : undefined
  const pairs: ReadonlyArray<unknown> = Array.isArray(given)
    ? given
    : isBody(given)
    ? Object.entries(given).map(([id, bias]) => [Number(id), bias])
    : []
  return pairs.flatMap((pair): ReadonlyArray<LlamaJson.Bias> => {
    if (!Array.isArray(pair) || pair.length !== 2) return []
    const [token, bias]: ReadonlyArray<unknown> = pair
    if (typeof token !== "number" || token < 0 || token >= Tokenizer.vocabulary) return []
    return typeof bias === "number" ? [{ bias, token }] : bias === false ? [{ bias: null, token }] : []
  })
}

/** The whole response, or the last event of a stream. @category encoding @since 0.2.0 */
export const final = (self: Answered, { index, input, prompt, run }: Choice, content: string): string => {
  const listed = self.fields["return_tokens"] === true && !self.request.stream
  const probs = self.request.logprobs && !self.request.stream
    ? `,"completion_probabilities":${top(self, { index, input, prompt, run }, generated(run))}`
    : ""
  return `{"index":${index},"content":${quote(content)},"tokens":[${
    listed ? run.content.map((token) => token.id).join(",") : ""
  }],"id_slot":0,"stop":true,"model":${quote(self.turn.settings.modelId)},"tokens_predicted":${run.tokens},` +
    `"tokens_evaluated":${input},"generation_settings":${
      JSON.stringify(LlamaJson.settings(self.fields, self.request.stop, true, biases(self)))
    },"prompt":${quote(prompt)},"has_new_line":${text(run.content).includes("\n")},"truncated":false,` +
    `"stop_type":"${stopType(run)}","stopping_word":${quote(run.stopped ?? "")},"tokens_cached":${
      input + run.tokens - 1
    },"timings":${LlamaJson.timings(input, run.tokens)}${probs}}`
}

/** The events of a choice. @category streaming @since 0.2.0 */
export const frames = (self: Answered, choice: Choice): ReadonlyArray<Reply.Frame> => {
  const { index, input, run } = choice
  const progress = (processed: number): Reply.Frame => ({
    payload: `{"index":${index},"content":"","tokens":[0],"stop":false,"id_slot":-1,"tokens_predicted":0,` +
      `"tokens_evaluated":${input},"prompt_progress":{"total":${input},"cache":0,"processed":${processed},"time_ms":0}}`,
    tokens: 0
  })
  const before = self.fields["return_progress"] === true ? [progress(0), progress(input)] : []
  const pieces = [...run.content, ...ending(run)].map((token, at) => {
    const timed = self.fields["timings_per_token"] === true ? `,"timings":${LlamaJson.timings(input, at + 1)}` : ""
    const probs = self.request.logprobs ? `,"completion_probabilities":${top(self, choice, [token])}` : ""
    return {
      payload: `{"index":${index},"content":${quote(token.text)},"tokens":[${token.id}],"stop":false,"id_slot":-1,` +
        `"tokens_predicted":${at + 1},"tokens_evaluated":${input}${timed}${probs}}`,
      tokens: 1
    }
  })
  return [...before, ...pieces, { payload: final(self, choice, ""), tokens: 0 }]
}
