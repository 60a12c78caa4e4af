/**
 * How each option is measured: what is sent, and what the responses have to show.
 *
 * @since 0.2.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Name } from "../GenerationOptions.ts"
import * as Calling from "./Calling.ts"
import * as Drawing from "./Drawing.ts"
import { LONG, REPEAT } from "./Lab.ts"
import * as Listing from "./Listing.ts"
import { found, judged, type Measure, said, sent } from "./Measure.ts"
import * as Thinking from "./Thinking.ts"

const stops: Measure = Effect.fnUntraced(function*(lab) {
  const plain = yield* lab.greedy
  if (Result.isFailure(plain)) return found("refused", plain.failure)
  const { text } = plain.success
  const words = text.trim().split(/\s+/)
  // a whole word, since some engines only look for a stop sequence at the ends of tokens
  const stop = words[Math.floor(words.length / 2)]
  if (stop === undefined || words.length < 3) {
    return found("unclear", "the model wrote too little for a stop sequence to apply")
  }
  const answer = yield* sent(lab, { temperature: 0, stopSequences: [stop] })
  return judged(answer, (stopped) =>
    stopped.text.length < text.length
      ? found("honoured", "the text ends at the stop sequence")
      : found("dropped", "the text continues after the stop sequence"))
})

const limits: Measure = (lab) =>
  Effect.map(
    lab.long,
    ([, answer]) =>
      judged(answer, ({ finishReason, statistics: { outputTokens }, ...rest }) => {
        const written = outputTokens ??
          said({ finishReason, statistics: { duration: 0, attempts: 1 }, ...rest }).split(/\s+/).length
        return written > 4
          ? found("dropped", `3 tokens were requested, but ${written} arrived`)
          : found("honoured", `${written} tokens of 3, ended by ${finishReason}`)
      })
  )

const echoes: Measure = (lab) =>
  Effect.map(
    sent(lab, { temperature: 0, returnFullText: true }, { text: REPEAT }),
    (answer) =>
      judged(answer, ({ text }) =>
        text.startsWith(REPEAT)
          ? found("honoured", "the prompt precedes the text")
          : found("dropped", "the prompt does not precede the text"))
  )

const adapter: Measure = (lab) =>
  Effect.map(sent(lab, { temperature: 0, adapterId: "no-adapter-has-this-name" }), (answer) =>
    Result.isFailure(answer)
      ? found("honoured", "an unknown adapter is refused")
      : found("unclear", "any name is accepted; only an existing adapter could show whether it is used"))

/**
 * How each option is measured. Others need no measure: they change nothing on the server.
 *
 * @category constants
 * @since 0.2.0
 */
export const options: { readonly [N in Name]?: Measure } = {
  maxNewTokens: limits,
  temperature: Drawing.leavesOne({ temperature: 0.001 }),
  doSample: Drawing.samples,
  topP: Drawing.leavesOne({ topP: 0.001 }),
  topK: Drawing.leavesOne({ topK: 1 }),
  minP: Drawing.leavesOne({ minP: 1 }),
  typicalP: Drawing.typical,
  seed: Drawing.seeded,
  repetitionPenalty: Drawing.bends({ repetitionPenalty: 1.9 }),
  frequencyPenalty: Drawing.bends({ frequencyPenalty: 2 }),
  presencePenalty: Drawing.bends({ presencePenalty: 2 }),
  logitBias: Listing.bias,
  stopSequences: stops,
  logprobs: Listing.probabilities,
  topLogprobs: Listing.listed("topLogprobs", 3),
  topNTokens: Listing.listed("topNTokens", 3),
  returnFullText: echoes,
  watermark: Drawing.differs({ watermark: true }),
  truncate: Drawing.differs({ truncate: 8 }, { text: LONG }),
  bestOf: Listing.candidates,
  decoderInputDetails: Listing.prefilled,
  adapterId: adapter,
  tools: Calling.demanded,
  toolChoice: Calling.worst(
    Calling.demanded,
    Calling.called(
      { toolChoice: { name: "population" } },
      (names) => names.length > 0 && names.every((name) => name === "population"),
      "a call to population was required"
    ),
    Calling.called({ toolChoice: "none" }, (names) => names.length === 0, "calls were forbidden")
  ),
  toolPrompt: Calling.prompted,
  parallelToolCalls: Calling.parallel,
  reasoningEffort: Thinking.effort,
  thinkingBudget: Thinking.budget,
  continueFinalMessage: Thinking.continues,
  templateVariables: Thinking.variables
}
