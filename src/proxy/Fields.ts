/**
 * The fields that chats and completions share → options of a call. A field that cannot be translated is refused by name; an
 * unknown one is sent to the engine as it is.
 *
 * @since 0.2.0
 */
import * as Result from "effect/Result"
import type * as GenerationOptions from "../GenerationOptions.ts"
import type { CallOptions } from "../Settings.ts"
import { invalid, type Refusal } from "./Refusal.ts"
import * as ResponseFormat from "./ResponseFormat.ts"

/**
 * The JSON object of a request.
 *
 * @category models
 * @since 0.2.0
 */
export type Body = Readonly<Record<string, unknown>>

/** Fields that are options by another name. The service checks their values. */
const options: Readonly<Record<string, GenerationOptions.Name>> = {
  max_tokens: "maxNewTokens",
  max_completion_tokens: "maxNewTokens",
  temperature: "temperature",
  top_p: "topP",
  top_k: "topK",
  min_p: "minP",
  typical_p: "typicalP",
  repetition_penalty: "repetitionPenalty",
  frequency_penalty: "frequencyPenalty",
  presence_penalty: "presencePenalty",
  logit_bias: "logitBias",
  seed: "seed",
  best_of: "bestOf",
  parallel_tool_calls: "parallelToolCalls",
  reasoning_effort: "reasoningEffort",
  chat_template_kwargs: "templateVariables",
  continue_final_message: "continueFinalMessage",
  echo: "returnFullText"
}

/** Fields for a caller's own accounting, on which no response depends. */
const passedOver = new Set([
  "metadata",
  "prompt_cache_key",
  "prompt_cache_retention",
  "safety_identifier",
  "service_tier",
  "store",
  "user"
])

/** Fields that have no translation; a value that asks for nothing is accepted. */
const untranslatable: Readonly<Record<string, (value: unknown) => boolean>> = {
  audio: () => false,
  functions: () => false,
  function_call: () => false,
  modalities: (value) => Array.isArray(value) && value.every((one) => one === "text"),
  prediction: () => false,
  suffix: (value) => value === "",
  web_search_options: () => false
}

/** Fields with a meaning of their own, which other code reads. */
const own = new Set([
  "logprobs",
  "messages",
  "model",
  "n",
  "prompt",
  "stop",
  "stream",
  "stream_options",
  "tool_choice",
  "tools",
  "top_logprobs",
  ...ResponseFormat.fields
])

const isRecord = (value: unknown): value is Body => typeof value === "object" && value !== null && !Array.isArray(value)

/**
 * How a request wants its response.
 *
 * @category models
 * @since 0.2.0
 */
export interface Delivery {
  readonly stream: boolean
  /** Whether a stream ends with the counts of its tokens. */
  readonly usage: boolean
  /** Whether tokens and their log probabilities are shown. */
  readonly tokens: boolean
}

/**
 * The meaning of the shared fields.
 *
 * @category models
 * @since 0.2.0
 */
export interface Read {
  readonly options: CallOptions
  /** `response_format` as the client wrote it, if that is OpenAI's form. */
  readonly nativeFormat: unknown
  readonly delivery: Delivery
}

type Reading<A> = Result.Result<A, Refusal>

const stops = (value: unknown): Reading<ReadonlyArray<string>> => {
  const texts: ReadonlyArray<unknown> = Array.isArray(value) ? value : [value]
  return texts.every((text) => typeof text === "string")
    ? Result.succeed(texts)
    : Result.fail(invalid("stop", "stop must be a string or a list of strings"))
}

const tools = (value: unknown): Reading<NonNullable<CallOptions["tools"]>> => {
  if (!Array.isArray(value)) return Result.fail(invalid("tools", "tools must be a list"))
  const found: Array<GenerationOptions.Tool> = []
  for (const [index, tool] of value.entries()) {
    const made = isRecord(tool) && tool["type"] === "function" ? tool["function"] : undefined
    if (!isRecord(made) || typeof made["name"] !== "string") {
      return Result.fail(
        invalid(
          `tools.${index}`,
          `tools.${index} must be {"type":"function","function":{"name",…}}: no other tool is known`
        )
      )
    }
    const { description, name, parameters } = made
    found.push({
      name,
      ...(typeof description === "string" && { description }),
      parameters: parameters ?? { type: "object", properties: {} }
    })
  }
  return Result.succeed(found)
}

const toolChoice = (value: unknown): Reading<NonNullable<CallOptions["toolChoice"]>> => {
  if (value === "auto" || value === "none" || value === "required") return Result.succeed(value)
  const made = isRecord(value) && value["type"] === "function" ? value["function"] : undefined
  return isRecord(made) && typeof made["name"] === "string"
    ? Result.succeed({ name: made["name"] })
    : Result.fail(
      invalid(
        "tool_choice",
        `tool_choice must be "auto", "none", "required" or {"type":"function","function":{"name"}}`
      )
    )
}

/** For chats a flag with a separate count, for completions a count. */
const logprobs = ({ logprobs, top_logprobs: top }: Body): Reading<CallOptions> => {
  if (typeof logprobs === "number") {
    return Result.succeed(logprobs === 0 ? { logprobs: true } : { logprobs: true, topLogprobs: logprobs })
  }
  if (logprobs === true) {
    return Result.succeed({ logprobs: true, ...(typeof top === "number" && top > 0 && { topLogprobs: top }) })
  }
  if (logprobs !== undefined && logprobs !== false) {
    return Result.fail(invalid("logprobs", "logprobs must be true or false on chats, and a count on completions"))
  }
  return top === undefined || top === 0
    ? Result.succeed({})
    : Result.fail(invalid("top_logprobs", "top_logprobs needs logprobs: true"))
}

/** Fields that mean nothing without tools. */
const ofTools = new Set(["parallel_tool_calls", "tool_choice"])

const isEmpty = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Object.keys(value).length === 0

/**
 * The fields of a request, without nulls, which some clients send for unset fields, and without fields that mean nothing.
 */
const said = (body: Body): Body => {
  const offersTools = body["tools"] !== undefined && body["tools"] !== null && !isEmpty(body["tools"])
  return Object.fromEntries(
    Object.entries(body).filter(([field, value]) =>
      value !== null && !(field === "logit_bias" && isEmpty(value)) && (offersTools || !ofTools.has(field))
    )
  )
}

/** Without a limit from the client, the engine's own default applies, not this package's. */
const engineLimit = { max_tokens: undefined, max_new_tokens: undefined }

/**
 * Reads them.
 *
 * @category decoding
 * @since 0.2.0
 */
export const read = (given: Body): Reading<Read> =>
  Result.gen(function*() {
    const body = said(given)
    for (const [field, asksNothing] of Object.entries(untranslatable)) {
      if (body[field] !== undefined && !asksNothing(body[field])) {
        return yield* Result.fail(
          invalid(field, `${field} cannot be translated for an endpoint: leave it out`)
        )
      }
    }
    const named: Record<string, unknown> = {}
    const extra: Record<string, unknown> = {}
    for (const [field, value] of Object.entries(body)) {
      const option = options[field]
      if (option !== undefined) named[option] = value
      else if (!own.has(field) && !passedOver.has(field) && !(field in untranslatable)) extra[field] = value
    }
    const { n, stop, stream, stream_options: streaming, tool_choice: choice, tools: offered } = body
    if (stream !== undefined && typeof stream !== "boolean") {
      return yield* Result.fail(invalid("stream", "stream must be true or false"))
    }
    const structuredOutput = yield* ResponseFormat.read(body)
    const shown = yield* logprobs(body)
    return {
      options: {
        ...named,
        ...(stop !== undefined && { stopSequences: yield* stops(stop) }),
        // the service checks that it is a number
        ...(n !== undefined && { numGenerations: n as number }),
        ...(offered !== undefined && !isEmpty(offered) && { tools: yield* tools(offered) }),
        ...(choice !== undefined && { toolChoice: yield* toolChoice(choice) }),
        ...(structuredOutput !== undefined && { structuredOutput }),
        ...shown,
        ...((Object.keys(extra).length > 0 || named["maxNewTokens"] === undefined) && {
          extra: { ...(named["maxNewTokens"] === undefined && engineLimit), ...extra }
        })
      },
      nativeFormat: structuredOutput === undefined ? undefined : ResponseFormat.native(body),
      delivery: {
        stream: stream === true,
        usage: isRecord(streaming) && streaming["include_usage"] === true,
        tokens: shown.logprobs === true
      }
    }
  })
