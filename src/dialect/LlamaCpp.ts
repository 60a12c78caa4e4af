import type { GenerationOptions } from "../GenerationOptions.ts"
import { type Dialect, ignored, type Rules, sent, sentUnless } from "./Dialect.ts"
import * as OpenAi from "./OpenAi.ts"

const sampling = {
  topK: sent("top_k"),
  minP: sent("min_p"),
  typicalP: sentUnless(1, "typical_p"),
  repetitionPenalty: sentUnless(1, "repeat_penalty"),
  truncate: ignored("llama.cpp does not cut prompts"),
  bestOf: ignored("llama.cpp has no best_of; request several generations with numGenerations", 1),
  returnFullText: ignored("llama.cpp does not repeat the prompt", false),
  adapterId: ignored("adapters are chosen when the server starts")
} satisfies Partial<Rules>

const template = {
  // without alternatives, no log probabilities are sent at all
  topLogprobs: sent<number>("top_logprobs", (value) => ({ logprobs: true, top_logprobs: Math.max(1, value) })),
  // a final message of the assistant is continued automatically
  continueFinalMessage: sent<boolean>("messages", () => undefined),
  templateVariables: sent("chat_template_kwargs"),
  thinkingBudget: sentUnless(-1, "thinking_budget_tokens"),
  // a name is not understood and would leave the choice to the model: see `finish`
  toolChoice: sent<NonNullable<GenerationOptions["toolChoice"]>>("tool_choice", (choice) => ({
    tool_choice: typeof choice === "string" ? choice : "required"
  }))
} satisfies Partial<Rules>

const hasTools = ({ toolChoice, tools }: GenerationOptions) => (tools?.length ?? 0) > 0 && toolChoice !== "none"

const hasLogprobs = ({ logprobs, topLogprobs, topNTokens }: GenerationOptions) =>
  logprobs === true || topLogprobs !== undefined || (topNTokens ?? 0) > 0

/**
 * llama.cpp's server. Its own defaults sample (temperature 0.8, top_k 40), so "off" has to be sent explicitly, as 0. A tool
 * chosen by name is sent as the only one, with `required`. Tools together with structured output are accepted since v0.5.0.
 *
 * @category dialects
 * @since 0.1.0
 */
export const dialect: Dialect = {
  ...OpenAi.dialect,
  engine: "llamacpp",
  rules: {
    chat: { ...OpenAi.chat, ...sampling, ...template },
    completion: { ...OpenAi.completion, ...sampling }
  },
  finish: (body, { options: { toolChoice, tools } }, route) => {
    if (route === "chat" && typeof toolChoice === "object" && tools !== undefined) {
      body["tools"] = OpenAi.toolList(tools.filter(({ name }) => name === toolChoice.name))
    }
  },
  whole: (options) => hasTools(options) && hasLogprobs(options),
  conflicts: ({ input, options, stream }) =>
    stream && input._tag === "Messages" && hasTools(options) && hasLogprobs(options)
      ? [{
        path: ["logprobs"],
        message:
          "llama.cpp refuses log probabilities with tools in a stream; leave `delivery` out, or set it to `unary`"
      }]
      : []
}
