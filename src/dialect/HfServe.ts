/**
 * hf-serve, the server of endpoints without an engine of their own, as measured in version 0.2.0: it drops most options, and
 * its streams are not safe.
 *
 * @since 0.2.0
 */
import type { GenerationOptions } from "../GenerationOptions.ts"
import type { Message } from "../Message.ts"
import { type Dialect, ignored, refused, type Rules } from "./Dialect.ts"
import * as OpenAi from "./OpenAi.ts"

const dropped = "it drops the field"

const chat: Rules = {
  ...OpenAi.chat,
  topK: ignored(dropped, 0),
  minP: ignored(dropped, 0),
  typicalP: ignored(dropped, 1),
  repetitionPenalty: ignored(dropped, 1),
  frequencyPenalty: ignored(dropped, 0),
  presencePenalty: ignored(dropped, 0),
  logitBias: ignored(dropped),
  stopSequences: { _tag: "Ignored", why: dropped, neutral: (stop) => stop.length === 0 },
  truncate: ignored("hf-serve does not cut prompts"),
  logprobs: ignored(dropped, false),
  topNTokens: ignored(dropped, 0),
  topLogprobs: ignored(dropped),
  adapterId: ignored("hf-serve takes any model name and serves its one model"),
  toolChoice: ignored<NonNullable<GenerationOptions["toolChoice"]>>(
    "the model itself decides whether to call a tool",
    "auto",
    "none"
  ),
  parallelToolCalls: ignored(dropped, true),
  reasoningEffort: ignored(dropped),
  continueFinalMessage: refused("it closes a final message of the assistant", false)
}

/**
 * No temperature means greedy, and so does 1; with 0 the server fails, or hangs for good when it streams. So greedy means
 * leaving it out, and 1 is sent as the next value that samples.
 */
const finish = (body: Record<string, unknown>, { doSample, temperature, toolChoice }: GenerationOptions): void => {
  const wanted = temperature ?? (doSample === true ? 1 : undefined)
  if (wanted === undefined || wanted === 0 || doSample === false) delete body["temperature"]
  else body["temperature"] = wanted === 1 ? 1.0001 : wanted
  if (toolChoice === "none") delete body["tools"]
}

/** The text of a system message that comes in parts would be lost. */
const flat = (message: Message): Message =>
  message.role !== "system" || !Array.isArray(message.content) ? message : {
    ...message,
    content: message.content.map((part) => part.type === "text" ? part.text : "").join("")
  }

/**
 * @category dialects
 * @since 0.2.0
 */
export const dialect: Dialect = {
  engine: "hf-serve",
  raw: "completion",
  rules: { chat },
  messages: (messages) => OpenAi.messages(messages.map(flat)),
  finish: (body, { options }) => finish(body, options),
  unstreamed: "it mixes up the streams of concurrent callers, and hangs in greedy ones"
}
