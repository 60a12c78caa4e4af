/**
 * The fields of requests to SGLang, with the types that it reads them with.
 *
 * @since 0.2.0
 */
import * as Tokenizer from "../../model/Tokenizer.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import * as OpenAiFields from "../OpenAiFields.ts"
import type { Message, OpenAiRequest, Tool } from "../OpenAiRequest.ts"
import { unfit } from "./SglangRefusal.ts"
import type { Sampling } from "./SglangSampling.ts"

const partMembers: ReadonlyArray<Pydantic.Member<string>> = [
  [
    "ChatCompletionMessageContentTextPart",
    Pydantic.model((body, loc, problems) => {
      Pydantic.required(body, "type", Pydantic.literal("text"), loc, problems)
      return Pydantic.required(body, "text", Pydantic.text, loc, problems) ?? ""
    })
  ],
  [
    "ChatCompletionMessageContentThinkingPart",
    Pydantic.model((body, loc, problems) => {
      Pydantic.required(body, "type", Pydantic.literal("thinking", "reasoning"), loc, problems)
      return ""
    })
  ],
  [
    "ChatCompletionMessageContentImagePart",
    Pydantic.model((body, loc, problems) => {
      Pydantic.required(body, "type", Pydantic.literal("image_url"), loc, problems)
      const url = Pydantic.required(body, "image_url", Pydantic.record, loc, problems)
      return `![](${String(url?.["url"])})`
    })
  ],
  [
    "ChatCompletionMessageContentVideoPart",
    Pydantic.model((body, loc, problems) => {
      Pydantic.required(body, "type", Pydantic.literal("video_url"), loc, problems)
      return ""
    })
  ],
  [
    "ChatCompletionMessageContentAudioURLPart",
    Pydantic.model((body, loc, problems) => {
      Pydantic.required(body, "type", Pydantic.literal("audio_url", "input_audio"), loc, problems)
      return ""
    })
  ]
]

const content: Pydantic.Reader<string> = (value, loc, problems) =>
  Pydantic.union<string>(
    ["str", Pydantic.text],
    ["list", (parts, at, own) => Pydantic.list(Pydantic.union(...partMembers))(parts, at, own)?.join("")]
  )(value, loc, problems)

const roles = ["system", "assistant", "tool", "function", "developer", "latest_reminder", "root"]

const role: Pydantic.Reader<string> = (value, loc, problems) => {
  const lower = typeof value === "string" ? value.toLowerCase() : undefined
  if (lower !== undefined && roles.includes(lower)) return lower
  const message = lower === undefined
    ? "'role' must be a string"
    : `'role' must be one of ${roles.map((name) => `'${name}'`).join(", ")} (case-insensitive).`
  problems.push(unfit(message, loc, value))
  return undefined
}

const calls = (body: Pydantic.Body, loc: Pydantic.Problem["loc"], problems: Array<Pydantic.Problem>): string => {
  const list = Pydantic.optional(body, "tool_calls", Pydantic.nullable(Pydantic.list(Pydantic.record)), loc, problems)
  return list === undefined || list.length === 0 ? "" : JSON.stringify(list)
}

/** @category readers @since 0.2.0 */
export const message = Pydantic.union<Message>(
  [
    "function-after[validate_thinking_parts_role(), ChatCompletionMessageGenericParam]",
    Pydantic.model((body, loc, problems) => ({
      role: Pydantic.required(body, "role", role, loc, problems) ?? "",
      content: (Pydantic.optional(body, "content", Pydantic.nullable(content), loc, problems) ?? "") +
        calls(body, loc, problems)
    }))
  ],
  [
    "function-after[validate_thinking_parts_role(), ChatCompletionMessageUserParam]",
    Pydantic.model((body, loc, problems) => ({
      role: Pydantic.required(body, "role", Pydantic.literal("user"), loc, problems) ?? "",
      content: Pydantic.required(body, "content", content, loc, problems) ?? ""
    }))
  ]
)

/** @category readers @since 0.2.0 */
export const tool: Pydantic.Reader<Tool> = Pydantic.model((body, loc, problems) => {
  Pydantic.optional(body, "type", Pydantic.text, loc, problems)
  const inner = Pydantic.required(
    body,
    "function",
    Pydantic.model((definition, at, own): Tool => ({
      name: Pydantic.required(definition, "name", Pydantic.text, at, own) ?? "",
      parameters: definition["parameters"]
    })),
    loc,
    problems
  )
  return inner ?? { name: "", parameters: undefined }
})

/** @category models @since 0.2.0 */
export type Choice = OpenAiRequest["toolChoice"]

/** @category readers @since 0.2.0 */
export const toolChoice = Pydantic.union<Choice>(
  [
    "ToolChoice",
    Pydantic.model((body, loc, problems) => {
      const inner = Pydantic.required(body, "function", Pydantic.record, loc, problems)
      return { name: typeof inner?.["name"] === "string" ? inner["name"] : "" }
    })
  ],
  ["literal['auto','required','none']", Pydantic.literal("auto", "required", "none")]
)

/** @category readers @since 0.2.0 */
export const responseFormat = Pydantic.union<Pydantic.Body>(
  [
    "ResponseFormat",
    Pydantic.model((body, loc, problems) => {
      Pydantic.required(body, "type", Pydantic.literal("text", "json_object", "json_schema"), loc, problems)
      Pydantic.optional(
        body,
        "json_schema",
        Pydantic.nullable(Pydantic.model((inner, at, own) => {
          Pydantic.required(inner, "name", Pydantic.text, at, own)
          Pydantic.optional(inner, "schema", Pydantic.nullable(Pydantic.record), at, own)
        })),
        loc,
        problems
      )
      return body
    })
  ],
  [
    "LegacyStructuralTagResponseFormat",
    Pydantic.model((body, loc, problems) => {
      Pydantic.required(body, "type", Pydantic.literal("structural_tag"), loc, problems)
      Pydantic.required(body, "structures", Pydantic.list(Pydantic.record), loc, problems)
      Pydantic.required(body, "triggers", Pydantic.list(Pydantic.text), loc, problems)
      return body
    })
  ],
  [
    "StructuralTag",
    Pydantic.model((body, loc, problems) => {
      Pydantic.optional(body, "type", Pydantic.literal("structural_tag"), loc, problems)
      Pydantic.required(body, "format", Pydantic.anything, loc, problems)
      return body
    })
  ]
)

const tiers = Pydantic.literal("none", "minimal", "low", "medium", "high", "xhigh", "ultra", "max")

/** @category readers @since 0.2.0 */
export const effort: Pydantic.Reader<string | number> = (value, loc, problems) => {
  if (typeof value === "boolean") {
    problems.push(unfit("reasoning_effort must not be a boolean", loc, value))
    return undefined
  }
  return Pydantic.union<string | number>(
    ["literal['none','minimal','low','medium','high','xhigh','ultra','max']", tiers],
    ["constrained-float", Pydantic.within(Pydantic.float, 0, 0.99)]
  )(value, loc, problems)
}

/** @category models @since 0.2.0 */
export interface Read {
  readonly problems: Array<Pydantic.Problem>
  readonly field: <A>(name: string, reader: Pydantic.Reader<A>) => A | undefined
}

/** @category readers @since 0.2.0 */
export const open = (body: Pydantic.Body): Read => {
  const problems: Array<Pydantic.Problem> = []
  return {
    problems,
    field: (name, reader) => Pydantic.optional(body, name, reader, ["body"], problems)
  }
}

const stop = Pydantic.union<ReadonlyArray<string>>(
  ["list[str]", Pydantic.list(Pydantic.text)],
  ["str", OpenAiFields.single]
)

/** Fields that are read for their types alone. */
const flags = ["ignore_eos", "skip_special_tokens", "no_stop_trim", "return_token_ids", "separate_reasoning"]

/** @category readers @since 0.2.0 */
export const readSampling = ({ field }: Read, nullable: boolean): Sampling => {
  const maybe = <A>(reader: Pydantic.Reader<A>) => nullable ? Pydantic.nullable(reader) : reader
  for (const name of flags) field(name, Pydantic.flag)
  field("priority", Pydantic.nullable(Pydantic.integer))
  field("stop_token_ids", Pydantic.nullable(Pydantic.list(Pydantic.integer)))
  return {
    frequency: field("frequency_penalty", Pydantic.float),
    biases: field("logit_bias", Pydantic.nullable(OpenAiFields.biases)),
    presence: field("presence_penalty", Pydantic.float),
    seed: field("seed", Pydantic.nullable(Pydantic.integer)),
    stop: field("stop", Pydantic.nullable(stop)) ?? [],
    temperature: field("temperature", maybe(Pydantic.float)),
    topP: field("top_p", maybe(Pydantic.float)),
    topK: field("top_k", maybe(Pydantic.integer)),
    minP: field("min_p", maybe(Pydantic.float)),
    minTokens: field("min_tokens", Pydantic.integer),
    repetition: field("repetition_penalty", maybe(Pydantic.float))
  }
}

/** @category readers @since 0.2.0 */
export const streamOptions = Pydantic.nullable(
  Pydantic.model((body, loc, problems) => ({
    usage: Pydantic.optional(body, "include_usage", Pydantic.nullable(Pydantic.flag), loc, problems) ?? false,
    continuous: Pydantic.optional(body, "continuous_usage_stats", Pydantic.nullable(Pydantic.flag), loc, problems) ??
      false
  }))
)

/** @category readers @since 0.2.0 */
export const positive: Pydantic.Reader<number> = (value, loc, problems) => {
  const read = Pydantic.integer(value, loc, problems)
  if (read === undefined || read > 0) return read
  problems.push(unfit("max_tokens must be positive", loc, value))
  return undefined
}

/** @category readers @since 0.2.0 */
export const prompts = Pydantic.union<ReadonlyArray<string>>(
  ["list[int]", (value, loc, problems) => {
    const ids = Pydantic.list(Pydantic.integer)(value, loc, problems)
    return ids === undefined ? undefined : [ids.map(Tokenizer.known).join("")]
  }],
  [
    "list[list[int]]",
    (value, loc, problems) =>
      Pydantic.list(Pydantic.list(Pydantic.integer))(value, loc, problems)
        ?.map((ids) => ids.map(Tokenizer.known).join(""))
  ],
  ["str", OpenAiFields.single],
  ["list[str]", Pydantic.list(Pydantic.text)]
)
