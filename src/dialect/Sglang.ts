import type { GenerationOptions } from "../GenerationOptions.ts"
import { type Dialect, type GenerateRequest, ignored, refused, type Rules, sent, sentUnless } from "./Dialect.ts"
import * as OpenAi from "./OpenAi.ts"

const sampling = {
  // -1 means off there, and 0 is refused
  topK: sentUnless(0, "top_k"),
  minP: sentUnless(0, "min_p"),
  typicalP: ignored("SGLang has no typical sampling", 1),
  repetitionPenalty: sentUnless(1, "repetition_penalty"),
  truncate: ignored("SGLang does not cut prompts"),
  // after the model's own name, and a colon: see `finish`
  adapterId: sent("model")
} satisfies Partial<Rules>

const template = {
  continueFinalMessage: sent<boolean>(
    "continue_final_message",
    (value) => value ? { continue_final_message: true } : undefined
  ),
  templateVariables: sent("chat_template_kwargs")
} satisfies Partial<Rules>

const isForced = ({ toolChoice }: GenerationOptions) => toolChoice === "required" || typeof toolChoice === "object"

const finish = (body: Record<string, unknown>, { input, model, options }: GenerateRequest): void => {
  if (options.adapterId !== undefined) body["model"] = `${model}:${options.adapterId}`
  const isPrefilled = input._tag === "Messages" && input.messages.at(-1)?.role === "assistant"
  if (isPrefilled && options.continueFinalMessage !== false) body["continue_final_message"] = true
}

/** SGLang has a field of this name, and a dictionary of its own in it. */
const watermark = refused<boolean>(
  "its field of this name takes a dictionary of its own, which goes into `extra`",
  false
)

/**
 * SGLang: sampling controls on both routes, LoRA adapters after the model's name. A final message of the assistant
 * would be turned into one of the user, so it is continued unless `continueFinalMessage` is false.
 *
 * @category dialects
 * @since 0.1.0
 */
export const dialect: Dialect = {
  ...OpenAi.dialect,
  engine: "sglang",
  rules: {
    chat: {
      ...OpenAi.chat,
      ...sampling,
      ...template,
      watermark,
      thinkingBudget: refused(
        "it has no field for it, only a processor that the server must be started with; render prompts here (tokenizerId or " +
          "a template): two requests then enforce it",
        -1
      )
    },
    completion: { ...OpenAi.completion, ...sampling, watermark }
  },
  finish,
  conflicts: ({ constraint, options }) =>
    constraint !== undefined && (options.tools?.length ?? 0) > 0 && isForced(options)
      ? [{
        path: ["toolChoice"],
        message: "a forced tool cannot be combined with structured output on SGLang: both are a grammar there"
      }]
      : []
}
