/**
 * Typed decisions and scores of SGLang 0.5.23, and its parsers of text, by their request and response types. Probabilities
 * are drawn from the request and the seed.
 *
 * @since 0.2.0
 */
import * as Tokenizer from "../../model/Tokenizer.ts"
import type { Turn } from "../../model/Turn.ts"
import * as Pydantic from "../../wire/Pydantic.ts"
import * as Random from "../../wire/Random.ts"
import type * as Reply from "../../wire/Reply.ts"
import * as SglangJson from "./SglangJson.ts"
import * as SglangRefusal from "./SglangRefusal.ts"

type Body = Pydantic.Body

type Answered = Reply.Reply | SglangRefusal.Refused

const { misfit } = SglangRefusal

const list = (value: unknown): ReadonlyArray<unknown> => Array.isArray(value) ? value : []

/** Probabilities of a number of labels, which sum to 1. @category answering @since 0.2.0 */
export const spread = (count: number, random: Random.Random): ReadonlyArray<number> => {
  const raw = Array.from({ length: count }, () => random() + 0.01)
  const total = raw.reduce((sum, value) => sum + value, 0)
  return raw.map((value) => value / total)
}

/** `POST /v1/score`: the probability of each label after each item. @category answering @since 0.2.0 */
export const score = (turn: Turn, body: Body): Answered => {
  const problems: Array<Pydantic.Problem> = []
  const text = Pydantic.union<unknown>(["str", Pydantic.text], ["list[int]", Pydantic.list(Pydantic.integer)])
  Pydantic.optional(body, "query", Pydantic.nullable(text), ["body"], problems)
  if (problems.length > 0) return misfit(problems)
  const items = typeof body["items"] === "string" ? [body["items"]] : list(body["items"])
  const labels = list(body["label_token_ids"])
  if (body["label_token_ids"] === undefined || body["label_token_ids"] === null) {
    return SglangRefusal.refused("label_token_ids is required for generation (CausalLM) models.")
  }
  const random = Random.make(turn.chance)
  const tokens = [body["query"] ?? "", ...items].reduce<number>(
    (total, text) => total + Tokenizer.count(typeof text === "string" ? text : list(text).join(" ")),
    0
  )
  const softmax = body["apply_softmax"] === true
  return SglangJson.ok({
    scores: items.map(() => spread(labels.length, random).map((value) => softmax ? value : value * 0.9)),
    pooled_hidden_states: null,
    token_logprobs: null,
    model: typeof body["model"] === "string" ? body["model"] : "default",
    usage: {
      prompt_tokens: tokens,
      total_tokens: tokens,
      completion_tokens: 0,
      prompt_tokens_details: null,
      reasoning_tokens: 0,
      completion_tokens_details: null
    },
    object: "scoring"
  })
}

const option = Pydantic.model((body, loc, problems) => {
  Pydantic.required(body, "name", Pydantic.text, loc, problems)
  return body
})

const kinds = ["choice", "score", "yes_no"]

/** A list of two items at least. */
const several =
  (item: Pydantic.Reader<unknown>, most: number): Pydantic.Reader<ReadonlyArray<unknown>> => (value, loc, problems) => {
    const read = Pydantic.list(item, most)(value, loc, problems)
    if (read === undefined || read.length >= 2) return read
    problems.push({
      type: "too_short",
      loc,
      msg: `List should have at least 2 items after validation, not ${read.length}`,
      input: value,
      ctx: { field_type: "List", min_length: 2, actual_length: read.length }
    })
    return undefined
  }

const repeated = (names: ReadonlyArray<string>): string | undefined =>
  names.find((name, at) => names.indexOf(name) !== at)

const question: Pydantic.Reader<Body> = (value, loc, problems) => {
  const type = Pydantic.isBody(value) ? value["type"] : undefined
  if (!Pydantic.isBody(value) || !kinds.includes(String(type))) {
    problems.push(Pydantic.wrongTag(value, loc, { field: "type", tag: type, shown: Pydantic.repr(type), tags: kinds }))
    return undefined
  }
  const at = [...loc, String(type)]
  const before = problems.length
  Pydantic.required(value, "id", Pydantic.text, at, problems)
  Pydantic.required(value, "question", Pydantic.anything, at, problems)
  if (type === "choice") {
    const options = Pydantic.required(value, "options", several(option, 26), at, problems)
    const name = repeated((options ?? []).map((each) => String(Object(each).name)))
    if (name !== undefined) {
      const id = Pydantic.repr(value["id"])
      problems.push(SglangRefusal.unfit(`question ${id}: option name '${name}' repeats another option`, at, value))
    }
  }
  if (type === "score") Pydantic.required(value, "levels", several(Pydantic.anything, 10), at, problems)
  return problems.length === before ? value : undefined
}

/** Names of the labels of a question, in their order. */
const labelsOf = (body: Body): ReadonlyArray<string> => {
  if (body["type"] === "yes_no") return ["yes", "no"]
  return body["type"] === "choice"
    ? list(body["options"]).map((option) => Pydantic.isBody(option) ? String(option["name"]) : "")
    : list(body["levels"]).map((_, at) => String(at))
}

const answerOf = (body: Body, random: Random.Random): object => {
  const labels = labelsOf(body)
  const probabilities = spread(labels.length, random)
  const best = labels[probabilities.indexOf(Math.max(...probabilities))]
  return {
    type: body["type"],
    probabilities: Object.fromEntries(labels.map((label, at) => [label, probabilities[at] ?? 0])),
    label_mass: 0.9 + random() / 10,
    ...(body["type"] === "choice" && { choice: best ?? null }),
    ...(body["type"] === "score" && { score: probabilities.reduce((sum, value, at) => sum + value * at, 0) })
  }
}

const known = new Set([
  "input",
  "images",
  "questions",
  "temperature",
  "chat_template_kwargs",
  "prompt_format_version",
  "return_prompt_token_ids",
  "model"
])

/** `POST /v1/decisions`: answers to questions about an input; an unknown field is refused. @category answering @since 0.2.0 */
export const decisions = (turn: Turn, body: Body): Answered => {
  const problems: Array<Pydantic.Problem> = []
  const input = Pydantic.required(body, "input", Pydantic.anything, ["body"], problems)
  if (typeof input === "string" && input.trim() === "") {
    problems.push(SglangRefusal.unfit("must not be blank", ["body", "input"], input))
  }
  const questions = Pydantic.required(body, "questions", Pydantic.list(question), ["body"], problems)
  for (const key of Object.keys(body).filter((key) => !known.has(key))) {
    problems.push({
      type: "extra_forbidden",
      loc: ["body", key],
      msg: "Extra inputs are not permitted",
      input: body[key]
    })
  }
  if (questions?.length === 0) {
    problems.push({
      type: "too_short",
      loc: ["body", "questions"],
      msg: "List should have at least 1 item after validation, not 0",
      input: [],
      ctx: { field_type: "List", min_length: 1, actual_length: 0 }
    })
  }
  const twice = repeated((questions ?? []).map(({ id }) => String(id)))
  if (twice !== undefined) {
    const why = `question id '${twice}' repeats another question`
    problems.push(SglangRefusal.unfit(why, ["body", "questions"], body["questions"]))
  }
  if (Number(body["temperature"]) <= 0) {
    const [loc, msg] = [["body", "temperature"], "Input should be greater than 0"]
    const ctx = { gt: Pydantic.verbatim("0.0") }
    problems.push({ type: "greater_than", loc, msg, input: body["temperature"], ctx })
  }
  if (problems.length > 0 || questions === undefined) return misfit(problems)
  const random = Random.make(turn.chance)
  const tokens = Tokenizer.count(JSON.stringify(body["input"]))
  return SglangJson.ok({
    object: "decisions",
    model: typeof body["model"] === "string" ? body["model"] : "default",
    prompt_format_version: 1,
    answers: Object.fromEntries(questions.map((each) => [String(each["id"]), answerOf(each, random)])),
    usage: { prompt_tokens: tokens, total_tokens: tokens, completion_tokens: 0, reasoning_tokens: 0 }
  })
}

/** `POST /separate_reasoning`: the text in `<think>`, and the rest. @category answering @since 0.2.0 */
export const separate = (_turn: Turn, body: Body): Answered => {
  const problems: Array<Pydantic.Problem> = []
  const text = Pydantic.required(body, "text", Pydantic.text, ["body"], problems) ?? ""
  Pydantic.required(body, "reasoning_parser", Pydantic.text, ["body"], problems)
  if (problems.length > 0) return misfit(problems)
  const [, thought, rest] = /^\s*(?:<think>)?([^]*?)<\/think>([^]*)$/.exec(text) ?? []
  return SglangJson.ok({ reasoning_text: thought ?? "", text: rest ?? text })
}

/** `POST /parse_function_call`: calls as Hermes writes them, and the rest. @category answering @since 0.2.0 */
export const parseCalls = (_turn: Turn, body: Body): Answered => {
  const problems: Array<Pydantic.Problem> = []
  const text = Pydantic.required(body, "text", Pydantic.text, ["body"], problems) ?? ""
  if (problems.length > 0) return misfit(problems)
  const calls = [...text.matchAll(/<tool_call>\s*([^]*?)\s*<\/tool_call>/g)].flatMap(([, inner = ""], at) => {
    try {
      const call: unknown = JSON.parse(inner)
      return Pydantic.isBody(call)
        ? [{ tool_index: at, name: call["name"], parameters: JSON.stringify(call["arguments"] ?? {}) }]
        : []
    } catch {
      return []
    }
  })
  const normal = text.replaceAll(/<tool_call>[^]*?<\/tool_call>/g, "").trim()
  return SglangJson.ok({ normal_text: calls.length === 0 ? text : normal, calls })
}
