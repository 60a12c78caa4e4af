/**
 * The fields of requests to SGLang, with the types that it reads them with.
 *
 * @since 0.2.0
 */
import * as Tokenizer from "../../model/Tokenizer.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import * as OpenAiFields from "../OpenAiFields.ts"
import type { Message, OpenAiRequest, Tool } from "../OpenAiRequest.ts"
import * as SglangParts from "./SglangParts.ts"
import { unfit } from "./SglangRefusal.ts"
import type { Sampling } from "./SglangSampling.ts"

const roles = ["system", "assistant", "tool", "function", "developer", "latest_reminder", "root"]

const speaker: Pydantic.Reader<string> = (value, loc, problems) => {
  const lower = typeof value === "string" ? value.toLowerCase() : undefined
  if (lower !== undefined && roles.includes(lower)) return lower
  const message = lower === undefined
    ? "'role' must be a string"
    : `'role' must be one of ${roles.map((name) => `'${name}'`).join(", ")} (case-insensitive).`
  problems.push(unfit(message, loc, value))
  return undefined
}

const maybe = <A>(
  body: Pydantic.Body,
  name: string,
  reader: Pydantic.Reader<A>,
  loc: Pydantic.Problem["loc"],
  problems: Array<Pydantic.Problem>
): A | undefined => Pydantic.optional(body, name, Pydantic.nullable(reader), loc, problems)

/** A message whose thoughts, if it has any, are the assistant's. */
const spoken = (
  read: (body: Pydantic.Body, loc: Pydantic.Problem["loc"], problems: Array<Pydantic.Problem>) => Message
) =>
  Pydantic.model((body, loc, problems) => {
    const before = problems.length
    const made = read(body, loc, problems)
    if (problems.length === before && made.role !== "assistant" && SglangParts.thinks(body["content"])) {
      problems.push(unfit("thinking content parts are only valid in assistant messages", loc, body))
    }
    return made
  })

/** @category readers @since 0.2.0 */
export const message = Pydantic.union<Message>(
  [
    "function-after[validate_thinking_parts_role(), ChatCompletionMessageGenericParam]",
    spoken((body, loc, problems) => {
      const role = Pydantic.required(body, "role", speaker, loc, problems) ?? ""
      const content = maybe(body, "content", SglangParts.content, loc, problems) ?? ""
      maybe(body, "tool_call_id", Pydantic.text, loc, problems)
      maybe(body, "name", Pydantic.text, loc, problems)
      maybe(body, "phase", Pydantic.literal("commentary", "final_answer"), loc, problems)
      maybe(body, "reasoning_content", Pydantic.text, loc, problems)
      const calls = maybe(body, "tool_calls", Pydantic.list(SglangParts.call), loc, problems) ?? []
      return { role, content: content + (calls.length === 0 ? "" : JSON.stringify(calls)) }
    })
  ],
  [
    "function-after[validate_thinking_parts_role(), ChatCompletionMessageUserParam]",
    spoken((body, loc, problems) => ({
      role: Pydantic.required(body, "role", Pydantic.literal("user"), loc, problems) ?? "",
      content: Pydantic.required(body, "content", SglangParts.content, loc, problems) ?? ""
    }))
  ]
)

/** A function, whose server notes the order of its keys before it reads them. */
const definition: Pydantic.Reader<Tool> = (value, loc, problems) =>
  Pydantic.model((body, at, own): Tool => {
    maybe(body, "description", Pydantic.text, at, own)
    const name = Pydantic.required(body, "name", Pydantic.text, at, own) ?? ""
    maybe(body, "strict", Pydantic.flag, at, own)
    maybe(body, "defer_loading", Pydantic.flag, at, own)
    return { name, parameters: body["parameters"] }
  })(Pydantic.isBody(value) ? { ...value, key_order: Object.keys(value) } : value, loc, problems)

/** @category readers @since 0.2.0 */
export const tool: Pydantic.Reader<Tool> = Pydantic.model((body, loc, problems) => {
  Pydantic.optional(body, "type", Pydantic.text, loc, problems)
  const inner = Pydantic.required(body, "function", definition, loc, problems)
  maybe(body, "defer_loading", Pydantic.flag, loc, problems)
  return inner ?? { name: "", parameters: undefined }
})

/** @category models @since 0.2.0 */
export type Choice = OpenAiRequest["toolChoice"]

/** @category readers @since 0.2.0 */
export const toolChoice = Pydantic.union<Choice>(
  [
    "ToolChoice",
    Pydantic.model((body, loc, problems) => {
      const name = Pydantic.required(
        body,
        "function",
        Pydantic.model((inner, at, own) => maybe(inner, "name", Pydantic.text, at, own)),
        loc,
        problems
      )
      Pydantic.optional(body, "type", Pydantic.literal("function"), loc, problems)
      return { name: name ?? "None" }
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
          maybe(inner, "description", Pydantic.text, at, own)
          maybe(inner, "schema", Pydantic.record, at, own)
          maybe(inner, "strict", Pydantic.flag, at, own)
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

const texts = Pydantic.union<unknown>(["list[str]", Pydantic.list(Pydantic.text)], ["str", Pydantic.text])

const adapters = Pydantic.union<unknown>(
  ["list[nullable[str]]", Pydantic.list(Pydantic.nullable(Pydantic.text))],
  ["str", Pydantic.text]
)

/** Fields of both routes that are read for their types alone, and after them those that may be null. */
const flags = [
  "ignore_eos",
  "skip_special_tokens",
  "no_stop_trim",
  "return_token_ids",
  "return_cached_tokens_details"
]
const nullables: ReadonlyArray<readonly [string, Pydantic.Reader<unknown>]> = [
  ["stop_token_ids", Pydantic.list(Pydantic.integer)],
  ["stop_regex", texts],
  ["lora_path", adapters],
  ["session_id", Pydantic.text],
  ["session_params", Pydantic.record],
  ["custom_params", Pydantic.record],
  ["watermark", Pydantic.record],
  ["rid", texts],
  ["extra_key", texts],
  ["cache_salt", texts],
  ["priority", Pydantic.integer],
  ["user", Pydantic.text]
]

/** @category readers @since 0.2.0 */
export const readSampling = ({ field }: Read, nullable: boolean): Sampling => {
  const maybe = <A>(reader: Pydantic.Reader<A>) => nullable ? Pydantic.nullable(reader) : reader
  for (const name of flags) field(name, Pydantic.flag)
  field(
    "return_hidden_states",
    Pydantic.union<unknown>(["bool", Pydantic.flag], ["literal['last']", Pydantic.literal("last")])
  )
  for (const [name, reader] of nullables) field(name, Pydantic.nullable(reader))
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
