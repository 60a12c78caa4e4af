/**
 * Requests to vLLM 0.32, read with its types and checked in its order. Mistakes are thrown as `Thrown`.
 *
 * @since 0.2.0
 */
import * as Tokenizer from "../../model/Tokenizer.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import { type Message, noChat, type OpenAiRequest } from "../OpenAiRequest.ts"
import { common, efforts, Fields, prompts, tool } from "./VllmFields.ts"
import * as VllmJson from "./VllmJson.ts"
import { checkCalls, message } from "./VllmMessage.ts"
import * as VllmOutputs from "./VllmOutputs.ts"
import { checkPrompt, fits, served, type Server, truncated } from "./VllmPrompt.ts"
import { budget, engineCheck, verify } from "./VllmSampling.ts"
import {
  checkChat,
  checkFormat,
  checkProbabilities,
  checkSalt,
  checkStreamOptions,
  given,
  truthy
} from "./VllmValidators.ts"

const { invalid } = VllmJson

type Body = Pydantic.Body

/**
 * A parsed request, with the fields that only vLLM has.
 *
 * @category models
 * @since 0.2.0
 */
export interface VllmRequest {
  readonly request: OpenAiRequest
  /** Refusals of the engine after the request was accepted; inside a stream, an event. */
  readonly late: VllmJson.Thrown | undefined
  readonly promptText: boolean
  readonly tokenIds: boolean
  readonly promptLogprobs: number | undefined
  /** The role of the output: that of the last message, if no new one is opened. */
  readonly role: string
  readonly labels: ReadonlyArray<number>
  readonly includeReasoning: boolean
  readonly includeStop: boolean
}

const isEmpty = (item: unknown): boolean => item === "" || (Array.isArray(item) && item.length === 0)

const caught = (check: () => void): VllmJson.Thrown | undefined => {
  try {
    check()
    return undefined
  } catch (error) {
    if (error instanceof VllmJson.Thrown) return error
    throw error
  }
}

const sent = (own: ReturnType<typeof common>, maxTokens: number | undefined) => ({
  model: own.model === "" ? undefined : own.model,
  maxTokens,
  sampling: own.sampling.temperature !== 0,
  seed: own.seed === "-1" ? undefined : own.seed,
  stop: own.sampling.stop,
  count: own.sampling.count ?? 1,
  stream: own.stream,
  includeUsage: own.usage,
  continuousUsage: own.continuous
})

/**
 * Reads a chat request up to its prompt. `measure` renders the messages and counts their tokens.
 *
 * @category readers
 * @since 0.2.0
 */
export const chat = (
  body: Body,
  text: string,
  server: Server,
  measure: (messages: ReadonlyArray<Message>, continues: boolean) => number
): VllmRequest => {
  const choice = checkChat(body)
  const fields = new Fields(body)
  budget(fields)
  const messages = Pydantic.required(body, "messages", Pydantic.list(message), ["body"], fields.problems)
  const own = common(fields, text, true)
  const logprobs = fields.maybe("logprobs", Pydantic.flag) ?? false
  const top = fields.maybe("top_logprobs", Pydantic.integer) ?? 0
  const maxTokens = fields.maybe("max_tokens", Pydantic.integer)
  const maxCompletion = fields.maybe("max_completion_tokens", Pydantic.integer)
  const tools = fields.maybe("tools", Pydantic.list(tool)) ?? []
  const parallel = fields.maybe("parallel_tool_calls", Pydantic.flag) ?? true
  const effort = fields.maybe("reasoning_effort", efforts)
  const kwargs = fields.maybe("chat_template_kwargs", Pydantic.record)
  const includeReasoning = fields.read("include_reasoning", Pydantic.flag) ?? true
  const continues = fields.read("continue_final_message", Pydantic.flag) ?? false
  const promptText = fields.maybe("return_prompt_text", Pydantic.flag) ?? false
  const opens = fields.read("add_generation_prompt", Pydantic.flag) ?? true
  const echo = fields.read("echo", Pydantic.flag) ?? false
  fields.maybe("documents", Pydantic.list(Pydantic.record))
  if (fields.problems.length > 0 || messages === undefined) return VllmJson.misfit(fields.problems)
  if (Array.isArray(body["messages"])) checkCalls(body["messages"])

  served(server, own.model)
  checkPrompt(body, server, messages, kwargs)
  const limit = maxCompletion ?? maxTokens
  const name = maxCompletion === undefined ? "max_tokens" : "max_completion_tokens"
  if (limit !== undefined && limit > server.context) fits(server, 0, name, limit)
  truncated(server, own.truncate)
  fits(server, measure(messages, continues), name, limit)
  const asked = VllmOutputs.read(own.outputs, own.format)
  // an echo includes the log probabilities of the prompt too, unless a number of them was requested
  const promptLogprobs = own.promptLogprobs ?? (echo ? top : undefined)
  verify(own.sampling, limit, truthy(body["use_beam_search"]))
  const held: { constraint?: OpenAiRequest["constraint"] } = {}
  const late = caught(() => {
    engineCheck(own.sampling, body, {
      top: logprobs && own.labels.length === 0 ? top : undefined,
      prompt: promptLogprobs,
      stop: own.ids.stop,
      allowed: own.ids.allowed,
      labels: own.labels
    })
    held.constraint = VllmOutputs.compile(asked)
  })
  const named = Pydantic.isBody(choice) && Pydantic.isBody(choice["function"])
    ? { name: String(choice["function"]["name"]) }
    : undefined
  const toolChoice = named ?? (choice === "auto" || choice === "required" ? choice : "none")
  const forced = toolChoice === "required" || typeof toolChoice === "object"
  const asking = kwargs?.["enable_thinking"] ?? kwargs?.["thinking"]
  return {
    late,
    promptText,
    tokenIds: own.tokenIds,
    promptLogprobs,
    role: opens && !continues ? "assistant" : messages.at(-1)?.role ?? "assistant",
    labels: own.labels,
    includeReasoning,
    includeStop: own.includeStop,
    request: {
      ...sent(own, limit),
      messages,
      prompts: [],
      logprobs,
      topLogprobs: top,
      echo: false,
      // without `strict` no schema is enforced for a forced call
      tools: tools.map((each) => forced && !each.strict ? { ...each, parameters: { type: "integer" } } : each),
      toolChoice,
      parallel,
      constraint: held.constraint,
      thinking: typeof asking === "boolean" ? asking : effort === undefined ? undefined : effort !== "none",
      continues
    }
  }
}

/**
 * Reads a completions request.
 *
 * @category readers
 * @since 0.2.0
 */
export const completions = (body: Body, text: string, server: Server): VllmRequest => {
  if (!truthy(body["prompt"]) && !Array.isArray(body["prompt"])) {
    return invalid("Either prompt or prompt_embeds must be provided and non-empty.", "prompt")
  }
  checkStreamOptions(body)
  checkProbabilities(body, "logprobs")
  VllmOutputs.check(body, undefined, false)
  checkFormat(body)
  checkSalt(body)
  const fields = new Fields(body)
  budget(fields)
  const list = fields.read("prompt", prompts)
  const own = common(fields, text, false)
  const echo = fields.maybe("echo", Pydantic.flag) ?? false
  const top = fields.maybe("logprobs", Pydantic.integer)
  const limit = fields.maybe("max_tokens", Pydantic.integer) ?? 16
  fields.maybe("suffix", Pydantic.text)
  const special = fields.read("add_special_tokens", Pydantic.flag) ?? true
  if (fields.problems.length > 0 || list === undefined) return VllmJson.misfit(fields.problems)
  served(server, own.model)
  if (given(body["suffix"])) {
    throw new VllmJson.Thrown(
      400,
      "suffix is only supported for models with FIM completion rendering",
      "BadRequestError",
      "suffix"
    )
  }
  if (truthy(body["prompt_embeds"])) {
    return invalid("You must set `--enable-prompt-embeds` to input `prompt_embeds`.", "prompt_embeds")
  }
  truncated(server, own.truncate)
  if (Array.isArray(body["prompt"]) && body["prompt"].some(isEmpty)) {
    return invalid("The decoder prompt cannot be empty")
  }
  if (list.length === 0) return invalid("You must pass at least one prompt")
  for (const prompt of list) fits(server, Tokenizer.count(prompt) + (special ? 1 : 0), "max_tokens", limit)
  const asked = VllmOutputs.read(own.outputs, own.format)
  const none = echo && limit === 0
  verify(own.sampling, none ? 1 : limit, truthy(body["use_beam_search"]))
  const held: { constraint?: OpenAiRequest["constraint"] } = {}
  const late = caught(() => {
    engineCheck(own.sampling, body, {
      top: own.labels.length === 0 ? top : undefined,
      prompt: own.promptLogprobs,
      stop: own.ids.stop,
      allowed: own.ids.allowed,
      labels: own.labels
    })
    held.constraint = VllmOutputs.compile(asked)
  })
  return {
    late,
    promptText: false,
    tokenIds: own.tokenIds,
    promptLogprobs: own.promptLogprobs,
    role: "assistant",
    labels: own.labels,
    includeReasoning: true,
    includeStop: own.includeStop,
    request: {
      ...noChat,
      ...sent(own, limit),
      prompts: list,
      logprobs: top !== undefined,
      topLogprobs: top ?? 0,
      echo,
      constraint: held.constraint
    }
  }
}
