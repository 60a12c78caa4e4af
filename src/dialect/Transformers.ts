/**
 * `transformers serve`, as measured and read in version 5.24.0: it refuses unknown fields, and drops some known ones.
 *
 * @since 0.2.0
 */
import type { GenerationOptions } from "../GenerationOptions.ts"
import { type Dialect, ignored, refused, type Rules, sent, sentUnless } from "./Dialect.ts"
import * as OpenAi from "./OpenAi.ts"

const unknown = "it refuses fields that it does not know; `generation_config` in `extra` takes settings as JSON text"
const dropped = "it drops the field"

const sampling = {
  topK: refused(unknown, 0),
  minP: refused(unknown, 0),
  typicalP: refused(unknown, 1),
  repetitionPenalty: refused(unknown, 1),
  presencePenalty: ignored(dropped, 0),
  logitBias: refused("it fails on whole numbers"),
  truncate: refused(unknown),
  logprobs: ignored(dropped, false),
  topNTokens: ignored(dropped, 0),
  topLogprobs: ignored(dropped),
  adapterId: sent("model"),
  frequencyPenalty: sentUnless(0, "frequency_penalty")
} satisfies Partial<Rules>

/**
 * The response contains the stop sequence that ended it. Sampling needs a model whose own settings have `do_sample`.
 *
 * @category dialects
 * @since 0.2.0
 */
export const dialect: Dialect = {
  ...OpenAi.dialect,
  engine: "transformers",
  rules: {
    chat: {
      ...OpenAi.chat,
      ...sampling,
      toolChoice: ignored<NonNullable<GenerationOptions["toolChoice"]>>(
        "the model itself decides whether to call a tool",
        "auto",
        "none"
      ),
      parallelToolCalls: ignored(dropped, true),
      reasoningEffort: ignored(dropped),
      templateVariables: sent("chat_template_kwargs")
    },
    completion: { ...OpenAi.completion, ...sampling, returnFullText: ignored(dropped, false) }
  },
  finish: (body, { options: { toolChoice } }) => {
    if (toolChoice === "none") delete body["tools"]
  }
}
