/**
 * The requests of hf-serve and `transformers serve`: which types they check, and what is left of a request once the
 * dropped fields are gone.
 *
 * @since 0.2.0
 */
import * as Pydantic from "../../wire/Pydantic.ts"
import type { Message, OpenAiRequest, Tool } from "../OpenAiRequest.ts"

/**
 * @category models
 * @since 0.2.0
 */
export interface Asked {
  readonly request: OpenAiRequest
  readonly body: Pydantic.Body
}

const roles = ["developer", "system", "user", "assistant", "tool", "function"]
const parts = "list[union[ContentPartText,ContentPartImage,ContentPartAudio,ContentPartFile]]"

const content: Pydantic.Reader<unknown> = Pydantic.union<unknown>(["str", Pydantic.text], [
  parts,
  Pydantic.list(Pydantic.anything)
])

/** The text of a message; a system message made of parts loses it. */
const textOf = (role: string, value: unknown): string => {
  if (typeof value === "string") return value
  if (!Array.isArray(value) || role === "system") return ""
  return value.map((part: unknown) => Pydantic.isBody(part) && typeof part["text"] === "string" ? part["text"] : "")
    .join("")
}

const message: Pydantic.Reader<Message> = Pydantic.model((body, loc, problems) => {
  const { role } = body
  if (role === undefined) {
    const msg = "Unable to extract tag using discriminator 'role'"
    problems.push({ type: "union_tag_not_found", loc, msg, input: body, ctx: { discriminator: "'role'" } })
    return { role: "", content: "" }
  }
  if (typeof role !== "string" || !roles.includes(role)) {
    const tag = String(role)
    problems.push(Pydantic.wrongTag(body, loc, { field: "role", tag, shown: `'${tag}'`, tags: roles }))
    return { role: "", content: "" }
  }
  if (role !== "assistant" || typeof (body["content"] ?? undefined) !== "undefined") {
    Pydantic.required(body, "content", content, [...loc, role], problems)
  }
  return { role, content: textOf(role, body["content"]) }
})

const tool = (isTyped: boolean): Pydantic.Reader<Tool> =>
  Pydantic.model((body, loc, problems) => {
    const own = Pydantic.required(body, "function", Pydantic.record, loc, problems)
    if (isTyped) Pydantic.required(body, "type", Pydantic.text, loc, problems)
    if (own === undefined) return { name: "", parameters: undefined }
    const name = Pydantic.required(own, "name", Pydantic.text, [...loc, "function"], problems) ?? ""
    return { name, parameters: own["parameters"] }
  })

const penalty = Pydantic.within(Pydantic.float, -2, 2)

const biases: Pydantic.Reader<unknown> = (value, loc, problems) => {
  const biases = Pydantic.record(value, loc, problems) ?? {}
  for (const [id, bias] of Object.entries(biases)) Pydantic.integer(bias, [...loc, id], problems)
  return biases
}

const formatType = (name: string): Pydantic.Reader<unknown> =>
  Pydantic.model((body, loc, problems) => {
    Pydantic.optional(body, "type", Pydantic.literal(name), loc, problems)
    if (name === "json_schema") Pydantic.required(body, name, Pydantic.record, loc, problems)
  })

const format = Pydantic.union(
  ["ResponseFormatText", formatType("text")],
  ["ResponseFormatJsonSchema", formatType("json_schema")],
  ["ResponseFormatJsonObject", formatType("json_object")]
)

const choice = Pydantic.union<unknown>(
  ["literal['none','auto','required']", Pydantic.literal("none", "auto", "required")],
  [
    "ToolChoice",
    Pydantic.model((body, loc, problems) => {
      Pydantic.required(body, "function", Pydantic.record, loc, problems)
      Pydantic.required(body, "type", Pydantic.text, loc, problems)
    })
  ]
)

const stops = Pydantic.union<unknown>(["str", Pydantic.text], ["list[str]", Pydantic.list(Pydantic.text)])

/** Types that are checked although the fields are dropped. */
const dropped: ReadonlyArray<readonly [string, Pydantic.Reader<unknown>]> = [
  ["frequency_penalty", penalty],
  ["logit_bias", biases],
  ["logprobs", Pydantic.flag],
  ["n", Pydantic.integer],
  ["parallel_tool_calls", Pydantic.flag],
  ["presence_penalty", penalty],
  ["reasoning_effort", Pydantic.literal("low", "medium", "high")],
  ["response_format", format],
  ["stop", stops],
  ["tool_choice", choice],
  ["top_logprobs", Pydantic.within(Pydantic.integer, 0, 20)],
  ["user", Pydantic.text]
]

const plain = (over: Partial<OpenAiRequest>): OpenAiRequest => ({
  model: undefined,
  messages: [],
  prompts: [],
  maxTokens: undefined,
  sampling: false,
  seed: undefined,
  stop: [],
  count: 1,
  stream: false,
  includeUsage: false,
  continuousUsage: false,
  logprobs: false,
  topLogprobs: 0,
  echo: false,
  tools: [],
  toolChoice: "auto",
  parallel: false,
  constraint: undefined,
  thinking: undefined,
  continues: false,
  ...over
})

/**
 * Reads a chat request of hf-serve.
 *
 * @category readers
 * @since 0.2.0
 */
export const hfServe = (body: Pydantic.Body, problems: Array<Pydantic.Problem>): Asked => {
  const loc = ["body"]
  const read = <A>(name: string, reader: Pydantic.Reader<A>) =>
    Pydantic.optional(body, name, Pydantic.nullable(reader), loc, problems)
  const messages = Pydantic.required(body, "messages", Pydantic.list(message), loc, problems) ?? []
  const model = Pydantic.required(body, "model", Pydantic.text, loc, problems)
  for (const [name, reader] of dropped) read(name, reader)
  const fresh = read("max_completion_tokens", Pydantic.integer)
  const maxTokens = fresh ?? read("max_tokens", Pydantic.integer)
  const seed = read("seed", Pydantic.integer)
  const stream = read("stream", Pydantic.flag) ?? false
  const temperature = read("temperature", Pydantic.within(Pydantic.float, 0, 2)) ?? 1
  const tools = read("tools", Pydantic.list(tool(true))) ?? []
  read("top_p", Pydantic.within(Pydantic.float, 0, 1))
  const leading = messages.filter(({ role }) => role === "system" || role === "developer")
  if (problems.length === 0 && leading.length > 1) {
    const system = leading.filter(({ role }) => role === "system").length
    const msg = `Value error, At most one system or developer message is allowed. Found ${system} system and ${
      leading.length - system
    } developer messages (total: ${leading.length}). Use either zero or one system/developer message.`
    problems.push({ type: "value_error", loc, msg, input: body, ctx: { error: {} } })
  }
  return {
    body,
    request: plain({
      model,
      messages,
      maxTokens,
      sampling: temperature !== 1,
      seed: seed === undefined || seed === 0 ? undefined : String(seed),
      stream,
      tools
    })
  }
}

const shared = [
  "model",
  "frequency_penalty",
  "logit_bias",
  "logprobs",
  "max_tokens",
  "n",
  "presence_penalty",
  "seed",
  "stop",
  "stream",
  "stream_options",
  "temperature",
  "top_p",
  "user",
  "generation_config"
]

const chatFields = new Set([
  ...shared,
  "messages",
  "audio",
  "chat_template_kwargs",
  "function_call",
  "functions",
  "max_completion_tokens",
  "metadata",
  "modalities",
  "moderation",
  "parallel_tool_calls",
  "prediction",
  "prompt_cache_key",
  "prompt_cache_options",
  "prompt_cache_retention",
  "reasoning_effort",
  "response_format",
  "safety_identifier",
  "service_tier",
  "store",
  "tool_choice",
  "tools",
  "top_logprobs",
  "verbosity",
  "web_search_options"
])

const completionFields = new Set([...shared, "prompt", "best_of", "echo", "suffix"])

/**
 * The fields of a request to `transformers serve` that it does not know, as Python prints a set of them.
 *
 * @category checks
 * @since 0.2.0
 */
export const unexpected = (body: Pydantic.Body, chat: boolean): string | undefined => {
  const known = chat ? chatFields : completionFields
  const found = Object.keys(body).filter((name) => !known.has(name))
  return found.length === 0 ? undefined : `{${found.map((name) => Pydantic.repr(name)).join(", ")}}`
}

const number = (value: unknown): number | undefined => typeof value === "number" ? value : undefined

const listOf = (value: unknown): ReadonlyArray<unknown> =>
  Array.isArray(value) ? value : value === undefined || value === null ? [] : [value]

/**
 * What is left of a request to `transformers serve`.
 *
 * @category readers
 * @since 0.2.0
 */
export const transformers = (body: Pydantic.Body, modelId: string): OpenAiRequest => {
  const quiet: Array<Pydantic.Problem> = []
  return plain({
    model: typeof body["model"] === "string" ? body["model"] : modelId,
    messages: listOf(body["messages"]).flatMap((each) =>
      Pydantic.isBody(each) ? [{ role: String(each["role"]), content: textOf("user", each["content"]) }] : []
    ),
    prompts: listOf(body["prompt"]).map(String),
    maxTokens: number(body["max_completion_tokens"]) ?? number(body["max_tokens"]),
    sampling: number(body["temperature"]) !== 0,
    seed: body["seed"] === undefined ? undefined : String(body["seed"]),
    stop: listOf(body["stop"]).map(String),
    stream: body["stream"] === true,
    tools: Pydantic.list(tool(false))(body["tools"] ?? [], ["body"], quiet) ?? []
  })
}
