/**
 * The plain dialect: what OpenAI's own routes accept, for engines that were not recognised. The other dialects of the same
 * routes start from these rules and add their differences.
 *
 * @since 0.1.0
 */
import type { GenerationOptions } from "../GenerationOptions.ts"
import type { Message } from "../Message.ts"
import { type Dialect, ignored, refused, type Rules, sent, sentUnless } from "./Dialect.ts"

const unknown = "it is not part of this dialect; name the field in `extra` if the engine has it"

/**
 * Greedy decoding is temperature 0 on every chat route, and sampling is the default.
 *
 * @category rules
 * @since 0.1.0
 */
export const doSample = sent<boolean>("temperature", (value) => value ? undefined : { temperature: 0 })

const toolChoice = sent<NonNullable<GenerationOptions["toolChoice"]>>("tool_choice", (choice) => ({
  tool_choice: typeof choice === "string" ? choice : { type: "function", function: { name: choice.name } }
}))

/**
 * Tools in OpenAI's form.
 *
 * @category encoding
 * @since 0.2.0
 */
export const toolList = (tools: NonNullable<GenerationOptions["tools"]>): ReadonlyArray<object> =>
  tools.map((tool) => ({ type: "function", function: tool }))

const tools = sent<NonNullable<GenerationOptions["tools"]>>("tools", (tools) => ({ tools: toolList(tools) }))

/**
 * The chat rules that all engines share.
 *
 * @category rules
 * @since 0.1.0
 */
export const chat: Rules = {
  maxNewTokens: sent("max_tokens"),
  temperature: sent("temperature"),
  topP: sent("top_p"),
  topK: ignored(unknown, 0),
  minP: ignored(unknown, 0),
  typicalP: ignored(unknown, 1),
  repetitionPenalty: ignored(unknown, 1),
  frequencyPenalty: sentUnless(0, "frequency_penalty"),
  presencePenalty: sentUnless(0, "presence_penalty"),
  logitBias: sent("logit_bias"),
  seed: sent("seed"),
  stopSequences: sent("stop", (stop) => stop.length === 0 ? undefined : { stop }),
  doSample,
  returnFullText: ignored("a chat response has no text before it", false),
  watermark: ignored("only TGI's native route has it", false),
  truncate: ignored(unknown),
  bestOf: ignored("only TGI's native route has it; request several generations with numGenerations", 1),
  logprobs: sentUnless(false, "logprobs"),
  topNTokens: sent("top_logprobs", (value) => value === 0 ? undefined : { logprobs: true, top_logprobs: value }),
  decoderInputDetails: ignored("only TGI's native route has it", false),
  adapterId: sent("model"),
  topLogprobs: sent("top_logprobs", (value) => ({ logprobs: true, top_logprobs: value })),
  tools,
  toolChoice,
  toolPrompt: ignored("only TGI has it; put the instruction in a message"),
  parallelToolCalls: sent("parallel_tool_calls"),
  reasoningEffort: sent("reasoning_effort"),
  thinkingBudget: refused(
    "it has no field for it; render prompts here (tokenizerId or a template): two requests then enforce it",
    -1
  ),
  continueFinalMessage: ignored("whether a last assistant message is continued is up to the server", false),
  templateVariables: ignored(
    "the server renders the template with its own variables; set a tokenizerId to render here"
  ),
  extra: sent("…", () => undefined)
}

const noTools = "the model's own call syntax is not read on this route; use the chat route (no tokenizerId) for tools"

/**
 * The completions rules that all engines share.
 *
 * @category rules
 * @since 0.1.0
 */
export const completion: Rules = {
  ...chat,
  returnFullText: sentUnless(false, "echo"),
  topNTokens: sent("logprobs", (value) => value === 0 ? undefined : { logprobs: value }),
  logprobs: sent("logprobs", (value) => value ? { logprobs: 1 } : undefined),
  topLogprobs: sent("logprobs", (value) => ({ logprobs: Math.max(1, value) })),
  tools: ignored(noTools),
  toolChoice: ignored<NonNullable<GenerationOptions["toolChoice"]>>(noTools, "none", "auto"),
  parallelToolCalls: ignored(noTools),
  reasoningEffort: ignored("the prompt is rendered here; set the template's variable instead"),
  // enforced by the client with two requests: see `pipeline/ThinkingPhases`
  thinkingBudget: sent("prompt", () => undefined),
  // the prompt that is sent already contains them
  continueFinalMessage: sent("prompt", () => undefined),
  templateVariables: sent("prompt", () => undefined)
}

/** An empty list of parts is refused by some engines, and turned into a part by others. */
const contentOf = ({ content }: Message, empty: "" | null): Message["content"] =>
  Array.isArray(content) && content.length === 0 ? empty : content

/** An empty list of calls is refused by some engines. */
const withoutCalls = ({ tool_calls: _calls, ...message }: Message): Message =>
  Array.isArray(message.content) ? { ...message, content: contentOf(message, "") } : message

const argumentsText = (value: unknown): string => typeof value === "string" ? value : JSON.stringify(value) ?? "{}"

/**
 * Messages in OpenAI's form: the arguments of calls as JSON text.
 *
 * @category encoding
 * @since 0.1.0
 */
export const messages: Dialect["messages"] = (messages) =>
  messages.map((message: Message) => {
    const { content, tool_calls } = message
    // nearly every message is a text
    if (tool_calls === undefined && typeof content === "string") return message
    return tool_calls === undefined || tool_calls.length === 0 ? withoutCalls(message) : {
      ...message,
      content: contentOf(message, null) ?? null,
      tool_calls: tool_calls.map((call) => ({
        ...call,
        function: { name: call.function.name, arguments: argumentsText(call.function.arguments) }
      }))
    }
  })

/**
 * @category dialects
 * @since 0.1.0
 */
export const dialect: Dialect = { engine: "openai", raw: "completion", rules: { chat, completion }, messages }
