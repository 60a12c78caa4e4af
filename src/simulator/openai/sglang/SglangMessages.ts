/**
 * `/v1/messages` of SGLang, Anthropic's API: its own types, and the chat behind it.
 *
 * @since 0.2.0
 */
import * as Tokenizer from "../../model/Tokenizer.ts"
import type { Turn } from "../../model/Turn.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import * as Random from "../../wire/Random.ts"
import * as Reply from "../../wire/Reply.ts"
import * as Anthropic from "../Anthropic.ts"
import type { OpenAiRequest } from "../OpenAiRequest.ts"
import * as OpenAiRun from "../OpenAiRun.ts"
import * as SglangJson from "./SglangJson.ts"
import * as SglangRefusal from "./SglangRefusal.ts"

type Body = Pydantic.Body
type Answered = Reply.Reply | SglangRefusal.Refused

/** Reads a chat and renders its prompt. @category models @since 0.2.0 */
export type Read = (turn: Turn, body: Body) => readonly [OpenAiRequest, string] | SglangRefusal.Refused

const tags = [
  "text",
  "image",
  "tool_use",
  "tool_result",
  "tool_reference",
  "search_result",
  "thinking",
  "redacted_thinking"
]
const blocks = "list[tagged-union[TextBlock,ImageBlock,ToolUseBlock,ToolResultBlock,ToolReferenceBlock," +
  "SearchResultBlock,ThinkingBlock,RedactedThinkingBlock]]"

const block: Pydantic.Reader<Body> = (value, loc, problems) => {
  const type = Pydantic.isBody(value) ? value["type"] : undefined
  if (Pydantic.isBody(value) && tags.includes(String(type))) return value
  problems.push(Pydantic.wrongTag(value, loc, { field: "type", tag: type, shown: Pydantic.repr(type), tags }))
  return undefined
}

const content = Pydantic.union<unknown>(["str", Pydantic.text], [blocks, Pydantic.list(block)])

const message = Pydantic.model((body, loc, problems) => {
  Pydantic.required(body, "role", Pydantic.literal("user", "assistant", "system"), loc, problems)
  Pydantic.required(body, "content", content, loc, problems)
  return body
})

const tool = Pydantic.model((body, loc, problems) => {
  const at = [...loc, "custom"]
  Pydantic.required(body, "name", Pydantic.text, at, problems)
  Pydantic.required(body, "input_schema", Pydantic.record, at, problems)
  return body
})

const checked =
  <A>(reader: Pydantic.Reader<A>, isRight: (value: A) => boolean, why: string): Pydantic.Reader<A> =>
  (value, loc, problems) => {
    const read = reader(value, loc, problems)
    if (read === undefined || isRight(read)) return read
    problems.push(SglangRefusal.unfit(why, loc, value))
    return undefined
  }

const model = checked(Pydantic.text, (name) => name !== "", "Model is required")
const positive = checked(Pydantic.integer, (count) => count > 0, "max_tokens must be positive")

const check = (body: Body, generates: boolean): SglangRefusal.Refused | undefined => {
  const problems: Array<Pydantic.Problem> = []
  const maybe = <A>(name: string, reader: Pydantic.Reader<A>) =>
    Pydantic.optional(body, name, Pydantic.nullable(reader), ["body"], problems)
  Pydantic.required(body, "model", model, ["body"], problems)
  Pydantic.required(body, "messages", Pydantic.list(message), ["body"], problems)
  if (generates) Pydantic.required(body, "max_tokens", positive, ["body"], problems)
  maybe("stop_sequences", Pydantic.list(Pydantic.text))
  maybe("stream", Pydantic.flag)
  maybe("system", content)
  maybe("temperature", Pydantic.float)
  maybe("tools", Pydantic.list(tool))
  maybe("top_k", Pydantic.integer)
  maybe("top_p", Pydantic.float)
  if (problems.length > 0) return SglangRefusal.misfit(problems)
  const { thinking, tool_choice: choice, tools } = body
  if (Pydantic.isBody(thinking) && thinking["type"] === "enabled") {
    return SglangRefusal.refused("Anthropic thinking is not supported for models without a reasoning parser")
  }
  const forces = Pydantic.isBody(choice) && (choice["type"] === "any" || choice["type"] === "tool")
  return forces && !(Array.isArray(tools) && tools.length > 0)
    ? SglangRefusal.refused(
      `tool_choice=${Pydantic.repr(choice["type"])} requires at least one custom tool; all supplied tools were ` +
        "server-side Anthropic built-ins which the OpenAI-compatible backend cannot invoke"
    )
    : undefined
}

const tooLong = (input: number, context: number): Reply.Unary =>
  Reply.json(
    400,
    JSON.stringify({
      type: "error",
      error: {
        type: "BadRequestError",
        message: `The input (${input} tokens) is longer than the model's context length (${context} tokens).`
      }
    }),
    SglangJson.headers
  )

const hex = (random: Random.Random): string =>
  Array.from({ length: 32 }, () => Random.int(random, 16).toString(16)).join("")

const known = (fields: Body): Body => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null))

/** Keys of an event in this server's order, which leaves out what is not known at the beginning. */
const reordered = (frame: Reply.Frame): Reply.Frame => {
  const { delta, index, message, type, usage, ...rest }: Record<string, unknown> = JSON.parse(frame.payload)
  const fields = {
    type,
    ...(index !== undefined && { index }),
    ...(Pydantic.isBody(message) && { message: known(message) }),
    ...(Pydantic.isBody(delta) && { delta: known(delta) }),
    ...(Pydantic.isBody(usage) && { usage: { output_tokens: usage["output_tokens"] } }),
    ...rest
  }
  return { ...frame, payload: JSON.stringify(fields) }
}

/** Answers a conversation. @category answering @since 0.2.0 */
export const answer = (turn: Turn, body: Body, read: Read): Answered => {
  const refused = check(body, true)
  if (refused !== undefined) return refused
  const asked = read(turn, Anthropic.chat(body))
  if ("_tag" in asked) return asked
  const [request, prompt] = asked
  const input = Tokenizer.count(prompt)
  const { maxTotalTokens: context, modelId } = turn.settings
  if (input >= context) return tooLong(input, context)
  const run = OpenAiRun.generate(turn, request, prompt, 0, request.maxTokens ?? context - input)
  const usage = { input_tokens: input, output_tokens: run.tokens }
  const random = Random.make(turn.chance)
  const answered: Anthropic.Answered = {
    id: `msg_${hex(random)}`,
    model: request.model ?? modelId,
    run,
    usage,
    opening: { ...usage, output_tokens: 0 },
    toolId: ({ id }) => `call_${id}`,
    signature: hex(random)
  }
  if (body["stream"] !== true) {
    return Reply.json(200, JSON.stringify(Anthropic.message(answered)), SglangJson.headers, {
      tokens: run.tokens,
      slots: 1
    })
  }
  return {
    _tag: "Streaming",
    headers: { ...SglangJson.headers, "content-type": "text/event-stream; charset=utf-8" },
    frames: Anthropic.events(answered).map(reordered),
    space: true,
    keepAlive: SglangJson.keepAlive(turn),
    slots: 1,
    headWaits: true,
    failed: ({ message }) => [
      {
        event: "error",
        payload: JSON.stringify({ type: "error", error: { type: "api_error", message } }),
        tokens: 0
      }
    ]
  }
}

/** Counts the tokens of a conversation. @category answering @since 0.2.0 */
export const count = (turn: Turn, body: Body, read: Read): Answered => {
  const refused = check(body, false)
  if (refused !== undefined) return refused
  const asked = read(turn, { ...Anthropic.chat(body), max_completion_tokens: 1 })
  return "_tag" in asked ? asked : SglangJson.ok({ input_tokens: Tokenizer.count(asked[1]) })
}
