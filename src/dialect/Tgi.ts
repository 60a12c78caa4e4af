/**
 * TGI: the reference dialect. Most sampling controls exist only on the native route, which takes a rendered prompt; the chat
 * route silently drops some options and refuses values that OpenAI's defaults contain.
 *
 * @since 0.1.0
 */
import type { Message } from "../Message.ts"
import type * as ChatCompletion from "../protocol/ChatCompletion.ts"
import {
  type Dialect,
  type GenerateRequest,
  ignored,
  refused,
  type Route,
  type Rules,
  sent,
  sentUnless
} from "./Dialect.ts"
import * as OpenAi from "./OpenAi.ts"

const raw = "TGI only has it on /generate, which needs a tokenizerId or a template"

/** TGI accepts values strictly between 0 and 1, so that 1, which means off, must not be sent. */
const topP = sentUnless(1, "top_p")

/**
 * The rules of the native route.
 *
 * @category rules
 * @since 0.2.0
 */
export const generate: Rules = {
  ...OpenAi.completion,
  maxNewTokens: sent("max_new_tokens"),
  // 0 is refused there: greedy decoding is the absence of every sampling option (see `finish`)
  temperature: sent("temperature"),
  topP,
  topK: sentUnless(0, "top_k"),
  minP: ignored("TGI has no min_p", 0),
  typicalP: sentUnless(1, "typical_p"),
  repetitionPenalty: sentUnless(1, "repetition_penalty"),
  frequencyPenalty: sentUnless(0, "frequency_penalty"),
  presencePenalty: ignored("TGI has no presence penalty; use repetitionPenalty or frequencyPenalty", 0),
  logitBias: ignored("TGI has no logit bias"),
  doSample: sent("do_sample"),
  returnFullText: sent("return_full_text"),
  watermark: sent("watermark"),
  truncate: sent("truncate"),
  bestOf: sentUnless(1, "best_of"),
  topNTokens: sentUnless(0, "top_n_tokens"),
  decoderInputDetails: sent("decoder_input_details"),
  adapterId: sent("adapter_id"),
  // the details, which are always requested, contain them
  logprobs: sent("details", () => undefined),
  topLogprobs: sent("top_n_tokens", (value) => value === 0 ? undefined : { top_n_tokens: value }),
  toolPrompt: ignored("tools are rendered by the template on this route"),
  thinkingBudget: sent("inputs", () => undefined),
  continueFinalMessage: sent("inputs", () => undefined),
  templateVariables: sent("inputs", () => undefined)
}

const chat: Rules = {
  ...OpenAi.chat,
  topP,
  topK: ignored(raw, 0),
  minP: ignored("TGI has no min_p", 0),
  typicalP: ignored(raw, 1),
  // TGI makes repetition_penalty = presence_penalty + 2 of it
  repetitionPenalty: sent("presence_penalty", (value) => value === 1 ? undefined : { presence_penalty: value - 2 }),
  presencePenalty: refused(
    "TGI turns it into a repetition penalty of x + 2; use repetitionPenalty or frequencyPenalty",
    0
  ),
  logitBias: refused("TGI does not take a map"),
  truncate: ignored(raw),
  toolPrompt: sent("tool_prompt"),
  // TGI continues a final message of the assistant automatically
  continueFinalMessage: sent("messages", () => undefined),
  parallelToolCalls: ignored("TGI makes at most one call", false),
  reasoningEffort: ignored("TGI has no such field; use the prompt, and splitReasoning to separate the thinking")
}

/**
 * Greedy means that nothing may turn sampling on; a temperature that is set, even 1, means sampling.
 *
 * @category encoding
 * @since 0.2.0
 */
export const finish = (body: Record<string, unknown>, { options }: GenerateRequest, route: Route): void => {
  if (route !== "generate") return
  if (options.temperature === 0 || options.doSample === false) {
    for (const field of ["temperature", "top_k", "top_p", "typical_p"]) delete body[field]
    body["do_sample"] = false
  } else if (options.temperature !== undefined && options.doSample === undefined) {
    body["do_sample"] = true
  }
}

const parsed = (value: unknown): unknown => {
  if (typeof value !== "string") return value
  try {
    return JSON.parse(value)
  } catch {
    return value
  }
}

/**
 * TGI drops the calls of a message that has content, and writes the calls of one that has none into the prompt as JSON,
 * with text arguments escaped once more. So arguments are sent as values; and if there is content next to the calls,
 * both are sent as the text that the server would make of the calls.
 */
const messageOf = (message: Message): ChatCompletion.Message => {
  if (message.tool_calls === undefined || message.tool_calls.length === 0) {
    const { content, tool_calls: _calls, ...rest } = message
    return { ...rest, content: content === undefined || content === null || content.length === 0 ? "" : content }
  }
  const calls = message.tool_calls.map((call) => ({
    ...call,
    function: { name: call.function.name, arguments: parsed(call.function.arguments) }
  }))
  const { content, tool_calls: _calls, ...rest } = message
  if (content === undefined || content === null || content.length === 0) return { ...rest, tool_calls: calls }
  const text = JSON.stringify(calls)
  return {
    ...rest,
    content: typeof content === "string" ? `${content}\n${text}` : [...content, { type: "text", text: `\n${text}` }]
  }
}

/**
 * @category dialects
 * @since 0.1.0
 */
export const dialect: Dialect = {
  engine: "tgi",
  raw: "generate",
  rules: { generate, chat },
  messages: (messages) => messages.map(messageOf),
  finish,
  // a call may end in a stream without any sign
  whole: ({ toolChoice, tools }) => (tools?.length ?? 0) > 0 && toolChoice !== "none",
  conflicts: ({ constraint, options: { toolChoice, tools } }) =>
    constraint !== undefined && tools !== undefined && toolChoice !== "none"
      ? [{
        path: ["tools"],
        message: "tools cannot be combined with structured output on TGI: both are a grammar there"
      }]
      : []
}
