/**
 * What the engines' `/v1/responses` share: the chat that a request amounts to, and the items and events of its generation.
 *
 * @since 0.2.0
 */
import * as Pydantic from "../wire/Pydantic.ts"
import type * as OpenAiRun from "./OpenAiRun.ts"

type Body = Pydantic.Body

const parts = new Set(["input_text", "output_text", "text"])

/** Parts in the form of the chat route. */
const contentOf = (content: unknown): unknown =>
  Array.isArray(content)
    ? content.map((part: unknown) =>
      Pydantic.isBody(part) && typeof part["type"] === "string" && parts.has(part["type"])
        ? { type: "text", text: part["text"] }
        : part
    )
    : content

const message = (item: unknown): unknown => {
  if (!Pydantic.isBody(item)) return item
  if (item["type"] === "function_call") {
    const call = { name: item["name"], arguments: item["arguments"] }
    return {
      role: "assistant",
      content: null,
      tool_calls: [{ id: item["call_id"], type: "function", function: call }]
    }
  }
  if (item["type"] === "function_call_output") {
    return { role: "tool", tool_call_id: item["call_id"], content: item["output"] }
  }
  return { role: item["role"], content: contentOf(item["content"]) }
}

/** The messages of an input, after the instructions. @category requests @since 0.2.0 */
export const messages = (input: unknown, instructions: unknown): ReadonlyArray<unknown> => [
  ...(typeof instructions === "string" ? [{ role: "system", content: instructions }] : []),
  ...(typeof input === "string" ? [{ role: "user", content: input }] : Array.isArray(input) ? input.map(message) : [])
]

const tool = (given: unknown): unknown => {
  if (!Pydantic.isBody(given) || given["type"] !== "function") return given
  const { type, ...definition } = given
  return { type, function: definition }
}

const choice = (given: unknown): unknown =>
  Pydantic.isBody(given) && given["type"] === "function"
    ? { type: "function", function: { name: given["name"] } }
    : given

const format = (text: unknown): unknown => {
  const given = Pydantic.isBody(text) ? text["format"] : undefined
  if (!Pydantic.isBody(given) || given["type"] === "text") return undefined
  if (given["type"] !== "json_schema") return given
  const { type, ...schema } = given
  return { type, json_schema: schema }
}

/**
 * The fields of the chat that a request amounts to; those that are not set are absent.
 *
 * @category requests
 * @since 0.2.0
 */
export const chat = (body: Body): Body => {
  const tools = Array.isArray(body["tools"]) && body["tools"].length > 0 ? body["tools"].map(tool) : undefined
  return Object.fromEntries(
    Object.entries({
      model: body["model"],
      messages: messages(body["input"], body["instructions"]),
      max_tokens: body["max_output_tokens"],
      temperature: body["temperature"],
      top_p: body["top_p"],
      tools,
      tool_choice: tools === undefined ? undefined : choice(body["tool_choice"]),
      parallel_tool_calls: tools === undefined ? undefined : body["parallel_tool_calls"],
      response_format: format(body["text"])
    }).filter(([, value]) => value !== undefined && value !== null)
  )
}

/** The text of a run. @category responses @since 0.2.0 */
export const textOf = (run: OpenAiRun.Run | undefined): string =>
  (run?.content ?? []).map((token) => token.text).join("")

/** Whether a run has text besides its calls. @category predicates @since 0.2.0 */
export const speaks = (run: OpenAiRun.Run | undefined): boolean =>
  run === undefined || run.content.length > 0 || run.calls.length === 0

/** A call as an item of the output. @category responses @since 0.2.0 */
export const callItem = (call: OpenAiRun.Call) => ({
  arguments: call.fragments.join(""),
  call_id: `call_${call.id}`,
  name: call.name,
  type: "function_call",
  id: `fc_${call.id}`,
  status: "completed"
})

/**
 * An event: its type, its fields, and the tokens that it stands for.
 *
 * @category models
 * @since 0.2.0
 */
export type Event = readonly [
  type: string,
  fields: Readonly<Record<string, unknown>>,
  tokens: number
]

/**
 * The events of the calls of a run, which come in the output from a given place.
 *
 * @category responses
 * @since 0.2.0
 */
export const callEvents = (run: OpenAiRun.Run | undefined, first: number): ReadonlyArray<Event> =>
  (run?.calls ?? []).flatMap((call, at): ReadonlyArray<Event> => {
    const item = callItem(call)
    const place = { item_id: item.id, output_index: first + at }
    return [
      ["response.output_item.added", {
        item: { ...item, arguments: "", status: "in_progress" },
        output_index: first + at
      }, 0],
      ...call.fragments.map((delta): Event => ["response.function_call_arguments.delta", { ...place, delta }, 1]),
      ["response.function_call_arguments.done", { ...place, arguments: item.arguments, name: call.name }, 0],
      ["response.output_item.done", { item, output_index: first + at }, 0]
    ]
  })
