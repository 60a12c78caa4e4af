/**
 * A chat message as vLLM's types read it: eight forms are tried in turn, and if none fits, each says why.
 *
 * @since 0.2.0
 */
import * as Pydantic from "../../wire/Pydantic.ts"
import type { Message } from "../OpenAiRequest.ts"
import * as VllmJson from "./VllmJson.ts"

type Body = Pydantic.Body
type Problem = Pydantic.Problem

interface Field {
  readonly name: string
  readonly reader: Pydantic.Reader<unknown>
  readonly optional?: boolean
}

/** A text, or anything that can be iterated: parts are checked later. */
const parts = (form: string): Pydantic.Reader<unknown> => (value, loc, problems) => {
  if (typeof value === "string" || Array.isArray(value) || Pydantic.isBody(value)) return value
  const isList = form === "list"
  problems.push(
    { type: "string_type", loc, msg: "Input should be a valid string", input: value },
    {
      type: isList ? "list_type" : "iterable_type",
      loc,
      msg: `Input should be ${isList ? "a valid list" : "iterable"}`,
      input: value
    }
  )
  return undefined
}

/** Anything that can be iterated; its items are checked after the other types. */
const gone: Pydantic.Reader<unknown> = (value, loc, problems) => {
  if (typeof value !== "string" && !Array.isArray(value) && !Pydantic.isBody(value)) {
    problems.push({ type: "iterable_type", loc, msg: "Input should be iterable", input: value })
  }
  return value
}

const iterable = parts("generator")
const name: Field = { name: "name", reader: Pydantic.text, optional: true }
const spoken = (role: string): ReadonlyArray<Field> => [
  { name: "content", reader: iterable },
  { name: "role", reader: Pydantic.literal(role) },
  name
]

const forms: ReadonlyArray<readonly [string, ReadonlyArray<Field>]> = [
  ["ChatCompletionDeveloperMessageParam", spoken("developer")],
  ["ChatCompletionSystemMessageParam", spoken("system")],
  ["ChatCompletionUserMessageParam", spoken("user")],
  ["ChatCompletionAssistantMessageParam", [
    { name: "role", reader: Pydantic.literal("assistant") },
    { name: "content", reader: Pydantic.nullable(iterable), optional: true },
    name,
    { name: "tool_calls", reader: gone, optional: true }
  ]],
  ["ChatCompletionToolMessageParam", [
    { name: "content", reader: iterable },
    { name: "role", reader: Pydantic.literal("tool") },
    { name: "tool_call_id", reader: Pydantic.text }
  ]],
  ["ChatCompletionFunctionMessageParam", [
    { name: "content", reader: Pydantic.nullable(Pydantic.text) },
    { name: "name", reader: Pydantic.text },
    { name: "role", reader: Pydantic.literal("function") }
  ]],
  ["CustomChatCompletionMessageParam", [
    { name: "role", reader: Pydantic.text },
    { name: "content", reader: parts("list"), optional: true },
    name
  ]],
  ["Message", [
    { name: "author", reader: Pydantic.record },
    { name: "content", reader: Pydantic.list(Pydantic.anything), optional: true }
  ]]
]

const notBody = (form: string, value: unknown, loc: Problem["loc"]): Problem =>
  form === "Message"
    ? {
      type: "model_attributes_type",
      loc,
      msg: "Input should be a valid dictionary or object to extract fields from",
      input: value
    }
    : { type: "dict_type", loc, msg: "Input should be a valid dictionary", input: value }

const textOf = (content: unknown): string => {
  if (typeof content === "string") return content
  if (!Array.isArray(content)) return ""
  return content.map((part: unknown) => {
    if (typeof part === "string") return part
    if (!Pydantic.isBody(part)) return ""
    const url = part["image_url"]
    return Pydantic.isBody(url) ? `![](${String(url["url"])})` : typeof part["text"] === "string" ? part["text"] : ""
  }).join("\n")
}

/** @category readers @since 0.2.0 */
export const message: Pydantic.Reader<Message> = (value, loc, problems) => {
  const all: Array<Problem> = []
  for (const [form, fields] of forms) {
    const own: Array<Problem> = []
    const at = [...loc, form]
    if (!Pydantic.isBody(value)) {
      all.push(notBody(form, value, at))
      continue
    }
    for (const { name, optional = false, reader } of fields) {
      ;(optional ? Pydantic.optional : Pydantic.required)(value, name, reader, at, own)
    }
    if (own.length === 0) return read(value)
    all.push(...own)
  }
  problems.push(...all)
  return undefined
}

const read = (body: Body): Message => {
  const calls = Array.isArray(body["tool_calls"]) && body["tool_calls"].length > 0
    ? JSON.stringify(body["tool_calls"])
    : ""
  return { role: String(body["role"]), content: textOf(body["content"]) + calls }
}

const partForms: ReadonlyArray<readonly [form: string, field: string, type: string]> = [
  ["ChatCompletionContentPartTextParam", "text", "text"],
  ["ChatCompletionContentPartImageParam", "image_url", "image_url"],
  ["ChatCompletionContentPartInputAudioParam", "input_audio", "input_audio"],
  ["File", "file", "file"]
]

/** Parts of other kinds that the server knows. */
const otherParts = new Set(["refusal", "thinking", "audio_url", "video_url"])

/** The name of the type of a value in Python. @category encoding @since 0.2.0 */
export const typeName = (value: unknown): string =>
  value === null
    ? "NoneType"
    : typeof value === "string"
    ? "str"
    : typeof value === "boolean"
    ? "bool"
    : typeof value === "number"
    ? Number.isInteger(value) ? "int" : "float"
    : Array.isArray(value)
    ? "list"
    : "dict"

const shortened = (text: string): string => text.length > 50 ? `${text.slice(0, 25)}...${text.slice(-24)}` : text

const line = ({ input, loc, msg, type }: Problem): string =>
  `${loc.join(".")}\n  ${msg} [type=${type}, input_value=${shortened(Pydantic.repr(input))}, ` +
  `input_type=${typeName(input)}]\n    For further information visit https://errors.pydantic.dev/2.14/v/${type}`

const partProblems = (part: unknown, at: number): ReadonlyArray<Problem> => {
  const all: Array<Problem> = []
  for (const [form, field, type] of partForms) {
    const loc = [at, form]
    if (!Pydantic.isBody(part)) {
      all.push(notBody(form, part, loc))
      continue
    }
    const own: Array<Problem> = []
    Pydantic.required<unknown>(part, field, field === "text" ? Pydantic.text : Pydantic.record, loc, own)
    Pydantic.required(part, "type", Pydantic.literal(type), loc, own)
    if (own.length === 0) return []
    all.push(...own)
  }
  return all
}

/** A call of a message; errors do not show the place of its arguments. */
const callForms: ReadonlyArray<Pydantic.Member<unknown>> = ([
  ["ChatCompletionMessageFunctionToolCallParam", "function", "arguments"],
  ["ChatCompletionMessageCustomToolCallParam", "custom", "input"]
] as const).map(([form, type, field]) => [form, (value, loc, problems) => {
  if (!Pydantic.isBody(value)) return Pydantic.record(value, loc, problems)
  Pydantic.required(value, "id", Pydantic.text, loc, problems)
  Pydantic.required(
    value,
    type,
    (inner, at, own) => {
      const body = Pydantic.record(inner, at, own)
      if (body === undefined) return undefined
      const [written] = [body[field]]
      if (written === undefined) own.push({ type: "missing", loc: at, msg: "Field required", input: body })
      else Pydantic.text(written, at, own)
      return Pydantic.required(body, "name", Pydantic.text, at, own)
    },
    loc,
    problems
  )
  return Pydantic.required(value, "type", Pydantic.literal(type), loc, problems)
}])

const entries = (value: unknown): ReadonlyArray<unknown> =>
  typeof value === "string"
    ? [...value]
    : Pydantic.isBody(value)
    ? Object.keys(value)
    : Array.isArray(value)
    ? value
    : []

/** Checks the calls of messages, once the types of everything else fit. @category checks @since 0.2.0 */
export const checkCalls = (messages: ReadonlyArray<unknown>): void => {
  for (const item of messages) {
    if (!Pydantic.isBody(item) || item["role"] !== "assistant") continue
    for (const [at, call] of entries(item["tool_calls"]).entries()) {
      const problems: Array<Pydantic.Problem> = []
      Pydantic.union(...callForms)(call, ["body", at], problems)
      if (problems.length > 0) VllmJson.misfit(problems)
    }
  }
}

/** Checks the parts of contents, after everything else was read. @category checks @since 0.2.0 */
export const checkParts = (messages: ReadonlyArray<unknown>): void => {
  for (const item of messages) {
    const content = Pydantic.isBody(item) && typeof item["content"] !== "string" ? entries(item["content"]) : []
    for (const [at, part] of content.entries()) {
      if (Pydantic.isBody(part) && part["type"] === "image_url" && typeof part["image_url"] === "string") {
        const loc = ["image_url"]
        const msg = "Input should be a valid dictionary"
        VllmJson.invalid(
          `1 validation error for ChatCompletionContentPartImageParam\n${
            line({ type: "dict_type", loc, msg, input: part["image_url"] })
          }`
        )
      }
      if (Pydantic.isBody(part) && otherParts.has(String(part["type"]))) continue
      const problems = partProblems(part, at)
      if (problems.length > 0) {
        VllmJson.invalid(
          `${problems.length} validation errors for ValidatorIterator\n${problems.map(line).join("\n")}`
        )
      }
    }
  }
}
