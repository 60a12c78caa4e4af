/**
 * `/v1/messages` of vLLM, Anthropic's API: its own types, the chat behind it, and failures in Anthropic's form.
 *
 * @since 0.2.0
 */
import * as Tokenizer from "../../model/Tokenizer.ts"
import type { Turn } from "../../model/Turn.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import * as Random from "../../wire/Random.ts"
import * as Reply from "../../wire/Reply.ts"
import * as Anthropic from "../Anthropic.ts"
import * as VllmAnswer from "./VllmAnswer.ts"
import * as VllmJson from "./VllmJson.ts"
import type { VllmRequest } from "./VllmRequest.ts"

type Body = Pydantic.Body
type Read = (turn: Turn, body: Body) => readonly [VllmRequest, string]

/** A value that its type accepts and a check does not. */
const refusal = (message: string, loc: Pydantic.Problem["loc"], input: unknown): Pydantic.Problem => ({
  type: "value_error",
  loc,
  msg: `Value error, ${message}`,
  input,
  ctx: { error: Pydantic.verbatim(`ValueError(${Pydantic.repr(message)})`) }
})

const checked =
  <A>(reader: Pydantic.Reader<A>, isRight: (value: A) => boolean, message: string): Pydantic.Reader<A> =>
  (value, loc, problems) => {
    const read = reader(value, loc, problems)
    if (read === undefined || isRight(read)) return read
    problems.push(refusal(message, loc, value))
    return undefined
  }

const blockTypes = Pydantic.literal(
  "text",
  "image",
  "tool_use",
  "tool_result",
  "tool_reference",
  "thinking",
  "redacted_thinking",
  "tool_addition",
  "tool_removal"
)

const block = Pydantic.model((body, loc, problems) => {
  Pydantic.required(body, "type", blockTypes, loc, problems)
  for (const name of ["text", "id", "tool_use_id", "name", "thinking", "signature"]) {
    Pydantic.optional(body, name, Pydantic.nullable(Pydantic.text), loc, problems)
  }
  for (const name of ["source", "input"]) {
    Pydantic.optional(body, name, Pydantic.nullable(Pydantic.record), loc, problems)
  }
  return body
})

const content = Pydantic.union<unknown>(["str", Pydantic.text], ["list[AnthropicContentBlock]", Pydantic.list(block)])

const message = Pydantic.model((body, loc, problems) => {
  Pydantic.required(body, "role", Pydantic.literal("user", "assistant", "system"), loc, problems)
  Pydantic.required(body, "content", content, loc, problems)
  return body
})

const tool = Pydantic.model((body, loc, problems) => {
  Pydantic.required(body, "name", Pydantic.text, loc, problems)
  Pydantic.optional(body, "description", Pydantic.nullable(Pydantic.text), loc, problems)
  Pydantic.required(body, "input_schema", Pydantic.record, loc, problems)
  return body
})

const choice: Pydantic.Reader<Body> = (value, loc, problems) => {
  const read = Pydantic.model((body, at, own) => {
    Pydantic.required(body, "type", Pydantic.literal("auto", "any", "tool", "none"), at, own)
    Pydantic.optional(body, "name", Pydantic.nullable(Pydantic.text), at, own)
    return body
  })(value, loc, problems)
  if (read?.["type"] !== "tool" || typeof read["name"] === "string") return read
  problems.push(refusal("tool_choice.name is required when type is 'tool'", loc, value))
  return undefined
}

const model = checked(Pydantic.text, (name) => name !== "", "Model is required")
const positive = checked(Pydantic.integer, (count) => count > 0, "max_tokens must be positive")
const stops = Pydantic.list(Pydantic.text, 4)

const kinds = ["enabled", "disabled", "adaptive"]

/** One of three kinds; what belongs to a kind is checked after the other types. */
const thinking = Pydantic.model((body, loc, problems) => {
  const { type } = body
  if (kinds.includes(String(type))) return
  problems.push(
    type === undefined
      ? {
        type: "union_tag_not_found",
        loc,
        msg: "Unable to extract tag using discriminator 'type'",
        input: body,
        ctx: { discriminator: "'type'" }
      }
      : Pydantic.wrongTag(body, loc, { field: "type", tag: String(type), shown: `'${String(type)}'`, tags: kinds })
  )
})

const budgetOf = (body: Body): number | undefined => {
  const { thinking } = body
  return Pydantic.isBody(thinking) && thinking["type"] === "enabled" ? Number(thinking["budget_tokens"]) : undefined
}

const thinkingProblems = (body: Body): ReadonlyArray<Pydantic.Problem> => {
  const budget = budgetOf(body)
  if (budget === undefined) return []
  if (budget < 1024) {
    const loc = ["body", "thinking", "enabled", "budget_tokens"]
    const msg = "Input should be greater than or equal to 1024"
    return [{ type: "greater_than_equal", loc, msg, input: budget, ctx: { ge: 1024 } }]
  }
  return budget >= Number(body["max_tokens"])
    ? [refusal("thinking.budget_tokens must be less than max_tokens", ["body"], body)]
    : []
}

const check = (body: Body, generates: boolean): void => {
  const problems: Array<Pydantic.Problem> = []
  const required = <A>(name: string, reader: Pydantic.Reader<A>) =>
    Pydantic.required(body, name, reader, ["body"], problems)
  const maybe = <A>(name: string, reader: Pydantic.Reader<A>) =>
    Pydantic.optional(body, name, Pydantic.nullable(reader), ["body"], problems)
  required("model", model)
  required("messages", Pydantic.list(message))
  if (generates) {
    required("max_tokens", positive)
    maybe("metadata", Pydantic.record)
    maybe("stop_sequences", stops)
    maybe("stream", Pydantic.flag)
  }
  maybe("system", content)
  if (generates) maybe("thinking", thinking)
  if (generates) maybe("temperature", Pydantic.float)
  maybe("tool_choice", choice)
  maybe("tools", Pydantic.list(tool))
  if (generates) {
    maybe("top_k", Pydantic.integer)
    maybe("top_p", Pydantic.float)
  }
  const all = problems.length === 0 && generates ? thinkingProblems(body) : problems
  if (all.length > 0) VllmJson.misfit(all)
}

/** What is refused after the type checks is reported in Anthropic's form. */
const translated = (answer: () => Reply.Reply): Reply.Reply => {
  try {
    return answer()
  } catch (error) {
    if (!(error instanceof VllmJson.Thrown)) throw error
    const { message, status, type } = error
    return Reply.json(status, JSON.stringify({ type: "error", error: { type, message } }), VllmJson.headers)
  }
}

const checkNamed = ({ tool_choice: choice, tools }: Body): void => {
  if (!Pydantic.isBody(choice) || choice["type"] !== "tool" || !Array.isArray(tools)) return
  const { name } = choice
  if (!tools.some((tool: unknown) => Pydantic.isBody(tool) && tool["name"] === name)) {
    VllmJson.invalid(`The tool with name ${Pydantic.repr(name)} is not found in the tools list.`)
  }
}

const name32 = (random: Random.Random): string => VllmJson.name(random) + VllmJson.name(random)

/** Answers a conversation. @category answering @since 0.2.0 */
export const answer = (turn: Turn, body: Body, read: Read): Reply.Reply => {
  check(body, true)
  return translated(() => {
    checkNamed(body)
    const [asked, prompt] = read(turn, Anthropic.chat(body))
    if (asked.late !== undefined) throw asked.late
    const self = VllmAnswer.generate(turn, asked, [prompt], true, body["stream"] === true)
    const [first] = self.choices
    if (first === undefined) return VllmJson.broken()
    const { completion, prompt: input } = self.counts
    const usage = { input_tokens: input, output_tokens: completion }
    const answered: Anthropic.Answered = {
      id: `chatcmpl-${self.id}`,
      model: turn.settings.modelId,
      run: first.run,
      usage,
      opening: { ...usage, output_tokens: 0 },
      toolId: ({ id }) => `chatcmpl-tool-${id}`,
      signature: name32(Random.make(turn.chance))
    }
    return body["stream"] === true
      ? {
        _tag: "Streaming",
        headers: { ...VllmJson.headers, "content-type": "text/event-stream; charset=utf-8" },
        frames: Anthropic.events(answered),
        space: true,
        keepAlive: VllmJson.keepAlive(turn.settings),
        slots: 1,
        failed: ({ message }) => [
          {
            event: "error",
            payload: JSON.stringify({ type: "error", error: { type: "internal_error", message } }),
            tokens: 0
          }
        ]
      }
      : Reply.json(200, JSON.stringify(Anthropic.message(answered)), VllmJson.headers, { tokens: completion, slots: 1 })
  })
}

/** Counts the tokens of a conversation. @category answering @since 0.2.0 */
export const count = (turn: Turn, body: Body, read: Read): Reply.Reply => {
  check(body, false)
  return translated(() => {
    const tokens = Tokenizer.count(read(turn, { ...Anthropic.chat(body), max_completion_tokens: 1 })[1])
    return VllmJson.ok({ input_tokens: tokens, context_management: { original_input_tokens: tokens } })
  })
}
