/**
 * The chat route `POST /v1/chat/completions`, as TGI speaks it and as vLLM, SGLang, llama.cpp and the router do.
 *
 * What a client reads differs between engines and between versions of TGI: tool-call ids are numbers, strings or empty,
 * `tool_calls` of a delta an object or a list, `arguments` an object or a string, `finish_reason` null, empty or one of
 * many words, `usage` absent, null or filled. The schemas accept all of these and nothing that would mislead.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import * as Guard from "./Guard.ts"
import type { Fragment } from "./ToolCalls.ts"

const optional = <S extends Schema.Top>(schema: S) => Schema.optional(Schema.NullOr(schema))

/**
 * Token counts. Every engine sends `prompt_tokens`, `completion_tokens` and `total_tokens`; details differ. In a stream some
 * send the counts so far with every event, some zeros or null until the end. Providers add the cost in dollars.
 *
 * @category models
 * @since 0.1.0
 */
export const Usage = Schema.Struct({
  prompt_tokens: optional(Schema.Number),
  completion_tokens: optional(Schema.Number),
  total_tokens: optional(Schema.Number),
  prompt_tokens_details: optional(Schema.Struct({ cached_tokens: optional(Schema.Number) })),
  completion_tokens_details: optional(Schema.Struct({ reasoning_tokens: optional(Schema.Number) })),
  reasoning_tokens: optional(Schema.Number),
  // DeepSeek and Moonshot
  prompt_cache_hit_tokens: optional(Schema.Number),
  cached_tokens: optional(Schema.Number),
  estimated_cost: Schema.optional(Schema.Unknown),
  cost: Schema.optional(Schema.Unknown)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Usage = typeof Usage.Type

/**
 * A piece of a tool call. In a stream the name comes once and `arguments` are fragments to be joined; TGI repeats id,
 * type and index in each.
 *
 * @category models
 * @since 0.1.0
 */
export const ToolCall = Schema.Struct({
  index: optional(Schema.Number),
  id: optional(Schema.Union([Schema.String, Schema.Number])),
  type: optional(Schema.String),
  function: optional(Schema.Struct({
    name: optional(Schema.String),
    arguments: Schema.optional(Schema.Unknown),
    // TGI 1.4.3
    parameters: Schema.optional(Schema.Unknown)
  }))
})

/**
 * @category models
 * @since 0.1.0
 */
export type ToolCall = typeof ToolCall.Type

/** A list since TGI 3.2 and everywhere else; older servers sent one object. */
const ToolCalls = optional(Schema.Union([Schema.Array(ToolCall), ToolCall]))

/**
 * A part of a message, for servers that send a list of them: text, or thinking as a text or as parts of its own
 * (Mistral). Other kinds are ignored.
 *
 * @category models
 * @since 0.2.0
 */
export const Part = Schema.Struct({
  type: optional(Schema.String),
  text: optional(Schema.String),
  thinking: optional(Schema.Union([
    Schema.String,
    Schema.Array(Schema.Struct({ type: optional(Schema.String), text: optional(Schema.String) }))
  ]))
})

/**
 * @category models
 * @since 0.2.0
 */
export type Part = typeof Part.Type

/**
 * What the assistant wrote: in a whole response the message, in a stream the new part. `reasoning` is vLLM's name,
 * `reasoning_content` that of SGLang, llama.cpp and older vLLM.
 *
 * @category models
 * @since 0.1.0
 */
export const Said = Schema.Struct({
  role: optional(Schema.String),
  content: optional(Schema.Union([Schema.String, Schema.Array(Part)])),
  reasoning: optional(Schema.String),
  reasoning_content: optional(Schema.String),
  refusal: optional(Schema.String),
  tool_calls: ToolCalls
})

/**
 * @category models
 * @since 0.1.0
 */
export type Said = typeof Said.Type

const isThought = ({ thinking, type }: Part): boolean =>
  type === "thinking" || type === "reasoning" || (thinking !== undefined && thinking !== null)

const thought = ({ text, thinking }: Part): string =>
  typeof thinking === "string" ? thinking : thinking?.map((part) => part.text ?? "").join("") ?? text ?? ""

/**
 * The text of a content, whichever form it has; undefined if there is none.
 *
 * @category decoding
 * @since 0.2.0
 */
export const contentText = (content: Said["content"]): string | undefined =>
  typeof content === "string" || content === undefined || content === null
    ? content ?? undefined
    : content.map((part) => isThought(part) ? "" : part.text ?? "").join("")

/**
 * The thinking among the parts of a content; `""` if there is none.
 *
 * @category decoding
 * @since 0.2.0
 */
export const contentThinking = (content: Said["content"]): string =>
  typeof content === "string" || content === undefined || content === null
    ? ""
    : content.map((part) => isThought(part) ? thought(part) : "").join("")

const fragment = (call: ToolCall): Fragment => {
  const written = call.function?.arguments ?? call.function?.parameters
  const id = call.id === null || call.id === undefined ? undefined : String(call.id)
  return {
    ...(call.index !== null && call.index !== undefined && { index: call.index }),
    ...(id !== undefined && { id }),
    ...(call.function?.name !== null && call.function?.name !== undefined && { name: call.function.name }),
    arguments: typeof written === "string"
      ? written
      : written === undefined || written === null
      ? ""
      : JSON.stringify(written)
  }
}

/**
 * The calls of a message, or the fragments of a delta; undefined if there is none.
 *
 * @category decoding
 * @since 0.2.0
 */
export const fragments = (calls: Said["tool_calls"]): ReadonlyArray<Fragment> | undefined => {
  if (calls === null || calls === undefined) return undefined
  const list: ReadonlyArray<ToolCall> = "length" in calls ? calls : [calls]
  return list.length === 0 ? undefined : list.map(fragment)
}

/**
 * Whether an assistant's message or delta has any content: text, thinking, a refusal or a call.
 *
 * @category guards
 * @since 0.2.0
 */
export const saysSomething = (said: Said | null | undefined): boolean => {
  if (said === null || said === undefined) return false
  const { content, reasoning, reasoning_content, refusal, tool_calls } = said
  if (typeof content === "string" && content !== "") return true
  const texts = [contentText(content), contentThinking(content), reasoning, reasoning_content, refusal]
  return texts.some((text) => typeof text === "string" && text !== "") || fragments(tool_calls) !== undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export const TopLogprob = Schema.Struct({
  token: Schema.String,
  logprob: optional(Schema.Number),
  bytes: optional(Schema.Array(Schema.Number))
})

/**
 * @category models
 * @since 0.1.0
 */
export const Logprob = Schema.Struct({
  token: Schema.String,
  logprob: optional(Schema.Number),
  bytes: optional(Schema.Array(Schema.Number)),
  top_logprobs: optional(Schema.Array(TopLogprob))
})

/**
 * @category models
 * @since 0.1.0
 */
export type Logprob = typeof Logprob.Type

const Logprobs = optional(Schema.Struct({ content: optional(Schema.Array(Logprob)) }))

/**
 * A whole response.
 *
 * @category models
 * @since 0.1.0
 */
export const Response = Schema.Struct({
  id: optional(Schema.String),
  model: optional(Schema.String),
  system_fingerprint: optional(Schema.String),
  choices: Schema.NullOr(Schema.Array(Schema.Struct({
    index: optional(Schema.Number),
    message: Said,
    logprobs: Logprobs,
    finish_reason: optional(Schema.String)
  }))),
  usage: optional(Usage)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Response = typeof Response.Type

/**
 * One stream event. The usage chunk has no choices, as an empty list, null or no key at all; TGI 1.4 ends with an empty
 * delta.
 *
 * @category models
 * @since 0.1.0
 */
export const Chunk = Schema.Struct({
  choices: optional(Schema.Array(Schema.Struct({
    index: optional(Schema.Number),
    delta: optional(Said),
    logprobs: Logprobs,
    finish_reason: optional(Schema.String)
  }))),
  id: optional(Schema.String),
  model: optional(Schema.String),
  system_fingerprint: optional(Schema.String),
  usage: optional(Usage),
  error: Schema.optional(Schema.Unknown)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Chunk = typeof Chunk.Type

/**
 * The compiled check of a stream event.
 *
 * @category guards
 * @since 0.1.0
 */
export const chunk: Guard.Guard<Chunk> = /*#__PURE__*/ Guard.make(Chunk)

/**
 * The compiled check of a whole response.
 *
 * @category guards
 * @since 0.1.0
 */
export const response: Guard.Guard<Response> = /*#__PURE__*/ Guard.make(Response)

/**
 * A message as it goes over the wire. On TGI `content` next to `tool_calls` makes the server drop the calls.
 *
 * @category models
 * @since 0.1.0
 */
export const Message = Schema.Struct({
  role: Schema.String,
  content: optional(Schema.Union([Schema.String, Schema.Array(Schema.Record(Schema.String, Schema.Unknown))])),
  name: Schema.optional(Schema.String),
  tool_calls: Schema.optional(Schema.Array(Schema.Struct({
    id: Schema.String,
    type: Schema.String,
    function: Schema.Struct({ name: Schema.String, arguments: Schema.Unknown })
  }))),
  tool_call_id: Schema.optional(Schema.String),
  reasoning: Schema.optional(Schema.String),
  reasoning_content: Schema.optional(Schema.String)
})

/**
 * @category models
 * @since 0.1.0
 */
export type Message = typeof Message.Type

/**
 * A tool the model may call. `parameters` is required by TGI (null is allowed).
 *
 * @category models
 * @since 0.1.0
 */
export const Tool = Schema.Struct({
  type: Schema.Literal("function"),
  function: Schema.Struct({
    name: Schema.String,
    description: Schema.optionalKey(Schema.String),
    parameters: Schema.Unknown
  })
})

/**
 * @category models
 * @since 0.1.0
 */
export type Tool = typeof Tool.Type

/**
 * A chat request: the fields that all engines share. Fields of one engine (`top_k`, `structured_outputs`, …) are added by
 * its dialect, so unknown keys stay.
 *
 * @category models
 * @since 0.1.0
 */
export const Request = Schema.StructWithRest(
  Schema.Struct({
    model: Schema.optionalKey(Schema.String),
    messages: Schema.Array(Message),
    max_tokens: Schema.optionalKey(Schema.Number),
    temperature: Schema.optionalKey(Schema.Number),
    top_p: Schema.optionalKey(Schema.Number),
    frequency_penalty: Schema.optionalKey(Schema.Number),
    presence_penalty: Schema.optionalKey(Schema.Number),
    seed: Schema.optionalKey(Schema.Union([Schema.Number, Schema.BigInt])),
    stop: Schema.optionalKey(Schema.Array(Schema.String)),
    logprobs: Schema.optionalKey(Schema.Boolean),
    top_logprobs: Schema.optionalKey(Schema.Number),
    stream: Schema.optionalKey(Schema.Boolean),
    stream_options: Schema.optionalKey(Schema.Struct({ include_usage: Schema.optionalKey(Schema.Boolean) })),
    tools: Schema.optionalKey(Schema.Array(Tool)),
    tool_choice: Schema.optionalKey(Schema.Unknown),
    tool_prompt: Schema.optionalKey(Schema.String),
    response_format: Schema.optionalKey(Schema.Unknown)
  }),
  [Schema.Record(Schema.String, Schema.Unknown)]
)

/**
 * @category models
 * @since 0.1.0
 */
export type Request = typeof Request.Type
